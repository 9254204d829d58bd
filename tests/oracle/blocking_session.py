"""Runs the steps of blocking_generator.py on two servers and compares what each client gets, byte for byte.

Nothing is guessed from time. Behind what it sends, a client asks for an echo: it has run everything when that
came. A client whose echo is missing must wait in a blocking read, and whether it does is asked of the server
with CLIENT LIST, until each client's echo came or the server says that it waits.
"""

import re
import time

from blocking_generator import CLIENT_KILL, BlockingGenerator, Step
from command_generator import GROUPS, KEYS
from comparison import command_line, decode, first_difference, shortest
from resp_client import encode, render

STEPS = 150
PATIENCE_S = 20
END = b"-*end of step*-"
END_REPLY = b"$%d\r\n%b\r\n" % (len(END), END)
_CLIENT_LINE = re.compile(rb"^id=(\d+) .*? flags=(\w+) ", re.MULTILINE)


class Stuck(Exception):
    """A client neither waits nor runs on."""


class Side:
    """The clients of one server."""

    def __init__(self, server, generator):
        self.server = server
        self.protocols, self.databases = generator.protocols, generator.databases
        self.asker = server.connect(timeout_s=PATIENCE_S)
        self.asker.call("FLUSHALL")
        # So many that a stream has one node: a copy divides its entries anew on the oracle.
        self.asker.call("CONFIG", "SET", "stream-node-max-entries", "1000")
        self.connections, self.ids, self.received, self.open = [], [], [], set()
        for client in range(len(self.protocols)):
            self.connections.append(None)
            self.ids.append(None)
            self.received.append(bytearray())
            self.connect(client)

    def connect(self, client):
        connection = self.connections[client] = self.server.connect(timeout_s=PATIENCE_S)
        connection.call("HELLO", self.protocols[client])
        connection.call("SELECT", self.databases[client])
        self.ids[client] = connection.call("CLIENT", "ID").value
        self.received[client].clear()
        self.open.discard(client)

    def close(self):
        for connection in self.connections + [self.asker]:
            connection.close()

    def send(self, client, commands):
        def meant(word):
            return self.ids[int(word[1])] if word[:1] == "{" else word
        request = b"".join(encode(*map(meant, words)) for words in commands) + encode("ECHO", END)
        self.connections[client].send_raw(request)
        self.open.add(client)

    def flags(self):
        """What CLIENT LIST says of each client that is there."""
        numbers = {number: client for client, number in enumerate(self.ids)}
        lines = _CLIENT_LINE.findall(self.asker.call("CLIENT", "LIST").value)
        return {numbers[int(number)]: flags for number, flags in lines if int(number) in numbers}

    def settle(self, must_end):
        """Reads on until each client has run everything or waits; those in `must_end` end by themselves."""
        give_up = time.monotonic() + PATIENCE_S
        while self.open:
            flags = self.flags()
            running = {client for client in self.open
                       if client in must_end or b"b" not in flags.get(client, b"")}
            if not running:
                return
            for client in running:
                self._receive(client)
            if time.monotonic() > give_up:
                raise Stuck(f"{self.server.flavour}: {sorted(running)}, CLIENT LIST: {flags}")

    def _receive(self, client):
        received, connection = self.received[client], self.connections[client].socket
        connection.settimeout(0)
        try:
            piece = connection.recv(1 << 18)
        except BlockingIOError:
            return
        finally:
            connection.settimeout(PATIENCE_S)
        if not piece:
            raise Stuck(f"{self.server.flavour}: client {client} was disconnected")
        received += piece
        if received.endswith(END_REPLY):
            self.open.discard(client)

    def take(self, client):
        """All replies of a client that has run everything."""
        data = bytes(self.received[client][:-len(END_REPLY)])
        self.received[client].clear()
        return data

    def read_to_end(self, client):
        """What came before the server closed the connection; a new one takes its place."""
        received, connection = self.received[client], self.connections[client].socket
        while piece := connection.recv(1 << 18):
            received += piece
        data = bytes(received)
        connection.close()
        self.connect(client)
        return data

    def disconnect(self, client):
        """Returns when the server has seen it."""
        self.connections[client].close()
        give_up = time.monotonic() + PATIENCE_S
        while client in self.flags():
            if time.monotonic() > give_up:
                raise Stuck(f"{self.server.flavour}: client {client} has gone but is listed")
        self.connect(client)


