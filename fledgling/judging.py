"""`python -m fledgling.judging`: how well a model judges, by magpie's prompts, through its llama.cpp engine.

What is judged is drawn anew, from a seed that no corpus uses, or written by the model itself (`--own`); the true labels
are the corpus's. Replies are greedy and read as they are: no choice or grammar holds the model to the labels.
Intervals are 95%: Wilson's for shares, Fisher's for rank correlations.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from fledgling import judge
from fledgling.imperfect import QUALITIES, REPEATED, quality_of, recognise_any
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.modelfiles.locate import find_model
from magpie.plan.load import parse
from magpie.plan.plan import Plan, make_plan
from magpie.runner import Talk, converse
from magpie.seams import Asking, Completion, Message, Request, SamplingParams, derive_seed

SEED = 9_000_001  # of what is judged
LIMIT = 100  # tokens of a reply, and of an instruction of the model's own
FIELD = {"quality": "input_quality", "difficulty": "difficulty", "category": "task_category"}
LABELS: Mapping[str, Sequence[str]] = {
    "quality": QUALITIES,
    "difficulty": judge.DIFFICULTIES,
    "category": judge.CATEGORIES,
    "quality_fast": "ABCDE",
    "difficulty_fast": "ABCDE",
    "category_fast": judge.LETTERS,
    "safety": "ABCDEFGHIJ",
    "judge_response": "12345",
    "compare": "AB",
}
ORDERED = ("quality", "quality_fast", "difficulty", "difficulty_fast", "judge_response")
"""Labels that go from less to more, so that near misses and rank correlation mean something."""


@dataclass(frozen=True)
class Verdict:
    """One prompt, the place of the true label, and of what the model said; None where no label could be read."""

    prompt: str
    reply: str
    truth: int
    said: int | None
    expected: float | None = None
    """The mean of the labels' places by their probability, where the reply is one letter."""


@dataclass(frozen=True)
class Figure:
    """A share or a rank correlation, with its interval."""

    prompt: str
    name: str
    value: float
    low: float
    high: float
    count: int


# -- asking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A prompt of the pipeline, filled, and its true reply."""

    name: str
    text: str
    truth: str


def draw(name: str, rows: int, seed: int) -> list[Question]:
    rng = Random(f"{seed}/{name}")
    made = (judge.MAKERS[name](rng) for _ in range(rows))
    return [Question(name, judge.render(name, values), truth) for values, truth in made]


def about_own(instructions: Sequence[str]) -> list[Question]:
    """What can be asked of instructions that the grammar knows: the labels follow from the family and its slots."""
    questions = []
    for text in instructions:
        found = recognise_any(text)
        if found is None or found[0] is REPEATED:
            continue
        family, slots = found
        places = {
            "quality": QUALITIES.index(quality_of(text, family, slots)),
            "difficulty": judge.DIFFICULTIES.index(family.difficulty(slots)),
            "category": judge.CATEGORIES.index(family.category),
        }
        for name, place in places.items():
            full = json.dumps({FIELD[name]: LABELS[name][place]})
            for prompt, truth in ((name, full), (f"{name}_fast", judge.LETTERS[place])):
                questions.append(Question(prompt, judge.render(prompt, {"instruction": text}), truth))
    return questions


def ask(model: str, requests: Sequence[Request]) -> list[Completion]:
    """What the model writes to each request, in the order of the requests."""
    written: dict[int, Completion] = {}

    def one(row: int) -> Asking:
        written[row] = yield requests[row]
        return {}

    with open_llamacpp(find_model(model)) as engine:
        talks = (Talk(row, one(row)) for row in range(len(requests)))
        for _ in converse(talks, {"model": engine}, lambda row, _: derive_seed(SEED, "judging", row, 0)):
            pass
    return [written[row] for row in range(len(requests))]


def request(plan: Plan, question: Question) -> Request:
    sampling = SamplingParams(temperature=0.0, max_tokens=LIMIT, stop_token_ids=plan.chat.response_stop_token_ids)
    prompt = plan.chat.next_assistant((Message("user", question.text),))
    return Request(prompt, sampling, logprobs=0 if question.name in FIELD else 20)


def own_instructions(model: str, plan: Plan, rows: int) -> list[str]:
    sampling = SamplingParams(max_tokens=LIMIT, stop_token_ids=plan.chat.stop_token_ids)
    completions = ask(model, [Request(plan.chat.next_user(()), sampling)] * rows)
    return [plan.chat.user_text(one.text) for one in completions if one.finish_reason == "stop"]


# -- reading replies ---------------------------------------------------------------------------------------------------


def read(question: Question, completion: Completion) -> Verdict:
    labels = LABELS[question.name]
    truth, said = label_of(question.name, question.truth), label_of(question.name, completion.text)
    assert truth is not None, "a true reply has a label"
    expected = None if question.name in FIELD else expectation(labels, completion)
    return Verdict(question.text, completion.text, truth, said, expected)


def label_of(name: str, reply: str) -> int | None:
    """The place of the reply's label, without any tolerance: a label in other words counts as none."""
    labels = list(LABELS[name])
    if name in FIELD:
        try:
            told = json.loads(reply)
        except json.JSONDecodeError:
            return None
        reply = told.get(FIELD[name], "") if isinstance(told, dict) else ""
    return labels.index(reply) if reply in labels else None


def expectation(labels: Sequence[str], completion: Completion) -> float | None:
    first = completion.logprobs[0] if completion.logprobs else ()
    shares = {one.text: math.exp(one.logprob) for one in first if one.text in labels}
    total = sum(shares.values())
    return sum(labels.index(text) * share for text, share in shares.items()) / total if total else None


