#!/usr/bin/env bash
# What `make test` runs: the checks and tests of the core, the report's pages in Chromium where there is one, then the
# suites of the heavy engines, each in a virtual environment of its own. These are made while the core is tested. A heavy
# suite that would not fit into the time that is left is not begun, and this says so.
#
#   MAGPIE_TEST_MINUTES   how long all may take, 15 by default; 0 tests the core alone
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${MAGPIE_TEST_MINUTES:-15}
bin=.venv/bin
logs=build/environments
mkdir -p "$logs"

# name (of scripts/env-NAME.sh and .venv-NAME), the least seconds that the suite takes, its tests' markers
suites=("engines|150|openvino or transformers or embedders or train" "vllm|150|vllm")

left() { echo $((minutes * 60 - SECONDS)); }

declare -A making
make_environments() { # one after the other, so that they do not fight for two cores
    local name markers needed before=:
    for suite in "${suites[@]}"; do
        IFS='|' read -r name needed markers <<<"$suite"
        setsid nice -n 5 bash -c "$before; scripts/env-$name.sh .venv-$name" >"$logs/$name.log" 2>&1 &
        making[$name]=$!
        before="tail --pid=$! -f /dev/null"
    done
}

stop_making() { for pid in "${making[@]}"; do kill -- "-$pid" 2>/dev/null || true; done; }
trap stop_making EXIT

# The report's pages are opened in Chromium: Debian's package, where this may install it. Without it those tests are skipped.
install_chromium() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null && return
    done
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "chromium: not installed, so the report's pages are not opened (apt-get install chromium)"
    elif ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 240 apt-get install -y -qq chromium; } \
        >"$logs/chromium.log" 2>&1; then
        echo "chromium: could not be installed ($logs/chromium.log), so the report's pages are not opened"
    fi
}

install_chromium &
chromium=$!
[ "$minutes" -eq 0 ] || make_environments
$bin/ruff check .
$bin/ruff format --check .
$bin/mypy
$bin/lint-imports
wait "$chromium" || true
$bin/pytest
[ "$minutes" -ne 0 ] || { echo "heavy engines: skipped, MAGPIE_TEST_MINUTES is 0"; exit 0; }

for suite in "${suites[@]}"; do
    IFS='|' read -r name needed markers <<<"$suite"
    while kill -0 "${making[$name]}" 2>/dev/null && [ "$(left)" -gt "$needed" ]; do sleep 1; done
    if kill -0 "${making[$name]}" 2>/dev/null || [ "$(left)" -le "$needed" ]; then
        echo "$name: skipped, $(left) s are left of $minutes minutes and it takes $needed s or more (MAGPIE_TEST_MINUTES)"
        continue
    fi
    if ! wait "${making[$name]}"; then
        echo "$name: its environment could not be made"
        tail -n 20 "$logs/$name.log"
        exit 1
    fi
    echo "$name: $markers, in .venv-$name"
    ".venv-$name/bin/python" -m pytest -m "$markers"
done
