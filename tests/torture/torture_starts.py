#!/usr/bin/env python3
"""Starts the server in wrong ways: on half of its data, on somebody else's, twice, on files in odd places.

Each case is a data directory, a command line, and what must come of it: exit code and words, or a server that
has all its data. Nothing may be lost without a word, and when what was wrong is put right after a refused start,
everything is there.
"""

import argparse
import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_TIMEOUT_S = 60
KEYS = 40
BATCH = 20
SEGMENT = ["--journal-segment-bytes", "1mb"]
NOBODY = 65534
REFUSED, CANNOT_START, NOT_READABLE, STARTS = 78, 1, 2, "starts"
# Refused, or met when it is read: RocksDB does not open all tables at start.
TOLD = "told"
# Refused, unless nothing is missing after all: the journal may go back further than the checkpoint.
WHOLE = "whole"


def send(path, commands):
    """Inline commands over a UNIX socket; the raw replies, one read until all have ended."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall("".join(command + "\r\n" for command in commands).encode() + b"PING end\r\n")
        replies = b""
        while not replies.endswith(b"$3\r\nend\r\n"):
            piece = client.recv(1 << 16)
            if not piece:
                break
            replies += piece
        return replies.decode()


class Server:
    """One process; `output` is what it wrote, `code` how it ended (None: it serves)."""

    def __init__(self, binary, directory, words=(), user=None, first_words=()):
        self.socket = pathlib.Path(tempfile.mkdtemp(prefix="weir-s-")) / "s"
        os.chmod(self.socket.parent, 0o777)
        self.command = [str(binary), *first_words, "--port", "0", "--unixsocket", str(self.socket),
                        "--dir", str(directory), "--appendfsync", "always", *SEGMENT, *words]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, user=user)
        self.code = self._wait()

    def _wait(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            code = self.process.poll()
            if code is not None:
                return code
            try:
                send(self.socket, [])
                return None
            except OSError:
                time.sleep(0.02)
        self.kill()
        return "hung"

    @property
    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.socket.parent, ignore_errors=True)
        return self.process.returncode


def fill(server, first, count):
    for at in range(first, first + count, BATCH):  # Each is a turn.
        send(server.socket, [f"XADD s{i % KEYS} * f {'v' * 2000}{i}" for i in range(at, at + BATCH)])


def save(server):
    """A checkpoint; one that runs by itself is let end."""
    while "+OK" not in send(server.socket, ["SAVE"]):
        time.sleep(0.02)


def entries(server):
    replies = send(server.socket, [f"XLEN s{i}" for i in range(KEYS)])
    return sum(int(line[1:]) for line in replies.split("\r\n") if line.startswith(":"))


def tells_of_loss(server):
    """Whether each stream has what its length says, or answers CORRUPT."""
    for i in range(KEYS):
        length, found = (send(server.socket, [command]) for command in (f"XLEN s{i}", f"XRANGE s{i} - +"))
        if "CORRUPT" not in length + found and int(length[1:].split("\r\n")[0]) != found.count("$1\r\nf\r\n"):
            return False
    return True


def listing(directory):
    """Names and contents of all files, LOCK apart."""
    return {str(path.relative_to(directory)): path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if path.is_file() and path.name not in ("LOCK", "LOG")}


class Data:
    """Directories that cases start from, made once."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self.killed = folder / "killed"    # A checkpoint, and a journal with more.
        self.stopped = folder / "stopped"  # A clean stop.
        self.early = folder / "early"      # As `killed`, some time before.
        self.other = folder / "other"      # Another store.
        live = folder / "live"
        server = Server(binary, live)
        fill(server, 0, 1000)
        save(server)
        fill(server, 1000, 500)
        server.kill()
        shutil.copytree(live, self.early)
        server = Server(binary, live)
        fill(server, 1500, 500)
        save(server)
        fill(server, 2000, 1000)
        server.kill()
        shutil.copytree(live, self.killed)
        server = Server(binary, live)
        server.stop()
        shutil.copytree(live, self.stopped)
        server = Server(binary, self.other)
        fill(server, 0, 300)
        server.kill()

    def copy(self, name, source):
        target = self.folder / name
        shutil.copytree(source, target)
        return target


