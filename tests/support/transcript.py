"""Reads and writes transcripts: text files of commands and the replies expected for them.

docs/testing.md describes the format. The parser keeps every line, so that recording changes nothing but
expected replies.
"""

import dataclasses
import re

DIRECTIVES = ("tags", "resp2", "resp3", "advance", "reopen", "blocked", "raw", "repeat")

_STEP = re.compile(r"^(?:@(?P<client>\w+) )?(?:(?P<mark>[><])(?: (?P<words>.*))?"
                   r"|!(?P<directive>\w+)(?: (?P<argument>.*))?)$")
_SIMPLE_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}
_PATTERNS = {"any": r".*?", "int": r"-?\d+", "id": r"\d+-\d+", "hex40": r"[0-9a-f]{40}"}
_PATTERN = re.compile(r"<(any|int|id|hex40|int:(-?\d+)\.\.(-?\d+))>")


class FormatError(Exception):
    pass


@dataclasses.dataclass
class Step:
    """What is done in one place of a file, and the replies that must follow.

    kind: "send" (a command), "receive" (the reply of a command sent before), or a directive's name.
    A send without replies must leave the client blocked.
    """
    kind: str
    client: str
    argument: str
    line: int
    replies: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Transcript:
    path: str
    tags: frozenset
    steps: list
    lines: list  # (text, step or None): the header of a step, or anything that is not an expected reply


def parse(path):
    with open(path, encoding="utf-8") as file:
        return parse_text(file.read(), str(path))


def parse_text(text, path="transcript"):
    tags, steps, lines, current = frozenset(), [], [], None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line == "#" or line.startswith("# "):
            lines.append((line, None))
            continue
        match = _STEP.match(line)
        if match and (match["mark"] or match["directive"] in DIRECTIVES):
            current = _step(match, number)
            if current.kind == "tags":
                tags = frozenset(current.argument.split())
                lines.append((line, None))
                current = None
                continue
            steps.append(current)
            lines.append((line, current))
        elif current is None:
            raise FormatError(f"{path}:{number}: a reply without a command")
        elif line[0] in " \t":
            if not current.replies:
                raise FormatError(f"{path}:{number}: nothing to continue")
            blank = " " if current.replies[-1].endswith((",", ":")) else ""
            current.replies[-1] += blank + line.strip()
        else:
            current.replies.append(line)
    return Transcript(path, tags, steps, lines)


def _step(match, number):
    client = match["client"] or "main"
    if match["mark"]:
        kind = "send" if match["mark"] == ">" else "receive"
        return Step(kind, client, match["words"] or "", number)
    return Step(match["directive"], client, match["argument"] or "", number)


def text_of(transcript):
    """The file again, with the replies its steps hold now; a reply may span lines."""
    out = []
    for line, step in transcript.lines:
        out.append(line)
        if step is not None:
            out.extend(step.replies)
    return "\n".join(out)


def matches(expected, actual):
    """Whether a rendered reply is the expected one; <any>, <int>, <id>, <int:1..5>, <hex40> stand for parts."""
    ranges, parts, at = [], [], 0
    for match in _PATTERN.finditer(expected):
        parts.append(re.escape(expected[at:match.start()]))
        if match[2] is not None:
            ranges.append((int(match[2]), int(match[3])))
            parts.append(r"(-?\d+)")
        else:
            parts.append(_PATTERNS[match[1]])
        at = match.end()
    if not parts:
        return expected == actual
    found = re.fullmatch("".join(parts) + re.escape(expected[at:]), actual, re.DOTALL)
    return bool(found) and all(low <= int(value) <= high
                               for value, (low, high) in zip(found.groups(), ranges))


def split_words(text):
    """Words as an inline command has them: blanks separate, "..." with escapes, '...' with \\' only."""
    words, at = [], 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        word = bytearray()
        while at < len(text) and text[at] not in " \t":
            if text[at] in "\"'":
                at = _quoted(text, at, word)
            else:
                word += text[at].encode()
                at += 1
        words.append(bytes(word))
    return words


def _quoted(text, at, word):
    quote = text[at]
    at += 1
    while at < len(text):
        char = text[at]
        if char == quote:
            return at + 1
        if char == "\\" and at + 1 < len(text):
            following = text[at + 1]
            if quote == "'" and following != "'":
                word += b"\\"
                at += 1
                continue
            if quote == '"' and following == "x":
                word.append(int(text[at + 2:at + 4], 16))
                at += 4
                continue
            escaped = _SIMPLE_ESCAPES.get(following) if quote == '"' else None
            word += escaped or following.encode()
            at += 2
            continue
        word += char.encode()
        at += 1
    raise FormatError(f"a quote is not closed: {text}")
