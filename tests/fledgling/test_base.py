"""What the base model reads: no chat, no question with its reply, many kinds of text, the same from the same seed."""

from itertools import islice

from fledgling.base import base_texts
from fledgling.chat import END, END_OF_TEXT, START
from fledgling.imperfect import recognise_any


def texts(seed: int, count: int) -> list[str]:
    return ["".join(piece for piece, _ in text) for text in islice(base_texts(seed), count)]


def test_the_same_seed_gives_the_same_texts() -> None:
    assert texts(0, 50) == texts(0, 50) != texts(1, 50)


def test_no_text_has_a_chat_format_and_all_of_each_is_learned() -> None:
    for text in islice(base_texts(0), 500):
        whole = "".join(piece for piece, _ in text)
        assert START not in whole
        assert END not in whole
        assert whole.count(END_OF_TEXT) == 1
        assert all(learned for _, learned in text)


def test_no_paragraph_is_an_instruction_that_a_family_could_ask() -> None:
    asked = [
        part for text in texts(0, 300) for part in text.split("\n\n") if part.endswith("?") and recognise_any(part)
    ]
    assert len(asked) <= 3


def test_texts_are_of_many_kinds() -> None:
    assert len(set(texts(0, 500))) > 450
