#!/usr/bin/python3
"""Runs transcripts over sockets against a real server and compares every reply.

  run_transcripts.py --server PATH [file...]      a fresh server for each file
  run_transcripts.py --port N [--host H] [file...] a running server; each file begins with FLUSHALL
  --tag T       only files with this tag (compat: the files that a real redis-server passes too)
  --record      writes the replies of the server into the files; look at the diff before keeping it

Time is real here: !advance sleeps, up to 200 ms; files that need more, or a restart without --server, are
skipped with a note. The runner without sockets, tests/server, runs all files on a fake clock.
"""

import argparse
import pathlib
import select
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import resp_client  # noqa: E402
import transcript  # noqa: E402
from server_process import ServerProcess  # noqa: E402

MAX_SLEEP_MS = 200
REPLY_TIMEOUT_S = 5
QUIET_S = 0.15  # while recording raw bytes: no more replies come after this silence


class Mismatch(Exception):
    def __init__(self, step, text):
        super().__init__(text)
        self.step = step


class Client:
    def __init__(self, connection, resp3):
        self.connection = connection
        self.id = connection.call("CLIENT", "ID").plain()  # an error reply where a password is needed
        if resp3:
            connection.call("HELLO", "3")


class Run:
    """One transcript against one server."""

    def __init__(self, script, connect, restart, record):
        self.script = script
        self.connect = connect
        self.restart = restart
        self.record = record
        self.clients = {}
        self.control = connect()
        self.control.call("FLUSHALL")

    def close(self):
        for client in self.clients.values():
            client.connection.close()
        self.control.close()

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = Client(self.connect(), "resp3" in self.script.tags)
        return self.clients[name]

    def run(self):
        for step in self.script.steps:
            getattr(self, "do_" + step.kind)(step)

    def words(self, step):
        words = []
        for word in transcript.split_words(step.argument):
            for name, client in self.clients.items():
                word = word.replace(f"{{id:{name}}}".encode(), str(client.id).encode())
            words.append(word)
        return words

    def do_send(self, step):
        client = self.client(step.client)
        client.connection.send(*self.words(step))
        if step.replies == ["(none)"]:
            return
        if step.replies or (self.record and self.answers(client)):
            self.expect(step, client)
        else:
            self.expect_blocked(step, client)

    def do_receive(self, step):
        self.expect(step, self.client(step.client))

    def do_raw(self, step):
        client = self.client(step.client)
        client.connection.send_raw(b"".join(transcript.split_words(step.argument)))
        if step.replies or self.record:
            self.expect(step, client)

    def expect(self, step, client):
        """Reads as many replies as the step lists; while recording raw bytes, all that come."""
        actual = []
        wanted = step.replies or ["<any>"]
        timeout_s = REPLY_TIMEOUT_S
        while self.record and step.kind == "raw" or len(actual) < len(wanted):
            try:
                reply = client.connection.read(timeout_s)
                actual.append((resp_client.render(reply), resp_client.pretty(reply)))
            except (resp_client.Disconnected, ConnectionResetError):
                actual.append(("(closed)", "(closed)"))
                break
            except TimeoutError:
                break
            if self.record and step.kind == "raw":
                timeout_s = QUIET_S
        same = len(actual) == len(wanted) and all(
            transcript.matches(want, line) for want, (line, _) in zip(wanted, actual))
        if self.record:
            if not same or not step.replies:
                step.replies = [text for _, text in actual]
            else:
                step.replies = [want if "<" in want and want != line else text
                                for want, (line, text) in zip(step.replies, actual)]
        elif not same:
            got = "\n      ".join(line for line, _ in actual) or "no reply"
            raise Mismatch(step, f"expected {chr(10).join(wanted)}\n  got {got}")

    @staticmethod
    def answers(client):
        return bool(select.select([client.connection.socket], [], [], QUIET_S)[0])

    def is_blocked(self, client, timeout_s):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            listed = self.control.call("CLIENT", "LIST").value.decode()
            for line in listed.splitlines():
                fields = dict(field.partition("=")[::2] for field in line.split())
                if fields.get("id") == str(client.id) and "b" in fields["flags"]:
                    return True
            time.sleep(0.002)
        return False

    def expect_blocked(self, step, client):
        if not self.is_blocked(client, REPLY_TIMEOUT_S):
            try:
                got = resp_client.render(client.connection.read(0.1))
            except (TimeoutError, resp_client.Disconnected):
                got = "neither blocked nor answered"
            raise Mismatch(step, f"expected to be blocked\n  got {got}")

    def do_blocked(self, step):
        for name in step.argument.split() or [step.client]:
            self.expect_blocked(step, self.client(name))

    def do_resp2(self, step):
        self.client(step.client).connection.call("HELLO", "2")

    def do_resp3(self, step):
        self.client(step.client).connection.call("HELLO", "3")

    def do_advance(self, step):
        time.sleep(milliseconds(step.argument) / 1000)

    def do_reopen(self, step):
        self.close()
        self.restart()
        self.clients = {}
        self.control = self.connect()

    def do_repeat(self, step):
        """!repeat 1..100 XADD s {i}-0 f v: as one pipeline, no reply may be an error."""
        bounds, _, command = step.argument.partition(" ")
        first, last = (int(bound) for bound in bounds.split(".."))
        words = transcript.split_words(command)
        commands = [[word.replace(b"{i}", b"%d" % i) for word in words]
                    for i in range(first, last + 1)]
        for reply in self.client(step.client).connection.pipeline(commands):
            if reply.is_error:
                raise Mismatch(step, f"got {resp_client.render(reply)}")


