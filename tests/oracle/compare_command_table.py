#!/usr/bin/env python3
"""Compares what COMMAND and COMMAND DOCS say with redis-server 7.0, command by command.

    compare_command_table.py --server build/dev/bin/weir-server --oracle /usr/bin/redis-server

Only commands that both servers have are compared: all ten elements of COMMAND but the notes in key
specifications, and of the documents the group, the version and the shape of the arguments (types, words,
flags). Names and texts are ours. What may differ stands in EXPECTED, with the reason.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from resp_client import Connection  # noqa: E402
from server_process import ServerProcess  # noqa: E402

ELEMENTS = ("name", "arity", "flags", "first key", "last key", "step", "categories", "tips",
            "key specifications")

# (command, element): why it differs.
EXPECTED = {
    ("command|getkeys", "arity"): "a command of one word is accepted since 7.2",
    ("command|getkeysandflags", "arity"): "a command of one word is accepted since 7.2",
    ("client|kill", "arguments"): "MAXAGE is new; of the filters one is given, so none is optional",
    ("client|list", "arguments"): "TYPE slave is documented as well",
    ("command|getkeys", "arguments"): "documented since 7.2",
    ("command|getkeysandflags", "arguments"): "documented since 7.2",
    ("config|get", "arguments"): "no block around a single argument",
    ("cluster", "arguments"): "no container: every subcommand is refused",
    ("psubscribe", "arguments"): "no block around a single argument",
    ("xadd", "arguments"): "KEEPREF, DELREF and ACKED since 8.2, IDMP since 8.6",
    ("xtrim", "arguments"): "KEEPREF, DELREF and ACKED since 8.2",
    ("copy", "key specifications"): "one specification for both keys",
    ("rename", "key specifications"): "one specification for both keys",
    ("renamenx", "key specifications"): "one specification for both keys",
}


def text_of(value):
    return value.decode() if isinstance(value, bytes) else value


def as_text(value):
    """Bytes become text all the way down; a map becomes a dictionary."""
    if isinstance(value, list):
        if value and all(isinstance(item, tuple) for item in value):
            return {text_of(key): as_text(item) for key, item in value}
        return [as_text(item) for item in value]
    return text_of(value)


def without_notes(specification):
    return {key: value for key, value in specification.items() if key != "notes"}


def commands_of(connection):
    """Name -> the first nine elements, subcommands included."""
    found = {}

    def collect(entry):
        elements = entry[:9]
        elements[8] = [without_notes(specification) for specification in elements[8]]
        found[entry[0]] = elements
        for subcommand in entry[9]:
            collect(subcommand)

    for entry in as_text(connection.call("COMMAND").plain()):
        collect(entry)
    return found


def documents_of(connection):
    found = {}

    def collect(documents):
        for name, document in (documents or {}).items():
            found[name] = document
            collect(document.get("subcommands"))

    collect(as_text(connection.call("COMMAND", "DOCS").plain()))
    return found


def shape_of(argument):
    return (argument["type"], argument.get("token"), tuple(argument.get("flags", ())),
            tuple(shape_of(child) for child in argument.get("arguments", ())))


def facts_of(elements, document):
    facts = dict(zip(ELEMENTS, elements))
    facts["since"] = document["since"]
    facts["group"] = document["group"]
    facts["arguments"] = [shape_of(argument) for argument in document.get("arguments", ())]
    return facts


def answers_of(path):
    with ServerProcess(path) as server, Connection(server.port) as connection:
        connection.call("HELLO", 3)
        commands, documents = commands_of(connection), documents_of(connection)
        return {name: facts_of(commands[name], documents[name]) for name in commands}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--oracle", required=True)
    options = parser.parse_args()
    ours, theirs = answers_of(options.server), answers_of(options.oracle)
    common = sorted(ours.keys() & theirs.keys())
    unused = set(EXPECTED)
    problems = []
    for name in common:
        for element, value in ours[name].items():
            if value == theirs[name][element]:
                continue
            if (name, element) in EXPECTED:
                unused.discard((name, element))
            else:
                problems.append(f"{name}: {element}\n  ours   {value}\n  oracle {theirs[name][element]}")
    problems += [f"{name}: {element} is expected to differ, but does not" for name, element in sorted(unused)]
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{len(common)} commands compared, {len(problems)} problems")
    return 1 if problems or not common else 0


if __name__ == "__main__":
    sys.exit(main())
