#!/usr/bin/python3
"""Kills a server under load, again and again, and checks after each restart that nothing acknowledged is lost.

  kill_test.py --server build/dev/bin/weir-server [--cycles 20] [--seed N] [--check yes|no|auto]

Load: producers and group consumers on shared streams (XADD, XREADGROUP, XACK, XCLAIM, XAUTOCLAIM, XDEL, XTRIM)
and clients that send everything, XGROUP included, to keys of their own. Each notes outside the server what it
was told; load_record.py, sequence_client.py and Transactor say what must hold. With --check the store is also walked by
`SERVER --check DIR` between the kill and the restart.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "oracle"):
    sys.path.insert(0, str(HERE.parent / folder))

from load_record import StreamRecord, Violation, checksum  # noqa: E402
from resp_client import Disconnected, encode  # noqa: E402
from sequence_client import SequenceClient  # noqa: E402
from server_process import ServerProcess  # noqa: E402

STREAMS = (b"orders", b"events")
GROUPS = (b"billing", b"audit")
CONSUMERS_PER_GROUP = 2
PRODUCERS = 3
SEQUENCE_CLIENTS = 2


class Producer:
    def __init__(self, name, records, seed):
        self.name = name
        self.records = records
        self.random = random.Random(seed)
        self.number = 0

    def run(self, connect, stopping):
        with connect() as connection:
            while not stopping.is_set():
                self.add_some(connection)

    def add_some(self, connection):
        batch, requests = [], []
        for _ in range(self.random.choice((1, 1, 4, 16))):
            record = self.random.choice(self.records)
            payload = self.random.randbytes(self.random.choice((0, 10, 100, 100, 1000)))
            record.add_sent(self.name, self.number, payload)
            batch.append((record, self.number))
            requests.append(encode("XADD", record.key, "*", "p", self.name, "n", self.number, "v", payload,
                                   "c", checksum(self.name, self.number, payload)))
            self.number += 1
        connection.send_raw(b"".join(requests))
        for record, number in batch:
            record.add_done(self.name, number, connection.read())


class Consumer:
    def __init__(self, group, name, others, records, seed):
        self.group = group
        self.name = name
        self.others = others
        self.records = records
        self.random = random.Random(seed)

    def run(self, connect, stopping):
        with connect() as connection:
            while not stopping.is_set():
                record = self.random.choice(self.records)
                roll = self.random.random()
                if roll < 0.75:
                    entries = self.read(connection, record)
                elif roll < 0.9:
                    entries = self.claim_page(connection, record)
                else:
                    entries = self.claim_some(connection, record)
                self.acknowledge(connection, record, entries)

    def read(self, connection, record):
        moment = record.read_sent()
        reply = connection.call("XREADGROUP", "GROUP", self.group, self.name, "COUNT", 20, "BLOCK", 20,
                                "STREAMS", record.key, ">")
        entries = reply.value[0].value[1].value if reply.value else []
        record.delivered(self.group, self.name, entries, moment, is_new=True)
        return entries

    def claim_page(self, connection, record):
        moment = record.read_sent()
        reply = connection.call("XAUTOCLAIM", record.key, self.group, self.name, 50, "-", "COUNT", 20)
        entries = reply.value[1].value
        record.delivered(self.group, self.name, entries, moment, is_new=False)
        return entries

    def claim_some(self, connection, record):
        pending = connection.call("XPENDING", record.key, self.group, "-", "+", 20,
                                  self.random.choice(self.others))
        ids = [row.value[0].value for row in pending.value]
        if not ids:
            return []
        moment = record.read_sent()
        reply = connection.call("XCLAIM", record.key, self.group, self.name, 0, *ids)
        record.delivered(self.group, self.name, reply.value, moment, is_new=False)
        return reply.value

    def acknowledge(self, connection, record, entries):
        ids = [entry.value[0].value for entry in entries if self.random.random() < 0.8]
        for entry_id in ids:
            record.ack_sent(self.group, entry_id)
        connection.send_raw(b"".join(encode("XACK", record.key, self.group, i) for i in ids))
        for entry_id in ids:
            record.ack_done(self.group, entry_id, connection.read())


class Janitor:
    """Deletes and trims, so that streams and records stay bounded."""

    def __init__(self, records):
        self.records = records

    def run(self, connect, stopping):
        with connect() as connection:
            while not stopping.is_set():
                for record in self.records:
                    ids, min_id = record.pick_for_janitor()
                    if ids:
                        record.delete_called(ids)
                        connection.call("XDEL", record.key, *ids)
                        record.delete_done(ids)
                    if min_id:
                        record.trim_called(min_id)
                        connection.call("XTRIM", record.key, "MINID", min_id)
                        record.trim_done(min_id)
                stopping.wait(0.2)


class Transactor:
    """Adds to two streams in one transaction: after a crash both have the same entries."""

    KEYS = (b"debit", b"credit")

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.first = 1
        self.sent = 0
        self.answered = 0

    def run(self, connect, stopping):
        with connect() as connection:
            while not stopping.is_set():
                batch = self.random.choice((1, 1, 8))
                for _ in range(batch):
                    self.sent += 1
                    adds = [encode("XADD", key, f"{self.sent}-1", "f", "v" * 100) for key in self.KEYS]
                    connection.send_raw(encode("MULTI") + b"".join(adds) + encode("EXEC"))
                for _ in range(batch):
                    replies = [connection.read() for _ in range(len(self.KEYS) + 2)]
                    if len(replies[-1].value) != len(self.KEYS):
                        raise Violation(f"EXEC answered {replies[-1]}")
                    self.answered += 1

    def verify(self, connection):
        found = [[entry.value[0].value for entry in connection.call("XRANGE", key, "-", "+").value]
                 for key in self.KEYS]
        if found[0] != found[1]:
            raise Violation(f"half of a transaction: the streams end at {[ids[-1:] for ids in found]}")
        count = self.first - 1 + len(found[0])
        if found[0] != [b"%d-1" % number for number in range(self.first, count + 1)]:
            raise Violation("a transaction is missing in between")
        if not self.answered <= count <= self.sent:
            raise Violation(f"{count} transactions, {self.answered} answered, {self.sent} sent")
        connection.call("DEL", *self.KEYS)
        self.first, self.sent, self.answered = count + 1, count, count


class Load:
    """All clients; run_until() starts them and returns when the server is gone."""

    def __init__(self, seed, flavour, log):
        self.random = random.Random(seed)
        self.records = [StreamRecord(key, GROUPS, log) for key in STREAMS]
        self.sequences = [SequenceClient(f"sequence{n}", random.Random(self.random.random()),
                                         is_strict=flavour == "weir")
                          for n in range(SEQUENCE_CLIENTS)]
        self.clients = [Producer(b"producer%d" % n, self.records, self.random.random())
                        for n in range(PRODUCERS)]
        for group in GROUPS:
            names = [b"consumer%d" % n for n in range(CONSUMERS_PER_GROUP)]
            self.clients += [Consumer(group, name, names, self.records, self.random.random())
                             for name in names]
        self.transactor = Transactor(self.random.random())
        self.clients += [Janitor(self.records), self.transactor] + self.sequences
        self.errors = []

    def prepare(self, connection):
        for key in STREAMS:
            for group in GROUPS:
                connection.call("XGROUP", "CREATE", key, group, "0", "MKSTREAM")

    def run_until(self, server, kill_after_s):
        stopping = threading.Event()
        threads = [threading.Thread(target=self._run_one, args=(client, server, stopping))
                   for client in self.clients]
        for thread in threads:
            thread.start()
        time.sleep(kill_after_s)
        server.kill()
        stopping.set()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def _run_one(self, client, server, stopping):
        """A client ends when its connection does; anything else that it meets is the test's failure."""
        try:
            client.run(server.connect, stopping)
        except (Disconnected, OSError):
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)

    def verify(self, server):
        with server.connect(timeout_s=60) as connection:
            lengths = [record.verify(connection) for record in self.records]
            for client in [self.transactor] + self.sequences:
                client.verify(connection)
        return lengths


