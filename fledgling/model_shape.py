"""The size of the model. Apart from the model, since reading a file needs no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """The size of the model. The default has 5.1 million parameters."""

    vocabulary: int = 4096
    width: int = 256
    layers: int = 6
    heads: int = 4
    inner: int = 544
    positions: int = 512
    theta: float = 10000.0
    normed: bool = False  # queries and keys are normed in each head, as in Qwen3

    @property
    def head_width(self) -> int:
        return self.width // self.heads
