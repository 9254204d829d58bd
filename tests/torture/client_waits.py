"""Clients that wait: idle, blocked, and killed whatever they do."""

import random
import socket
import threading
import time

from client_crowd import (Crowd, PATIENCE_S, connect, cpu_seconds, descriptors, info, is_sanitized,
                          per_client, reset, wait_until)
from resp_client import Connection, Decoder, Disconnected, encode

NOGROUP = b"-NOGROUP"


def idle(harness):
    """F23: idle connections cost little memory and no processor."""
    count = harness.size
    with harness.server("--maxclients", 20000) as server:
        before = server.rss_bytes()
        with Crowd(server.port, count) as crowd:
            crowd.send_to_all(encode("PING"))
            missing = crowd.wait(lambda n: crowd.received[n] == b"+PONG\r\n")
            harness.check(not missing, f"idle: {len(missing)} of {count} clients got no answer")
            per = per_client(before, server.rss_bytes(), count)
            harness.figure("idle bytes per client", per)
            if not is_sanitized(server):
                harness.check(per <= 32 * 1024, f"idle: {per} bytes per client")
            used = cpu_seconds(server)
            time.sleep(3)
            harness.figure("idle processor seconds in 3 s", round(cpu_seconds(server) - used, 2))


def _block(crowd, client, words):
    """Blocks all, one after the other, so that their order is known."""
    request = encode(*words)
    for number in range(len(crowd)):
        crowd.send(number, request)
    return wait_until(lambda: info(client, "blocked_clients") == len(crowd))


def _settle(harness, crowd, what, condition):
    missing = crowd.wait(condition)
    harness.check(not missing, f"blocked: {what}: {len(missing)} of {len(crowd)} clients are stuck, "
                               f"such as {missing[:1]}: {[crowd.received[n][:80] for n in missing[:1]]}")
    crowd.take()


