"""Weights that are stored as pickle: opening them can run code, so they are opened only where the user trusts a model.

Knows folders; opens no weights.
"""

from __future__ import annotations

from pathlib import Path

_SAFE, _PICKLED = "*.safetensors", ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt")


def weights_refusal(folder: Path, *, trusted: bool) -> str | None:
    """Why the weights in a model's folder are not opened, in words; None where they are. Reads names only.

    trusted: whether code that comes with the model is run (`trust_remote_code`).

        weights_refusal(Path("models/mine"), trusted=False)
    """
    if any(folder.glob(_SAFE)):
        return None
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if not pickled:
        return f"there are no weights in {folder}; expected {_SAFE}"
    if trusted:
        return None
    return (
        f"its weights ({pickled[0]}) are pickled, and opening them can run code; convert them to safetensors, or set "
        "trust_remote_code if you trust its makers as you trust your own shell"
    )
