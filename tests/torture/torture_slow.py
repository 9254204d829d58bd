#!/usr/bin/python3
"""Lets syncs of the disk take seconds, and looks who waits and who does not (F8).

  torture_slow.py [--runs STALLS]

Under strace each n-th fdatasync of the journal, or of the store, ends three to five seconds late. Must hold: with
appendfsync always no XADD is acknowledged without a sync of the journal between its request and its reply; within
each stall of the journal PING and reads of a key that nobody changes are answered; memory stays bounded; after a kill
everything acknowledged is there.
"""

import random
import sys
import threading
import time

import hurt_server
import system_calls
from disk_load import GONE, Violation, expect
from hurt_server import HurtServer
from torture_errors import TimedLoad, check_syncs

MIB = 1 << 20
MOST_MEMORY = 700 * MIB
# A stall shorter than this, or one that the machine has by itself, says nothing about who waited for it.
SHORTEST_STALL_S = 2.5
LEEWAY_S = 0.05


class Prober:
    """Asks for what nobody changes, again and again."""

    def __init__(self, server):
        self.server = server
        self.spans = []
        self.stopping = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            with self.server.connect(timeout_s=120) as connection:
                while not self.stopping.is_set():
                    begin = time.time()
                    replies = [connection.call("PING"), connection.call("XLEN", "quiet"),
                               connection.call("XRANGE", "quiet", "-", "+")]
                    self.spans.append((begin, time.time()))
                    for reply in replies:
                        expect(not reply.is_error, "a read is answered by", reply)
                    time.sleep(0.02)
        except GONE as error:
            self.error = Violation(f"the prober was cut off: {error!r}")
        except Violation as error:
            self.error = error

    def stop(self):
        self.stopping.set()
        self.thread.join(120)
        expect(not self.thread.is_alive(), "PING was not answered in 120 s")
        if self.error:
            raise self.error


class Run:
    def __init__(self, options, number, log):
        self.random = random.Random(options.seed * 100_000 + number)
        self.fsync = self.random.choice(("always", "always", "everysec"))
        self.stall_us = stall_us = self.random.randint(2_600_000, 5_000_000)
        step = self.random.choice((20, 50, 100))
        self.injection = f"fdatasync:delay_exit={stall_us}:when={self.random.randint(5, 40)}+{step}"
        self.server = HurtServer(
            options.server, None, ["--journal-segment-bytes", "2mb", "--checkpoint-bytes", "1mb",
                                   "--cache-size", "32mb", "--disk-ballast", "0"], fsync=self.fsync)
        self.strace_log = self.server.directory / "strace.log"
        self.server.wrapper = system_calls.wrapper(self.server.data, self.strace_log, [self.injection])
        self.load = TimedLoad(self.random.random(), log, sizes=(100, 1000, 8000), keep=1000)
        self.stalls = self.judged = self.memory = 0
        self.seconds = self.random.uniform(8, 15)

    def run(self):
        with self.server.stopped_at_end():
            try:
                self.hurt()
                self.judge()
                self.server.wrapper = []
                self.server.start_well()
                self.load.verify(self.server)
            except BaseException:
                self.server.keep_directory = True
                raise

    def hurt(self):
        code = self.server.start_or_exit(120)
        expect(code is None, "the start ends with", code, "\n" + self.server.log_tail())
        with self.server.connect(timeout_s=120) as connection:
            self.load.prepare(connection)
            connection.call("XADD", "quiet", "1-1", "f", "v")
        self.prober = Prober(self.server)
        self.load.start(self.server)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            self.memory = max(self.memory, self._resident_bytes())
        self.load.stop(120)
        self.prober.stop()
        self.server.kill()
        self.server.expect_no_defect()

    def _resident_bytes(self):
        """Of strace's child."""
        tracer = self.server.process.pid
        with open(f"/proc/{tracer}/task/{tracer}/children", encoding="ascii") as children:
            child = children.read().split()[0]
        with open(f"/proc/{child}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * 4096

    def judge(self):
        calls = system_calls.read_calls(self.strace_log, self.stall_us / 1e6)
        if self.fsync == "always":
            check_syncs(calls, self.load.times)
        expect(self.memory < MOST_MEMORY, self.memory // MIB, "MB are in use")
        begin_s, end_s = self.prober.spans[0][0], self.prober.spans[-1][1]
        usual_s = self.longest_usual_wait(calls)
        for call in calls:
            if not call.delayed or call.end - call.begin < SHORTEST_STALL_S:
                continue
            self.stalls += 1
            if call.begin < begin_s or call.end > end_s or usual_s > (call.end - call.begin) / 3:
                continue
            self.judged += 1
            inside = [span for span in self.prober.spans
                      if span[0] > call.begin + LEEWAY_S and span[1] < call.end - LEEWAY_S]
            expect(inside, "nobody was answered while", call.path, "was being synced for",
                   f"{call.end - call.begin:.1f} s")

    def longest_usual_wait(self, calls):
        """What a busy machine makes a reader wait while nothing stalls: it has to be told from what a stall does."""
        stalls = [(call.begin, call.end) for call in calls if call.delayed]
        return max((end - begin for begin, end in self.prober.spans
                    if not any(begin < last and first < end for first, last in stalls)), default=0.0)


def main():
    options = hurt_server.parse(__doc__, 200)
    hurt_server.skip_unless(system_calls.is_possible(), "strace is missing or not allowed")
    begin, stalls, judged, acknowledged, memory, broken, number = time.monotonic(), 0, 0, 0, 0, 0, 0
    end = None if options.minutes is None else begin + options.minutes * 60
    with hurt_server.evidence("weir-slow-") as folder:
        while stalls < options.runs if end is None else time.monotonic() < end:
            with open(folder / "record.log", "wb") as log:
                run = Run(options, number, log)
                broken += not hurt_server.keeps_its_promises(run, f"life {number}, {run.injection} {run.fsync}")
            number += 1
            stalls += max(run.stalls, 1)
            judged += run.judged
            acknowledged += run.load.accepted
            memory = max(memory, run.memory)
            print(f"life {number}: {run.injection} {run.fsync}: {run.stalls} stalls, "
                  f"{run.load.accepted} acknowledged, {run.memory // MIB} MB", flush=True)
    return hurt_server.conclude("slow", options, begin, number, stalls, broken, stalls_with_a_reader=judged,
                                acknowledged=acknowledged, most_memory_mb=memory // MIB)


if __name__ == "__main__":
    sys.exit(main())
