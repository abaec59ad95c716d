#!/usr/bin/env bash
# Measures how many calls a server answers, then makes twice as many for a
# while against one that is told to take an eighth of that of a caller.
#   overload.sh PDPD OVERLOAD SECONDS
set -euo pipefail
cd "$(dirname "$0")/../.."
pdpd=$1
overload=$2
seconds=$3
work=$(mktemp -d)
server=

stop() {
  [[ -z $server ]] || kill -TERM "$server" 2>/dev/null || true
  [[ -z $server ]] || wait "$server" || true
  server=
}
trap 'stop; rm -rf "$work"' EXIT

# start NAME FLAG...: sets $target.
start() {
  local name=$1
  shift
  "$pdpd" --source directory:docs/security/access-policies \
    --data-dir "$work/$name" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 \
    --callers name=load,from=loopback,permissions=check,subjects=any \
    "$@" >"$work/$name.json" 2>"$work/$name.log" &
  server=$!
  for _ in $(seq 600); do
    [[ -s $work/$name.json ]] && break
    kill -0 "$server" || break
    sleep 0.1
  done
  target=$(sed -n 's/.*"grpc":\["\([^"]*\)".*/\1/p' "$work/$name.json")
  http=$(sed -n 's/.*"http":"\([^"]*\)".*/\1/p' "$work/$name.json")
  if [[ -z $target ]]; then
    echo "overload: the server did not start:" >&2
    cat "$work/$name.log" >&2
    exit 1
  fi
}

start capacity
capacity=$("$overload" capacity "$target")
stop
echo "overload: $capacity calls a second are answered to callers that wait"
start overload --limits.caller-calls-per-second "$((capacity / 8 + 1))"
"$overload" overload "$target" "$capacity" "$seconds" "$server" "$http"
code=0
kill -TERM "$server"
wait "$server" || code=$?
server=
if [[ $code != 0 ]]; then
  echo "overload: the server ended with $code" >&2
  tail -5 "$work/overload.log" >&2
  exit 1
fi