def segments(directory, active=True):
    """Segment files, in order of their place in the journal; those in use, or all."""
    found = []
    for path in (directory / "journal").glob("segment-*"):
        head = path.read_bytes()[:88]
        state = int.from_bytes(head[12:16], "little")
        if not active or state == 1:
            found.append((int.from_bytes(head[32:40], "little"), path))
    return [path for _, path in sorted(found)]


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def put_folder(path):
    remove(path)
    path.mkdir()


def put_file(path):
    remove(path)
    path.write_text("a file")


def put_right(directory, source, before):
    """Undoes what a case has done to a copy of `source`; `before`: what was there when it was started."""
    original = listing(source)
    if (directory / "LOCK").is_dir():
        remove(directory / "LOCK")
    for name in before.keys() - original.keys():
        remove(directory / name)
    for name in (name for name, text in original.items() if before.get(name) != text):
        path = directory / name
        if path.exists():
            remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(original[name])


def tables(directory):
    return sorted((directory / "store").glob("*.sst"))


def manifest(directory):
    return directory / "store" / (directory / "store" / "CURRENT").read_text().strip()


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def cut(path, size):
    os.truncate(path, size)


# (name, source, change, what must come of it, words in the output). 3000 entries is all there is.
def cases():
    yield "sound, killed", "killed", lambda d: None, STARTS, ""
    yield "sound, stopped", "stopped", lambda d: None, STARTS, ""
    yield "LOCK missing", "killed", lambda d: remove(d / "LOCK"), STARTS, ""
    yield "LOCK with somebody's number", "killed", lambda d: (d / "LOCK").write_text("4711"), STARTS, ""
    yield "LOCK is a folder", "killed", lambda d: put_folder(d / "LOCK"), CANNOT_START, "LOCK"
    yield "store missing", "killed", lambda d: remove(d / "store"), REFUSED, "journal but no store"
    yield "store empty", "killed", lambda d: put_folder(d / "store"), REFUSED, "journal but no store"
    yield ("store missing after a stop", "stopped", lambda d: remove(d / "store"), REFUSED,
           "journal but no store")
    yield "journal missing", "killed", lambda d: remove(d / "journal"), REFUSED, "is missing"
    yield "journal missing after a stop", "stopped", lambda d: remove(d / "journal"), REFUSED, "is missing"
    yield "journal empty", "killed", lambda d: put_folder(d / "journal"), REFUSED, "no segments"
    yield "journal empty after a stop", "stopped", lambda d: put_folder(d / "journal"), REFUSED, "no segments"
    yield ("CURRENT missing", "killed", lambda d: remove(d / "store/CURRENT"), REFUSED,
           "journal but no store")

    def without_current_and_journal(directory):
        remove(directory / "store/CURRENT")
        remove(directory / "journal")
    yield "CURRENT and journal missing", "killed", without_current_and_journal, REFUSED, "CURRENT"
    yield "CURRENT empty", "killed", lambda d: (d / "store/CURRENT").write_text(""), REFUSED, "CURRENT"
    yield ("CURRENT names a missing file", "killed",
           lambda d: (d / "store/CURRENT").write_text("MANIFEST-999999\n"), REFUSED, "MANIFEST-999999")
    yield "CURRENT is a folder", "killed", lambda d: put_folder(d / "store/CURRENT"), CANNOT_START, "CURRENT"
    yield "MANIFEST missing", "killed", lambda d: remove(manifest(d)), REFUSED, "MANIFEST"
    yield "MANIFEST empty", "killed", lambda d: cut(manifest(d), 0), REFUSED, ""
    yield "a table missing", "killed", lambda d: remove(tables(d)[-1]), TOLD, ""
    yield "a table empty", "killed", lambda d: cut(tables(d)[-1], 0), TOLD, ""
    yield "OPTIONS and IDENTITY missing", "killed", lambda d: [
        remove(p) for p in (d / "store").iterdir() if p.name[:7] in ("OPTIONS", "IDENTIT")], STARTS, ""
    yield "store is a file", "killed", lambda d: put_file(d / "store"), REFUSED, "store"
    yield "journal is a file", "killed", lambda d: put_file(d / "journal"), CANNOT_START, "journal"
    yield "a segment is a folder", "killed", lambda d: put_folder(segments(d)[-1]), CANNOT_START, "segment"
    yield "a segment empty", "killed", lambda d: cut(segments(d)[-1], 0), REFUSED, "segment"
    yield "a segment cut off", "killed", lambda d: cut(segments(d)[-1], 20000), REFUSED, "cut off"
    yield "oldest segment missing", "killed", lambda d: remove(segments(d)[0]), REFUSED, "turns are missing"
    yield "newest segment missing", "killed", lambda d: remove(segments(d)[-1]), REFUSED, "was durable but"
    yield "a record damaged", "killed", lambda d: flip(segments(d)[-1], 6000), REFUSED, "turns are missing"
    yield "segment made by half", "killed", lambda d: (d / "journal/segment-99.new").write_text("x"), STARTS, ""
    yield "other files about", "killed", lambda d: [
        (d / name).write_text("x") for name in ("note", "journal/note", "store/note")], STARTS, ""


