"""Reward models and other rerankers as GGUF files: llama.cpp reads a conversation, and a number comes of it.

Two kinds of files score. Those with rank pooling: sequence classifiers of the architecture `qwen3`, which llama.cpp
reads by the last token, and encoders such as BERT, by the first. It tells the first label only, of `qwen3` as a
probability among the labels, whose log-odds are the score. And files that keep the head of a classifier under
`magpie.score.weight`, one number for each of the model's dimensions: llama.cpp's rank pooling has no head for
architectures such as `llama`, so it gives the last token's state, and the score is the product of the two, as in
transformers' classifiers.

A reranker takes two texts and puts them into the template `rerank` of its file. A file whose template is
`{query}{document}` adds nothing, so it is given the conversation as its chat template writes it, with all turns, as
files with a head of their own are; with any other template the two texts are an instruction and a response.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import mul
from pathlib import Path
from typing import Any

import orjson

from magpie.engines.llamacpp.engine import PATIENCE, address_in, choose, import_llamacpp, load, params
from magpie.engines.llamacpp.loopback import Answered, ConnectionLost, Loopback, Unanswered
from magpie.errors import EngineDied, ModelError, RequestFailed, TemplateError
from magpie.http.answers import READING_ERRORS, Garbled, decode_json, error_message, json_or_none, names_the_length
from magpie.modelfiles.gguf import read_metadata
from magpie.modelfiles.model import ModelFiles, open_model
from magpie.modelfiles.shape import read_shape
from magpie.seams import Message
from magpie.settings.engines import LlamaCpp as LlamaCppSettings
from magpie.templates.render import Renderer

RANK = 4
"""llama.cpp's number for rank pooling, as a GGUF file names it."""
HEAD = "magpie.score.weight"
"""The key of a classifier's head, by which the last token's state is weighed."""
WHOLE = "{query}{document}"
"""The template of a model that takes a conversation as it is."""
_BY_PROBABILITY = ("qwen3", "qwen3vl", "qwen3vlmoe")
"""Architectures whose labels llama.cpp reports as probabilities."""
_SLOTS = 8

Scored = float | RequestFailed | None


@dataclass(frozen=True, slots=True)
class ConversationTemplate:
    """How a conversation is written out."""

    system: str | None = None
    """A system message before every conversation."""
    chat_template: str | None = None
    """The text of a chat template that replaces the file's."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Further variables for the template."""


@contextmanager
def open_gguf_scorer(
    path: Path | str, template: ConversationTemplate | None = None, *, context: int | None = None
) -> Iterator[GgufScorer]:
    """Load a GGUF classifier; leaving the block frees it. Implements a scorer.

    context: tokens of a conversation at most; None is what the model was made for. Raises `ModelError` for a file that
    cannot score, `MissingExtra` where xllamacpp is not installed.

        with open_gguf_scorer("fledgling-reward-q8_0.gguf") as scorer:
            scorer.score([(Message("user", "Why?"), Message("assistant", "Because."))])  # [-3.1]
    """
    model = Path(path)
    if reason := unfit(model, template):
        raise ModelError(f"{model} cannot score: {reason}")
    has_head = HEAD in read_metadata(model)
    xllamacpp = import_llamacpp()
    plan = choose(read_shape(model), LlamaCppSettings(slots=_SLOTS, context=context))
    with tempfile.TemporaryDirectory(prefix="magpie-") as name:
        folder = Path(name)

        def settings(address: str, verbosity: int) -> Any:
            made = params(xllamacpp, model, plan, address, verbosity)
            made.embedding = True
            kinds = xllamacpp.llama_pooling_type
            made.pooling_type = kinds.LLAMA_POOLING_TYPE_LAST if has_head else kinds.LLAMA_POOLING_TYPE_RANK
            made.n_batch = made.n_ubatch = plan.context  # a text is pooled in one piece
            return made

        server = load(xllamacpp, model, settings, folder)
        scorer = GgufScorer(address_in(folder), model, template or ConversationTemplate(), plan.slots, plan.context)
        try:
            scorer.start()
            yield scorer
        finally:
            scorer.close()  # before the server: it waits for its open connections, forever
            del server


