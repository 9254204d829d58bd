#!/usr/bin/python3
"""Fills the disk, by the server's own data or by another file, and looks what was acknowledged (F6).

  torture_full.py [--runs CYCLES] [--place tmpfs|ext4|both] [--megabytes 64] [--ballast on|off|both]

A life is a server on a small disk of its own, with drawn options; it goes through ten cycles. In each one the disk
gets full in one of the ways of KINDS while producers and consumers work, and gets room again. Must hold: no reply
says that something was stored which is not there, and none says MISCONF for what is; reads and INFO work; below the
floor, acknowledging and trimming work; the server lives, or ends as documented and starts again; 20 s after the room
is back at the latest everything is accepted. Needs root, for mount.
"""

import random
import shutil
import sys
import time

import hurt_server
from disk_load import GONE, Load, Violation, expect, is_refusal, is_unknown, trim
from hurt_server import EXIT_NOT_STARTED, EXIT_STORAGE_FAILED, HurtServer
from load_record import fields
from small_disk import MIB, SmallDisk, is_possible

KINDS = ("fill", "fill", "eaten", "bites", "bites", "eaten_and_killed")
CYCLES_PER_LIFE = 10
BACK_S = 20
NEEDY_BYTES = 8 * MIB
STREAM_BYTES = (100, 1000, 4000, 16000)


