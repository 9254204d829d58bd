"""Clients that work on shared streams until the server is gone, and write down what they were told.

Each is a process of its own with a connection, a seed and a file (history.py). 8 producers, 8 consumers in 4 groups and
2 janitors share two streams of a round:

  orders:N   groups billing (plain) and workers (MAX-DELIVERIES 3)
  events:N   groups audit (plain) and taps (one of its consumers reads with NOACK)

A consumer of workers passes half of its acknowledgements on to events:N, XACK and XADD in one transaction.
"""

import multiprocessing
import pathlib
import random
import time

from history import ERROR, NEVER, OK, UNKNOWN, Recorder, payload
from raw_client import Gone, RawClient, ServerError, entries_of
from resp_client import encode

MAX_DELIVERIES = 3
READ_COUNT = 20
MIN_IDLES_MS = (0, 0, 30, 100, 400, 3_600_000)
KEEP_ENTRIES = 1500
PRODUCERS = 8
GROUPS = (("orders", "billing"), ("orders", "workers"), ("events", "audit"), ("events", "taps"))
CONSUMERS_PER_GROUP = 2


def keys_of(number):
    return [f"orders:{number}", f"events:{number}"]


def prepare(client, number):
    """Makes the streams and groups of a round."""
    for stream, group in GROUPS:
        client.ask("XGROUP", "CREATE", f"{stream}:{number}", group, "0", "MKSTREAM")
    client.ask("XCFGSET", f"orders:{number}", "GROUP", "workers", "MAX-DELIVERIES", MAX_DELIVERIES)


class Worker:
    """What all clients have: a pipeline of operations that are recorded whatever becomes of them."""

    def __init__(self, name, seed, pace):
        self.name = name
        self.random = random.Random(f"{seed}/{name}")
        self.pace = pace
        self.recorder = None
        self.client = None
        self.keys = ()
        self._transactions = 0

    def begin_round(self, recorder, number):
        self.recorder = recorder
        self.keys = keys_of(number)

    def run(self, port, should_stop):
        """Works until told to stop or until the server is gone."""
        try:
            with RawClient(port) as self.client:
                while not should_stop():
                    self.step()
        except (Gone, TimeoutError):
            pass
        self.recorder.flush()

    def step(self):
        raise NotImplementedError

    def rest(self, mean_s):
        time.sleep(self.random.uniform(0, 2 * mean_s / self.pace))

    def send(self, *calls):
        """Sends calls (kind, key, args, words, decode) in one go; gives their results, None for errors.

        A list among them is a transaction.
        """
        parts, names = [], []
        for call in calls:
            members = call if isinstance(call, list) else [call]
            names.append(self._next_transaction() if call is members else None)
            words = [encode(*member[3]) for member in members]
            parts += words if call is not members else [encode("MULTI"), *words, encode("EXEC")]
        invoked = time.monotonic_ns()
        results = []
        try:
            self.client.send(b"".join(parts))
            for call, name in zip(calls, names):
                results += [self._note(call, invoked, self.client.read())] if name is None else (
                    self._read_transaction(call, invoked, name))
        except (Gone, TimeoutError) as error:
            ended = NEVER if isinstance(error, TimeoutError) else time.monotonic_ns()
            answered = len(results)
            for call, name in zip(calls, names):
                members = call if isinstance(call, list) else [call]
                for member in members[max(0, answered):]:
                    self.recorder.note(*member[:3], invoked, ended, UNKNOWN, None, name)
                answered -= len(members)
            raise
        return results

    def look(self, *words):
        """A reply that is not recorded; Gone instead of an error."""
        reply = self.client.call(*words)
        if isinstance(reply, ServerError):
            raise Gone(str(reply))
        return reply

    def _read_transaction(self, members, invoked, name):
        for _ in range(len(members) + 1):
            self.client.read()
        replies = self.client.read()
        if isinstance(replies, ServerError):
            replies = [replies] * len(members)
        return [self._note(member, invoked, reply, name)
                for member, reply in zip(members, replies)]

    def _next_transaction(self):
        self._transactions += 1
        return f"{self.name}@{self._transactions}"

    def _note(self, call, invoked, reply, transaction=None):
        kind, key, args, _, decode = call
        returned = time.monotonic_ns()
        if isinstance(reply, ServerError):
            # The storage failed: nobody knows the outcome, and the server ends (docs/operations.md). A transaction
            # of which a part was answered like this is discarded.
            outcome = UNKNOWN if str(reply).startswith(("MISCONF Errors", "EXECABORT")) else ERROR
            self.recorder.note(kind, key, args, invoked, returned, outcome, str(reply), transaction)
            return None
        result = decode(reply)
        self.recorder.note(kind, key, args, invoked, returned, OK, result, transaction)
        return result

    # The calls.

    def add(self, key, number):
        filler = self.random.randbytes(self.random.choice((0, 10, 60, 60, 60, 600))).replace(b"/", b"_")
        data, token = payload(self.name.encode(), number, filler)
        return "XADD", key, [token], ("XADD", key, "*", "d", data), bytes.decode

    @staticmethod
    def ack(key, group, ids):
        return "XACK", key, [group, ids], ("XACK", key, group, *ids), int


