#!/usr/bin/env bash
# What `make test` runs: the checks and tests of the core, the report's pages in Chromium where there is one, then the
# suites of the heavy engines, each in a virtual environment of its own, made once the core is tested, which needs every
# processor. A heavy suite that would not fit into the time that is left is not begun, and this says so. Last, if time is
# left, the tests of transformers run again with its newest release.
#
#   MAGPIE_TEST_WORKERS   processes that test the core side by side, as many as there are cores by default
#   MAGPIE_TEST_MINUTES   how long all may take, 15 by default; 0 tests the core alone
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${MAGPIE_TEST_MINUTES:-15}
bin=.venv/bin
logs=build/environments
mkdir -p "$logs"

# name (of scripts/env-NAME.sh and .venv-NAME), the least seconds that the suite takes, its tests' markers
suites=("engines|240|openvino or transformers or embedders or train" "vllm|150|vllm" "cluster|120|ray")

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

# In .venv-engines, where scripts/env-engines.sh puts the pinned release back. torch stays as pinned: the newest one comes
# with CUDA. The newest release is therefore the newest one that works with this torch.
test_newest_transformers() {
    local python=.venv-engines/bin/python needed=120 pinned newest
    local version='import importlib.metadata as m; print(m.version("transformers"))'
    if [ "$(left)" -le "$needed" ]; then
        echo "newest transformers: skipped, $(left) s are left of $minutes minutes and it takes $needed s or more"
        return
    fi
    pinned=$("$python" -c "$version")
    "$python" -m pip install --quiet --disable-pip-version-check --upgrade transformers "$(grep '^torch==' constraints/cpu.txt)"
    newest=$("$python" -c "$version")
    if [ "$newest" = "$pinned" ]; then
        echo "newest transformers: skipped, it is the pinned release, $pinned"
        return
    fi
    echo "newest transformers: $newest after $pinned, in .venv-engines"
    "$python" -m pytest -m transformers
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
$bin/ruff check .
$bin/ruff format --check .
$bin/mypy
$bin/lint-imports
wait "$chromium" || true
$bin/pytest -n "${MAGPIE_TEST_WORKERS:-$(nproc)}" --dist worksteal
[ "$minutes" -ne 0 ] || { echo "heavy engines: skipped, MAGPIE_TEST_MINUTES is 0"; exit 0; }
if [ "$(left)" -le 300 ]; then
    echo "heavy engines: skipped, $(left) s are left of $minutes minutes and their environments alone take 2 to 5 minutes"
    exit 0
fi
make_environments

tested=:
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
    tested+=$name:
done
case $tested in
    *:engines:*) test_newest_transformers ;;
    *) echo "newest transformers: skipped, as engines was" ;;
esac
