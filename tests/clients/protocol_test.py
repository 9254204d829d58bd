"""Bad and hostile input against a live server: the right error, the right end, and nobody else notices.

Every byte that goes wrong is also in the protocol transcripts; here it meets sockets: slow senders, half-open
connections, lengths that are declared and never sent.
"""

import random
import socket
import struct
import threading
import time

from resp_client import Connection, Disconnected, encode, render

MIB = 1 << 20
PROTOCOL_ERRORS = [
    (b"*1\r\n:4\r\n", "expected '$', got ':'"),
    (b"*1\r\n\r\n", "expected '$', got ' '"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$536870913\r\n", "invalid bulk length"),
    (b"*1\r\n$9223372036854775808\r\n", "invalid bulk length"),
    (b"*1\r\n$1x\r\n", "invalid bulk length"),
    (b"*a\r\n", "invalid multibulk length"),
    (b"*2147483648\r\n", "invalid multibulk length"),
    (b"*99999999999999999999\r\n", "invalid multibulk length"),
    (b"*1.5\r\n", "invalid multibulk length"),
    (b"ECHO \"x\r\n", "unbalanced quotes in request"),
    (b"ECHO 'x'y\r\n", "unbalanced quotes in request"),
    (b"*" + b"1" * 70_000, "too big mbulk count string"),
    (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
    (b"x" * 70_000, "too big inline request"),
]


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


class Bystander:
    """A well-behaved client; ok() is called after each attack."""

    def __init__(self, server):
        self.connection = server.connect()
        self.server = server
        self.count = 0

    def ok(self):
        begin = time.monotonic()
        self.count += 1
        reply = self.connection.call("XADD", "bystander", f"{self.count}-1", "f", "v")
        check(reply.value == b"%d-1" % self.count, "the bystander got", reply)
        with self.server.connect() as fresh:
            check(fresh.call("PING").value == b"PONG")
        # Not a benchmark: a server that waits for one client to finish would take seconds.
        check(time.monotonic() - begin < 5, "others had to wait")


def protocol_errors(server):
    for data, text in PROTOCOL_ERRORS:
        for split in (len(data), 1, len(data) // 2):
            with server.connect() as client:
                client.send("PING")
                try:
                    if split == 1 and len(data) > 1000:
                        continue
                    for at in range(0, len(data), split):
                        client.send_raw(data[at:at + split])
                    if len(data) < 1000:  # behind a line without an end it would be that end
                        client.send("PING")
                except (BrokenPipeError, ConnectionResetError):
                    pass
                replies = [render(reply) for reply in client.read_to_end()]
            wanted = ["+PONG", f"-ERR Protocol error: {text}"]
            # A server that closes with input unread may take its last words back (RST); it must close.
            check(replies in (wanted, wanted[:1], []) and (replies == wanted or len(data) > 1000),
                  data[:40], "was answered by", replies)


def wrong_use(server):
    """Arity, unknown words and giant numbers are plain errors; the connection goes on."""
    with server.connect() as client:
        for words in (["XADD"], ["XGROUP", "CREATE"], ["NOSUCH", "x" * 1000], ["XREAD", "STREAMS", "a"],
                      ["XADD", "k", "MAXLEN", "9" * 30, "*", "f", "v"],
                      ["XRANGE", "k", "-", "+", "COUNT", "9223372036854775808"],
                      ["XAUTOCLAIM", "k", "g", "c", "0", "0", "COUNT", "9223372036854775807"],
                      ["XREAD", "COUNT", "x", "STREAMS", "k", "0"], ["SELECT", "99999999999"], ["", ""]):
            reply = client.call(*words)
            check(reply.is_error, words, "was answered by", reply)
        for words in (["XREAD", "COUNT", "9223372036854775807", "STREAMS", "none", "0"],
                      ["XRANGE", "none", "-", "+", "COUNT", "9223372036854775807"],
                      ["XDEL", "none"] + ["1-1"] * 100_000, ["XACK", "none", "g"] + ["1-1"] * 100_000,
                      ["PING"]):
            reply = client.call(*words)
            check(not reply.is_error, words[:4], "was answered by", reply)


def many_ids(server):
    """100,000 ids in one command, and an entry of 10,000 fields."""
    with server.connect(timeout_s=60) as client:
        ids = [f"{number}-1" for number in range(1, 100_001)]
        client.call("XADD", "ids", "1-1", "f", "v")
        client.call("XGROUP", "CREATE", "ids", "g", "0")
        client.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "ids", ">")
        check(client.call("XCLAIM", "ids", "g", "d", "0", *ids, "JUSTID").value[0].value == b"1-1")
        check(client.call("XACK", "ids", "g", *ids).value == 1)
        check(client.call("XDEL", "ids", *ids).value == 1)
        fields = ["f", "v"] * 10_000
        check(client.call("XADD", "ids", "2-1", *fields).value == b"2-1")
        check(len(client.call("XRANGE", "ids", "-", "+").value[0].value[1].value) == 20_000)


def slow_sender(server):
    """A command byte by byte, with others being served in between."""
    with server.connect() as slow:
        for byte in encode("XADD", "slow", "1-1", "f", "value\r\n"):
            slow.send_raw(bytes([byte]))
        check(slow.read().value == b"1-1")


def half_open(server):
    """Connections that vanish at every kind of moment: reset, half closed, with replies unread."""
    requests = [b"", b"*", b"*3\r\n$4\r\nXADD\r\n", b"PING", encode("XREAD", "BLOCK", 0, "STREAMS", "h", "$"),
                encode("PING") * 5000]
    for request in requests:
        for how in ("close", "reset", "half"):
            client = server.connect()
            client.send_raw(request)
            if how == "reset":
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif how == "half":
                client.socket.shutdown(socket.SHUT_WR)
            client.close()
    wait_for_clients(server, 2)
    # A half-closed client may still want its replies.
    with server.connect() as client:
        client.send_raw(encode("ECHO", "last") + encode("QUIT"))
        client.socket.shutdown(socket.SHUT_WR)
        check(client.read().value == b"last")


def wait_for_clients(server, count):
    """Until no more than so many connections are left, the asking one included."""
    deadline = time.monotonic() + 10
    with server.connect() as client:
        while True:
            listed = client.call("CLIENT", "LIST").value.count(b"\n")
            if listed <= count:
                return
            check(time.monotonic() < deadline, listed, "connections stay, blocked or half open")
            time.sleep(0.01)


def declared_lengths(server):
    """50 connections announce 512 MB each and a million arguments, and send next to nothing."""
    before = server.rss_bytes()
    clients = []
    for _ in range(50):
        client = server.connect()
        client.send_raw(b"*3\r\n$4\r\nXADD\r\n$1\r\nk\r\n$536870912\r\nabc")
        clients.append(client)
        client = server.connect()
        client.send_raw(b"*1000000\r\n$4\r\nXADD\r\n")
        clients.append(client)
    with server.connect() as client:
        for _ in range(100):
            client.call("PING")
    grown = server.rss_bytes() - before
    for client in clients:
        client.close()
    check(grown < 100 * MIB, f"{grown / MIB:.0f} MiB for nothing but declarations")
    return f"{grown / MIB:.1f} MiB"


def unread_replies(server):
    """A client that asks and never reads: the server must not buffer without end, nor stop serving others."""
    with server.connect() as client:
        for number in range(200):
            client.send("XADD", "wide", f"{number + 1}-1", "f", "x" * 10_000)
        for _ in range(200):
            client.read()
    greedy = server.connect()
    greedy.socket.setblocking(False)
    request = encode("XRANGE", "wide", "-", "+")
    try:
        for _ in range(100):
            greedy.socket.send(request)
    except BlockingIOError:
        pass
    with server.connect() as client:
        for _ in range(100):
            check(client.call("PING").value == b"PONG")
    greedy.close()


def many_connections(server):
    """Connect, one command, close, from several threads at once."""
    failures = []

    def churn(seed):
        chance = random.Random(seed)
        try:
            for _ in range(200):
                with Connection(server.port) as client:
                    if chance.random() < 0.8:
                        check(client.call("PING").value == b"PONG")
        except (AssertionError, OSError, Disconnected) as error:
            failures.append(error)

    threads = [threading.Thread(target=churn, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, failures)


ATTACKS = (protocol_errors, wrong_use, many_ids, slow_sender, half_open, declared_lengths, unread_replies,
           many_connections)


def run(server):
    bystander = Bystander(server)
    for attack in ATTACKS:
        note = attack(server)
        bystander.ok()
        print(f"  {attack.__name__} ok{': ' + note if note else ''}", flush=True)
    check(server.process.poll() is None, "the server died")
