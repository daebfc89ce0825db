#!/usr/bin/env bash
# Makes .venv-cluster (or the folder named first) from nothing: Ray, magpie with object storage and an S3 server, and what the tests need.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-cluster}
test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[curation,objects,ray,test]' 'moto[server]>=5.1'
"$venv/bin/python" -c 'import moto, obstore, ray; print("ray", ray.__version__, "obstore", obstore.__version__, "moto", moto.__version__)'