class Producer(Worker):
    """Adds bursts of entries, some of them in transactions over both streams."""

    def __init__(self, name, seed, pace):
        super().__init__(name, seed, pace)
        self.number = 0

    def _next(self, key):
        self.number += 1
        return self.add(key, self.number)

    def step(self):
        calls = []
        for _ in range(self.random.choice((1, 1, 4, 16))):
            if self.random.random() < 0.1:
                calls.append([self._next(key) for key in self.keys])
            else:
                calls.append(self._next(self.random.choice(self.keys)))
        self.send(*calls)
        self.rest(0.03)


class Consumer(Worker):
    """Reads, acknowledges most of it, claims what others left, looks at its own history."""

    def __init__(self, name, seed, pace, stream, group, is_tap):
        super().__init__(name, seed, pace)
        self.stream = stream
        self.group = group
        self.is_tap = is_tap
        self.number = 0

    def step(self):
        key = self.keys[0 if self.stream == "orders" else 1]
        roll = self.random.random()
        if self.is_tap or roll < 0.7:
            entries = self._read(key)
        elif roll < 0.8:
            entries = self._claim_page(key)
        elif roll < 0.92:
            entries = self._claim_some(key)
        else:
            entries = self._history(key)
        if entries and not self.is_tap:
            self._acknowledge(key, [entry[0] for entry in entries])

    def _read(self, key):
        count, block_ms = self.random.choice((1, READ_COUNT, READ_COUNT)), self.random.choice((0, 50, 300))
        words = ["XREADGROUP", "GROUP", self.group, self.name, "COUNT", count]
        words += ["BLOCK", block_ms] if block_ms else []
        words += ["NOACK"] if self.is_tap else []
        result, = self.send(("READ", key, [self.group, self.name, count, int(self.is_tap), block_ms],
                             (*words, "STREAMS", key, ">"), lambda reply: entries_of(reply[0][1]) if reply else []))
        if not result:
            self.rest(0.005)
        return result

    def _history(self, key):
        result, = self.send(("HISTORY", key, [self.group, self.name, "0", READ_COUNT],
                             ("XREADGROUP", "GROUP", self.group, self.name, "COUNT", READ_COUNT, "STREAMS", key, "0"),
                             lambda reply: entries_of(reply[0][1])))
        return result

    def _claim_page(self, key):
        min_idle = self.random.choice(MIN_IDLES_MS)
        result, = self.send(("AUTOCLAIM", key, [self.group, self.name, min_idle, "0-0", READ_COUNT],
                             ("XAUTOCLAIM", key, self.group, self.name, min_idle, "0-0", "COUNT", READ_COUNT),
                             lambda reply: [reply[0].decode(), entries_of(reply[1]), [i.decode() for i in reply[2]]]))
        return result and result[1]

    def _claim_some(self, key):
        rows = self.look("XPENDING", key, self.group, "-", "+", 3 * READ_COUNT)
        ids = [row[0].decode() for row in rows if self.random.random() < 0.3]
        if not ids:
            return []
        min_idle, justid = self.random.choice(MIN_IDLES_MS), self.random.random() < 0.2
        words = ("XCLAIM", key, self.group, self.name, min_idle, *ids)
        result, = self.send(("XCLAIM", key, [self.group, self.name, min_idle, ids, int(justid)],
                             (*words, "JUSTID") if justid else words,
                             lambda reply: [[i.decode(), None] for i in reply] if justid else entries_of(reply)))
        return result

    def _acknowledge(self, key, ids):
        ids = [entry_id for entry_id in ids if self.random.random() < 0.75]
        calls = []
        while ids:
            count = self.random.choice((1, 1, 1, 5))
            some, ids = ids[:count], ids[count:]
            if self.group == "workers" and self.random.random() < 0.5:
                self.number += 1
                calls.append([self.ack(key, self.group, some), self.add(self.keys[1], self.number)])
            else:
                calls.append(self.ack(key, self.group, some))
        if calls:
            self.send(*calls)


