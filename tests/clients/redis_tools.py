"""Checks with Debian's redis-cli and redis-benchmark: what a person types and what they print."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from resp_client import encode

TIMEOUT_S = 60


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


def cli(port, *words, stdin=None):
    done = subprocess.run(["redis-cli", "-p", str(port), *words], input=stdin, capture_output=True,
                          timeout=TIMEOUT_S, check=False)
    return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


def expect(port, words, output):
    shown = cli(port, *words)
    check(shown == output, words, "printed", repr(shown))


def one_shot(port):
    expect(port, ["FLUSHALL"], "OK\n")
    expect(port, ["XADD", "s", "1-1", "f", "v"], "1-1\n")
    expect(port, ["XRANGE", "s", "-", "+"], "1-1\nf\nv\n")
    expect(port, ["-n", "3", "DBSIZE"], "0\n")
    expect(port, ["-3", "XREAD", "STREAMS", "s", "0"], "s 1-1\nf\nv\n")
    parsed = json.loads(cli(port, "--json", "XINFO", "STREAM", "s"))
    check(parsed["length"] == 1 and parsed["first-entry"] == ["1-1", ["f", "v"]], parsed)
    expect(port, ["-r", "3", "PING"], "PONG\n" * 3)
    check("ERR unknown command" in cli(port, "NOSUCHCOMMAND"))
    expect(port, ["--scan"], "s\n")


def pipe(port):
    data = b"".join(encode("XADD", f"pipe:{number % 10}", "*", "n", number, "v", "x" * 100)
                    for number in range(20_000))
    out = cli(port, "--pipe", stdin=data)
    check("errors: 0, replies: 20000" in out, out)


def big_keys(port):
    out = cli(port, "--bigkeys")
    check("Biggest stream found" in out and "has 2000 entries" in out, out)
    check("WARN" not in out and "ERR" not in out, out)


def memory_of_keys(port):
    out = cli(port, "--memkeys")
    check("Biggest stream found" in out and "bytes" in out, out)
    check("WARN" not in out and "ERR" not in out, out)


def monitor(port):
    with subprocess.Popen(["redis-cli", "-p", str(port), "MONITOR"], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            check(process.stdout.readline() == "OK\n", "MONITOR does not answer OK")
            expect(port, ["XADD", "seen", "1-1", "f", "a b"], "1-1\n")
            line = process.stdout.readline()
            check(re.match(r'^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "XADD" "seen" "1-1" "f" "a b"$', line), line)
        finally:
            process.kill()


def statistics(port):
    """One line of --stat, which runs until it is stopped."""
    keys = cli(port, "DBSIZE").strip()
    with subprocess.Popen(["redis-cli", "-p", str(port), "--stat", "-i", "0.1"],
                          stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        process.kill()
    check(lines[0].startswith("------- data"), lines)
    check(re.match(rf"^{keys}\s+\S+\s+\d+\s+0\s+\d+", lines[2]), lines)


@contextlib.contextmanager
def terminal_session(port):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        # Without a size redis-cli asks the terminal for it and waits for an answer; it cuts hints at the width.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 1000, 0, 0))
        os.execvp("redis-cli", ["redis-cli", "-p", str(port)])
    try:
        read_terminal(terminal, r"127\.0\.0\.1:\d+> ")
        yield terminal
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def hints(port):
    """At a terminal redis-cli asks COMMAND DOCS and shows the arguments of what is being typed."""
    with terminal_session(port) as terminal:
        os.write(terminal, b"XADD ")
        shown = read_terminal(terminal, "field value")
        check("NOMKSTREAM" in shown, shown)


def transaction_prompt(port):
    """The prompt shows a transaction while one is open, and EXEC's replies as a list."""
    with terminal_session(port) as terminal:
        os.write(terminal, b"MULTI\r")
        read_terminal(terminal, r"\(TX\)> ")
        os.write(terminal, b"XADD typed 1-1 f v\r")
        # What is typed before the prompt is there again, redis-cli throws away.
        read_terminal(terminal, r"QUEUED\s.*\(TX\)> ")
        os.write(terminal, b"EXEC\r")
        read_terminal(terminal, r'1\) "1-1"')


def read_terminal(terminal, pattern):
    """What is shown until the pattern matches; a dot in it stands for the end of a line, too."""
    wanted = re.compile(pattern, re.DOTALL)
    shown, deadline = "", time.monotonic() + 10
    while not wanted.search(shown) and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    check(wanted.search(shown), f"{pattern!r} did not appear in {shown!r}")
    return shown


def benchmark_run(port, *words):
    done = subprocess.run(["redis-benchmark", "-p", str(port), "-q", *words],
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    out = done.stdout + done.stderr
    check(done.returncode == 0 and "requests per second" in out, words, out)
    check(not re.search(r"warn|error", out, re.IGNORECASE), words, out)
    return out


def benchmark_append(port):
    for options in (["-P", "16", "-c", "50"], ["-c", "20", "-3"], ["-P", "8", "-3", "-c", "5"]):
        benchmark_run(port, "-n", "20000", "-r", "1000", *options, "XADD", "bench:__rand_int__", "*",
                      "field", "__data__")


def benchmark_suite(port):
    """The named tests that need no other data type, in both protocols."""
    for options in (["-c", "20"], ["-P", "16", "-c", "10", "-r", "1000", "-3"]):
        out = benchmark_run(port, "-n", "10000", "-t", "ping,set,get,incr", *options)
        for name in ("PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"):
            check(name in out, name, out)


CHECKS = {
    "cli": (one_shot, pipe, big_keys, memory_of_keys, statistics, monitor, hints, transaction_prompt),
    "benchmark": (benchmark_append, benchmark_suite),
}
