"""Scores from a real vLLM server are those of transformers here; and what it says of a conversation too long for it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import pytest

from magpie.errors import UserError
from magpie.scorers.classifier import open_classifier
from magpie.scorers.server import open_server_scorer
from magpie.settings.scorers import RewardClassifier, RewardServer
from tests.engines.local_servers import vllm_server
from tests.scorers.small_models import conversation, make_untrained, numbers

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed here (scripts/env-vllm.sh)"),
]

SOME = [
    conversation("What is 2 + 2?", "It is 4."),
    conversation("Name a color.", "Blue. " * 20),
    (*conversation("Name a color.", "Blue."), *conversation("And another?", "Red.")),
]


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrained(tmp_path_factory.mktemp("models") / "guard", 2)


@pytest.fixture(scope="module")
def url(guard: Path) -> Iterator[str]:
    with vllm_server(guard, context=256) as url:
        yield url


@pytest.mark.parametrize("api", ["auto", "classify", "pooling"])
def test_scores_are_those_of_transformers(guard: Path, url: str, api: Literal["auto", "classify", "pooling"]) -> None:
    with open_classifier(guard, RewardClassifier(label="unsafe", device="cpu")) as scorer:
        here = numbers(scorer.score(SOME))
    with open_server_scorer(RewardServer(url=url, api=api, label=1)) as scorer:
        assert numbers(scorer.score(SOME)) == pytest.approx(here, abs=1e-3)


def test_a_conversation_that_is_too_long_has_no_score(url: str) -> None:
    with open_server_scorer(RewardServer(url=url, label=1)) as scorer:
        found = scorer.score([conversation("Go on.", "word " * 400), SOME[0]])
    assert found[0] is None
    assert isinstance(found[1], float)


def test_a_server_of_several_labels_wants_one_of_them(url: str) -> None:
    with (
        pytest.raises(UserError, match=r"2 labels, and one is the score"),
        open_server_scorer(RewardServer(url=url)),
    ):
        pass
