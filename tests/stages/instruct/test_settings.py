"""What a recipe may say of a mix and of further turns, and what is wrong with it in one line."""

from __future__ import annotations

import pytest

from magpie.errors import RecipeError
from magpie.plan.explain import explain
from magpie.plan.load import dump, parse

MIX = """
instruct:
  mix:
    - {name: a, weight: 3, system: "Speak {language}, {who}.", language: German, fill: [{name: who, words: [Eva]}]}
    - {name: b, prefill: Write a, sampling: {temperature: 1.25}}
    - {name: c, system: false, fill: []}
follow_up: {turns: [2, 2, 3], user: {model: m, engine: scripted}, system_for: both}
"""


def test_a_mix_written_out_reads_back_the_same() -> None:
    recipe = parse(MIX, "r")
    assert parse(dump(recipe), "r") == parse(explain(recipe), "r") == recipe


def test_each_variant_is_explained_on_a_line_of_its_own_by_what_it_says() -> None:
    lines = explain(parse(MIX, "r")).splitlines()
    assert "    - {name: b, prefill: Write a, sampling: {temperature: 1.25}}" in lines


def test_an_engine_in_a_list_reads_back_as_the_same_engine() -> None:
    recipe = parse("respond: {n: 2, models: [{engine: vllm}, {model: fledgling}]}", "r")
    assert parse(explain(recipe), "r") == recipe


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ("{}", "instruct.mix.0.name: Field required"),
        ("{name: a, weight: 0}", "instruct.mix.0.weight: Input should be greater than 0"),
        ("{name: a, systm: x}", "unknown setting 'instruct.mix.0.systm'"),
        ("{name: a, language: German}", "instruct.mix.0: language: the system prompt has no {language}"),
        ("{name: a, system: S, fill: [{name: who, words: [x]}]}", "who: the system prompt has no {who} for it"),
        ("{name: a, system: '{w}', fill: [{name: w}]}", "expected either words or a file of them"),
        ("{name: a, system: '{w}', fill: [{name: w, words: [x], file: p.txt}]}", "expected either words or a file"),
        ("{name: a, system: '{w}', fill: [{name: w, words: [x]}, {name: w, words: [y]}]}", "filled twice"),
        ("{name: a, prefill: ''}", "instruct.mix.0.prefill: String should have at least 1 character"),
        ("{name: a}, {name: a}", "instruct.mix: two variants are called 'a'"),
    ],
)
def test_a_mistake_in_a_mix_is_told_with_its_place(variant: str, told: str) -> None:
    with pytest.raises(RecipeError) as refused:
        parse(f"instruct: {{mix: [{variant}]}}", "r")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("{turns: 0}", "follow_up.turns"),
        ("{turns: []}", "follow_up.turns"),
        ("{system_for: me}", "follow_up.system_for"),
    ],
)
def test_a_mistake_in_the_further_turns_is_told(settings: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        parse(f"follow_up: {settings}", "r")
