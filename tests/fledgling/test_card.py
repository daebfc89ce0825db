"""The card has a place for every figure, and what is written there is a figure with its interval."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fledgling.card import BLOCKS, CARD, elicited, fill, line, parse
from fledgling.kept import digest_of, keep, kept, kept_file


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


def test_figures_are_kept_for_their_settings_and_for_no_others(tmp_path: Path) -> None:
    path, made = tmp_path / "figures" / "some.json", list[int]()

    def make() -> int:
        made.append(1)
        return len(made)

    assert [kept(path, {"rows": rows}, make) for rows in (5, 5, 6, 6, 5)] == [1, 1, 2, 2, 3]
    path.write_text('{"untrained": {}}', encoding="utf-8")  # of an earlier form
    assert kept(path, {"rows": 5}, make) == 4


def test_a_file_is_kept_for_its_settings_and_for_no_others(tmp_path: Path) -> None:
    path, writes = tmp_path / "tokenizer.json", list[Path]()

    def write(made: Path) -> None:
        writes.append(made)
        made.write_text(str(len(writes)))

    texts = [kept_file(path, {"seed": seed}, write).read_text() for seed in (0, 0, 1, 1, 0)]
    assert texts == ["1", "1", "2", "2", "3"]
    path.unlink()
    kept_file(path, {"seed": 0}, lambda made: made.write_text("again"))
    assert path.read_text() == "again"


def test_what_pairs_elicit_is_measured_anew_where_the_figures_are_of_other_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[list[str]] = []

    def main(words: list[str]) -> None:
        measured.append(words)
        keep(tmp_path / "latent" / "figures.json", {"words": words}, {"untrained": len(measured)})

    latent: Any = SimpleNamespace(
        FIGURES="figures.json", parse=lambda words: words, made_from=lambda words: {"words": words}, main=main
    )
    monkeypatch.setitem(sys.modules, "fledgling.latent", latent)
    monkeypatch.setattr("fledgling.latent", latent, raising=False)
    keep(tmp_path / "latent" / "figures.json", {"words": ["--pairs", "3"]}, {"untrained": 0})
    arguments = parse(["--work", str(tmp_path / "figures")])
    assert [elicited(arguments), elicited(arguments)] == [{"untrained": 1}] * 2
    assert len(measured) == 1


def test_the_digest_of_a_model_is_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = digest_of(tmp_path)
    assert digest_of(tmp_path) == before
    (tmp_path / "a").write_bytes(b"2")
    assert digest_of(tmp_path) != before
