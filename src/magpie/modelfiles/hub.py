"""Fetches what magpie needs of a model on the Hugging Face Hub: its tokenizer and chat template, none of its weights.

Opens `huggingface_hub` lazily, and only here. Knows nothing of what is in the files.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

from magpie.errors import MissingExtra, ModelError, NetworkError
from magpie.install import install_hint_for
from magpie.log import logger
from magpie.safe.redaction import one_line, register

PATTERNS: Final = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "chat_template.json",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
)

_log = logger(__name__)


class NotFetched(ModelError, NetworkError):
    """A model of the Hub is not in its cache, and could not be fetched."""


def download(repository: str) -> Path:
    """The folder of `repository` ("owner/name") in the Hub's cache, fetched if need be. Raises `NotFetched`."""
    try:
        hub = import_module("huggingface_hub")
    except ImportError:
        raise MissingExtra(
            f"{repository}: not a path here, and fetching it from the Hub needs huggingface_hub; give a GGUF file or "
            f"a folder, or install it: {install_hint_for('huggingface_hub')}"
        ) from None
    _log.info("fetching %s from the Hub, as far as its cache does not have it", repository)
    try:
        return Path(hub.snapshot_download(repository, allow_patterns=list(PATTERNS)))
    except Exception as error:  # the library raises many kinds: no network, no such repository, no access
        with suppress(Exception):
            register(hub.get_token())  # which may lie in a file
        reason = one_line(f"{type(error).__name__}: {error}".partition("\n")[0])
    raise NotFetched(  # outside of the handler: the caught error knows the request, and so the token
        f"{repository}: no such path here, and it could not be fetched from the Hugging Face Hub ({reason}); "
        "check the name, the network and your access, or give a GGUF file or a folder"
    )
