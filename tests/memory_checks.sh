#!/usr/bin/env bash
# The kernels under Miri (what every processor runs) and under the address and thread sanitizers (what this one runs); and all
# their tests on an emulated processor without AVX and one with AVX2 (qemu-x86_64, of Debian's qemu-user), where it is there.
# The crate itself has no `unsafe`; what is checked is how it uses the libraries that have. Needs a nightly toolchain:
#     rustup toolchain install nightly --component miri
# Miri takes the tests that make no large product.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(rustc -vV | sed -n 's/^host: //p')
small=(tiles product::tests::all_four product::tests::parts gelu::tests::large softmax::tests::large layer_norm::tests::nan update::tests::nothing)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/memory-checks}

echo "== Miri"
# Tree Borrows: under the older rules crossbeam-epoch, which rayon is built on, is refused. Its threads end with the process.
MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-tree-borrows -Zmiri-permissive-provenance" \
    cargo +nightly miri test -p stopgrad-kernels --lib -- "${small[@]}"

echo "== AddressSanitizer"
RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS=detect_leaks=0 \
    cargo +nightly test --release --target "$target" -p stopgrad-kernels --lib

echo "== ThreadSanitizer"
# The standard library is compiled for it, too, or its own locks look like races.
RUSTFLAGS="-Zsanitizer=thread" \
    cargo +nightly test --release -Zbuild-std --target "$target" -p stopgrad-kernels --lib -- threads

if command -v qemu-x86_64 > /dev/null; then
    program=$(cargo test --release -p stopgrad-kernels --lib --no-run --message-format=json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
    for processor in Nehalem Haswell; do
        echo "== $processor"
        qemu-x86_64 -cpu "$processor" "$program"
    done
fi