def unfit(path: Path, template: ConversationTemplate | None = None) -> str | None:
    """Why the GGUF file cannot score, in words; None where it may. Reads its head only."""
    metadata = read_metadata(path)
    architecture = metadata.get("general.architecture")
    own_template = template is not None and template.chat_template is not None
    if HEAD in metadata:
        width = metadata.get(f"{architecture}.embedding_length")
        if (found := head_of(metadata)) is None or len(found) != width:
            return f"its head ({HEAD}) is no list of {width} numbers, one for each dimension of the model"
        return None if own_template or "tokenizer.chat_template" in metadata else _NO_TEMPLATE
    if metadata.get(f"{architecture}.pooling_type") != RANK:
        return (
            "it is no classifier: its file has neither a head nor rank pooling; expected a reward model or a reranker "
            "as GGUF, or a Hugging Face folder of a sequence classifier; to ask it as a judge, set reward.by to judge"
        )
    labels = labels_of(metadata)
    if architecture in _BY_PROBABILITY and len(labels) < 2:
        return (
            f"it has {len(labels)} label, of which llama.cpp tells nothing in a {architecture} model; expected two, of "
            "which the first is the score"
        )
    if _takes_conversations(metadata) and not own_template and "tokenizer.chat_template" not in metadata:
        return _NO_TEMPLATE
    return None


_NO_TEMPLATE = (
    "its file has no chat template, so nothing says how it reads a conversation; give it one by "
    "reward.template.chat_template"
)


def head_of(metadata: Mapping[str, Any]) -> tuple[float, ...] | None:
    """The head that a file keeps; None where there is none, or none that can be read."""
    found = metadata.get(HEAD)
    if not isinstance(found, list) or not all(type(one) in (int, float) and math.isfinite(one) for one in found):
        return None
    return tuple(map(float, found))


def labels_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a classifier's labels, the first of which is the score."""
    named = metadata.get(f"{metadata.get('general.architecture')}.classifier.output_labels")
    return tuple(map(str, named)) if isinstance(named, list) and named else ("LABEL_0",)


def _takes_conversations(metadata: Mapping[str, Any]) -> bool:
    return metadata.get("tokenizer.chat_template.rerank") == WHOLE