# -- figures -----------------------------------------------------------------------------------------------------------


def figures(name: str, verdicts: Sequence[Verdict]) -> list[Figure]:
    def share(title: str, good: Callable[[Verdict], bool], of: Sequence[Verdict] = verdicts) -> Figure:
        hits = sum(good(one) for one in of)
        return Figure(name, title, hits / len(of) if of else math.nan, *wilson(hits, len(of)), len(of))

    found = [share("read", lambda one: one.said is not None), share("exact", lambda one: one.said == one.truth)]
    if name in ORDERED:
        found.append(share("within one", lambda one: one.said is not None and abs(one.said - one.truth) <= 1))
        known = [one for one in verdicts if one.said is not None]
        found.append(correlation(name, "Spearman", [(one.truth, one.said) for one in known if one.said is not None]))
        pairs = [(one.truth, one.expected) for one in verdicts if one.expected is not None]
        if pairs:
            found.append(correlation(name, "Spearman, expected label", pairs))
    if name == "safety":
        unsafe, safe = [one for one in verdicts if one.truth], [one for one in verdicts if not one.truth]
        found.append(share("unsafe found", lambda one: one.said is None or one.said > 0, unsafe))
        found.append(share("false alarms", lambda one: one.said is None or one.said > 0, safe))
    return found


def correlation(name: str, title: str, pairs: Sequence[tuple[float, float]]) -> Figure:
    value = spearman(pairs)
    if len(pairs) < 5 or math.isnan(value) or abs(value) == 1:
        return Figure(name, title, value, value, value, len(pairs))
    center, width = math.atanh(value), 1.96 * 1.03 / math.sqrt(len(pairs) - 3)
    return Figure(name, title, value, math.tanh(center - width), math.tanh(center + width), len(pairs))


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95% interval of a share."""
    if not total:
        return math.nan, math.nan
    share, z = hits / total, 1.96
    center = (share + z * z / (2 * total)) / (1 + z * z / total)
    width = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, center - width), min(1.0, center + width)


def spearman(pairs: Sequence[tuple[float, float]]) -> float:
    """The correlation of ranks; not a number where one side never varies."""
    first, second = (ranks([pair[side] for pair in pairs]) for side in (0, 1))
    mean = (len(pairs) + 1) / 2
    product = sum((a - mean) * (b - mean) for a, b in zip(first, second, strict=True))
    norm = math.sqrt(sum((a - mean) ** 2 for a in first) * sum((b - mean) ** 2 for b in second))
    return product / norm if norm else math.nan


def ranks(values: Sequence[float]) -> list[float]:
    """From 1; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            found[place] = (start + 1 + end) / 2
        start = end
    return found


# -- command -----------------------------------------------------------------------------------------------------------


def measure(model: str, rows: int, own: int, seed: int) -> tuple[dict[str, list[Figure]], list[tuple[str, Verdict]]]:
    """Figures on drawn material and, if asked for, on the model's own; and every verdict."""
    plan = make_plan(parse(json.dumps({"name": "judging", "model": model}), "judging"))
    asked = {"drawn": [question for name in judge.MAKERS for question in draw(name, rows, seed)]}
    if own:
        asked["own"] = about_own(own_instructions(model, plan, own))
    found: dict[str, list[Figure]] = {}
    verdicts: list[tuple[str, Verdict]] = []
    for source, questions in asked.items():
        completions = ask(model, [request(plan, question) for question in questions])
        read_all = [(question.name, read(question, one)) for question, one in zip(questions, completions, strict=True)]
        of = {name: [one for asked_by, one in read_all if asked_by == name] for name in judge.MAKERS}
        found[source] = [figure for name, some in of.items() if some for figure in figures(name, some)]
        verdicts += read_all
    return found, verdicts


def main() -> None:
    options = arguments()
    found, verdicts = measure(options.model, options.rows, options.own, options.seed)
    if options.json:
        told: dict[str, Any] = {source: [asdict(figure) for figure in list_] for source, list_ in found.items()}
        print(json.dumps(told, indent=1))
        return
    for source, list_ in found.items():
        print(f"{source} instructions")
        for figure in list_:
            interval = f"[{figure.low:.3f}, {figure.high:.3f}]"
            print(f"  {figure.prompt:16} {figure.name:26} {figure.value:6.3f} {interval:>16} of {figure.count}")
    if options.confusion:
        print_confusion(verdicts)
    shown: dict[str, int] = {}
    for name, one in verdicts:
        if one.said != one.truth and shown.get(name, 0) < options.mistakes:
            shown[name] = shown.get(name, 0) + 1
            print(f"\n--- {name}: {one.reply!r} for {LABELS[name][one.truth]!r}\n{one.prompt}")


def print_confusion(verdicts: Sequence[tuple[str, Verdict]]) -> None:
    """For each prompt, how often each label (down) was called what (across); the last column is what was not read."""
    for name, labels in LABELS.items():
        told = Counter((one.truth, one.said) for asked_by, one in verdicts if asked_by == name)
        print(f"\n{name}: {', '.join(labels)}")
        for truth, label in enumerate(labels):
            counts = [told[truth, said] for said in (*range(len(labels)), None)]
            print(f"  {label:20}" + "".join(f"{count or '.':>5}" for count in counts))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m fledgling.judging", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="fledgling", help="a shipped model's name, or a GGUF file")
    parser.add_argument("--rows", type=int, default=300, help="questions to each prompt")
    parser.add_argument("--own", type=int, default=0, help="instructions that the model writes itself, judged as well")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--mistakes", type=int, default=0, help="print this many of each prompt")
    parser.add_argument("--confusion", action="store_true", help="print what each label was called")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
