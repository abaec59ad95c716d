#!/usr/bin/env bash
# A mistake made on purpose is found, shrunk to what it takes, written to a file
# and replayed from it.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

fail() {
  echo "differential self test: $1" >&2
  exit 1
}

run() { tests/differential/run.sh --out "$out" "$@"; }

if SEED=7 N=3000 KINDS="match;entry" run --inject not >"$out/log"; then
  fail "a wrong :not was not found"
fi
grep -q "WRONG PERMIT" "$out/log" || fail "no wrong permit was reported"
python3 - "$out" <<'EOF' || fail "the cases are not as small as they can be"
import json, pathlib, sys

kinds = set()
for path in pathlib.Path(sys.argv[1]).glob("7-*.json"):
    written = json.loads(path.read_text())
    case = written["case"]
    kinds.add(case["kind"])
    assert len(json.dumps(case)) < 300 < len(json.dumps(written["original"])), case
    if case["kind"] == "entry":
        entries = case["policy"]["resource"]
        assert [set(entry) for entry in entries] == [{"resourceType", "criteria"}], case
        assert entries[0]["criteria"].count("=") == 1, case
assert kinds == {"match", "entry"}, kinds
EOF
for kind in match entry; do
  case=$(grep -l "\"kind\": \"$kind\"" "$out"/7-*.json | head -n 1)
  if CASE=$case run --inject not >/dev/null; then fail "$case was not replayed"; fi
  CASE=$case run >/dev/null || fail "$case is wrong without the mistake"
done
echo "differential self test: passed"
