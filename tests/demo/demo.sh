#!/usr/bin/env bash
# Starts the server on the sample clinic, puts a matrix of real questions to it
# over gRPC, prints the answers beside what is expected, and stops it.
# Needs build/bin/pdpd and build/bin/pdpctl (`make demo` builds them).
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${PDP_BIN:-build/bin}
work=$(mktemp -d)
server=

stop() {
  if [[ -n $server ]]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" || echo "demo: the server ended with $?" >&2
  fi
  rm -rf "$work"
}
trap stop EXIT

"$bin/pdpd" --source directory:docs/security/access-policies \
  --data-dir "$work/data" --listen 127.0.0.1:0 --listen "unix:$work/pdp.sock" \
  --http-listen 127.0.0.1:0 \
  --callers name=demo,from=loopback,permissions=all,subjects=any,resources=inline \
  >"$work/ready.json" 2>"$work/server.log" &
server=$!

# The server prints one line when it is ready.
for _ in $(seq 300); do
  [[ -s $work/ready.json ]] && break
  if ! kill -0 "$server" 2>/dev/null; then
    echo "demo: the server did not start:" >&2
    cat "$work/server.log" >&2
    server=
    exit 1
  fi
  sleep 0.1
done
if [[ ! -s $work/ready.json ]]; then
  echo "demo: the server was not ready within 30 s" >&2
  cat "$work/server.log" >&2
  exit 1
fi
target=$(sed -n 's/.*"grpc":\["\([^"]*\)".*/\1/p' "$work/ready.json")
echo "demo: the server is ready on $target"

"$bin/pdpctl" status --target "$target"
echo
"$bin/pdpctl" test tests/demo/matrix.json --target "$target"
echo
echo "demo: done"
