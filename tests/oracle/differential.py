#!/usr/bin/python3
"""Sends the same random stream commands to two servers and compares every reply byte for byte.

  differential.py --server build/dev/bin/weir-server --oracle /usr/bin/redis-server [--commands N] [--seed S]

A session of some hundred commands starts empty and has a seed of its own; RESP2 and RESP3 alternate. On a
difference that differences.py does not explain, the shortest list of commands that still shows it is printed
together with the seed.
"""

import argparse
import pathlib
import random
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import differences  # noqa: E402
from command_generator import CONSUMERS, GROUPS, KEYS, Generator  # noqa: E402
from resp_client import Decoder, encode, quote, render  # noqa: E402
from server_process import ServerProcess  # noqa: E402

SESSION_COMMANDS = 400
BATCH = 100
INSPECTIONS_PER_BATCH = 6
END = b"-*end of batch*-"
END_REPLY = b"$%d\r\n%b\r\n" % (len(END), END)


class Pair:
    """Both servers, in the same protocol version; what is sent goes to both before either is read."""

    def __init__(self, left, right):
        self.servers = (left, right)
        self.connections = []

    def restart_session(self, resp3):
        for connection in self.connections:
            connection.close()
        self.connections = [server.connect(timeout_s=60) for server in self.servers]
        for connection in self.connections:
            connection.call("FLUSHALL")
            # Few entries to a node, so that approximate trimming has something to do.
            connection.call("CONFIG", "SET", "stream-node-max-entries", "5")
            connection.call("HELLO", "3" if resp3 else "2")

    def exchange(self, commands):
        """The raw bytes of all replies, from each server."""
        request = b"".join(encode(*words) for words in commands) + encode("ECHO", END)
        for connection in self.connections:
            connection.send_raw(request)
        return [self._until_end(connection.socket) for connection in self.connections]

    @staticmethod
    def _until_end(socket):
        data = bytearray()
        while not data.endswith(END_REPLY):
            piece = socket.recv(1 << 18)
            if not piece:
                raise ConnectionError(f"the server closed the connection after {bytes(data[-200:])!r}")
            data += piece
        return data[:-len(END_REPLY)]


def decode(data):
    decoder = Decoder()
    decoder.feed(data)
    replies = []
    while (reply := decoder.next()) is not None:
        replies.append(reply)
    return replies


def first_difference(commands, raw, clean):
    """Index of the first command whose replies differ without explanation, and both replies."""
    if raw[0] == raw[1]:
        return None
    left, right = decode(raw[0]), decode(raw[1])
    queued = []
    for index, words in enumerate(commands):
        if words == ["MULTI"]:
            queued = []
        if words == ["EXEC"] and left[index].kind == right[index].kind == "*":
            if not same_elements(queued, left[index].value, right[index].value, clean):
                return index, left[index], right[index]
        elif not differences.same(words, left[index], right[index], clean):
            return index, left[index], right[index]
        if left[index].value == b"QUEUED":
            queued.append(words)
    return None


def same_elements(queued, left, right, clean):
    """Whether the replies of two transactions agree, command by command."""
    if left is None or right is None:
        return left is right
    return len(left) == len(right) == len(queued) and all(
        differences.same(words, *pair, clean) for words, *pair in zip(queued, left, right))


def with_consumers(words):
    """Where a group or a consumer may come or go, all consumers are named again (CREATION).

    A claim whose words were garbled may name another consumer: it is gone again at once.
    """
    if words[0] in ("XCLAIM", "XAUTOCLAIM") and len(words) > 3 and words[3] not in CONSUMERS:
        return [words, ["XGROUP", "DELCONSUMER", words[1], words[2], words[3]]]
    if words[:2] not in (["XGROUP", "CREATE"], ["XGROUP", "DELCONSUMER"]) or len(words) < 4:
        return [words]
    return [words] + [["XGROUP", "CREATECONSUMER", words[2], words[3], consumer]
                      for consumer in CONSUMERS]


