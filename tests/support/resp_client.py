"""A blocking RESP2/RESP3 connection for tests, and the rendering of replies that transcripts use.

Replies keep their wire type, since the difference between a null bulk and a null array, or between an integer
and a bulk of digits, is what the tests are about. render() writes a reply as resp::Render of resp/reply.h does.
"""

import socket


class Disconnected(Exception):
    """The server closed the connection."""


class Reply:
    """One reply: kind is the wire's type byte as a string; value depends on it.

    + and -: bytes; : and #: int; $: bytes or None; * ~ >: list or None; %: list of pairs; _: None;
    , and (: bytes; =: bytes with the format prefix; |: attributes are dropped by the decoder.
    """

    __slots__ = ("kind", "value")

    def __init__(self, kind, value):
        self.kind = kind
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Reply) and (self.kind, self.value) == (other.kind, other.value)

    def __repr__(self):
        return render(self)

    @property
    def is_error(self):
        return self.kind == "-"

    def plain(self):
        """Nested Python values: bytes, int, None, list; a map is a list of pairs; errors stay replies."""
        if self.kind in "*~>":
            return None if self.value is None else [item.plain() for item in self.value]
        if self.kind == "%":
            return [(key.plain(), value.plain()) for key, value in self.value]
        return self if self.kind == "-" else self.value


def encode(*words):
    """The multibulk form of one command; words are str, bytes or int."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


class Decoder:
    """Takes bytes in, gives replies out; feed() any split, next() is None while a reply is incomplete."""

    def __init__(self):
        self._buffer = bytearray()
        self._at = 0

    def feed(self, data):
        self._buffer += data

    @property
    def pending_bytes(self):
        return len(self._buffer) - self._at

    def next(self):
        start = self._at
        try:
            reply = self._decode()
        except _Incomplete:
            self._at = start
            return None
        if self._at > 1 << 16:
            del self._buffer[:self._at]
            self._at = 0
        return reply

    def _line(self):
        end = self._buffer.find(b"\r\n", self._at)
        if end < 0:
            raise _Incomplete
        line = bytes(self._buffer[self._at:end])
        self._at = end + 2
        return line

    def _bulk(self, length):
        end = self._at + length
        if len(self._buffer) < end + 2:
            raise _Incomplete
        data = bytes(self._buffer[self._at:end])
        if self._buffer[end:end + 2] != b"\r\n":
            raise ValueError(f"no CRLF after a bulk of {length} bytes")
        self._at = end + 2
        return data

    def _decode(self):
        line = self._line()
        kind, rest = chr(line[0]) if line else "", line[1:]
        if kind in ("+", "-", ",", "("):
            return Reply(kind, rest)
        if kind == ":":
            return Reply(kind, int(rest))
        if kind == "#":
            return Reply(kind, 1 if rest == b"t" else 0)
        if kind == "_":
            return Reply(kind, None)
        if kind in ("$", "=", "!"):
            length = int(rest)
            return Reply("$", None) if length < 0 else Reply(
                "-" if kind == "!" else kind, self._bulk(length))
        if kind in ("*", "~", ">"):
            count = int(rest)
            return Reply(kind, None if count < 0 else [self._decode() for _ in range(count)])
        if kind == "%":
            return Reply(kind, [(self._decode(), self._decode()) for _ in range(int(rest))])
        if kind == "|":
            for _ in range(2 * int(rest)):
                self._decode()
            return self._decode()
        raise ValueError(f"no reply begins with {line!r}")


class _Incomplete(Exception):
    pass


class Connection:
    """One socket; call() sends a command and waits for its reply."""

    def __init__(self, port=None, host="127.0.0.1", unix_path=None, timeout_s=10):
        if unix_path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout_s)
            self.socket.connect(unix_path)
        else:
            self.socket = socket.create_connection((host, port), timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout_s = timeout_s
        self._decoder = Decoder()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *words):
        self.socket.sendall(encode(*words))

    def send_raw(self, data):
        self.socket.sendall(data)

    def read(self, timeout_s=None):
        """The next reply; TimeoutError if none is complete in time, Disconnected at the end."""
        self.socket.settimeout(self.timeout_s if timeout_s is None else timeout_s)
        while True:
            reply = self._decoder.next()
            if reply is not None:
                return reply
            data = self.socket.recv(1 << 16)
            if not data:
                raise Disconnected
            self._decoder.feed(data)

    def read_to_end(self):
        """Every complete reply until the server closes the connection."""
        replies = []
        while True:
            try:
                replies.append(self.read())
            except (Disconnected, ConnectionResetError):
                return replies

    def call(self, *words):
        self.send(*words)
        return self.read()

    def pipeline(self, commands):
        self.socket.sendall(b"".join(encode(*words) for words in commands))
        return [self.read() for _ in commands]


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape(data, quotes=True):
    """Printable ASCII for any bytes; the quote itself is escaped only where quotes stand around."""
    out = []
    for byte in data:
        char = chr(byte)
        if char in _ESCAPES and (quotes or char != '"'):
            out.append(_ESCAPES[char])
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append(f"\\x{byte:02x}")
    return "".join(out)


def quote(data):
    return f'"{escape(data)}"'


_BRACKETS = {"*": ("[", "]"), "~": ("~[", "]"), ">": (">[", "]"), "%": ("{", "}")}


def render(reply):
    """One line that differs whenever two replies differ in type or content; see resp/reply.h."""
    kind, value = reply.kind, reply.value
    if kind in "+-":
        return kind + escape(value, quotes=False)
    if kind == ":":
        return f":{value}"
    if kind == "$":
        return "nil" if value is None else quote(value)
    if kind == "_":
        return "null"
    if kind == "#":
        return "#t" if value else "#f"
    if kind in ",(":
        return kind + value.decode()
    if kind == "=":
        return "=" + quote(value)
    if value is None:
        return "NIL"
    opening, closing = _BRACKETS[kind]
    return opening + ", ".join(rendered_items(reply)) + closing


def rendered_items(reply):
    """The elements of an aggregate, or the "key: value" pairs of a map."""
    if reply.kind == "%":
        return [f"{render(key)}: {render(value)}" for key, value in reply.value]
    return [render(item) for item in reply.value]


def pretty(reply, indent=0, width=100):
    """render() over several lines where one would be too wide; continued lines are indented."""
    line = render(reply)
    if reply.kind not in _BRACKETS or reply.value is None or len(line) + indent <= width:
        return line
    opening, closing = _BRACKETS[reply.kind]
    indent += 2
    lines = [opening]
    for number, item in enumerate(reply.value):
        if reply.kind == "%":
            text = f"{render(item[0])}: {pretty(item[1], indent, width)}"
        else:
            text = pretty(item, indent, width)
        text += "," if number + 1 < len(reply.value) else closing
        room = width - len(lines[-1]) - (indent if len(lines) > 1 else indent - 2) - 1
        if "\n" in text or "\n" in lines[-1] or len(text) > room:
            lines.append(text)
        else:
            lines[-1] += text if lines[-1] == opening else " " + text
    return ("\n" + " " * indent).join(lines)
