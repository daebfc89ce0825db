"""Finds a model for a recipe: in the package, at a path, or on the Hugging Face Hub. Knows no engine."""

from __future__ import annotations

import re
from dataclasses import replace

from magpie.modelfiles.hub import download
from magpie.modelfiles.locate import ModelPlace, locate
from magpie.modelfiles.model import ModelFiles, open_model
from magpie.safe.paths import expanded

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find(name_or_path: str) -> ModelPlace:
    """Where a model is: one in the package, at a path, or on the Hub by the id of its repository (`owner/name`), of
    which the weights are not fetched here. Raises `ModelError`.
    """
    if _HUB_ID.fullmatch(name_or_path) and not expanded(name_or_path).exists():
        folder = download(name_or_path)
        return ModelPlace(name_or_path, folder=folder, hub=name_or_path, revision=folder.name)
    return locate(name_or_path)


def open_tokenizer(name_or_path: str) -> ModelFiles:
    """What magpie knows of a model without running it."""
    return open_files(find(name_or_path))


def open_files(place: ModelPlace) -> ModelFiles:
    """What stands in a model's files; a model on the Hub is called by its repository, not by its folder here."""
    files = open_model(place.path)
    return files if place.hub is None else replace(files, name=place.hub)
