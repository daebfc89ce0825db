"""The proof's figures are paired, its prompts are unseen, and its verdicts fall either way."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

np = pytest.importorskip("numpy")

from bench.proof import ARMS, answers, figures_of, table, unseen, verdicts  # noqa: E402
from fledgling.novelty import known_from  # noqa: E402
from fledgling.verdict import Talk, judge  # noqa: E402
from magpie.modelfiles.locate import find_model  # noqa: E402


def drawn(share: float, seeds: int, shared: Any, rng: Any, prompts: int = 1000) -> Any:
    """Right answers in a share of cases, which depend on how hard a prompt is."""
    return shared[None] + rng.normal(0, 0.02, (seeds, prompts)) < np.quantile(shared, share)


@pytest.fixture
def right() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    hard = rng.uniform(0, 1, 1000)
    shares = {"true": 0.9, "raw": 0.88, "curated": 0.87, "dpo": 0.93}
    found = {arm: drawn(share, 3, hard, rng) for arm, share in shares.items()}
    return {"base": np.zeros((1, 1000), bool), "teacher": drawn(0.98, 1, hard, rng), **found}


def test_shares_differences_and_ratios_have_intervals_around_them(right: dict[str, Any]) -> None:
    found = figures_of(right)
    for kind in ("shares", "differences", "ratios"):
        for one in found[kind].values():
            assert one["low"] <= one["value"] <= one["high"]
    assert len(found["shares"]["raw"]["seeds"]) == 3
    assert found["differences"]["raw - base"]["value"] == pytest.approx(right["raw"].mean())
    assert found["ratios"]["raw : teacher"]["value"] == pytest.approx(right["raw"].mean() / right["teacher"].mean())


def test_pairing_makes_differences_surer_than_shares(right: dict[str, Any]) -> None:
    found = figures_of(right)
    width = {name: one["high"] - one["low"] for name, one in (*found["shares"].items(), *found["differences"].items())}
    assert width["raw - true"] < 0.8 * width["raw"]


def test_a_verdict_says_no_where_it_is_no(right: dict[str, Any]) -> None:
    found = {**figures_of(right), "rows": {arm: [2000] * 3 for arm in ARMS}, "asked": 1000}
    said = "\n".join(verdicts(found))
    assert "raw : true is at least 0.95, by its lower bound: yes" in said
    assert "DPO adds to it: yes" in said
    assert "Magpie data is better than true pairs: no, it loses" in said or "not to be told apart" in said
    worse = figures_of({**right, "raw": right["raw"] & (np.arange(1000) % 2 == 0)})
    assert "raw : true is at least 0.95, by its lower bound: no" in "\n".join(verdicts(worse))
    assert "| base + Magpie raw | 2,000 |" in table(found)


def test_prompts_are_new_and_each_is_asked_once() -> None:
    first = list(islice(unseen(known_from([])), 20))
    rest = list(islice(unseen(known_from(first[:10])), 20))
    assert len(set(first)) == 20
    assert not set(first[:10]) & set(rest)


def test_the_teacher_answers_most_of_them_right() -> None:
    prompts = list(islice(unseen(known_from([])), 12))
    found = answers(find_model("fledgling"), prompts)
    judged = [
        ended and judge(Talk(None, (prompt,), (text,))).right
        for prompt, (text, ended) in zip(prompts, found, strict=True)
    ]
    assert sum(judged) >= 10
