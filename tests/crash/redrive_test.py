#!/usr/bin/python3
"""Redrives many letters into one of two groups, with kills in between.

  redrive_test.py --server build/dev/bin/weir-server [--letters 100000] [--kills 5] [--seed N]

Every entry of a stream is dead for group `a`, read and half acknowledged by group `b`. XREDRIVE moves the letters back step
by step; the server is killed in the middle of it and the redrive repeated from the start. In the end every letter is a
pending entry of `a` once, is handed out by a plain read once, and group `b` has seen nothing of it.
"""

import argparse
import pathlib
import random
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from load_record import Violation, expect  # noqa: E402
from resp_client import Disconnected, encode  # noqa: E402
from server_process import ServerProcess  # noqa: E402

KEY, LETTERS = "s", "{s}:dead:a"
STEP = 1000
REDRIVE_COUNT = 10_000


def ids_read(reply):
    return [entry.value[0].value for entry in reply.value[0].value[1].value] if reply.value else []


def fill(connection, count):
    for group in ("a", "b"):
        connection.call("XGROUP", "CREATE", KEY, group, "0", "MKSTREAM")
    expect(not connection.call("XCFGSET", KEY, "GROUP", "a", "MAX-DELIVERIES", 5).is_error, "XCFGSET")
    for _ in range(0, count, STEP):
        request = encode("XADD", KEY, "*", "f", "x" * 20) * STEP
        connection.send_raw(request)
        for _ in range(STEP):
            connection.read()
    while ids := ids_read(connection.call("XREADGROUP", "GROUP", "a", "c", "COUNT", STEP, "STREAMS", KEY, ">")):
        done = connection.call("XNACK", KEY, "a", "FATAL", "IDS", len(ids), *ids).value
        expect(done == len(ids), "XNACK FATAL:", done)
    while ids := ids_read(connection.call("XREADGROUP", "GROUP", "b", "c", "COUNT", STEP, "STREAMS", KEY, ">")):
        connection.call("XACK", KEY, "b", *ids[::2])
    expect(connection.call("XLEN", LETTERS).value == count, "letters:", connection.call("XLEN", LETTERS))


def state_of_other(connection):
    """All that shows of the other group, but how long its entries have been idle."""
    groups = connection.call("XINFO", "GROUPS", KEY).value
    group = next(group for group in groups if b"b" in [item.value for item in group.value])
    rows = connection.call("XPENDING", KEY, "b", "-", "+", 1_000_000).value
    return repr(group), [(row.value[0].value, row.value[1].value, row.value[3].value) for row in rows]


def redrive(connection):
    """One pass from the first letter on; the longest call in seconds."""
    cursor, moved, longest = "0-0", 0, 0.0
    while True:
        begin = time.monotonic()
        reply = connection.call("XREDRIVE", LETTERS, "FROM", cursor, "COUNT", REDRIVE_COUNT)
        longest = max(longest, time.monotonic() - begin)
        expect(not reply.is_error, reply)
        moved += reply.value[0].value
        cursor = reply.value[1].value
        if cursor == b"0-0":
            return moved, longest


def redrive_and_kill(server, after_s):
    timer = threading.Timer(after_s, server.kill)
    timer.start()
    try:
        with server.connect(timeout_s=60) as connection:
            redrive(connection)
    except (Disconnected, OSError):
        pass
    timer.join()


def count_and_work_off(connection, count):
    pending = connection.call("XPENDING", KEY, "a").value[0].value
    expect(pending == count, "pending in a:", pending)
    seen = set()
    while ids := ids_read(connection.call("XREADGROUP", "GROUP", "a", "c", "COUNT", STEP, "STREAMS", KEY, ">")):
        expect(not seen.intersection(ids), "an entry was handed out twice")
        seen.update(ids)
        expect(connection.call("XACK", KEY, "a", *ids).value == len(ids), "XACK")
    expect(len(seen) == count, "handed out:", len(seen))


def run(server, options, choices):
    server.start()
    with server.connect(timeout_s=60) as connection:
        fill(connection, options.letters)
        other = state_of_other(connection)
    for _ in range(options.kills):
        redrive_and_kill(server, choices.uniform(0.01, 0.4))
        server.start()
        with server.connect(timeout_s=60) as connection:
            left = connection.call("XLEN", LETTERS).value
            back = connection.call("XPENDING", KEY, "a").value[0].value
            expect(left + back == options.letters, left, "letters and", back, "pending")
            print(f"killed: {left} letters, {back} back in the group", flush=True)
    with server.connect(timeout_s=60) as connection:
        moved, longest = redrive(connection)
        expect(connection.call("XLEN", LETTERS).value == 0, "letters are left")
        expect(state_of_other(connection) == other, "the other group has changed")
        count_and_work_off(connection, options.letters)
    expect(server.stop() == 0, "a clean stop failed")
    print(f"{options.letters} letters redriven, {moved} in the last pass, longest call {longest * 1000:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--letters", type=int, default=100_000, help="a multiple of 1000")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None, help="default: taken from the clock")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}")
    server = ServerProcess(options.server, durable=True)
    with server.stopped_at_end():
        try:
            run(server, options, random.Random(seed))
        except (Violation, RuntimeError) as error:
            server.keep_directory = True
            print(f"FAILED with --seed {seed}: {error}\nstore and log are left in {server.directory}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
