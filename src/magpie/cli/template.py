"""`magpie template`: what a model's chat template comes out as: the prompts, the stops, and who writes what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

from rich.console import Console
from rich.text import Text

from magpie.cli.text import print_json
from magpie.errors import UserError
from magpie.executors.local import execute
from magpie.models.find import open_tokenizer
from magpie.plan.load import check
from magpie.plan.resolve import resolve
from magpie.safe.terminal import visible
from magpie.templates import (
    OMIT_SYSTEM,
    TEMPLATE_SYSTEM,
    ChatTemplate,
    System,
    TemplateOptions,
    derive,
    sample,
)

_STYLES = {"template": "dim", "user model": "bold cyan", "assistant model": "green"}
_PROMPTS = ("pre_query", "pre_response", "follow_up")


def template(name: str, system: str | None, thinking: str | None, count: int, engine: str, *, as_json: bool) -> None:
    if thinking not in (None, "on", "off"):
        raise UserError(f"--thinking {thinking!r}: expected on or off")
    switch = cast(Literal["on", "off", "default"], thinking or "default")
    options = TemplateOptions(system=_system(system), thinking=switch)
    chat = derive(open_tokenizer(name), options)
    sampled = _sampled(name, system, switch, count, engine) if count else []
    if as_json:
        print_json({**chat.describe(), **({"samples": sampled} if count else {})}, indent=True)
        return
    console = Console(highlight=False, soft_wrap=True)
    _print(console, chat)
    if count:
        _print_samples(console, sampled)


def _sampled(name: str, system: str | None, thinking: str, count: int, engine: str) -> list[dict[str, Any]]:
    """What the model writes from the pre-query, on an engine of this machine or a server: `count` instructions.

    They are those that a run of that size would begin with; the run is not kept.
    """
    template = {"system": False if system == "" else system, "thinking": None if thinking == "default" else thinking}
    recipe = check(
        {"model": name, "engine": engine, "size": count, "template": template, "respond": None}, "magpie template"
    )
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        run = execute(resolve(recipe, out), out)
        rows = run.table().sort_by("row").to_pylist()
    return [
        {
            "text": row["instruction_raw"] or row["instruction"],
            "instruction": row["instruction"],
            "sanitized_by": row["sanitized_by"],
            "drop_reason": row["drop_reason"],
            "error": row["error"],
        }
        for row in rows
    ]


def _print_samples(console: Console, sampled: Sequence[Mapping[str, Any]]) -> None:
    """Each as the model wrote it; below, what a run would make of it where that is something else."""
    console.print()
    console.print(Text(f"{len(sampled)} instructions from this pre-query", style="bold"))
    for number, one in enumerate(sampled, start=1):
        console.print(Text(f"{number}", style="dim"))
        if one["error"]:
            console.print(Text(f"failed: {visible(one['error'])}", style="red"))
            continue
        console.print(Text(visible(one["text"] or ""), style=_STYLES["user model"]))
        if one["sanitized_by"]:
            console.print(Text(f"kept, by {visible(one['sanitized_by'])}:", style="dim"))
            console.print(Text(visible(one["instruction"] or ""), style=_STYLES["user model"]))
        if one["drop_reason"]:
            console.print(Text(f"dropped: {visible(one['drop_reason'])}", style="yellow"))


def _system(asked: str | None) -> str | System | None:
    if asked is None:
        return TEMPLATE_SYSTEM
    return OMIT_SYSTEM if asked == OMIT_SYSTEM.value else asked or None


def _print(console: Console, chat: ChatTemplate) -> None:
    found = chat.describe()
    console.print(Text.assemble((visible(str(found["model"])), "bold"), f"  family {found['family']}"))
    for name in _PROMPTS:
        console.print(_prompt(chat, name, found[name]))
    console.print(_fact("stops", [chat.tokenizer.token(i) for i in found["stop_token_ids"]] + found["stop_strings"]))
    console.print(_fact("stop_token_ids", found["stop_token_ids"]))
    console.print(_fact("default_system", found["default_system"]))
    if found["default_system_kind"] is not None:
        console.print(_fact("default is", found["default_system_kind"]))
    for name in ("system_role", "thinking", "bos", "date"):
        console.print(_fact(name, found[name]))
    for warning in found["warnings"]:
        console.print(Text(f"warning: {visible(warning)}", style="yellow"))
    console.print()
    console.print(_conversation(chat))


def _prompt(chat: ChatTemplate, name: str, found: Mapping[str, Any] | None) -> Text:
    """A prompt token by token, the special ones marked, and its ids."""
    if found is None:
        return _fact(name, "cannot be had: see the warnings")
    text = Text(f"{name:16}", style="dim")
    for token_id in found["ids"]:
        special = token_id in chat.marker_ids
        text.append(_in_one_line(chat.tokenizer.token(token_id)), style="not dim magenta" if special else "not dim")
    return text.append(f"  {found['ids']}")


def _in_one_line(text: str) -> str:
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _fact(name: str, value: Any) -> Text:
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {item}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        value = "  ".join(str(item) for item in value)
    return Text.assemble((f"{name:16}", "dim"), _in_one_line(str(value)) if value not in (None, "") else "none")


def _conversation(chat: ChatTemplate) -> Text:
    """Two turns, colored by who writes: the template, the model as the user, the model as the assistant."""
    text = Text.assemble(*((f"{who} ", style) for who, style in _STYLES.items()), "\n")
    for segment in sample(chat):
        text.append(visible(segment.text), style=_STYLES[segment.who])
    return text
