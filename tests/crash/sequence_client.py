"""A client with a key of its own that sends random commands of every kind in pipelines.

After a crash the state of the key must be the one after some number of its commands: all that were answered, and
none or the first few of those that were not. The check replays the commands into another key of the restarted
server, one after the other, until both look the same.
"""

import itertools

from command_generator import Generator
from load_record import expect, fields
from resp_client import encode, render

REPLAY_KEY = "replay"
MAX_LOG = 4000


class KeyGenerator(Generator):
    """The stream commands of the generator, all on one key."""

    def __init__(self, seed, key):
        super().__init__(2 * seed + 1)  # odd seeds delete and trim
        self.own_key = key

    def key(self):
        return self.own_key


class SequenceClient:
    def __init__(self, name, random, is_strict):
        self.name = name
        self.random = random
        self.is_strict = is_strict
        self.numbers = itertools.count()
        self._begin()

    def _begin(self):
        self.key = f"{self.name}:{next(self.numbers)}"
        self.generator = KeyGenerator(self.random.randrange(1 << 30), self.key)
        self.log = []        # commands that were sent
        self.answered = 0    # how many of them have a reply

    def run(self, connect, stopping):
        with connect() as connection:
            while not stopping.is_set():
                batch = [self.generator.next() for _ in range(self.random.randrange(1, 33))]
                self.log += batch
                connection.send_raw(b"".join(encode(*words) for words in batch))
                for _ in batch:
                    connection.read()
                    self.answered += 1
        return self.answered

    def verify(self, connection):
        wanted = self.state(connection, self.key)
        connection.call("DEL", REPLAY_KEY)
        replay = [[REPLAY_KEY if word == self.key else word for word in words] for words in self.log]
        connection.pipeline(replay[:self.answered])
        applied = self.answered
        while (state := self.state(connection, REPLAY_KEY)) != wanted:
            expect(applied < len(self.log), f"{self.key} is in no state between its {self.answered}",
                   f"answered and {len(self.log)} sent commands:\n{first_difference(wanted, state)}")
            connection.call(*replay[applied])
            applied += 1
        if len(self.log) > MAX_LOG:
            connection.call("DEL", self.key)
            self._begin()
        else:
            del self.log[applied:]
            self.answered = applied

    def state(self, connection, key):
        """Everything that commands show of a key, but times; a list of named parts.

        A server that is not strict may forget what redis-server does not write to its log: counts of
        deliveries, consumers without pending records, entries-read.
        """
        kind = connection.call("TYPE", key).value
        parts = [("type", kind), ("expires at", connection.call("PEXPIRETIME", key).value)]
        if kind == b"none":
            return parts
        if kind == b"string":  # SET, APPEND or INCR met the key
            return parts + [("value", connection.call("GET", key).value)]
        return parts + self.stream_state(connection, key)

    def stream_state(self, connection, key):
        info = fields(connection.call("XINFO", "STREAM", key))
        names = [b"length", b"last-generated-id", b"max-deleted-entry-id", b"entries-added"]
        names += [b"radix-tree-keys"] if self.is_strict else []
        parts = [("entries", render(connection.call("XRANGE", key, "-", "+")))]
        parts += [(name, info[name]) for name in names]
        for group in connection.call("XINFO", "GROUPS", key).value:
            group = fields(group)
            name = group[b"name"]
            consumers = [fields(row) for row in connection.call("XINFO", "CONSUMERS", key, name).value]
            consumers = [(row[b"name"], row[b"pending"]) for row in consumers]
            pending = [(row.value[0].value, row.value[1].value, row.value[3].value) for row in
                       connection.call("XPENDING", key, name, "-", "+", 100000).value]
            if not self.is_strict:
                del group[b"entries-read"], group[b"lag"], group[b"consumers"]
                consumers = [row for row in consumers if row[1] > 0]
                pending = [row[:2] for row in pending]
            parts += [(b"group " + name, group), (b"consumers of " + name, consumers),
                      (b"pending in " + name, pending)]
        return parts


def first_difference(found, replayed):
    """The last state that was tried stands for all of them."""
    for part, other in itertools.zip_longest(found, replayed):
        if part != other:
            return f"  found    {part}\n  replayed {other}"
    return "  none"