class Janitor(Worker):
    """Deletes and trims one stream, so that it stays bounded, and looks at it from time to time."""

    def __init__(self, name, seed, pace, at):
        super().__init__(name, seed, pace)
        self.at = at

    def step(self):
        key = self.keys[self.at]
        seen, = self.send(("XRANGE", key, ["-", "+", 200], ("XRANGE", key, "-", "+", "COUNT", 200), entries_of))
        ids = [entry_id for entry_id, _ in seen or ()]
        calls = []
        if len(ids) == 200:
            some = self.random.sample(ids, self.random.choice((1, 3)))
            calls.append(("XDEL", key, [some], ("XDEL", key, *some), int))
            length = self.look("XLEN", key)
            how = self.random.choice(("MINID", "MAXLEN", "MAXLEN~"))
            if length > KEEP_ENTRIES and how == "MINID":
                calls.append(("XTRIM", key, [how, ids[100]], ("XTRIM", key, how, ids[100]), int))
            elif length > KEEP_ENTRIES:
                sign = "=" if how == "MAXLEN" else "~"
                calls.append(("XTRIM", key, ["MAXLEN", KEEP_ENTRIES, sign],
                              ("XTRIM", key, "MAXLEN", sign, KEEP_ENTRIES), int))
        if calls:
            self.send(*calls)
        self.rest(0.1)


def workers_of(seed, pace):
    workers = [Producer(f"p{n}", seed, pace) for n in range(PRODUCERS)]
    for stream, group in GROUPS:
        workers += [Consumer(f"{group}{n}", seed, pace, stream, group, group == "taps" and n == 0)
                    for n in range(CONSUMERS_PER_GROUP)]
    return workers + [Janitor("j0", seed, pace, 0), Janitor("j1", seed, pace, 1)]


