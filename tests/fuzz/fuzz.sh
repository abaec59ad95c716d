#!/usr/bin/env bash
# Fuzzes with libFuzzer, from the checked-in inputs on:
#   fuzz.sh SECONDS [TARGET...]
# for each target (all of them by default), and prints a line of the result.
# Needs the targets built in build/asan, and in build for the bound on time:
# what an input may take (100 ms) is measured there, without sanitizers.
#
# Findings are left in build/fuzz/TARGET/.  With FUZZ_UPDATE=1 the inputs found
# are reduced and replace the checked-in ones.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift
targets=("$@")
if [[ ${#targets[@]} == 0 ]]; then
  for source in tests/fuzz/fuzz_*.cc; do
    name=$(basename "$source" .cc)
    [[ $name == fuzz_target ]] || targets+=("${name#fuzz_}")
  done
fi

dictionary() {
  local name=$1
  case $name in
    parameters) name=criteria ;;
    fhirpath | criteria | smart_scope | config | http_request) ;;
    *) name=json ;;
  esac
  echo "tests/fuzz/dictionaries/$name.dict"
}

# The longest input; past the product's own limits on text.
max_length() {
  case $1 in
    criteria | fhirpath) echo 20000 ;;
    smart_scope | parameters | config) echo 4096 ;;
    *) echo 65536 ;;
  esac
}

fuzz() {
  local target=$1 work=build/fuzz/$1
  rm -rf "$work"
  mkdir -p "$work/corpus"
  (cd "$work/corpus" && cmake -E tar xf "$OLDPWD/tests/fuzz/corpus/$target.tar.xz")
  local result=passed
  # Sanitizers and the watching of branches cost up to five times the time.
  PDP_FUZZ_MAX_MS=500 nice -n 19 "build/asan/bin/fuzz_$target" \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -malloc_limit_mb=512 -max_len="$(max_length "$target")" \
    -dict="$(dictionary "$target")" -artifact_prefix="$work/" \
    -print_final_stats=1 -reload=0 "$work/corpus" >"$work/log" 2>&1 ||
    result="FAILED, see $work"
  PDP_FUZZ_MAX_MS=100 PDP_FUZZ_VERBOSE=1 "build/bin/fuzz_$target" \
    "$work/corpus" >"$work/replay.log" 2>&1 ||
    result="FAILED in the replay, see $work/replay.log"
  local runs coverage inputs
  runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$work/log")
  coverage=$(grep -ao 'cov: [0-9]*' "$work/log" | tail -1)
  inputs=$(find "$work/corpus" -type f | wc -l)
  echo "fuzz $target: $seconds s, ${runs:-?} runs, ${coverage:-cov: ?}," \
    "$inputs inputs: $result"
  [[ $result == passed ]]
}

# The fewest inputs that reach all that the found ones reach.
update() {
  local target=$1 work=build/fuzz/$1
  mkdir -p "$work/reduced"
  "build/asan/bin/fuzz_$target" -merge=1 -max_len="$(max_length "$target")" \
    "$work/reduced" "$work/corpus" >"$work/merge.log" 2>&1
  tar -cJf "tests/fuzz/corpus/$target.tar.xz" --sort=name --owner=0 --group=0 \
    --numeric-owner --mtime=2000-01-01 -C "$work/reduced" .
}

failed=0
for target in "${targets[@]}"; do
  fuzz "$target" || failed=1
  [[ -z ${FUZZ_UPDATE:-} ]] || update "$target"
done
exit "$failed"
