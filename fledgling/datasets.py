"""Reads datasets of conversations from where they may lie: JSON lines in three shapes, and runs of magpie.

Knows shapes of files; knows no family.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fledgling.verdict import TAGS, Talk

SHAREGPT = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}

NOT_ENDED = ("truncated", "context_full")  # why magpie drops what did not end by itself


class NotADatasetError(ValueError):
    """The file holds something else than conversations."""


def read(path: Path) -> Iterator[Talk]:
    """Every conversation of a file or a run; raises `NotADatasetError`, which names the line."""
    if path.is_dir():
        yield from read_run(path)
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield read_line(line, f"{path}:{number}")


def read_line(line: str, place: str) -> Talk:
    try:
        return to_talk(json.loads(line))
    except (json.JSONDecodeError, KeyError, TypeError, NotADatasetError) as error:
        raise NotADatasetError(f'{place}: no conversation ({error}); expected {{"messages": [...]}}') from error


def read_run(path: Path) -> Iterator[Talk]:
    """Rows that were made, dropped ones too: what was dropped for not ending counts as not ended."""
    from magpie import open_run

    for row in open_run(path).rows(kept=False):
        if row["error"] is None and row["instruction"]:
            yield of_run(row)


def of_run(row: Mapping[str, Any]) -> Talk:
    messages = row.get("messages") or [{"role": "user", "content": row["instruction"]}]
    if row.get("response") and len(messages) == 1:
        messages = [*messages, {"role": "assistant", "content": row["response"]}]
    return to_talk({**row, "messages": messages, "ended": row["drop_reason"] not in NOT_ENDED})


def to_talk(row: Any) -> Talk:
    """A row in any of the shapes. Raises `NotADatasetError` where roles do not take turns."""
    row = {"messages": row} if isinstance(row, list) else row
    messages = [spoken(one) for one in row.get("messages") or row["conversations"]]
    system = messages[0][1] if messages and messages[0][0] == "system" else None
    said = messages[1:] if system is not None else messages
    take_turns(said)
    contents = [content for _, content in said]
    tags = row.get("tags") or row
    return Talk(
        system=system,
        prompts=tuple(contents[::2]),
        replies=tuple(contents[1::2]),
        tags={tag: str(tags[tag]) for tag in TAGS if tags.get(tag) is not None},
        ended=row.get("ended"),
    )


def spoken(message: Mapping[str, str]) -> tuple[str, str]:
    if "role" in message:
        return message["role"], message["content"]
    return SHAREGPT[message["from"]], message["value"]


def take_turns(said: Sequence[tuple[str, str]]) -> None:
    roles = [role for role, _ in said]
    if not roles or roles != [("user", "assistant")[place % 2] for place in range(len(roles))]:
        raise NotADatasetError(f"user and assistant do not take turns: {roles}")
