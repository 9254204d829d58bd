#!/usr/bin/python3
"""Cuts the power of a modelled disk at random operations of journal and store, and compares what comes back."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import torture_program  # noqa: E402

torture_program.run("power_cuts", ["--runs", "900"])
