"""Clients that mean harm, or do not know better: what they may cost, and whom."""

import socket
import struct
import time

from client_crowd import (Crowd, PATIENCE_S, connect, cpu_seconds, descriptors, info,
                          is_sanitized, per_client, reset, wait_until)
from resp_client import Connection, Disconnected, encode

PASSWORD = "correct horse battery staple"
MAX_BYTES_PER_CLIENT = 32 * 1024


def _connect_as(server, source, timeout_s=PATIENCE_S):
    """A decoding connection that comes from another address."""
    client = Connection(server.port, timeout_s=timeout_s)
    client.socket.close()
    client.socket = connect(server.port, source)
    return client


def _serves(harness, server, what, source="127.250.0.1"):
    """A good client from elsewhere logs in and is answered, soon enough."""
    began = time.monotonic()
    with _connect_as(server, source) as good:
        harness.check(not good.call("AUTH", PASSWORD).is_error, f"{what}: a good client cannot log in")
        harness.check(good.call("PING").value == b"PONG", f"{what}: a good client is not answered")
    harness.check(time.monotonic() - began < 10, f"{what}: a good client waits for long")


def preauth(harness):
    """F22: connections that have not logged in cost little, whatever they send, and do not read."""
    count = harness.size
    patterns = {
        "half a large request": (b"*10\r\n" + b"$16384\r\n" + b"a" * 16000, 1),
        "all but the end of the largest request": (b"*10\r\n" + (b"$16384\r\n" + b"a" * 16384 + b"\r\n") * 9, 0),
        "refusals that nobody reads": (encode("PING") * 400, 3),
        "an unfinished count": (b"*1", 1),
    }
    for name, (data, times) in patterns.items():
        # Enough places, and time: the limits on both are tried below.
        with harness.server("--requirepass", PASSWORD, "--maxclients", 40000, "--auth-timeout", 600,
                            "--request-timeout", 600) as server:
            before = server.rss_bytes()
            with Crowd(server.port, count, sources=True, receive_buffer=4096) as crowd:
                if times == 0:  # More than goes at once.
                    _send_whole(crowd, data)
                else:
                    for _ in range(times):
                        crowd.send_to_all(data)
                _serves(harness, server, f"preauth: {name}")
                time.sleep(1)
                per = per_client(before, server.rss_bytes(), count)
                harness.figure(f"preauth bytes per client, {name}", per)
                # Where what all of them together may take is not shared by many, each has more.
                if not is_sanitized(server) and per * count > 48 << 20:
                    harness.check(per <= MAX_BYTES_PER_CLIENT, f"preauth: {name}: {per} bytes per client")
    _preauth_limits(harness)


def _send_whole(crowd, data):
    """To all of them, in as many parts as it takes."""
    left = [data] * len(crowd)
    for _ in range(200):
        for number, rest in enumerate(left):
            if rest and not crowd.closed[number]:
                left[number] = rest[crowd.send(number, rest):]
        crowd.pump(0.01)
        if not any(rest and not closed for rest, closed in zip(left, crowd.closed)):
            return


def _preauth_limits(harness):
    with harness.server("--requirepass", PASSWORD, "--maxclients", 400, "--auth-timeout", 3) as server:
        with Crowd(server.port, 300, sources=True) as crowd:
            crowd.wait(lambda n: crowd.closed[n], 1)
            refused = sum(b"max number" in data for data in crowd.received)
            left = crowd.closed.count(False)
            harness.check(refused > 0 and left <= 100, f"preauth: {left} of 300 strangers have a place")
            time.sleep(1.2)
            _serves(harness, server, "preauth: all places of strangers taken")
            missing = crowd.wait(lambda n: crowd.closed[n], 30)
            harness.check(not missing, f"preauth: {len(missing)} strangers outlive auth-timeout")
        with Crowd(server.port, 90) as crowd:  # All of one address.
            time.sleep(1.2)
            _serves(harness, server, "preauth: all places of an address taken", source="127.0.0.1")
    huge = [b"*11\r\n", b"*2147483647\r\n", b"*1\r\n$16385\r\n", b"*1\r\n$536870912\r\n"]
    with harness.server("--requirepass", PASSWORD) as server:
        for data in huge:
            client = connect(server.port)
            client.sendall(data)
            answer = client.recv(200)
            harness.check(answer.startswith(b"-ERR Protocol error: unauthenticated") and not client.recv(200),
                          f"preauth: {data} is answered {answer}")
            client.close()


