"""Thousands of raw connections to one server, and what the server takes for them."""

import contextlib
import os
import pathlib
import random
import select
import socket
import struct
import sys
import time

IP_BIND_ADDRESS_NO_PORT = 24
LINGER_RESET = struct.pack("ii", 1, 0)
PATIENCE_S = 120  # For whatever must happen at some time: the machine may be busy.


def address_of(number, per_address=50):
    """A loopback address for the number-th client: so many come from each."""
    host = number // per_address + 1
    return f"127.{1 + host // 60000}.{host // 250 % 240}.{1 + host % 250}"


def connect(port, source=None, receive_buffer=None):
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        client.bind((source, 0))
    client.settimeout(PATIENCE_S)
    client.connect(("127.0.0.1", port))
    return client


def reset(client):
    """Closes so that the other side gets a RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    client.close()


class Crowd:
    """Many connections; what each has received is collected."""

    def __init__(self, port, count, sources=False, receive_buffer=None):
        self.clients = [connect(port, address_of(number) if sources else None, receive_buffer)
                        for number in range(count)]
        self.received = [b""] * count
        self.closed = [False] * count
        self.closed_at = [None] * count
        self._poll = select.epoll()
        self._numbers = {}
        for number, client in enumerate(self.clients):
            client.setblocking(False)
            self._numbers[client.fileno()] = number
            self._poll.register(client.fileno(), select.EPOLLIN | select.EPOLLRDHUP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()
        self._poll.close()

    def __len__(self):
        return len(self.clients)

    def send(self, number, data):
        """As much of it as goes now; how much, 0 when the connection has ended."""
        try:
            return self.clients[number].send(data)
        except (BlockingIOError, ConnectionError):
            return 0

    def send_to_all(self, data):
        for number in range(len(self.clients)):
            if not self.closed[number]:
                self.send(number, data)

    def pump(self, timeout_s=0.0):
        """Receives what there is; how many connections had something."""
        events = self._poll.poll(timeout_s, 4096)
        for descriptor, _ in events:
            number = self._numbers[descriptor]
            try:
                data = self.clients[number].recv(1 << 16)
            except BlockingIOError:
                continue
            except ConnectionError:
                data = b""
            if data:
                self.received[number] += data
            else:
                self.closed[number] = True
                self.closed_at[number] = time.monotonic()
                self._poll.unregister(descriptor)
        return len(events)

    def wait(self, condition, patience_s=PATIENCE_S):
        """Pumps until condition(number) holds for all; the numbers for which it never did."""
        deadline = time.monotonic() + patience_s
        missing = list(range(len(self.clients)))
        while True:
            missing = [number for number in missing if not condition(number)]
            if not missing or time.monotonic() > deadline:
                return missing
            self.pump(0.1)

    def take(self):
        """What has been received by each since the last time."""
        taken, self.received = self.received, [b""] * len(self.clients)
        return taken


class Harness:
    """The seed, the sizes, and what broke."""

    def __init__(self, server_path, seed, size, make_server):
        self.server_path = server_path
        self.seed = seed
        self.size = size
        self.random = random.Random(seed)
        self.faults = []
        self.figures = {}
        self._make_server = make_server

    def server(self, *options):
        return self._make_server(self.server_path, options)

    def check(self, holds, text):
        if not holds:
            self.faults.append(text)
            print(f"fault: {text}", flush=True)
        return holds

    def figure(self, name, value):
        self.figures[name] = value
        print(f"  {name}: {value}", flush=True)


def descriptors(server):
    """Open sockets; files of journal and store come and go by themselves."""
    count = 0
    for path in pathlib.Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(path).startswith("socket:")
    return count


def cpu_seconds(server):
    with open(f"/proc/{server.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def per_client(before, after, count):
    return round((after - before) / max(count, 1))


def wait_until(condition, patience_s=PATIENCE_S, step_s=0.02):
    """Whether it came true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True


def info(client, name):
    """An integer of INFO."""
    for line in client.call("INFO", "everything").plain().split(b"\r\n"):
        if line.startswith(name.encode() + b":"):
            return int(line.split(b":")[1])
    raise KeyError(name)


def is_sanitized(server):
    """Whether memory says nothing, because a sanitizer has its own."""
    with open(f"/proc/{server.pid}/maps", encoding="ascii") as maps:
        return "libasan" in maps.read()


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(2)
