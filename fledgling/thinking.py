"""`python -m fledgling.thinking`: what thoughts do for fledgling-think, through magpie. JSON for the card.

The same instructions are answered with thinking on, with thinking off, and by the chat model that it was made from, by
the stage `respond`'s own reading: greedy, strictly unseen by both trainings. What it asks, from the bare pre-query at
temperature 1, is held against the hidden mix. Intervals are 95%.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from fledgling.corpus import ask, draw_of_mix
from fledgling.measure import Speaker, unanswered
from fledgling.novelty import Known, known_from, together
from fledgling.own import CHAT_MODEL, OWN, own_instructions
from fledgling.statistics import Estimate, difference, mean, share
from fledgling.truth import figure_line, known_of, without_nan
from fledgling.verdict import Talk, judge
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.runner import Done, converse
from magpie.runner import Talk as Asked
from magpie.seams import Drop, SamplingParams, derive_seed
from magpie.stages.respond.work import Responder, respond
from magpie.stages.text.reasoning import Thoughts
from magpie.templates import Switch, TemplateOptions, derive, thought_marks

THINK, CHAT = "fledgling-think", "fledgling"
WORK = Path("build/fledgling/think")
SEED = 19_000_013  # of what is asked
LIMIT = 300  # tokens of a thought and a response
SAMPLED = ("form known", "valid", "KL to the hidden mix, bits", "distinct prompts")

Figures = dict[str, Estimate]
Answers = Mapping[str, Sequence[tuple[str, "Answer"]]]
"""Who answered to instructions with their answers."""


@dataclass(frozen=True)
class Answer:
    """What came of one instruction."""

    right: bool
    dropped: str | None
    """Why the stage would drop it."""
    thought: str | None
    response: str
    tokens: int
    """Of all that was written."""


def main() -> None:
    arguments = parse()
    known = known_to_both(arguments.work)
    found, answers = figures(arguments.model, arguments.rows, arguments.asked, known)
    if arguments.out:
        told = json.dumps(plain(found, answers), indent=1, ensure_ascii=False)
        arguments.out.write_text(told + "\n", encoding="utf-8")
    for name, one in found.items():
        tokens = f"{name:40}{one.value:>9.1f}   [{one.low:.1f}, {one.high:.1f}]   n = {one.n}"
        print(tokens if name.startswith("tokens") else figure_line(name, one))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.thinking", description=__doc__)
    parser.add_argument("--model", default=THINK, help="a name or a GGUF file")
    parser.add_argument("--rows", type=int, default=4000, help="instructions that it writes")
    parser.add_argument("--asked", type=int, default=2000, help="instructions that are answered")
    parser.add_argument("--work", type=Path, default=WORK, help="where `fledgling.think` keeps what was learned from")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    return parser.parse_args()


def known_to_both(work: Path = WORK) -> Known:
    """The instructions that the chat model was trained on, and those that were learned with thoughts."""
    shown = known_from(prompt for _, prompt in own_instructions(work, OWN, seed=0))
    return together([known_of(CHAT_MODEL), shown])


def figures(model: str, rows: int, asked: int, known: Known) -> tuple[Figures, Answers]:
    """All figures, and the answers that they rest on."""
    prompts = list(islice(unseen(known), asked))
    with open_llamacpp(find_model(model)) as engine:
        chat = derive(open_model(find_model(model)), TemplateOptions())
        report = unanswered(Speaker(engine, chat, SEED), rows)
    answers = {
        "on": answered(model, "on", prompts), "off": answered(model, "off", prompts),
        "chat": answered(CHAT, "default", prompts),
    }  # fmt: skip
    sampled = {name: figure for name, figure in report.figures.items() if name in SAMPLED}
    paired = {name: list(zip(prompts, some, strict=True)) for name, some in answers.items()}
    return sampled | compared(**answers), paired


def unseen(known: Known) -> Iterator[str]:
    """Instructions of the hidden mix that no training showed, however dressed, without end."""
    rng = Random(SEED)
    while True:
        prompt = ask(draw_of_mix(rng), rng)[0].prompt
        if not known.holds_anyhow(prompt):
            yield prompt


def answered(model: str, thinking: Switch, prompts: Sequence[str]) -> list[Answer]:
    """What the stage `respond` makes of each, greedy."""
    path = find_model(model)
    chat = derive(open_model(path), TemplateOptions(thinking=thinking))
    marks = thought_marks(chat)
    sampling = SamplingParams(temperature=0.0, max_tokens=LIMIT, stop_token_ids=chat.response_stop_token_ids)
    responder = Responder(chat, sampling, None if marks is None else Thoughts(*marks))
    found: dict[int, Answer] = {}
    with open_llamacpp(path) as engine:
        talks = (Asked(row, respond({"instruction": prompt}, responder)) for row, prompt in enumerate(prompts))
        for events in converse(talks, {"model": engine}, lambda row, n: derive_seed(SEED, "respond", row, n)):
            found |= {event.row: answer_of(prompts[event.row], event) for event in events if isinstance(event, Done)}
    return [found[row] for row in range(len(prompts))]


def answer_of(prompt: str, event: Done) -> Answer:
    dropped = event.outcome.reason if isinstance(event.outcome, Drop) else None
    columns = event.outcome.columns if isinstance(event.outcome, Drop) else event.outcome
    response = columns.get("response") or ""
    right = dropped is None and judge(Talk(None, (prompt,), (response,))).right
    return Answer(right, dropped, columns.get("reasoning"), response, event.usage.completion_tokens)


def compared(on: Sequence[Answer], off: Sequence[Answer], chat: Sequence[Answer]) -> Figures:
    """The three side by side, on the same instructions."""
    thinking = [one for one in on if one.thought is not None]
    return {
        "right with thinking": share(sum(one.right for one in on), len(on)),
        "right without thinking": share(sum(one.right for one in off), len(off)),
        "right, the chat model": share(sum(one.right for one in chat), len(chat)),
        "thinking above no thinking": difference([one.right for one in on], [one.right for one in off]),
        "thinking above the chat model": difference([one.right for one in on], [one.right for one in chat]),
        "responses with a thought": share(len(thinking), len(on)),
        "thoughts that end": share(sum(one.dropped != "reasoning_truncated" for one in thinking), len(thinking)),
        "thoughts without thinking": share(sum(one.thought is not None for one in off), len(off)),
        "tokens with thinking": mean([one.tokens for one in on]),
        "tokens without thinking": mean([one.tokens for one in off]),
    }


def plain(found: Figures, answers: Answers) -> dict[str, Any]:
    """As JSON: the figures, and what is not right, which is where to look for what holds them back."""
    wrong = {
        name: [{"prompt": prompt, **asdict(one)} for prompt, one in some if not one.right]
        for name, some in answers.items()
    }
    return {"figures": without_nan({name: asdict(one) for name, one in found.items()}), "wrong": wrong}


if __name__ == "__main__":
    main()
