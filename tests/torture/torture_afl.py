#!/usr/bin/env python3
"""Feeds random bytes to connections of a server without a port, with AFL++.

The target is tests/fuzz/connection_fuzz.cc: dispatcher, engine and network layer in one process, which takes thousands
of inputs over a socket pair before it is started anew (AFL++'s persistent mode). Built with the preset `afl`, without
sanitizers: what they find, torture_fuzz.py does.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import torture_fuzz  # noqa: E402  (a sibling)

ROOT = torture_fuzz.ROOT


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", help="not used: the target has a build of its own")
    parser.add_argument("--runs", type=int, help="executions in all, about")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()) & 0xFFFFFFFF or 1)
    parser.add_argument("--program", help="a target that is built already")
    return parser.parse_args(arguments)


def build():
    subprocess.run(["cmake", "--preset", "afl"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "afl", "--target", "connection_fuzz", "--", "--quiet"], cwd=ROOT,
                   check=True)
    return ROOT / "build/afl/bin/connection_fuzz"


def write_seeds(folder):
    """A few commands of each transcript, as inline requests."""
    for path in sorted((ROOT / "tests/transcripts").glob("*.txt")):
        lines = [line for line in torture_fuzz.lines_of_transcript(path) if line[0] not in "@!"]
        for at in range(0, min(len(lines), 60), 15):
            text = "\n".join(lines[at:at + 15]) + "\n"
            (folder / f"{path.name}-{at}").write_bytes(b"\0" + text.encode("utf-8", "surrogateescape"))
    (folder / "array").write_bytes(b"\1*3\r\n$4\r\nXLEN\r\n$1\r\ns\r\n*1\r\n$4\r\nPING\r\n")


def figures(work):
    found = {}
    for line in (work / "found/default/fuzzer_stats").read_text().splitlines():
        name, _, value = line.partition(":")
        found[name.strip()] = value.strip()
    return found


def main():
    arguments = options_of(sys.argv[1:])
    print(f"seed {arguments.seed}", flush=True)
    if shutil.which("afl-fuzz") is None:
        print("skipped: no afl-fuzz")
        return torture_fuzz.SKIPPED
    program = pathlib.Path(arguments.program or build()).resolve()
    work = ROOT / "build/afl/work"
    shutil.rmtree(work, ignore_errors=True)
    (work / "seeds").mkdir(parents=True)
    write_seeds(work / "seeds")
    environment = dict(os.environ, AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES="1", AFL_SKIP_CPUFREQ="1", AFL_NO_UI="1",
                       AFL_NO_AFFINITY="1", AFL_FAST_CAL="1")
    if os.path.isdir("/dev/shm"):
        environment.setdefault("TMPDIR", "/dev/shm")
    command = ["afl-fuzz", "-i", work / "seeds", "-o", work / "found", "-s", str(arguments.seed), "-V",
               str(int(arguments.minutes * 60)), "-x", ROOT / "tests/fuzz/commands.dict", "-m", "none", "-t", "10000+"]
    if arguments.runs:
        command += ["-E", str(arguments.runs)]
    began = time.monotonic()
    with open(work / "log", "wb") as log:
        subprocess.run([*command, "--", program], env=environment, stdout=log, stderr=log, check=False)
    stats = figures(work)
    faults = int(stats["saved_crashes"]) + int(stats["saved_hangs"])
    seconds = time.monotonic() - began
    if faults:
        print(f"torture: evidence: {work}/found/default (crashes, hangs)")
    print(f"torture: afl runs={stats['execs_done']} faults={faults} seed={arguments.seed} seconds={seconds:.0f} "
          f"edges={stats.get('edges_found', '?')} of {stats.get('total_edges', '?')} stability={stats['stability']}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
