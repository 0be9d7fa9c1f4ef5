#!/usr/bin/env bash
# Runs every reader under libFuzzer, one after the other, each on one core.
#   tests/fuzz.sh [SECONDS_EACH=60] [READER...]
# Needs a C++ compiler besides Rust, and no other toolchain: coverage is that of the stable compiler, without sanitizers (the
# bodies count what they allocate). What breaks a reader is kept in fuzz/found/; mend it, and move the file to
# fuzz/regressions/READER/, where an ordinary test replays it. New inputs go to fuzz/found/corpus/, not to the seeds.
# WITHOUT_TRAINING=1 leaves out the readers of runs, and with them the build of the deep-learning crate.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../fuzz"
seconds=${1:-60}
shift || true
readers=("$@")
features=(--features train)
if [ -n "${WITHOUT_TRAINING:-}" ]; then features=(); fi
if [ ${#readers[@]} -eq 0 ]; then
    readers=(idx cifar npy npz safetensors csv images moments_npz moments_json roots state fibre torch)
    if [ -z "${WITHOUT_TRAINING:-}" ]; then
        readers+=(toml checkpoint preprocessing metrics spectra gallery record manifest)
    fi
fi

# The versions of the product, and those of the fuzzer besides.
cp ../Cargo.lock Cargo.lock
target=$(rustc -vV | sed -n 's/^host: //p')
# An explicit target keeps the instrumentation out of build scripts.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" cargo build --release --target "$target" "${features[@]}"
program=$(pwd)/target/$target/release/readers

failed=0
for reader in "${readers[@]}"; do
    mkdir -p "found/corpus/$reader"
    folders=("found/corpus/$reader" "corpus/$reader")
    if [ -d "regressions/$reader" ]; then folders+=("regressions/$reader"); fi
    printf '\n== %s, %s s\n' "$reader" "$seconds"
    if ! STOPGRAD_TARGET=$reader "$program" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=16384 \
        -artifact_prefix="found/$reader-" -print_final_stats=1 "${folders[@]}" 2> "found/$reader.log"; then
        failed=1
        grep -aE "panicked|ERROR|assert|bytes were asked" "found/$reader.log" | head -5
    fi
    grep -aE "stat::number_of_executed_units|stat::average_exec|stat::peak_rss|Test unit written" "found/$reader.log" || true
done
exit "$failed"
