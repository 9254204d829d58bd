#!/usr/bin/python3
"""An unmodified consumer loop of python3-redis that crashes on poison: the server's policy does the rest.

  poison.py PORT

The server runs with `group-policy "* * MAX-DELIVERIES 3 ACK-WAIT 1000"` and nothing else. Every healthy message is
processed, every poison one ends in the dead-letter stream once, and nothing comes again after that.
"""

import sys
import threading
import time

import redis

STREAM, GROUP = "jobs", "g"
LETTERS = "{jobs}:dead:g"
MESSAGES, EACH_POISON = 200, 20
TIMEOUT_S = 60


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


class Poison(Exception):
    pass


def process(fields):
    if fields["kind"] == "poison":
        raise Poison(fields["n"])


def consume(port, name, processed, stopping):
    """What a user writes: read, process, acknowledge."""
    client = redis.Redis(port=port, decode_responses=True)
    while not stopping.is_set():
        for _, entries in client.xreadgroup(GROUP, name, {STREAM: ">"}, count=10, block=500) or []:
            for entry_id, fields in entries:
                process(fields)
                client.xack(STREAM, GROUP, entry_id)
                processed.append(fields["n"])


def run_worker(port, name, processed, stopping):
    """What the supervisor does: start it again when it has crashed."""
    while not stopping.is_set():
        try:
            consume(port, name, processed, stopping)
        except Poison:
            pass


def main(port):
    client = redis.Redis(port=port, decode_responses=True)
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    for number in range(MESSAGES):
        kind = "poison" if number % EACH_POISON == 7 else "healthy"
        client.xadd(STREAM, {"n": number, "kind": kind})
    processed, stopping = [], threading.Event()
    workers = [threading.Thread(target=run_worker, args=(port, f"w{n}", processed, stopping))
               for n in range(3)]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        group = client.xinfo_groups(STREAM)[0]
        if group["pending"] == 0 and group["lag"] == 0:
            break
        time.sleep(0.1)
    time.sleep(1.5)  # Longer than ACK-WAIT: whatever loops would come again.
    stopping.set()
    for worker in workers:
        worker.join()
    poison = [str(n) for n in range(MESSAGES) if n % EACH_POISON == 7]
    letters = [fields for _, fields in client.xrange(LETTERS)]
    check(sorted(letter["n"] for letter in letters) == sorted(poison), "letters:", letters)
    for letter in letters:
        check(letter["__dlq.key"] == STREAM and letter["__dlq.group"] == GROUP, letter)
        check(letter["__dlq.deliveries"] == "3" and letter["__dlq.reason"] == "max-deliveries", letter)
    healthy = [str(n) for n in range(MESSAGES) if n % EACH_POISON != 7]
    check(sorted(processed) == sorted(healthy), "processed:", sorted(processed))
    check(client.xpending(STREAM, GROUP)["pending"] == 0, "something is pending")
    print(f"{len(processed)} healthy messages processed once, {len(letters)} letters, nothing pending")


if __name__ == "__main__":
    main(int(sys.argv[1]))
