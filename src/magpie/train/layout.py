"""The paths in the folder that a model is trained into. Knows no content.

The model's own files are moved into the folder itself once they are complete; `training` beside them holds the loss
curve and, until then, the files from which a stopped training resumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TOLD = "training.json"
"""The summary of a finished training."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths in the folder `training`."""

    folder: Path

    @property
    def job(self) -> Path:
        """What is to be done: settings, places, tokens. Its digest says whether a training is the same."""
        return self.folder / "job.json"

    @property
    def rows(self) -> Path:
        """The rows as ids, as an Arrow file."""
        return self.folder / "rows.arrow"

    @property
    def base(self) -> Path:
        """The base as a Hugging Face folder, where it is a GGUF file."""
        return self.folder / "base"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """The trained model, until it is moved to its place."""
        return self.folder / "model"

    @property
    def log(self) -> Path:
        """The loss curve: one JSON object a line."""
        return self.folder / "log.jsonl"

    @property
    def result(self) -> Path:
        """How the last session ended."""
        return self.folder / "result.json"

    @property
    def done(self) -> Path:
        """The result of the training process when it has finished; after that only files are assembled."""
        return self.folder / "done.json"

    @property
    def output(self) -> Path:
        """What the libraries print."""
        return self.folder / "output.log"
