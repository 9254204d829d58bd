"""Histories sorted by what they speak of, so that each rule of checker.py is one pass over them."""

import bisect
import collections

from history import ERROR, NEVER, OK, UNKNOWN, id_key

# A span of time in which something took effect; op tells the rest.
Span = collections.namedtuple("Span", "invoked returned op")
# One hand-out of an entry in a group. how: new, noack, history, claim, justid
Delivery = collections.namedtuple("Delivery", "invoked returned how consumer op")
NOTHING = ()


class GroupFacts:
    def __init__(self, name):
        self.name = name
        self.deliveries = collections.defaultdict(list)  # id -> [Delivery], in order of invocation
        self.news = {}             # id -> its first Delivery by `>`
        self.acks = collections.defaultdict(list)        # id -> [(Span, counted: True, False, None = unknown)]
        self.reads = []            # Ops of `>` that were answered
        self.unknown_reads = []    # Spans
        self.unknown_sweeps = []   # Spans of XAUTOCLAIM and history reads
        self.claims_named = collections.defaultdict(list)  # id -> [Span] of XCLAIMs, answered or not
        self.unknown_claims = collections.defaultdict(list)
        self.settled = set()       # ids in the third part of a reply to XAUTOCLAIM
        self.no_pending = set()    # ids that NOACK reads brought

    def acked(self, entry_id):
        return any(counted for _, counted in self.acks.get(entry_id, NOTHING))

    def unseen_deliveries(self, entry_id, since):
        """How many unanswered commands may have handed out an entry that was added at `since` or later."""
        count = sum(span.returned > since for span in self.unknown_sweeps)
        count += len(self.unknown_claims.get(entry_id, NOTHING))
        return count + (entry_id not in self.news and any(span.returned > since for span in self.unknown_reads))


class StreamFacts:
    def __init__(self, key):
        self.key = key
        self.sent = {}             # token -> op
        self.refused = {}          # token -> op that got an error
        self.tokens = {}           # id -> token, from whoever said it first
        self.added = {}            # id -> XADD that was answered
        self.clashes = []          # (id, token, other token, op or None)
        self.doubles = []          # (id, op, op): the same id for two XADDs
        self.deletes = collections.defaultdict(list)     # id -> [Span]; op.outcome tells the rest
        self.trims = []            # ops, in order of invocation
        self.deleted_count = 0
        self.trimmed_count = 0
        self.removals_unknown = 0  # XDEL and XTRIM without a reply
        self.transactions = collections.defaultdict(list)  # name -> ops
        self.ranges = []
        self.groups = {}

    def group(self, name):
        if name not in self.groups:
            self.groups[name] = GroupFacts(name)
        return self.groups[name]

    def learn(self, entry_id, token, op):
        known = self.tokens.setdefault(entry_id, token)
        if known != token:
            self.clashes.append((entry_id, token, known, op))

    def finish(self):
        """Indexes that need everything: ids in order, and what trims may and must have removed."""
        self.known_tokens = set(self.tokens.values())
        self.ids = sorted(self.tokens, key=id_key)
        self.keys = [id_key(entry_id) for entry_id in self.ids]
        adds = sorted((self.sent[token].invoked, id_key(entry_id))
                      for entry_id, token in self.tokens.items() if token in self.sent)
        self._add_times = [invoked for invoked, _ in adds]
        self._highest = _running_max(key for _, key in adds)
        # (invoked, everything below may be gone from then on), both ascending
        self.trim_floors, floor = [], 0
        self.trimmed_below, self.trimmed_by = 0, None
        for op in self.trims:
            floor = max(floor, self._may_remove_below(op))
            self.trim_floors.append((op.invoked, floor))
            if op.outcome == OK and op.args[0] == "MINID" and id_key(op.args[1]) > self.trimmed_below:
                self.trimmed_below, self.trimmed_by = id_key(op.args[1]), op
        self._floors = [floor for _, floor in self.trim_floors]

    def _may_remove_below(self, op):
        if op.outcome == ERROR:
            return 0
        if op.args[0] == "MINID":
            return id_key(op.args[1])
        if op.outcome == OK and op.result == 0:
            return 0
        # The newest n of all that may have been there when it ended stay, deleted ones not counted.
        known = bisect.bisect_left(self._add_times, op.returned)
        if known == 0:
            return 0
        newest = bisect.bisect_right(self.keys, self._highest[known - 1])
        at = newest - op.args[1]
        return self.keys[at] if 0 <= at < len(self.keys) else (1 << 128 if at >= len(self.keys) else 0)

    def trim_time(self, key):
        """When a trim may first have removed the entry with this id_key; NEVER if none may."""
        at = bisect.bisect_right(self._floors, key)
        return self.trim_floors[at][0] if at < len(self._floors) else NEVER

    def removal_time(self, entry_id, key):
        """When the entry may first have been deleted or trimmed; NEVER if it must be there."""
        deletes = self.deletes.get(entry_id, NOTHING)
        return min([self.trim_time(key)] + [span.invoked for span in deletes])


def _running_max(values):
    highest, result = None, []
    for value in values:
        highest = value if highest is None else max(highest, value)
        result.append(highest)
    return result


