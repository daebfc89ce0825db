"""The Python API: what `magpie` offers, what `run` takes and shows, and a run as data frames and in a notebook."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.api import _overrides
from magpie.errors import MissingExtra, RecipeError
from magpie.executors.local import Progress
from magpie.plan.load import overrides_document
from magpie.plan.resolve import resolve
from magpie.runs import frames

SCRIPTED = {"engine": "scripted"}
SLOW = {"engine": {"name": "scripted", "window": 4}}
"""Answers come in one after the other."""


@pytest.fixture
def run(tmp_path: Path) -> magpie.Run:
    return magpie.run(size=12, out=tmp_path / "run", settings=SCRIPTED, progress=False)


# -- the surface ------------------------------------------------------------------------------------------------------


def test_dir_shows_the_public_names_and_no_other() -> None:
    shown = {name for name in dir(magpie) if not name.startswith("_")}
    assert shown == set(magpie.__all__)
    assert all(getattr(magpie, name).__doc__ for name in magpie.__all__)


def test_the_import_is_light() -> None:
    code = (
        "import magpie, sys; print([m for m in ('duckdb', 'pyarrow', 'pydantic', 'rich', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = magpie.nothing


# -- what `run` takes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "document"),
    [
        ((), {}),
        ("respond.n=2", {"respond": {"n": 2}}),
        (["respond.n=2", "tag={}"], {"respond": {"n": 2}, "tag": {}}),
        ({"respond.n": 2}, {"respond": {"n": 2}}),
        ({"respond": {"n": 2, "sampling": {"temperature": 1e-05}}},
         {"respond": {"n": 2, "sampling": {"temperature": 1e-05}}}),
        ({"tag": {}, "respond": None}, {"tag": {}, "respond": None}),
        ({"engine": {"url": "http://a/v1"}}, {"engine": {"url": "http://a/v1"}}),
        ({"name": "null", "about": "a: b # 'c'\n\U0001f600 " + "long " * 99},
         {"name": "null", "about": "a: b # 'c'\n\U0001f600 " + "long " * 99}),
        ({"screen": {"languages": ("en", "de")}}, {"screen": {"languages": ["en", "de"]}}),
        ({"tag": {"model": Path("models/judge")}}, {"tag": {"model": "models/judge"}}),
    ],
)  # fmt: skip
def test_settings_are_a_mapping_or_strings(settings: Any, document: dict[str, Any]) -> None:
    assert overrides_document(_overrides(settings)) == document


def test_settings_keep_what_the_recipe_says_beside_them(tmp_path: Path) -> None:
    overrides = _overrides({"instruct": {"sampling": {"top_p": 0.9}}})
    recipe = {"instruct": {"sampling": {"temperature": 0.5}}}
    resolved = resolve(magpie.Recipe.model_validate(recipe), tmp_path / "run", overrides)
    sampling = resolved.settings("instruct").sampling
    assert (sampling.temperature, sampling.top_p) == (0.5, 0.9)


def test_a_setting_that_is_no_plain_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"settings: respond\.n: expected plain values, found object"):
        magpie.run(out=tmp_path / "run", settings={"respond": {"n": object()}})


def test_a_recipe_is_a_name_a_file_a_mapping_or_an_object(tmp_path: Path) -> None:
    document = {"size": 6, "engine": "scripted", "instruct": {}}
    file = tmp_path / "basic"
    file.write_text("{size: 6, engine: scripted, instruct: {}}")
    recipes: list[Any] = [document, file, str(file), magpie.Recipe.model_validate(document)]
    runs = [magpie.run(recipe, out=tmp_path / f"{n}", progress=False) for n, recipe in enumerate(recipes)]
    texts = [run.table()["instruction"].to_pylist() for run in runs]
    assert len(texts[0]) == 6
    assert texts.count(texts[0]) == 4


def test_a_mistake_in_a_mapping_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipe: unknown setting 'respond\.m'"):
        magpie.run({"respond": {"m": 1}}, out=tmp_path / "run")


# -- progress ---------------------------------------------------------------------------------------------------------


def test_progress_is_shown_on_standard_error_unless_it_is_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    magpie.run(size=6, out=tmp_path / "shown", settings=SCRIPTED)
    captured = capsys.readouterr()
    assert "instruct (1 of 2): 6/6 rows" in captured.err
    assert captured.out == ""
    magpie.run(size=6, out=tmp_path / "quiet", settings=SCRIPTED, progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_function_gets_each_progress_and_can_read_the_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    seen: list[tuple[str, int]] = []

    def watch(standing: Progress | str) -> None:
        if isinstance(standing, Progress) and standing.counts.made:
            table = magpie.open_run(out).table()
            seen.append(
                (standing.stage, table["response" if standing.stage == "respond" else "instruction"].null_count)
            )

    run = magpie.run(size=40, out=out, settings=SLOW, progress=watch)
    assert run.kept() > 30
    responses = [missing for stage, missing in seen if stage == "respond"]
    assert responses[0] > responses[-1], "it was read while responses were written"


def test_one_object_sees_the_rows_that_another_process_adds(tmp_path: Path) -> None:
    early: list[magpie.Run] = []
    kept: list[int] = []

    def watch(standing: Progress | str) -> None:
        if isinstance(standing, Progress) and standing.stage == "respond" and standing.counts.made:
            early[:] = early or [magpie.open_run(tmp_path / "run")]
            kept.append(early[0].kept())

    run = magpie.run(size=40, out=tmp_path / "run", settings=SLOW, progress=watch)
    assert kept == sorted(kept)
    assert kept[0] < kept[-1] == run.kept()


class _Handle:
    def __init__(self) -> None:
        self.drawn: list[str] = []

    def update(self, html: str) -> None:
        self.drawn.append(html)


def test_a_notebook_s_cell_is_redrawn_in_place_and_escaped() -> None:
    from magpie.cli.notebook import _Cell
    from magpie.executors.work import Counts

    handle = _Handle()
    cell = _Cell(lambda html: html, lambda *_, **__: handle)
    cell("warning: <script>\x1b[31m")
    cell(Progress("instruct", 1, 2, Counts(wanted=6, made=6), ended=True))
    assert len(handle.drawn) == 2
    assert "&lt;script&gt;" in handle.drawn[-1]
    assert "\x1b" not in handle.drawn[-1]
    assert "instruct (1 of 2): 6/6 rows" in handle.drawn[-1]


# -- a run as data ----------------------------------------------------------------------------------------------------


def test_a_run_is_a_frame_of_pandas(run: magpie.Run) -> None:
    pytest.importorskip("pandas")
    frame = run.to_pandas(columns=["instruction", "response"])
    assert frame.shape == (12, 2)
    assert list(frame["instruction"]) == run.table(kept=True)["instruction"].to_pylist()
    assert len(run.to_pandas(kept=False).columns) == len(run.schema)


def test_a_run_is_a_frame_of_polars(run: magpie.Run) -> None:
    pytest.importorskip("polars")
    frame = run.to_polars(columns=["instruction", "response"])
    assert frame.shape == (12, 2)
    assert frame["instruction"].to_list() == run.table(kept=True)["instruction"].to_pylist()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_missing_is_named_with_its_command(
    run: magpie.Run, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(frames, "import_module", missing)
    with pytest.raises(MissingExtra, match=rf"Run\.to_{library} needs {library} .*pip install .*\[{library}\]"):
        getattr(run, f"to_{library}")()


def test_a_run_as_html_has_counts_and_stages_and_is_escaped(run: magpie.Run, tmp_path: Path) -> None:
    html = run._repr_html_()
    assert "12 of 12 rows kept" in html
    assert "<td>instruct</td><td>12</td><td>0</td><td>0</td>" in html
    hostile = tmp_path / "<img src=x onerror=alert(1)>"
    run.path.rename(hostile)
    assert "<img" not in magpie.open_run(hostile)._repr_html_()


def test_reasons_of_dropped_rows_are_in_the_html(tmp_path: Path) -> None:
    settings: Sequence[str] = ("engine=scripted", "instruct.sampling.max_tokens=4")
    run = magpie.run(size=12, out=tmp_path / "run", settings=settings, progress=False)
    assert "truncated" in run._repr_html_()
