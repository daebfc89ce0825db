"""Examples in docstrings run: every `>>>` of the package, and the public functions have one."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import magpie
import magpie.api
import magpie.runs.reader

PACKAGE = Path(magpie.__file__).parent
RUN_FIRST = (magpie.api, magpie.runs.reader)
"""Modules whose examples read `runs/first`, which the example of `magpie.run` creates."""
NEEDS = {"to_pandas": "pandas", "to_polars": "polars"}
"""Methods whose examples need a library that is not in the core."""
NO_EXAMPLE = ("info", "name", "only", "path", "recipe", "row_sets", "schema", "shard_rows", "size", "stages", "stale")
"""Public parts of `Run` that are plain values."""


def modules_with_examples() -> list[str]:
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>>" in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


def failures(module: ModuleType, **names: object) -> list[str]:
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=names):
        if (library := NEEDS.get(test.name.rpartition(".")[2])) is not None:
            try:
                import_module(library)
            except ImportError:
                continue
        runner.run(test, out=told.append)
    return told


@pytest.mark.parametrize("name", [n for n in modules_with_examples() if n not in {m.__name__ for m in RUN_FIRST}])
def test_examples_of_a_module_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert failures(import_module(name)) == []


def test_examples_of_the_python_api_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    magpie.run("basic", size=12, out="runs/first", settings=["respond.sampling.temperature=0.7"], progress=False)
    assert [told for module in RUN_FIRST for told in failures(module, magpie=magpie)] == []


def test_every_public_function_has_an_example() -> None:
    parts = {name: getattr(magpie.Run, name) for name in dir(magpie.Run) if not name.startswith("_")}
    public = {"run": magpie.run, "open_run": magpie.open_run, "Run": magpie.Run} | {
        name: part for name, part in parts.items() if name not in NO_EXAMPLE
    }
    assert [name for name, part in public.items() if ">>>" not in (inspect.getdoc(part) or "")] == []


def test_other_examples_in_docstrings_are_python() -> None:
    """An example that needs an engine, a server or a large file does not run here; it has to compile."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for code in re.findall(r"^ *Example: `([^`]+)`", path.read_text(encoding="utf-8"), re.MULTILINE):
            compile(code, str(path), "exec")