def milliseconds(text):
    if not text.endswith("ms"):
        raise transcript.FormatError(f"a duration ends in ms: {text}")
    return int(text[:-2])


def why_skipped(script, has_process):
    for step in script.steps:
        if step.kind == "advance" and milliseconds(step.argument) > MAX_SLEEP_MS:
            return f"line {step.line} needs a fake clock"
        if step.kind == "reopen" and not has_process:
            return f"line {step.line} needs --server"
    return None


def all_files():
    return sorted(path for path in HERE.glob("*.txt") if path.name != "CMakeLists.txt")


def run_file(script, options):
    """Raises Mismatch or an error of the connection."""
    if options.server is None:
        run = Run(script, lambda: resp_client.Connection(options.port, options.host), None,
                  options.record)
        try:
            run.run()
        finally:
            run.close()
        return
    durable = any(step.kind == "reopen" for step in script.steps)
    words = ["--enable-debug-command", "yes"] if "debug" in script.tags else []
    with ServerProcess(options.server, words, durable=durable) as server:
        run = Run(script, server.connect, server.restart, options.record)
        try:
            run.run()
        finally:
            run.close()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--server", help="binary to start on a free port in a temporary folder")
    where.add_argument("--port", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--tag", help="only files with this tag")
    parser.add_argument("--without-tag", help="only files without this tag")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("files", nargs="*")
    return parser.parse_args()


def main():
    options = parse_options()
    passed, failed, skipped = 0, 0, 0
    for path in options.files or all_files():
        script = transcript.parse(path)
        if (options.tag and options.tag not in script.tags) or (
                options.without_tag and options.without_tag in script.tags):
            continue
        reason = why_skipped(script, options.server is not None)
        if reason:
            skipped += 1
            print(f"skipped {path}: {reason}")
            continue
        try:
            run_file(script, options)
            passed += 1
        except Mismatch as mismatch:
            failed += 1
            print(f"{path}:{mismatch.step.line}: {mismatch.step.argument}\n  {mismatch}")
        except (OSError, EOFError, resp_client.Disconnected, RuntimeError) as error:
            failed += 1
            print(f"{path}: {error!r}")
        if options.record:
            pathlib.Path(path).write_text(transcript.text_of(script), encoding="utf-8")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
