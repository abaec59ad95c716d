#!/usr/bin/env bash
# Runs a fuzz target once over its checked-in inputs:
#   replay.sh TARGET-BINARY CORPUS.tar.xz
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
(cd "$work/corpus" && cmake -E tar xf "$2")
cd "$work"
# Of libFuzzer: run the inputs and end.
"$1" -runs=0 -timeout=60 -rss_limit_mb=2048 corpus
