"""What the torture harnesses share: options, a server under load, checks after each blow, first and last line."""

import argparse
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from checker import check  # noqa: E402
from history import Reader  # noqa: E402
from load import Drain, Load, keys_of, prepare  # noqa: E402
from raw_client import Gone, RawClient, ServerError, take_dump  # noqa: E402
import server_process  # noqa: E402

SKIPPED = 77
# Disks of shared machines have been seen to stand still for half a minute.
server_process.START_TIMEOUT_S = 180
ROUND_BLOWS = 5  # Blows to the streams of one round, before they are worked off and removed.


class Broken(Exception):
    """A promise was broken."""


def parser_of(description, runs):
    parser = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build/dev", help="build folder with bin/weir-server")
    parser.add_argument("--server", help="another server")
    parser.add_argument("--seed", type=int, default=None, help="default: taken from the clock")
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--minutes", type=float, default=None, help="end after this time, whatever --runs says")
    parser.add_argument("--pace", type=float, default=1.0, help="how fast the clients work")
    return parser


def server_path(options):
    return options.server or str(pathlib.Path(options.build) / "bin" / "weir-server")


class Trial:
    """A server, its clients, and all that is known of the streams of the current round.

    Use as a context manager; keep() leaves data, logs and records behind.
    """

    def __init__(self, options, server_options=()):
        self.options = options
        self.seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
        print(f"seed {self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-torture-"))
        self.server = server_process.ServerProcess(server_path(options), directory=self.folder)
        self.use_folder(self.folder / "data")
        self.server_options = list(server_options)
        self.load = None
        self.number = -1
        self.blows = 0
        self.ops_count = 0
        self.acked_count = 0
        self.starts_s = []
        self.began = time.monotonic()
        self._kept = False

    def __enter__(self):
        self.load = Load(self.seed, self.folder, self.options.pace)
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.load.__exit__()

    def clean_up(self):
        if not self._kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self):
        self._kept = True
        self.server.keep_directory = True

    def use_folder(self, data):
        """Where the server keeps its data from its next start on."""
        data.mkdir(exist_ok=True)
        self.server.directory = data

    # The server.

    def start(self, appendfsync):
        """Seconds until the server answered."""
        self.server.options = ["--appendfsync", appendfsync, *self.server_options]
        begin = time.monotonic()
        self.server.start()
        ready_s = time.monotonic() - begin
        self.starts_s.append(ready_s)
        return ready_s

    def kill(self):
        self.server.kill()
        self.kills.append(time.monotonic_ns())

    def check_store(self):
        done = subprocess.run([self.server.path, "--check", str(self.server.directory)], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"--check exits {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    # A round: new streams, several blows, then everything is worked off.

    def begin_round(self, appendfsync):
        self.number += 1
        self.kills, self.losses, self.dumps = [], [], []
        with RawClient(self.server.port) as client:
            # The streams themselves are not to be lost.
            client.ask("CONFIG", "SET", "appendfsync", "always")
            prepare(client, self.number)
            client.ask("CONFIG", "SET", "appendfsync", appendfsync)
        self.reader = Reader(self.load.round_folder(self.number))

    def work(self):
        """The clients go on, on the server that runs now."""
        self.load.start(self.server.port, self.number)

    def rest(self):
        """The clients finish what they do."""
        self.load.stop()
        self.collect()

    def collect(self):
        """Waits for clients that have stopped or lost their server."""
        self.ops_count += self.load.wait()

    def verify(self):
        """Looks at everything while nobody works; Broken if a rule is."""
        with RawClient(self.server.port) as client:
            self.dumps.append(take_dump(client, keys_of(self.number)))
        violations = check(self.reader.read(), self.dumps, self.kills, self.losses)
        if violations:
            raise Broken("\n".join(f"{rule} {words}" for rule, words in violations))

    def end_round(self):
        """Works everything off, looks once more, removes the streams and their records."""
        Drain(self.reader.folder, self.number).run_once(self.server.port)
        self.verify()
        self.acked_count += sum(op.outcome == "ok" for op in self.reader.ops)
        with RawClient(self.server.port) as client:
            letters = client.ask("KEYS", "*:dead:*")
            client.ask("DEL", *keys_of(self.number), *letters)
        shutil.rmtree(self.reader.folder)

    def goes_on(self, done):
        """Whether another run is wanted."""
        minutes = self.options.minutes
        if minutes is not None:
            return time.monotonic() - self.began < 60 * minutes
        return done < self.options.runs

    def report(self, name, runs, faults, **more):
        seconds = time.monotonic() - self.began
        more = "".join(f" {key}={value}" for key, value in more.items())
        print(f"torture: {name} runs={runs} faults={faults} seed={self.seed} seconds={seconds:.0f} "
              f"operations={self.ops_count} answered={self.acked_count} "
              f"median_start_s={statistics.median(self.starts_s or [0]):.2f} "
              f"longest_start_s={max(self.starts_s, default=0):.2f}{more}", flush=True)


def run_trial(name, trial, body):
    """body(trial) gives (runs, further figures); prints the last line and gives the exit code."""
    with trial:
        try:
            runs, more = body(trial)
        except (Broken, Gone, ServerError, RuntimeError, OSError, subprocess.SubprocessError) as error:
            trial.keep()
            print(f"FAILED with --seed {trial.seed}: {type(error).__name__}: {error}\n"
                  f"data, log and records are left in {trial.folder}")
            trial.report(name, trial.blows, 1)
            return 1
        trial.report(name, runs, 0, **more)
    trial.clean_up()
    return 0
