"""Runs a server under strace, which fails or delays chosen system calls on its data, and reads what strace noted.

Only calls on files of the data directory are touched: sockets and the log go on. Calls are counted by thread.
"""

import re
import shutil
import subprocess

# Calls by which the server changes or makes files, and in how many of the runs each is chosen.
CALLS = {"fdatasync": 6, "fsync": 3, "pwritev": 4, "write": 5, "openat": 4, "rename": 3, "unlink": 2,
         "ftruncate": 2, "fallocate": 2, "pwrite64": 1, "mkdir": 1, "pread64": 2}
_LINE = re.compile(r"^(?P<thread>\d+)\s+(?P<time>\d+\.\d+) (?P<rest>.*)$")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*?)\)\s+= (?P<result>-?\d+|\?)(?P<more>.*)$")
_TAIL = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*?)\)\s+= (?P<result>-?\d+|\?)(?P<more>.*)$")
_TOOK = re.compile(r"<(\d+\.\d+)>$")


def is_possible():
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=getcwd", "true"],
                          capture_output=True, check=False)
    return done.returncode == 0


# The journal gets a new one for each write that fails.
MOST_SEGMENTS = 1000


def paths_of(data):
    """Names that the files of the store may get; strace takes whole paths only."""
    names = [".", "LOCK", "BALLAST", "journal", "store", "store/CURRENT", "store/LOCK", "store/IDENTITY"]
    for number in range(1, MOST_SEGMENTS):
        names += [f"journal/segment-{number}", f"journal/segment-{number}.new"]
    for number in range(1, 700):
        names += [f"store/{number:06d}.sst"]
        if number < 200:
            names += [f"store/MANIFEST-{number:06d}", f"store/OPTIONS-{number:06d}",
                      f"store/OPTIONS-{number:06d}.dbtmp", f"store/{number:06d}.dbtmp"]
    return [str(data) if name == "." else f"{data}/{name}" for name in names]


def wrapper(data, log, injections, trace=("fdatasync", "pwritev")):
    """Words before the server's. `injections` are like "write:error=EIO:when=7"."""
    words = ["strace", "-f", "--seccomp-bpf", "-qq", "-ttt", "-T", "-y", "-s", "0", "-o", str(log)]
    calls = sorted(set(trace) | {injection.split(":")[0] for injection in injections})
    words += ["-e", "trace=" + ",".join(calls), "-e", "signal=none"]
    for injection in injections:
        words += ["-e", "inject=" + injection]
    for path in paths_of(data):
        words += ["-P", path]
    return words


class Call:
    __slots__ = ("name", "begin", "end", "path", "result", "injected", "delayed", "order")

    def __init__(self, name, begin, end, path, result, injected, delayed, order):
        self.name, self.begin, self.end, self.path = name, begin, end, path
        self.result, self.injected, self.delayed, self.order = result, injected, delayed, order

    @property
    def failed(self):
        return self.result < 0


def read_calls(log, delay_s=0.0):
    """All calls that ended, in the order in which they began. `delay_s` is what a delayed one took longer: strace does
    not count it."""
    calls, open_calls = [], {}
    with open(log, encoding="utf-8", errors="replace") as lines:
        for order, line in enumerate(lines):
            found = _LINE.match(line.rstrip("\n"))
            if not found:
                continue
            thread, at, rest = found["thread"], float(found["time"]), found["rest"]
            if rest.endswith("<unfinished ...>"):
                name, _, arguments = rest.partition("(")
                open_calls[thread] = (name, at, arguments, order)
                continue
            ended = _TAIL.match(rest)
            if ended:
                if thread not in open_calls:
                    continue
                name, begin, arguments, started = open_calls.pop(thread)
                arguments += ended["arguments"]
            else:
                ended = _CALL.match(rest)
                if not ended:
                    continue
                name, begin, arguments, started = ended["name"], at, ended["arguments"], order
            took = _TOOK.search(ended["more"])
            took_s = float(took[1]) if took else 0.0
            path = re.search(r"<([^<>]*)>", arguments) or re.search(r'"([^"]*)"', arguments)
            if "(DELAYED)" in ended["more"]:
                took_s += delay_s
            result = -1 if ended["result"] == "?" else int(ended["result"])
            calls.append(Call(name, begin, begin + took_s,
                              path[1].replace(" (deleted)", "") if path else "", result,
                              "INJECTED" in ended["more"], "(DELAYED)" in ended["more"], started))
    return sorted(calls, key=lambda call: call.order)
