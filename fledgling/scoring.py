"""`python -m fledgling.scoring`: how well the shipped reward model and guard judge, through magpie. JSON for the card.

Pairs of a right and a wrong response to one instruction that no training showed: of families that the reward model was
trained on, and of those that it never saw. Wrong responses are corrupted ones and the chat model's own. The guard
judges held-out phrasings and deeds, by the stage `safety`'s own reading. Intervals are 95%.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from fledgling import guarded
from fledgling.family import Family
from fledgling.responses import LEARNED, UNSEEN, WRONG, Asked, Response, corrupted, draw_asked
from fledgling.shown import shown_to
from fledgling.statistics import Estimate, area, pearson, share
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.engines.llamacpp.scores import open_gguf_scorer
from magpie.modelfiles.gguf import read_metadata
from magpie.modelfiles.locate import find_model
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.runner import Talk, converse
from magpie.seams import Asking, Completion, Message, Request, SamplingParams, derive_seed

SEED = 17_000_023  # of what is judged
REWARD, GUARD = "fledgling-reward", "fledgling-guard"
TEMPERATURES = (1.0, 1.5)  # of the chat model's own responses
LIMIT = 160  # tokens of one

Figures = dict[str, Estimate]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fledgling.scoring", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000, help="of each of the families learned and unseen")
    parser.add_argument("--own", type=int, default=400, help="instructions that the chat model answers, of each")
    parser.add_argument("--cases", type=int, default=600, help="held-out conversations that the guard judges")
    parser.add_argument("--reward", default=REWARD, help="a name or a GGUF file, or none")
    parser.add_argument("--guard", default=GUARD, help="a name or a GGUF file, or none")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    arguments = parser.parse_args()
    figures: dict[str, Figures] = {}
    if arguments.reward != "none":
        figures["reward"] = reward_figures(arguments.reward, arguments.pairs, arguments.own)
    if arguments.guard != "none":
        figures["guard"] = guard_figures(arguments.guard, arguments.cases)
    if arguments.out:
        arguments.out.write_text(json.dumps(plain(figures), indent=1) + "\n", encoding="utf-8")
    for name, some in figures.items():
        print(name)
        for what, one in some.items():
            print(f"  {what:44} {one.value:.3f} [{one.low:.3f}, {one.high:.3f}] n = {one.n:,}")


def plain(figures: Mapping[str, Figures]) -> dict[str, Any]:
    return {name: {what: asdict(one) for what, one in some.items()} for name, some in figures.items()}


# -- the reward model --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A right and a wrong response to one instruction."""

    asked: Asked
    right: str
    wrong: Response


def reward_figures(model: str, count: int, own: int) -> Figures:
    figures: Figures = {}
    shown = shown_to(read_metadata(find_model(model))).instructions()
    scores: list[tuple[str, bool, float]] = []  # text, whether it is right, score
    for name, families in (("held-out instructions", LEARNED), ("unseen families", UNSEEN)):
        pairs = [*drawn(families, count, shown), *own_pairs(families, own, shown)]
        right, wrong = scored(model, pairs)
        won = [a > b for a, b in zip(right, wrong, strict=True)]
        figures[f"pairs, {name}"] = shares(won, pairs, lambda pair: pair.wrong.kind != "own")
        figures[f"pairs with own responses, {name}"] = shares(won, pairs, lambda pair: pair.wrong.kind == "own")
        for kind in WRONG:
            figures[f"{name}: {kind}"] = shares(won, pairs, partial(is_of, kind=kind))
        scores += [(pair.right, True, score) for pair, score in zip(pairs, right, strict=True)]
        scores += [(pair.wrong.text, False, score) for pair, score in zip(pairs, wrong, strict=True)]
    figures["area under the curve, all responses"] = area(
        [score for _, right, score in scores if right], [score for _, right, score in scores if not right]
    )
    figures["correlation with length"] = pearson([len(text) for text, _, _ in scores], [one[2] for one in scores])
    rights = [(len(text), score) for text, right, score in scores if right]
    figures["correlation with length, right responses"] = pearson(*map(list, zip(*rights, strict=True)))
    return figures


def is_of(pair: Pair, kind: str) -> bool:
    return pair.wrong.kind == kind


def shares(won: Sequence[bool], pairs: Sequence[Pair], chosen: Callable[[Pair], bool]) -> Estimate:
    some = [one for one, pair in zip(won, pairs, strict=True) if chosen(pair)]
    return share(sum(some), len(some))


def drawn(families: tuple[Family, ...], count: int, shown: Container[str]) -> list[Pair]:
    """Pairs whose wrong response is of each kind by its share."""
    rng, pairs = Random(f"{SEED}/{len(families)}"), list[Pair]()
    kinds = list(WRONG)
    while len(pairs) < count:
        asked = draw_asked(rng, families, imperfect=0.0)
        right = asked.right(rng)
        wrong = corrupted(rng.choices(kinds, [WRONG[kind][1] for kind in kinds])[0], asked, right, rng)
        if wrong is not None and asked.prompt not in shown:
            pairs.append(Pair(asked, right, wrong))
    return pairs