def swap_parts(data):
    """Cases of parts that do not belong together: (name, directory, outcome, words)."""
    def with_part(name, base, part, source):
        directory = data.copy(name.replace(" ", "-"), base)
        remove(directory / part)
        shutil.copytree(source / part, directory / part)
        return directory
    yield ("another store's journal", with_part("j-of-other", data.killed, "journal", data.other), REFUSED,
           "another store")
    yield ("another store", with_part("s-of-other", data.killed, "store", data.other), REFUSED,
           "another store")
    yield ("an older store", with_part("older store", data.killed, "store", data.early), WHOLE,
           "turns are missing")
    mixed = data.copy("mixed", data.killed)
    shutil.copy(segments(data.other)[0], mixed / "journal/segment-98")
    yield "another store's segment", mixed, REFUSED, "another store"


class Runner:
    def __init__(self, arguments):
        self.binary = arguments.server
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-starts-"))
        os.chmod(self.folder, 0o755)
        self.data = Data(self.binary, self.folder)
        self.runs = 0
        self.faults = []

    def fault(self, name, words, output=""):
        self.faults.append(name)
        print(f"FAULT {name}: {words}\n{output[-1500:]}", flush=True)

    def judge(self, name, server, wanted, words, count=3000):
        """`count`: entries that a server must have; None: any number."""
        self.runs += 1
        code, output = server.code, server.output
        if wanted == STARTS:
            if code is not None:
                self.fault(name, f"did not start, code {code}", output)
            elif count is not None and entries(server) != count:
                self.fault(name, f"{entries(server)} entries instead of {count}", output)
        elif wanted == WHOLE and code is None:
            words = ""
            if entries(server) != count:
                self.fault(name, f"{entries(server)} entries instead of {count}, without a word", output)
        elif wanted == WHOLE:
            if code != REFUSED:
                self.fault(name, f"code {code} instead of {REFUSED}", output)
        elif wanted == TOLD:
            if code != REFUSED and (code is not None or not tells_of_loss(server)):
                self.fault(name, f"code {code}, and no word of what is missing", output)
        elif code != wanted:
            self.fault(name, f"code {code} instead of {wanted}", output)
        if words not in output:
            self.fault(name, f"does not say '{words}'", output)
        if code is None and server.stop() != 0:
            self.fault(name, f"stopped with {server.process.returncode}", server.output)
        server.stop()

    def run_table(self):
        for name, source, change, wanted, words in cases():
            directory = self.data.copy("case", getattr(self.data, source))
            change(directory)
            before = listing(directory)
            self.judge(name, Server(self.binary, directory), wanted, words)
            if wanted not in (STARTS, TOLD):
                put_right(directory, getattr(self.data, source), before)
                self.judge(f"{name}, put right", Server(self.binary, directory), STARTS, "")
            shutil.rmtree(directory)
        for name, directory, wanted, words in swap_parts(self.data):
            self.judge(name, Server(self.binary, directory), wanted, words)

    def run_processes(self):
        directory = self.data.copy("two", self.data.killed)
        first = Server(self.binary, directory)
        self.judge("a second server", Server(self.binary, directory), CANNOT_START, "in use by another process")
        self.check("--check of a running server", directory, NOT_READABLE, "in use")
        copied = self.folder / "copied-live"
        fill(first, 3000, 200)
        with contextlib.suppress(shutil.Error):  # A file that has gone meanwhile.
            shutil.copytree(directory, copied)
        self.judge("the first server goes on", first, STARTS, "", 3200)
        server = Server(self.binary, copied)
        wanted = STARTS if server.code is None else REFUSED
        self.judge("copied while live", server, wanted, "", None)

    def check(self, name, directory, wanted, words):
        self.runs += 1
        ended = subprocess.run([self.binary, "--check", str(directory)], capture_output=True, text=True,
                               timeout=120, check=False)
        if ended.returncode != wanted or words not in ended.stdout + ended.stderr:
            self.fault(name, f"code {ended.returncode}", ended.stdout + ended.stderr)

    def run_checks(self):
        self.check("--check of a missing folder", self.folder / "nowhere", NOT_READABLE, "no directory")
        self.check("--check of sound data", self.data.copy("c1", self.data.killed), 0, "OK")
        damaged = self.data.copy("c2", self.data.killed)
        flip(segments(damaged)[-1], 6000)
        self.check("--check of a damaged journal", damaged, NOT_READABLE, "turns are missing")
        self.check("--check of a folder with nothing in it", self.folder, NOT_READABLE, "no store")

    def run_acceptance(self):
        directory = self.data.copy("loss", self.data.killed)
        flip(segments(directory)[-1], 40000)
        self.judge("damage without leave", Server(self.binary, directory), REFUSED, "turns are missing")
        server = Server(self.binary, directory, first_words=["--accept-loss"])
        left = entries(server) if server.code is None else 0
        if not 2000 <= left < 3000:
            self.fault("--accept-loss", f"{left} entries are left", server.output)
        self.judge("--accept-loss", server, STARTS, "loss accepted", left)
        self.judge("after it", Server(self.binary, directory), STARTS, "", left)
        sound = self.data.copy("sound", self.data.killed)
        self.judge("--accept-loss of sound data",
                   Server(self.binary, sound, first_words=["--accept-loss"]), STARTS, "")
        self.judge("--accept-loss among the options", Server(self.binary, sound, ["--accept-loss", "yes"]),
                   CANNOT_START, "accept-loss")

    def run_places(self):
        file = self.folder / "file"
        file.write_text("x")
        self.judge("--dir is a file", Server(self.binary, file), CANNOT_START, "not a directory")
        self.judge("--dir below a file", Server(self.binary, file / "below"), CANNOT_START, str(file))
        new = self.folder / "a new" / "place ü"
        self.judge("--dir is made", Server(self.binary, new), STARTS, "", 0)
        link = self.folder / "link"
        link.symlink_to(self.data.copy("target", self.data.killed))
        self.judge("--dir is a link", Server(self.binary, link), STARTS, "")
        dangling = self.folder / "dangling"
        dangling.symlink_to(self.folder / "nothing")
        self.judge("--dir is a link to nothing", Server(self.binary, dangling), CANNOT_START, "dangling")
        few = self.data.copy("few", self.data.killed)
        self.judge("fewer databases than before", Server(self.binary, few, ["--databases", "2"]),
                   CANNOT_START, "databases")
        if os.geteuid() == 0:
            own = self.data.copy("of-root", self.data.killed)
            os.chmod(own, 0o700)
            self.judge("a folder of somebody else", Server(self.binary, own, user=NOBODY), CANNOT_START,
                       "ermission denied")
            os.chmod(own, 0o777)
            self.judge("files of somebody else", Server(self.binary, own, user=NOBODY), CANNOT_START,
                       "ermission denied")
            own = self.data.copy("store-of-root", self.data.killed)
            for path in (own, own / "LOCK", own / "journal", *(own / "journal").iterdir()):
                os.chown(path, NOBODY, NOBODY)
            self.judge("a store of somebody else", Server(self.binary, own, user=NOBODY), CANNOT_START,
                       "ermission denied")
            readable = self.data.copy("read-only", self.data.killed)
            os.chmod(readable, 0o555)
            self.judge("a folder that may only be read", Server(self.binary, readable, user=NOBODY),
                       CANNOT_START, "ermission denied")

    def run(self):
        self.run_table()
        self.run_processes()
        self.run_checks()
        self.run_acceptance()
        self.run_places()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/dev", help="folder of the build tree")
    parser.add_argument("--server", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="times that all cases are run")
    arguments = parser.parse_args()
    arguments.server = (arguments.server or pathlib.Path(arguments.build) / "bin/weir-server").resolve()
    random.seed(arguments.seed)
    print(f"seed {arguments.seed}", flush=True)
    begin = time.monotonic()
    runs, faults = 0, 0
    for _ in range(arguments.runs):
        runner = Runner(arguments)
        runner.run()
        runs += runner.runs
        faults += len(runner.faults)
        if not runner.faults:
            shutil.rmtree(runner.folder)
    print(f"torture: starts runs={runs} faults={faults} seed={arguments.seed} "
          f"seconds={time.monotonic() - begin:.0f}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