class Life:
    def __init__(self, options, number, place, log):
        self.random = random.Random(options.seed * 1000 + number)
        self.log = log
        size = options.megabytes if number % 4 else options.megabytes * self.random.choice((1, 2, 4))
        self.disk = SmallDisk(place, size)
        ballast = {"on": "auto", "off": "0"}.get(options.ballast) or self.random.choice(("auto", "0"))
        floor = self.random.choice(("auto", "auto", "auto", "4mb", "16mb", "0"))
        self.words = ["--disk-ballast", ballast, "--min-free-disk", floor,
                      "--cache-size", self.random.choice(("16mb", "128mb"))]
        self.server = HurtServer(options.server, self.disk.path / "data", self.words,
                                 fsync=self.random.choice(("always", "always", "everysec")))
        self.load = Load(self.random.random(), log, sizes=STREAM_BYTES, keep=500)
        self.guarded = floor != "0"
        self.faults = self.exits = self.refused_starts = self.helped = 0
        self.slowest_back_s = 0.0

    def describe(self):
        return f"{self.disk.kind} {self.disk.megabytes} MB {' '.join(self.words)} {self.server.fsync}"

    def run(self, cycles):
        with self.disk, self.server.stopped_at_end():
            try:
                self.server.start_well()
                with self.server.connect() as connection:
                    self.load.prepare(connection)
                for _ in range(cycles):
                    kind = self.random.choice(KINDS)
                    getattr(self, kind)()
                    self.come_back(kind)
                code = self.server.stop()
                expect(code == 0, "a clean stop ends with", code)
                self.server.expect_no_defect()
                self.server.check()
            except BaseException:
                self.server.keep_directory = True
                self.server.kill()
                shutil.copytree(self.server.data, self.server.directory / "data", dirs_exist_ok=True)
                print(f"  data and log: {self.server.directory}")
                raise

    # Ways to a full disk.

    def fill(self):
        """Producers write until they are refused; then what is to free space must work."""
        self.load.set_trimming(False)
        self.load.start(self.server)
        self.wait_for_refusals(60)
        self.load.stop()
        if self.server.has_ended():
            return self.note_exit()
        self.faults += 1
        with self.server.connect(timeout_s=60) as connection:
            self.expect_reads(connection)
            state = self.writes(connection)
            expect(not self.guarded or state in (b"no-growth", b"none", b"all"), "INFO says", state)
            freed = True
            for record in self.load.records:
                # Refused only below the second threshold.
                freed = trim(connection, record, 100) and freed
            expect(freed or self.writes(connection) != b"no-growth" or
                   self.retry_trim(connection), "trimming is refused while only growth should be")
            if not freed:
                self.make_room_from_outside(connection)
        self.load.set_trimming(True)
        return None

    def make_room_from_outside(self, connection):
        """Nothing but reads goes: an operator has to help. Here the disk gets a little larger."""
        self.disk.grow(32)
        deadline = time.monotonic() + BACK_S
        for record in self.load.records:
            while not trim(connection, record, 100):
                expect(time.monotonic() < deadline, "trimming does not work although there is room")
                time.sleep(0.1)

    def retry_trim(self, connection):
        return all(trim(connection, record, 100) for record in self.load.records)

    def eaten(self):
        """All of the disk at once, held for a while under load."""
        self.load.start(self.server)
        time.sleep(self.random.uniform(0.05, 1.0))
        self.bite()
        time.sleep(self.random.uniform(0.1, 2.0))
        if not self.server.has_ended():
            with self.server.connect(timeout_s=60) as connection:
                try:
                    self.expect_reads(connection)
                except GONE:
                    pass
        self.disk.give_back()
        self.load.stop()
        if self.server.has_ended(5 if self.gone() else 0):
            self.note_exit()

    def bites(self):
        """Again and again for moments, with checkpoints asked for all the time."""
        self.load.start(self.server)
        end = time.monotonic() + self.random.uniform(0.5, 3.0)
        try:
            with self.server.connect(timeout_s=60) as connection:
                while time.monotonic() < end:
                    if self.random.random() < 0.7:
                        connection.call("BGSAVE")
                    time.sleep(self.random.uniform(0, 0.05))
                    self.bite()
                    time.sleep(self.random.uniform(0, 0.3))
                    self.disk.give_back()
                    time.sleep(self.random.uniform(0, 0.2))
        except GONE:
            pass
        self.disk.give_back()
        self.load.stop()
        if self.server.has_ended(5 if self.gone() else 0):
            self.note_exit()

    def eaten_and_killed(self):
        """Killed while the disk is full; the start on a full disk works, or says why not."""
        self.load.start(self.server)
        time.sleep(self.random.uniform(0.05, 1.0))
        self.bite()
        time.sleep(self.random.uniform(0, 0.5))
        if self.server.has_ended():
            self.expect_documented()
        self.server.kill()
        self.load.stop()
        code = self.server.start_or_exit()
        if code is not None:
            expect(code in (EXIT_NOT_STARTED, EXIT_STORAGE_FAILED), "a start on a full disk ends with",
                   code, "\n" + self.server.log_tail())
            self.refused_starts += 1
        self.disk.give_back()
        if code is not None:
            self.server.start_well()
        elif self.server.has_ended(0.2):
            self.note_exit()

    def bite(self):
        self.disk.eat(self.random.choice((0, 0, 0, 100_000, MIB, 3 * MIB)))
        self.faults += 1

    # What must hold.

    def gone(self):
        try:
            with self.server.connect(timeout_s=60) as connection:
                connection.call("PING")
            return False
        except GONE:
            return True

    def writes(self, connection):
        reply = connection.call("INFO", "persistence")
        return next((line.split(b":")[1] for line in reply.value.split(b"\r\n")
                     if line.startswith(b"weir_writes:")), None)

    def wait_for_refusals(self, patience_s):
        begin, before = time.monotonic(), self.load.refused
        while self.load.refused < before + 20 and not self.server.has_ended():
            expect(time.monotonic() - begin < patience_s, "nothing is refused in", patience_s, "s:",
                   self.disk.free_bytes(), "bytes are free")
            time.sleep(0.02)

    def expect_reads(self, connection):
        for record in self.load.records:
            reply = connection.call("XREVRANGE", record.key, "+", "-", "COUNT", 5)
            expect(not reply.is_error, "a read is answered by", reply)
            reply = connection.call("XINFO", "STREAM", record.key)
            expect(not reply.is_error, "XINFO is answered by", reply)
            fields(reply)
        expect(not connection.call("INFO").is_error, "INFO fails")
        expect(not connection.call("PING").is_error, "PING fails")

    def expect_documented(self):
        expect(self.server.last_exit == EXIT_STORAGE_FAILED, "the server ended with",
               self.server.last_exit, "\n" + self.server.log_tail())
        self.exits += 1

    def note_exit(self):
        """It ended by itself: only as documented, and it starts again."""
        self.disk.give_back()
        self.expect_documented()
        if self.disk.free_bytes() < 4 * MIB:
            self.disk.grow(16)
        self.server.start_well()

    def come_back(self, kind):
        """There is room: everything is accepted soon, and everything acknowledged is there."""
        begin = time.monotonic()
        with self.server.connect(timeout_s=60) as connection:
            while True:
                reply = connection.call("XADD", "probe", "MAXLEN", 10, "*", "f", "v")
                if not reply.is_error:
                    break
                # What is deleted goes when tables are merged, and that may take more than is left.
                if self.disk.free_bytes() < NEEDY_BYTES and time.monotonic() - begin > BACK_S / 2:
                    self.disk.grow(32)
                    self.helped += 1
                expect(is_refusal(reply) or is_unknown(reply), "XADD is answered by", reply)
                expect(time.monotonic() - begin < BACK_S, "no write in", BACK_S, "s after", kind, ":",
                       reply, self.disk.free_bytes(), "bytes are free\n" + self.server.log_tail())
                time.sleep(0.05)
        self.slowest_back_s = max(self.slowest_back_s, time.monotonic() - begin)
        self.load.set_trimming(True)
        self.load.verify(self.server)
        self.server.expect_no_defect()


