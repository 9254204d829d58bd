#!/usr/bin/python3
"""Has clients run at once, and looks for an order of their commands that explains all replies."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import torture_program  # noqa: E402

torture_program.run("linear_histories", ["--runs", "5000"])
