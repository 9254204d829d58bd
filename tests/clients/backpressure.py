#!/usr/bin/python3
"""Back-pressure with redis-py: many producers against few slow consumers, on a stream with a bound.

   backpressure.py --server PATH [--seconds S]

With OVERFLOW BLOCK the producers just see slow replies; with REJECT they are told and try again. Either
way nothing is lost or doubled, the stream never grows above its bound, each producer gets its share, and
together they are as fast as the consumers. Producers that go away while they wait leave nothing behind.
"""

import argparse
import collections
import pathlib
import sys
import threading
import time

import redis

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import ServerProcess, flavour  # noqa: E402

PRODUCERS = 50
CONSUMERS = 4
MAXLEN = 10_000
BATCH = 25
PAUSE_S = 0.1  # Of a consumer, per batch: 1,000 entries a second altogether.
# Of what the busiest producer gets. First come, first served is strict; who comes first is up to the
# scheduler that the producers run under.
UNFAIRNESS = 0.2


class Run:
    def __init__(self, port, overflow, retain):
        self.port = port
        self.overflow = overflow
        self.retain = retain
        self.sent = [0] * PRODUCERS
        self.refused = 0
        self.seen = collections.Counter()
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.drained = threading.Event()
        self.longest = 0
        self.failures = []

    def connect(self):
        return redis.Redis(port=self.port, decode_responses=True, socket_timeout=60)

    def guarded(self, work, *args):
        try:
            work(*args)
        except Exception as error:  # Reported by the main thread.
            self.failures.append(repr(error))

    def produce(self, number):
        client = self.connect()
        while not self.stop.is_set():
            try:
                client.execute_command("XADD", "s", "*", "producer", number, "n", self.sent[number])
            except redis.ResponseError as error:
                assert self.overflow == "REJECT" and str(error).startswith("STREAMFULL"), error
                with self.lock:
                    self.refused += 1
                time.sleep(0.02)
                continue
            self.sent[number] += 1

    def consume(self, number):
        client = self.connect()
        while True:
            reply = client.xreadgroup("g", f"c{number}", {"s": ">"}, count=BATCH, block=200)
            if not reply:
                if self.drained.is_set():
                    return
                continue
            entries = reply[0][1]
            time.sleep(PAUSE_S)
            with self.lock:
                for _, fields in entries:
                    self.seen[(fields["producer"], int(fields["n"]))] += 1
            client.xack("s", "g", *[entry_id for entry_id, _ in entries])

    def watch(self):
        client = self.connect()
        while not self.drained.is_set():
            self.longest = max(self.longest, client.xlen("s"))
            time.sleep(0.01)

    def go(self, seconds):
        admin = self.connect()
        admin.delete("s")
        admin.xgroup_create("s", "g", id="0", mkstream=True)
        admin.execute_command("XCFGSET", "s", "MAXLEN", MAXLEN, "OVERFLOW", self.overflow, "RETAIN", self.retain,
                              "OVERFLOW-TIMEOUT", 50_000)
        with admin.pipeline(transaction=False) as pipeline:
            for n in range(MAXLEN):
                pipeline.execute_command("XADD", "s", "*", "producer", "fill", "n", n)
            pipeline.execute()
        assert admin.xlen("s") == MAXLEN
        consumers = [threading.Thread(target=self.guarded, args=(self.consume, i)) for i in range(CONSUMERS)]
        producers = [threading.Thread(target=self.guarded, args=(self.produce, i)) for i in range(PRODUCERS)]
        watcher = threading.Thread(target=self.guarded, args=(self.watch,))
        for thread in producers + [watcher]:
            thread.start()
        time.sleep(0.5)
        if self.overflow == "BLOCK":
            self.check_waiting(admin)
        for thread in consumers:
            thread.start()
        sent_before, begin = sum(self.sent), time.monotonic()
        time.sleep(seconds)
        rate = (sum(self.sent) - sent_before) / (time.monotonic() - begin)
        share = list(self.sent)
        self.stop.set()
        for thread in producers:
            thread.join()
        self.drain(admin)
        self.drained.set()
        for thread in consumers + [watcher]:
            thread.join()
        assert not self.failures, self.failures
        self.check_all(admin, rate, share)

    def check_waiting(self, admin):
        """All wait; some that go away leave neither an entry nor a place behind."""
        queue = admin.execute_command("XINFO", "QUEUE", "s")
        queue = dict(zip(queue[::2], queue[1::2]))
        assert queue["full"] == "maxlen" and queue["blocked-producers"] == PRODUCERS, queue
        assert admin.info("clients")["blocked_clients"] == PRODUCERS
        gone = [redis.Connection(port=self.port) for _ in range(10)]
        for connection in gone:
            connection.send_command("XADD", "s", "*", "producer", "gone", "n", 0)
        time.sleep(0.3)
        assert admin.info("clients")["blocked_clients"] == PRODUCERS + 10
        for connection in gone:
            connection.disconnect()
        time.sleep(0.3)
        assert admin.info("clients")["blocked_clients"] == PRODUCERS

    def drain(self, admin):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            group = admin.xinfo_groups("s")[0]
            if group["lag"] == 0 and group["pending"] == 0:
                return
            time.sleep(0.05)
        raise AssertionError("not drained")

    def check_all(self, admin, rate, share):
        expected = {("fill", n) for n in range(MAXLEN)}
        expected |= {(str(i), n) for i in range(PRODUCERS) for n in range(self.sent[i])}
        assert set(self.seen) == expected, (len(self.seen), len(expected))
        assert max(self.seen.values()) == 1
        assert self.longest <= MAXLEN, self.longest
        assert admin.xlen("s") == (0 if self.retain == "UNACKED" else MAXLEN), admin.xlen("s")
        if self.overflow == "BLOCK":
            assert max(share) - min(share) <= UNFAIRNESS * max(share), share
        most = CONSUMERS * BATCH / PAUSE_S
        assert rate > most / 2, rate
        print(f"{self.overflow} RETAIN {self.retain}: {rate:.0f} entries/s of at most {most:.0f}, "
              f"{min(share)} to {max(share)} per producer, {self.refused} refusals")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()
    if flavour(args.server) == "redis":
        return 77
    with ServerProcess(args.server) as server:
        for overflow, retain in (("BLOCK", "UNACKED"), ("BLOCK", "ALL"), ("REJECT", "UNACKED")):
            Run(server.port, overflow, retain).go(args.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
