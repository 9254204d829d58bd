#!/usr/bin/env python3
"""Checks for words that do not belong into the tree: paths of one machine, hosts of package registries,
open ends without an issue number, file names that say nothing."""

import re
import sys

import source_tree

EVERYWHERE = [
    ("a path of one machine", re.compile(r"(?<![\w.])/(work|root|home|Users)/\w+")),
    ("a host of a package registry", re.compile(
        r"registry\.npmjs|registry\.yarnpkg|pypi\.org|pythonhosted\.org|(deb|security)\.debian\.org"
        r"|crates\.io|proxy\.golang|artifactory|nexus\b|\"resolved\":\s*\"https?:", re.IGNORECASE)),
    ("a merge mark", re.compile(r"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)),
]
IN_SOURCES = [
    ("an open end without an issue", re.compile(r"\b(TODO(?!\(#\d+\))|FIXME|XXX|HACK)\b")),
    ("a blank at the end of a line", re.compile(r"[ \t]+$", re.MULTILINE)),
]
SOURCES = (".cc", ".h", ".py", ".txt.in", ".cmake", ".js", ".mjs")
EMPTY_NAMES = re.compile(r"(^|/)(\w+_)?(util|utils|manager|helper|helpers|common|misc)(\.\w+|/)")
SELF = "scripts/check_words.py"


def problems_of(path):
    if EMPTY_NAMES.search(path):
        yield f"{path}: the name says nothing about the content"
    text = source_tree.read(path)
    rules = EVERYWHERE + (IN_SOURCES if path.endswith(SOURCES) else [])
    for what, pattern in rules:
        for match in pattern.finditer(text):
            line = source_tree.line_of(text, match.start())
            yield f"{path}:{line}: {what}: {match.group(0).strip()!r}"


def main():
    problems = [problem for path in source_tree.files()
                if path != SELF for problem in problems_of(path)]
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
