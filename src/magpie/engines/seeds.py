"""A request's seed of 63 bits as engines take it: mixed, so that the bits that an engine uses depend on all of them.

A multiplicative hash (Knuth 6.4): it carries upwards only, so the upper half is laid over the lower or taken alone.
Texts that were sampled rest on these numbers.
"""

from __future__ import annotations

from magpie.hashes import GOLDEN


def seed63(seed: int) -> int:
    """63 bits for 63 bits, one for one, with all of them mixed into the lowest 31: vLLM on a CPU uses no more than 32;
    a GPU, which hashes all 64 bits, loses nothing."""
    mixed = seed * GOLDEN & 0x7FFFFFFFFFFFFFFF
    return mixed ^ mixed >> 32


def seed31(seed: int) -> int:
    """For servers whose seeds are 32 bits with a sign."""
    return seed63(seed) & 0x7FFFFFFF


def seed32(seed: int) -> int:
    """For OpenVINO. Two of n requests share one with a chance of n * n / 2**33: of 65,536 instructions sampled from one
    prompt, half of all runs have one pair that is equal for this reason alone."""
    return seed * GOLDEN >> 32 & 0xFFFFFFFF


def llamacpp_seed(seed: int) -> int:
    """The same for llama.cpp, to which the last number of 32 bits means a random seed."""
    return seed32(seed) % 0xFFFFFFFF
