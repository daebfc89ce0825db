"""Runs a model in torch, while it is trained or from its folder: batches of prompts in, texts out.

Knows the folder's files and ChatML's end token; knows no families. It is for measuring: magpie's engines are faster.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from fledgling.chat import END_ID, END_OF_TEXT_ID
from fledgling.model import Cache, Fledgling, Shape
from fledgling.tokenizer import load_tokenizer

BATCH = 200
ENDED = 0.25  # share of rows that have ended at which they leave the batch; to leave costs a copy of the caches


@dataclass(frozen=True)
class Text:
    text: str
    ended: bool  # by its own end-of-turn token, not by the limit
    tokens: int


class Sampler:
    """A model with its tokenizer. The same seed and calls give the same texts."""

    def __init__(self, model: Fledgling, tokenizer: Tokenizer, seed: int = 0) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.random = torch.Generator().manual_seed(seed)

    @classmethod
    def of(cls, folder: Path, seed: int = 0) -> "Sampler":
        return cls(load_model(folder), load_tokenizer(folder / "tokenizer.json"), seed)

    def complete(self, prompts: Sequence[str], limit: int, temperature: float) -> list[Text]:
        """Continues each prompt; temperature 0 is greedy."""
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(list(prompts))]
        by_length = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        texts: dict[int, Text] = {}
        for start in range(0, len(ids), BATCH):
            chosen = by_length[start : start + BATCH]
            for index, new in zip(chosen, self.batch([ids[i] for i in chosen], limit, temperature), strict=True):
                texts[index] = self.text(new)
        return [texts[index] for index in range(len(ids))]

    def text(self, new: list[int]) -> Text:
        ended = END_ID in new
        kept = new[: new.index(END_ID)] if ended else new
        return Text(self.tokenizer.decode(kept, skip_special_tokens=False), ended, len(kept) + ended)

    @torch.no_grad()
    def batch(self, prompts: list[list[int]], limit: int, temperature: float) -> list[list[int]]:
        """Left-padded, one key-value cache per layer; rows that have ended leave the batch, several at a time."""
        ids, real = pad_left(prompts)
        shape = self.model.shape
        limit = min(limit, shape.positions - ids.shape[1])
        total = ids.shape[1] + limit
        caches = [Cache(len(prompts), shape, total, self.model.model.norm.weight) for _ in range(shape.layers)]
        alive, outputs = torch.arange(len(prompts)), [list[int]() for _ in prompts]
        current, real = ids, torch.cat([real, torch.ones(len(prompts), limit, dtype=torch.bool)], 1)
        ended = torch.zeros(len(prompts), dtype=torch.bool)
        for _ in range(limit):
            chosen = self.choose(self.forward(current, real, caches), temperature)
            for row, token, over in zip(alive.tolist(), chosen.tolist(), ended.tolist(), strict=True):
                if not over:
                    outputs[row].append(token)
            ended |= chosen == END_ID
            current = chosen[:, None]
            if ended.float().mean() > ENDED:
                going = (~ended).nonzero()[:, 0]
                if not len(going):
                    break
                alive, real, current, ended = alive[going], real[going], current[going], ended[going]
                for cache in caches:
                    cache.keep(going)
        return outputs

    def forward(self, current: Tensor, real: Tensor, caches: list[Cache]) -> Tensor:
        """Logits of the last position; `real` [batch, total positions] is False where a row is padded."""
        start, end = caches[0].filled, caches[0].filled + current.shape[1]
        positions = (real.cumsum(1) - 1).clamp(min=0)[:, start:end]
        causal = torch.ones(end - start, end, dtype=torch.bool).tril(start)
        itself = torch.eye(end - start, end, dtype=torch.bool).roll(start, 1)
        mask = (causal & real[:, None, :end]) | itself  # a padded position sees itself, or softmax gives NaN
        logits: Tensor = self.model(current, positions, caches, mask[:, None])
        return logits[:, -1].float()

    def choose(self, logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return logits.argmax(-1)
        return torch.multinomial((logits / temperature).softmax(-1), 1, generator=self.random)[:, 0]


def pad_left(prompts: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, prompts))
    ids = torch.tensor([[END_OF_TEXT_ID] * (longest - len(prompt)) + prompt for prompt in prompts])
    real = torch.tensor([[False] * (longest - len(prompt)) + [True] * len(prompt) for prompt in prompts])
    return ids, real


def load_model(folder: Path) -> Fledgling:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = Shape(
        vocabulary=config["vocab_size"],
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        positions=config["max_position_embeddings"],
        theta=config["rope_theta"],
    )
    model = Fledgling(shape)
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()})
    return model.eval()
