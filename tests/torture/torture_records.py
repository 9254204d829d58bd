#!/usr/bin/env python3
"""Changes stored records and seals them with valid checksums: CORRUPT for that key, no abort, no over-read.

As torture_rot.py, with the damage inside a record instead of a file.
"""

import sys

import torture_rot

if __name__ == "__main__":
    sys.argv += ["--mode", "records"]
    sys.exit(torture_rot.main())
