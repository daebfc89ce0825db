"""Settings of the stage `respond_base`."""

from __future__ import annotations

from magpie.settings.base import FilePath, ModelName, Settings
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling


class RespondBase(Settings):
    """Let an unaligned model answer the same instructions, so that the reward can say how much better the response is
    (`reward_difference`)."""

    model: ModelName | None = None
    """A base model: a GGUF file, a Hugging Face folder, a Hub id, or the name of a model inside the package. `null` is
    `fledgling-base` for fledgling; for any other it must be named."""
    engine: Engine | None = None
    """What runs it; `null` is `auto`."""
    sampling: Sampling = Sampling()
    """Null settings are greedy, with at most 1024 tokens: a base model often does not end by itself."""
    prompt: FilePath | None = None
    """A Jinja file that shows some instructions with their responses, and then the `instruction`; `null` is magpie's.
    The response ends where the model writes one of the two headings that stand around the instruction."""
