"""Which dialect speaks to which API."""

from __future__ import annotations

from magpie.engines.server.info import Facts
from magpie.engines.server.native import LlamaCpp, Ollama, Sglang
from magpie.engines.server.openai import Chat, Completions, Vllm
from magpie.engines.server.wire import Dialect
from magpie.modelfiles.tokenizer import Vocabulary
from magpie.seams import Capabilities

_KINDS: dict[str, type[Dialect]] = {
    "vllm": Vllm,
    "sglang": Sglang,
    "llamacpp": LlamaCpp,
    "ollama": Ollama,
    "text": Completions,
    "chat": Chat,
}


def capabilities(api: str) -> Capabilities:
    """What a server of this API takes and can do: known before it is asked."""
    return _KINDS[api].capabilities


def make_dialect(facts: Facts, vocabulary: Vocabulary | None) -> Dialect:
    """The dialect for one model. vocabulary: the tokenizer that reads the ids, where there are any."""
    match facts.api:
        case "vllm":
            return Vllm(facts.served_model, facts.context, vocabulary)
        case "sglang":
            return Sglang(facts.context, vocabulary)
        case "llamacpp":
            return LlamaCpp(facts.served_model, facts.context, vocabulary)
        case "ollama":
            return Ollama(facts.served_model, facts.context)
        case "text":
            return Completions(facts.served_model)
        case _:
            return Chat(facts.served_model)
