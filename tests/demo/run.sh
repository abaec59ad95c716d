#!/usr/bin/env bash
# Serves the sample clinic in the foreground.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${PDP_BIN:-build/bin}
data=${PDP_DATA_DIR:-build/sample-clinic-data}
mkdir -p "$data"
echo "Serving the sample clinic on 127.0.0.1:8990; stop it with Ctrl-C."
echo "Try, in another terminal:"
echo "  $bin/pdpctl status"
exec "$bin/pdpd" --source directory:docs/security/access-policies \
  --data-dir "$data" --listen 127.0.0.1:8990 --http-listen 127.0.0.1:8991 \
  --callers name=local,from=loopback,permissions=all,subjects=any,resources=inline \
  --reflection true