class BlockingSession:
    """The same clients on two servers. run() and finish() give a text that tells of a difference, or None."""

    def __init__(self, servers, generator):
        self.sides = [Side(server, generator) for server in servers]
        self.sent = {}  # What a client has sent since its replies were compared.
        self.command_count = 0

    def close(self):
        for side in self.sides:
            side.close()

    @property
    def waiting(self):
        return self.sides[0].open

    def can_run(self, step):
        return step.commands is None or step.client not in self.waiting

    def run(self, step):
        try:
            return self._run(step)
        except (Stuck, OSError) as error:
            return f"{type(error).__name__}: {error}"

    def _run(self, step):
        if step.commands is None:
            for side in self.sides:
                side.disconnect(step.client)
            self.sent.pop(step.client, None)
            return None
        self.command_count += len(step.commands)
        self.sent[step.client] = step.commands
        for side in self.sides:
            side.send(step.client, step.commands)
        if found := self._killed(step):
            return found
        for side in self.sides:
            side.settle({step.client} if step.times_out else set())
        if self.sides[0].open != self.sides[1].open:
            return "those that wait: server {}, oracle {}".format(*(sorted(side.open) for side in self.sides))
        for client in sorted(set(self.sent) - self.waiting):
            commands = self.sent.pop(client)
            raw = [side.take(client) for side in self.sides]
            if found := first_difference(commands, raw, clean=False):
                return self._told(client, commands[found[0]], *found[1:])
        return None

    def _killed(self, step):
        """Where the step kills a client: what that had got already must agree."""
        if step.commands[0][:3] != CLIENT_KILL:
            return None
        client = int(step.commands[0][3][1])
        raw = [side.read_to_end(client) for side in self.sides]
        counts = [len(decode(data)) for data in raw]
        if counts[0] != counts[1]:
            return "replies to client {} before it was killed: server {}, oracle {}".format(client, *counts)
        commands = self.sent.pop(client, [])[:counts[0]]
        found = first_difference(commands, raw, clean=False)
        return self._told(client, commands[found[0]], *found[1:]) if found else None

    @staticmethod
    def _told(client, words, left, right):
        return f"client {client}: {command_line(words)}\n  server: {render(left)}\n  oracle: {render(right)}"

    def finish(self):
        """Ends all waits and looks at everything."""
        while self.waiting:
            commands = [["CLIENT", "UNBLOCK", "{%d}" % client] for client in sorted(self.waiting)]
            if found := self.run(Step(0, commands)):
                return found
        return self.run(Step(0, list(last_look())))


def last_look():
    """The whole state of both databases that a session uses."""
    for _ in range(2):
        for key in KEYS:
            yield ["TYPE", key]
            yield ["XRANGE", key, "-", "+"]
            yield ["XINFO", "STREAM", key, "FULL", "COUNT", "0"]
            yield ["XINFO", "GROUPS", key]
            for group in GROUPS:
                yield ["XPENDING", key, group, "-", "+", "1000"]
        yield ["SWAPDB", "0", "1"]


def run_session(servers, seed):
    """The steps up to and with the first unexplained difference, and what it is, or None and None.

    Behind them how many commands and steps were compared.
    """
    generator = BlockingGenerator(seed)
    session = BlockingSession(servers, generator)
    steps, found = [generator.begin()], None
    try:
        found = session.run(steps[0])
        while not found and len(steps) < STEPS:
            idle = [client for client in generator.readers if client not in session.waiting]
            steps.append(generator.step(idle))
            found = session.run(steps[-1])
        found = found or session.finish()
    finally:
        session.close()
    return (steps if found else None), found, session.command_count, len(steps)


def repeat(servers, seed, steps):
    """Runs what of the steps can be run: those up to a difference and what it is, or None."""
    session = BlockingSession(servers, BlockingGenerator(seed))
    try:
        for number, step in enumerate(steps):
            if session.can_run(step) and (found := session.run(step)):
                return steps[:number + 1], found
        found = session.finish()
        return (steps, found) if found else None
    finally:
        session.close()


def report(servers, seed, steps, told):
    def differs(candidate):
        result = repeat(servers, seed, candidate)
        # A piece left out may bring about differences of another kind.
        return result[0] if result and result[1].split(":")[0] == told.split(":")[0] else None

    def differs_apart(commands):
        result = differs(_together(commands))
        return result and _apart(result)

    steps = shortest(steps, differs)
    steps = _together(shortest(_apart(steps), differs_apart))
    result = repeat(servers, seed, steps)
    generator = BlockingGenerator(seed)
    print(f"difference with --seed {seed} --commands 0 --steps 1: {told}\nshortest:")
    for step in steps:
        lines = [command_line(words) for words in step.commands or [["(closes its connection)"]]]
        kind = f"RESP{generator.protocols[step.client]} db {generator.databases[step.client]}"
        print(f"  {step.client} ({kind}) > " + "\n        ... > ".join(lines))
    print("  " + (result[1] if result else "not seen again"), flush=True)


def _apart(steps):
    """A number, the step, commands of it that belong together: a transaction, a group and its consumers."""
    pieces = []
    for number, step in enumerate(steps):
        in_transaction = False
        for words in step.commands or [None]:
            if in_transaction or words and words[:2] == ["XGROUP", "CREATECONSUMER"] and pieces:
                pieces[-1][2].append(words)
            else:
                pieces.append((number, step, [words]))
            in_transaction = words == ["MULTI"] or in_transaction and words not in (["EXEC"], ["DISCARD"])
    return pieces


def _together(pieces):
    """Steps of what is left of their commands."""
    steps = {}
    for number, step, commands in pieces:
        steps.setdefault(number, step._replace(commands=[])).commands.extend(commands)
    return [step._replace(commands=None) if step.commands == [None] else step for step in steps.values()]
