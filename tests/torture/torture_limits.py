#!/usr/bin/python3
"""Takes descriptors and memory away from the server, and looks what was acknowledged (F9, F10).

  torture_limits.py [--runs N] [--kind descriptors|address_space|cgroup|malloc]

descriptors: a limit of 112 to 256 open files that the server cannot raise, and more clients than that. Each client is
served or refused with words; no checkpoint fails; everything acknowledged is there after a kill.
address_space, cgroup, malloc: too little memory by RLIMIT_AS, by a control group, or because allocations fail from
the n-th on. The server answers, or ends as documented (71, at the start 1 too; a control group kills it), and after a
start with memory everything acknowledged is there.
"""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import hurt_server
from disk_load import GONE, Load, Violation, expect
from hurt_server import EXIT_NOT_STARTED, EXIT_STORAGE_FAILED, HurtServer
from resp_client import Connection

EXIT_OUT_OF_MEMORY = 71
KINDS = ("descriptors", "malloc", "address_space", "cgroup")
MIB = 1 << 20


def small_words(chosen):
    return ["--journal-segment-bytes", "1mb", "--checkpoint-bytes", "1mb", "--disk-ballast", "0",
            "--cache-size", chosen.choice(("16mb", "64mb"))]


class Run:
    """One server, hurt once, killed, started again without the limit."""

    accepted_exits = (EXIT_OUT_OF_MEMORY, EXIT_STORAGE_FAILED)

    def __init__(self, options, number, log):
        self.random = random.Random(options.seed * 100_000 + number)
        self.server = HurtServer(options.server, None, small_words(self.random))
        self.load = Load(self.random.random(), log, sizes=(100, 1000, 20_000), keep=300)
        self.outcome = ""
        self.faults = 0

    def prepare_limit(self):
        raise NotImplementedError

    def attack(self):
        """While the load runs."""

    def run(self):
        with self.server.stopped_at_end(), contextlib.ExitStack() as stack:
            try:
                self.prepare_limit(stack)
                self.hurt()
                self.server.expect_no_defect()
                self.server.wrapper, self.server.environment = [], {}
                self.server.start_well()
                if not self.outcome.startswith("start"):
                    with self.server.connect() as connection:
                        self.load.prepare(connection)
                    self.load.verify(self.server)
            except BaseException:
                self.server.keep_directory = True
                raise

    def hurt(self):
        code = self.server.start_or_exit()
        if code is not None:
            self.faults += 1
            expect(code == EXIT_NOT_STARTED or code in self.accepted_exits, "the start ends with", code,
                   "\n" + self.server.log_tail())
            self.outcome = f"start ended ({code})"
            return
        try:
            with self.server.connect(timeout_s=60) as connection:
                self.load.prepare(connection)
            self.load.start(self.server)
            self.attack()
        except GONE:
            pass
        self.load.stop()
        if self.server.has_ended(0 if self.answers() else 20):
            expect(self.server.last_exit in self.accepted_exits, "the server ended with",
                   self.server.last_exit, "\n" + self.server.log_tail())
            self.outcome = f"ended ({self.server.last_exit})"
            self.faults += 1
        else:
            expect(self.answers(), "the server neither serves nor ends\n" + self.server.log_tail())
            self.outcome = "lived"
        self.server.kill()

    def answers(self):
        try:
            with self.server.connect(timeout_s=30) as connection:
                connection.call("PING")
                return True
        except GONE:
            return False


class Descriptors(Run):
    accepted_exits = ()

    def prepare_limit(self, stack):
        self.limit = self.random.randint(112, 256)
        # Root could raise the limit again.
        self.server.wrapper = ["setpriv", "--bounding-set=-sys_resource", "prlimit",
                               f"--nofile={self.limit}:{self.limit}"]

    def attack(self):
        self.load.wait_until_connected()
        held, served, refused = [], 0, 0
        end = time.monotonic() + 2
        try:
            for _ in range(self.limit + 60):
                connection = Connection(self.server.port, timeout_s=30)
                held.append(connection)
                try:
                    reply = connection.call("PING")
                except GONE:
                    raise Violation("a client was turned away without a word") from None
                if reply.is_error:
                    expect(reply.value == b"ERR max number of clients reached", "refused with", reply)
                    refused += 1
                else:
                    served += 1
            expect(served and refused, served, "clients were served,", refused, "refused")
            self.faults += refused
            while time.monotonic() < end:
                held[0].call("BGSAVE")
                time.sleep(0.1)
                # One goes, another one can come.
                held.pop().close()
        finally:
            for connection in held:
                connection.close()
        log = self.server.log_path.read_text(errors="replace")
        expect("checkpoint failed" not in log and "journal:" not in log, "files were missing:\n" + log[-3000:])


