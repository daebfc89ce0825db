#!/usr/bin/env bash
# Makes .venv-cluster (or the folder named first) from nothing: Ray, magpie, and what the tests need.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-cluster}
test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[curation,ray,test]'
"$venv/bin/python" -c 'import ray; print("ray", ray.__version__)'