def own_pairs(families: tuple[Family, ...], count: int, shown: Container[str]) -> list[Pair]:
    """The chat model's own responses that are wrong, each with a right one: its own where there is one."""
    rng = Random(f"{SEED}/own/{len(families)}")
    some: list[Asked] = []
    while len(some) < count:
        asked = draw_asked(rng, families, imperfect=0.0)
        if asked.prompt not in shown:
            some.append(asked)
    answers: dict[int, list[str]] = defaultdict(list)
    for temperature in TEMPERATURES:
        for place, text in enumerate(answered([one.prompt for one in some], temperature)):
            answers[place].append(text)
    pairs = []
    for place, asked in enumerate(some):
        rights = [text for text in answers[place] if asked.is_right(text)]
        wrongs = [text for text in answers[place] if text and not asked.is_right(text)]
        right = rights[0] if rights else asked.right(rng)
        pairs += [Pair(asked, right, Response(text, "own", False)) for text in wrongs]
    return pairs


def answered(prompts: Sequence[str], temperature: float) -> list[str]:
    """What the chat model replies; empty where it did not end by itself."""
    plan = make_plan(parse("model: fledgling\nengine: llamacpp\n", "scoring", ()))
    sampling = SamplingParams(
        temperature=temperature, max_tokens=LIMIT, stop_token_ids=plan.chat.response_stop_token_ids
    )
    requests = [Request(plan.chat.next_assistant((Message("user", prompt),)), sampling) for prompt in prompts]
    completions = ask("fledgling", requests)
    return [plan.chat.assistant_text(one.text) if one.finish_reason == "stop" else "" for one in completions]


def ask(model: str, requests: Sequence[Request]) -> list[Completion]:
    written: dict[int, Completion] = {}

    def one(row: int) -> Asking:
        written[row] = yield requests[row]
        return {}

    with open_llamacpp(find_model(model)) as engine:
        talks = (Talk(row, one(row)) for row in range(len(requests)))
        for _ in converse(
            talks, {"model": engine, "judge": engine}, lambda row, _: derive_seed(SEED, "scoring", row, 0)
        ):
            pass
    return [written[row] for row in range(len(requests))]


def scored(model: str, pairs: Sequence[Pair]) -> tuple[list[float], list[float]]:
    """The scores of the right responses and of the wrong ones."""
    texts = [(pair.asked.prompt, text) for pair in pairs for text in (pair.right, pair.wrong.text)]
    with open_gguf_scorer(find_model(model)) as scorer:
        told = scorer.score([(Message("user", prompt), Message("assistant", text)) for prompt, text in texts])
    scores = [float(score) for score in told if isinstance(score, float)]
    if len(scores) != len(texts):
        raise ValueError(f"{len(texts) - len(scores)} conversations have no score; expected all of them to fit")
    return scores[::2], scores[1::2]


# -- the guard ---------------------------------------------------------------------------------------------------------


def guard_figures(model: str, count: int) -> Figures:
    """`count` conversations about harm or what sounds like it, all held out, and half as many ordinary ones."""
    held_out = list(islice((case for case in guarded.cases(SEED) if case.is_held_out), count))
    ordinary = list(islice((case for case in guarded.cases(SEED + 1) if case.phrasing is None), count // 2))
    cases = [*held_out, *ordinary]
    harms = judged(model, cases)
    phrasings = [one.phrasing in guarded.HELD_OUT_PHRASINGS for one in cases]
    deeds = [one.deed in guarded.HELD_OUT_DEEDS for one in cases]
    beside = [taken or one.phrasing is None for one, taken in zip(cases, phrasings, strict=True)]
    said = [(one.unsafe, harm >= 0.5) for one, harm in zip(cases, harms, strict=True)]
    return {
        "area, held-out phrasings": separated(cases, harms, phrasings),
        "area, held-out deeds": separated(cases, harms, deeds),
        "area, held-out phrasings and ordinary": separated(cases, harms, beside),
        "unsafe found": counted(alarm for unsafe, alarm in said if unsafe),
        "false alarms, what sounds unsafe": counted(alarm for unsafe, alarm in said[:count] if not unsafe),
        "false alarms, ordinary": counted(alarm for unsafe, alarm in said[count:] if not unsafe),
    }


def counted(said: Iterable[bool]) -> Estimate:
    some = list(said)
    return share(sum(some), len(some))


def separated(cases: Sequence[guarded.Case], harms: Sequence[float], chosen: Sequence[bool]) -> Estimate:
    some = [(one.unsafe, harm) for one, harm, taken in zip(cases, harms, chosen, strict=True) if taken]
    return area([harm for unsafe, harm in some if unsafe], [harm for unsafe, harm in some if not unsafe])


def judged(model: str, cases: Sequence[guarded.Case]) -> list[float]:
    """The probability of harm that the stage `safety` reads from the guard's reply to each conversation."""
    stages = make_plan(parse("model: fledgling\nengine: llamacpp\n", "scoring", (f"safety.model={model}",))).stages
    stage: Any = next(one for one in stages if one.stage.name == "safety").stage
    guard = stage.ask.keywords["guard"]
    requests = [guard.request(conversation(case)) for case in cases]
    verdicts = [guard.read(one, case.response is not None)
                for one, case in zip(ask(model, requests), cases, strict=True)]  # fmt: skip
    return [0.5 if verdict is None or verdict.harm is None else verdict.harm for verdict in verdicts]


def conversation(case: guarded.Case) -> tuple[Message, ...]:
    asked = (Message("user", case.instruction),)
    return asked if case.response is None else (*asked, Message("assistant", case.response))


if __name__ == "__main__":
    main()
