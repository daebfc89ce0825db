"""The libraries of the extra `train`: whether they are here, before anything is opened."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from magpie.errors import MissingExtra
from magpie.install import install_hint
from magpie.train.settings import Train

NEEDED = ("torch", "transformers", "datasets", "accelerate", "trl")
OLDEST_TRL = (1, 8)


def check(settings: Train, *, gguf: bool) -> None:
    """Raise `MissingExtra` for a library that a training needs and that is not here. gguf: whether a GGUF file is read
    or written."""
    needed = [*NEEDED, *(["peft"] if settings.lora is not None else []), *(["gguf"] if gguf else [])]
    absent = [name for name in needed if find_spec(name) is None]
    if absent:
        raise MissingExtra(f"magpie train needs {' and '.join(absent)}: {install_hint('train')}")
    try:
        found = version("trl")
    except PackageNotFoundError:
        return
    if _numbers(found) < OLDEST_TRL:
        raise MissingExtra(f"magpie train needs TRL 1.8 or later, and finds {found}: {install_hint('train')}")


def _numbers(text: str) -> tuple[int, ...]:
    first = text.split(".")[:2]
    return tuple(int(part) if part.isdigit() else 0 for part in first)
