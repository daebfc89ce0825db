"""Fingerprints know settings by frozen names: a rename or a new setting changes no row's name."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.settings.base import Frozen, Settings, frozen

EVERYTHING = """
engine: scripted
screen: {}
dedup: {}
decontaminate: {benchmarks: [{name: tiny, prompts: ["What is the capital of France?"]}]}
embed: {}
neighbors: {}
tag: {fast: true}
shortlist: {}
respond: {n: 2}
screen_responses: {}
respond_base: {}
reward: {}
safety: {}
choose: {by: first}
pair: {}
respond_against: {}
compare: {}
grade: {}
check: {by: checker, checker: "operator:eq"}
select: {keep: "safety = 'safe'"}
"""


class Before(Settings):
    again: int = 2
    inner: tuple[int, ...] = ()


class After(Settings):
    retries: Annotated[int, Frozen("again")] = 2
    inner: tuple[int, ...] = ()
    limit: Annotated[int | None, Frozen(since=None)] = None


def test_a_renamed_setting_and_a_new_one_change_nothing() -> None:
    assert frozen(After(retries=3)) == frozen(Before(again=3)) == {"again": 3, "inner": []}
    assert frozen(After(limit=4)) == {"again": 2, "inner": [], "limit": 4}


def names(value: Any, path: str = "") -> list[str]:
    """Every name in plain settings, nested ones with their place."""
    if isinstance(value, dict):
        return [name for key, item in value.items() for name in (f"{path}{key}", *names(item, f"{path}{key}."))]
    return []


FROZEN = {
    "instruct": "sampling sampling.temperature sampling.top_p sampling.max_tokens sampling.stop_token_ids "
    "sampling.stop first_token_bans sanitize pre_query pre_query.ids pre_query.text",
    "screen": "min_chars max_chars role_leak refusal non_text ends_in_colon unfinished max_repeated max_compression "
    "language pii pii.kinds pii.drop",
    "dedup": "near threshold ngram numbers",
    "decontaminate": "ngram min_words max_shared",
    "embed": "prefix",
    "neighbors": "repeat_distance exact_rows recall",
    "tag": "fast prompts prompts.quality prompts.difficulty prompts.category template template.system "
    "template.thinking template.kwargs chat_template",
    "shortlist": "clauses quotas order limit diverse bands",
    "respond": "sampling sampling.temperature sampling.top_p sampling.max_tokens sampling.stop_token_ids sampling.stop "
    "pre_query pre_query.ids pre_query.text pre_response pre_response.ids pre_response.text template template.system "
    "template.thinking template.kwargs chat_template n",
    "screen_responses": "min_chars max_chars role_leak refusal ends_in_colon unfinished max_repeated max_compression "
    "thoughts_end",
    "respond_base": "sampling sampling.temperature sampling.top_p sampling.max_tokens sampling.stop_token_ids "
    "sampling.stop prompt",
    "reward": "by prompt template template.system template.thinking template.kwargs chat_template",
    "safety": "of threshold drop style prompt categories sampling sampling.temperature sampling.top_p "
    "sampling.max_tokens sampling.stop_token_ids sampling.stop template template.system template.thinking "
    "template.kwargs chat_template",
    "choose": "by",
    "pair": "rejected min_margin",
    "respond_against": "sampling sampling.temperature sampling.top_p sampling.max_tokens sampling.stop_token_ids "
    "sampling.stop pre_response pre_response.ids pre_response.text template template.system template.thinking "
    "template.kwargs chat_template",
    "compare": "by prompt labels template template.system template.thinking template.kwargs chat_template",
    "grade": "by prompt sampling sampling.temperature sampling.top_p sampling.max_tokens sampling.stop_token_ids "
    "sampling.stop again template template.system template.thinking template.kwargs chat_template",
    "check": "by checker",
    "select": "clauses quotas order limit diverse bands",
}
"""Every name that is in a fingerprint, by stage. A line here changes only by what is left out at its old default."""


def test_the_names_in_fingerprints_are_those_that_runs_were_made_with() -> None:
    pytest.importorskip("rensa")
    found = {stage.name: names(stage.covered.own()["settings"]) for stage in make_plan(parse(EVERYTHING, "r")).stages}
    assert {stage: sorted(there) for stage, there in found.items()} == {
        stage: sorted(line.split()) for stage, line in FROZEN.items()
    }


def test_the_plan_of_every_stage_is_named_as_it_always_was() -> None:
    """Fingerprints of the recipe `basic`, as the runs in tests/fixtures/runs have them."""
    assert [stage.fingerprint for stage in make_plan(parse("", "r")).stages] == ["3435a70d", "36f9096d"]
