#!/usr/bin/env python3
"""Feeds random bytes to the parser, to the decoders of records, and to whole servers, with libFuzzer.

Builds the targets of tests/fuzz with clang, address and undefined behaviour sanitizer (preset `fuzz`) and runs one.
It begins with the kept corpus (tests/fuzz/corpus), for commands also with the commands of all transcripts, and goes
on in build/fuzz/work/TARGET, where a finding lies, too. `--keep` writes what reaches new code there back into the
kept corpus, as small as it gets.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77
LINES_PER_SEED = 12


class Target:
    def __init__(self, program, max_bytes, runs, options=()):
        self.program = program
        self.max_bytes = max_bytes
        self.runs = runs
        self.options = list(options)


TARGETS = {
    # A length that is declared takes no memory.
    "parser": Target("parser_fuzz", (96, 256, 4096), 1_000_000,
                     ["-malloc_limit_mb=2", f"-dict={ROOT}/tests/fuzz/commands.dict"]),
    "decoders": Target("decoder_fuzz", (128, 512, 4096), 1_000_000, ["-malloc_limit_mb=64"]),
    # Leaks are looked for at the end: the server lives on between two inputs.
    "commands": Target("command_fuzz", (1024, 4096), 20_000, ["-detect_leaks=0", "-entropic=0"]),
    "connection": Target("connection_fuzz", (256, 2048), 20_000,
                         ["-detect_leaks=0", "-entropic=0", f"-dict={ROOT}/tests/fuzz/commands.dict"]),
    "text": Target("text_fuzz", (128, 1024), 1_000_000, ["-malloc_limit_mb=64"]),
}


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", help="not used: the targets have a build of their own")
    parser.add_argument("--target", choices=sorted(TARGETS), default="parser")
    parser.add_argument("--runs", type=int, help="executions in all")
    parser.add_argument("--minutes", type=float, help="ends then at the latest")
    parser.add_argument("--seed", type=int, default=int(time.time()) & 0xFFFFFFFF or 1)
    parser.add_argument("--program", help="a target that is built already")
    parser.add_argument("--keep", action="store_true", help="writes the kept corpus anew")
    return parser.parse_args(arguments)


def build(program):
    subprocess.run(["cmake", "--preset", "fuzz"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "fuzz", "--target", program, "--", "--quiet"], cwd=ROOT, check=True)
    return ROOT / "build/fuzz/bin" / program


def lines_of_transcript(path):
    """Its commands as tests/fuzz/command_fuzz.cc reads them."""
    clients = {"main": 0}
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        match = re.match(r"(?:@(\w+) )?([>!]) ?(.*)$", line)
        if not match:
            continue
        name, mark, rest = match.groups()
        number = clients.setdefault(name or "main", len(clients)) % 6
        who = f"@{number} " if number else ""
        if mark == ">":
            yield who + re.sub(r"\{id:\w+\}", "2", rest)
        elif rest.startswith("repeat "):
            bounds, command = rest[len("repeat "):].split(" ", 1)
            yield f"!repeat {bounds.split('..')[1]} {command}"
        elif rest.startswith("advance "):
            yield "!" + rest.removesuffix("ms")
        elif rest in ("resp2", "resp3"):
            yield f"{who}HELLO {rest[-1]}"
        elif rest.startswith("raw ") or rest == "reopen":
            yield who + "!" + rest if rest.startswith("raw") else "!reopen"


def write_seeds(folder):
    for path in sorted((ROOT / "tests/transcripts").glob("*.txt")):
        lines = list(lines_of_transcript(path))
        # They overlap: what a command needs is most often just before it.
        for at in range(0, len(lines), LINES_PER_SEED // 2):
            seed = "\n".join(lines[at:at + LINES_PER_SEED])
            (folder / f"{path.name}-{at}").write_text(seed, encoding="utf-8", errors="surrogateescape")


def environment(work):
    made = dict(os.environ)
    # Stacks of allocations are not worth their time here.
    made.setdefault("ASAN_OPTIONS", "malloc_context_size=2:quarantine_size_mb=8:detect_leaks=1")
    made["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
    made["WEIR_FUZZ_HISTORY"] = str(work / "history")
    if os.path.isdir("/dev/shm"):
        made.setdefault("TMPDIR", "/dev/shm")
    return made


def keep_corpus(program, name, corpora, work):
    kept = ROOT / "tests/fuzz/corpus" / name
    fresh = work / "merged"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    subprocess.run([program, "-merge=1", fresh, *corpora], check=True, env=environment(work), cwd=work,
                   stderr=subprocess.DEVNULL)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(fresh, kept)
    print(f"kept: {sum(1 for _ in kept.iterdir())} files, {sum(f.stat().st_size for f in kept.iterdir())} bytes")


def run(program, target, arguments, corpora, work):
    """One round of libFuzzer for each maximum size; executions and whether all went well."""
    runs = arguments.runs or (10**12 if arguments.minutes else target.runs)
    done = 0
    for number, max_bytes in enumerate(target.max_bytes):
        # Short inputs find most, and most is run with them.
        share = runs - done if number == len(target.max_bytes) - 1 else runs * 3 // 4 if number == 0 else runs // 8
        if number == 0 and len(target.max_bytes) > 1 and arguments.minutes:
            seconds = arguments.minutes * 60 * 3 / 4
        else:
            seconds = (arguments.minutes or 0) * 60 / max(1, 4 * (len(target.max_bytes) - 1))
        command = [program, f"-seed={arguments.seed + number}", f"-runs={share}", f"-max_len={max_bytes}", "-timeout=60",
                   f"-max_total_time={int(seconds)}", f"-artifact_prefix={work}/", "-print_final_stats=1",
                   *target.options, *corpora]
        with open(work / "log", "wb") as log:
            ended = subprocess.run(command, env=environment(work), cwd=work, stdout=log, stderr=log, check=False)
        text = (work / "log").read_text(errors="replace")
        counted = re.search(r"stat::number_of_executed_units: (\d+)", text) or re.search(r"Done (\d+) runs", text)
        done += int(counted.group(1)) if counted else 0
        if ended.returncode != 0:
            print(text[-6000:])
            print(f"torture: evidence: {work} (log, crash-*, for commands also history)")
            return done, False
    return done, True


def main():
    arguments = options_of(sys.argv[1:])
    print(f"seed {arguments.seed}", flush=True)
    if not arguments.program and shutil.which("clang++-14") is None:
        print("skipped: no clang++-14")
        return SKIPPED
    target = TARGETS[arguments.target]
    program = pathlib.Path(arguments.program or build(target.program)).resolve()
    name = target.program.removesuffix("_fuzz")
    work = ROOT / "build/fuzz/work" / name
    found, seeds, kept = work / "corpus", work / "seeds", ROOT / "tests/fuzz/corpus" / name
    for folder in (found, seeds, kept):
        folder.mkdir(parents=True, exist_ok=True)
    if arguments.target == "commands":
        write_seeds(seeds)
    corpora = [found, kept, seeds]
    began = time.monotonic()
    done, ok = run(program, target, arguments, corpora, work)
    seconds = time.monotonic() - began
    if ok and arguments.keep:
        keep_corpus(program, name, corpora, work)
    print(f"torture: fuzz runs={done} faults={0 if ok else 1} seed={arguments.seed} seconds={seconds:.0f} "
          f"target={arguments.target} per_second={done / max(seconds, 1):.0f}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
