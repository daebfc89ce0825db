"""The Llama architecture at its smallest: RMSNorm, rotary positions, SwiGLU, tied embeddings.

Parameters carry the names of Hugging Face's LlamaForCausalLM, so a state dict is a checkpoint of either.
Knows no tokens, no training and no sampling; it can be handed a cache.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """The size of the model. The default has 3.1 million parameters."""

    vocabulary: int = 2560
    width: int = 192
    layers: int = 6
    heads: int = 6
    inner: int = 512
    positions: int = 512
    theta: float = 10000.0

    @property
    def head_width(self) -> int:
        return self.width // self.heads


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


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj, self.k_proj = linear(shape.width, shape.width), linear(shape.width, shape.width)
        self.v_proj, self.o_proj = linear(shape.width, shape.width), linear(shape.width, shape.width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            project(x).view(batch, length, self.heads, -1).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            k, v = cache.extend(k, v)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        output: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return output


class Mlp(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj, self.up_proj = linear(shape.width, shape.inner), linear(shape.width, shape.inner)
        self.down_proj = linear(shape.inner, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
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
        x = self.model.embed_tokens(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        if positions is not None:
            cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        for index, layer in enumerate(self.model.layers):
            x = layer(x, cos.to(x.dtype), sin.to(x.dtype), caches[index] if caches else None, mask)
        return functional.linear(self.model.norm(x), self.model.embed_tokens.weight)

    def loss(self, rows: Tensor) -> Tensor:
        """Mean cross-entropy over every next token of `rows`, user turns included."""
        logits = self(rows[:, :-1]).float()
        return functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())

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
