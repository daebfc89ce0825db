"""Where a model's files are, in which forms, and what identifies them. Opens no format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Literal

from magpie.errors import ModelError
from magpie.safe.paths import expanded

_WHOLE_BYTES = 64 << 20
_SAMPLES, _SAMPLE_BYTES = 256, 64 << 10

Form = Literal["gguf", "folder", "hub", "ir"]
"""A GGUF file; a Hugging Face folder; a repository on the Hub; a folder with OpenVINO's IR."""


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """One model, in each form in which it is there."""

    name: str
    """As the user said it."""
    gguf: Path | None = None
    folder: Path | None = None
    """A Hugging Face folder. Of a model on the Hub: its tokenizer and configuration, fetched, without the weights."""
    hub: str | None = None
    """The id of its repository on the Hugging Face Hub."""
    revision: str | None = None
    """The commit of that repository."""

    @property
    def path(self) -> Path:
        """Where its tokenizer and chat template are."""
        path = self.gguf or self.folder
        assert path is not None, "a place without a path is not made"
        return path

    @property
    def forms(self) -> tuple[Form, ...]:
        if self.hub is not None:
            return ("hub",)
        found: list[Form] = ["gguf"] if self.gguf else []
        if self.folder is not None:
            found.append("ir" if (self.folder / "openvino_model.xml").exists() else "folder")
        return tuple(found)

    def identity(self) -> str | dict[str, str | None]:
        """What names the model wherever it lies: the same weights, the same identity.

        The models inside the package have one in both forms, so that a run goes on whichever engine reads them.
        """
        if self.hub is not None:
            return {"hub": self.hub, "revision": self.revision}
        if self.gguf is not None:
            return file_digest(self.gguf)
        assert self.folder is not None, "a place without a path is not made"
        return folder_digest(self.folder)


def shipped_models() -> dict[str, Path]:
    """Name to GGUF file of the models inside the package."""
    folders = [Path(str(entry)) for entry in (files("magpie") / "weights").iterdir() if entry.is_dir()]
    return {folder.name: file for folder in folders for file in folder.glob(f"{folder.name}-*.gguf")}


def find_model(name_or_path: str) -> Path:
    """The file or folder of a model: one inside the package by its name, or a path. Raises `ModelError`."""
    return locate(name_or_path).path


def locate(name_or_path: str) -> ModelPlace:
    """Where a model is on this machine. Raises `ModelError` when it is not."""
    path = expanded(name_or_path)
    shipped = shipped_models()
    if name_or_path in shipped:
        return _shipped(name_or_path, shipped[name_or_path])
    if not path.exists():
        close = get_close_matches(name_or_path, shipped, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "give the path of a GGUF file or a Hugging Face folder"
        raise ModelError(
            f"model {name_or_path!r}: no such file ({path.absolute()}), and no model of that name in the package "
            f"({', '.join(sorted(shipped))}); {hint}"
        )
    return ModelPlace(name_or_path, folder=path) if path.is_dir() else ModelPlace(name_or_path, gguf=path)


def _shipped(name: str, gguf: Path) -> ModelPlace:
    return ModelPlace(name, gguf=gguf, folder=gguf.parent if (gguf.parent / "config.json").exists() else None)


def file_digest(path: Path) -> str:
    """A digest of a model file: of all of it up to 64 MiB; above, of its size and 256 samples of 64 KiB, spread
    evenly from its first byte to its last, since a stage's fingerprint must not take minutes.
    """
    size = path.stat().st_size
    digest = blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            digest.update(file.read())
        else:
            for sample in range(_SAMPLES):
                file.seek((size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


_IDENTIFYING = ("*.safetensors", "pytorch_model*.bin", "openvino_model.*", "config.json", "tokenizer.json")


def folder_digest(folder: Path) -> str:
    """A digest of a model folder: of its weights, configuration and vocabulary, by name and content."""
    digest = blake2b(digest_size=16)
    for path in _sorted(folder, _IDENTIFYING):
        digest.update(f"{path.name} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def _sorted(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
