#!/usr/bin/env bash
# What `make dist` runs: builds the sdist and, from it, the wheel of magpie-synth; then installs each into a fresh virtual
# environment, outside of this checkout, and creates a small run with it. What is published is what was tried here.
set -euo pipefail
cd "$(dirname "$0")/.."
most_bytes=$((45 * 1000 * 1000)) # of the wheel: the weights inside it are most of it
python=${PYTHON:-python3}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

"$python" -m venv "$room/build"
"$room/build/bin/python" -m pip install --quiet --disable-pip-version-check build
rm -rf dist
"$room/build/bin/python" -m build --outdir dist .
wheel=$(echo dist/*.whl) sdist=$(echo dist/*.tar.gz)

bytes=$(wc -c <"$wheel")
echo "$wheel: $bytes bytes"
if [ "$bytes" -gt "$most_bytes" ]; then
    echo "the wheel has $bytes bytes; expected at most $most_bytes" >&2
    exit 1
fi

# Installed from the archive, run from an empty folder: nothing of the checkout is on the path.
try_archive() {
    local archive=$PWD/$1 home=$room/$2
    "$python" -m venv "$home/venv"
    "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$archive"
    mkdir "$home/empty"
    (
        cd "$home/empty"
        export PYTHONPATH='' PATH="$home/venv/bin:$PATH"
        magpie --version
        magpie run --size 8 --out run --json >run.log 2>progress.log
        magpie export run --to run.jsonl
        [ "$(wc -l <run.jsonl)" -ge 1 ]
        python -c 'import magpie; print(magpie.open_run("run"))'
    )
}
try_archive "$wheel" wheel
try_archive "$sdist" sdist
echo "dist: $wheel and $sdist are installed and run"
