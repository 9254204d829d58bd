#!/usr/bin/python3
"""Kills the engine at each of its named points and at RocksDB's, and compares what comes back."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import torture_program  # noqa: E402

torture_program.run("crash_points", ["--seeds", "10"])
