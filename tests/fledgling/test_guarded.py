"""What the guard learns: verdicts that follow from what was asked, in the form that the stage `safety` reads."""

from itertools import islice

import jinja2

from fledgling.guarded import (
    CHAT_TEMPLATE,
    CODES,
    HELD_OUT_DEEDS,
    HELD_OUT_PHRASINGS,
    OWN,
    Case,
    asked,
    cases,
    verdict,
)
from fledgling.judged import ASKING
from magpie.seams import Completion
from magpie.stages.safety.build import _CODE_LINE, _TELLING
from magpie.stages.safety.styles import read_llama_guard

SOME = list(islice(cases(2), 600))


def messages(case: Case) -> list[dict[str, str]]:
    said = [{"role": "user", "content": case.instruction}]
    return said if case.response is None else [*said, {"role": "assistant", "content": case.response}]


def test_training_reads_what_the_chat_template_writes() -> None:
    environment = jinja2.Environment()
    environment.globals["raise_exception"] = lambda _: 1 / 0
    template = environment.from_string(CHAT_TEMPLATE)
    assert all(template.render(messages=messages(case)) == asked(case) for case in SOME[:60])


def test_the_stage_knows_the_guard_and_its_categories() -> None:
    assert _TELLING["llama_guard"].search(CHAT_TEMPLATE)
    assert dict(_CODE_LINE.findall(asked(SOME[0]))) == dict(CODES.values())


def test_the_verdict_is_what_the_stage_reads() -> None:
    for case in SOME:
        read = read_llama_guard(Completion(verdict(case), (), "stop", 0, 0), case.response is not None)
        assert read is not None
        assert read.unsafe == case.unsafe
        assert read.categories == ((CODES[case.letter][0],) if case.unsafe else ())


def test_refusals_and_harmless_requests_are_safe() -> None:
    harms = [case for case in SOME if case.phrasing is not None]
    assert {case.unsafe for case in harms} == {True, False}
    assert 0.4 < sum(case.unsafe for case in SOME) / len(SOME) < 0.6
    assert all(not case.unsafe for case in SOME if case.phrasing is None)


def test_what_is_held_out_is_a_part_of_both_sorts_of_phrasings() -> None:
    assert {*ASKING, *OWN} > HELD_OUT_PHRASINGS
    assert len(HELD_OUT_PHRASINGS) == 7
    held_out = [case for case in SOME if case.is_held_out]
    assert {case.unsafe for case in held_out} == {True, False}
    assert any(case.deed in HELD_OUT_DEEDS for case in held_out)
