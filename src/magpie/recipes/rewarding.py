"""What a recipe may say of rewards: how good a response is, and how much better than an unaligned model's.

Knows no scorer and no stage: these become plain arguments in `pipeline`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from magpie.recipes.base import Count, FilePath, KeyVariable, ModelName, Settings, Words, check_server_url
from magpie.recipes.engines import Engine, Seconds, name_the_engine
from magpie.recipes.sampling import Sampling, Template


class RewardClassifier(Settings):
    """A reward model in this process: a sequence classifier of Hugging Face, by transformers."""

    label: str | int | None = None
    """The label whose logit is the score, by its name or its place from 0; `null` for a model that has one."""
    context: Count | None = None
    """Tokens of a conversation at most; a longer one has no reward. `null` is what the model was made for."""
    batch_tokens: Count | None = None
    """Tokens in a batch, padding included; `null` is 16384 on a GPU and 4096 on a CPU."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of weights and activations; `auto` is the file's own on a GPU, float32 on a CPU."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where the model runs; `auto` is the first of these that is there."""
    trust_remote_code: bool = False
    """Run code that comes with the model. Only for models whose makers you trust as you trust your own shell."""


class RewardServer(Settings):
    """A server that runs a reward model, such as `vllm serve`."""

    url: Words
    """Its address, as in `http://localhost:8000`."""
    api: Literal["auto", "classify", "pooling", "score"] = "auto"
    """What it is asked by; `auto` is the first of these that it has. `score` takes single turns only."""
    served_model: ModelName | None = None
    """The model's name on the server; `null` is the only one that it serves."""
    label: Annotated[int, Field(ge=0)] | None = None
    """The place, from 0, of the label whose logit is the score; `null` for a model that has one."""
    api_key_env: KeyVariable | None = None
    """The environment variable that holds the API key. The key itself never stands in a recipe."""
    concurrency: Count = 32
    """The most requests in flight."""
    retries: Annotated[int, Field(ge=0)] = 5
    """How often a conversation is tried again after an error that may pass; then its row is marked, and the next run
    tries it."""
    connect_seconds: Seconds = 10.0
    """The longest wait for a connection."""
    answer_seconds: Seconds = 120.0
    """The longest wait for a whole answer, however lively it comes."""
    patience: Seconds = 120.0
    """How long the server may take no connection before the run ends, keeping what it has."""

    @field_validator("url", mode="after")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        check_server_url(value)
        return value


class Reward(Settings):
    """Score each response, or each of several."""

    by: Literal["judge", "classifier", "server", "agreement"] = "judge"
    """What scores. `judge`: a chat model that is asked for a digit from 1 to 5, of which the expected value by its
    probabilities is the reward. `classifier`: a reward model in this process. `server`: one behind a server.
    `agreement`: no model; of several responses (`respond.n`), the share of the others that come to the same answer."""
    model: ModelName | None = None
    """The judge, or the reward model: a Hugging Face folder or Hub id. `null` is the recipe's model as the judge."""
    engine: Engine | None = None
    """What runs another judge; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the judge's chat template is used; `null` is the recipe's where the model is too, else its own way. Of a
    classifier's, `system`, `kwargs` and `chat_template` are heeded."""
    prompt: FilePath | None = None
    """A Jinja file with what the judge is asked, which is given `instruction` and `response`; `null` is magpie's."""
    classifier: RewardClassifier = RewardClassifier()
    """How the reward model is run, where `by` is `classifier`."""
    server: RewardServer | None = None
    """Where the reward model is, where `by` is `server`."""

    @field_validator("engine", mode="before")
    @classmethod
    def _name_the_engine(cls, value: Any) -> Any:
        return name_the_engine(value)

    @model_validator(mode="after")
    def _one_scorer(self) -> Self:
        if self.by == "classifier" and self.model is None:
            raise ValueError("by is classifier, and model names none: give a reward model's folder or Hub id")
        if self.by == "server" and self.server is None:
            raise ValueError("by is server, and server says nothing: give its url, as in server: {url: ...}")
        if self.by != "server" and self.server is not None:
            raise ValueError(f"by is {self.by}, and there is a server: set by to server, or leave the server out")
        unheeded = {
            "server": ("model", "engine", "template", "prompt"),
            "classifier": ("engine", "prompt"),
            "agreement": ("model", "engine", "template", "prompt"),
            "judge": (),
        }
        for name in unheeded[self.by]:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} means nothing where by is {self.by}: leave it out")
        return self


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

    @field_validator("engine", mode="before")
    @classmethod
    def _name_the_engine(cls, value: Any) -> Any:
        return name_the_engine(value)
