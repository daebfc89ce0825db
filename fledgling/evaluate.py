"""How good a model is while it is trained: its loss on rows held out, and what it says against the truth.

Knows tokens, families and a sampler. Figures for the card are `measure`'s, from the shipped file.
"""

from collections.abc import Mapping

import torch
from tokenizers import Tokenizer

from fledgling.chat import before_assistant, before_user
from fledgling.rows import Rows
from fledgling.sample import Sampler
from fledgling.train import Evaluate, Trainer
from fledgling.verdict import Talk, judge

COUNT = 200  # instructions
INSTRUCTION_LIMIT, RESPONSE_LIMIT = 160, 200  # tokens


def held_out_loss(rows: Rows) -> Evaluate:
    return lambda trainer: {"held_out_loss": trainer.loss_of(rows)}


def evaluator(tokenizer: Tokenizer, held_out: Rows) -> Evaluate:
    """The loss, and the shares of sampled instructions that end, that are valid, and that are answered right."""
    loss = held_out_loss(held_out)
    return lambda trainer: {**loss(trainer), **extraction(trainer, tokenizer)}


@torch.no_grad()
def extraction(trainer: Trainer, tokenizer: Tokenizer) -> Mapping[str, float]:
    sampler = Sampler(trainer.model, tokenizer, seed=trainer.step)
    asked = sampler.complete([before_user()] * COUNT, INSTRUCTION_LIMIT, temperature=1.0)
    told = sampler.complete([before_assistant(one.text) for one in asked], RESPONSE_LIMIT, temperature=0)
    verdicts = [
        judge(Talk(None, (question.text,), (reply.text,)))
        for question, reply in zip(asked, told, strict=True)
        if question.ended and question.text
    ]
    valid = [verdict for verdict in verdicts if verdict.family]
    return {
        "ended": sum(one.ended for one in (*asked, *told)) / (2 * COUNT),
        "valid": len(valid) / COUNT,
        "right": sum(verdict.right for verdict in valid) / max(1, len(valid)),
    }
