"""What the checks share: the list of files, and C++ text without comments and literals."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent

_NOT_CODE = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | R"([^()\\\s]*)\(.*?\)\1" | "(?:\\.|[^"\\\n])*"
        | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'""",
    re.VERBOSE | re.DOTALL,
)


def files(*suffixes):
    """Paths from the root of all tracked and new files that end in one of the suffixes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(path for path in set(listed)
                  if path and path.endswith(suffixes or ("",)) and (ROOT / path).is_file())


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def code_only(text):
    """The text with comments and literals blanked out; line numbers stay what they were."""
    def blank(match):
        word = match.group(0)
        keep = '""' if word[0] in '"R' else "''" if word[0] == "'" else " "
        return keep + "\n" * word.count("\n")
    return _NOT_CODE.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
