"""What clients write down while they torture a server, and the payloads by which entries are told apart.

A client appends one line for each operation to a file of its own: a JSON list in the order of Op. Times are
CLOCK_MONOTONIC in nanoseconds, so those of all processes of a machine can be compared. An operation whose connection
broke before the reply is UNKNOWN; `returned` is then the moment at which the client saw the end: the server was gone by
then, so the operation took effect between the two or never. One that timed out, or whose reply says that its outcome is
not known, is OPEN-ended: `returned` is NEVER.

A payload is "producer/number/checksum/filler" in the field "d"; its first three parts are the token that stands for the
entry in records. Nothing else has it, so an entry says by itself who sent it and whether it is whole.
"""

import collections
import json
import pathlib
import zlib

OK, ERROR, UNKNOWN = "ok", "error", "unknown"
NEVER = 1 << 62

# kind      args                                       result
# XADD      [token]                                    id
# READ      [group, consumer, count, noack, block_ms]  [[id, token], ...]        XREADGROUP with >
# HISTORY   [group, consumer, start, count]            [[id, token or null], ...]
# XACK      [group, [id, ...]]                         count
# XCLAIM    [group, consumer, min_idle_ms, [id, ...], justid]                    [[id, token], ...] or [[id, null]]
# AUTOCLAIM [group, consumer, min_idle_ms, start, count]   [cursor, [[id, token], ...], [deleted id, ...]]
# XTRIM     ["MINID", id] or ["MAXLEN", n, "=" or "~"] count
# XDEL      [[id, ...]]                                count
# XRANGE    [start, end, count]                        [[id, token], ...]
# All of one transaction have the same `transaction`, a text; others null.
Op = collections.namedtuple("Op", "client kind key args invoked returned outcome result transaction")


def payload(producer, number, filler):
    """The bytes to send and the token that stands for them."""
    head = b"%b/%d" % (producer, number)
    token = b"%b/%08x" % (head, zlib.crc32(filler, zlib.crc32(head)))
    return b"%b/%b" % (token, filler), token.decode()


def token_of(fields):
    """The token of an entry's fields as a server gave them; a text that no producer sends if they are not whole."""
    if len(fields) != 2 or fields[0] != b"d":
        return f"?{fields!r}"
    parts = fields[1].split(b"/", 3)
    if len(parts) != 4 or b"%08x" % zlib.crc32(parts[3], zlib.crc32(b"%b/%b" % (parts[0], parts[1]))) != parts[2]:
        return f"?{fields[1][:80]!r}"
    return b"/".join(parts[:3]).decode()


def id_key(text):
    """Ids as numbers, in their order."""
    ms, _, sequence = text.partition("-")
    return int(ms) << 64 | int(sequence)


class Recorder:
    """Appends the operations of one client to its file."""

    def __init__(self, path, client):
        self.client = client
        self.count = 0
        self._file = open(path, "a", encoding="ascii", buffering=1 << 16)

    def note(self, kind, key, args, invoked, returned, outcome, result, transaction=None):
        self.count += 1
        self._file.write(json.dumps(
            (self.client, kind, key, args, invoked, returned, outcome, result, transaction)) + "\n")

    def flush(self):
        self._file.flush()

    def close(self):
        self._file.close()


class Reader:
    """Reads the growing files of a folder; ops are in order of invocation."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ops = []
        self._offsets = {}

    def read(self):
        for path in sorted(self.folder.glob("*.ops")):
            with open(path, "rb") as file:
                file.seek(self._offsets.get(path, 0))
                data = file.read()
            self._offsets[path] = self._offsets.get(path, 0) + len(data)
            self.ops += [Op(*json.loads(line)) for line in data.splitlines()]
        self.ops.sort(key=lambda op: op.invoked)
        return self.ops
