"""`python -m fledgling.measure`: what magpie gets out of the model, against the truth. Figures for the card, as JSON.

A run of magpie makes instructions and greedy responses; its engine then asks for second turns after them, and for
instructions under each domain's system prompts, those of training and those held out. Knows magpie's seams; the figures
themselves are `truth`'s.
"""

import argparse
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import magpie
from fledgling.datasets import read_run
from fledgling.statistics import Estimate, share
from fledgling.systems import DOMAINS, Domain
from fledgling.truth import Report, figure_line, known_of, report, table, turns, without_nan
from fledgling.verdict import Talk, Verdict, judge
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.modelfiles.model import open_model
from magpie.runner import Talk as Asked
from magpie.runner import converse
from magpie.seams import Asking, Completion, Engine, Message, Request, SamplingParams, derive_seed
from magpie.templates import TemplateOptions, derive

LIMIT = 200  # tokens of a turn


@dataclass(frozen=True)
class Steering:
    """Share of instructions in the domain's families, under the wordings of training and under those held out."""

    trained: Estimate
    held_out: Estimate


@dataclass(frozen=True)
class Speaker:
    """The model behind magpie's engine: what it says next in a conversation."""

    engine: Engine
    chat: Any  # a `Chat` with its stops
    seed: int

    def users(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        sampling = SamplingParams(max_tokens=LIMIT, stop_token_ids=self.chat.stop_token_ids)
        texts = self.say([Request(self.chat.next_user(one), sampling) for one in conversations])
        return [self.chat.user_text(text) for text in texts]

    def assistants(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        sampling = SamplingParams(temperature=0.0, max_tokens=LIMIT, stop_token_ids=self.chat.response_stop_token_ids)
        texts = self.say([Request(self.chat.next_assistant(one), sampling) for one in conversations])
        return [self.chat.assistant_text(text) for text in texts]

    def say(self, requests: Sequence[Request]) -> list[str]:
        written: dict[int, str] = {}

        def ask(row: int) -> Asking:
            completion: Completion = yield requests[row]
            written[row] = completion.text
            return {}

        asked = (Asked(row, ask(row)) for row in range(len(requests)))
        for _ in converse(asked, {"model": self.engine}, lambda row, n: derive_seed(self.seed, "measure", row, n)):
            pass
        return [written.get(row, "") for row in range(len(requests))]


# -- second turns ------------------------------------------------------------------------------------------------------


def second_turns(speaker: Speaker, verdicts: Sequence[Verdict]) -> list[Talk]:
    """Right first turns of families with follow-ups, each with a turn sampled after it and its greedy reply."""
    firsts = [one.talk for one in verdicts if one.right and one.task[0].follow_ups]
    before = [[Message("user", one.prompts[0]), Message("assistant", one.replies[0])] for one in firsts]
    asked = speaker.users(before)
    replies = speaker.assistants([[*some, Message("user", text)] for some, text in zip(before, asked, strict=True)])
    return [
        Talk(None, (one.prompts[0], question), (one.replies[0], reply))
        for one, question, reply in zip(firsts, asked, replies, strict=True)
    ]


# -- steering ----------------------------------------------------------------------------------------------------------


def steering(speaker: Speaker, count: int) -> dict[str, Steering]:
    return {
        name: Steering(
            steered(speaker, domain, domain.prompts, count), steered(speaker, domain, domain.held_out, count)
        )
        for name, domain in DOMAINS.items()
    }


def steered(speaker: Speaker, domain: Domain, wordings: Sequence[str], count: int) -> Estimate:
    """Of `count` instructions under these system prompts in turn, the share that asks for one of the families."""
    systems = [[Message("system", wordings[place % len(wordings)])] for place in range(count)]
    found = [judge(Talk(None, (text,), ())) for text in speaker.users(systems) if text]
    return share(sum(one.family is not None and one.family.name in domain.families for one in found), count)


# -- the mix -----------------------------------------------------------------------------------------------------------


def unanswered(speaker: Speaker, count: int) -> Report:
    """What `count` instructions are, sampled from the bare pre-query and not answered: the mix is told from many."""
    return report([Talk(None, (text,), ()) for text in speaker.users([()] * count)])


# -- all of it ---------------------------------------------------------------------------------------------------------


def measure(model: Path, rows: int, steer: int, alone: int, folder: Path, seed: int = 0) -> dict[str, Any]:
    """All figures of a model folder. `folder` keeps the run, so that a stopped one goes on."""
    gguf = next(model.glob("*.gguf"))
    magpie.run(model=gguf, size=rows, seed=seed, out=folder, settings=("instruct.sampling.temperature=1",))
    talks = list(read_run(folder))
    found = report(talks, known_of(model))
    with open_llamacpp(gguf) as engine:
        speaker = Speaker(engine, derive(open_model(gguf), TemplateOptions()), seed)
        later = [judge(talk) for talk in second_turns(speaker, [judge(talk) for talk in talks])]
        domains = steering(speaker, steer)
        many = unanswered(replace(speaker, seed=seed + 1), alone)
    return {
        "unanswered": many,
        "report": found,
        "follow_ups": {name: figure for name, figure in turns(later).items() if figure.n},
        "steering": domains,
        "tokens": tokens(folder),
        "samples": [sample(one) for one in talks[:10]],
        "not_right": [sample(one) for one in wrong(talks)],
    }


def tokens(folder: Path) -> Mapping[str, float]:
    """Mean tokens of an instruction and of a response."""
    rows = [row for row in magpie.open_run(folder).rows() if row["response"]]
    return {stage: sum(row[f"{stage}_tokens"] for row in rows) / max(1, len(rows)) for stage in ("instruct", "respond")}


def sample(talk: Talk) -> dict[str, str | bool | None]:
    verdict = judge(talk)
    family = verdict.family.name if verdict.family else None
    return {
        "prompt": verdict.prompt, "reply": "".join(talk.replies[:1]), "family": family, "right": verdict.right,
    }  # fmt: skip


def wrong(talks: Sequence[Talk]) -> Iterator[Talk]:
    """The first hundred that are not valid or not right: where to look for what holds the figures back."""
    some = [talk for talk in talks if not judge(talk).right]
    yield from some[:100]


# -- command -----------------------------------------------------------------------------------------------------------


def main() -> None:
    arguments = parse()
    if arguments.again:
        shutil.rmtree(arguments.run, ignore_errors=True)
    found = measure(arguments.model, arguments.rows, arguments.steer, arguments.alone, arguments.run, arguments.seed)
    if arguments.out:
        arguments.out.write_text(json.dumps(plain(found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(told(found))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.measure", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("src/magpie/weights/fledgling"), help="a model folder")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--steer", type=int, default=150, help="instructions per domain and sort of wording")
    parser.add_argument("--alone", type=int, default=10_000, help="instructions that are not answered, for the mix")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, default=Path("build/fledgling/measured"), help="where the run is kept")
    parser.add_argument("--again", action="store_true", help="make the run anew")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    return parser.parse_args()


def plain(found: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = without_nan(
        {
            **found,
            "report": found["report"].to_json(),
            "unanswered": found["unanswered"].to_json(),
            "follow_ups": {name: asdict(figure) for name, figure in found["follow_ups"].items()},
            "steering": {name: asdict(one) for name, one in found["steering"].items()},
        }
    )
    return values


def told(found: Mapping[str, Any]) -> str:
    lines = [
        table(found["report"]),
        "",
        table(found["unanswered"]),
        "",
        *(figure_line(name, figure) for name, figure in found["follow_ups"].items()),
    ]
    for name, one in found["steering"].items():
        lines += [figure_line(f"under {name}", one.trained), figure_line("... reworded", one.held_out)]
    return "\n".join([*lines, *(f"{f'tokens, {stage}':40}{mean:>9.1f}" for stage, mean in found["tokens"].items())])


if __name__ == "__main__":
    main()
