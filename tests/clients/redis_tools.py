"""Checks with Debian's redis-cli and redis-benchmark: what a person types and what they print."""

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


def statistics(port):
    """One line of --stat, which runs until it is stopped."""
    with subprocess.Popen(["redis-cli", "-p", str(port), "--stat", "-i", "0.1"],
                          stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        process.kill()
    check(lines[0].startswith("------- data"), lines)
    check(re.match(r"^11\s+\S+\s+\d+\s+0\s+\d+", lines[2]), lines)


def hints(port):
    """At a terminal redis-cli asks COMMAND DOCS and shows the arguments of what is being typed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        # Without a size redis-cli asks the terminal for it and waits for an answer.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        os.execvp("redis-cli", ["redis-cli", "-p", str(port)])
    try:
        read_terminal(terminal, "127.0.0.1:")
        os.write(terminal, b"XADD ")
        shown = read_terminal(terminal, "field value")
        check("NOMKSTREAM" in shown, shown)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def read_terminal(terminal, wanted):
    shown, deadline = "", time.monotonic() + 10
    while wanted not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    check(wanted in shown, f"{wanted!r} did not appear in {shown!r}")
    return shown


def benchmark(port):
    for options in (["-P", "16", "-c", "50"], ["-c", "20", "-3"], ["-P", "8", "-3", "-c", "5"]):
        done = subprocess.run(["redis-benchmark", "-p", str(port), "-n", "20000", "-r", "1000", "-q",
                               *options, "XADD", "bench:__rand_int__", "*", "field", "__data__"],
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        out = done.stdout + done.stderr
        check(done.returncode == 0 and "requests per second" in out, options, out)
        check(not re.search(r"warn|error", out, re.IGNORECASE), options, out)
    done = subprocess.run(["redis-benchmark", "-p", str(port), "-n", "10000", "-q", "-t", "ping"],
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    out = done.stdout + done.stderr
    check(done.returncode == 0 and "PING_INLINE" in out, out)
    check(not re.search(r"warn|error", out, re.IGNORECASE), out)


CHECKS = {"cli": (one_shot, pipe, big_keys, statistics, hints), "benchmark": (benchmark,)}
