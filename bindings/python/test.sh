#!/usr/bin/env bash
# Builds the wheel, installs it into an environment of its own and runs the tests. With PyTorch in the given Python the
# snippet of docs/watch.md is tried with it, else with a stand-in.
#   bindings/python/test.sh [PYTHON=python3]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
python=${1:-python3}
./build.sh "$python"
[ -x target/test/bin/python ] || "$python" -m venv --system-site-packages target/test
target/test/bin/pip install --quiet numpy pytest
target/test/bin/pip install --quiet --force-reinstall --no-deps dist/*.whl
target/test/bin/python -m pytest -q tests
