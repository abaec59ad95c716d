#!/usr/bin/env bash
# Runs a server that was built with ThreadSanitizer on the sample clinic: many
# questions from several clients while its files change.
#   server_smoke.sh PDPD PDPCTL
set -euo pipefail
pdpd=$1
pdpctl=$2
work=$(mktemp -d)
server=
stop() {
  [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

cp -r docs/security/access-policies "$work/source"
TSAN_OPTIONS="ignore_noninstrumented_modules=1 exitcode=66" \
  "$pdpd" --source "directory:$work/source" --data-dir "$work/data" \
  --listen 127.0.0.1:0 --http-listen none \
  --callers name=smoke,from=loopback,permissions=all,subjects=any,resources=inline \
  >"$work/ready.json" 2>"$work/server.log" &
server=$!
for _ in $(seq 600); do
  [[ -s $work/ready.json ]] && break
  kill -0 "$server" || break
  sleep 0.1
done
target=$(sed -n 's/.*"grpc":\["\([^"]*\)".*/\1/p' "$work/ready.json")
if [[ -z $target ]]; then
  echo "the server did not start" >&2
  cat "$work/server.log" >&2
  exit 1
fi

clients=()
for _ in 1 2 3; do
  "$pdpctl" test tests/demo/matrix.json --target "$target" >>"$work/out.log" &
  clients+=($!)
done
# The same content, written anew, and another resource each time.
for i in 1 2 3 4 5; do
  printf '{"resourceType":"Project","id":"smoke-%s"}' "$i" \
    >"$work/source/smoke.json"
  sleep 0.3
done
rm "$work/source/smoke.json"
failed=0
for client in "${clients[@]}"; do
  wait "$client" || failed=1
done

kill -TERM "$server"
code=0
wait "$server" || code=$?
server=
if ((failed || code != 0)) || grep -q ThreadSanitizer "$work/server.log"; then
  echo "clients failed: $failed; the server ended with $code" >&2
  cat "$work/server.log" >&2
  tail -5 "$work/out.log" >&2
  exit 1
fi