class GgufScorer:
    """Implements a scorer, over llama.cpp's server in this process. Use it from one thread."""

    def __init__(self, address: str, model: Path, template: ConversationTemplate, slots: int, context: int) -> None:
        metadata = read_metadata(model)
        self._by_probability = metadata.get("general.architecture") in _BY_PROBABILITY
        self._head = head_of(metadata)
        self._files: ModelFiles = open_model(model)
        self._whole = self._head is not None or self._files.chat_templates.get("rerank") == WHOLE
        source = template.chat_template or self._files.chat_templates.get("default", "")
        self._renderer = Renderer(source, {**self._files.special, **template.kwargs})
        self._before = [] if template.system is None else [{"role": "system", "content": template.system}]
        self._wire, self._slots = Loopback(address), slots
        self.context = min(context, self._files.context or context)

    def start(self) -> None:
        """Wait for the server's loop: one that is closed before it runs never ends."""
        self._all({0: ("a", "b")})

    def close(self) -> None:
        self._wire.close()

    def score(self, conversations: Sequence[Sequence[Message]]) -> list[Scored]:
        """A score for each; None for one that is longer than `context`, `RequestFailed` for one without a number.
        Raises `EngineDied`."""
        scores: list[Scored] = [None] * len(conversations)
        texts: dict[int, tuple[str, str]] = {}
        for place, conversation in enumerate(conversations):
            try:
                found = self._texts(conversation)
            except TemplateError as error:
                scores[place] = RequestFailed(f"the scorer's chat template refuses the conversation: {error}")
            except RequestFailed as error:
                scores[place] = error
            else:
                if found is not None:
                    texts[place] = found
        for place, score in self._all(texts).items():
            scores[place] = score
        return scores

    def _texts(self, conversation: Sequence[Message]) -> tuple[str, str] | None:
        """The query and the document; None where they are longer than the model reads."""
        if self._whole:
            messages = [*self._before, *({"role": role, "content": content} for role, content in conversation)]
            text = self._renderer.render(messages, prompt=False)
            # llama.cpp looks for {document} in the query once it is put in, so the query holds one character
            query, document = text[:1], text[1:]
        else:
            query, document = _pair(conversation)
        length = len(self._files.tokenizer.encode(query + document))
        return None if length > self.context else (query, document)

    def _post(self, place: int, query: str, document: str) -> None:
        """Ask for the last token's state where the head is here, else for the score."""
        if self._head is None:
            self._wire.post(place, "/v1/rerank", orjson.dumps({"query": query, "documents": [document]}))
        else:
            ids = self._files.tokenizer.encode(query + document)
            self._wire.post(place, "/embedding", orjson.dumps({"content": ids, "embd_normalize": -1}))

    def _all(self, texts: Mapping[int, tuple[str, str]]) -> dict[int, Scored]:
        """Asks for all of them, as many at once as there are slots."""
        scores: dict[int, Scored] = {}
        waiting, heard = list(texts.items()), time.monotonic()
        flying = 0
        try:
            while waiting or flying:
                while waiting and flying < self._slots:
                    place, (query, document) = waiting.pop()
                    self._post(place, query, document)
                    flying += 1
                answers = self._wire.ready(1.0)
                for answer in answers:
                    scores[answer.ticket] = self._score(answer)
                    flying -= 1
                heard = time.monotonic() if answers else heard
                if time.monotonic() - heard > PATIENCE:
                    raise ConnectionLost(f"no answer for {PATIENCE:g} seconds")
        except ConnectionLost as error:
            raise EngineDied(f"llama.cpp is gone: {error}") from error
        return scores

    def _score(self, answer: Answered | Unanswered) -> Scored:
        if isinstance(answer, Unanswered):
            return RequestFailed(f"llama.cpp gave no whole answer: {answer.reason}")
        if answer.status != 200:
            if names_the_length(json_or_none(answer.body)):
                return None  # with the tokens of a template around the texts, which only llama.cpp counts
            return RequestFailed(f"llama.cpp refused the conversation: {error_message(answer.body)}")
        try:
            said = self._read(decode_json(answer.body))
        except (Garbled, *READING_ERRORS):
            return RequestFailed("llama.cpp gave an answer in no known form")
        if not math.isfinite(said):
            return RequestFailed(f"the scorer's score is {said}, no number")
        return log_odds(said) if self._by_probability and self._head is None else said

    def _read(self, said: Any) -> float:
        """The number in an answer. Raises one of `READING_ERRORS` for an answer in another form."""
        if self._head is None:
            return float(said["results"][0]["relevance_score"])
        state = said[0]["embedding"][0]
        if len(state) != len(self._head):
            raise ValueError("another width than the head's")
        return math.fsum(map(mul, state, self._head))


def _pair(conversation: Sequence[Message]) -> tuple[str, str]:
    """Raises `RequestFailed` for a conversation that is no instruction and response."""
    if [message.role for message in conversation] != ["user", "assistant"]:
        raise RequestFailed(
            f"the scorer takes an instruction and a response, and the conversation has {len(conversation)} messages"
        )
    query, document = conversation[0].content, conversation[1].content
    if "{document}" in query:
        raise RequestFailed("the instruction holds {document}, in place of which llama.cpp would put the response")
    return query, document


_LEAST = 1e-7
"""Of a probability in single precision."""


def log_odds(probability: float) -> float:
    """The logit of a probability, within the range of single precision: plus or minus 16."""
    told = min(max(probability, _LEAST), 1.0 - _LEAST)
    return math.log(told) - math.log1p(-told)