def some_commands(generator, transactions):
    """A command and what belongs to it; or some of them in a transaction, perhaps behind a WATCH."""
    if transactions.random() > 0.04:
        return with_consumers(generator.next())
    commands = []
    if transactions.random() < 0.6:
        commands.append(["WATCH", transactions.choice(KEYS)])
        if transactions.random() < 0.5:
            commands += with_consumers(generator.next())
    commands.append(["MULTI"])
    for _ in range(int(transactions.random() * 7)):
        commands += with_consumers(generator.next())
    return commands + [["EXEC"] if transactions.random() < 0.9 else ["DISCARD"]]


def session_batches(seed):
    generator, transactions = Generator(seed), random.Random(seed)
    for _ in range(SESSION_COMMANDS // BATCH):
        commands = []
        while len(commands) < BATCH:
            commands += some_commands(generator, transactions)
        yield commands, [generator.next_inspection() for _ in range(INSPECTIONS_PER_BATCH)]


def last_look():
    """The whole state, at the end of a session."""
    for key in KEYS:
        yield ["XRANGE", key, "-", "+"]
        yield ["XINFO", "STREAM", key, "FULL", "COUNT", "0"]
        yield ["XINFO", "GROUPS", key]
        for group in GROUPS:
            yield ["XPENDING", key, group, "-", "+", "1000"]


def run_session(pair, seed):
    """The commands up to and with the first unexplained difference, or None; and how many were compared."""
    generator_clean = Generator(seed).clean
    pair.restart_session(resp3=seed % 2 == 1)
    done, count = [], 0
    for commands, inspections in session_batches(seed):
        for part in (commands, inspections):
            found = first_difference(part, pair.exchange(part), generator_clean)
            if found:
                return done + part[:found[0] + 1], count
            done += part
            count += len(part)
    part = list(last_look())
    found = first_difference(part, pair.exchange(part), generator_clean)
    return (done + part[:found[0] + 1] if found else None), count + len(part)


def shortest(pair, seed, commands):
    """Leaves out pieces, then single commands, as long as the last command still differs."""
    clean = Generator(seed).clean

    def differs(candidate):
        pair.restart_session(resp3=seed % 2 == 1)
        found = first_difference(candidate, pair.exchange(candidate), clean)
        return candidate[:found[0] + 1] if found else None

    commands = differs(commands) or commands
    size = max(1, len(commands) // 2)
    while True:
        at, progress = 0, False
        while at < len(commands):
            smaller = differs(commands[:at] + commands[at + size:])
            if smaller:
                commands, progress = smaller, True
            else:
                at += size
        if size == 1 and not progress:
            return commands
        size = max(1, size // 2)


def report(pair, seed, commands):
    commands = shortest(pair, seed, commands)
    pair.restart_session(resp3=seed % 2 == 1)
    raw = pair.exchange(commands)
    found = first_difference(commands, raw, Generator(seed).clean)
    print(f"difference with --seed {seed} --commands 1 ({'RESP3' if seed % 2 else 'RESP2'}):")
    for words in commands:
        print("  " + " ".join(word if word.isprintable() and word and " " not in word
                              else quote(word.encode()) for word in words))
    if found:
        print(f"  server: {render(found[1])}\n  oracle: {render(found[2])}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--oracle", default="/usr/bin/redis-server")
    parser.add_argument("--commands", type=int, default=200_000, help="at least so many")
    parser.add_argument("--seed", type=int, default=1, help="of the first session")
    parser.add_argument("--max-differences", type=int, default=5)
    return parser.parse_args()


def main():
    options = parse_options()
    seed, compared, failures = options.seed, 0, 0
    begin = time.monotonic()
    with ServerProcess(options.server) as server, ServerProcess(options.oracle) as oracle:
        pair = Pair(server, oracle)
        while compared < options.commands and failures < options.max_differences:
            failing, count = run_session(pair, seed)
            compared += count
            if failing:
                failures += 1
                report(pair, seed, failing)
            seed += 1
    rate = compared / max(time.monotonic() - begin, 0.001)
    print(f"{compared} commands compared, seeds {options.seed}..{seed - 1}, {rate:.0f} commands/s: "
          f"{failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
