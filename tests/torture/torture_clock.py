#!/usr/bin/python3
"""Clock jumps under load: an hour back, ten years back, ten years ahead, frozen; ids still go up.

libfaketime gives the server its system clock and leaves the monotonic one alone. Each jump comes while clients work; every
other one is followed by a kill and a restart on the new clock. All rules of checker.py hold: ids ascend, no claim takes
what was handed out less than min-idle ago (one in six asks for an hour), no letter comes early. And what is pending is not
older than it is: idle times stay those of the real time that has passed.
"""

import glob
import os
import sys
import time

from facts import Facts
from harness import ROUND_BLOWS, SKIPPED, Broken, Trial, parser_of, run_trial

YEARS_S = 10 * 365 * 86400
# What the store's clock may be off after a restart, and what rounding and a loaded machine add.
IDLE_SLACK_MS = 3000


class FakeClock:
    """The file from which the server's clock is read at each look."""

    def __init__(self, folder, choices):
        self.path = folder / "clock"
        self.choices = choices
        self.offset_s = 0
        self._write("+0")

    def environment(self, library):
        return {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def _write(self, text):
        # In one go: the server may read at any time.
        new = self.path.with_suffix(".new")
        new.write_text(text + "\n", encoding="ascii")
        new.rename(self.path)

    def jump(self):
        """Chooses a jump and says which."""
        kind = self.choices.choice(("-1 h", "-10 y", "+10 y", "frozen", "right"))
        self.offset_s = {"-1 h": self.offset_s - 3600, "-10 y": -YEARS_S, "+10 y": YEARS_S}.get(kind, 0)
        if kind == "frozen":
            self._write(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + self.offset_s)))
        else:
            self._write(f"{self.offset_s:+d}")
        return kind


def check_idle_times(trial):
    facts = Facts(trial.reader.ops, trial.dumps, trial.kills)
    moment = trial.dumps[-1]["time"]
    for key, stream in trial.dumps[-1]["streams"].items():
        for name, group in stream["groups"].items():
            deliveries = facts.stream(key).group(name).deliveries
            for entry_id, _, idle_ms, _ in group["rows"]:
                if entry_id in deliveries:
                    earliest = min(delivery.invoked for delivery in deliveries[entry_id])
                    most_ms = (moment - earliest) / 1e6 + IDLE_SLACK_MS
                    # The dump is stamped before it is taken.
                    most_ms += (time.monotonic_ns() - moment) / 1e6
                    if not 0 <= idle_ms <= most_ms:
                        raise Broken(f"{key} {name}: {entry_id} is idle for {idle_ms} ms, handed out "
                                     f"{most_ms:.0f} ms ago at most")


def one_jump(trial, clock):
    trial.work()
    trial.load.let_work(trial.random.uniform(0.1, 0.7))
    kind = clock.jump()
    trial.load.let_work(trial.random.uniform(0.1, 0.7))
    restarts = trial.blows % 2 == 1
    if restarts:
        trial.kill()
        trial.collect()
        trial.start("always")
    else:
        trial.rest()
    trial.verify()
    check_idle_times(trial)
    trial.blows += 1
    print(f"{trial.blows}: {kind}{', killed' if restarts else ''}, {len(trial.reader.ops)} operations", flush=True)


def body(trial, clock):
    trial.start("always")
    while trial.goes_on(trial.blows):
        trial.begin_round("always")
        for _ in range(ROUND_BLOWS):
            one_jump(trial, clock)
            if not trial.goes_on(trial.blows):
                break
        trial.end_round()
    trial.server.stop()
    return trial.blows, {}


def main():
    options = parser_of(__doc__, 1000).parse_args()
    libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not libraries:
        print("skipped: libfaketime is not there (package faketime)")
        return SKIPPED
    trial = Trial(options)
    clock = FakeClock(trial.folder, trial.random)
    trial.server.environment = {**os.environ, **clock.environment(libraries[0])}
    return run_trial("clock", trial, lambda trial: body(trial, clock))


if __name__ == "__main__":
    sys.exit(main())