def slowloris(harness):
    """F23: requests that come byte by byte do not keep their places; who waits honestly does."""
    count = harness.size
    with harness.server("--request-timeout", 4, "--maxclients", 20000) as server:
        with Crowd(server.port, count) as slow, Crowd(server.port, 30) as honest:
            for number in range(30):
                honest.send(number, [b"", encode("XREAD", "BLOCK", 0, "STREAMS", "s", "$"),
                                     encode("SUBSCRIBE", "c")][number % 3])
            slow.send_to_all(b"*2\r\n$4\r\n")
            deadline = time.monotonic() + PATIENCE_S
            while not all(slow.closed) and time.monotonic() < deadline:
                slow.send_to_all(b"E")
                slow.pump(0.5)
                with server.connect(PATIENCE_S) as good:
                    harness.check(good.call("PING").value == b"PONG", "slowloris: a good client is not served")
            harness.check(all(slow.closed), f"slowloris: {slow.closed.count(False)} of {count} are still there")
            honest.pump(0.5)
            harness.check(not any(honest.closed), "slowloris: who is idle, blocked or subscribed was closed")
    with harness.server("--requirepass", PASSWORD, "--auth-timeout", 2, "--maxclients", 40000) as server:
        with Crowd(server.port, min(count, 4000), sources=True) as slow:
            slow.send_to_all(b"*2\r\n$4\r\nA")
            missing = slow.wait(lambda n: slow.closed[n], 60)
            harness.check(not missing, f"slowloris: {len(missing)} have not logged in and are still there")
            _serves(harness, server, "slowloris")


def slowreader(harness):
    """F24: replies that nobody reads are bounded, for one client and for all together."""
    limit = 128 << 20
    with harness.server("--maxmemory-clients", limit, "--cache-size", "32mb") as server:
        with server.connect(PATIENCE_S) as filler:
            for _ in range(10):
                filler.pipeline([("XADD", "s", "*", "f", "v" * 10000) for _ in range(100)])
        before = server.rss_bytes()
        count = min(1000, harness.size)
        most = 0
        with Crowd(server.port, count, receive_buffer=4096) as crowd:
            for number in range(count):
                crowd.send(number, encode("XRANGE", "s", "-", "+") if number % 2 else
                           encode("XREAD", "COUNT", 100, "STREAMS", "s", "0") * 200)
                if number % 20 == 0:
                    most = max(most, server.rss_bytes())
            for _ in range(20):
                time.sleep(0.1)
                most = max(most, server.rss_bytes())
            with server.connect(PATIENCE_S) as good:
                harness.check(good.call("PING").value == b"PONG", "slowreader: a good client is not served")
                harness.check(info(good, "mem_clients_normal") <= limit, "slowreader: more is kept than may be")
                harness.figure("slowreader clients evicted", info(good, "evicted_clients"))
        harness.figure("slowreader resident bytes above the start", most - before)
        # One reply, 10 MB, may be complete before the largest goes; the rest is the allocator's.
        if not is_sanitized(server):
            harness.check(most - before < limit + (96 << 20), f"slowreader: {most - before} bytes more")
        with server.connect(PATIENCE_S) as reader:
            reader.send("XRANGE", "s", "-", "+")
            harness.check(len(reader.read().value) == 1000, "slowreader: who reads does not get all")
    _slow_subscribers(harness)


def _slow_subscribers(harness):
    limit = 64 << 20
    with harness.server("--maxmemory-clients", limit) as server:
        before = server.rss_bytes()
        with Crowd(server.port, 200, receive_buffer=4096) as crowd:
            crowd.send_to_all(encode("SUBSCRIBE", "c"))
            crowd.wait(lambda n: crowd.received[n])
            with server.connect(PATIENCE_S) as publisher:
                for _ in range(20):
                    publisher.call("PUBLISH", "c", "m" * (1 << 20))
                harness.check(info(publisher, "mem_clients_normal") <= limit + (8 << 20),
                              "slowreader: messages take more than they may")
        if not is_sanitized(server):
            grown = server.rss_bytes() - before
            harness.check(grown < limit + (100 << 20), f"slowreader: subscribers took {grown} bytes")


def _churn_once(port, how):
    """One connection, and one of the ways in which it may end."""
    client = connect(port)
    if how == 0:
        client.sendall(encode("PING"))
        client.recv(100)
    elif how == 1:  # Reset while it is being answered.
        client.sendall(encode("XRANGE", "s", "-", "+") * 3)
        client.recv(10)
        reset(client)
        return
    elif how == 2:  # Sends no more, but reads on.
        client.sendall(encode("PING") * 3)
        client.shutdown(socket.SHUT_WR)
        while client.recv(100):
            pass
    elif how == 3:  # Half of a request.
        client.sendall(encode("XADD", "s", "*", "f", "v" * 100)[:-20])
    elif how == 4:
        client.sendall(encode("XREAD", "BLOCK", 0, "STREAMS", "none", "$"))
    elif how == 5:
        client.sendall(encode("SUBSCRIBE", "c") + encode("MULTI"))
        reset(client)
        return
    elif how == 6:
        client.sendall(b"*1\r\n:1\r\n")
        while client.recv(100):
            pass
    client.close()


