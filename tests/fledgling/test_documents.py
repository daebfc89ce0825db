"""Unaligned documents: the same world, and nothing of a chat or of what a user would say."""

import re
from itertools import islice
from random import Random

from fledgling.documents import documents
from fledgling.families import FAMILIES
from fledgling.imperfect import IMPERFECT

HOLE = re.compile(r"\{\w+\}")


def texts(seed: int, count: int) -> list[str]:
    return ["".join(piece for piece, _ in text) for text in islice(documents(seed), count)]


def test_the_same_seed_gives_the_same_documents() -> None:
    assert texts(3, 40) == texts(3, 40)
    assert texts(3, 40) != texts(4, 40)


def test_there_is_no_chat_format_and_all_of_it_is_learned() -> None:
    for text in islice(documents(0), 300):
        said = "".join(piece for piece, _ in text)
        assert said.count("<|") == 1
        assert said.endswith("<|endoftext|>")
        assert all(learned for _, learned in text)


def test_no_phrasing_of_the_aligned_corpus_is_in_them() -> None:
    """The longest stretch between two slots says that a phrasing was used, where it is a few words long. Replies may
    hold some of the same words, so what a reply may say does not count."""
    phrasings = [phrasing for family in (*FAMILIES, *IMPERFECT) for phrasing in family.form.phrasings]
    stretches = {max(HOLE.split(phrasing), key=len).strip(" ?.!\n") for phrasing in phrasings}
    rng = Random(0)
    replies = "\n".join(family.reply(family.draw(rng), rng) for family in FAMILIES for _ in range(5))
    stretches = {one for one in stretches if len(one.split()) >= 4 and one not in replies}
    assert len(stretches) > 300
    all_text = "\n".join(texts(1, 600))
    assert [stretch for stretch in stretches if stretch in all_text] == []


def test_every_family_is_written_about() -> None:
    labels = {family.name.replace("_", " ") for family in FAMILIES}
    all_text = "\n".join(texts(2, 900)).lower()
    assert {label for label in labels if label not in all_text} == set()
