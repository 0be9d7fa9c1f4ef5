#!/usr/bin/env bash
# Builds the wheel into bindings/python/dist. Needs Rust and Python 3.9 or later with venv; maturin goes into target/venv.
#   bindings/python/build.sh [PYTHON=python3]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
python=${1:-python3}
if [ ! -x target/venv/bin/maturin ]; then
    "$python" -m venv target/venv
    target/venv/bin/pip install --quiet "maturin>=1.7,<2" >&2
fi
rm -rf dist
# The last line, and the only one on standard output, is the wheel.
target/venv/bin/maturin build --release --quiet --out dist >&2
ls "$PWD"/dist/*.whl