def main():
    options = hurt_server.parse(__doc__, 100, (
        (("--place",), {"choices": ("tmpfs", "ext4", "both"), "default": "both"}),
        (("--megabytes",), {"type": int, "default": 64}),
        (("--ballast",), {"choices": ("on", "off", "both"), "default": "both"})))
    places = [kind for kind in ("tmpfs", "ext4") if options.place in (kind, "both") and is_possible(kind)]
    hurt_server.skip_unless(places, "mounting needs root")
    begin, cycles, faults, exits, refused_starts, helped, accepted, refused, slowest, broken = (
        time.monotonic(), 0, 0, 0, 0, 0, 0, 0, 0.0, 0)
    with hurt_server.evidence("weir-full-") as folder, open(folder / "record.log", "wb") as log:
        for number in hurt_server.rounds(options):
            count = min(CYCLES_PER_LIFE, options.runs - cycles) if options.minutes is None else CYCLES_PER_LIFE
            if count <= 0:
                break
            life = Life(options, number, places[number % len(places)], log)
            print(f"life {number}: {life.describe()}", flush=True)
            try:
                life.run(count)
            except (Violation, OSError) as error:
                broken += 1
                print(f"BROKEN in life {number}: {error}\n  record: {folder}", flush=True)
                break
            cycles += count
            faults += life.faults
            exits += life.exits
            refused_starts += life.refused_starts
            helped += life.helped
            accepted += life.load.accepted
            refused += life.load.refused
            slowest = max(slowest, life.slowest_back_s)
            print(f"  cycles {cycles}, acknowledged {accepted}, refused {refused}, exits {exits}, "
                  f"starts refused {refused_starts}, back after at most {slowest:.1f} s", flush=True)
        if broken:
            sys.exit(hurt_server.conclude("full", options, begin, cycles, faults, broken))
    return hurt_server.conclude("full", options, begin, cycles, faults, broken, acknowledged=accepted,
                                refused=refused, exits=exits, starts_refused=refused_starts, helped=helped,
                                slowest_return_s=f"{slowest:.1f}")


if __name__ == "__main__":
    sys.exit(main())
