#!/usr/bin/python3
"""Runs client programs against a real server on a free port.

  run_clients.py --server PATH [--modules FOLDER] [client...]

All clients by default; --help lists them. Node libraries are installed by `npm ci` into FOLDER, which the build
tree holds; the larger programs of apps/ into a folder in it. A client is skipped, with exit code 77 if nothing else
ran, only where the package registry cannot be reached, Node is older than the library asks for, or there is no
Chromium (scripts/setup-clients installs it).
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import exporter  # noqa: E402
import protocol_test  # noqa: E402
import redis_tools  # noqa: E402
from server_process import ServerProcess  # noqa: E402

NODE_CLIENTS = {"ioredis5": 12, "ioredis6": 20, "node-redis4": 14, "node-redis5": 18,
                "node-redis6": 20}  # oldest major version of Node
SCRIPTS = {
    "python": (sys.executable, "round_trip.py"),
    "php-redis": ("php", "round_trip.php"),
    "symfony-messenger": ("php", "messenger.php"),
    "ruby-redis": ("ruby", "round_trip.rb"),
    "perl-redis": ("perl", "round_trip.pl"),
}
# A consumer loop that crashes on poison, and a policy by configuration.
POISON = {"poison-python": (sys.executable, "poison.py")}
POISON_LIBRARIES = {"poison-ioredis5": "ioredis5", "poison-ioredis6": "ioredis6"}
POISON_RULE = "* * MAX-DELIVERIES 3 ACK-WAIT 1000"
# Moleculer's own dead-lettering (after 3 deliveries) beside a cap of the server's.
CAPPED_APPS = {"moleculer-cap-below": "* * MAX-DELIVERIES 2", "moleculer-cap-above": "* * MAX-DELIVERIES 10"}
APPS = {"socket-io": "socket_io.mjs", "moleculer": "moleculer.mjs",
        "redis-commander": "redis_commander.mjs"}
OLDEST_NODE_FOR_APPS = 18
CLIENTS = [*SCRIPTS, *POISON, *NODE_CLIENTS, *POISON_LIBRARIES, *APPS, *CAPPED_APPS, "exporter", "cli", "benchmark", "protocol"]
SKIPPED = 77
TIMEOUT_S = 120


class Skip(Exception):
    pass


def install_modules(source, folder):
    """`npm ci` of the source's package-lock.json into the folder, once for each content of it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (source / "package-lock.json").read_bytes()
    stamp = folder / "installed-lock.json"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, folder / name)
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder,
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        unreachable = any(word in done.stderr for word in
                          ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENETUNREACH"))
        raise Skip("the package registry cannot be reached") if unreachable else AssertionError(
            done.stderr)
    stamp.write_bytes(lock)


def node_major():
    if not shutil.which("node"):
        raise AssertionError("node is missing; scripts/setup installs it")
    text = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(text.lstrip("v").split(".")[0])


def run_program(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    print("  " + done.stdout.strip())


def run_library(script, library, server, modules):
    if node_major() < NODE_CLIENTS[library]:
        raise Skip(f"{library} needs Node {NODE_CLIENTS[library]}")
    install_modules(HERE, modules)
    run_program("node", HERE / script, modules, library, server.port)


def run_app(client, server, modules, *words):
    if node_major() < OLDEST_NODE_FOR_APPS:
        raise Skip(f"{client} needs Node {OLDEST_NODE_FOR_APPS}")
    if client == "redis-commander" and not shutil.which("chromium"):
        raise Skip("there is no chromium; scripts/setup-clients installs it")
    install_modules(HERE / "apps", modules / "apps")
    run_program("node", HERE / "apps" / APPS[client], modules / "apps", server.port, *words)


def run_client(client, server, modules):
    if client in SCRIPTS or client in POISON:
        interpreter, script = (SCRIPTS | POISON)[client]
        run_program(interpreter, HERE / script, server.port)
    elif client in NODE_CLIENTS:
        run_library("round_trip.mjs", client, server, modules)
    elif client in POISON_LIBRARIES:
        run_library("poison.mjs", POISON_LIBRARIES[client], server, modules)
    elif client in APPS:
        run_app(client, server, modules)
    elif client in CAPPED_APPS:
        run_app("moleculer", server, modules, client.removeprefix("moleculer-"))
    elif client == "exporter":
        exporter.run(server)
    elif client == "protocol":
        protocol_test.run(server)
    else:
        for check in redis_tools.CHECKS[client]:
            check(server.port)
            print(f"  {check.__name__} ok")


def options_for(client):
    """What its server is started with."""
    if client in POISON or client in POISON_LIBRARIES:
        return ["--group-policy", POISON_RULE]
    return ["--group-policy", CAPPED_APPS[client]] if client in CAPPED_APPS else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--modules", type=pathlib.Path, default=HERE.parents[1] / "build" / "clients")
    parser.add_argument("clients", nargs="*", choices=[[], *CLIENTS], default=[])
    options = parser.parse_args()
    passed, failed, skipped = 0, 0, 0
    for client in options.clients or CLIENTS:
        with ServerProcess(options.server, options=options_for(client)) as server:
            try:
                run_client(client, server, options.modules)
                passed += 1
                print(f"{client}: passed", flush=True)
            except Skip as reason:
                skipped += 1
                print(f"{client}: skipped, {reason}", flush=True)
            except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
                failed += 1
                print(f"{client}: FAILED: {error}\n{server.log_tail()}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0 if passed else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
