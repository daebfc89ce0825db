#!/usr/bin/env bash
# Makes .venv-train (or the folder named first) from nothing: PyTorch for a CPU, TRL, datasets, magpie, and what the
# tests need. 1.7 GB. Where torch 2.13.0 would come with CUDA, point PIP_EXTRA_INDEX_URL at PyTorch's CPU wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-train}
test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

pip install --constraint constraints/cpu.txt torch
pip install --constraint constraints/cpu.txt trl==1.16.0 datasets==5.2.0
pip install --constraint constraints/cpu.txt --editable '.[test]'
"$venv/bin/python" -c 'import datasets, trl; print("trl", trl.__version__, "datasets", datasets.__version__)'
