#!/usr/bin/env python3
"""Flips bits in, cuts off and overwrites files of a data directory: never wrong data, never silent loss.

Starts build/*/bin/torture_rot, which damages a copy of a data set in one place at a time, opens an engine on it
in a child process and reads every key: each must be as it was, or answer CORRUPT, or the start must be refused
with words. A third of the runs goes on with commands, checkpoints, compactions and another start.
"""

import argparse
import pathlib
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="folder of the build tree")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--mode", choices=["any", "flips", "truncations", "tails", "records"],
                        default="any")
    arguments = parser.parse_args()
    program = pathlib.Path(arguments.build) / "bin" / "torture_rot"
    command = [program, arguments.mode, "--seed", str(arguments.seed), "--runs", str(arguments.runs)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
