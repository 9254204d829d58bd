#!/usr/bin/python3
"""Hostile and clumsy clients by the thousand: limits hold, nobody is stuck, others are served.

  torture_clients.py [--scenario NAME,...] [--clients N] [--seed S] [--runs R] [--server PATH | --build DIR]

Scenarios: all of them, each on servers of its own. --clients is how many come at once (the floors of
docs/reliability.md: 10000); churn and hashflood take ten times as many names or connections.
"""

import argparse
import pathlib
import random
import resource
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import client_abuse  # noqa: E402
import client_waits  # noqa: E402
from client_crowd import Harness  # noqa: E402
from server_process import ServerProcess  # noqa: E402

SCENARIOS = {function.__name__: function for function in (
    client_waits.idle, client_waits.blocked, client_abuse.preauth, client_abuse.slowloris,
    client_abuse.slowreader, client_abuse.churn, client_abuse.giant, client_abuse.brute,
    client_abuse.hashflood, client_waits.kills)}


def run_all(harness, names):
    for name in names:
        began = time.monotonic()
        print(f"{name}: {SCENARIOS[name].__doc__}", flush=True)
        try:
            SCENARIOS[name](harness)
        except Exception as error:  # pylint: disable=broad-exception-caught
            traceback.print_exc(file=sys.stdout)
            harness.check(False, f"{name}: {type(error).__name__}: {error}")
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", default="build/dev")
    parser.add_argument("--server")
    parser.add_argument("--scenario", default=",".join(SCENARIOS))
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    names = options.scenario.split(",")
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"there is no scenario {unknown[0]}; these are: {' '.join(SCENARIOS)}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = options.server or f"{options.build}/bin/weir-server"
    began = time.monotonic()
    faults = []
    for number in range(options.runs):
        harness = Harness(server, options.seed + number, options.clients, ServerProcess)
        run_all(harness, names)
        faults += harness.faults
    print(f"torture: clients runs={options.runs} faults={len(faults)} seed={options.seed} "
          f"seconds={time.monotonic() - began:.0f} clients={options.clients} scenarios={','.join(names)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
