#!/usr/bin/python3
"""Kills a server whose consumers crash on poison, and checks that every delivery is accounted for.

  delivery_test.py --server build/dev/bin/weir-server [--cycles 20] [--seed N]

The only configuration is one rule: `group-policy "* * MAX-DELIVERIES 3 ACK-WAIT 200"`. Consumers are the plain loop of
XREADGROUP `>` and XACK; one that meets a poison message drops its connection with the whole batch unacknowledged. After
each kill -9 and restart, for every entry that the group has passed:

- it is pending, or acknowledged, or a dead letter, and only one of them; a letter is there once;
- no count is lower than the deliveries that were seen, none is above the cap;
- what was acknowledged does not come back, and has no letter.

At the end of a stream's life everything is worked off: all healthy messages have been processed, or used up their
deliveries in crashes; every poison one is in the dead-letter stream once.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from load_record import Violation, expect, fields, id_key  # noqa: E402
from resp_client import Disconnected, encode  # noqa: E402
from server_process import ServerProcess  # noqa: E402

GROUP = b"workers"
MAX_DELIVERIES = 3
ACK_WAIT_MS = 200
POISON_PART = 0.05
CYCLES_PER_STREAM = 10
DRAIN_TIMEOUT_S = 60


class Record:
    """What is known outside the server of one stream."""

    def __init__(self, number):
        self.key = b"work:%d" % number
        self.letters_key = b"{%b}:dead:%b" % (self.key, GROUP)
        self.lock = threading.Lock()
        self.sent = 0
        self.added = {}      # id -> is poison
        self.deliveries = {}  # id -> times it was in a reply
        self.ack_sent = set()
        self.acked = set()

    def deliver(self, entries):
        with self.lock:
            for entry_id, _ in entries:
                expect(entry_id not in self.acked, entry_id, "was acknowledged and came again")
                self.deliveries[entry_id] = self.deliveries.get(entry_id, 0) + 1
                expect(self.deliveries[entry_id] <= MAX_DELIVERIES, entry_id, "was delivered",
                       self.deliveries[entry_id], "times")

    def acknowledge(self, entry_id, count):
        with self.lock:
            if count == 1:
                self.acked.add(entry_id)


class Producer:
    def __init__(self, record, seed):
        self.record = record
        self.random = random.Random(seed)

    def run(self, connect, stopping):
        with connect() as connection:
            while not stopping.is_set():
                batch = [self.random.random() < POISON_PART for _ in range(self.random.randrange(1, 9))]
                connection.send_raw(b"".join(
                    encode("XADD", self.record.key, "*", "poison", int(is_poison), "v", "x" * 50)
                    for is_poison in batch))
                for is_poison in batch:
                    reply = connection.read()
                    expect(not reply.is_error, "XADD:", reply)
                    self.record.added[reply.value] = is_poison
                time.sleep(0.005)


class Crash(Exception):
    """A consumer met poison."""


class Consumer:
    def __init__(self, record, name):
        self.record = record
        self.name = name

    def run(self, connect, stopping):
        while not stopping.is_set():
            try:
                with connect() as connection:
                    while not stopping.is_set():
                        self.work(connection)
            except Crash:
                pass

    def work(self, connection):
        reply = connection.call("XREADGROUP", "GROUP", GROUP, self.name, "COUNT", 10, "BLOCK", 50,
                                "STREAMS", self.record.key, ">")
        expect(not reply.is_error, "XREADGROUP:", reply)
        if not reply.value:
            return
        entries = [(entry.value[0].value, [field.value for field in entry.value[1].value])
                   for entry in reply.value[0].value[1].value]
        self.record.deliver(entries)
        for entry_id, fields in entries:
            if fields[1] == b"1":
                raise Crash
            with self.record.lock:
                self.record.ack_sent.add(entry_id)
            reply = connection.call("XACK", self.record.key, GROUP, entry_id)
            self.record.acknowledge(entry_id, reply.value)


class State:
    """What the server says of a stream, its group and its letters, at one moment: entries fall due meanwhile."""

    def __init__(self, connection, record):
        replies = connection.pipeline([
            ["MULTI"],
            ["XPENDING", record.key, GROUP, "-", "+", 1_000_000],
            ["XRANGE", record.letters_key, "-", "+"],
            ["XINFO", "GROUPS", record.key],
            ["XINFO", "DEADLETTER", record.key, GROUP],
            ["EXEC"],
        ])
        pending, letters, groups, counters = replies[-1].value
        self.pending = {row.value[0].value: row.value[3].value for row in pending.value}
        self.letters = []
        for letter in letters.value:
            self.letters.append(fields(letter.value[1]))
        self.position = id_key(fields(groups.value[0])[b"last-delivered-id"])
        self.counters = fields(counters)


def verify(connection, record):
    state = State(connection, record)
    dead = [letter[b"__dlq.id"] for letter in state.letters]
    expect(len(dead) == len(set(dead)), "an entry has two letters:", dead)
    expect(state.counters[b"letters"] == len(dead), "letters counted:", state.counters[b"letters"],
           "there are", len(dead))
    for letter in state.letters:
        entry_id = letter[b"__dlq.id"]
        count = int(letter[b"__dlq.deliveries"])
        expect(entry_id not in state.pending, entry_id, "is a letter and pending")
        expect(entry_id not in record.acked, entry_id, "was acknowledged and is a letter")
        expect(letter[b"__dlq.reason"] == b"max-deliveries", letter)
        expect(count == MAX_DELIVERIES, entry_id, "became a letter after", count, "deliveries")
    for entry_id, count in state.pending.items():
        expect(entry_id not in record.acked, entry_id, "was acknowledged and is pending")
        expect(record.deliveries.get(entry_id, 0) <= count <= MAX_DELIVERIES, entry_id, "counts", count,
               "deliveries,", record.deliveries.get(entry_id, 0), "were seen")
    dead = set(dead)
    for entry_id in record.added:
        if id_key(entry_id) <= state.position and entry_id not in state.pending and entry_id not in dead:
            expect(entry_id in record.ack_sent, entry_id, "has gone from the group")
    return state


def drain(server, record):
    """The consumers work off the rest; nothing is left but letters."""
    stopping = threading.Event()
    errors = []
    threads = [threading.Thread(target=run_one, args=(Consumer(record, b"c%d" % n), server, stopping, errors))
               for n in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + DRAIN_TIMEOUT_S
    with server.connect(timeout_s=60) as connection:
        while time.monotonic() < deadline and not errors:
            group = fields(connection.call("XINFO", "GROUPS", record.key).value[0])
            if group[b"pending"] == 0 and group[b"lag"] == 0:
                break
            time.sleep(0.05)
        stopping.set()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        state = verify(connection, record)
        expect(not state.pending, len(state.pending), "entries are pending for ever")
        dead = {letter[b"__dlq.id"] for letter in state.letters}
        for entry_id, is_poison in record.added.items():
            expect(not is_poison or entry_id in dead, "poison", entry_id, "is no letter")
            expect(entry_id in dead or entry_id in record.ack_sent, entry_id, "is lost")
        healthy_dead = sum(not record.added[entry_id] for entry_id in dead if entry_id in record.added)
        connection.call("DEL", record.key, record.letters_key)
    return len(record.added), len(dead), healthy_dead


def run_one(client, server, stopping, errors):
    """A client ends when its connection does; anything else that it meets is the test's failure."""
    try:
        client.run(lambda: server.connect(timeout_s=60), stopping)
    except (Disconnected, OSError):
        pass
    except Exception as error:  # pylint: disable=broad-except
        errors.append(error)