class Malloc(Run):
    """Libraries in C do not all look at what malloc answers: such an end is told apart, and loses nothing either."""

    accepted_exits = Run.accepted_exits + (-signal.SIGSEGV,)
    library = None

    def prepare_limit(self, stack):
        if Malloc.library is None:
            folder = tempfile.mkdtemp(prefix="weir-malloc-")
            Malloc.library = f"{folder}/failing_malloc.so"
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", Malloc.library,
                            str(pathlib.Path(__file__).with_name("failing_malloc.c"))], check=True)
        least = self.random.choice((0, 0, 64, 4096, 100_000))
        most = {0: 3_000_000, 64: 1_500_000, 4096: 20_000, 100_000: 1500}[least]
        self.server.environment = {
            "LD_PRELOAD": Malloc.library,
            "WEIR_MALLOC_FAIL_AT": str(max(1, int(most ** self.random.uniform(0.65, 1)))),
            "WEIR_MALLOC_FAIL_COUNT": self.random.choice(("1", "1", "3", "0")),
            "WEIR_MALLOC_FAIL_MIN": str(least)}

    def attack(self):
        end = time.monotonic() + self.random.uniform(0.5, 3)
        while time.monotonic() < end and not self.server.has_ended():
            time.sleep(0.05)

    def describe(self):
        return " ".join(f"{key[12:]}={value}" for key, value in self.server.environment.items()
                        if key.startswith("WEIR"))


class AddressSpace(Run):
    def prepare_limit(self, stack):
        self.megabytes = int(200 * 2 ** self.random.uniform(0, 3.5))
        self.server.wrapper = ["prlimit", f"--as={self.megabytes * MIB}"]
        self.server.options += ["--cache-size", "1gb"]

    def attack(self):
        """Keys that are all kept in memory, and large requests."""
        end = time.monotonic() + 4
        value = b"v" * 200_000
        with self.server.connect(timeout_s=60) as connection:
            number = 0
            while time.monotonic() < end and not self.server.has_ended():
                number += 1
                connection.pipeline([("XADD", f"big{number}", "*", "f", value)] * 10)
                if number % 20 == 0:
                    connection.call("XADD", "large", "MAXLEN", 1, "*", "f", b"v" * (number * 100_000))


class Cgroup(AddressSpace):
    accepted_exits = (EXIT_OUT_OF_MEMORY, EXIT_STORAGE_FAILED, -signal.SIGKILL)

    @staticmethod
    def root():
        for path, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            if os.access(path, os.W_OK) and pathlib.Path(path, "cgroup.procs").exists():
                probe = pathlib.Path(path, f"weir-probe-{os.getpid()}")
                with contextlib.suppress(OSError):
                    probe.mkdir()
                    found = (probe / name).exists()
                    probe.rmdir()
                    if found:
                        return pathlib.Path(path), name
        return None

    def prepare_limit(self, stack):
        root, name = self.root()
        group = root / f"weir-{os.getpid()}-{self.random.randrange(1 << 30)}"
        group.mkdir()
        stack.callback(self._remove, group)
        self.megabytes = self.random.randint(60, 300)
        (group / name).write_text(str(self.megabytes * MIB))
        self.server.wrapper = ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"]
        self.server.options += ["--cache-size", "1gb"]

    @staticmethod
    def _remove(group):
        for _ in range(50):
            with contextlib.suppress(OSError):
                group.rmdir()
                return
            time.sleep(0.1)


CLASSES = {"descriptors": Descriptors, "malloc": Malloc, "address_space": AddressSpace, "cgroup": Cgroup}


def possible_kinds(options):
    kinds = [options.kind] if options.kind else list(KINDS)
    if Cgroup.root() is None and "cgroup" in kinds:
        kinds.remove("cgroup")
        print("no control groups for memory here: left out")
    if not (shutil.which("prlimit") and shutil.which("setpriv")):
        kinds = [kind for kind in kinds if kind in ("malloc", "cgroup")]
    if shutil.which("cc") is None and "malloc" in kinds:
        kinds.remove("malloc")
    return kinds


def main():
    options = hurt_server.parse(__doc__, 200, ((("--kind",), {"choices": KINDS}),))
    kinds = possible_kinds(options)
    hurt_server.skip_unless(kinds, "none of the limits can be set here")
    begin, runs, faults, acknowledged, broken = time.monotonic(), 0, 0, 0, 0
    outcomes = {}
    with hurt_server.evidence("weir-limits-") as folder:
        for number in hurt_server.rounds(options):
            kind = kinds[number % len(kinds)]
            with open(folder / "record.log", "wb") as log:
                run = CLASSES[kind](options, number, log)
                broken += not hurt_server.keeps_its_promises(
                    run, f"run {number}, {kind} {run.server.wrapper} {run.server.environment}")
            runs += 1
            faults += run.faults
            acknowledged += run.load.accepted
            what = f"{kind}: {run.outcome}"
            outcomes[what] = outcomes.get(what, 0) + 1
            print(f"run {number}: {what}, {run.load.accepted} acknowledged", flush=True)
    print("outcomes:", outcomes)
    return hurt_server.conclude("limits", options, begin, runs, faults, broken, acknowledged=acknowledged)


if __name__ == "__main__":
    sys.exit(main())
