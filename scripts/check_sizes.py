#!/usr/bin/env python3
"""Checks the length of files and functions: at most 600 and 70 lines.

A function is counted from the first line of its signature to its closing brace. The scan follows braces in
text freed of comments and literals; lambdas and local types belong to the function that holds them.
"""

import re
import sys

import source_tree

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
FOLDERS = ("resp/", "engine/", "server/", "bench/", "tests/", "scripts/")

TYPE_OR_SPACE = re.compile(r"\b(namespace|class|struct|union|enum)\b|\bextern\s*\"\"\s*$")
TEMPLATE = re.compile(r"\btemplate\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>")
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)


def opens_function(head):
    """Whether the text in front of an opening brace, outside of any function, is a signature."""
    if "(" not in head or head.rstrip().endswith("="):
        return False
    head = TEMPLATE.sub("", head)
    before_arguments = head[:head.find("(")]
    if "operator" in before_arguments:
        return True
    return not TYPE_OR_SPACE.search(before_arguments) and "=" not in before_arguments


def functions(text):
    """Yields (first line, line count) of each function."""
    code = PREPROCESSOR.sub(lambda m: "\n" * m.group(0).count("\n"), source_tree.code_only(text))
    line = 1
    head, head_line = "", None  # the text since the last ; { } at this level, and where it begins
    depth, parens = 0, 0
    function_depth, function_line = None, 0
    for char in code:
        if char == "\n":
            line += 1
        inside = function_depth is not None
        if char == "{":
            if not inside and parens == 0 and opens_function(head):
                function_depth, function_line = depth, head_line or line
            depth += 1
        elif char == "}":
            depth -= 1
            if inside and depth == function_depth:
                yield function_line, line - function_line + 1
                function_depth = None
        if inside:
            if function_depth is None:
                head, head_line = "", None
            continue
        parens += (char == "(") - (char == ")")
        if char in ";{}" and parens == 0:
            head, head_line = "", None
        else:
            head += char
            if head_line is None and not char.isspace():
                head_line = line


def problems_of(path):
    text = source_tree.read(path)
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{path}: {lines} lines, at most {MAX_FILE_LINES}"
    if path.endswith((".cc", ".h")):
        for start, count in functions(text):
            if count > MAX_FUNCTION_LINES:
                yield f"{path}:{start}: function of {count} lines, at most {MAX_FUNCTION_LINES}"


def main():
    problems = [problem for path in source_tree.files(".cc", ".h", ".py")
                if path.startswith(FOLDERS) for problem in problems_of(path)]
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
