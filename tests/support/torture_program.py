"""Runs a harness that is a program of the build tree: `--build DIR` says which, the rest is its own."""

import os
import pathlib
import sys


def run(program, defaults):
    arguments = sys.argv[1:]
    build = "build/dev"
    if "--build" in arguments:
        at = arguments.index("--build")
        build = arguments[at + 1]
        del arguments[at : at + 2]
    if not any(name in arguments for name in ("--runs", "--seeds", "--minutes", "--list")):
        arguments += defaults
    path = pathlib.Path(build) / "bin" / program
    if not path.exists():
        sys.exit(f"{path} is not there: build it first")
    os.execv(path, [str(path)] + arguments)
