"""The Llama architecture at its smallest: RMSNorm, rotary positions, SwiGLU, tied embeddings.

Parameters carry the names of Hugging Face's LlamaForCausalLM, so a state dict is a checkpoint of either; with normed
queries and keys, those of Qwen3, which is the one kind that llama.cpp runs as a classifier by its last token.
Knows no tokens, no training and no sampling; it can be handed a cache.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from fledgling.model_shape import Shape as Shape


class Cache:
    """Keys and values of one layer, [batch, heads, positions, head width], filled from the left."""

    def __init__(self, batch: int, shape: Shape, positions: int, like: Tensor) -> None:
        size = (batch, shape.heads, positions, shape.head_width)
        self.keys, self.values = like.new_zeros(size), like.new_zeros(size)
        self.filled = 0

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        end = self.filled + keys.shape[2]
        self.keys[:, :, self.filled : end], self.values[:, :, self.filled : end] = keys, values
        self.filled = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def keep(self, rows: Tensor) -> None:
        self.keys, self.values = self.keys[rows], self.values[rows]


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), 1e-5)


def linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


def joined(x: Tensor, *projections: nn.Linear) -> tuple[Tensor, ...]:
    """Several projections of `x` as one product, which is much faster than three small ones."""
    weights = [projection.weight for projection in projections]
    return functional.linear(x, torch.cat(weights)).split([len(weight) for weight in weights], -1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """`mask` is True where a position is seen; or, in training, what is added to the scores.

    On a CPU, plain products train faster than flash attention, whose backward pass is slow in bfloat16.
    """
    if mask is None or mask.dtype == torch.bool:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
    with torch.autocast(q.device.type, enabled=False):  # it would make the softmax, the largest tensor, twice as large
        return ((q * q.shape[-1] ** -0.5) @ k.mT + mask).softmax(-1) @ v


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj, self.k_proj = linear(shape.width, shape.width), linear(shape.width, shape.width)
        self.v_proj, self.o_proj = linear(shape.width, shape.width), linear(shape.width, shape.width)
        self.q_norm: Norm | None = Norm(shape.head_width) if shape.normed else None
        self.k_norm: Norm | None = Norm(shape.head_width) if shape.normed else None

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in joined(x, self.q_proj, self.k_proj, self.v_proj)
        )
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        q, k = rotate(q, cos.to(q.dtype), sin.to(q.dtype)), rotate(k, cos.to(q.dtype), sin.to(q.dtype))
        if cache is not None:
            k, v = cache.extend(k, v)
        mixed = attend(q, k, v, mask)
        output: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return output


class Mlp(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj, self.up_proj = linear(shape.width, shape.inner), linear(shape.width, shape.inner)
        self.down_proj = linear(shape.inner, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = joined(x, self.gate_proj, self.up_proj)
        output: Tensor = self.down_proj(functional.silu(gate) * up)
        return output


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(shape.width), Norm(shape.width)
        self.self_attn, self.mlp = Attention(shape), Mlp(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None, mask: Tensor | None) -> Tensor:
        attended: Tensor = x + self.self_attn(self.input_layernorm(x), cos, sin, cache, mask)
        output: Tensor = attended + self.mlp(self.post_attention_layernorm(attended))
        return output


class Trunk(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width)


class Fledgling(nn.Module):
    """Token ids [batch, length] -> logits [batch, length, vocabulary]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Trunk(shape)
        cos, sin = rotations(shape)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.apply_initial_weights()

    def forward(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        caches: list[Cache] | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """`positions` [batch, length] where rows are padded; without it, rows start at position 0."""
        return functional.linear(self.hidden(ids, positions, caches, mask), self.model.embed_tokens.weight)

    def hidden(self, ids: Tensor, positions: Tensor | None, caches: list[Cache] | None, mask: Tensor | None) -> Tensor:
        x: Tensor = self.model.embed_tokens(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        if positions is not None:
            cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        for index, layer in enumerate(self.model.layers):
            x = layer(x, cos, sin, caches[index] if caches else None, mask)
        return self.model.norm(x)

    def loss(self, ids: Tensor, mask: Tensor, learned: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of `targets` at the places `learned` of the flattened `ids`."""
        states = self.hidden(ids, None, None, mask).flatten(0, 1)[learned]
        logits = functional.linear(states, self.model.embed_tokens.weight)
        return functional.cross_entropy(logits.float(), targets)

    def weighted_loss(self, ids: Tensor, mask: Tensor, learned: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """The sum of the same, each target by its weight, which may be less than nothing."""
        states = self.hidden(ids, None, None, mask).flatten(0, 1)[learned]
        logits = functional.linear(states, self.model.embed_tokens.weight)
        return (functional.cross_entropy(logits.float(), targets, reduction="none") * weights).sum()

    def apply_initial_weights(self) -> None:
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                ends_layer = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, 0, 0.02 / math.sqrt(2 * self.shape.layers) if ends_layer else 0.02)

    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


def rotations(shape: Shape) -> tuple[Tensor, Tensor]:
    frequencies = 1.0 / shape.theta ** (torch.arange(0, shape.head_width, 2).float() / shape.head_width)
    angles = torch.outer(torch.arange(shape.positions).float(), frequencies)
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()
