"""Servers that are started to be hurt: data and log apart, what they may end with, options of all such harnesses."""

import argparse
import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from disk_load import GONE, Violation, expect
from server_process import ServerProcess

SKIPPED = 77
EXIT_NOT_STARTED = 1
EXIT_STORAGE_FAILED = 75
DEFECTS = ("CHECK failed", "Assertion", "terminate called", "Sanitizer")


class HurtServer(ServerProcess):
    """`wrapper` are words before the server's own, `environment` is added to ours."""

    def __init__(self, path, data, options=(), wrapper=(), environment=None, fsync="always"):
        super().__init__(path, options=options)
        self.data = pathlib.Path(data) if data else self.directory / "data"
        self.wrapper = list(wrapper)
        self.environment = dict(environment or {})
        self.fsync = fsync
        self.last_exit = None

    def command_line(self):
        return self.wrapper + [self.path, "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                               str(self.data), "--appendfsync", self.fsync] + self.options

    def launch(self):
        """Starts it without waiting for anything."""
        from server_process import free_port  # pylint: disable=import-outside-toplevel
        self.port = free_port()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command_line(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment}, start_new_session=True)

    def start_or_exit(self, patience_s=60):
        """None when it answers, otherwise the exit code."""
        self.launch()
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            code = self.process.poll()
            if code is not None:
                self.process = None
                return code
            with contextlib.suppress(OSError, EOFError, Exception):
                with self.connect(timeout_s=5) as client:
                    client.call("PING")
                    return None
            time.sleep(0.01)
        raise Violation(f"the server neither answers nor ends in {patience_s} s")

    def start_well(self):
        code = self.start_or_exit()
        expect(code is None, "the server does not start, exit code", code, "\n" + self.log_tail())

    def exit_code(self, patience_s=0.0):
        """None while it runs."""
        if self.process is None:
            return None
        try:
            self.last_exit = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None
        self.process = None
        return self.last_exit

    def has_ended(self, patience_s=0.0):
        """last_exit says how."""
        return self.exit_code(patience_s) is not None or self.process is None

    def kill(self):
        """The whole group: what wraps it, too."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            self._wait_for_lock()

    def _wait_for_lock(self):
        """What it wrapped may take longer to die than the wrapper."""
        if not (self.data / "LOCK").exists():
            return
        deadline = time.monotonic() + 30
        with open(self.data / "LOCK", "rb") as lock:
            while time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                time.sleep(0.02)

    def expect_no_defect(self):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        for word in DEFECTS:
            expect(word not in text, "the log has", repr(word), "\n" + text[-3000:])

    def check(self):
        done = subprocess.run([self.path, "--check", str(self.data)], capture_output=True, text=True,
                              check=False, timeout=120)
        expect(done.returncode == 0, "--check exits", done.returncode, "\n" + done.stdout + done.stderr)


def parse(description, runs, extra=()):
    parser = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build/dev")
    parser.add_argument("--server", help="default: bin/weir-server of the build")
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--minutes", type=float, help="instead of --runs")
    parser.add_argument("--seed", type=int)
    for words, settings in extra:
        parser.add_argument(*words, **settings)
    options = parser.parse_args()
    if options.server is None:
        options.server = str(pathlib.Path(options.build) / "bin" / "weir-server")
    if options.seed is None:
        options.seed = time.time_ns() % 1_000_000
    print(f"seed {options.seed}", flush=True)
    return options


def skip_unless(condition, reason):
    if not condition:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)


def rounds(options):
    """Numbers of runs until they are done or the time is up."""
    end = None if options.minutes is None else time.monotonic() + options.minutes * 60
    number = 0
    while number < options.runs if end is None else time.monotonic() < end:
        yield number
        number += 1


@contextlib.contextmanager
def evidence(prefix):
    """A folder that stays when the block raises."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def keeps_its_promises(run, title):
    """Runs it; False, said with `title` and where the evidence is, when something was broken."""
    try:
        run.run()
    except (Violation, *GONE) as error:
        print(f"BROKEN {title}: {error}\n  data, logs: {run.server.directory}", flush=True)
        return False
    return True


def conclude(name, options, begin, runs, injected, broken, **figures):
    """Prints the last line; the exit code. `injected`: what was done to the server, `broken`: promises."""
    words = " ".join(f"{key}={value}" for key, value in figures.items())
    print(f"torture: {name} runs={runs} faults={broken} seed={options.seed} "
          f"seconds={time.monotonic() - begin:.0f} injected={injected} {words}".rstrip(), flush=True)
    return 1 if broken else 0
