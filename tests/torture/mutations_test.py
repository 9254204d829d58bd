#!/usr/bin/python3
"""The self-test of the checker: a recorded good history, and many that are bad in one place.

  mutations_test.py --server build/dev/bin/weir-server [--mutants 1000] [--seed n]

A short load with some kills is recorded. The checker must find nothing in it, and something in each mutant.
"""

import argparse
import pickle
import random
import sys
import time
import types

from checker import check
from harness import Trial
from mutations import MUTATIONS, mutate


MOST_LIVES = 20


def has_all(trial):
    """Whether there are a dead letter and a deleted entry to do something to."""
    letters = [group["letters"] for stream in trial.dumps[-1]["streams"].values() for group in stream["groups"].values()]
    return any(letters) and any(op.kind == "XDEL" and op.outcome == "ok" for op in trial.reader.ops)


def record(options):
    """(ops, dumps, kills) of a clean run that ends with records pending and letters written."""
    trial = Trial(types.SimpleNamespace(server=options.server, seed=options.seed, pace=0.5, build=None))
    with trial:
        trial.start("always")
        trial.begin_round("always")
        for life in range(MOST_LIVES):
            trial.work()
            trial.load.let_work(0.35)
            trial.kill()
            trial.collect()
            trial.start("always")
            trial.verify()
            if life > 0 and has_all(trial):
                break
        history = trial.reader.ops, trial.dumps, trial.kills
    trial.clean_up()
    return history


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    ops, dumps, kills = record(options)
    choices = random.Random(options.seed)
    frozen_dumps = pickle.dumps(dumps)
    made, missed, unused = 0, [], {mutation.__name__ for mutation in MUTATIONS}
    for attempt in range(4 * options.mutants):
        mutation = MUTATIONS[attempt % len(MUTATIONS)]
        mutant = mutate(mutation, ops, frozen_dumps, choices)
        if mutant is None:
            continue
        made += 1
        unused.discard(mutation.__name__)
        if not check(*mutant, kills):
            missed.append(mutation.__name__)
        if made == options.mutants:
            break
    print(f"{len(ops)} operations, {made} mutants of {len(MUTATIONS) - len(unused)} kinds, missed: {missed or 'none'}"
          + (f", no place for {sorted(unused)}" if unused else ""))
    return 1 if missed or made < options.mutants or len(unused) > 4 else 0


if __name__ == "__main__":
    sys.exit(main())
