"""Reward models and other sequence classifiers of Hugging Face, through transformers.

Knows settings, and what a folder says of itself: what cannot be a scorer is refused before anything is loaded. The
arithmetic is `torch_classifier`'s, which alone opens PyTorch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint
from magpie.modelfiles.pickled import weights_refusal
from magpie.scorers.labels import ITS_OWN, ScorerTemplate, why_not_label
from magpie.settings.scorers import RewardClassifier

if TYPE_CHECKING:
    from magpie.scorers.torch_classifier import Classifier

_KIND = "ForSequenceClassification"


@contextmanager
def open_classifier(
    model: Path | str,
    settings: RewardClassifier | None = None,
    template: ScorerTemplate = ITS_OWN,
    *,
    revision: str | None = None,
) -> Iterator[Classifier]:
    """Load a Hugging Face folder, or a repository on the Hub; leaving the block frees the model.

    revision: the repository's commit. Raises `ModelError` for what is no scorer, `MissingExtra` without the library.
    """
    settings = settings or RewardClassifier()
    if Path(model).is_dir() and (reason := unfit(Path(model), settings, template)):
        raise ModelError(f"{model} cannot score: {reason}")
    check_libraries()
    from magpie.scorers.torch_classifier import load

    with load(str(model), settings, template, revision) as classifier:
        yield classifier


def check_libraries() -> None:
    """Raises `MissingExtra` where transformers or PyTorch is not installed, or does not load."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before PyTorch: two busy waiting threads stop a small machine
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except Exception as error:  # a shared library that does not load raises what it likes
        told = str(error).partition("\n")[0]
        raise MissingExtra(
            f"a reward model needs transformers and torch ({told}); let a judge or a server score (reward.by), or "
            f"install them: {install_hint('transformers')}"
        ) from error


def unfit(
    folder: Path, settings: RewardClassifier, template: ScorerTemplate = ITS_OWN, weights: bool = True
) -> str | None:
    """Why the model in this folder cannot score, in words; None where it may. Reads its small files only.

    weights: whether they should be there; of a model on the Hub they are fetched later.
    """
    config = _read(folder / "config.json")
    if config is None:
        return f"there is no config.json in {folder} that can be read; expected a Hugging Face folder"
    if weights and (refusal := weights_refusal(folder, trusted=settings.trust_remote_code)):
        return refusal
    if "auto_map" in config:
        return None if settings.trust_remote_code else _OWN_CODE
    if not any(_KIND in kind for kind in _texts(config.get("architectures"))):
        found = ", ".join(_texts(config.get("architectures"))) or "no architecture"
        return f"it is {found} and not a sequence classifier (*{_KIND}); to ask it as a judge, set reward.by to judge"
    if template.chat_template is None and not _has_template(folder):
        return (
            "its tokenizer has no chat template, so nothing says how it reads a conversation; give it one by "
            "reward.template.chat_template"
        )
    return why_not_label(labels_of(config), settings.label)


def is_classifier(folder: Path) -> bool:
    """Whether the model in this folder gives labels, and writes nothing."""
    return any(_KIND in kind for kind in _texts((_read(folder / "config.json") or {}).get("architectures")))


_OWN_CODE = (
    "it comes with code of its own, as models of several objectives do; set reward.classifier.trust_remote_code if you "
    "trust its makers as you trust your own shell"
)


def labels_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a classifier's labels, in their places, as transformers reads them from a config.json."""
    named = config.get("id2label")
    if isinstance(named, Mapping) and named:
        return tuple(str(named[place]) for place in sorted(named, key=int))
    count = config.get("num_labels", 2)
    return tuple(f"LABEL_{place}" for place in range(count if isinstance(count, int) else 2))


def _has_template(folder: Path) -> bool:
    files = ("chat_template.jinja", "chat_template.json")
    settings = _read(folder / "tokenizer_config.json") or {}
    return bool(settings.get("chat_template")) or any((folder / name).is_file() for name in files)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
