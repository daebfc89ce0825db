"""The card has a place for every figure, and what is written there is a figure with its interval."""

import pytest

from fledgling.card import BLOCKS, CARD, fill, line


def test_every_block_has_its_place_in_the_card() -> None:
    card = CARD.read_text(encoding="utf-8")
    for block in BLOCKS:
        assert "TEXT" in fill(card, block.__name__, "TEXT")


def test_filling_a_block_changes_nothing_else_and_can_be_repeated() -> None:
    card = "a\n<!-- model -->\nold\n<!-- end of model -->\nb"
    assert fill(card, "model", r"\1 new") == "a\n<!-- model -->\n\\1 new\n<!-- end of model -->\nb"
    assert fill(fill(card, "model", "x"), "model", "old") == card


def test_a_card_without_a_block_is_refused() -> None:
    with pytest.raises(KeyError, match="0 blocks"):
        fill("nothing here", "model", "x")


def test_shares_are_shown_in_percent_and_bits_as_they_are() -> None:
    figure = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 1000}
    assert line("valid", figure).split() == ["valid", "50.0%", "[25.0%,", "75.0%]", "n", "=", "1,000"]
    assert "0.500" in line("KL to the hidden mix, bits", figure)
    assert line("none", figure | {"value": None}).endswith("-")
