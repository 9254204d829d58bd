#!/usr/bin/env python3
"""Checks which folder may include what, and where clocks, chance and file calls may appear.

The tables below are the layering of docs/architecture.md: resp knows only the standard library, engine
knows no socket and no clock, RocksDB stays in the store, libevent in server/net.
"""

import re
import sys

import source_tree

# Unit prefix -> prefixes of what it may include. The longest matching prefix decides. "std" stands for
# the C++ standard library; everything else is matched against the text of the include.
ALLOWED = {
    "resp/": ["std", "resp/"],
    "engine/": ["std", "engine/", "absl/", "xxhash.h"],
    "engine/store": ["std", "engine/", "absl/", "xxhash.h", "rocksdb/", "posix"],
    "engine/rocks_logger": ["std", "engine/", "rocksdb/"],
    "engine/journal": ["std", "engine/", "absl/", "xxhash.h", "posix"],
    "engine/file_limit": ["std", "engine/", "posix"],
    "engine/disk_guard": ["std", "engine/", "posix"],
    "engine/data_directory": ["std", "engine/", "sodium.h", "posix"],
    "engine/thread_role": ["std", "engine/", "posix"],
    "engine/xxh3": ["xxhash.h", "xxh_x86dispatch.h"],
    "engine/key_hash": ["std", "engine/", "sodium.h", "xxhash.h"],
    "server/core/": ["std", "resp/", "engine/", "server/core/", "server/limits.h", "absl/", "fmt/",
                     "spdlog/", "sodium.h", "openssl/", "xxhash.h", "posix"],
    "server/commands/": ["std", "resp/", "engine/", "server/core/", "server/commands/",
                         "server/limits.h", "absl/", "fmt/"],
    "server/net/": ["std", "resp/", "engine/", "server/", "absl/", "fmt/", "spdlog/", "event2/",
                    "openssl/", "posix"],
    "server/": ["std", "resp/", "engine/", "server/", "absl/", "fmt/", "spdlog/", "openssl/",
                "sodium.h", "nlohmann/", "posix"],
    "tests/resp/": ["std", "resp/", "tests/", "gtest/", "gmock/"],
    "tests/engine/": ["std", "engine/", "tests/", "gtest/", "gmock/", "absl/", "posix"],
    # The rule for the ends of nodes is tested against redis-server itself.
    "tests/engine/node_rule_oracle_test": ["std", "engine/", "tests/", "gtest/", "hiredis/", "posix"],
    # A store that RocksDB left half made; sync points and a file system of RocksDB.
    "tests/engine/engine_fault_test": ["std", "engine/", "tests/", "gtest/", "rocksdb/", "posix"],
    "tests/engine/store_test": ["std", "engine/", "tests/", "gtest/", "rocksdb/", "posix"],
    "tests/torture/": ["std", "resp/", "engine/", "tests/", "gtest/", "rocksdb/", "posix"],
    "tests/": ["std", "resp/", "engine/", "server/", "tests/", "gtest/", "gmock/", "absl/", "fmt/",
               "hiredis/", "nlohmann/", "posix"],
    # Marks memory as forbidden.
    "tests/fuzz/parser_fuzz": ["std", "resp/", "tests/", "sanitizer/"],
    "bench/": ["std", "resp/", "engine/", "server/", "bench/", "tests/support/", "benchmark/", "gtest/",
               "absl/", "fmt/", "spdlog/", "hiredis/", "nlohmann/", "posix"],
}

# Headers with system calls and files; the standard library's own file headers count as such too.
POSIX = re.compile(
    r"^(unistd|fcntl|poll|signal|netdb|pthread|sched|dirent|malloc|termios|time|errno|dlfcn)\.h$"
    r"|^(sys|netinet|arpa|linux)/|^(filesystem|fstream)$")
STD = re.compile(r"^[a-z_]+$|^(stdint|stddef|string|stdlib|stdio|math|limits)\.h$")

# What may stand where in the code itself: name, pattern, prefixes where it is banned, where it is fine.
CODE_RULES = [
    ("a clock", re.compile(r"\b(system_clock|steady_clock|high_resolution_clock)::now\b"
                           r"|\b(gettimeofday|clock_gettime)\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)"),
     ("resp/", "engine/", "server/", "tests/resp/", "tests/engine/", "tests/server/", "tests/model/"),
     ("server/core/clock.cc", "server/main.cc")),
    ("chance", re.compile(r"\brandom_device\b|(?<![\w.:])s?rand\s*\("),
     ("resp/", "engine/", "server/", "tests/"), ("server/core/clock.cc", "server/main.cc")),
    ("a sleep", re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|(?<![\w.:>])sleep\s*\("),
     ("resp/", "engine/", "server/"), ("server/core/clock.cc",)),
    ("a file call", re.compile(r"(?<![\w.>])(::)?(open|openat|pwrite|pwritev|pread|fsync|fdatasync"
                               r"|ftruncate|fallocate|posix_fallocate|mmap|fopen)\s*\(\s*[\w\"]"),
     ("resp/", "engine/"), ("engine/journal", "engine/store", "engine/data_directory", "engine/disk_guard")),
    ("using namespace", re.compile(r"\busing\s+namespace\b"), ("",), ()),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def allowed_for(path):
    best = max((unit for unit in ALLOWED if path.startswith(unit)), key=len, default=None)
    return ALLOWED[best] if best else None


def include_is_allowed(bracket, name, allowed):
    if bracket == "<" and POSIX.search(name):
        return "posix" in allowed
    if bracket == "<" and STD.search(name):
        return "std" in allowed
    return any(name.startswith(prefix) for prefix in allowed)


def problems_of(path, text):
    allowed = allowed_for(path)
    if allowed is None:
        return
    for match in INCLUDE.finditer(text):
        if not include_is_allowed(match.group(1), match.group(2), allowed):
            line = source_tree.line_of(text, match.start(2))
            yield f"{path}:{line}: may not include {match.group(2)} (allowed: {', '.join(allowed)})"
    code = source_tree.code_only(text)
    for what, pattern, banned_in, fine_in in CODE_RULES:
        if not path.startswith(banned_in) or (fine_in and path.startswith(fine_in)):
            continue
        for match in pattern.finditer(code):
            line = source_tree.line_of(code, match.start())
            yield f"{path}:{line}: {what} may not appear here: {match.group(0).strip()}"


def main():
    problems = [problem for path in source_tree.files(".cc", ".h")
                for problem in problems_of(path, source_tree.read(path))]
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
