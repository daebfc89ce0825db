"""From the numbers of a report to what its templates show: charts drawn, names in words.

Knows the document of `magpie.report.making`; computes no figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from magpie.report.page import charts
from magpie.report.page.words import short, whole
from magpie.stages.judging.labels import DIFFICULTIES, QUALITIES

TITLES = {
    "task_category": "Category",
    "language": "Language",
    "safety": "Safety",
    "variant": "Variant",
    "source": "Source",
    "input_quality": "Quality",
    "difficulty": "Difficulty",
    "instruct_reward": "Reward",
    "base_reward": "Reward of the base model's response",
    "reward_difference": "Reward difference",
    "chosen_reward": "Reward of chosen responses",
    "rejected_reward": "Reward of rejected responses",
    "quality_score": "Expected quality, 1 to 5",
    "difficulty_score": "Expected difficulty, 1 to 5",
    "harm_probability": "Probability of harm",
    "input_quality_probs_top": "Probability of the chosen quality",
    "difficulty_probs_top": "Probability of the chosen difficulty",
    "task_category_probs_top": "Probability of the chosen category",
    "min_neighbor_distance": "Distance to the nearest other",
    "instruction_chars": "Instruction, characters",
    "response_chars": "Response, characters",
    "kept_share": "Kept",
    "quality": "Quality, 1 to 5",
    "distance": "Distance",
    "tokens_per_kept_row": "Tokens per kept row",
}
"""Columns and figures in words."""

REPEAT = 0.05
"""Where the paper's limit of repeats stands on the axis of distances."""


def title(name: str) -> str:
    """A column or a figure in words; a second judge's with its name."""
    if name.startswith("original_"):
        return f"{title(name.removeprefix('original_'))}, imported"
    base, _, judge = name.partition("__")
    told = TITLES.get(base, base)
    return f"{told} ({judge})" if judge else told


def length_chart(texts: Mapping[str, Any], name: str) -> Markup:
    """All rows behind kept ones by length in characters, on a logarithmic axis."""
    bins = {one["bin"]: one for one in texts[name]["bins"]}
    first, last = min(bins), max(bins)
    if last - first < 8:
        first, last = max(0, first - 3), last + 3
    span = range(first, last + 1)
    back = [bins[b]["rows"] if b in bins else 0 for b in span]
    front = [bins[b]["kept"] if b in bins else 0 for b in span]
    per_octave = texts[name]["bins_per_octave"]
    of = texts[name]["kept"] or texts[name]["all"]
    place = charts.place_of(of["p50"], per_octave) - first
    which = "kept" if texts[name]["kept"] else "all"
    marks = [(place, f"median {whole(of['p50'])}", which if which == "kept" else "dim")]
    ticks = charts.log_ticks((first, last), per_octave)
    said = f"Histogram of the {name}'s length in characters; the median of {which} rows is {whole(of['p50'])}"
    return charts.histogram(back, front, ticks, said, marks)


def score_chart(name: str, score: Mapping[str, Any], *, limit: float | None = None, small: bool = False) -> Markup:
    """All rows behind kept ones by a real number."""
    bins = score["histogram"]
    count = len(bins["rows"])
    marks = []
    of = score.get("kept") or score.get("all")
    if of:
        style = "kept" if score.get("kept") else "dim"
        marks.append(((of["p50"] - bins["from"]) / bins["width"], f"median {short(of['p50'])}", style))
    if limit is not None and bins["from"] <= limit <= bins["from"] + count * bins["width"]:
        marks.append(((limit - bins["from"]) / bins["width"], f"repeats, below {limit:g}", "alarm"))
    ticks = charts.even_ticks(bins["from"], bins["width"], count)
    return charts.histogram(bins["rows"], bins["kept"], ticks, f"Histogram: {title(name)}", marks, small=small)


def quality_grid(grid: Mapping[str, Any]) -> Markup:
    """Quality upward, difficulty to the right."""
    qualities, difficulties = tuple(reversed(QUALITIES.names)), DIFFICULTIES.names
    values = {
        (qualities.index(cell["quality"]), difficulties.index(cell["difficulty"])): (cell["rows"], cell["kept"])
        for cell in grid["cells"]
    }
    return charts.heat(qualities, difficulties, values, "Rows by quality and difficulty")


def length_lines(octaves: Sequence[Mapping[str, Any]], field: str) -> Markup:
    """Shares of rows by octave of length, of one set as bars and of the other as a line."""
    ones = [one["shares"][0] for one in octaves]
    others = [one["shares"][1] for one in octaves]
    first, last = octaves[0]["octave"], octaves[-1]["octave"]
    ticks = charts.log_ticks((first, last), 1)
    return charts.histogram([0.0] * len(ones), ones, ticks, f"{title(field)}: shares of rows", line=others)


def intervals(variants: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each figure that some variant has: its name, and a chart for each variant on one scale."""
    found = []
    for name in ("kept_share", "quality", "difficulty", "distance", "tokens_per_kept_row"):
        figures = [variant.get(name) for variant in variants]
        ends = [
            value
            for figure in figures
            if figure
            for value in (figure.get("low"), figure["value"], figure.get("high"))
            if value is not None
        ]
        if not ends:
            continue
        low, high = min(ends), max(ends)
        room = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
        drawn = [charts.interval(figure, low - room, high + room) for figure in figures]
        found.append({"name": name, "title": title(name), "cells": list(zip(figures, drawn, strict=True))})
    return found


def speed(points: Sequence[Mapping[str, Any]], most: int = 90) -> Markup:
    """The curve of tokens over time, of at most so many points."""
    merged: list[dict[str, Any]] = []
    every = -(-len(points) // most)
    for point in points:
        last = merged[-1] if merged else None
        together = last is not None and last["stage"] == point["stage"] and last["session"] == point["session"]
        if last is None or not together or last["points"] >= every:
            merged.append({**point, "points": 1})
            continue
        rates = {}
        for name in ("completion_tokens_per_second", "prompt_tokens_per_second"):
            tokens = last[name] * (last["to"] - last["from"]) + point[name] * (point["to"] - point["from"])
            rates[name] = tokens / max(point["to"] - last["from"], 1e-3)
        merged[-1] = {**last, "to": point["to"], **rates, "points": last["points"] + 1}
    return charts.curve(merged, "Completion tokens per second over the time of work")


def agreement_chart(pair: Mapping[str, Any]) -> Markup | None:
    """Two judges' labels as cells, where both are labels with an order."""
    if "weighted_kappa" not in pair:
        return None
    names = pair["labels"]
    upward = list(reversed(names))
    values = {
        (row, column): (pair["table"][names.index(one)][column], 0)
        for row, one in enumerate(upward)
        for column in range(len(names))
    }
    return charts.heat(upward, names, values, "Rows by the labels of both judges", counts_only=True)
