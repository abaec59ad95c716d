#!/usr/bin/env bash
# Builds the package, its tests and examples into dist.  Exits with 77, and says
# why, where the toolchain is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

skip() {
  echo "clients/typescript: NOT TESTED: $1" >&2
  exit 77
}
for tool in node npm protoc openssl; do
  command -v "$tool" >/dev/null || skip "no $tool here"
done
major=$(node -p 'process.versions.node.split(".")[0]')
((major >= 18)) || skip "Node.js $major is older than 18"

# One run at a time: both trees share what is installed.
exec 9>.test.lock
flock 9

# npm_install ARGUMENTS...: quiet unless it fails.
npm_install() {
  local log
  log=$(mktemp)
  if ! npm "$@" --no-audit --no-fund --ignore-scripts --loglevel=error >"$log" 2>&1; then
    cat "$log" >&2
    echo "clients/typescript: npm could not install what the tests need" >&2
    exit 1
  fi
  rm -f "$log"
}

stamp=node_modules/.installed
if ! cmp -s package-lock.json "$stamp"; then
  npm_install ci
  cp package-lock.json "$stamp"
fi

scripts/generate.sh
node_modules/.bin/tsc
