#!/usr/bin/env python3
"""Leaves torn, zeroed, random and old bytes at the end of the journal: it opens, and only the tail is gone.

As torture_rot.py, with damage in the last record and in the 8 KB behind it.
"""

import sys

import torture_rot

if __name__ == "__main__":
    sys.argv += ["--mode", "tails"]
    sys.exit(torture_rot.main())
