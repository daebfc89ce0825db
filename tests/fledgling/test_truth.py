"""Datasets whose truth is known because they are made here."""

import json
from pathlib import Path
from random import Random

import pytest

from fledgling.corpus import ask, conversations
from fledgling.datasets import NotADatasetError, of_run, read, to_talk
from fledgling.families import BY_NAME, FAMILIES
from fledgling.novelty import known_from, known_to, user_prompts
from fledgling.truth import main, report, table
from fledgling.verdict import Talk, judge

UNITS = BY_NAME["units"]


def talk(*said: str, system: str | None = None, **tags: str) -> Talk:
    return Talk(system, said[::2], said[1::2], tags)


def asked(name: str, seed: int = 0) -> tuple[str, str]:
    turn = ask(BY_NAME[name], Random(seed))[0]
    return turn.prompt, turn.reply


@pytest.fixture(scope="module")
def corpus() -> list[Talk]:
    chats = (one for one in conversations(5, 3000) if one.kind == "chat")
    return [
        talk(*(text for turn in one.turns for text in (turn.prompt, turn.reply)), system=one.system) for one in chats
    ]


def test_the_corpus_itself_is_valid_right_and_like_the_mix(corpus: list[Talk]) -> None:
    found = report(corpus)
    figures = found.figures
    assert figures["valid"].value == figures["right among valid"].value == 1
    assert figures["KL to the hidden mix, bits"].low < 0.005
    assert figures["follow-ups on topic (second turns)"].value > 0.93
    assert figures["follow-ups right among on topic"].value == 1
    assert figures["small talk right"].value == 1
    assert found.families_found >= found.families_known - 1
    assert len(found.out_of_bounds) <= 1
    assert {one.value for one in found.right_by_category.values()} == {1.0}


def test_shares_of_wrong_replies_and_unknown_prompts_are_counted() -> None:
    prompt, reply = asked("arithmetic")
    found = report([talk(prompt, reply), talk(prompt, "No."), talk("Sing!", "La."), talk(prompt)])
    assert found.rows == 4
    assert found.figures["valid"].value == 0.75
    assert found.figures["form known"].value == 0.75
    assert found.figures["right among valid"].value == 0.5
    assert found.figures["distinct prompts"].value == 0.5
    assert next((one.found, one.answered, one.right) for one in found.families if one.name == "arithmetic") == (3, 2, 1)


def test_a_known_form_with_a_wrong_slot_is_told_from_an_unknown_form() -> None:
    slots = UNITS.draw(Random(0))
    wrong = talk(UNITS.form.ask({**slots, "to": "apples"}, Random(0)), "That makes 12 apples.")
    assert judge(wrong).has_form
    assert judge(wrong).family is None
    assert not judge(talk("Blue seven of the.")).has_form
    assert report([wrong]).figures["form known but slots wrong"].value == 1


def test_follow_ups_are_judged_against_the_first_turn() -> None:
    first = asked("arithmetic")
    family, slots = judge(talk(*first)).task
    follow_up = family.follow_ups[0]
    own = follow_up.draw(slots, Random(0))
    question, answer = follow_up.form.ask(own, Random(0)), follow_up.reply(slots, own)
    found = report(
        [
            talk(*first, question, answer), talk(*first, question, "I see."), talk(*first, "Why is it so?", "Hm."),
            talk(*first, "Thanks!", "You are welcome!"),
        ]
    ).figures  # fmt: skip
    assert found["follow-ups on topic (second turns)"].value == 0.5
    assert found["follow-ups right among on topic"].value == 0.5
    assert found["small talk right"].n == 1


def test_novel_is_not_seen_letter_by_letter_and_strictly_unseen_is_not_seen_in_any_dress() -> None:
    prompt, reply = asked("arithmetic")
    known = known_from(["Name the capital of Peru.", prompt])
    assert known.holds(prompt)
    assert not known.holds("Hi! Name the capital of Peru.")
    assert known.holds_anyhow("Hi! name the capital of Peru?")
    assert not known.holds_anyhow("Name the capital of Chile.")
    figures = report([talk(prompt, reply), talk(f"Hey! {prompt}", reply), talk(*asked("arithmetic", 9))], known).figures
    assert figures["novel among valid"].value == pytest.approx(2 / 3)
    assert figures["strictly unseen among valid"].value == pytest.approx(1 / 3)
    assert figures["right among strictly unseen"].n == 1


def test_known_prompts_are_kept_under_the_corpus_they_are_of(tmp_path: Path) -> None:
    known = known_to(0, 300, tmp_path)
    assert all(known.holds(prompt) and known.holds_anyhow(prompt) for prompt in user_prompts(0, 300))
    assert len(list(tmp_path.iterdir())) == 1
    again = known_to(0, 300, tmp_path)
    assert (again.exact, again.bare) == (known.exact, known.bare)
    known_to(1, 300, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_tags_are_compared_with_the_true_labels() -> None:
    rng = Random(4)
    rows = []
    for place, family in enumerate(FAMILIES[:40]):
        turn, slots = ask(family, rng)
        verdict = judge(talk(turn.prompt))
        tags = {
            "task_category": family.category,
            "difficulty": family.difficulty(slots),
            "input_quality": verdict.quality,
        }
        rows.append(talk(turn.prompt, **(tags if place % 2 else tags | {"task_category": "Cooking"})))
    figures = report(rows).figures
    assert figures["category agrees"].value == pytest.approx(0.5, abs=0.05)
    assert figures["difficulty agrees"].value == pytest.approx(1, abs=0.05)
    assert figures["quality, Spearman"].value == pytest.approx(1)


def test_rows_under_a_system_prompt_are_not_held_against_the_mix() -> None:
    found = report([talk(*asked("arithmetic", seed), system="You are a tutor.") for seed in range(50)])
    assert "KL to the hidden mix, bits" not in found.figures
    assert found.figures["right among valid"].n == 50


def test_three_shapes_of_conversations_are_read_alike() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    sharegpt = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    shapes = ({"messages": messages}, messages, {"conversations": sharegpt})
    assert [to_talk(shape) for shape in shapes] == [talk("a", "b")] * 3
    assert to_talk({"messages": [{"role": "system", "content": "s"}, *messages]}) == talk("a", "b", system="s")


def test_a_row_of_a_run_is_read_with_its_tags_and_whether_it_ended() -> None:
    row = {"instruction": "a", "response": "b", "messages": None, "drop_reason": None, "input_quality": "good"}
    assert of_run(row) == Talk(None, ("a",), ("b",), {"input_quality": "good"}, ended=True)
    assert of_run(row | {"response": None, "drop_reason": "truncated"}).ended is False


def test_a_line_that_is_no_conversation_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "a"}]}\n{"text": "a"}\n')
    with pytest.raises(NotADatasetError, match=r"rows\.jsonl:2: no conversation"):
        list(read(file))


def test_the_command_prints_a_table_or_json(
    corpus: list[Talk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [[("user", one.prompts[0]), ("assistant", one.replies[0])] for one in corpus[:200]]
    file.write_text("\n".join(json.dumps([{"role": role, "content": text} for role, text in row]) for row in rows))
    monkeypatch.setattr("sys.argv", ["truth", str(file), "--no-novelty"])
    main()
    assert capsys.readouterr().out.strip() == table(report(read(file))).strip()
    monkeypatch.setattr("sys.argv", ["truth", str(file), "--no-novelty", "--json"])
    main()
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 200
    assert found["figures"]["valid"]["value"] == 1.0
    assert {"name", "hidden", "found", "at_least", "at_most"} <= set(found["families"][0])
