#!/usr/bin/python3
"""Sends the same random stream commands to two servers and compares every reply byte for byte.

  differential.py --server build/dev/bin/weir-server [--oracle PATH] [--commands N] [--steps N] [--seed S]

A session of some hundred commands starts empty and has a seed of its own; RESP2 and RESP3 alternate. Sessions
of one client come first, then those of several clients that block (blocking_session.py). On a difference that
differences.py does not explain, the shortest list of commands that still shows it is printed together with
the seed.
"""

import argparse
import pathlib
import random
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import blocking_session  # noqa: E402
from command_generator import GROUPS, KEYS, Generator  # noqa: E402
from comparison import command_line, first_difference, shortest, with_consumers  # noqa: E402
from resp_client import encode, render  # noqa: E402
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


def report(pair, seed, commands):
    clean = Generator(seed).clean

    def compared(candidate):
        pair.restart_session(resp3=seed % 2 == 1)
        return first_difference(candidate, pair.exchange(candidate), clean)

    def differs(candidate):
        found = compared(candidate)
        return candidate[:found[0] + 1] if found else None

    commands = shortest(commands, differs)
    found = compared(commands)
    print(f"difference with --seed {seed} --commands 1 --steps 0 ({'RESP3' if seed % 2 else 'RESP2'}):")
    for words in commands:
        print("  " + command_line(words))
    if found:
        print(f"  server: {render(found[1])}\n  oracle: {render(found[2])}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--oracle", default="/usr/bin/redis-server")
    parser.add_argument("--commands", type=int, default=200_000, help="of one client, at least so many")
    parser.add_argument("--steps", type=int, default=20_000, help="of several clients, at least so many")
    parser.add_argument("--seed", type=int, default=1, help="of the first session of either kind")
    parser.add_argument("--max-differences", type=int, default=5)
    return parser.parse_args()


def compare_commands(options, servers):
    """Sessions of one client; the number of differences."""
    pair = Pair(*servers)
    seed, compared, failures = options.seed, 0, 0
    begin = time.monotonic()
    while compared < options.commands and failures < options.max_differences:
        failing, count = run_session(pair, seed)
        compared += count
        if failing:
            failures += 1
            report(pair, seed, failing)
        seed += 1
    rate = compared / max(time.monotonic() - begin, 0.001)
    print(f"{compared} commands compared, seeds {options.seed}..{seed - 1}, {rate:.0f} commands/s: "
          f"{failures} differences", flush=True)
    return failures


def compare_blocking(options, servers):
    """Sessions of several clients; the number of differences."""
    seed, commands, steps, failures = options.seed, 0, 0, 0
    begin = time.monotonic()
    while steps < options.steps and failures < options.max_differences:
        failing, told, command_count, step_count = blocking_session.run_session(servers, seed)
        commands += command_count
        steps += step_count
        if failing:
            failures += 1
            blocking_session.report(servers, seed, failing, told)
        seed += 1
    rate = steps / max(time.monotonic() - begin, 0.001)
    print(f"{commands} commands in {steps} steps of several clients compared, "
          f"seeds {options.seed}..{seed - 1}, {rate:.0f} steps/s: {failures} differences", flush=True)
    return failures


def main():
    options = parse_options()
    with ServerProcess(options.server) as server, ServerProcess(options.oracle) as oracle:
        failures = compare_commands(options, (server, oracle)) if options.commands else 0
        failures += compare_blocking(options, (server, oracle)) if options.steps else 0
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
