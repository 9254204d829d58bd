#!/bin/sh
# Runs every command of the load client for a short time against a real redis-server, and the plots
# of what they write. Judges no speed. Exit code 77: skipped.
set -eu
bench=$1
server=$(command -v redis-server) || {
  echo "skipped: redis-server is not installed"
  exit 77
}
here=$(dirname "$0")
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
durable='--save "" --appendonly yes'
"$bench" load --server "$server" --workload xadd-p16 --seconds 0.5
"$bench" load --server "$server" --workload xadd-10k-streams --requests 20000 --rate 100000
"$bench" load --server "$server" --workload drain-8 --requests 20000
"$bench" load --server "$server" --workload group-1x50 --requests 2000
"$bench" load --server "$server" --workload xadd-maxlen --requests 20000
"$bench" load --server "$server" --workload xrange-scan --requests 20000
"$bench" load --server "$server" --workload end-to-end --seconds 0.5
"$bench" compare --weir "$server" --weir-args "$durable" --peer "$server" --fsync everysec \
  --peer-mode none --workloads xadd-p128,end-to-end --scale 0.01 --runs 1 --json "$out/compare.json"
"$bench" compare --weir "$server" --weir-args "$durable" --fsync everysec --runs 1 --scale 0.01 \
  --peer-command "$server --port {port} --dir {dir} --appendfsync {fsync}" --workloads xadd-p16
"$bench" soak --server "$server" --server-args "$durable" --entries 20000 --minutes 0.05 \
  --rate 1000 --drain-rate 4000 --json "$out/soak.json"
"$bench" growth --weir "$server" --weir-args "$durable" --entries 20000 --operations 2000 --runs 1 \
  --pending 1000 --idle-streams 1000 --idle-groups 100 --idle-rest 0 --json "$out/growth.json"
python3 "$here/plot.py" --out "$out" "$out"/*.json
