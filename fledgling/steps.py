"""Arithmetic the way it is shown to a child: small steps, each of them an equation that can be checked.

Knows no family. A model of three million parameters computes nothing at one glance; it can follow steps.
"""

import re


def add_steps(a: int, b: int) -> str:
    """47 + 35 -> 40 + 30 = 70, 7 + 5 = 12, and 70 + 12 = 82"""
    tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
    if min(a, b) >= 10 and a % 10 and b % 10:
        return f"{a - a % 10} + {b - b % 10} = {tens}, {a % 10} + {b % 10} = {ones}, and {tens} + {ones} = {a + b}"
    if max(a, b) >= 10 and a % 10 and b % 10:
        return f"{a % 10} + {b % 10} = {ones}, and {tens} + {ones} = {a + b}"
    return f"{a} + {b} = {a + b}"


def subtract_steps(a: int, b: int) -> str:
    """82 - 35 -> 82 - 30 = 52, 52 - 2 = 50, and 50 - 3 = 47"""
    if not b:
        return f"{a} - 0 = {a}"
    steps = [b - b % 10] if b >= 10 else []
    steps += [a % 10, b % 10 - a % 10] if a % 10 < b % 10 else [b % 10]
    equations = []
    for step in steps:
        if step:
            equations.append(f"{a} - {step} = {a - step}")
            a -= step
    return join_steps(equations)


def multiply_steps(a: int, b: int) -> str:
    """23 * 4 -> 20 * 4 = 80, 3 * 4 = 12, and 80 + 12 = 92"""
    tens, ones = a - a % 10, a % 10
    if not tens or not ones:
        return f"{a} * {b} = {a * b}"
    return f"{tens} * {b} = {tens * b}, {ones} * {b} = {ones * b}, and {tens * b} + {ones * b} = {a * b}"


def join_steps(equations: list[str]) -> str:
    if len(equations) < 2:
        return "".join(equations)
    return ", ".join(equations[:-1]) + ", and " + equations[-1]


def last_number(text: str) -> int | None:
    numbers = re.findall(r"\d+", text)
    return int(numbers[-1]) if numbers else None
