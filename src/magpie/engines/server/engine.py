"""Any server that speaks OpenAI's API or one of its own: vLLM, SGLang, llama.cpp, Ollama, and others; also several.

What the layers above need to know of it. aiohttp is opened with the first server: `magpie --help` does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from magpie.engines.server.dialects import capabilities
from magpie.engines.server.info import Facts
from magpie.modelfiles.tokenizer import Vocabulary
from magpie.settings.engines import Server as ServerSettings

if TYPE_CHECKING:
    from magpie.engines.server.loop import Server

__all__ = ["Facts", "capabilities", "detect", "open_server"]


def detect(settings: ServerSettings) -> Facts:
    """What the servers are. Asks the first that can be reached, or none where the settings say all.

    Raises `UserError` for an address, a key or an answer that will not do, `ModelError` for a model not served there.
    """
    from magpie.engines.server import facts as server_facts

    return server_facts.detect(settings)


@contextmanager
def open_server(
    settings: ServerSettings, facts: Facts | None = None, vocabulary: Vocabulary | None = None
) -> Iterator[Server]:
    """Servers of one model, every one of which was asked what it is and for one token; leaving the block cancels what
    is in flight.

    facts: what `detect` found, else it is asked now. vocabulary: the tokenizer that writes the prompts and reads the
    ids, which must be the servers' own. Raises `UserError` for an address, a key or an answer that will not do, and
    `ModelError` for a model that is not served there or has another tokenizer.
    """
    from magpie.engines.server import opening as server_opening

    with server_opening.opened(settings, facts, vocabulary) as engine:
        yield engine
