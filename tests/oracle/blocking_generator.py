"""Seeded random steps of several clients that share a few keys and wait for them in blocking reads.

A step is what one client sends at once. Client 0 never blocks; what the others send may hold blocking reads,
behind which further commands wait. "{2}" stands for the id that client 2 has on the server asked.
"""

from typing import NamedTuple

from command_generator import CONSUMERS, GROUPS, VALUES, Generator
from comparison import with_consumers

STREAMS = ("s", "t")
# No reader names it, so that a stream comes from or goes to a place where nobody waits.
ASIDE = "u"
FOREVER = ("0", "0", "1000000", "100000000")
SHORT_MS = ("1", "2", "3")
CLIENT_KILL = ["CLIENT", "KILL", "ID"]


class Step(NamedTuple):
    client: int
    commands: list  # None: the client closes its connection.
    times_out: bool = False  # Nobody acts until the client's reads have ended by themselves.


class BlockingGenerator(Generator):
    """One session. So that the two servers do not drift apart (ALL_KEYS, EMPTY_LIST in differences.py),

    - readers of a group name several keys only where nothing makes more than one key ready for them;
    - entries are removed only where a key on which somebody waits becomes ready by XADD alone, outside of
      transactions, and never by the XADD itself all of them;
    - what is sent behind a blocking read can only tell when it runs where all readers that are woken
      together wait on one key, as their order is that of blocking on it.
    """

    def __init__(self, seed):
        super().__init__(seed)
        self.one_key_moves = seed % 2 == 0
        self.removes = seed % 3 == 0
        self.goes_on = seed % 4 == 0
        self.readers = range(1, 4 + self.random.randrange(3))
        self.protocols = ["2"] + [self.pick(("2", "3")) for _ in self.readers]
        # Client 0 stays in database 0, the first reader is perhaps in the other one.
        self.databases = ["0", self.pick(("0", "0", "1"))] + ["0" for _ in self.readers[1:]]
        weights = [(self.append, 30), (self.appends, 6), (self.transaction, 10), (self.make_group, 8),
                   (self.drop_group, 5), (self.unblock, 5), (self.go_away, 1), (self.replace, 6),
                   (self.delete, 3), (self.look, 8)]
        weights += [(self.remove, 5)] if self.removes else []
        self.actions = [maker for maker, weight in weights for _ in range(weight)]

    def key(self):
        return STREAMS[0] if self.chance(0.65) else STREAMS[1] if self.chance(0.95) else ASIDE

    def begin(self):
        commands = []
        for key in STREAMS:
            for group in GROUPS:
                commands += with_consumers(["XGROUP", "CREATE", key, group, "$", "MKSTREAM"])
        return Step(0, commands)

    def step(self, idle):
        """The next step, of client 0 or one of the readers that do not wait."""
        if idle and self.chance(0.3 + 0.1 * len(idle)):
            return self.blocking_step(self.pick(idle))
        if self.chance(0.006):
            return Step(self.pick(self.readers), None)
        if self.chance(0.01):
            return Step(0, [CLIENT_KILL + [self.reader()]])
        client = self.pick(idle) if idle and self.chance(0.15) else 0
        return Step(client, self.pick(self.actions)())

    def reader(self):
        return "{%d}" % self.pick(self.readers)

    def blocking_step(self, client):
        if self.chance(0.01):
            return Step(client, [self.read(self.pick(SHORT_MS))], times_out=True)
        read = self.read()
        commands = self.ready_for(read) if self.chance(0.3) else self.append() if self.chance(0.05) else []
        commands = commands + [read]
        while self.chance(0.2):
            commands += self.behind_read() if self.goes_on else [["ECHO", self.pick(VALUES)]]
        return Step(client, commands)

    def behind_read(self):
        return self.pick((self.append, self.appends, self.look, lambda: [self.read()], self.transaction,
                          self.unblock))()

    @staticmethod
    def ready_for(read):
        """Streams with the group where there were none; GETDEL takes away strings alone."""
        keys = [word for word in read if word in STREAMS]
        commands = [["GETDEL", key] for key in keys]
        if read[0] == "XREADGROUP":
            group = read[read.index("GROUP") + 1]
            for key in keys:
                commands += with_consumers(["XGROUP", "CREATE", key, group, "$", "MKSTREAM"])
        return commands

    def read(self, block=None):
        words = ["BLOCK", block or self.pick(FOREVER)]
        words = words + ["COUNT", self.integer()] if self.chance(0.4) else words
        if self.chance(0.4):
            keys = self.keys_of_read(0.3)
            ids = [self.position() for _ in keys]
            return ["XREAD"] + words + ["STREAMS"] + keys + ids
        group = ["GROUP", self.group(), self.pick(CONSUMERS)]
        words = group + words if self.chance(0.8) else words + group
        words += ["NOACK"] if self.chance(0.15) else []
        keys = self.keys_of_read(0.3 if self.one_key_moves else 0)
        ids = [">" if self.chance(0.96) else self.pick(("0", "$", self.old_id())) for _ in keys]
        return ["XREADGROUP"] + words + ["STREAMS"] + keys + ids

    def keys_of_read(self, part):
        key = STREAMS[0] if self.chance(0.65) else STREAMS[1]
        if not self.chance(part):
            return [key]
        return [key, STREAMS[1] if key == STREAMS[0] else STREAMS[0]]

    def position(self):
        roll = self.random.random()
        if roll < 0.65:
            return "$"
        if roll < 0.9:
            return f"{self.clock + int(self.random.random() * 4)}-{int(self.random.random() * 3)}"
        return self.pick(("0", self.old_id()))

    def append(self):
        words = ["XADD", self.key()]
        words += ["NOMKSTREAM"] if self.chance(0.05) else []
        words += ["MAXLEN", self.pick(("1", "2", "10"))] if self.chance(0.1) else []
        roll = self.random.random()
        if roll < 0.8:
            self.clock += 1
            words.append(f"{self.clock}-{int(self.random.random() * 3)}")
        else:
            words.append(f"{self.clock}-*" if roll < 0.95 else self.old_id())
        return [words + ["f", self.pick(VALUES)]]

    def appends(self):
        """Of one client in one go: waiters are served in between."""
        return [self.append()[0] for _ in range(2 + int(self.random.random() * 3))]

    def transaction(self):
        only = self.key() if self.one_key_moves else None
        makers = (self.append, self.append, self.append, self.make_group, self.drop_group, self.delete,
                  self.replace, self.look, lambda: [self.read()])
        commands = []
        for _ in range(int(self.random.random() * 5)):
            commands += self.pick(makers)()
        if only:
            commands = [self.on_key(words, only) for words in commands if self.on_key(words, only)]
        return [["MULTI"]] + commands + [["EXEC"] if self.chance(0.95) else ["DISCARD"]]

    @staticmethod
    def on_key(words, key):
        """The command with this key for its streams; None where it is about more keys."""
        if words[0] in ("RENAME", "RENAMENX", "COPY", "MOVE", "FLUSHALL", "FLUSHDB", "SWAPDB"):
            return None
        return [words[0]] + [key if word in STREAMS + (ASIDE,) else word for word in words[1:]]

    def make_group(self):
        words = ["XGROUP", "CREATE", self.key(), self.pick(GROUPS), self.pick(("$", "$", "0", self.old_id()))]
        return with_consumers(words + (["MKSTREAM"] if self.chance(0.9) else []))

    def drop_group(self):
        key, group, roll = self.key(), self.pick(GROUPS), self.random.random()
        if roll < 0.4 and not self.removes:
            return [["XGROUP", "DESTROY", key, group]]
        if roll < 0.6:
            return with_consumers(["XGROUP", "DELCONSUMER", key, group, self.pick(CONSUMERS)])
        # Going back wakes nobody, so after it a reader of several keys may find more than one.
        return [["XGROUP", "SETID", key, group,
                 "$" if self.one_key_moves else self.pick(("0", "$", self.old_id()))]]

    def unblock(self):
        words = ["CLIENT", "UNBLOCK", self.reader()] + self.pick(([], ["TIMEOUT"], ["ERROR"], ["error"]))
        return [words] if self.chance(0.9) else [["MULTI"], words, self.append()[0], ["EXEC"]]

    def go_away(self):
        """Everything at once."""
        if self.goes_on:
            return self.delete()
        if not (self.one_key_moves or self.removes) and self.chance(0.6):
            return [["SWAPDB", "0", "1"]]
        return [[self.pick(("FLUSHALL", "FLUSHDB"))]]

    def replace(self):
        """Another value under the key."""
        roll = self.random.random()
        if roll < 0.2 or self.removes:
            words = self.pick((["SET"], ["MSET"], ["SETNX"], ["GETSET"], ["SET", "EXAT", "4102444800"]))
            return [words[:1] + [self.key(), "v"] + words[1:]]
        if roll < 0.35:
            key, to = self.key(), self.pick(("0", "1"))
            return [["MOVE", key, to] if self.chance(0.5) else ["COPY", key, key, "DB", to, "REPLACE"]]
        places = [self.key(), ASIDE if self.one_key_moves else self.key()]
        if self.one_key_moves and places[0] != ASIDE and self.chance(0.5):
            places.reverse()
        words = [self.pick(("RENAME", "RENAME", "RENAMENX", "COPY"))] + places
        return [words + (["REPLACE"] if words[0] == "COPY" and self.chance(0.7) else [])]

    def delete(self):
        key = self.key()
        return [self.pick((["DEL", key], ["UNLINK", key], ["EXPIRE", key, "-1"], ["PEXPIREAT", key, "1"],
                           ["EXPIREAT", key, "4102444800"], ["GETDEL", key],
                           ["DEL", key] if self.one_key_moves else ["DEL", STREAMS[1], STREAMS[0]]))]

    def remove(self):
        """Entries or positions that go, which wakes nobody."""
        roll = self.random.random()
        if roll < 0.5:
            return [["XDEL", self.key()] + self.old_ids()]
        if roll < 0.8:
            return [["XTRIM", self.key(), "MAXLEN", self.pick(("0", "1", "2"))]]
        self.clock += 1
        return [["XSETID", self.key(), f"{self.clock}-0"]]

    def look(self):
        """Commands that wake nobody."""
        return with_consumers(self.pick((self.xack, self.xclaim, self.xautoclaim, self.xpending, self.xrange,
                                         self.xlen, self.xreadgroup, self.xread, self.next_inspection))())
