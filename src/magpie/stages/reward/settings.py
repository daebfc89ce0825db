"""Settings of the stage `reward`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from magpie.settings.base import FilePath, JsonObject, ModelName, Settings, Words
from magpie.settings.engines import Engine
from magpie.settings.sampling import Template
from magpie.settings.scorers import RewardClassifier, RewardServer


class Reward(Settings):
    """Score each response, or each of several."""

    by: Literal["judge", "classifier", "server", "agreement", "package"] = "judge"
    """What scores. `judge`: a chat model that is asked for a digit from 1 to 5, of which the expected value by its
    probabilities is the reward. `classifier`: a reward model in this process. `server`: one behind a server.
    `agreement`: no model; of several responses (`respond.n`), the share of the others that come to the same answer.
    `package`: a scorer of another package."""
    model: ModelName | None = None
    """The judge, or the reward model: one in the package, a Hugging Face folder or Hub id, or a GGUF file with rank
    pooling or a head. `null` is the recipe's model as the judge."""
    engine: Engine | None = None
    """What runs another judge; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the judge's chat template is used; `null` is the recipe's where the model is too, else its own way. Of a
    classifier's, `system`, `kwargs` and `chat_template` are heeded."""
    prompt: FilePath | None = None
    """A Jinja file with what the judge is asked, which is given `instruction` and `response`; `null` is magpie's."""
    answers: Literal["text", "math"] = "text"
    """Where `by` is `agreement`: when two final answers are the same. `text`: when their normalized texts are, numbers
    as numbers. `math`: also when math-verify, an extra library, finds them equal: `\\frac12` and 0.5."""
    classifier: RewardClassifier = RewardClassifier()
    """How the reward model is run, where `by` is `classifier`."""
    server: RewardServer | None = None
    """Where the reward model is, where `by` is `server`."""

    use: Words | None = None
    """The entry point of the group `magpie.scorers`, where `by` is `package`."""
    kwargs: JsonObject = Field(default_factory=dict)
    """What that scorer is opened with."""

    @model_validator(mode="after")
    def _one_scorer(self) -> Self:
        if self.by == "classifier" and self.model is None:
            raise ValueError(
                "by is classifier, and model names none: give fledgling-reward, a GGUF file, or a Hugging Face "
                "folder or Hub id"
            )
        if self.by == "server" and self.server is None:
            raise ValueError("by is server, and server says nothing: give its url, as in server: {url: ...}")
        if (self.by == "package") != (self.use is not None):
            raise ValueError("by: package and use: NAME belong together: give both, or neither")
        if self.by != "server" and self.server is not None:
            raise ValueError(f"by is {self.by}, and there is a server: set by to server, or leave the server out")
        if self.by != "agreement" and self.answers != "text":
            raise ValueError(f"answers means nothing where by is {self.by}: leave it out")
        unheeded = {
            "server": ("model", "engine", "template", "prompt"),
            "classifier": ("engine", "prompt"),
            "agreement": ("model", "engine", "template", "prompt"),
            "package": ("model", "engine", "template", "prompt"),
            "judge": (),
        }
        for name in unheeded[self.by]:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} means nothing where by is {self.by}: leave it out")
        return self
