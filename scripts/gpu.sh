#!/usr/bin/env bash
# Checks on a machine with a GPU, where PyTorch is installed: transformers, reward models, guards and embeddings on CUDA
# (bench/gpu.py). Makes .venv-gpu on top of that PyTorch. Where the machine reaches no package registry, fill
# build/wheels on another one before, with the same Python and system, and take it along:
#
#   scripts/gpu.sh wheels          # here: downloads what the checks need besides PyTorch into build/wheels
#   scripts/gpu.sh                 # there
#   scripts/gpu.sh --device cpu    # the same checks without a GPU
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
packages=(transformers llguidance tokenizers safetensors orjson pydantic jinja2 pyyaml typer rich filelock
    aiohttp certifi hypothesis pytest numpy xllamacpp)

if [ "${1:-}" = wheels ]; then
    mkdir -p build
    "$python" -m pip download --quiet --disable-pip-version-check --dest build/wheels "${packages[@]}"
    "$python" -m pip download --quiet --disable-pip-version-check --dest build/wheels --no-deps accelerate psutil
    du -sh build/wheels
    exit
fi
if [ ! -x .venv-gpu/bin/python ]; then
    "$python" -c 'import torch; print("PyTorch", torch.__version__)'
    "$python" -m venv --system-site-packages .venv-gpu
    index=()
    [ -d build/wheels ] && index=(--no-index --find-links build/wheels)
    .venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check "${index[@]}" "${packages[@]}"
    .venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check "${index[@]}" --no-deps accelerate psutil
fi
export PYTHONPATH=src:. OMP_WAIT_POLICY=passive TOKENIZERS_PARALLELISM=false
exec .venv-gpu/bin/python -m bench.gpu "$@"
