"""The card of a trained model: what it was made of, how, and what that came to. Every figure is of the run or of the
training's own log; folders of this machine stay out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from magpie.export.card import published
from magpie.export.generators import generators
from magpie.install import magpie_version
from magpie.modelfiles.locate import shipped_models
from magpie.runs import Run
from magpie.safe.markdown import code, fence, plain
from magpie.safe.terminal import one_line
from magpie.train.curve import Curve

if TYPE_CHECKING:
    from jinja2 import Template

_METHODS = {
    "sft": "supervised fine-tuning",
    "dpo": "direct preference optimization",
    "rm": "reward modeling",
}
_POINTS = 12
"""Of the loss curve, in the card."""
_EXTRA = ("mean_token_accuracy", "rewards/accuracies", "rewards/margins", "accuracy", "margin")
"""What a method logs beside its loss."""


def card_of(run: Run, told: Mapping[str, Any], curve: Curve, gguf: str | None) -> str:
    """README.md of a folder that holds a trained model. told: `training.json`. gguf: the name of its GGUF file."""
    base = told["base"]
    named = [*_EXTRA]
    extra = [name for name in named if curve.steps and all(name in entry for entry in curve.steps.values())]
    return _template().render(
        head=_head(told),
        name=f"{base['name'].rpartition('/')[2]}, {told['method']} on {run.name}",
        base=base["name"],
        method=told["method"],
        method_name=_METHODS[told["method"]],
        kind="rows" if told["method"] == "sft" else "pairs",
        data=told["data"],
        models=generators(run),
        tokenizer=told["tokenizer"],
        hyperparameters=_hyperparameters(told),
        figures=_figures(told),
        points=_points(curve, extra),
        extra=extra,
        gguf=gguf,
        license="mit" if base["name"] in shipped_models() else None,
        recipe=yaml.safe_dump(published(run.recipe), sort_keys=False, allow_unicode=True, width=100),
        version=magpie_version(),
        versions=told["versions"],
    )


@cache
def _template() -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"plain": plain, "code": code, "cell": _cell, "fence": fence}
    text = (resources.files("magpie") / "train" / "card.md.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)


def _cell(text: str) -> str:
    return " ".join(one_line(" ".join(text.split())).split("|")).replace("<", "\\<")


def _head(told: Mapping[str, Any]) -> str:
    """What the Hub reads."""
    head: dict[str, Any] = {"base_model": told["base"]["hub"]} if told["base"]["hub"] else {}
    head |= {
        "library_name": "transformers",
        "pipeline_tag": "text-classification" if told["method"] == "rm" else "text-generation",
        "tags": ["magpie", "trl", told["method"], "synthetic"],
    }
    return yaml.safe_dump(head, sort_keys=False)


def _hyperparameters(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = {key: value for key, value in told["hyperparameters"].items() if key not in ("method", "warmup")}
    lora = {f"lora {key}": value for key, value in (told["lora"] or {}).items()}
    return [(key.replace("_", " "), _shown(value)) for key, value in {**found, **lora}.items() if value is not None]


def _figures(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    figures, versions = told["figures"], told["versions"]
    shown = {
        "steps": figures["steps"],
        "loss, first tenth of the steps": figures["first_loss"],
        "loss, last tenth of the steps": figures["last_loss"],
        "parameters": told["base"]["parameters"],
        "parameters that were trained": figures["trainable_parameters"],
        "seconds": figures["seconds"],
        "device": told["device"],
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return [(key, _shown(value)) for key, value in shown.items() if value is not None]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if value >= 100 else f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _points(curve: Curve, extra: list[str]) -> list[dict[str, Any]]:
    """Some entries of the curve, evenly spread, with the first and the last."""
    steps = sorted(curve.steps)
    if not steps:
        return []
    places = sorted({round(place * (len(steps) - 1) / (_POINTS - 1)) for place in range(_POINTS)})
    entries = [(steps[place], curve.steps[steps[place]]) for place in places]
    return [{"step": step, "loss": entry["loss"], "extra": [entry[name] for name in extra]} for step, entry in entries]
