"""What the reward model's training is shown: which instructions, answered by whom, packed into which rows.

Both are kept in the work folder, with the settings that they were made from, and made again where those are others.
The same settings stand in the model's file, so that what is held out of them is held out of this model. Knows no torch.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from fledgling.graded import FIELDS, Graded, GradedRows, graded, make_graded_rows
from fledgling.imperfect import ANY_BY_NAME
from fledgling.responses import Asked, Response, instructions

DRAWN, ANSWERED = 5, 11  # added to the seed: of the instructions in the rows, and of those that the chat model answers
AT_ONCE = 200  # instructions answered together
OWN_SHARE = 0.25  # share of instructions with responses of the chat model's own
KEY = "magpie.training"  # of a model's file

Answers = Iterable[tuple[Asked, str, bool]]
"""Instructions with an answer each, and whether it is right."""


@dataclass(frozen=True)
class Shown:
    """How many instructions the training drew, of which seed: enough to draw them again."""

    seed: int
    answered: int
    """Those that the chat model answered."""
    drawn: int
    """Those that were read for the rows."""

    @classmethod
    def of(cls, seed: int, own: int, drawn: int) -> "Shown":
        """own: instructions that were to be answered; whole batches are."""
        return cls(seed, -(-own // AT_ONCE) * AT_ONCE, drawn)

    def instructions(self) -> frozenset[str]:
        """All that the training may have shown."""
        some = [
            *islice(instructions(self.seed + ANSWERED), self.answered),
            *islice(instructions(self.seed + DRAWN), self.drawn),
        ]
        return frozenset(asked.prompt for asked in some)

    def written(self) -> str:
        """As it stands in a model's file."""
        return json.dumps(asdict(self))


SHIPPED = Shown(seed=0, answered=2200, drawn=5120)
"""Of the shipped model, whose file does not say: all that it was shown, and some more."""


def shown_to(metadata: Mapping[str, Any]) -> Shown:
    """What a model was shown, by the metadata of its file; of one that does not say, what the shipped one was."""
    return Shown(**json.loads(metadata[KEY])) if KEY in metadata else SHIPPED


# -- the chat model's own responses ------------------------------------------------------------------------------------

Own = Sequence[tuple[Asked, list[Response]]]


def own_responses(path: Path, settings: Mapping[str, Any], answer: Callable[[], Answers]) -> Own:
    """Instructions that the chat model answered wrongly at least once, each with all of its answers that ended. It is
    asked only where `path` has no answers that were made from these settings."""
    if not path.exists() or made_from(path) != settings:
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as lines:
            lines.write(json.dumps({"made_from": settings}) + "\n")
            for asked, text, right in answer():
                line = {"prompt": asked.prompt, "family": asked.family.name, "slots": dict(asked.slots)}
                lines.write(json.dumps({**line, "text": text, "right": right}, ensure_ascii=False) + "\n")
        part.replace(path)
    found: dict[str, tuple[Asked, list[Response]]] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()[1:]):
        asked = Asked(line["prompt"], ANY_BY_NAME[line["family"]], line["slots"])
        found.setdefault(asked.prompt, (asked, []))[1].append(Response(line["text"], "own", line["right"]))
    return [one for one in found.values() if not all(response.right for response in one[1])]


def made_from(path: Path) -> Any:
    """The settings in the first line of a file of answers; None in one of an earlier form."""
    with path.open(encoding="utf-8") as lines:
        return json.loads(next(lines, "{}")).get("made_from")


# -- rows --------------------------------------------------------------------------------------------------------------


def graded_rows(path: Path, tokenizer: Tokenizer, own: Own, seed: int, count: int) -> tuple[GradedRows, int]:
    """The rows and how many instructions are in them. They are packed only where `path` has none of the same settings
    and answers."""
    answers = hashlib.sha256(repr([(one.prompt, responses) for one, responses in own]).encode()).hexdigest()
    settings = json.dumps({"seed": seed, "rows": count, "own": answers})
    if path.exists():
        with np.load(path) as arrays:
            if "made_from" in arrays and str(arrays["made_from"]) == settings:
                return GradedRows(*(arrays[name] for name in FIELDS)), int(arrays["used"])
    rows, used = make_graded_rows(tokenizer, learned(own, seed), count)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, used=used, made_from=settings, **{name: getattr(rows, name) for name in FIELDS})
    part.replace(path)
    return rows, used


def learned(own: Own, seed: int) -> Iterator[Graded]:
    """Instructions with graded responses, without end."""
    rng = Random(seed + DRAWN)
    own = list(own)
    rng.shuffle(own)
    for asked in instructions(seed + DRAWN):
        if own and rng.random() < OWN_SHARE:
            other, responses = rng.choice(own)
            yield graded(other, rng.sample(responses, min(2, len(responses))), rng)
        else:
            yield graded(asked, (), rng)
