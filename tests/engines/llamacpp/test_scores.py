"""Scores of GGUF files, by rank pooling or a head: what is refused, and whose a score is. Nobody trained the models."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from magpie.engines.llamacpp import scores
from magpie.engines.llamacpp.scores import WHOLE, ConversationTemplate, GgufScorer, log_odds, open_gguf_scorer, unfit
from magpie.errors import ModelError, RequestFailed
from magpie.seams import Message
from tests.engines.tiny_gguf import CHATML, TinyModel, write_gguf

TINY = TinyModel(architecture="qwen3", labels=("right", "wrong"), rerank=WHOLE)
PAIR = "{query} then {document}"


def conversation(instruction: str, response: str) -> tuple[Message, ...]:
    return Message("user", instruction), Message("assistant", response)


CONVERSATIONS = [
    conversation("the end", "hello"),
    conversation("the end", "hello and more"),
    conversation("", "hello"),
    (*conversation("the end", "hello"), Message("user", "and"), Message("assistant", "or")),
]


HEAD = tuple((-1.0) ** place * (1 + place % 5) for place in range(64))
HEADED = TinyModel(head=HEAD)


@pytest.fixture(scope="module", params=[TINY, HEADED], ids=["rank pooling", "a head"])
def scorer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GgufScorer]:
    with open_gguf_scorer(write_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf", request.param)) as scorer:
        yield scorer


def test_a_head_weighs_the_last_token_s_state(tmp_path: Path) -> None:
    """Twice the head, twice the score; two heads added, the scores added."""
    others = tuple(float(place % 3) for place in range(64))
    heads = {"one": HEAD, "two": tuple(2 * value for value in HEAD), "other": others}
    heads["both"] = tuple(map(sum, zip(HEAD, others, strict=True)))
    told = {}
    for name, head in heads.items():
        with open_gguf_scorer(write_gguf(tmp_path / f"{name}.gguf", TinyModel(head=head))) as scorer:
            (told[name],) = (float(score) for score in scorer.score(CONVERSATIONS[:1]) if isinstance(score, float))
    assert told["two"] == pytest.approx(2 * told["one"])
    assert told["both"] == pytest.approx(told["one"] + told["other"])
    assert told["one"] != 0


def test_each_conversation_has_a_score_of_its_own_in_its_place(scorer: GgufScorer) -> None:
    scores = scorer.score(CONVERSATIONS * 5)
    assert all(isinstance(score, float) for score in scores)
    assert len({round(score, 4) for score in scores if isinstance(score, float)}) == len(CONVERSATIONS)
    assert scores == scorer.score(CONVERSATIONS) * 5
    assert scorer.score([]) == []


def test_the_words_of_a_reranker_s_template_are_text_like_any_other(scorer: GgufScorer) -> None:
    """llama.cpp puts the response in place of {document}, wherever that stands."""
    plain, hostile = conversation("say {document} so", "or"), conversation("say or so", "or")
    assert scorer.score([plain])[0] != scorer.score([hostile])[0]
    assert len({*map(str, scorer.score([conversation("{query}", "{query}"), conversation("{document}", "")]))}) == 2


def test_what_is_longer_than_the_model_reads_has_no_score(scorer: GgufScorer) -> None:
    long = conversation("the " * 300, "or")
    assert scorer.score([CONVERSATIONS[0], long])[1] is None
    assert isinstance(scorer.score([CONVERSATIONS[0], long])[0], float)


def test_what_only_llamacpp_finds_too_long_has_no_score_either(
    scorer: GgufScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts the tokens of the template around the texts, too."""
    monkeypatch.setattr(scorer, "context", 1 << 20)
    scores = scorer.score([conversation("the " * 300, "or"), CONVERSATIONS[0]])
    assert scores[0] is None
    assert isinstance(scores[1], float)


def test_what_the_template_refuses_fails_alone(tmp_path: Path) -> None:
    strict = "{% if messages | length > 2 %}{{ raise_exception('one turn') }}{% endif %}" + CHATML
    with open_gguf_scorer(
        write_gguf(tmp_path / "tiny.gguf", TINY), ConversationTemplate(chat_template=strict)
    ) as scorer:
        scores = scorer.score(CONVERSATIONS)
    assert isinstance(scores[3], RequestFailed)
    assert "one turn" in str(scores[3])
    assert all(isinstance(score, float) for score in scores[:3])


def test_a_system_message_stands_before_every_conversation(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf", TINY)
    with open_gguf_scorer(path, ConversationTemplate(system="the")) as scorer:
        told = scorer.score(CONVERSATIONS[:1])
    with open_gguf_scorer(path) as scorer:
        assert scorer.score([(Message("system", "the"), *CONVERSATIONS[0])]) == told
        assert scorer.score(CONVERSATIONS[:1]) != told


def test_a_file_with_a_template_for_two_texts_scores_single_turns(tmp_path: Path) -> None:
    model = TinyModel(architecture="qwen3", labels=("yes", "no"), rerank=PAIR, chat_template=None)
    with open_gguf_scorer(write_gguf(tmp_path / "tiny.gguf", model)) as scorer:
        scores = scorer.score([*CONVERSATIONS, conversation("say {document}", "or")])
    assert all(isinstance(score, float) for score in scores[:3])
    assert "4 messages" in str(scores[3])
    assert "{document}" in str(scores[4])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (TinyModel(), "neither a head nor rank pooling"),
        (TinyModel(head=HEAD[:9]), "no list of 64 numbers"),
        (TinyModel(head=(*HEAD[:63], math.inf)), "no list of 64 numbers"),
        (TinyModel(head=HEAD, chat_template=None), "no chat template"),
        (TinyModel(architecture="qwen3", labels=("score",), rerank=WHOLE), "1 label, of which llama.cpp tells nothing"),
        (TinyModel(architecture="qwen3", labels=("a", "b"), rerank=WHOLE, chat_template=None), "no chat template"),
    ],
)
def test_what_cannot_score_is_refused_by_its_head(tmp_path: Path, model: TinyModel, words: str) -> None:
    path = write_gguf(tmp_path / "tiny.gguf", model)
    assert words in str(unfit(path))
    with pytest.raises(ModelError, match=words), open_gguf_scorer(path):
        pass


def test_a_file_without_its_head_says_what_llamacpp_says(tmp_path: Path) -> None:
    broken = TinyModel(architecture="qwen3", labels=("a", "b"), rerank=WHOLE, drop_tensor="blk.0.attn_q.weight")
    with (
        pytest.raises(ModelError, match=r"cannot be run by llama\.cpp.*attn_q"),
        open_gguf_scorer(write_gguf(tmp_path / "tiny.gguf", broken)),
    ):
        pass


def test_log_odds_are_the_logit_within_what_a_probability_tells() -> None:
    for logit in (-9.0, -1.5, 0.0, 3.25, 9.0):
        assert log_odds(1 / (1 + math.exp(-logit))) == pytest.approx(logit, abs=1e-3)
    assert log_odds(0.0) == pytest.approx(-16.1, abs=0.1)
    assert log_odds(1.0) == pytest.approx(16.1, abs=0.1)
    assert scores.RANK == 4
