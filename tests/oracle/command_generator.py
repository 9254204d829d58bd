"""Seeded random stream commands, chosen so that keys, ids, groups and consumers collide often.

A session works on a few keys and begins empty. Ids stay small and explicit, idle times are either nothing or
beyond anything that passes during a run, so that two servers must answer alike. What the two are known to do
differently is not generated where it would leave them in different states; see differences.py.
"""

import random

KEYS = ("s", "t", "u")
STRING_KEYS = ("k", "l")
# Far enough that none comes during a run, and absolute, so that two servers agree to the millisecond.
FAR_SECONDS = ("4102444800", "4102444900", "9000000000")
FAR_MILLIS = ("4102444800123", "4102444800500", "9000000000999")
GROUPS = ("g", "h")
CONSUMERS = ("a", "b", "c")
FIELDS = ("f", "g", "", "\x00\xff", "field")
VALUES = ("v", "", "1", "-17", "9223372036854775807", "x" * 40, "0123456789" * 12, "a\r\nb")
INTEGERS = ("0", "1", "2", "3", "5", "10", "100")
BAD_INTEGERS = ("x", "-1", "1.5", "+1", "01", "", "9223372036854775808", "-0", " 1")
BAD_IDS = ("x", "1-", "-1", "1-1-1", "", "1-x", "18446744073709551616", "(1-1", "1.0")
IDLE = ("0", "1000000", "-1", "0", "0")


