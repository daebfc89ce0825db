"""Numbers to HTML by the templates beside this file, and how it stays below its size."""

from __future__ import annotations

import copy
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from magpie.report.page import charts, diff, views, words

MOST_BYTES = 300_000
"""Of a page."""
CUTS = (1500, 900, 500, 250, 120)
"""Characters of each text, tried in turn until the page is small enough."""


def page(numbers: Mapping[str, Any]) -> str:
    """The whole page, below `MOST_BYTES`: long texts are cut further, and rows to read left out, until it is.

    Path("report.html").write_text(page(make_report(open_run("runs/air"))), encoding="utf-8")
    """
    told = dict(numbers)
    while True:
        for most in CUTS:
            text = _render(told, most)
            if len(text.encode("utf-8", "replace")) < MOST_BYTES:
                return text
        fewer = _fewer_examples(told)
        if fewer is None:
            return text  # its figures alone are larger than a page should be: whole all the same
        told = fewer


def _fewer_examples(numbers: Mapping[str, Any]) -> dict[str, Any] | None:
    """Half of the rows to read of each kind; None where there is none left."""
    kinds = numbers.get("examples") or {}
    if not kinds:
        return None
    halves = {kind: rows[: len(rows) // 2] for kind, rows in copy.copy(kinds).items()}
    return {**numbers, "examples": {kind: rows for kind, rows in halves.items() if rows}}


def _render(numbers: Mapping[str, Any], most: int) -> str:
    return render(_template(), numbers, most)


def render(template: Any, numbers: Mapping[str, Any], most: int) -> str:
    """A page by a template of `html_environment`: it is given the numbers as `n`, and how much of a text is shown."""
    style, policy = _style()
    told: str = template.render(n=numbers, most=most, style=Markup(style), policy=policy)
    return told


@cache
def _style() -> tuple[str, str]:
    """The style sheet, and the policy that lets nothing in but this one."""
    style = (files("magpie") / "report" / "page" / "style.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return style, f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _template() -> Any:
    return html_environment().get_template("page.html.jinja")


def html_environment(*folders: str) -> Any:
    """What every page is made with: templates of the report and of further folders of the package, escaped, with the
    report's charts and its ways to show numbers and what others wrote."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader("magpie", one) for one in (*folders, "report/page/templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"charts": charts, "views": views, "diff": diff.marked}
    environment.filters |= {
        "shown": words.shown,
        "label": words.label,
        "one_line": words.one_line,
        "whole": words.whole,
        "short": words.short,
        "percent": words.percent,
        "duration": words.duration,
        "titled": views.title,
    }
    return environment