class Load:
    """All clients, in processes that live as long as this. Thread: one.

    `folder` gets a folder for each round. pace 1 adds about 1,500 entries a second.
    """

    def __init__(self, seed, folder, pace=1.0):
        self.folder = pathlib.Path(folder)
        self._stopping = multiprocessing.Value("b", 0, lock=False)
        self._pipes, self._processes = [], []
        for worker in workers_of(seed, pace):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=self._serve, args=(worker, theirs), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopping.value = 1
        for pipe in self._pipes:
            # The end of the pipe would not do: processes that were started later have it open as well.
            try:
                pipe.send(None)
            except OSError:
                pass
        for process in self._processes:
            process.join(10)
            if process.is_alive():
                process.kill()

    def round_folder(self, number):
        folder = self.folder / f"round-{number}"
        folder.mkdir(exist_ok=True)
        return folder

    def start(self, port, number):
        """All begin to work on the streams of a round, which are there."""
        self.round_folder(number)
        self._stopping.value = 0
        for pipe in self._pipes:
            pipe.send((port, number))

    @staticmethod
    def let_work(seconds):
        """The time that clients get; here, since harnesses have no other reason to sleep."""
        time.sleep(seconds)

    def stop(self):
        """All finish what they sent; wait() for it."""
        self._stopping.value = 1

    def wait(self, timeout_s=300):
        """Until all have stopped, or lost the server, and their records are in the files; operations so far.

        Raises RuntimeError when a client is stuck or has failed.
        """
        counts = []
        deadline = time.monotonic() + timeout_s
        for process, pipe in zip(self._processes, self._pipes):
            if not pipe.poll(max(0, deadline - time.monotonic())):
                raise RuntimeError(f"{process.name} is stuck")
            try:
                counts.append(pipe.recv())
            except EOFError as error:
                raise RuntimeError(f"{process.name} has failed") from error
        return sum(counts)

    def _serve(self, worker, pipe):
        recorder, current = None, None
        while True:
            try:
                order = pipe.recv()
            except (EOFError, KeyboardInterrupt):
                return
            if order is None:
                return
            port, number = order
            if number != current:
                if recorder is not None:
                    recorder.close()
                recorder = Recorder(self.round_folder(number) / f"{worker.name}.ops", worker.name)
                worker.begin_round(recorder, number)
                current = number
            before = recorder.count
            worker.run(port, lambda: self._stopping.value)
            pipe.send(recorder.count - before)


class Drain(Worker):
    """Works off everything that is pending or new, alone; then trims, so that the length must be exact."""

    def __init__(self, folder, number):
        super().__init__("drain", 0, 1)
        self.begin_round(Recorder(pathlib.Path(folder) / "drain.ops", "drain"), number)
        self.helpers = [Consumer("drain", 0, 1, stream, group, False) for stream, group in GROUPS]

    def run_once(self, port, timeout_s=180):
        """Raises RuntimeError if something stays pending or unread."""
        deadline = time.monotonic() + timeout_s
        with RawClient(port) as self.client:
            for helper in self.helpers:
                helper.client, helper.recorder, helper.keys = self.client, self.recorder, self.keys
                self._empty(helper, self.keys[0 if helper.stream == "orders" else 1], deadline)
            for key in self.keys:
                keep = max(0, self.client.ask("XLEN", key) - 7)
                self.send(("XTRIM", key, ["MAXLEN", keep, "="], ("XTRIM", key, "MAXLEN", "=", keep), int))
        self.recorder.flush()

    def _empty(self, helper, key, deadline):
        cursor, is_empty = "0-0", False
        while not is_empty:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{key} {helper.group} cannot be worked off")
            result, = self.send(("AUTOCLAIM", key, [helper.group, "drain", 0, cursor, 100],
                                 ("XAUTOCLAIM", key, helper.group, "drain", 0, cursor, "COUNT", 100),
                                 lambda reply: [reply[0].decode(), entries_of(reply[1]),
                                                [i.decode() for i in reply[2]]]))
            cursor = result[0]
            entries = result[1] + self.read_some(helper, key)
            if entries:
                self.send(*[self.ack(key, helper.group, [entry[0]]) for entry in entries])
            is_empty = cursor == "0-0" and not entries and self.client.ask("XPENDING", key, helper.group)[0] == 0

    def read_some(self, helper, key):
        result, = self.send(("READ", key, [helper.group, "drain", 100, 0, 0],
                             ("XREADGROUP", "GROUP", helper.group, "drain", "COUNT", 100, "STREAMS", key, ">"),
                             lambda reply: entries_of(reply[0][1]) if reply else []))
        return result
