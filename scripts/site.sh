#!/usr/bin/env bash
# What `make site` runs: the documentation's site, strictly (a link that leads nowhere fails), into build/site.
# magpie is imported for the settings reference; mkdocstrings reads its source.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-docs}
test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
NO_MKDOCS_2_WARNING=1 "$venv/bin/mkdocs" build --strict
