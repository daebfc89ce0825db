#!/usr/bin/env bash
# What `make oldest` runs: the tests of the core, then those of the engine transformers, with the oldest releases that
# pyproject.toml admits of the packages it names (uv's lowest-direct; what those need in turn is the newest that fits).
# A minimum that fails here is raised to the oldest release that passes.
#
#   scripts/oldest.sh [core] [transformers]   both by default
#
# torch is the release in constraints/cpu.txt, which is the minimum in pyproject.toml too: older ones come with CUDA.
# The extras embed, openvino and vllm are not tested here.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
uv=.venv-uv/bin/uv
torch=$(grep '^torch==' constraints/cpu.txt)

make_environment() { # folder, extras, packages installed before
    "$python" -m venv --clear "$1"
    [ $# -eq 2 ] || "$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:3}"
    "$uv" pip install --quiet --python "$1/bin/python" --resolution lowest-direct --editable ".[$2]" "${@:3}"
    "$uv" pip list --quiet --python "$1/bin/python" --format freeze >"build/${1#.venv-}.txt"
    echo "${1#.venv-}: in $1, its releases are listed in build/${1#.venv-}.txt"
}

test -x .venv-uv/bin/python || "$python" -m venv .venv-uv
test -x "$uv" || .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv
mkdir -p build
[ $# -gt 0 ] || set -- core transformers
for name in "$@"; do
    case $name in
        core)
            make_environment .venv-oldest-core curation,test
            .venv-oldest-core/bin/python -m pytest
            ;;
        transformers)
            make_environment .venv-oldest-transformers transformers,test "$torch"
            .venv-oldest-transformers/bin/python -m pytest -m transformers
            ;;
        *)
            echo "$0: unknown name '$name': expected core or transformers" >&2
            exit 2
            ;;
    esac
done
