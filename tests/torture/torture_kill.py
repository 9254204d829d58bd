#!/usr/bin/python3
"""kill -9 under load after 20 to 2,000 ms; the consistency checker looks after each restart.

Eight producers, eight consumers in four groups and two janitors (load.py) work until the server is gone. Then `--check`
walks the store, the server starts again, and all rules of checker.py must hold for the whole history since the streams
of the round were made. Rounds with appendfsync always and everysec take turns.
"""

import sys

from harness import ROUND_BLOWS, Broken, Trial, parser_of, run_trial

def one_kill(trial, appendfsync):
    trial.work()
    life_ms = trial.random.uniform(20, trial.options.max_ms)
    trial.load.let_work(life_ms / 1000)
    trial.kill()
    trial.collect()
    trial.check_store()
    ready_s = trial.start(appendfsync)
    trial.verify()
    trial.blows += 1
    print(f"{trial.blows}: {appendfsync}, killed after {life_ms:.0f} ms, ready after {ready_s * 1000:.0f} ms, "
          f"{len(trial.reader.ops)} operations in {len(trial.kills)} lives", flush=True)


def body(trial):
    modes = trial.options.appendfsync.split(",")
    trial.start(modes[0])
    while trial.goes_on(trial.blows):
        mode = modes[(trial.number + 1) % len(modes)]
        trial.begin_round(mode)
        for _ in range(ROUND_BLOWS):
            one_kill(trial, mode)
            if not trial.goes_on(trial.blows):
                break
        trial.end_round()
    if trial.server.stop() != 0:
        raise Broken("a clean stop failed")
    return trial.blows, {}


def main():
    parser = parser_of(__doc__, 1000)
    parser.add_argument("--appendfsync", default="always,everysec", help="modes that take turns, with commas")
    parser.add_argument("--max-ms", type=int, default=2000, help="longest life of a server")
    options = parser.parse_args()
    return run_trial("kill", Trial(options), body)


if __name__ == "__main__":
    sys.exit(main())
