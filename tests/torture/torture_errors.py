#!/usr/bin/python3
"""Lets system calls of the server fail, one by one and for good, and looks what was acknowledged (F7).

  torture_errors.py [--runs N] [--call fdatasync]

Each run starts a server under strace, which answers a chosen call on the server's own files with EIO or ENOSPC: the
n-th one of each thread, some in a row, or all from the n-th on. Producers and consumers work meanwhile. Must hold:
with appendfsync always each acknowledged XADD has a successful fdatasync of the journal between its request and its
reply; a file is neither written nor synced again after its fdatasync has failed; the server lives, or ends as
documented; nobody waits in vain; after a kill it starts again and everything acknowledged is there.
"""

import bisect
import random
import sys
import threading
import time

import hurt_server
import system_calls
from disk_load import GONE, Load, StorageFailed, Violation, expect
from hurt_server import EXIT_NOT_STARTED, EXIT_STORAGE_FAILED, HurtServer

SLACK_S = 0.002
MOST = 300


class TimedLoad(Load):
    """Also notes when each acknowledged XADD was sent and answered."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.times = []
        for record in self.records:
            self._watch(record)

    def _watch(self, record):
        begins, lock = {}, threading.Lock()
        add_sent, add_done = record.add_sent, record.add_done

        def sent(producer, number, payload):
            begins[producer, number] = time.time()
            add_sent(producer, number, payload)

        def done(producer, number, reply):
            end = time.time()
            add_done(producer, number, reply)
            with lock:
                self.times.append((begins.pop((producer, number)), end))

        record.add_sent, record.add_done = sent, done


def check_syncs(calls, times):
    """A sync of the journal lies within each span of request and reply."""
    good = [call for call in calls if call.name == "fdatasync" and not call.failed and "/journal/" in call.path]
    begins = [call.begin for call in good]
    # The earliest end of this sync and all that begin after it.
    ends = [call.end for call in good]
    for i in range(len(ends) - 2, -1, -1):
        ends[i] = min(ends[i], ends[i + 1])
    for begin, end in times:
        at = bisect.bisect_left(begins, begin - SLACK_S)
        expect(at < len(ends) and ends[at] <= end + SLACK_S, "an XADD sent at", f"{begin:.6f}",
               "was acknowledged at", f"{end:.6f}", "without a sync of the journal in between")


def check_no_repetition(calls):
    """A file whose sync has failed is given up."""
    failed = {}
    for call in calls:
        if "/journal/segment-" not in call.path or call.path.endswith(".new"):
            continue
        if call.name in ("fdatasync", "pwritev") and call.path in failed:
            raise Violation(f"{call.name} of {call.path} at {call.begin:.6f} after its sync failed at "
                            f"{failed[call.path]:.6f}")
        if call.name == "fdatasync" and call.failed:
            failed[call.path] = call.begin


class Run:
    def __init__(self, options, number, log):
        self.random = random.Random(options.seed * 100_000 + number)
        names = [options.call] if options.call else list(system_calls.CALLS)
        name = self.random.choices(names, [system_calls.CALLS.get(name, 1) for name in names])[0]
        # Every n is as likely to be small as to be large.
        first = self.random.choice((number % MOST + 1, int(MOST ** self.random.random())))
        when = self.random.choice((f"{first}", f"{first}", f"{first}..{first + 3}", f"{first}+", f"{first}+5"))
        error = self.random.choice(("EIO", "EIO", "ENOSPC"))
        self.injection = f"{name}:error={error}:when={when}"
        self.fsync = self.random.choice(("always", "always", "always", "everysec"))
        self.server = HurtServer(
            options.server, None,
            ["--journal-segment-bytes", "1mb", "--checkpoint-bytes", "1mb", "--cache-size", "16mb",
             "--disk-ballast", self.random.choice(("0", "4mb"))], fsync=self.fsync)
        self.strace_log = self.server.directory / "strace.log"
        self.server.wrapper = system_calls.wrapper(self.server.data, self.strace_log, [self.injection])
        self.load = TimedLoad(self.random.random(), log, sizes=(100, 1000, 4000), keep=300)
        self.injected = self.acknowledged = 0
        self.outcome = ""

    def run(self):
        with self.server.stopped_at_end():
            try:
                self.hurt()
                self.recover()
            except BaseException:
                self.server.keep_directory = True
                raise

    def hurt(self):
        code = self.server.start_or_exit()
        if code is not None:
            expect(code in (EXIT_NOT_STARTED, EXIT_STORAGE_FAILED), "the start ends with", code, "\n" +
                   self.server.log_tail())
            self.outcome = f"start refused ({code})"
        else:
            self.work()
        self.server.kill()
        self.server.expect_no_defect()
        calls = system_calls.read_calls(self.strace_log)
        self.injected = sum(call.injected for call in calls)
        highest = max((int(path.stem.split("-")[1]) for path in (self.server.data / "journal").glob("segment-*")),
                      default=0)
        if highest >= system_calls.MOST_SEGMENTS:
            self.outcome += ", calls not judged"  # strace does not know of all of them.
        elif self.fsync == "always":
            check_syncs(calls, self.load.times)
            check_no_repetition(calls)

    def work(self):
        try:
            with self.server.connect(timeout_s=60) as connection:
                self.load.prepare(connection)
                self.load.start(self.server)
                end = time.monotonic() + self.random.uniform(0.3, 1.5)
                while time.monotonic() < end and not self.server.has_ended():
                    time.sleep(self.random.uniform(0.01, 0.2))
                    if self.random.random() < 0.5:
                        connection.call("BGSAVE")
        except GONE:
            pass
        except StorageFailed:
            expect(self.server.has_ended(20), "the storage has failed and the server goes on")
        self.load.stop()
        # A storage failure closes the clients first.
        if self.server.has_ended(0 if self.answers() else 20):
            expect(self.server.last_exit == EXIT_STORAGE_FAILED, "the server ended with",
                   self.server.last_exit, "\n" + self.server.log_tail())
            self.outcome = "exit 75"
        else:
            expect(self.answers(), "the server neither serves nor ends\n" + self.server.log_tail())
            self.outcome = "lived"
            if self.random.random() < 0.3:
                self.shut_down()

    def shut_down(self):
        """The end of its life is a place for failures, too."""
        try:
            with self.server.connect(timeout_s=60) as connection:
                connection.call("SHUTDOWN")
        except GONE:
            pass
        expect(self.server.has_ended(60), "SHUTDOWN does not end the server\n" + self.server.log_tail())
        code = self.server.last_exit
        expect(code in (0, EXIT_STORAGE_FAILED), "SHUTDOWN ended with", code, "\n" + self.server.log_tail())
        self.outcome = f"lived, shut down ({code})"

    def answers(self):
        try:
            with self.server.connect(timeout_s=30) as connection:
                return not connection.call("PING").is_error
        except GONE:
            return False

    def recover(self):
        self.server.wrapper = []
        if not self.outcome.startswith("start refused"):
            self.server.check()
        self.server.start_well()
        if not self.outcome.startswith("start refused"):
            with self.server.connect() as connection:
                self.load.prepare(connection)
            self.load.verify(self.server)
        self.acknowledged = self.load.accepted
        self.server.expect_no_defect()


def main():
    options = hurt_server.parse(__doc__, 500, ((("--call",), {"choices": sorted(system_calls.CALLS)}),))
    hurt_server.skip_unless(system_calls.is_possible(), "strace is missing or not allowed")
    begin, runs, injected, acknowledged, broken = time.monotonic(), 0, 0, 0, 0
    outcomes = {}
    with hurt_server.evidence("weir-errors-") as folder:
        for number in hurt_server.rounds(options):
            with open(folder / "record.log", "wb") as log:
                run = Run(options, number, log)
                broken += not hurt_server.keeps_its_promises(run, f"run {number}, {run.injection} {run.fsync}")
            runs += 1
            injected += run.injected
            acknowledged += run.acknowledged
            outcomes[run.outcome] = outcomes.get(run.outcome, 0) + 1
            print(f"run {number}: {run.injection} {run.fsync}: {run.injected} injected, {run.outcome}, "
                  f"{run.acknowledged} acknowledged", flush=True)
    print("outcomes:", outcomes)
    return hurt_server.conclude("errors", options, begin, runs, injected, broken, acknowledged=acknowledged)


if __name__ == "__main__":
    sys.exit(main())
