#!/usr/bin/env bash
# Generates src/gen from the protos of this repository: they are kept nowhere
# else.  Needs protoc (Debian: protobuf-compiler).
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf src/gen.new
mkdir -p src/gen.new
protoc -I ../../proto --plugin=node_modules/.bin/protoc-gen-es \
  --es_out=src/gen.new \
  --es_opt=target=ts,import_extension=none \
  medplum/pdp/v1/types.proto medplum/pdp/v1/decision.proto
rm -rf src/gen
mv src/gen.new src/gen
