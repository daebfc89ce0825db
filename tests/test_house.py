"""How the code is laid out: no import circles, and a stage is one folder and one line."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import magpie
from magpie.plan.registry import STAGES, column_map, recipe_keys, stages
from magpie.settings.base import Settings

PACKAGE = Path(magpie.__file__).parent

grimp = pytest.importorskip("grimp")  # comes with import-linter


def circles() -> list[list[str]]:
    """Modules that import each other, over any number of steps, also lazily."""
    graph = grimp.build_graph("magpie")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    reaches: dict[str, set[str]] = {}
    for module in imports:
        found, todo = set[str](), list(imports[module])
        while todo:
            other = todo.pop()
            if other not in found:
                found.add(other)
                todo += imports.get(other, ())
        reaches[module] = found
    return sorted(
        sorted(other for other in reaches[module] if module in reaches[other])
        for module in reaches
        if module in reaches[module]
    )


def test_the_first_lines_of_every_file_say_what_it_is_for() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path.stat().st_size]
    said = {path: ast.get_docstring(ast.parse(path.read_text())) or "" for path in files}
    assert [str(path.relative_to(PACKAGE)) for path, words in said.items() if len(words.split()) < 3] == []


def test_no_benchmark_is_named_like_a_module_of_the_standard_library() -> None:
    """`python bench/x.py` puts the folder first on the path: a `select.py` there took the place of the real one."""
    names = {path.stem for path in (Path(__file__).parents[1] / "bench").glob("*.py")}
    assert not names & sys.stdlib_module_names


def test_no_module_imports_itself_over_others() -> None:
    assert circles() == []


@pytest.mark.parametrize("spec", STAGES, ids=lambda spec: spec.name)
def test_a_stage_is_a_folder_whose_settings_builder_and_columns_are_there(spec: object) -> None:
    found = next(each for each in STAGES if each is spec)
    assert issubclass(found.settings_class, Settings)
    assert callable(found.builder)
    folder = PACKAGE.joinpath(*found.settings.partition(":")[0].split(".")[1:-1])
    assert {"__init__.py", "settings.py", "build.py"} <= {path.name for path in folder.iterdir()}
    assert found.about.endswith(".")
    assert stages()[found.name] is found is recipe_keys()[found.recipe_key]


def test_every_folder_of_a_stage_is_in_the_registry() -> None:
    folders = {path.parent.name for path in (PACKAGE / "stages").glob("*/build.py")}
    packages = {spec.settings.split(".")[2] for spec in STAGES}
    assert folders == packages


def test_a_column_has_one_description_whichever_stage_writes_it() -> None:
    for spec in STAGES:
        for column in spec.columns:
            assert column_map().columns[column.name] == column