def _ends_of_keys(harness, crowd, client):
    """Each way in which what readers wait for may vanish answers all of them."""
    read = ("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "k", ">")
    ways = [("DEL", [("DEL", "k")], NOGROUP),
            ("XGROUP DESTROY", [("XGROUP", "DESTROY", "k", "g")], NOGROUP),
            ("another type", [("SET", "k", "v")], b"-WRONGTYPE"),
            ("RENAME", [("RENAME", "k", "away"), ("DEL", "away")], NOGROUP),
            ("expiry", [("PEXPIRE", "k", "50")], NOGROUP),
            ("FLUSHALL", [("FLUSHALL",)], NOGROUP)]
    for name, commands, answer in ways:
        client.call("DEL", "k")
        client.call("XGROUP", "CREATE", "k", "g", "$", "MKSTREAM")
        harness.check(_block(crowd, client, read), f"blocked: {name}: not all block")
        for words in commands:
            client.call(*words)
        _settle(harness, crowd, name, lambda n, answer=answer: crowd.received[n].startswith(answer))
        harness.check(info(client, "blocked_clients") == 0, f"blocked: {name}: somebody still is")


def _fair(harness, crowd, client):
    """Readers of one group are served in the order in which they came."""
    client.call("DEL", "k")
    client.call("XGROUP", "CREATE", "k", "g", "$", "MKSTREAM")
    read = ("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "BLOCK", "0", "STREAMS", "k", ">")
    # One after the other also over connections: the loop reads those that are ready in any order.
    for number in range(len(crowd)):
        crowd.send(number, encode(*read))
        if number % 64 == 63:
            wait_until(lambda number=number: info(client, "blocked_clients") == number + 1, step_s=0)
    wait_until(lambda: info(client, "blocked_clients") == len(crowd))
    order = {}
    for number in range(len(crowd)):
        client.send("XADD", "k", f"{number + 1}-0", "f", "v")
    for _ in range(len(crowd)):
        client.read()
    missing = crowd.wait(lambda n: b"f\r\n$1\r\nv\r\n" in crowd.received[n])
    harness.check(not missing, f"blocked: {len(missing)} readers got nothing")
    for number, data in enumerate(crowd.take()):
        parts = data.split(b"-0\r\n")
        order[number] = int(parts[0].rsplit(b"\r\n", 1)[1]) if len(parts) == 2 else None
    gots = sorted(value for value in order.values() if value)
    harness.check(gots == list(range(1, len(crowd) + 1)), "blocked: not each entry went to one reader")
    # Within 64 readers, sent in one go, the order is the loop's.
    unfair = [n for n, entry in order.items() if entry and abs(entry - 1 - n) >= 64]
    harness.check(not unfair, f"blocked: {len(unfair)} readers were passed over, such as {unfair[:3]}")


def _time_outs(harness, crowd, client):
    wanted = [harness.random.randint(1, 5000) for _ in range(len(crowd))]
    began = time.monotonic()
    starts = []
    for number, ms in enumerate(wanted):
        starts.append(time.monotonic())
        crowd.send(number, encode("XREAD", "BLOCK", ms, "STREAMS", "t", "$"))
    ended = {}
    deadline = began + 5 + PATIENCE_S
    while len(ended) < len(crowd) and time.monotonic() < deadline:
        crowd.pump(0.05)
        now = time.monotonic()
        for number in range(len(crowd)):
            if number not in ended and crowd.received[number] == b"*-1\r\n":
                ended[number] = now
    crowd.take()
    harness.check(len(ended) == len(crowd), f"blocked: {len(crowd) - len(ended)} time-outs never came")
    early = [n for n, at in ended.items() if at - starts[n] < wanted[n] / 1000 - 0.002]
    harness.check(not early, f"blocked: {len(early)} time-outs came too early")
    late = max((at - starts[n] - wanted[n] / 1000 for n, at in ended.items()), default=0)
    harness.figure("latest time-out, seconds late", round(late, 2))
    harness.check(late < 10, f"blocked: a time-out came {late:.1f} s late")
    harness.check(info(client, "blocked_clients") == 0, "blocked: somebody still is after all time-outs")


def _cycles(harness, server, client, count):
    """Blocks and unblocks over and over; the memory must not grow with it."""
    client.call("DEL", "k")
    client.call("XGROUP", "CREATE", "k", "g", "$", "MKSTREAM")
    with Connection(server.port, timeout_s=PATIENCE_S) as reader:
        batch = 500
        reads = encode("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "NOACK", "BLOCK", "0",
                       "STREAMS", "k", ">") * batch
        adds = encode("XADD", "k", "MAXLEN", "1", "*", "f", "v") + encode("PING")
        warm = None
        for done in range(0, count, batch):
            reader.send_raw(reads)
            got = 0
            while got < batch:
                client.send_raw(adds)
                client.read()
                client.read()
                if reader.read().value is not None:
                    got += 1
            if done >= count // 10 and warm is None:
                warm = server.rss_bytes()
    harness.figure("block and unblock cycles", count)
    if not is_sanitized(server):
        grown = server.rss_bytes() - (warm or server.rss_bytes())
        harness.check(grown < 24 << 20, f"blocked: memory grew by {grown} bytes over {count} cycles")


def blocked(harness):
    """F19: whatever ends a wait ends it for all, in their order, and once."""
    count = harness.size
    with harness.server("--maxclients", 20000) as server, server.connect(PATIENCE_S) as client:
        client.call("PING")  # Its connection has been accepted, and counts.
        base_descriptors, before = descriptors(server), server.rss_bytes()
        with Crowd(server.port, count) as crowd:
            client.call("XGROUP", "CREATE", "k", "g", "$", "MKSTREAM")
            harness.check(_block(crowd, client, ("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0",
                                                 "STREAMS", "k", ">")), "blocked: not all block")
            per = per_client(before, server.rss_bytes(), count)
            harness.figure("blocked bytes per client", per)
            if not is_sanitized(server):
                harness.check(per <= 32 * 1024, f"blocked: {per} bytes per client")
            used = cpu_seconds(server)
            time.sleep(2)
            used = cpu_seconds(server) - used
            harness.check(used < 1, f"blocked: waiting takes {used} s of processor in 2 s")
            client.call("DEL", "k")
            _settle(harness, crowd, "first DEL", lambda n: crowd.received[n].startswith(NOGROUP))
            _ends_of_keys(harness, crowd, client)
            _fair(harness, crowd, client)
            _time_outs(harness, crowd, client)
            client.call("XGROUP", "CREATE", "k", "g", "$", "MKSTREAM")
            _block(crowd, client, ("XREAD", "BLOCK", "0", "STREAMS", "k", "$"))
            killed = client.call("CLIENT", "KILL", "TYPE", "normal").plain()
            harness.check(killed == count, f"blocked: CLIENT KILL ended {killed} of {count}")
            missing = crowd.wait(lambda n: crowd.closed[n])
            harness.check(not missing, f"blocked: {len(missing)} killed clients are still there")
        harness.check(wait_until(lambda: descriptors(server) <= base_descriptors),
                      f"blocked: {descriptors(server) - base_descriptors} descriptors are left")
        _cycles(harness, server, client, 10 * count)


# --- Random kills


_NAMES = ["s", "t", "u"]


class _Newest:
    """About how many connections there have been: whom to kill."""

    def __init__(self):
        self.client = 0


def _random_command(dice, newest):
    """Something that waits, watches, listens, or ends others, on three streams."""
    key, group = dice.choice(_NAMES), dice.choice("gh")
    block = dice.choice(["0", "1", "20", "1000"])
    victim = max(1, newest.client - dice.randint(0, 60))
    return dice.choice([
        ("XREADGROUP", "GROUP", group, dice.choice("cde"), "BLOCK", block, "STREAMS", key, ">"),
        ("XREADGROUP", "GROUP", group, "c", "CLAIM", "5", "BLOCK", block, "STREAMS", "s", "t", ">", ">"),
        ("XREAD", "BLOCK", block, "STREAMS", "s", "t", "u", "$", "$", "$"),
        ("XADD", key, "*", "f", "v" * dice.choice([1, 100, 5000])),
        ("XADD", key, "MAXLEN", "~", "500", "*", "f", "v"),
        ("XRANGE", key, "-", "+", "COUNT", dice.choice(["10", "2000"])),
        ("XRANGE", f"cold{dice.randrange(40)}", "-", "+"),
        ("XREADGROUP", "GROUP", "g", "c", "COUNT", "50", "STREAMS", f"cold{dice.randrange(40)}", "0"),
        ("XAUTOCLAIM", key, group, "c", "0", "0", "COUNT", "5"),
        ("XGROUP", "CREATE", key, group, "$", "MKSTREAM"), ("XGROUP", "DESTROY", key, group),
        ("DEL", key), ("RENAME", key, dice.choice(_NAMES)), ("SET", key, "v"), ("EXPIRE", key, "1"),
        ("CLIENT", "KILL", "ID", victim), ("CLIENT", "UNBLOCK", victim, dice.choice(["ERROR", "TIMEOUT"])),
        ("CLIENT", "KILL", "TYPE", "pubsub"), ("CLIENT", "PAUSE", "20", dice.choice(["WRITE", "ALL"])),
        ("CLIENT", "LIST"), ("CLIENT", "REPLY", "SKIP"), ("MONITOR",), ("QUIT",), ("RESET",),
        ("SUBSCRIBE", "c"), ("PSUBSCRIBE", "__key*"), ("PUBLISH", "c", "m" * 1000), ("UNSUBSCRIBE",),
        ("MULTI",), ("EXEC",), ("EXEC",), ("DISCARD",), ("WATCH", key), ("HELLO", dice.choice("23")),
        ("FLUSHALL",) if dice.random() < 0.02 else ("PING",), ("INFO",), ("SCAN", "0", "COUNT", "1000"),
        ("SWAPDB", "0", "0"), ("SELECT", dice.choice("0001")), ("XINFO", "STREAM", key, "FULL"),
    ])


def _be_random(port, dice, newest, deadline):
    """Connections that do anything, and end in any way."""
    while time.monotonic() < deadline:
        try:
            client = connect(port, receive_buffer=dice.choice([None, 4096]))
        except OSError:
            time.sleep(0.05)
            continue
        client.setblocking(False)
        decoder = Decoder()
        for _ in range(dice.randint(1, 25)):
            request = b"".join(encode(*_random_command(dice, newest)) for _ in range(dice.randint(1, 20)))
            try:
                client.send(request[:dice.randint(1, len(request))] if dice.random() < 0.1 else request)
                if dice.random() < 0.7:
                    time.sleep(dice.random() * 0.01)
                    decoder.feed(client.recv(1 << 16))
                    while decoder.next() is not None:
                        pass
            except BlockingIOError:
                pass
            except OSError:
                break
            if time.monotonic() > deadline:
                break
        try:
            how = dice.random()
            if how < 0.4:
                reset(client)
            elif how < 0.6:
                client.shutdown(socket.SHUT_WR)
                time.sleep(dice.random() * 0.02)
        except OSError:
            pass
        client.close()


def kills(harness):
    """Clients that are killed or reset while they block, watch, listen, queue and wait for the store."""
    seconds = max(5, harness.size // 100)
    with harness.server("--cache-size", "16mb", "--notify-keyspace-events", "KEA",
                        "--maxmemory-clients", "64mb") as server:
        with server.connect(PATIENCE_S) as client:
            for number in range(40):
                client.pipeline([("XGROUP", "CREATE", f"cold{number}", "g", "0", "MKSTREAM")] + [
                    ("XADD", f"cold{number}", "*", "f", "v" * 1000) for _ in range(600)])
                client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", "300", "STREAMS", f"cold{number}", ">")
        deadline = time.monotonic() + seconds
        newest = _Newest()
        threads = [threading.Thread(target=_be_random, args=(
            server.port, random.Random(harness.random.random()), newest, deadline)) for _ in range(12)]
        for thread in threads:
            thread.start()
        while time.monotonic() < deadline and server.process.poll() is None:
            try:
                with server.connect(5) as probe:
                    newest.client = probe.call("CLIENT", "ID").plain()
            except (OSError, Disconnected):
                pass  # It was killed, or a pause holds it up.
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        alive = server.process.poll() is None
        if not harness.check(alive, f"kills: the server is gone:\n{server.log_tail()}"):
            return
        with server.connect(PATIENCE_S) as client:
            client.call("CLIENT", "UNPAUSE")
            harness.check(wait_until(lambda: info(client, "connected_clients") == 1),
                          f"kills: {info(client, 'connected_clients') - 1} clients are left")
            for name in ("blocked_clients", "pubsub_clients", "watching_clients", "total_blocking_keys"):
                harness.check(info(client, name) == 0, f"kills: {name} is not 0")
            harness.check(info(client, "mem_clients_normal") < 1 << 16,
                          f"kills: clients that are gone hold {info(client, 'mem_clients_normal')} bytes")
            harness.figure("connections", info(client, "total_connections_received"))
            harness.figure("commands", info(client, "total_commands_processed"))
        code = server.stop(PATIENCE_S)
        harness.check(code == 0, f"kills: the server ended with {code}:\n{server.log_tail()}")
