#!/usr/bin/python3
"""SIGSTOP, SIGTERM, two SIGTERMs and SIGHUP under load; nothing is lost, nothing acknowledged comes again.

A stopped server goes on after 0.1 to 5 seconds as if nothing had been; SIGHUP is ignored; SIGTERM ends it with exit code 0,
and the next start replays nothing; a second one may end it at once (docs/operations.md). After each, all rules of checker.py.
"""

import signal
import sys
import time

from harness import ROUND_BLOWS, Broken, Trial, parser_of, run_trial

KINDS = ("stop", "term", "double term", "hup")
# Of a loaded machine; the goal is 5 s and the longest is reported.
MOST_END_S = 60


def send(trial, number):
    trial.server.process.send_signal(number)


def stop(trial):
    send(trial, signal.SIGSTOP)
    trial.load.let_work(trial.random.uniform(0.1, 5))
    send(trial, signal.SIGCONT)
    trial.load.let_work(0.3)
    trial.rest()
    return 0.0


def hup(trial):
    send(trial, signal.SIGHUP)
    trial.load.let_work(0.2)
    if trial.server.process.poll() is not None:
        raise Broken("SIGHUP ended the server")
    trial.rest()
    return 0.0


def term(trial, count=1):
    """Seconds until the server was gone."""
    begin = time.monotonic()
    for _ in range(count):
        send(trial, signal.SIGTERM)
        trial.load.let_work(trial.random.uniform(0, 0.01))
    code = trial.server.process.wait(MOST_END_S)
    seconds = time.monotonic() - begin
    trial.server.process = None
    trial.kills.append(time.monotonic_ns())
    if code != 0 and not (count > 1 and code == -signal.SIGTERM):
        raise Broken(f"{count} SIGTERM: exit code {code}")
    trial.collect()
    trial.check_store()
    trial.start("always")
    log_of_start = trial.server.log_tail().rpartition("Ready to accept")[0].rpartition("Ready to accept")[2]
    if code == 0 and "journal replayed turns" in log_of_start:
        raise Broken("a start after SIGTERM replays the journal")
    return seconds


ACTIONS = {"stop": stop, "hup": hup, "term": term, "double term": lambda trial: term(trial, 2)}


def body(trial):
    trial.start("always")
    counts, longest_end_s = dict.fromkeys(KINDS, 0), 0.0
    while trial.goes_on(trial.blows):
        trial.begin_round("always")
        for _ in range(ROUND_BLOWS):
            kind = KINDS[trial.blows % len(KINDS)]
            trial.work()
            trial.load.let_work(trial.random.uniform(0.05, 1.0))
            seconds = ACTIONS[kind](trial)
            longest_end_s = max(longest_end_s, seconds)
            trial.verify()
            counts[kind] += 1
            trial.blows += 1
            print(f"{trial.blows}: {kind}, ended after {seconds:.2f} s, {len(trial.reader.ops)} operations", flush=True)
            if not trial.goes_on(trial.blows):
                break
        trial.end_round()
    trial.server.stop()
    counts = {kind.replace(" ", "_"): count for kind, count in counts.items()}
    return trial.blows, {**counts, "longest_end_s": f"{longest_end_s:.2f}"}


def main():
    options = parser_of(__doc__, 2000).parse_args()
    return run_trial("signals", Trial(options), body)


if __name__ == "__main__":
    sys.exit(main())