def run_until_killed(server, record, choices):
    stopping, errors = threading.Event(), []
    clients = [Producer(record, choices.randrange(1 << 30))] + [Consumer(record, b"c%d" % n) for n in range(3)]
    threads = [threading.Thread(target=run_one, args=(client, server, stopping, errors))
               for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(choices.uniform(0.2, 1.2))
    server.kill()
    stopping.set()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def check_store(server):
    done = subprocess.run([server.path, "--check", str(server.directory)], capture_output=True, text=True,
                          check=False)
    expect(done.returncode == 0, f"--check exits {done.returncode}:\n{done.stdout}{done.stderr}")


def run(server, cycles, seed):
    choices = random.Random(seed)
    totals = [0, 0, 0]
    server.start()
    record = None
    for cycle in range(cycles):
        if record is None:
            record = Record(cycle)
            with server.connect() as connection:
                connection.call("XGROUP", "CREATE", record.key, GROUP, "0", "MKSTREAM")
        run_until_killed(server, record, choices)
        check_store(server)
        server.start()
        with server.connect(timeout_s=60) as connection:
            state = verify(connection, record)
        print(f"cycle {cycle + 1}: {len(record.added)} added, {len(record.acked)} acknowledged, "
              f"{len(state.pending)} pending, {len(state.letters)} letters", flush=True)
        if (cycle + 1) % CYCLES_PER_STREAM == 0 or cycle + 1 == cycles:
            totals = [total + more for total, more in zip(totals, drain(server, record))]
            record = None
    expect(server.stop() == 0, "a clean stop failed")
    return totals


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="default: taken from the clock")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}, {options.cycles} cycles")
    rule = f"* * MAX-DELIVERIES {MAX_DELIVERIES} ACK-WAIT {ACK_WAIT_MS}"
    server = ServerProcess(options.server, options=["--group-policy", rule], durable=True)
    with server.stopped_at_end():
        try:
            added, letters, healthy = run(server, options.cycles, seed)
        except (Violation, RuntimeError) as error:
            server.keep_directory = True
            print(f"FAILED with --seed {seed}: {error}\nstore and log are left in {server.directory}")
            return 1
    print(f"{options.cycles} cycles, {added} entries, {letters} letters ({healthy} of healthy entries whose "
          "deliveries were used up by crashes): all accounted for")
    return 0 if letters else 1


if __name__ == "__main__":
    sys.exit(main())
