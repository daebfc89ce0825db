"""The requests and answers of llama.cpp's `/completion`, whether its server runs in this process or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magpie.engines.json_grammar import structure_grammar
from magpie.http.answers import id_of, logprob_of
from magpie.seams import Logprob, Request


def grammar(request: Request) -> dict[str, str]:
    """The field that holds the text to the request's structure. Raises `UnknownSchema`."""
    return {} if request.structure is None else {"grammar": structure_grammar(request.structure)}


def likeliest(place: Mapping[str, Any]) -> tuple[Logprob, ...]:
    """The tokens reported for one position. A token that is part of a character is reported as its bytes of it.
    Raises `Garbled`, or one of `READING_ERRORS` for an answer in another form."""
    return tuple(
        Logprob(id_of(one["id"]), bytes([*one["bytes"]]).decode(errors="replace"), logprob_of(one["logprob"]))
        for one in place["top_logprobs"]
    )
