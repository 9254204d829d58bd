"""Starts, kills and restarts a server binary for tests: free port, temporary folder, never port 6379.

The same command line works for weir-server and redis-server; what only one of them knows is chosen by
flavour(), which asks the binary for its version.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from resp_client import Connection

START_TIMEOUT_S = 30


def flavour(path):
    """"redis" or "weir"."""
    text = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    return "redis" if text.startswith("Redis server") else "weir"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return free_port() if port == 6379 else port


class ServerProcess:
    """One server on 127.0.0.1 with a data folder of its own. Use as a context manager.

    durable=True fsyncs before every reply; otherwise nothing needs to survive. options are further
    "--name", "value" words. With WEIR_KEEP in the environment the folder is left when the block raises.
    """

    def __init__(self, path, options=(), durable=False, directory=None):
        self.path = str(path)
        self.flavour = flavour(self.path)
        self.options = [str(option) for option in options]
        self.durable = durable
        self.keep_directory = directory is not None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="weir-test-"))
        self.environment = None  # Of the server; None = as ours.
        self.port = None
        self.process = None

    def __enter__(self):
        self.start()
        return self

    @contextlib.contextmanager
    def stopped_at_end(self):
        """For a caller that starts and kills by itself: cleans up whatever is left."""
        try:
            yield self
        finally:
            self.__exit__(None)

    def __exit__(self, error_type, *_):
        self.kill()
        if error_type is not None and os.environ.get("WEIR_KEEP"):
            print(f"data and log of the server are left in {self.directory}")
        elif not self.keep_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def command_line(self):
        words = [self.path, "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                 str(self.directory), "--appendfsync", "always" if self.durable else "no"]
        if self.flavour == "redis":
            words += ["--save", "", "--appendonly", "yes" if self.durable else "no"]
            words += ["--enable-debug-command", "local"]
        return words + self.options

    def start(self):
        """Returns when the server answers PING; a port lost to somebody else is tried again."""
        for attempt in range(5):
            self.port = free_port()
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(self.command_line(), stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=subprocess.STDOUT,
                                                env=self.environment)
            if self._wait_until_ready() or attempt == 4:
                break
        if self.process is None:
            raise RuntimeError(f"{self.path} does not start:\n{self.log_tail()}")

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.process = None
                return False
            try:
                with Connection(self.port, timeout_s=5) as client:
                    reply = client.call("PING")
                    # Where a password is set, others can log in.
                    if not reply.is_error or reply.value.startswith(b"NOAUTH"):
                        return True
            except (OSError, EOFError):
                pass
            time.sleep(0.005)
        self.kill()
        return False

    @property
    def pid(self):
        return self.process.pid

    @property
    def log_path(self):
        return self.directory / "server.log"

    def log_tail(self):
        return self.log_path.read_text(errors="replace")[-4000:]

    def connect(self, timeout_s=10):
        return Connection(self.port, timeout_s=timeout_s)

    def kill(self):
        """SIGKILL; does nothing when the server is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self, timeout_s=30):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout_s)
        self.process = None
        return code

    def restart(self):
        self.kill()
        self.start()

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
