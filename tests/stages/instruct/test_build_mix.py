"""A mix as a plan has it: the prompts of its variants, what its fingerprint covers, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.engines.server import engine as server
from magpie.engines.server.engine import Facts
from magpie.errors import RecipeError
from magpie.plan.load import parse
from magpie.plan.plan import Plan, make_plan
from magpie.seams import Request, Text
from magpie.templates import TemplateOptions, derive
from tests.templates import toys

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
REFUSING = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
DEFAULT = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n"
    "{% elif not messages[0].content %}{% set messages = messages[1:] %}{% endif %}" + CHATML
)


def plan(mix: str, *settings: str) -> Plan:
    return make_plan(parse(f"{{size: 40, instruct: {{mix: {mix}}}, respond: null}}", "r", settings))


def asked(planned: Plan, row: int) -> tuple[str, Request]:
    """A row's prompt as text, and its request."""
    request: Any = next(planned.stages[0].asking.ask({"row": row}))
    return planned.model.tokenizer.decode(request.prompt.ids), request


def fingerprint(mix: str, *settings: str) -> str:
    return plan(mix, *settings).stages[0].fingerprint


def test_each_variant_asks_by_its_own_prompt_and_sampling() -> None:
    planned = plan(
        "[{name: a, system: You are a cook.}, {name: b, prefill: Write a, sampling: {top_p: 0.5}}]",
        "instruct.sampling.temperature=1.2",
        "seed=3",
    )
    found = {asked(planned, row)[0]: asked(planned, row)[1].sampling for row in range(2)}
    cook, begun = "<|im_start|>system\nYou are a cook.<|im_end|>\n<|im_start|>user\n", "<|im_start|>user\nWrite a"
    assert set(found) == {cook, begun}
    assert (found[cook].temperature, found[cook].top_p) == (1.2, 1.0)
    assert (found[begun].temperature, found[begun].top_p) == (1.2, 0.5)


def test_the_language_and_the_words_of_a_list_stand_in_the_system_prompt() -> None:
    planned = plan(
        "[{name: a, language: German, system: '{who} speaks {language}.', fill: [{name: who, words: [Eva, Max]}]}]"
    )
    systems = [asked(planned, row)[0].split("\n")[1] for row in range(4)]
    assert (
        sorted(systems[:2])
        == sorted(systems[2:])
        == [
            "Eva speaks German.<|im_end|>",
            "Max speaks German.<|im_end|>",
        ]
    )


@pytest.mark.parametrize(
    ("variant", "opening"),
    [
        ("{name: a}", "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n"),
        ("{name: a, system: false}", "<|im_start|>user\n"),
        ("{name: a, system: Be brief.}", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"),
    ],
)
def test_a_variant_may_have_no_system_prompt_where_the_template_has_one(
    tmp_path: Path, variant: str, opening: str
) -> None:
    (tmp_path / "t.jinja").write_text(DEFAULT)
    assert asked(plan(f"[{variant}]", f"template.chat_template={tmp_path}/t.jinja"), 0)[0] == opening


def test_what_the_recipe_s_template_says_holds_for_a_variant_that_says_nothing() -> None:
    planned = plan("[{name: a}, {name: b, system: false}]", "template.system=Be brief.")
    found = {asked(planned, row)[0] for row in range(2)}
    assert found == {"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n", "<|im_start|>user\n"}


@pytest.mark.parametrize(
    "mix",
    [
        "[{name: b, system: S}]",
        "[{name: a, system: T}]",
        "[{name: a, system: S, prefill: Write a}]",
        "[{name: a, system: S, sampling: {temperature: 0.3}}]",
        "[{name: a, system: S}, {name: b}]",
        "[{name: a, system: '{x}', fill: [{name: x, words: [S]}]}]",
    ],
)
def test_whatever_decides_a_row_is_in_the_fingerprint(mix: str) -> None:
    assert fingerprint(mix) != fingerprint("[{name: a, system: S}]")


def test_weights_in_the_same_ratio_are_the_same() -> None:
    assert fingerprint("[{name: a, weight: 3}, {name: b}]") == fingerprint(
        "[{name: a, weight: 0.75}, {name: b, weight: 0.25}]"
    )
    assert fingerprint("[{name: a, weight: 3}, {name: b}]") != fingerprint("[{name: a}, {name: b}]")


def test_the_words_of_a_file_are_in_the_fingerprint_and_its_place_is_not(tmp_path: Path) -> None:
    def of(name: str, words: str) -> str:
        (tmp_path / name).write_text(words)
        return fingerprint(
            f"[{{name: a, system: '{{x}}', fill: [{{name: x, repeat: true, file: {tmp_path}/{name}}}]}}]"
        )

    assert of("one.txt", "a\nb") == of("two.txt", "a\nb") != of("two.txt", "a\nc")


def test_the_size_is_not_in_the_fingerprint() -> None:
    mix = "[{name: a, system: S}, {name: b, weight: 2.5}]"
    assert fingerprint(mix) == fingerprint(mix, "size=1000000")


def test_a_file_of_words_that_runs_out_is_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("\n".join(map(str, range(19))))
    mix = f"[{{name: a, system: '{{who}}', fill: [{{name: who, file: {tmp_path}/p.txt}}]}}, {{name: b}}]"
    with pytest.raises(RecipeError, match=r"mix\.a\.fill\.who: .*p.txt has 19, and the variant 20 rows.* repeat: true"):
        plan(mix)
    assert plan(mix, "size=38").stages
    assert plan(mix.replace("p.txt", "p.txt, repeat: true")).stages


def test_a_template_without_a_system_role_is_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "t.jinja").write_text(REFUSING)
    with pytest.raises(RecipeError, match=r"mix\.a\.system: the system role is refused by the chat template.*prefill"):
        plan("[{name: a, system: S}]", f"template.chat_template={tmp_path}/t.jinja")
    assert plan("[{name: a, prefill: Write a}]", f"template.chat_template={tmp_path}/t.jinja").stages