def churn(harness):
    """F25: connections that come and go leave neither descriptors nor memory behind."""
    total = harness.size * 10
    with harness.server() as server, server.connect(PATIENCE_S) as client:
        client.pipeline([("XADD", "s", "*", "f", "v" * 1000) for _ in range(200)])

        def run(count):
            for _ in range(count):
                _churn_once(server.port, harness.random.randrange(8))
            harness.check(wait_until(lambda: info(client, "connected_clients") == 1),
                          f"churn: {info(client, 'connected_clients') - 1} clients are left")

        run(max(500, total // 10))
        base_descriptors, before = descriptors(server), server.rss_bytes()
        run(total)
        harness.figure("churn connections", total)
        harness.figure("churn descriptors more", descriptors(server) - base_descriptors)
        harness.figure("churn resident bytes more", server.rss_bytes() - before)
        harness.check(descriptors(server) <= base_descriptors, "churn: descriptors are left")
        if not is_sanitized(server):
            allowed = max(before // 100, 2 << 20)
            harness.check(server.rss_bytes() - before <= allowed,
                          f"churn: resident memory grew by {server.rss_bytes() - before} bytes")


def _giants(rng):
    """Requests whose headers, or arguments, are too large to be meant; whether they must be refused."""
    declared = [(b"*%d\r\n" % count, True) for count in (2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30)]
    declared += [(b"*1\r\n$%d\r\n" % size, True)
                 for size in (512 * 2**20 + 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30)]
    declared += [(b"*2147483647\r\n", False), (b"*1\r\n$536870912\r\n", False), (b"*1000000\r\n$1\r\nx\r\n", False)]
    declared += [(b"*3\r\n$3\r\nSET\r\n$536870912\r\n", False), (b"*" + b"1" * 70000, True),
                 (b"*1\r\n$" + b"1" * 70000, True), (b"a" * 70000, True), (b"*-1\r\n*0\r\n", False)]
    numbers = ["9223372036854775807", "9223372036854775808", "-9223372036854775808",
               "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e9", "nan",
               "inf", "0x10", "", " 1", "1 ", "+1", "01", "\0", "-0", "1\0"]
    shapes = [("XRANGE", "s", "-", "+", "COUNT", "N"), ("XREAD", "COUNT", "N", "STREAMS", "s", "0"),
              ("XREAD", "BLOCK", "N", "COUNT", "1", "STREAMS", "s", "0"), ("XADD", "s", "N", "f", "v"),
              ("XADD", "s", "MAXLEN", "N", "*", "f", "v"), ("XADD", "s", "MINID", "~", "N", "LIMIT", "N", "*", "f", "v"),
              ("XTRIM", "s", "MAXLEN", "~", "N", "LIMIT", "N"), ("XDEL", "s", "N"), ("XSETID", "s", "N"),
              ("XSETID", "s", "5-5", "ENTRIESADDED", "N", "MAXDELETEDID", "N"),
              ("XGROUP", "CREATE", "s", "g", "N", "ENTRIESREAD", "N"), ("XGROUP", "SETID", "s", "g", "N"),
              ("XREADGROUP", "GROUP", "g", "c", "COUNT", "N", "STREAMS", "s", "N"),
              ("XCLAIM", "s", "g", "c", "N", "1-1", "IDLE", "N"), ("XCLAIM", "s", "g", "c", "0", "1-1", "TIME", "N"),
              ("XCLAIM", "s", "g", "c", "0", "1-1", "RETRYCOUNT", "N", "FORCE"),
              ("XAUTOCLAIM", "s", "g", "c", "N", "0", "COUNT", "N"), ("XPENDING", "s", "g", "IDLE", "N", "-", "+", "N"),
              ("XNACK", "s", "g", "FAIL", "IDS", "N", "1-1"), ("XDELEX", "s", "KEEPREF", "IDS", "N", "1-1"),
              ("XACKDEL", "s", "g", "ACKED", "IDS", "N", "1-1"), ("XINFO", "STREAM", "s", "FULL", "COUNT", "N"),
              ("XCFGSET", "s", "IDMP-DURATION", "N"), ("EXPIRE", "x", "N"), ("PEXPIREAT", "x", "N"),
              ("SETEX", "x", "N", "v"), ("SET", "x", "v", "PX", "N"), ("INCRBY", "n", "N"), ("SCAN", "N", "COUNT", "N"),
              ("SLOWLOG", "GET", "N"), ("SELECT", "N"), ("COPY", "s", "y", "DB", "N"), ("WAIT", "N", "1"),
              ("CLIENT", "KILL", "ID", "N"), ("CLIENT", "UNBLOCK", "N"), ("HELLO", "N"), ("CONFIG", "SET", "hz", "N"),
              ("MEMORY", "USAGE", "s", "SAMPLES", "N"), ("XREAD", "MAXCOUNT", "N", "MAXSIZE", "N", "STREAMS", "s", "0")]
    values = [(encode(*(number if word == "N" else word for word in shape)), None)
              for shape in shapes for number in numbers]
    rng.shuffle(values)
    return declared, values


def giant(harness):
    """F26: nothing is allocated, or done, by a number that a client names."""
    declared, values = _giants(harness.random)
    with harness.server("--maxmemory-clients", "256mb") as server:
        with server.connect(PATIENCE_S) as client:
            client.call("XADD", "s", "1-1", "f", "v")
            before = server.rss_bytes()
            for data, must_fail in declared:
                peer = connect(server.port)
                peer.sendall(data)
                if must_fail:
                    answer = peer.recv(200)
                    harness.check(answer.startswith(b"-ERR Protocol error"), f"giant: {data[:40]}: {answer}")
                    harness.check(not peer.recv(200), f"giant: {data[:40]} does not close")
                harness.check(client.call("PING").value == b"PONG", f"giant: {data[:40]} stops the server")
                if not is_sanitized(server):
                    grown = server.rss_bytes() - before
                    harness.check(grown < 8 << 20, f"giant: {data[:40]} took {grown} bytes")
                peer.close()
            for data, _ in values:
                _one_giant_value(harness, server, data)
            harness.figure("giant cases", len(declared) + len(values))
            _giant_arguments(harness, server, client)
        harness.check(server.process.poll() is None, f"giant: the server is gone: {server.log_tail()}")


def _one_giant_value(harness, server, data):
    may_wait = b"BLOCK" in data or b"WAIT" in data
    with server.connect(0.2 if may_wait else 10) as peer:
        peer.send_raw(data + encode("PING"))
        try:
            peer.read()
            peer.read()
        except TimeoutError:
            harness.check(may_wait, f"giant: {data} is not answered")
        except Disconnected:
            harness.check(False, f"giant: {data} closes the connection")


def _giant_arguments(harness, server, client):
    """10^5 IDs (CVE-2025-62507), 10^6 fields, names of 64 KB; fewer for fewer clients."""
    ids = [f"{n}-1" for n in range(min(100000, harness.size * 100))]
    client.call("XGROUP", "CREATE", "s", "big", "0")
    for words in (["XDEL", "s"], ["XACK", "s", "big"], ["XCLAIM", "s", "big", "c", "0"],
                  ["XACKDEL", "s", "big", "KEEPREF", "IDS", len(ids)], ["XDELEX", "s", "ACKED", "IDS", len(ids)],
                  ["XNACK", "s", "big", "FAIL", "IDS", len(ids)], ["DEL"], ["EXISTS"], ["TOUCH"], ["WATCH"]):
        reply = client.call(*words, *ids)
        harness.check(not reply.is_error, f"giant: {words[0]} with {len(ids)} names is refused")
    client.call("UNWATCH")
    for words in (["XREAD", "COUNT", "1", "STREAMS"] + ids + ["0"] * len(ids),
                  ["XREADGROUP", "GROUP", "big", "c", "STREAMS"] + ids + [">"] * len(ids)):
        harness.check(client.call(*words) is not None, "giant: a read of 10^5 streams is not answered")
    fields = min(10**6, harness.size * 1000)
    client.send_raw(b"*%d\r\n$4\r\nXADD\r\n$4\r\nwide\r\n$1\r\n*\r\n" % (2 * fields + 3)
                    + b"$1\r\nf\r\n" * (2 * fields))
    harness.check(not client.read().is_error, f"giant: {fields} fields are refused")
    harness.check(client.call("XLEN", "wide").value == 1, f"giant: {fields} fields are no entry")
    client.call("DEL", "wide")
    name = "n" * 65536
    for words in (["XADD", name, "*", "f", "v"], ["XGROUP", "CREATE", name, name, "0"],
                  ["XREADGROUP", "GROUP", name, name, "STREAMS", name, ">"], ["XLEN", name],
                  ["CLIENT", "SETNAME", name], ["SUBSCRIBE", name], ["UNSUBSCRIBE", name], ["DEL", name],
                  ["FOO", name], [name, name], ["XGROUP", name], ["CONFIG", "SET", name, name]):
        client.send(*words)
        reply = client.read()
        harness.check(not reply.is_error or len(reply.value) < 70000, f"giant: a name of 64 KB in {words[0]}")


def brute(harness):
    """F27: passwords can be guessed ten times a second and address, and nobody else waits."""
    seconds = 3
    count = min(harness.size, 1000)
    with harness.server("--requirepass", PASSWORD, "--maxclients", 8000, "--auth-timeout", 600) as server:
        with Connection(server.port, timeout_s=PATIENCE_S) as inside:
            inside.call("AUTH", PASSWORD)
            with Crowd(server.port, count) as crowd:  # All of one address, in less than a second.
                began = time.monotonic()
                crowd.send_to_all(b"".join(encode("AUTH", f"guess{n}") for n in range(50)))
                while time.monotonic() - began < seconds:
                    crowd.pump(0.1)
                    harness.check(inside.call("PING").value == b"PONG", "brute: who has logged in waits")
                _serves(harness, server, "brute: from elsewhere")
                crowd.pump(0.1)
                passed = time.monotonic() - began
                answers = sum(data.count(b"WRONGPASS") for data in crowd.received)
                harness.figure("brute answers a second", round(answers / passed, 1))
                # All first guesses arrive before the first answer only if they do in one pass.
                harness.check(answers <= 10 * passed + 2, f"brute: {answers} answers in {passed:.1f} s")
                harness.check(answers >= 5, "brute: nobody is answered any more")
        log = server.log_path.read_text(errors="replace")
        harness.check("wrong password" in log, "brute: the log does not tell")
        harness.check(log.count("wrong password") < 30, "brute: the log is filled")
        harness.check(PASSWORD not in log and "guess1" not in log, "brute: the log shows passwords")


# --- Colliding names

_M = 0xc6a4a7935bd1e995
_MASK = 2**64 - 1


def _unmix(value):
    """The eight bytes that libstdc++'s hash turns into this before it adds them."""
    inverse = pow(_M, -1, 2**64)
    value = value * inverse & _MASK
    value ^= value >> 47
    return value * inverse & _MASK


def colliding_names(count):
    """Names that all have the same std::hash in libstdc++: pairs of blocks whose difference cancels out."""
    flip = 1 << 63
    pairs = []
    for position in range(max(1, (count - 1).bit_length())):
        a, b = 0x1234567890 + position, 0x9876543210 + position
        plain = struct.pack("<QQ", _unmix(a), _unmix(b))
        flipped = struct.pack("<QQ", _unmix(a ^ flip), _unmix(b ^ flip))
        pairs.append((plain, flipped))
    names = [b"".join(pair[number >> bit & 1] for bit, pair in enumerate(pairs)) for number in range(count)]
    assert len(set(names)) == count
    return names


def _flood(server, names, make):
    used = cpu_seconds(server)
    with server.connect(PATIENCE_S) as client:
        for start in range(0, len(names), 1000):
            batch = names[start:start + 1000]
            client.send_raw(b"".join(encode(*make(name)) for name in batch))
            for _ in batch:
                client.read()
    return cpu_seconds(server) - used


def hashflood(harness):
    """F28: names chosen to collide cost no more than others."""
    count = harness.size * 10
    colliding = colliding_names(count)
    ordinary = [harness.random.randbytes(len(colliding[0])) for _ in range(count)]
    kinds = {"keys": lambda name: ("SET", name, "v"),
             "consumers": lambda name: ("XGROUP", "CREATECONSUMER", "s", "g", name),
             "groups": lambda name: ("XGROUP", "CREATE", "t", name, "0"),
             "channels": lambda name: ("SUBSCRIBE", name),
             "watched keys": lambda name: ("WATCH", name)}
    for kind, make in kinds.items():
        # A checkpoint writes all groups of a stream again: few of them show a collision as well.
        several = count // 10 if kind in ("groups", "consumers") else count
        costs = []
        for names in (ordinary, colliding):
            with harness.server() as server:
                with server.connect(PATIENCE_S) as client:
                    client.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
                    client.call("XADD", "t", "1", "f", "v")
                costs.append(_flood(server, names[:several], make))
        harness.figure(f"hashflood {kind}, processor seconds plain and colliding",
                       f"{costs[0]:.2f} {costs[1]:.2f}")
        harness.check(costs[1] <= 2 * costs[0] + 0.5, f"hashflood: {kind}: {costs[1]} s against {costs[0]} s")
