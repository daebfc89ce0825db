"""The documentation's site: its pages, its generated parts, and links that lead out of a page (`make site`)."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from magpie.plan.recipe import Recipe
from magpie.plan.registry import STAGES

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(nav: list[Any]) -> list[str]:
    values = [value for entry in nav for value in entry.values()]
    return [name for value in values for name in (pages(value) if isinstance(value, list) else [value])]


CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
SITE = script("site")


def test_every_page_stands_in_the_navigation_once() -> None:
    named = pages(CONFIG["nav"])
    there = {path.name for path in (ROOT / "docs").glob("*.md")} | {*SITE.FROM_ROOT.values(), "settings.md"}
    assert len(named) == len(set(named))
    assert set(named) == there
    assert CONFIG["strict"] is True


def test_links_between_files_of_the_repository_are_links_between_pages() -> None:
    def linked(text: str, page: str) -> str:
        return str(SITE.site_links(text, ROOT / page))

    assert linked("[Runs](docs/runs.md#cost)", "README.md") == "[Runs](runs.md#cost)"
    assert linked("[Start](../README.md)", "docs/runs.md") == "[Start](index.md)"
    assert linked("[card](../fledgling/README.md)", "docs/rewards.md") == "card"
    assert (
        linked("[paper](https://arxiv.org/abs/2406.08464)", "README.md") == "[paper](https://arxiv.org/abs/2406.08464)"
    )
    assert linked('<img src="docs/pictures/a.webp">', "README.md") == '<img src="pictures/a.webp">'


def test_the_settings_page_has_every_setting_of_every_stage() -> None:
    text = script("settings_page").settings_page()
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == {spec.recipe_key for spec in STAGES}
    for spec in STAGES:
        assert spec.about in sections[spec.recipe_key]
        for name, field in spec.settings_class.model_fields.items():
            row = next(line for line in sections[spec.recipe_key].splitlines() if line.startswith(f"| `{name}` |"))
            assert " ".join((field.description or "").split()).replace("|", "\\|") in row
    assert all(f"| `{name}` |" in text for name in Recipe.model_fields if name != "stages")
    assert [line for line in text.splitlines() if line.startswith("| `") and line.endswith("|  |")] == [], "no meaning"


def test_the_picture_of_the_layers_is_drawn_from_the_contract() -> None:
    layers = script("layers")
    assert layers.PICTURE.read_text() == layers.layers_svg(), "python scripts/layers.py draws it anew"
    assert "scripts_layers" not in sys.modules
