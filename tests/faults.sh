#!/usr/bin/env bash
# Injects faults into runs (kill -9, a full disk, sources that vanish or change, read-only folders, clocks, memory) and checks
# that nothing written is lost and that going on gives the same bits: crates/stopgrad/tests/faults.
#   tests/faults.sh [ROUNDS=100] [SEED=1]
# As root on Linux it also fills real (small) file systems and writes as another user; else it limits file sizes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export STOPGRAD_FAULT_ROUNDS=${1:-100} STOPGRAD_FAULT_SEED=${2:-1}
exec cargo test --release --workspace --test faults -- --nocapture