@pytest.mark.parametrize("fixture", ["chatml", "default_system", "inst_sys", "folds_system", "system_in_last_turn"])
def test_a_variant_s_prompt_is_what_the_model_spoken_to_under_that_system_prompt_has(fixture: str) -> None:
    source = toys.fixture(fixture)
    derived = derive(toys.toy(source), TemplateOptions(system="You are a cook.", date=toys.DAY))
    assert toys.chat_of(fixture).next_user([toys.system("You are a cook.")]) == derived.next_user([])


def test_a_pre_query_by_hand_has_no_place_for_a_system_prompt() -> None:
    with pytest.raises(RecipeError, match=r"mix\.a\.system: template.pre_query is written by hand"):
        plan("[{name: a, system: S}]", "template.pre_query='Q:'")
    assert asked(plan("[{name: a, prefill: Write a}]", "template.pre_query='Q: '"), 0)[0] == "Q: Write a"


def test_a_beginning_that_the_tokenizer_would_merge_is_told_with_its_variant() -> None:
    with pytest.raises(RecipeError, match=r"instruct\.mix\.a\.prefill: .*expected 'Write a'"):
        plan("[{name: a, prefill: 'Write a '}]")


def test_on_a_server_of_texts_the_beginning_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "detect", lambda _: Facts("text", "served", 256))
    planned = plan("[{name: a, system: S, prefill: Write a}]", "engine=http://here")
    request: Any = next(planned.stages[0].asking.ask({"row": 0}))
    assert request.prompt == Text("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nWrite a")


def test_a_run_made_larger_keeps_every_row_and_its_variant(tmp_path: Path) -> None:
    fill = "fill: [{name: who, words: [Eva, Max, Ida]}]"
    mix = f"[{{name: a, system: 'You are {{who}}.', {fill}}}, {{name: b, weight: 2.5}}, {{name: c, prefill: Write a}}]"
    settings = (f"instruct.mix={mix}", "engine=scripted", "respond=null", "shard_rows=8", "name=same")
    small = magpie.run(size=20, out=tmp_path / "run", settings=settings).table()
    large = magpie.run(size=45, out=tmp_path / "run").table()
    assert large.slice(0, 20).equals(small)
    assert [large.column("variant").to_pylist().count(name) for name in "abc"] == [10, 25, 10]
    assert {row["system"] is None for row in large.to_pylist() if row["variant"] != "a"} == {True}
    assert all(row["instruction"].startswith("Write a") for row in large.to_pylist() if row["variant"] == "c")
