"""What the clients of the shared streams were told, and the check of a restarted server against it.

The record lives outside the server and is append-only: a call is noted when it is sent and again when its reply
is there. What was sent without a reply may or may not have happened. Thread: one lock for all clients.
"""

import threading
import zlib

from resp_client import Reply

PAGE = 5000


class Violation(Exception):
    """The server broke a promise."""


def id_key(text):
    ms, _, seq = text.partition(b"-")
    return int(ms), int(seq)


def expect(condition, *words):
    if not condition:
        raise Violation(" ".join(str(word) for word in words))


def checksum(producer, number, payload):
    return b"%08x" % zlib.crc32(b"%b/%d/%b" % (producer, number, payload))


class GroupRecord:
    def __init__(self):
        self.delivered = {}      # id -> consumer that got it by `>`
        self.ack_sent = set()
        self.acked = {}          # id -> moment of the reply, in self.moment steps of the stream's record
        self.claims = 0


class StreamRecord:
    """One stream that several producers, consumers and a janitor share."""

    def __init__(self, key, groups, log):
        self.key = key
        self.lock = threading.Lock()
        self.log = log
        self.moment = 0
        self.sent = {}           # (producer, number) -> payload, not acknowledged
        self.added = {}          # id -> (producer, number, payload), acknowledged
        self.delete_sent = set()
        self.deleted = set()
        self.trim_sent = (0, 0)  # XTRIM MINID: what lies below may be gone
        self.trimmed = (0, 0)    # what lies below must be gone
        self.highest_id = (0, 0)
        self.groups = {name: GroupRecord() for name in groups}

    def _note(self, *words):
        self.moment += 1
        self.log.write(b" ".join(word if isinstance(word, bytes) else str(word).encode()
                                 for word in (self.moment, self.key, *words)) + b"\n")
        return self.moment

    def add_sent(self, producer, number, payload):
        with self.lock:
            self._note("add?", producer, number)
            self.sent[producer, number] = payload

    def add_done(self, producer, number, reply):
        expect(reply.kind == "$", "XADD was answered by", reply)
        with self.lock:
            self._note("added", producer, number, reply.value)
            expect(reply.value not in self.added, "two entries got the id", reply.value)
            self.added[reply.value] = (producer, number, self.sent.pop((producer, number)))

    def read_sent(self):
        with self.lock:
            return self._note("read?")

    def delivered(self, group, consumer, entries, moment, is_new):
        """Entries that a read or claim sent at `moment` brought."""
        record = self.groups[group]
        with self.lock:
            for entry in entries:
                entry_id = entry.value[0].value
                self._note("delivered", group, consumer, entry_id)
                acked_at = record.acked.get(entry_id)
                expect(acked_at is None or acked_at > moment,
                       entry_id, "was acknowledged in", group, "and came again to", consumer)
                if is_new:
                    expect(entry_id not in record.delivered, entry_id, "came twice by > in", group)
                    record.delivered[entry_id] = consumer

    def ack_sent(self, group, entry_id):
        with self.lock:
            self._note("ack?", group, entry_id)
            self.groups[group].ack_sent.add(entry_id)

    def ack_done(self, group, entry_id, reply):
        expect(reply.kind == ":", "XACK was answered by", reply)
        with self.lock:
            moment = self._note("acked", group, entry_id, reply.value)
            if reply.value == 1:
                expect(entry_id not in self.groups[group].acked, entry_id, "was acknowledged twice")
                self.groups[group].acked[entry_id] = moment

    def delete_called(self, ids):
        with self.lock:
            self._note("delete?", *ids)
            self.delete_sent.update(ids)

    def delete_done(self, ids):
        with self.lock:
            self._note("deleted", *ids)
            self.deleted.update(ids)

    def trim_called(self, min_id):
        with self.lock:
            self._note("trim?", min_id)
            self.trim_sent = max(self.trim_sent, id_key(min_id))

    def trim_done(self, min_id):
        with self.lock:
            self._note("trimmed", min_id)
            self.trimmed = max(self.trimmed, id_key(min_id))

    def pick_for_janitor(self):
        """Some ids to delete, and the id to trim below so that a few thousand stay."""
        with self.lock:
            ids = list(self.added)[-4000:]
        return ids[::97], (ids[0] if len(ids) == 4000 else None)

    # The checks below run while no client does.

    def verify(self, connection):
        entries = self._verify_entries(connection)
        info = fields(connection.call("XINFO", "STREAM", self.key))
        expect(info[b"length"] == len(entries), "XLEN", info[b"length"], "but", len(entries), "entries")
        for name in self.groups:
            self._verify_group(connection, name, entries)
        self._forget_trimmed()
        return len(entries)

    def _verify_entries(self, connection):
        entries = {}
        last = (-1, 0)
        start = b"-"
        while True:
            page = connection.call("XRANGE", self.key, start, "+", "COUNT", PAGE)
            for entry in page.value:
                entry_id, pairs = entry.value[0].value, [item.value for item in entry.value[1].value]
                expect(id_key(entry_id) > last, entry_id, "does not lie above", last)
                last = id_key(entry_id)
                entries[entry_id] = pairs
            if len(page.value) < PAGE:
                break
            start = b"(" + page.value[-1].value[0].value
        seen = set()
        for entry_id, (_, producer, _, number, _, payload, _, crc) in entries.items():
            number = int(number)
            expect(crc == checksum(producer, number, payload), entry_id, "has another payload")
            expect((producer, number) not in seen, producer, number, "is there twice")
            seen.add((producer, number))
            known = self.added.get(entry_id) or (
                (producer, number, self.sent.get((producer, number))))
            expect(known == (producer, number, payload), entry_id, "was not sent like this")
            # Unknown outcomes are known from now on.
            if self.sent.pop((producer, number), None) is not None:
                self.added[entry_id] = (producer, number, payload)
        for entry_id in self.added:
            if entry_id not in entries:
                expect(entry_id in self.delete_sent or id_key(entry_id) < self.trim_sent,
                       "the acknowledged entry", entry_id, "of", self.key, "is lost")
        for entry_id in entries:
            expect(entry_id not in self.deleted, "the deleted entry", entry_id, "is back")
            expect(id_key(entry_id) >= self.trimmed, "the trimmed entry", entry_id, "is back")
        self._verify_order()
        self.sent.clear()
        return entries

    def _verify_order(self):
        """Ids of one producer go up with its numbers; nothing was given out again after a restart."""
        last = {}
        for entry_id, (producer, number, _) in sorted(self.added.items(), key=lambda x: id_key(x[0])):
            expect(last.get(producer, -1) < number, producer, number, "has an id below its predecessor's")
            last[producer] = number
            self.highest_id = max(self.highest_id, id_key(entry_id))

    def _verify_group(self, connection, name, entries):
        record = self.groups[name]
        pending = {}
        start = b"-"
        while True:
            page = connection.call("XPENDING", self.key, name, start, "+", PAGE)
            for row in page.value:
                pending[row.value[0].value] = row.value[1].value
                expect(row.value[3].value >= 1, row.value[0].value, "is pending but was never delivered")
            if len(page.value) < PAGE:
                break
            start = b"(" + page.value[-1].value[0].value
        for entry_id in pending:
            expect(entry_id not in record.acked, entry_id, "was acknowledged in", name, "and is pending")
        for entry_id in record.delivered:
            if entry_id not in pending and entry_id in entries:
                expect(entry_id in record.ack_sent, entry_id, "was delivered in", name,
                       "and is neither pending nor acknowledged")
        groups = [fields(group) for group in connection.call("XINFO", "GROUPS", self.key).value]
        group = next(group for group in groups if group[b"name"] == name)
        expect(group[b"pending"] == len(pending), name, "counts", group[b"pending"], "pending, has",
               len(pending))
        position = id_key(group[b"last-delivered-id"])
        for entry_id in record.delivered:
            expect(id_key(entry_id) <= position, name, "went back behind", entry_id)
        # A group position past an entry without a pending record would be a lost delivery.
        for entry_id in entries:
            if id_key(entry_id) <= position and entry_id not in record.delivered:
                expect(entry_id in pending, entry_id, "was passed by", name, "but is not pending")
                record.delivered[entry_id] = pending[entry_id]

    def _forget_trimmed(self):
        """Keeps the record as small as the stream."""
        for record in self.groups.values():
            for table in (record.delivered, record.acked):
                for entry_id in [key for key in table if id_key(key) < self.trimmed]:
                    del table[entry_id]
            record.ack_sent = {key for key in record.ack_sent if id_key(key) >= self.trimmed}
        for entry_id in [key for key in self.added if id_key(key) < self.trimmed]:
            del self.added[entry_id]


def fields(reply):
    """The flat array of names and values as a dict of plain values."""
    names = [item.value for item in reply.value[::2]]
    return dict(zip(names, [item.plain() if isinstance(item, Reply) else item
                            for item in reply.value[1::2]]))
