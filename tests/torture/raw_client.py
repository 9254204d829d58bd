"""A connection for load: RESP2 into plain values, as fast as Python gets, and the dump of a stream at rest.

Bulk strings are bytes, arrays lists, nulls None, errors ServerError objects (returned, not raised).
"""

import socket
import time

from history import token_of
from resp_client import encode


class ServerError(Exception):
    """An error reply."""


class Gone(Exception):
    """The connection is at its end."""


class RawClient:
    """One socket. A reply that does not come in time ends the connection."""

    def __init__(self, port, timeout_s=120):
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        except OSError as error:
            raise Gone from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb", 1 << 16)

    def close(self):
        self._file.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone from error

    def read(self):
        """One reply; Gone at the end of the connection, TimeoutError if the server is there and silent."""
        try:
            return self._read()
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise Gone from error

    def _read(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise Gone
        kind = line[0]
        if kind == 36:  # $
            length = int(line[1:])
            if length < 0:
                return None
            data = self._file.read(length + 2)
            if len(data) < length + 2:
                raise Gone
            return data[:-2]
        if kind == 42:  # *
            count = int(line[1:])
            return None if count < 0 else [self._read() for _ in range(count)]
        if kind == 58:  # :
            return int(line[1:])
        if kind == 43:  # +
            return line[1:-2]
        if kind == 45:  # -
            return ServerError(line[1:-2].decode(errors="replace"))
        raise ValueError(f"no reply begins with {line!r}")

    def call(self, *words):
        self.send(encode(*words))
        return self.read()

    def ask(self, *words):
        """call() for what must not fail."""
        reply = self.call(*words)
        if isinstance(reply, ServerError):
            raise reply
        return reply


def entries_of(reply):
    """[[id, token or None], ...] of an entry list."""
    return [[entry[0].decode(), None if entry[1] is None else token_of(entry[1])] for entry in reply or ()]


def pairs_of(flat):
    """A flat array of names and values as a dict with texts for names and for bulk values."""
    values = [value.decode() if isinstance(value, bytes) else value for value in flat]
    return dict(zip(values[::2], values[1::2]))


def take_dump(client, keys):
    """All that can be read of some streams while nobody changes them, as plain JSON values."""
    return {"time": time.monotonic_ns(), "streams": {key: _dump_stream(client, key) for key in keys}}


def _dump_stream(client, key):
    dump = {"entries": _pages(client, lambda start: ("XRANGE", key, start, "+", "COUNT", 5000), entries_of)}
    full = client.ask("XINFO", "STREAM", key)
    info = pairs_of(full)
    dump["info"] = {name: info[name] for name in (
        "length", "last-generated-id", "max-deleted-entry-id", "entries-added", "recorded-first-entry-id")}
    dump["length"] = client.ask("XLEN", key)
    dump["groups"] = {}
    for flat in client.ask("XINFO", "GROUPS", key):
        group = pairs_of(flat)
        dump["groups"][group["name"]] = _dump_group(client, key, group)
    return dump


def _pages(client, command, decode):
    """All rows of a ranged command, page by page."""
    rows, start = [], "-"
    while True:
        page = decode(client.ask(*command(start)))
        rows += page
        if len(page) < 5000:
            return rows
        start = "(" + page[-1][0]


def _dump_group(client, key, group):
    name = group["name"]
    summary = client.ask("XPENDING", key, name)
    consumers = [pairs_of(flat) for flat in client.ask("XINFO", "CONSUMERS", key, name)]
    dump = {
        "position": group["last-delivered-id"],
        "entries-read": group["entries-read"],
        "lag": group["lag"],
        "pending": group["pending"],
        "summary": [summary[0], *[bound and bound.decode() for bound in summary[1:3]],
                    {owner.decode(): int(count) for owner, count in summary[3] or ()}],
        "consumers": {consumer["name"]: consumer["pending"] for consumer in consumers},
        # id, owner, idle in ms, count
        "rows": _pages(client, lambda start: ("XPENDING", key, name, start, "+", 5000),
                       lambda rows: [[row[0].decode(), row[1].decode(), row[2], row[3]] for row in rows]),
        "letters": None,
    }
    dead = client.call("XINFO", "DEADLETTER", key, name)
    if isinstance(dead, ServerError):
        return dump
    dead = pairs_of(dead)
    policy = pairs_of(client.ask("XCFGGET", key, "GROUP", name)[:-1])
    dump["max-deliveries"] = policy["MAX-DELIVERIES"]
    dump["letters-counted"] = dead["letters"]
    dump["letters"] = [_letter(entry) for entry in client.ask("XRANGE", dead["deadletter-key"], "-", "+")]
    return dump


def _letter(entry):
    fields = entry[1]
    origin = dict(zip(fields[::2], fields[1::2]))
    own = [field for pair in zip(fields[::2], fields[1::2]) if not pair[0].startswith(b"__dlq.") for field in pair]
    return {
        "letter": entry[0].decode(),
        "token": token_of(own) if own else None,
        **{name: origin[b"__dlq." + name.encode()].decode()
           for name in ("key", "group", "id", "deliveries", "reason")},
    }

