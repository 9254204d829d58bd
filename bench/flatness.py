#!/usr/bin/env python3
"""What reading, trimming and deleting at the head of a stream cost as the stream grows.

    bench/flatness.py --server build/release/bin/weir-server [--sizes 10000,100000,1000000,10000000]

For each size: fills one stream with entries of 100 bytes, then measures microseconds of CPU per command of
the thread that runs commands (so that other load on the machine counts little) and the wall time of a round
trip. Works with redis-server, too.
"""

import argparse
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))

from resp_client import encode  # noqa: E402
from server_process import ServerProcess  # noqa: E402

ROUNDS = 300
BATCH = 500
STEP = 10  # Entries that a round trims or deletes: both fit into the smallest size.


class Pipe:
    """Sends batches of commands and reads as many replies, by counting them in a cheap way."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def _skip_reply(self):
        line = self.file.readline()
        kind = line[:1]
        if kind == b"$":
            size = int(line[1:])
            if size >= 0:
                self.file.read(size + 2)
        elif kind == b"*":
            for _ in range(max(0, int(line[1:]))):
                self._skip_reply()
        elif kind == b"-":
            raise RuntimeError(line.decode())

    def call(self, commands):
        self.socket.sendall(b"".join(commands))
        for _ in commands:
            self._skip_reply()


def cpu_seconds(pid):
    """Of the main thread, which runs the commands, from the scheduler's own account in nanoseconds."""
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def wait_until_idle(pid):
    """What loading left to do in the background (checkpoint, compaction) is not measured."""
    def all_threads():
        return sum(int((task / "schedstat").read_text().split()[0])
                   for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
    before = -10**9
    while all_threads() - before > 20_000_000:
        before = all_threads()
        time.sleep(1)


def measure(server, pipe, commands_of_round):
    begin_cpu, begin, count = cpu_seconds(server.process.pid), time.monotonic(), 0
    for i in range(ROUNDS):
        commands = commands_of_round(i)
        pipe.call(commands)
        count += len(commands)
    cpu = (cpu_seconds(server.process.pid) - begin_cpu) / count
    return cpu * 1e6, (time.monotonic() - begin) / count * 1e6


def fill(pipe, begin, end):
    value = b"v" * 89
    for first in range(begin, end, BATCH):
        pipe.call([encode("XADD", "s", f"{i + 1}-1", "field", b"%06d" % (i % 10**6) + value)
                   for i in range(first, min(first + BATCH, end))])


def run(server_path, size, options):
    with ServerProcess(server_path, options=options) as server:
        pipe = Pipe(server.port)
        fill(pipe, 0, size)
        wait_until_idle(server.process.pid)
        head = 1 + STEP * ROUNDS
        rows = {
            "XRANGE - + COUNT 10 x 20": lambda i: [encode("XRANGE", "s", "-", "+", "COUNT", 10)] * 20,
            "XREAD COUNT 10 from the head x 20":
                lambda i: [encode("XREAD", "COUNT", 10, "STREAMS", "s", f"{i + 1}-1")] * 20,
            "XTRIM MAXLEN, 10 at a time": lambda i: [encode("XTRIM", "s", "MAXLEN", size - STEP * (i + 1))],
            "XDEL of the head, one at a time": lambda i: [encode("XDEL", "s", f"{head + STEP * i + j}-1")
                                                          for j in range(STEP)],
            "XRANGE - + COUNT 10 x 20 afterwards":
                lambda i: [encode("XRANGE", "s", "-", "+", "COUNT", 10)] * 20,
        }
        for name, commands in rows.items():
            cpu, wall = measure(server, pipe, commands)
            print(f"| {size} | {name} | {cpu:.1f} | {wall:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--sizes", default="10000,100000,1000000,10000000")
    parser.add_argument("--options", default="", help="further options of the server, blank-separated")
    arguments = parser.parse_args()
    print("| entries | commands | CPU us/command | wall us/command |\n|---|---|---|---|")
    for size in arguments.sizes.split(","):
        run(arguments.server, int(size), arguments.options.split())


if __name__ == "__main__":
    main()
