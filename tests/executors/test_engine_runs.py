"""One run on one engine after the other: the same model, so that each goes on where the last one stopped."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.runs import Run

STEP = 12


def made(out: Path, engine: str, size: int) -> Run:
    return magpie.run("basic", size=size, out=out, settings=(f"engine={engine}",))


def rows(run: Run, below: int) -> list[dict[str, Any]]:
    return [row for row in run.table().to_pylist() if row["row"] < below]


@pytest.mark.parametrize(
    ("engine", "library"),
    [
        pytest.param("openvino", "openvino_genai", marks=pytest.mark.openvino),
        pytest.param("transformers", "transformers", marks=pytest.mark.transformers),
        pytest.param("vllm", "vllm", marks=pytest.mark.vllm),
    ],
)
def test_a_run_goes_on_on_another_engine_and_keeps_what_was_made(tmp_path: Path, engine: str, library: str) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed here (scripts/)")
    out = tmp_path / "run"
    before = rows(made(out, "llamacpp", STEP), STEP)
    grown = made(out, engine, 2 * STEP)
    assert rows(grown, STEP) == before
    assert grown.table().num_rows == 2 * STEP
    assert grown.kept() > STEP
    took = grown.info["sessions"][-1]["stages"]["instruct"]
    assert (took["reused"], took["made"]) == (STEP, STEP)
    assert {stage["models"]["model"]["engine"] for stage in grown.info["stages"]} == {engine}
