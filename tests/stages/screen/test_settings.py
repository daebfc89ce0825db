"""Settings of screening: what is short, and what cannot be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from magpie.plan.load import parse
from magpie.stages.decontaminate.settings import Benchmark, Decontaminate
from magpie.stages.dedup.settings import Dedup
from magpie.stages.screen.settings import Screen


def test_a_benchmark_given_as_text_is_a_file() -> None:
    recipe = parse("decontaminate: {benchmarks: [a.jsonl, {hub: openai/gsm8k, config: main}]}", "recipe")
    assert recipe.settings("decontaminate") is not None
    assert recipe.settings("decontaminate").benchmarks == (
        Benchmark(path="a.jsonl"),
        Benchmark(hub="openai/gsm8k", config="main"),
    )


@pytest.mark.parametrize(
    "given", [{}, {"path": "a.jsonl", "hub": "openai/gsm8k"}, {"path": "a.jsonl", "name": "a", "prompts": ("What?",)}]
)
def test_a_benchmark_is_in_one_place(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="one of `path`, a file, `hub`"):
        Benchmark(**given)  # type: ignore[arg-type]


def test_prompts_that_are_listed_need_a_name() -> None:
    with pytest.raises(ValidationError, match="expected a `name`"):
        Benchmark(prompts=("What is rain?",))


def test_an_empty_stage_has_every_rule_and_looks_for_no_language() -> None:
    recipe = parse("{screen: {}, dedup: {}}", "recipe")
    assert (recipe.settings("screen"), recipe.settings("dedup")) == (Screen(), Dedup())
    assert recipe.settings("screen") is not None
    assert recipe.settings("screen").language is None


@pytest.mark.parametrize(
    "text",
    [
        "screen: {max_repeated: 1.5}",
        "screen: {max_compression: 1.0}",
        "screen: {language: {allowed: [English]}}",
        "screen: {pii: {kinds: [names]}}",
        "dedup: {threshold: 0.0}",
        "decontaminate: {benchmarks: []}",
    ],
)
def test_settings_out_of_bounds_are_refused(text: str) -> None:
    from magpie.errors import RecipeError

    with pytest.raises(RecipeError):
        parse(text, "recipe")


def test_decontamination_by_thirteen_words_is_the_default() -> None:
    assert Decontaminate(benchmarks=(Benchmark(path="a.jsonl"),)).ngram == 13
