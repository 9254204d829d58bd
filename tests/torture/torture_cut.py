#!/usr/bin/python3
"""Power cuts under load on ext4; acknowledged changes must be there when the power is back.

The data lie on ext4 on a loop device, which is shut down by EXT4_IOC_SHUTDOWN while clients work (power.py), with its
journal flushed (flag 1) or not (flag 2). What was answered before that call must be there afterwards; what was answered
between it and the death of the server may be there or not. Then `--check`, restart, and all rules of checker.py. In every
fourth round with appendfsync everysec: the last two seconds may be lost, but without a gap.
"""

import sys
import time

from harness import ROUND_BLOWS, SKIPPED, Trial, parser_of, run_trial
from power import FLUSH_LOG, NO_FLUSH_LOG, CutDisk, Unavailable

MOST_LOST_NS = {"always": 0, "everysec": 2_000_000_000}
LONGEST_LIFE_MS = {"always": 1500, "everysec": 5000}


def one_cut(trial, disk, appendfsync):
    flags = trial.random.choice((FLUSH_LOG, NO_FLUSH_LOG))
    life_ms = trial.random.uniform(20, LONGEST_LIFE_MS[appendfsync])
    trial.work()
    trial.load.let_work(life_ms / 1000)
    cut_at = cut_power(trial, disk, flags, trial.random.choice((0, 0, 5, 50)))
    # What came back from the cut before this one is on disk.
    before = trial.kills[-2] if len(trial.kills) > 1 else 0
    trial.losses.append((max(cut_at - MOST_LOST_NS[appendfsync], before), trial.kills[-1]))
    trial.check_store()
    ready_s = trial.start(appendfsync)
    trial.verify()
    trial.blows += 1
    print(f"{trial.blows}: {appendfsync}, cut with flag {flags} after {life_ms:.0f} ms, ready after "
          f"{ready_s * 1000:.0f} ms, {len(trial.reader.ops)} operations in {len(trial.kills)} lives", flush=True)


def cut_power(trial, disk, flags, live_on_ms):
    """The moment of the cut; the server lives on for a while, then the disk is as after a reboot."""
    cut_at = time.monotonic_ns()
    disk.cut(flags)
    trial.load.let_work(live_on_ms / 1000)
    trial.kill()
    trial.collect()
    disk.power_on()
    return cut_at


def body(trial, disk):
    trial.start("always")
    while trial.goes_on(trial.blows):
        mode = "everysec" if trial.number % 4 == 2 else "always"
        trial.begin_round(mode)
        for _ in range(ROUND_BLOWS):
            one_cut(trial, disk, mode)
            if not trial.goes_on(trial.blows):
                break
        trial.end_round()
    trial.server.stop()
    return trial.blows, {}


def main():
    options = parser_of(__doc__, 500).parse_args()
    trial = Trial(options)
    try:
        with CutDisk(trial.folder) as disk:
            trial.use_folder(disk.path / "data")
            code = run_trial("cut", trial, lambda trial: body(trial, disk))
        trial.clean_up()
        return code
    except Unavailable as reason:
        trial.clean_up()
        print(f"skipped: {reason}")
        return SKIPPED


if __name__ == "__main__":
    sys.exit(main())