class Facts:
    """All that a history and its dumps say. Thread: one."""

    def __init__(self, ops, dumps, kills=()):
        self.ops = ops
        self.dumps = dumps
        self.kills = sorted(kills)
        self.streams = collections.OrderedDict()
        self.errors = []
        for op in ops:
            self._take(op)
        for dump in dumps:
            for key, stream in dump["streams"].items():
                facts = self.stream(key)
                for entry_id, token in stream["entries"]:
                    facts.learn(entry_id, token, None)
                for name, group in stream["groups"].items():
                    facts.group(name)
                    for letter in group["letters"] or ():
                        if letter["token"] and letter["key"] == key:
                            facts.learn(letter["id"], letter["token"], None)
        for facts in self.streams.values():
            facts.finish()

    def stream(self, key):
        if key not in self.streams:
            self.streams[key] = StreamFacts(key)
        return self.streams[key]

    def life(self, moment):
        """The number of the run of the server that a moment belongs to."""
        return bisect.bisect_right(self.kills, moment)

    @property
    def last(self):
        return self.dumps[-1]["streams"]

    def _take(self, op):
        if op.outcome == ERROR:
            self.errors.append(op)
        stream = self.stream(op.key)
        if op.transaction is not None:
            stream.transactions[op.transaction].append(op)
        getattr(self, "_take_" + op.kind.lower())(stream, op)

    @staticmethod
    def _take_xadd(stream, op):
        token = op.args[0]
        if op.outcome == ERROR:
            stream.refused[token] = op
            return
        stream.sent[token] = op
        if op.outcome == OK:
            if op.result in stream.added:
                stream.doubles.append((op.result, stream.added[op.result], op))
            stream.added[op.result] = op
            stream.learn(op.result, token, op)

    @staticmethod
    def _hand_out(stream, group, op, entries, how, consumer):
        for entry_id, token in entries:
            if token is not None:
                stream.learn(entry_id, token, op)
            group.deliveries[entry_id].append(Delivery(op.invoked, op.returned, how, consumer, op))

    def _take_read(self, stream, op):
        name, consumer, _, noack, _ = op.args
        group = stream.group(name)
        if op.outcome == UNKNOWN:
            group.unknown_reads.append(Span(op.invoked, op.returned, op))
        elif op.outcome == OK:
            group.reads.append(op)
            self._hand_out(stream, group, op, op.result, "noack" if noack else "new", consumer)
            for entry_id, _ in op.result:
                group.news.setdefault(entry_id, group.deliveries[entry_id][-1])
                if noack:
                    group.no_pending.add(entry_id)

    def _take_history(self, stream, op):
        name, consumer = op.args[:2]
        group = stream.group(name)
        if op.outcome == UNKNOWN:
            group.unknown_sweeps.append(Span(op.invoked, op.returned, op))
        elif op.outcome == OK:
            self._hand_out(stream, group, op, [row for row in op.result if row[1]], "history", consumer)
            self._hand_out(stream, group, op, [row for row in op.result if not row[1]], "justid", consumer)

    @staticmethod
    def _take_xack(stream, op):
        name, ids = op.args
        group = stream.group(name)
        if op.outcome == ERROR:
            return
        counted = None
        if op.outcome == OK and op.result in (0, len(set(ids))):
            counted = op.result > 0
        for entry_id in ids:
            group.acks[entry_id].append((Span(op.invoked, op.returned, op), counted))

    def _take_xclaim(self, stream, op):
        name, consumer, _, ids, justid = op.args
        group = stream.group(name)
        if op.outcome == ERROR:
            return
        for entry_id in ids:
            group.claims_named[entry_id].append(Span(op.invoked, op.returned, op))
            if op.outcome == UNKNOWN and not justid:
                group.unknown_claims[entry_id].append(Span(op.invoked, op.returned, op))
        if op.outcome == OK:
            self._hand_out(stream, group, op, op.result, "justid" if justid else "claim", consumer)

    def _take_autoclaim(self, stream, op):
        name, consumer = op.args[:2]
        group = stream.group(name)
        if op.outcome == UNKNOWN:
            group.unknown_sweeps.append(Span(op.invoked, op.returned, op))
        elif op.outcome == OK:
            self._hand_out(stream, group, op, op.result[1], "claim", consumer)
            group.settled.update(op.result[2])

    @staticmethod
    def _take_xtrim(stream, op):
        stream.trims.append(op)
        if op.outcome == OK:
            stream.trimmed_count += op.result
        elif op.outcome == UNKNOWN:
            stream.removals_unknown += 1

    @staticmethod
    def _take_xdel(stream, op):
        if op.outcome == ERROR:
            return
        for entry_id in op.args[0]:
            stream.deletes[entry_id].append(Span(op.invoked, op.returned, op))
        if op.outcome == OK:
            stream.deleted_count += op.result
        else:
            stream.removals_unknown += 1

    @staticmethod
    def _take_xrange(stream, op):
        if op.outcome == OK:
            stream.ranges.append(op)
            for entry_id, token in op.result:
                stream.learn(entry_id, token, op)
