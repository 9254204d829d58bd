"""A load for servers whose disk, memory or descriptors fail: it takes refusals, and notes what each reply promised.

MISCONF with a reason other than an error of the disk, OOM and "max number of clients" say that nothing was changed:
what they were answered to must never be seen. MISCONF for an error of the disk, and the end of a connection, leave
open what became of the command. Everything else is judged by load_record.py of the crash tests.
"""

import pathlib
import random
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "crash"):
    sys.path.insert(0, str(HERE.parent / folder))

from load_record import StreamRecord, Violation, checksum, expect  # noqa: E402
from resp_client import Disconnected, encode  # noqa: E402

REFUSALS = (b"MISCONF disk full", b"MISCONF checkpoints fail", b"OOM ")
UNKNOWN = (b"MISCONF Errors writing",)
GROUP = b"readers"
GONE = (Disconnected, OSError)


class StorageFailed(Exception):
    """A reply has said so: the server ends."""


def is_refusal(reply):
    return reply.is_error and reply.value.startswith(REFUSALS)


def is_unknown(reply):
    return reply.is_error and reply.value.startswith(UNKNOWN)


class Record(StreamRecord):
    """A StreamRecord that knows refusals, counts, and can be verified while the server lives."""

    def __init__(self, key, log):
        super().__init__(key, (GROUP,), log)
        self.refused = 0
        self.accepted = 0

    def add_refused(self, producer, number):
        with self.lock:
            self._note("refused", producer, number)
            self.refused += 1
            # From now on it counts as never sent.
            self.sent.pop((producer, number))

    def add_done(self, producer, number, reply):
        super().add_done(producer, number, reply)
        self.accepted += 1

    def ack_refused(self, group, entry_id):
        with self.lock:
            self._note("ack refused", group, entry_id)
            self.groups[group].ack_sent.discard(entry_id)


class Producer:
    def __init__(self, name, record, seed, sizes):
        self.name, self.record, self.sizes = name, record, sizes
        self.random = random.Random(seed)
        self.number = 0
        self.refused_in_a_row = 0

    def step(self, connection):
        batch = []
        for _ in range(self.random.choice((1, 4, 16))):
            payload = self.random.randbytes(self.random.choice(self.sizes))
            self.record.add_sent(self.name, self.number, payload)
            batch.append((self.number, encode(
                "XADD", self.record.key, "*", "p", self.name, "n", self.number, "v", payload,
                "c", checksum(self.name, self.number, payload))))
            self.number += 1
        connection.send_raw(b"".join(request for _, request in batch))
        for number, _ in batch:
            reply = connection.read()
            if is_refusal(reply):
                self.record.add_refused(self.name, number)
                self.refused_in_a_row += 1
            elif is_unknown(reply):
                raise Disconnected
            else:
                self.record.add_done(self.name, number, reply)
                self.refused_in_a_row = 0
        if self.refused_in_a_row:
            time.sleep(0.01)


class Consumer:
    def __init__(self, name, record, seed):
        self.name, self.record = name, record
        self.random = random.Random(seed)

    def step(self, connection):
        moment = self.record.read_sent()
        reply = connection.call("XREADGROUP", "GROUP", GROUP, self.name, "COUNT", 20, "BLOCK", 20,
                                "STREAMS", self.record.key, ">")
        if is_refusal(reply):
            time.sleep(0.02)
            return
        if is_unknown(reply):
            raise Disconnected
        expect(not reply.is_error, "XREADGROUP was answered by", reply)
        entries = reply.value[0].value[1].value if reply.value else []
        self.record.delivered(GROUP, self.name, entries, moment, is_new=True)
        ids = [entry.value[0].value for entry in entries if self.random.random() < 0.9]
        for entry_id in ids:
            self.record.ack_sent(GROUP, entry_id)
        connection.send_raw(b"".join(encode("XACK", self.record.key, GROUP, i) for i in ids))
        for entry_id in ids:
            answer = connection.read()
            if is_refusal(answer):
                self.record.ack_refused(GROUP, entry_id)
            elif is_unknown(answer):
                raise Disconnected
            else:
                self.record.ack_done(GROUP, entry_id, answer)


class Janitor:
    """Keeps the stream at `keep` entries, while it is told to."""

    def __init__(self, record, keep):
        self.record, self.keep = record, keep
        self.enabled = True

    def step(self, connection):
        time.sleep(0.05)
        if self.enabled:
            trim(connection, self.record, self.keep)


def trim(connection, record, keep):
    """XTRIM to the newest entries that were acknowledged; False when it was refused."""
    with record.lock:
        ids = list(record.added)[-keep:]
    if len(ids) < keep:
        return True
    record.trim_called(ids[0])
    reply = connection.call("XTRIM", record.key, "MINID", ids[0])
    if is_refusal(reply):
        return False
    if is_unknown(reply):
        raise Disconnected
    expect(reply.kind == ":", "XTRIM was answered by", reply)
    record.trim_done(ids[0])
    return True


class Load:
    """Two streams with producers, consumers and a janitor each. start(), then stop(); verify() when stopped."""

    def __init__(self, seed, log, sizes=(10, 100, 1000), keep=2000, streams=2, producers=2):
        self.random = random.Random(seed)
        self.records = [Record(b"stream%d" % n, log) for n in range(streams)]
        self.janitors = [Janitor(record, keep) for record in self.records]
        self.clients = list(self.janitors)
        for record in self.records:
            self.clients += [Producer(b"%b-p%d" % (record.key, n), record, self.random.random(), sizes)
                             for n in range(producers)]
            self.clients += [Consumer(b"c%d" % n, record, self.random.random()) for n in range(2)]
        self.errors = []
        self.threads = []
        self.connected = threading.Semaphore(0)
        self.stopping = threading.Event()

    @property
    def accepted(self):
        return sum(record.accepted for record in self.records)

    @property
    def refused(self):
        return sum(record.refused for record in self.records)

    def prepare(self, connection):
        for record in self.records:
            reply = connection.call("XGROUP", "CREATE", record.key, GROUP, "0", "MKSTREAM")
            if reply.is_error and reply.value.startswith(UNKNOWN):
                raise StorageFailed(f"XGROUP: {reply}")
            expect(not reply.is_error or reply.value.startswith(b"BUSYGROUP"), "XGROUP:", reply)

    def start(self, server):
        self.stopping.clear()
        self.threads = [threading.Thread(target=self._run_one, args=(client, server), daemon=True)
                        for client in self.clients]
        for thread in self.threads:
            thread.start()

    def wait_until_connected(self, patience_s=60):
        """Until every client that start() began has been answered."""
        for _ in self.threads:
            expect(self.connected.acquire(timeout=patience_s), "a client was not answered in", patience_s, "s")

    def stop(self, patience_s=60):
        """All clients end after their next reply. One that does not get it is a broken promise."""
        self.stopping.set()
        deadline = time.monotonic() + patience_s
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
            expect(not thread.is_alive(), "a client was not answered in", patience_s, "s")
        self.threads = []
        if self.errors:
            raise self.errors[0]

    def set_trimming(self, enabled):
        for janitor in self.janitors:
            janitor.enabled = enabled

    def _run_one(self, client, server):
        try:
            with server.connect(timeout_s=60) as connection:
                connection.call("PING")
                self.connected.release()
                while not self.stopping.is_set():
                    client.step(connection)
        except GONE as error:
            if isinstance(error, TimeoutError):
                self.errors.append(Violation("a client was not answered in 60 s"))
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)

    def verify(self, server):
        with server.connect(timeout_s=60) as connection:
            return sum(record.verify(connection) for record in self.records)
