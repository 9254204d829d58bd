"""Debian's prometheus-redis-exporter: a scrape shows the server up and the measures of a stream."""

import re
import subprocess
import time
import urllib.error
import urllib.request

from server_process import free_port

TIMEOUT_S = 20


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


def scrape(port):
    """The metrics page, as soon as the exporter listens."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as page:
                return page.read().decode()
        except urllib.error.URLError:
            check(time.monotonic() < deadline, "the exporter does not listen")
            time.sleep(0.05)


def metric(page, name, **labels):
    """The value of the one sample with that name whose labels include the given ones."""
    found = []
    for labelled, value in re.findall(rf"^{name}(\{{.*\}})? (\S+)$", page, re.MULTILINE):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', labelled))
        if labels.items() <= pairs.items():
            found.append(float(value))
    check(len(found) == 1, name, labels, "has", len(found), "samples in\n", page)
    return found[0]


def prepare(server):
    with server.connect() as client:
        for words in (("XADD", "jobs", "1-1", "f", "v"), ("XADD", "jobs", "2-1", "f", "v"),
                      ("XGROUP", "CREATE", "jobs", "workers", "0"),
                      ("XREADGROUP", "GROUP", "workers", "alice", "COUNT", "1", "STREAMS", "jobs", ">")):
            reply = client.call(*words)
            check(not reply.is_error, words, reply)


def run(server):
    prepare(server)
    port = free_port()
    with subprocess.Popen(
            ["prometheus-redis-exporter", "-redis.addr", f"redis://127.0.0.1:{server.port}",
             "-web.listen-address", f"127.0.0.1:{port}", "-check-streams", "db0=jobs"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            page = scrape(port)
        finally:
            process.kill()
    check(metric(page, "redis_up") == 1, page)
    check(metric(page, "redis_exporter_last_scrape_error") == 0, page)
    check(metric(page, "redis_db_keys", db="db0") == 1, page)
    check(metric(page, "redis_stream_length", stream="jobs") == 2, page)
    check(metric(page, "redis_stream_groups", stream="jobs") == 1, page)
    group = {"stream": "jobs", "group": "workers"}
    check(metric(page, "redis_stream_group_consumers", **group) == 1, page)
    check(metric(page, "redis_stream_group_messages_pending", **group) == 1, page)
    check(metric(page, "redis_stream_group_consumer_messages_pending", consumer="alice", **group) == 1, page)
    print("  redis_up, keys and the stream's measures ok")
