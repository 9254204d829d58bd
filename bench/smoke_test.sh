#!/bin/sh
# Runs the load client for about a second against a real redis-server: one appending workload,
# open and closed loop, and one draining with a group. Exit code 77: skipped.
set -eu
bench=$1
server=$(command -v redis-server) || {
  echo "skipped: redis-server is not installed"
  exit 77
}
"$bench" load --server "$server" --workload xadd-p16 --seconds 0.5
"$bench" load --server "$server" --workload xadd-10k-streams --requests 20000 --rate 100000
"$bench" load --server "$server" --workload drain-8 --requests 20000
"$bench" load --server "$server" --workload group-1x50 --requests 2000
"$bench" load --server "$server" --workload xadd-maxlen --requests 20000
"$bench" load --server "$server" --workload xrange-scan --requests 20000
