#!/usr/bin/env python3
"""What many scheduled entries cost in memory, and how punctually they are added under load.

    bench/schedule.py --server build/release/bin/weir-server [--entries 1000000] [--rate 2000] [--seconds 20]

Schedules --entries entries of 100 bytes in random order far in the future, with the resident memory on the way.
Then schedules --rate entries a second for --seconds seconds, to be due while another client adds to other streams as fast
as it can, and compares the time in each entry's ID with the one in its token. At last kills the server, and looks
at how long it takes until entries that are overdue have been added after the restart.
"""

import argparse
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))

from flatness import Pipe  # noqa: E402
from resp_client import encode  # noqa: E402
from server_process import ServerProcess  # noqa: E402

BATCH = 500
VALUE = b"v" * 100


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def schedule_far(server, pipe, entries):
    """Due within a month from tomorrow on, in random order."""
    draw = random.Random(1)
    tomorrow = int(time.time() * 1000) + 86_400_000
    begin = time.monotonic()
    for at in range(0, entries, BATCH):
        pipe.call([encode("XSCHEDULE", "far", "AT", tomorrow + draw.randrange(2_592_000_000), "f", VALUE)
                   for _ in range(min(BATCH, entries - at))])
        if at % max(BATCH, entries // 10 // BATCH * BATCH) == 0:
            print(f"{at:>9} scheduled: {resident_mb(server.process.pid):7.1f} MB resident")
    print(f"{entries / (time.monotonic() - begin):.0f} scheduled/s, "
          f"{resident_mb(server.process.pid):.1f} MB resident at the end")


def add_until(port, stop):
    pipe = Pipe(port)
    command = encode("XADD", "load", "MAXLEN", "~", 10000, "*", "f", VALUE)
    while not stop.is_set():
        pipe.call([command] * 64)


def punctuality(server, pipe, client, rate, seconds, with_load):
    stop = threading.Event()
    load = threading.Thread(target=add_until, args=(server.port, stop))
    if with_load:
        load.start()
    draw = random.Random(2)
    due = [int(time.time() * 1000) + 3000 + draw.randrange(seconds * 1000) for _ in range(rate * seconds)]
    for at in range(0, len(due), BATCH):
        pipe.call([encode("XSCHEDULE", "soon", "AT", ms, "due", ms) for ms in due[at:at + BATCH]])
    time.sleep(max(0.0, max(due) / 1000 - time.time()) + 1)
    stop.set()
    if with_load:
        load.join()
    entries = client.call("XRANGE", "soon", "-", "+").plain()
    late = sorted(int(entry_id.split(b"-")[0]) - int(fields[1]) for entry_id, fields in entries)
    assert len(late) == len(due), (len(late), len(due))
    print(f"{len(late)} due at {rate}/s, load {'on' if with_load else 'off'}: late by p50 {late[len(late) // 2]} ms, "
          f"p99 {late[len(late) * 99 // 100]} ms, most {late[-1]} ms, least {late[0]} ms")
    client.call("DEL", "soon")


def overdue(server, pipe):
    count = 100_000
    at = int(time.time() * 1000) + 8000
    for _ in range(count // BATCH):
        pipe.call([encode("XSCHEDULE", "over", "AT", at, "f", VALUE)] * BATCH)
    server.kill()
    time.sleep(max(0.0, at / 1000 - time.time()))
    begin = time.monotonic()
    server.start()
    started = time.monotonic()
    client = server.connect(timeout_s=60)
    while client.call("XLEN", "over").plain() < count:
        time.sleep(0.01)
    print(f"{count} overdue after kill -9: start {started - begin:.2f} s, all added {time.monotonic() - started:.2f} s "
          f"later, {resident_mb(server.process.pid):.1f} MB resident")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    with ServerProcess(arguments.server) as server:
        pipe = Pipe(server.port)
        schedule_far(server, pipe, arguments.entries)
        for with_load in (False, True):
            punctuality(server, pipe, server.connect(timeout_s=60), arguments.rate, arguments.seconds, with_load)
        overdue(server, Pipe(server.port))


if __name__ == "__main__":
    main()