class Generator:
    """One session: an endless list of commands, the same for the same seed.

    clean sessions never delete, trim or set counters: there lag and entries-read must agree as well.
    Sessions that delete do not trim exactly by MINID: on the oracle that may leave an empty node behind
    (EMPTY_NODES in differences.py), after which every `~` trim of the stream differs.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.clean = seed % 4 == 0
        self.deletes = seed % 4 in (1, 2)
        self.clock = 1
        make = [(self.xadd, 30), (self.xreadgroup, 16), (self.xack, 8), (self.xclaim, 7),
                (self.xautoclaim, 5), (self.xpending, 4), (self.xread, 6), (self.xrange, 8),
                (self.xgroup, 6), (self.xlen, 1), (self.keys, 1), (self.odd, 1), (self.string, 6),
                (self.expiry, 4), (self.move, 1)]
        if not self.clean:
            make += [(self.xtrim, 5), (self.xsetid, 2), (self.group_counters, 2)]
        if self.deletes:
            make += [(self.xdel, 8)]
        self.makers = [maker for maker, weight in make for _ in range(weight)]

    def pick(self, options):
        return options[int(self.random.random() * len(options))]

    def chance(self, part):
        return self.random.random() < part

    def key(self):
        return KEYS[0] if self.chance(0.6) else self.pick(KEYS)

    def group(self):
        return GROUPS[0] if self.chance(0.7) else "none" if self.chance(0.05) else self.pick(GROUPS)

    def string_key(self):
        return self.key() if self.chance(0.1) else self.pick(STRING_KEYS)

    def string(self):
        key = self.string_key()
        roll = int(self.random.random() * 12)
        if roll < 3:
            # A stream is replaced now and then only: its commands are what matters.
            words = ["SET", self.pick(STRING_KEYS) if self.chance(0.95) else key, self.pick(VALUES)]
            for word in ("NX", "XX", "GET", "KEEPTTL"):
                words += [word] if self.chance(0.12) else []
            if self.chance(0.2):
                words += self.pick((["EXAT", self.pick(FAR_SECONDS)], ["PXAT", self.pick(FAR_MILLIS)],
                                    ["EX", self.pick(("0", "-1", "x"))], ["PX"]))
            return words
        if roll == 3:
            words = ["GETEX", key]
            return words + self.pick(([], ["PERSIST"], ["PXAT", self.pick(FAR_MILLIS)], ["EX", "x"]))
        if roll == 4:
            return ["MGET", key, self.key(), self.pick(STRING_KEYS)]
        if roll == 5:
            return ["MSETNX" if self.chance(0.5) else "MSET", self.pick(STRING_KEYS), self.pick(VALUES),
                    self.pick(STRING_KEYS), self.pick(INTEGERS)]
        if roll == 6:
            return [self.pick(("INCR", "DECR")), key]
        if roll == 7:
            return [self.pick(("INCRBY", "DECRBY")), key, self.integer()]
        if roll == 8:
            return ["APPEND", key, self.pick(VALUES)]
        if roll == 9:
            return [self.pick(("GETDEL", "STRLEN")), self.pick(STRING_KEYS)]
        if roll == 10:
            return [self.pick(("SETNX", "GETSET")), self.pick(STRING_KEYS), self.pick(VALUES)]
        return ["GET", key]

    def expiry(self):
        key = self.key() if self.chance(0.4) else self.pick(STRING_KEYS)
        if self.chance(0.5):
            return [self.pick(("EXPIRETIME", "PEXPIRETIME", "PERSIST")), key]
        in_seconds = self.chance(0.5)
        words = ["EXPIREAT" if in_seconds else "PEXPIREAT", key,
                 self.pick(FAR_SECONDS if in_seconds else FAR_MILLIS)]
        if self.chance(0.03):
            words[2] = self.pick(BAD_INTEGERS)
        for word in ("NX", "XX", "GT", "LT", "ZZ"):
            words += [word] if self.chance(0.1) else []
        return words

    def move(self):
        keys = STRING_KEYS if self.chance(0.5) else KEYS
        words = [self.pick(("RENAME", "RENAMENX", "COPY")), self.pick(keys), self.pick(keys)]
        # A copy here leaves deleted entries out of its nodes, so `~` trimming would differ.
        if words[0] == "COPY" and keys is KEYS and not self.clean:
            words[0] = "RENAME"
        if words[0] == "COPY" and self.chance(0.5):
            words.append(self.pick(("REPLACE", "replace", "FOO")))
        return words

    def integer(self):
        return self.pick(BAD_INTEGERS) if self.chance(0.04) else self.pick(INTEGERS)

    def old_id(self):
        """An id that probably exists or existed."""
        if self.chance(0.02):
            return self.pick(BAD_IDS)
        ms = max(0, self.clock - int(self.random.random() ** 2 * 30))
        return str(ms) if self.chance(0.05) else f"{ms}-{int(self.random.random() * 3)}"

    def bound(self, open_end):
        roll = self.random.random()
        if roll < 0.4:
            return open_end
        return ("(" if roll < 0.55 else "") + self.old_id()

    def old_ids(self):
        return [self.old_id() for _ in range(1 + int(self.random.random() ** 2 * 6))]

    def next(self):
        return self.pick(self.makers)()

    def next_inspection(self):
        """A command whose reply holds times or newer fields and is compared after normalising."""
        roll = self.random.random()
        if roll < 0.4:
            words = ["XPENDING", self.key(), self.group()]
            words += ["IDLE", self.pick(IDLE)] if self.chance(0.3) else []
            words += [self.bound("-"), self.bound("+"), self.integer()]
            return words + ([self.pick(CONSUMERS)] if self.chance(0.4) else [])
        if roll < 0.55:
            return ["XINFO", "GROUPS", self.key()]
        if roll < 0.7:
            return ["XINFO", "CONSUMERS", self.key(), self.group()]
        if roll < 0.85:
            return ["XINFO", "STREAM", self.key()]
        words = ["XINFO", "STREAM", self.key(), "FULL"]
        return words + (["COUNT", self.integer()] if self.chance(0.7) else [])

    def trim_options(self, exact_only=False):
        words = [self.pick(("MAXLEN",) if self.deletes and exact_only else ("MAXLEN", "MINID"))]
        approximate = not exact_only and (self.chance(0.5) or (self.deletes and words[0] == "MINID"))
        if approximate:
            words.append("~")
        elif self.chance(0.3):
            words.append("=")
        words.append(self.integer() if words[0] == "MAXLEN" else self.old_id())
        if approximate and self.chance(0.4) or self.chance(0.02):
            words += ["LIMIT", self.integer()]
        return words

    def xadd(self):
        words = ["XADD", self.key()]
        if self.chance(0.05):
            words.append("NOMKSTREAM")
        if not self.clean and self.chance(0.08):
            words += self.trim_options()
        roll = self.random.random()
        if roll < 0.75:
            self.clock += self.chance(0.7)
            words.append(f"{self.clock}-{int(self.random.random() * 3)}")
        elif roll < 0.88:
            words.append(f"{self.clock}-*")
        else:
            words.append(self.old_id())
        for _ in range(1 + self.chance(0.2)):
            words += [self.pick(FIELDS), self.pick(VALUES)]
        if self.chance(0.01):
            words.pop()
        return words

    def xreadgroup(self):
        words = ["XREADGROUP", "GROUP", self.group(), self.pick(CONSUMERS)]
        if self.chance(0.6):
            words += ["COUNT", self.integer()]
        if self.chance(0.1):
            words.append("NOACK")
        if self.chance(0.01):
            words += ["BLOCK", self.pick(("x", "-1", "1.5"))]
        keys = [self.key() for _ in range(1 + self.chance(0.2))]
        ids = [">" if self.chance(0.7) else self.pick(("0", "$", self.old_id())) for _ in keys]
        words += ["STREAMS"] + keys + ids
        return words[:-1] if self.chance(0.005) else words

    def xread(self):
        words = ["XREAD"] + (["COUNT", self.integer()] if self.chance(0.6) else [])
        keys = [self.key() for _ in range(1 + self.chance(0.3))]
        ids = [self.pick(("0", "$", self.old_id(), self.old_id())) for _ in keys]
        if self.chance(0.02):
            ids[0] = self.pick((">", "-"))
        words += ["STREAMS"] + keys + ids
        return words[:-1] if self.chance(0.01) else words

    def xrange(self):
        low, high = self.bound("-"), self.bound("+")
        words = ["XRANGE", self.key(), low, high]
        if self.chance(0.4):
            words = ["XREVRANGE", words[1], high, low]
        return words + (["COUNT", self.integer()] if self.chance(0.6) else [])

    def xack(self):
        return ["XACK", self.key(), self.group()] + self.old_ids()

    def xclaim(self):
        words = ["XCLAIM", self.key(), self.group(), self.pick(CONSUMERS), self.pick(IDLE)]
        words += self.old_ids()
        roll = self.random.random()
        if roll < 0.15:
            words += ["IDLE", self.pick(("0", "5000000", "x"))]
        elif roll < 0.25:
            words += ["TIME", self.pick(("0", "1000", "9999999999999"))]
        if self.chance(0.15):
            words += ["RETRYCOUNT", self.integer()]
        if self.chance(0.2):
            words.append("FORCE")
        if self.chance(0.3):
            words.append("JUSTID")
        if self.chance(0.05):
            words += ["LASTID", self.old_id()]
        return words

    def xautoclaim(self):
        words = ["XAUTOCLAIM", self.key(), self.group(), self.pick(CONSUMERS), self.pick(IDLE),
                 self.bound("0")]
        words += ["COUNT", self.integer()] if self.chance(0.6) else []
        return words + (["JUSTID"] if self.chance(0.3) else [])

    def xpending(self):
        return ["XPENDING", self.key(), self.group()]

    def xgroup(self):
        """Creation names every consumer at once: whether a read without result does is a difference."""
        key, group, roll = self.key(), self.pick(GROUPS), self.random.random()
        if roll < 0.6:
            words = ["XGROUP", "CREATE", key, group, self.pick(("0", "$", "0", self.old_id()))]
            return words + (["MKSTREAM"] if self.chance(0.5) else [])
        if roll < 0.8 and not self.clean:
            return ["XGROUP", "SETID", key, group, self.pick(("0", "$", "-", self.old_id()))]
        if roll < 0.9:
            return ["XGROUP", "DELCONSUMER", key, group, self.pick(CONSUMERS)]
        return ["XGROUP", "DESTROY", key, group]

    def group_counters(self):
        command = self.pick(("CREATE", "SETID"))
        return ["XGROUP", command, self.key(), self.pick(GROUPS), self.pick(("0", "$", self.old_id())),
                "ENTRIESREAD", self.pick(("0", "1", "-1", "-2", "x"))]

    def xdel(self):
        return ["XDEL", self.key()] + self.old_ids()

    def xtrim(self):
        return ["XTRIM", self.key()] + self.trim_options()

    def xsetid(self):
        """Always at or above every id so far: below the highest deleted one the two differ."""
        words = ["XSETID", self.key(), f"{self.clock + 1}-0"]
        self.clock += 1
        if self.chance(0.4):
            words += ["ENTRIESADDED", self.pick(("0", "100000", "x", "-1"))]
        if self.chance(0.3):
            words += ["MAXDELETEDID", self.pick((self.old_id(), f"{self.clock}-1"))]
        return words

    def xlen(self):
        return ["XLEN", self.key()]

    def keys(self):
        roll = self.random.random()
        if roll < 0.2:
            return ["DEL", self.key()]
        return [self.pick(("EXISTS", "TYPE", "UNLINK" if roll < 0.3 else "TYPE")), self.key()]

    def odd(self):
        """Arity, unknown words, options in places where they do not belong."""
        words = self.pick((self.xadd, self.xclaim, self.xautoclaim, self.xrange, self.xack))()
        roll = self.random.random()
        if roll < 0.4:
            del words[1 + int(self.random.random() * (len(words) - 1))]
        elif roll < 0.8:
            words.append(self.pick(("FOO", "COUNT", "LIMIT", "JUSTID", "NOACK")))
        else:
            words = [words[0]] + words[1:1 + int(self.random.random() * 3)]
        return words
