"""Families are matched on template and tokenizer, and nothing depends on having one."""

from __future__ import annotations

import pytest

from magpie.templates import derive, family_of
from magpie.templates.families import UNKNOWN, families
from tests.templates.toys import fixture, toy


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("chatml", "chatml"),
        ("think_switch", "qwen-3"),
        ("refuses_system", "gemma"),
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


def test_an_unknown_family_has_no_rules() -> None:
    assert (UNKNOWN.sanitize, UNKNOWN.first_token_bans, dict(UNKNOWN.instruct)) == ((), (), {})


def test_names_are_unique_and_sampling_is_named_as_everywhere() -> None:
    names = [family.name for family in families()]
    assert len(names) == len(set(names))
    assert {key for family in families() for key in (*family.instruct, *family.respond)} <= {
        *("temperature", "top_p", "max_tokens")
    }
