#!/usr/bin/python3
"""The consumer-group round trip with python3-redis: produce, read in two consumers, lose one, recover, finish.

  round_trip.py PORT
"""

import sys
import threading

import redis

ENTRIES = 1000
STREAM, GROUP = "jobs", "workers"


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


def produce(client):
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    try:
        client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        check(False, "a group could be created twice")
    except redis.ResponseError as error:
        check("BUSYGROUP" in str(error), error)
    pipeline = client.pipeline(transaction=False)
    for number in range(ENTRIES):
        pipeline.xadd(STREAM, {"number": number, "payload": "x" * 100})
    ids = pipeline.execute()
    check(ids == sorted(ids, key=lambda i: tuple(map(int, i.split("-")))), "ids are out of order")
    check(client.xlen(STREAM) == ENTRIES)
    return ids


def read(client, consumer, count):
    """Whole pages of 100 until `count` entries are read."""
    ids = []
    while len(ids) < count:
        reply = client.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=100, block=1000)
        check(reply and reply[0][0] == STREAM, "read:", reply)
        ids += [entry_id for entry_id, fields in reply[0][1] if fields["payload"] == "x" * 100]
    return ids


def recover(client, lost):
    """Half by XAUTOCLAIM, half by XCLAIM."""
    claimed, cursor = [], "0-0"
    while len(claimed) < len(lost) // 2:
        cursor, entries = client.xautoclaim(STREAM, GROUP, "carol", 0, start_id=cursor, count=50)[:2]
        claimed += [entry_id for entry_id, _ in entries]
    check(claimed == lost[:len(claimed)], "XAUTOCLAIM took others")
    rest = lost[len(claimed):]
    check(client.xclaim(STREAM, GROUP, "carol", 0, rest, justid=True) == rest, "XCLAIM JUSTID")
    history = client.xreadgroup(GROUP, "carol", {STREAM: "0"})
    check([entry_id for entry_id, _ in history[0][1]] == lost, "history")


def inspect(client):
    info = client.xinfo_stream(STREAM)
    check(info["length"] == ENTRIES and info["groups"] == 1, info)
    check(info["first-entry"][1]["number"] == "0", info)
    group = client.xinfo_groups(STREAM)[0]
    check(group["name"] == GROUP and group["pending"] == 0 and group["lag"] == 0, group)
    check(group["entries-read"] == ENTRIES and group["consumers"] == 3, group)
    consumers = {row["name"]: row for row in client.xinfo_consumers(STREAM, GROUP)}
    check(sorted(consumers) == ["alice", "bob", "carol"], consumers)
    full = client.xinfo_stream(STREAM, full=True)
    check(full["length"] == ENTRIES and len(full["entries"]) == 10, full)


def blocked_read(port):
    """A read that waits is served by somebody else's entry."""
    got = []
    reader = redis.Redis(port=port, decode_responses=True)
    thread = threading.Thread(
        target=lambda: got.extend(reader.xread({"later": "$"}, block=10_000) or []))
    thread.start()
    writer = redis.Redis(port=port, decode_responses=True)
    while writer.info("clients")["blocked_clients"] == 0:
        pass
    entry_id = writer.xadd("later", {"f": "v"})
    thread.join(10)
    check(got == [["later", [(entry_id, {"f": "v"})]]], got)


def transactions(client):
    """Pipelines are transactions by default; a watched key that changes makes the whole thing run again."""
    pipeline = client.pipeline()
    pipeline.xadd("tx", {"f": "1"}, id="1-1")
    pipeline.xlen("tx")
    check(pipeline.execute() == ["1-1", 1], "pipeline")
    other = redis.Redis(port=client.connection_pool.connection_kwargs["port"])
    attempts = []

    def add_one(pipe):
        length = pipe.xlen("tx")
        if not attempts:
            other.xadd("tx", {"f": "other"})
        attempts.append(length)
        pipe.multi()
        pipe.xadd("tx", {"length": length})

    client.transaction(add_one, "tx")
    check(attempts == [1, 2] and client.xlen("tx") == 3, attempts)


def publish_and_subscribe(client):
    subscriber = client.pubsub()
    subscriber.subscribe("news")
    subscriber.psubscribe("n*")
    check([subscriber.get_message(timeout=5)["type"] for _ in range(2)] == ["subscribe", "psubscribe"])
    check(client.publish("news", "hello") == 2, "receivers")
    got = [subscriber.get_message(timeout=5) for _ in range(2)]
    check([(message["type"], message["data"]) for message in got]
          == [("message", "hello"), ("pmessage", "hello")], got)
    check(client.pubsub_numsub("news") == [("news", 1)] and client.pubsub_numpat() == 1)
    subscriber.close()


def main():
    port = int(sys.argv[1])
    client = redis.Redis(port=port, decode_responses=True)
    client.flushall()
    ids = produce(client)
    alice = read(client, "alice", ENTRIES // 2)
    bob = redis.Redis(port=port, decode_responses=True)
    lost = read(bob, "bob", ENTRIES // 2)
    bob.connection_pool.disconnect()
    check(alice + lost == ids, "entries were skipped or repeated")
    check(client.xack(STREAM, GROUP, *alice) == len(alice), "XACK")

    summary = client.xpending(STREAM, GROUP)
    check(summary["pending"] == len(lost) and summary["min"] == lost[0], summary)
    check(summary["consumers"] == [{"name": "bob", "pending": len(lost)}], summary)
    details = client.xpending_range(STREAM, GROUP, "-", "+", 10, "bob")
    check(details[0]["message_id"] == lost[0] and details[0]["times_delivered"] == 1, details)

    recover(client, lost)
    check(client.xack(STREAM, GROUP, *lost) == len(lost), "XACK after the claim")
    check(client.xpending(STREAM, GROUP)["pending"] == 0, "something is still pending")
    check(client.xreadgroup(GROUP, "alice", {STREAM: ">"}) == [], "an entry came twice")
    inspect(client)
    blocked_read(port)
    transactions(client)
    publish_and_subscribe(client)
    print(f"python3-redis {redis.__version__}: {ENTRIES} entries, {len(lost)} recovered")


if __name__ == "__main__":
    main()
