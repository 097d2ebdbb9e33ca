#!/usr/bin/env bash
# Fuzzes each target for some seconds on stable Rust, with the fixtures as seeds.
#
# usage: fuzz/run.sh SECONDS [TARGET...]
#
# libFuzzer drives the targets, guided by coverage that stable rustc can count too; without a C++ compiler, or with
# FUZZ_PLAIN=1, they mutate the seeds by themselves. The first input that crashes ends the run: its path is printed, and
# the exit code is 1. `fuzz/run.sh 0 TARGET` only runs the seeds. With nightly, `cargo fuzz run TARGET --features libfuzzer` works as well.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET...]}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(file packet tcp frame hpack protobuf pipeline endpoint)

host=$(rustc -vV | sed -n 's/^host: //p')
# With --target the flags do not reach build scripts, which could not link with them.
build=(cargo build --release --locked --quiet --target "$host")
if [ -z "${FUZZ_PLAIN:-}" ] && command -v "${CXX:-c++}" >/dev/null; then
    build+=(--features libfuzzer --target-dir target/libfuzzer)
    binaries=target/libfuzzer/$host/release
    cover="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    cover+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
else
    echo "no C++ compiler for libFuzzer: mutating the seeds without coverage" >&2
    build+=(--target-dir target/plain)
    binaries=target/plain/$host/release
    cover=""
fi

cargo run --release --locked --quiet --target-dir target/plain --bin seeds -- corpus
for target in "${targets[@]}"; do
    RUSTFLAGS="$cover" "${build[@]}" --bin "$target"
done
for target in "${targets[@]}"; do
    mkdir -p "artifacts/$target"
    echo "== $target, $seconds s"
    log=artifacts/$target.log
    options=(-artifact_prefix="artifacts/$target/" -max_len=65536 -timeout=20 -rss_limit_mb=2048 -seed=1 -print_final_stats=1)
    # -runs=0 reads the seeds and nothing else.
    if [ "$seconds" = 0 ]; then options+=(-runs=0); else options+=(-max_total_time="$seconds"); fi
    if ! "$binaries/$target" "${options[@]}" "corpus/$target" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target crashed; the input is the newest of fuzz/artifacts/$target/:" >&2
        ls -t "artifacts/$target" | head -n 1 | sed "s|^|fuzz/artifacts/$target/|" >&2
        exit 1
    fi
    grep -E "stat::number_of_executed_units|stat::new_units_added|no crash" "$log" || tail -n 2 "$log"
done
