"""`python -m fledgling.check`: samples conversations from a model folder and compares them with the known truth.

Instructions at temperature 1 from the bare pre-query, responses greedy: what magpie does. The model's own training
corpus is made again from the seed in its config.json, to know which instructions are new.
"""

import argparse
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import torch

from fledgling.chat import before_assistant, before_user, message, system
from fledgling.corpus import DOMAINS, conversations, user_prompts
from fledgling.families import FAMILIES, recognise
from fledgling.family import Family, FollowUp, Slots
from fledgling.sample import Sampler, Text
from fledgling.surface import undress

INSTRUCTION_LIMIT, RESPONSE_LIMIT = 160, 200  # tokens


@dataclass(frozen=True)
class Row:
    """A sampled conversation and what the truth says about it."""

    instruction: Text
    response: Text
    family: Family | None
    slots: Slots
    right: bool

    @property
    def prompt(self) -> str:
        return self.instruction.text


def judge(instruction: Text, response: Text) -> Row:
    known = recognise(undress(instruction.text)) if instruction.ended else None
    if known is None:
        return Row(instruction, response, None, {}, False)
    family, slots = known
    return Row(instruction, response, family, slots, response.ended and family.is_right(slots, response.text))


def extract(sampler: Sampler, count: int) -> list[Row]:
    """`count` conversations as magpie would make them."""
    instructions = sampler.complete([before_user()] * count, INSTRUCTION_LIMIT, temperature=1.0)
    responses = sampler.complete([before_assistant(one.text) for one in instructions], RESPONSE_LIMIT, temperature=0)
    return [judge(*pair) for pair in zip(instructions, responses, strict=True)]


# -- figures -----------------------------------------------------------------------------------------------------------


def has_known_form(row: Row) -> bool:
    text = undress(row.prompt)
    return row.instruction.ended and any(family.resembles(text) for family in FAMILIES)


def divergence(found: Counter[str], truth: Counter[str]) -> float:
    """KL of the found mix to the true one, in bits, without the bias that counting alone would give (Miller-Madow)."""
    total, true_total = found.total(), truth.total()
    bits = sum(n / total * math.log2(n / total * true_total / truth[name]) for name, n in found.items())
    return bits - (len(truth) - 1) / (2 * total * math.log(2))


def summary(rows: Sequence[Row], trained_on: set[str], mix: Counter[str]) -> list[tuple[str, str]]:
    valid = [row for row in rows if row.family]
    novel = [row for row in valid if row.prompt not in trained_on]
    families = Counter(row.family.name for row in rows if row.family)
    return [
        ("instruction ends by itself", share(sum(row.instruction.ended for row in rows), len(rows))),
        ("response ends by itself", share(sum(row.response.ended for row in rows), len(rows))),
        ("has the form of a known family", share(sum(map(has_known_form, rows)), len(rows))),
        ("... and its slots are valid", share(len(valid), len(rows))),
        ("families covered", f"{len(families)}/{len(FAMILIES)}"),
        ("KL to the hidden mix, bits", f"{divergence(families, mix):.3f}"),
        ("distinct instructions", share(len({row.prompt for row in rows}), len(rows))),
        ("novel among valid", share(len(novel), len(valid))),
        ("right among valid", share(sum(row.right for row in valid), len(valid))),
        ("right among valid and novel", share(sum(row.right for row in novel), len(novel))),
        ("tokens per instruction", f"{sum(row.instruction.tokens for row in rows) / len(rows):.1f}"),
        ("tokens per response", f"{sum(row.response.tokens for row in rows) / len(rows):.1f}"),
    ]


def share(part: int, whole: int) -> str:
    return f"{part / max(1, whole):.1%}"


def print_families(rows: Sequence[Row], mix: Counter[str]) -> None:
    print(f"\n{'family':18}{'category':22}{'hidden':>8}{'found':>8}{'right':>10}")
    for family in FAMILIES:
        mine = [row for row in rows if row.family is family]
        hidden, found = mix[family.name] / mix.total(), len(mine) / len(rows)
        right = f"{sum(row.right for row in mine)}/{len(mine)}"
        print(f"{family.name:18}{family.category:22}{hidden:8.1%}{found:8.1%}{right:>10}")


