"""Reward models that were trained: a small one, and a guard, learn what fledgling's corpus knows and score by it.

They learn from a few hundred examples, so only what is easy is asked of them; `bench/rewards.py` prints the rest.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from magpie.scorers.classifier import open_classifier
from magpie.settings.scorers import RewardClassifier
from tests.scorers.small_models import UNSEEN, judged_safety, numbers, pairs, train_guard, train_reward

pytestmark = [
    pytest.mark.transformers,
    pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed here"),
]
MOST_BYTES = 16 << 20


def test_a_reward_model_scores_whole_and_brief_responses_higher_than_broken_and_wordy_ones(tmp_path: Path) -> None:
    train_reward(tmp_path, 384)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < MOST_BYTES
    some = [pair for pair in pairs(240, UNSEEN) if pair.digit in (3, 4)]
    with open_classifier(tmp_path, RewardClassifier(device="cpu")) as scorer:
        right = numbers(scorer.score([pair.right for pair in some]))
        wrong = numbers(scorer.score([pair.wrong for pair in some]))
    wins = sum(a > b for a, b in zip(right, wrong, strict=True))
    assert wins > 0.7 * len(some)


def test_a_guard_tells_harmful_from_harmless(tmp_path: Path) -> None:
    train_guard(tmp_path, 384)
    some = judged_safety(160, UNSEEN)
    with open_classifier(tmp_path, RewardClassifier(label="unsafe", device="cpu")) as guard:
        scores = numbers(guard.score([conversation for conversation, _ in some]))
    hits = sum((score > 0) == bool(label) for score, (_, label) in zip(scores, some, strict=True))
    assert hits > 0.7 * len(some)
