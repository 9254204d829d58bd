#!/usr/bin/python3
"""Gives the server each of 19 planted bugs; the checker has to find every one, and nothing without them.

The bugs are PLANTED_BUG places in the code (engine/fault_point.h), so the server must come from a test build. Each gets
the load of the other harnesses, a clean restart, and kills or power cuts, until a rule of checker.py is broken. It must be
a rule that speaks of that bug: that the server died or would not start is not enough.
"""

import os
import sys
import time

from checker import check
from harness import Broken, Trial, parser_of
from power import NO_FLUSH_LOG, CutDisk, Unavailable
from raw_client import Gone, ServerError
from torture_cut import cut_power

# bug[:n] -> rules of which one must be broken. What stands under "cut" shows in power cuts only.
BUGS = {
    "reply_before_write": ("P1", "G1", "G2", "G3", "G8", "T1"),
    "unrecorded_delivery": ("G2",),
    "ack_lost_on_restart": ("G3",),
    "stale_counter": ("P5",),
    "position_lost": ("G1", "G2", "G8"),
    "uncounted_delivery": ("G4", "G9"),
    "young_claim:5": ("G6",),
    "wrong_lag": ("G7",),
    "trim_off_by_one": ("P1",),
    "id_goes_back:200": ("P3",),
    "neighbours_payload:50": ("P1",),
    "delivered_twice:20": ("G1",),
    "noack_leaves_pending": ("G10",),
    "double_letter": ("G9",),
    "letter_stays_pending": ("G2", "G9"),
    "early_letter": ("G9",),
    "lost_wake": ("L1",),
}
CUT_BUGS = {
    "reply_before_sync": ("P1", "G1", "G2", "G3", "G8", "T1"),
    "journal_sync_skipped": ("P1", "G1", "G2", "G3", "G8", "T1"),
}
BLOWS = 12
CLEAN_BLOWS = 3


def blow(trial, disk):
    trial.work()
    trial.load.let_work(trial.random.uniform(0.3, 0.8))
    if disk is None:
        trial.kill()
        trial.collect()
    else:
        cut_at = cut_power(trial, disk, NO_FLUSH_LOG, 0)
        trial.losses.append((cut_at, trial.kills[-1]))
    trial.start("always")
    trial.verify()


def clean_restart(trial):
    trial.work()
    trial.load.let_work(0.7)
    trial.rest()
    trial.verify()
    trial.server.stop()
    trial.start("always")
    trial.verify()


def life(trial, disk, blows):
    trial.start("always")
    trial.begin_round("always")
    clean_restart(trial)
    for _ in range(blows):
        blow(trial, disk)
    trial.end_round()


def rules_without_dump(trial):
    """The server is gone: what the clients' records say by themselves."""
    nothing = {"time": time.monotonic_ns(), "streams": {}}
    return [f"{rule} {words}" for rule, words in check(trial.reader.read(), [nothing], trial.kills, trial.losses)]


def finds(trial, bug, rules, disk):
    """Whether one of the rules is broken; prints what was."""
    os.environ["WEIR_PLANTED_BUG"] = bug
    try:
        life(trial, disk, BLOWS if bug else CLEAN_BLOWS)
        found = None
    except Broken as broken:
        found = str(broken).splitlines()
    except (Gone, ServerError, RuntimeError, OSError) as error:
        found = rules_without_dump(trial) or [f"- {type(error).__name__} {error}"]
    finally:
        del os.environ["WEIR_PLANTED_BUG"]
    trial.server.kill()
    trial.load.stop()
    broken_rules = sorted({line.split(" ")[0] for line in found or ()})
    fits = any(rule in rules for rule in broken_rules) if bug else found is None
    print(f"{'ok' if fits else 'FAILED'} {bug or 'no bug'}: {', '.join(broken_rules) or 'nothing found'}"
          + (f": {found[0][:160]}" if found else ""), flush=True)
    return fits


def try_one(options, bug, rules, needs_cuts):
    trial = Trial(options)
    try:
        with trial:
            if not needs_cuts:
                return finds(trial, bug, rules, None), trial
            with CutDisk(trial.folder) as disk:
                trial.use_folder(disk.path / "data")
                return finds(trial, bug, rules, disk), trial
    finally:
        trial.clean_up()


def main():
    parser = parser_of(__doc__, None)
    parser.add_argument("--bugs", default="none,all", help="only these, with commas; none = the server as it is")
    options = parser.parse_args()
    wanted = options.bugs.split(",")
    known = {**BUGS, **CUT_BUGS}
    chosen = [bug for bug in known if "all" in wanted or bug.split(":")[0] in wanted]
    began, missed, skipped = time.monotonic(), [], 0
    for bug in ([""] if "none" in wanted else []) + chosen[:options.runs]:
        try:
            fits, trial = try_one(options, bug, known.get(bug, ()), bug in CUT_BUGS)
            missed += [] if fits else [bug or "no bug"]
        except Unavailable as reason:
            print(f"skipped {bug}: {reason}")
            skipped += 1
    print(f"torture: planted runs={len(chosen) + ('none' in wanted) - skipped} faults={len(missed)} seed={trial.seed} "
          f"seconds={time.monotonic() - began:.0f} skipped={skipped}" + (f" missed={','.join(missed)}" if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
