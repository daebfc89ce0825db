"""Where a model's files are, and what identifies them. Knows no format."""

from __future__ import annotations

from difflib import get_close_matches
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

from magpie.errors import ModelError

_WHOLE_BYTES = 64 << 20
_SAMPLES, _SAMPLE_BYTES = 256, 64 << 10


def shipped_models() -> dict[str, Path]:
    """Name to GGUF file of the models inside the package."""
    folders = [entry for entry in (files("magpie") / "models").iterdir() if entry.is_dir()]
    return {folder.name: Path(str(folder)) / f"{folder.name}-f16.gguf" for folder in folders}


def find_model(name_or_path: str) -> Path:
    """The file of a model: one inside the package by its name, or a path. Raises `ModelError` when there is none."""
    path = Path(name_or_path).expanduser()
    shipped = shipped_models()
    if name_or_path in shipped:
        return shipped[name_or_path]
    if not path.exists():
        close = get_close_matches(name_or_path, shipped, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "give the path of a GGUF file"
        raise ModelError(
            f"model {name_or_path!r}: no such file ({path.absolute()}), and no model of that name in the package "
            f"({', '.join(sorted(shipped))}); {hint}"
        )
    return path


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