def check_store(server):
    """Runs the server's own walk over a closed store; anything but exit code 0 fails the test."""
    done = subprocess.run([server.path, "--check", str(server.directory)], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Violation(f"--check exits {done.returncode}:\n{done.stdout}{done.stderr}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="default: taken from the clock")
    parser.add_argument("--min-ms", type=int, default=100, help="shortest life of a server")
    parser.add_argument("--max-ms", type=int, default=2000)
    parser.add_argument("--check", choices=("yes", "no", "auto"), default="auto")
    return parser.parse_args()


def run(options, seed, server, log):
    checks = options.check == "yes" or (options.check == "auto" and server.flavour == "weir")
    load = Load(seed, server.flavour, log)
    server.start()
    with server.connect() as connection:
        load.prepare(connection)
    for cycle in range(options.cycles):
        kill_after_s = load.random.uniform(options.min_ms, options.max_ms) / 1000
        load.run_until(server, kill_after_s)
        if checks:
            check_store(server)
        begin = time.monotonic()
        server.start()
        started_ms = (time.monotonic() - begin) * 1000
        lengths = load.verify(server)
        acked = sum(len(group.acked) for record in load.records for group in record.groups.values())
        print(f"cycle {cycle + 1}: killed after {kill_after_s * 1000:.0f} ms, back after "
              f"{started_ms:.0f} ms, entries {lengths}, acknowledged {acked}", flush=True)
    if server.flavour == "weir" and server.stop() != 0:
        raise Violation(f"a clean stop failed:\n{server.log_tail()}")
    return sum(client.number for client in load.clients if isinstance(client, Producer))


def main():
    options = parse_options()
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}, {options.cycles} cycles")
    server = ServerProcess(options.server, durable=True)
    with server.stopped_at_end(), open(server.directory / "record.log", "wb") as log:
        try:
            added = run(options, seed, server, log)
        except (Violation, RuntimeError) as error:
            server.keep_directory = True
            print(f"FAILED with --seed {seed}: {error}\n"
                  f"store, log and record are left in {server.directory}")
            return 1
    print(f"{options.cycles} cycles, {added} XADDs sent: nothing acknowledged was lost")
    return 0 if added else 1


if __name__ == "__main__":
    sys.exit(main())
