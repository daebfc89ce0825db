"""Plain technical English: words that the project leaves out stand in no page, no help and no docstring.

Files in `NOT_YET` still have some. The list only gets shorter: a file that is clean has to leave it.
`python -m tests.docs.test_language` prints it as it is now, with the words.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import magpie
from magpie.cli.app import app
from magpie.plan.registry import STAGES
from tests.docs.blocks import PAGES, prose

PACKAGE = Path(magpie.__file__).parent

LEFT_OUT = {
    r"written tokens": "completion tokens",
    r"tokens (?:that are |which are )?read\b": "prompt tokens",
    r"\bgo(?:es|ing)? on (?:with|from)\b": "resume, continue",
    r"\bthoughts?\b": "reasoning",
    r"\bfurther turns?\b": "multi-turn, later turns",
    r"\bbeginnings?\b(?!-of)": "prefill, start",
    r"\brehears(?:e|es|al|als)\b": "preview",
    r"\blacking\b": "pending, missing",
    r"\balive\b": "surviving",
    r"\bsentinels?\b": "placeholder",
    r"\bfickle\b": "nondeterministic",
    r"behind the wall": "server-side",
    r"\banew\b": "again",
    r"a mistake of yours": "invalid input",
    r"\bis told\b": "is printed, is listed",
}
"""A pattern, and what to say instead."""

NOT_YET = (
    "columns.py",
    "embedders/server.py",
    "embedders/server_answers.py",
    "engines/child/engine.py",
    "engines/child/handle.py",
    "engines/child/log.py",
    "engines/llamacpp/loopback.py",
    "engines/llamacpp/protocol.py",
    "engines/server/loop.py",
    "engines/server/openai.py",
    "engines/server/opening.py",
    "errors.py",
    "evaluate/length_control.py",
    "executors/local.py",
    "executors/pool.py",
    "executors/session.py",
    "executors/work.py",
    "explore/estimate.py",
    "export/__init__.py",
    "export/shapes.py",
    "http/answers.py",
    "http/connections.py",
    "imports/conversations.py",
    "imports/importing.py",
    "imports/instructions.py",
    "imports/json_values.py",
    "imports/messages.py",
    "imports/plain.py",
    "models/base_models.py",
    "models/sampling.py",
    "plan/plan.py",
    "plan/resolve.py",
    "plan/upgrade.py",
    "report/findings.py",
    "report/judgments.py",
    "report/lengths.py",
    "report/narrow.py",
    "report/page/charts.py",
    "report/page/diff.py",
    "report/variants.py",
    "runner.py",
    "runs/folder.py",
    "runs/index.py",
    "runs/shards.py",
    "runs/surviving.py",
    "safe/redaction.py",
    "seams.py",
    "settings/base.py",
    "settings/embedders.py",
    "stages/follow_up/build.py",
    "stages/follow_up/columns.py",
    "stages/follow_up/farewell.py",
    "stages/follow_up/settings.py",
    "stages/follow_up/work.py",
    "stages/imported/columns.py",
    "stages/imported/settings.py",
    "stages/instruct/build_mix.py",
    "stages/instruct/mix.py",
    "stages/instruct/prefill.py",
    "stages/instruct/settings.py",
    "stages/instruct/work.py",
    "stages/judging/judges.py",
    "stages/neighbors/cells.py",
    "stages/neighbors/vectors.py",
    "stages/respond/build.py",
    "stages/respond/columns.py",
    "stages/respond/settings.py",
    "stages/respond/work.py",
    "stages/respond_against/build.py",
    "stages/respond_against/settings.py",
    "stages/respond_base/build.py",
    "stages/reward/rewards.py",
    "stages/screen/pii.py",
    "stages/screen/refusals.py",
    "stages/screen_responses/settings.py",
    "stages/screen_responses/work.py",
    "stages/select/reading.py",
    "stages/select/rows.py",
    "stages/spec.py",
    "stages/tag/build.py",
    "stages/tag/work.py",
    "stages/text/equal_answers.py",
    "stages/text/reasoning.py",
    "templates/chat.py",
    "templates/derive.py",
    "templates/earlier_rules.py",
    "templates/ends.py",
    "templates/frame.py",
    "templates/label_words.py",
    "templates/openings.py",
    "templates/replies.py",
    "templates/report.py",
    "templates/sanitize.py",
    "templates/script.py",
    "templates/supervised.py",
    "templates/survey.py",
    "templates/thinking.py",
    "templates/thoughts.py",
    "train/curve.py",
    "train/layout.py",
    "train/rows.py",
    "train/training.py",
    "train/worker.py",
)
"""Modules whose docstrings and strings still have such words."""


def left_out(text: str) -> list[str]:
    """The words of a text that are left out, each with what to say instead."""
    plain = " ".join(text.split())
    found = ((match[0], say) for words, say in LEFT_OUT.items() for match in re.finditer(words, plain, re.IGNORECASE))
    return [f"{word!r}: say {say}" for word, say in found]


def strings(path: Path) -> Iterator[str]:
    """Every string of a module, docstrings too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def modules() -> dict[str, list[str]]:
    """Each module that has such words, with them."""
    found = {
        str(path.relative_to(PACKAGE)): [word for text in strings(path) for word in left_out(text)]
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    return {name: words for name, words in found.items() if words}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_in_plain_technical_english(page: str) -> None:
    assert left_out(prose(page)) == []


def test_the_help_of_every_command_is() -> None:
    group = typer.main.get_command(app)
    texts = {"magpie": group.help or ""}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        texts[name] = " ".join([command.help or "", *(getattr(param, "help", None) or "" for param in command.params)])
    assert {name: words for name, text in texts.items() if (words := left_out(text))} == {}


def test_what_stages_say_of_themselves_is() -> None:
    assert {spec.name: words for spec in STAGES if (words := left_out(spec.about))} == {}


def test_modules_are_or_stand_in_a_list_that_gets_shorter() -> None:
    assert sorted(modules()) == sorted(NOT_YET)


def test_the_check_finds_what_it_looks_for() -> None:
    assert left_out("It goes on\nwith a Thought.") == [
        "'goes on with': say resume, continue",
        "'Thought': say reasoning",
    ]


if __name__ == "__main__":
    for module, its_words in modules().items():
        print(f'    "{module}",  # {"; ".join(sorted(set(its_words)))}')