# -- second turns and system prompts -----------------------------------------------------------------------------------


def follow_ups(sampler: Sampler, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Samples the user's second turn after right first turns; judges those that ask a follow-up of their family."""
    firsts = [row for row in rows if row.right and row.family and row.family.follow_ups]
    before = [message("user", row.prompt) + message("assistant", row.response.text) for row in firsts]
    asked = sampler.complete([text + before_user() for text in before], INSTRUCTION_LIMIT, temperature=1.0)
    told = [text + before_assistant(one.text) for text, one in zip(before, asked, strict=True)]
    verdicts = [
        follow_up_is_right(row, question, answer)
        for row, question, answer in zip(firsts, asked, sampler.complete(told, RESPONSE_LIMIT, 0), strict=True)
    ]
    judged = [verdict for verdict in verdicts if verdict is not None]
    return [
        ("second turns sampled", str(len(verdicts))),
        ("... a follow-up of its family", share(len(judged), len(verdicts))),
        ("right among these", share(sum(judged), len(judged))),
    ]


def follow_up_is_right(row: Row, question: Text, answer: Text) -> bool | None:
    """None where the question is no follow-up of the row's family (small talk, a new question)."""
    for follow_up in row.family.follow_ups if row.family else ():
        for own in readings(follow_up, question.text):
            try:
                return answer.ended and answer.text == follow_up.reply(row.slots, own)
            except (KeyError, ValueError):  # a word that the first turn did not offer
                return False
    return None


def readings(follow_up: FollowUp, text: str) -> list[Slots]:
    found = (follow_up.form.canonical(raw) for raw in follow_up.form.read(text))
    return [slots for slots in found if slots is not None]


def steering(sampler: Sampler, count: int) -> list[tuple[str, str]]:
    """Under each domain's system prompts, the share of instructions that belong to the domain's families."""
    lines = []
    for name, domain in DOMAINS.items():
        prompts = [system(domain.prompts[i % len(domain.prompts)]) + before_user() for i in range(count)]
        known = [recognise(undress(one.text)) for one in sampler.complete(prompts, INSTRUCTION_LIMIT, 1.0)]
        hits = sum(found is not None and found[0].name in domain.families for found in known)
        lines.append((f"under {name} prompts", share(hits, count)))
    return lines


# -- command -----------------------------------------------------------------------------------------------------------


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    sampler = Sampler(arguments.model, arguments.seed)
    origin = sampler.config["fledgling"]
    rows = extract(sampler, arguments.rows)
    mix = hidden_mix(origin["seed"], origin["conversations"])
    print_lines(summary(rows, user_prompts(origin["seed"], origin["conversations"]), mix))
    print_families(rows, mix)
    print()
    print_lines(follow_ups(sampler, rows))
    print_lines(steering(sampler, arguments.steer))
    print_samples(rows[: arguments.samples], "sample")
    print_samples([row for row in rows if row.family and not row.right][: arguments.mistakes], "mistake")
    print_samples([row for row in rows if not row.family][: arguments.mistakes], "unknown")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.check", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("src/magpie/models/fledgling"))
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--steer", type=int, default=150, help="instructions per kind of system prompt")
    parser.add_argument("--samples", type=int, default=0, help="print this many, uncut and in order")
    parser.add_argument("--mistakes", type=int, default=0, help="print this many wrong and this many unknown rows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def hidden_mix(seed: int, count: int) -> Counter[str]:
    """How often each family opens a conversation of the training corpus that has no system prompt."""
    return Counter(one.turns[0].family or "" for one in conversations(seed, count) if one.system is None)


def print_lines(lines: list[tuple[str, str]]) -> None:
    for name, value in lines:
        print(f"{name:34}{value:>10}")


def print_samples(rows: Sequence[Row], title: str) -> None:
    for number, row in enumerate(rows, start=1):
        name = row.family.name if row.family else "unknown"
        print(f"\n--- {title} {number}: {name}, {'right' if row.right else 'not right'}")
        print(f"user: {row.prompt}\nassistant: {row.response.text}")


if __name__ == "__main__":
    main()
