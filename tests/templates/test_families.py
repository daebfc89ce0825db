"""Families are matched on template and tokenizer, and nothing depends on having one."""

from __future__ import annotations

import pytest

from magpie.templates import derive, family_of, sanitize
from magpie.templates.families import UNKNOWN, families
from magpie.templates.sanitize import RULES
from tests.templates.toys import fixture, toy


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("chatml", "chatml"),
        ("think_switch", "qwen-3"),
        ("refuses_system", "gemma-2"),
        ("harmony", "gpt-oss"),
        ("wide_bars", "deepseek"),
        ("role_tags", "unknown"),
        ("header_date", "llama-3"),
        ("turn_tokens", "command-r"),
        ("plain_colon", "unknown"),
    ],
)
def test_a_family_is_recognised_by_what_its_template_writes(name: str, family: str) -> None:
    assert derive(toy(fixture(name))).describe()["family"] == family


def test_a_template_text_without_the_token_is_another_family() -> None:
    assert family_of("<|im_start|>", ()) is UNKNOWN


def test_a_way_of_writing_alone_is_not_the_model_that_is_known_for_it() -> None:
    thinks = "<|im_start|> <think> </think>"
    assert family_of(thinks, ("<|im_end|>",)).name == "chatml"
    assert family_of(thinks, ("<|im_end|>", "<|object_ref_start|>")).name == "qwen-3"
    assert family_of("<|im_start|> You are Qwen, a helpful coder", ("<|im_end|>",)).name == "chatml"


def test_an_unknown_family_is_sanitized_by_every_rule_and_sampled_as_the_paper_does() -> None:
    assert (UNKNOWN.first_token_bans, dict(UNKNOWN.instruct), dict(UNKNOWN.respond)) == ((), {}, {})
    assert UNKNOWN.sanitize == tuple(RULES)
    chat = derive(toy(fixture("role_tags")))
    assert sanitize("Question: What is 2 + 2?\nAnswer: 4", chat.family.sanitize)[0] == "What is 2 + 2?"


def test_names_are_unique_and_sampling_is_named_as_everywhere() -> None:
    names = [family.name for family in families()]
    assert len(names) == len(set(names))
    assert {key for family in families() for key in (*family.instruct, *family.respond)} <= {
        *("temperature", "top_p", "max_tokens")
    }


LLAMA = "<|start_header_id|> Cutting Knowledge Date", ("<|eot_id|>",)
QWEN = "<|im_start|> You are Qwen, created by Alibaba Cloud", ("<|im_end|>",)
GEMMA = "<start_of_turn> System role not supported", ("<end_of_turn>",)


@pytest.mark.parametrize(
    ("known", "name", "instruct", "respond", "bans"),
    [
        (LLAMA, "meta-llama/Llama-3.1-8B-Instruct", {"temperature": 0.8, "top_p": 1.0, "max_tokens": 1024}, True, 4),
        (LLAMA, "meta-llama/Llama-3.1-70B-Instruct", {"temperature": 0.9, "top_p": 1.0, "max_tokens": 1024}, True, 4),
        (LLAMA, "meta-llama/Llama-3.3-70B-Instruct", {"temperature": 1.0, "top_p": 1.0}, False, 0),
        (LLAMA, "", {"temperature": 0.8, "top_p": 1.0, "max_tokens": 1024}, True, 4),
        (QWEN, "Qwen/Qwen2.5-7B-Instruct", {"temperature": 0.7}, False, 0),
        (QWEN, "Qwen/Qwen2.5-14B-Instruct", {"temperature": 0.7}, False, 0),
        (QWEN, "Qwen/Qwen2.5-32B-Instruct", {"temperature": 0.6}, False, 0),
        (QWEN, "Qwen/Qwen2.5-72B-Instruct", {"temperature": 0.6}, False, 0),
        (QWEN, "Qwen/Qwen2.5-Coder-32B-Instruct", {"temperature": 1.0}, False, 0),
    ],
)
def test_models_that_share_a_template_are_sampled_as_the_public_scripts_sample_each(
    known: tuple[str, tuple[str, ...]], name: str, instruct: dict[str, float], respond: bool, bans: int
) -> None:
    family = family_of(*known, name)
    assert dict(family.instruct) == instruct
    assert dict(family.respond) == ({"temperature": 0.6, "top_p": 0.9} if respond else {})
    assert len(family.first_token_bans) == bans


def test_gemma_2_is_told_from_later_ones_by_its_template() -> None:
    family = family_of(*GEMMA)
    assert (dict(family.instruct), dict(family.respond)) == (
        {"temperature": 1.0, "max_tokens": 512},
        {"max_tokens": 2048},
    )
    assert family_of("<start_of_turn>", ("<end_of_turn>",)).name == "gemma"
