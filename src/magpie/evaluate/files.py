"""Judgment files of AlpacaEval, Arena-Hard and WildBench, as they are: JSON, JSON Lines, CSV or Parquet.

Knows the keys of those files; knows no statistics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from magpie.errors import UserError
from magpie.evaluate.judgments import Game, Judgments, Score, Style
from magpie.imports.containers import documents, kind_of
from magpie.imports.documents import Document
from magpie.safe.paths import expanded
from magpie.safe.terminal import brief

Row = Mapping[str, Any]

ALPACA, ARENA, WILD_SCORE, WILD_PAIR = "AlpacaEval", "Arena-Hard", "WildBench", "WildBench pairs"
BASELINE = "baseline"
"""What the opponent is called where a file does not name it."""
STRONG = 3
"""How often Arena-Hard counts a strong verdict."""
_EXPECTED = (
    "expected annotations of AlpacaEval (preference, output_1, output_2), judgments of Arena-Hard (games), or results "
    "of WildBench (session_id with score, or with winner)"
)
_MOST_SHOWN = 12


def read_judgments(paths: Sequence[str], baseline: str | None = None) -> Judgments:
    """Every judgment of files, or of the files in folders, which are all of one form.

    baseline: what the opponent is called where the files do not name it. Raises `UserError`, with the file, for what
    holds no judgments.

    read_judgments(["annotations.json"]).of("my-model")
    """
    found: Judgments | None = None
    for path in [file for given in paths for file in _files(given)]:
        one = _read(path, baseline or BASELINE)
        if found is not None and found.form != one.form:
            raise UserError(f"{path}: judgments of {one.form}, and those before of {found.form}; expected one form")
        if found is None:
            found = one
        else:
            found.games += one.games
            found.scores += one.scores
            found.unjudged += one.unjudged
    assert found is not None, "a folder without files is refused"
    _check_once(found, paths)
    return found


def _files(given: str) -> list[Path]:
    path = expanded(given)
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.is_file() and kind_of(file) is not None]
        if not files:
            raise UserError(f"{path}: holds no file of judgments; {_EXPECTED}")
        return files
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; {_EXPECTED}")
    return [path]


def _read(path: Path, baseline: str) -> Judgments:
    rows = [(found.place, found.values) for found in documents(path) if isinstance(found, Document)]
    if not rows:
        raise UserError(f"{path}: holds no row that can be read; {_EXPECTED}")
    form = next((name for name, fits, _ in _FORMS if fits(rows[0][1])), None)
    if form is None:
        keys = ", ".join(brief(key, 40, quoted=False) for key in list(rows[0][1])[:_MOST_SHOWN])
        raise UserError(f"{path}: no judgments that are known, by the keys of its first row ({keys}); {_EXPECTED}")
    read = next(read for name, _, read in _FORMS if name == form)
    return read(rows, path, baseline)


def _check_once(found: Judgments, paths: Sequence[str]) -> None:
    if not found.games and not found.scores:
        raise UserError(
            f"{paths[0]}: not one of its {found.unjudged:,} rows has a verdict or a score that can be read; {_EXPECTED}"
        )
    if found.form == ALPACA:
        return
    seen: Counter[tuple[object, ...]] = Counter((one.model, one.prompt) for one in found.scores)
    seen.update((one.model, one.prompt, one.opponent, one.model_first) for one in found.games)
    twice = next((key for key, count in seen.items() if count > 1), None)
    if twice is not None:
        raise UserError(
            f"{paths[0]}: {brief(str(twice[0]))} is judged more than once at the same prompt "
            f"({brief(str(twice[1]))}); expected each answer once"
        )


# -- AlpacaEval --------------------------------------------------------------------------------------------------------


def _is_alpaca(row: Row) -> bool:
    return "preference" in row and ("output_2" in row or "len_2" in row)


def _read_alpaca(rows: Sequence[tuple[str, Row]], path: Path, baseline: str) -> Judgments:
    found = Judgments(ALPACA)
    places: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    for _, row in rows:
        model = _name(row, "generator_2", "model") or path.stem
        place, index = places[model], _whole(row.get("index"))
        places[model] += 1
        position = place if index is None else index
        instruction = str(row.get("instruction", position)) if index is None else str(index)
        seen[model, instruction] += 1  # the benchmark has instructions twice
        preference = _number(row.get("preference"))
        preference = 1.5 if preference == 0 else preference
        if preference is None or not 1 <= preference <= 2:
            found.unjudged += 1
            continue
        game = Game(
            instruction if seen[model, instruction] == 1 else f"{instruction} #{seen[model, instruction]}",
            model,
            _name(row, "generator_1") or baseline,
            preference - 1,
            position=position,
            place=place,
            style=_style_of(row.get("output_2"), row.get("len_2")),
            opponent_style=_style_of(row.get("output_1"), row.get("len_1")),
            category=_name(row, "dataset", "category"),
        )
        found.games.append(game)
    return found


def lacks_index(games: Sequence[Game], instructions: int) -> bool:
    """Whether the places of a model's games in the benchmark are in doubt: rows are missing, and none says its own.

    games: of one model, read from annotations of AlpacaEval.
    """
    last = games[-1].place
    return last is not None and last + 1 < instructions and all(game.position == game.place for game in games)


# -- Arena-Hard --------------------------------------------------------------------------------------------------------

_LABELS: Mapping[str, tuple[float, int]] = {
    "A>>B": (1.0, STRONG),
    "A>B": (1.0, 1),
    "A=B": (0.5, 1),
    "B=A": (0.5, 1),
    "B>A": (0.0, 1),
    "A<B": (0.0, 1),
    "B<A": (1.0, 1),
    "B>>A": (0.0, STRONG),
    "A<<B": (0.0, STRONG),
    "B<<A": (1.0, STRONG),
}
"""A verdict to the preference for A, and how often it counts."""


def _is_arena(row: Row) -> bool:
    return isinstance(row.get("games"), list)


def _read_arena(rows: Sequence[tuple[str, Row]], path: Path, baseline: str) -> Judgments:
    """The first game shows the baseline first, the second one the model. A row with a game without a verdict counts as
    unjudged, as Arena-Hard itself counts."""
    found = Judgments(ARENA)
    for place, row in rows:
        prompt, model = _name(row, "question_id", "uid"), _name(row, "model")
        if prompt is None or model is None:
            raise UserError(f"{path}: {place}: a row without question_id (or uid) or model; {_EXPECTED}")
        games = row.get("games")
        given = [_LABELS.get(_label(game)) for game in games] if isinstance(games, list) else []
        if not given or len(given) > 2 or any(one is None for one in given):
            found.unjudged += 1
            continue
        opponent = _name(row, "baseline") or baseline
        for number, one in enumerate(given):
            assert one is not None, "such rows are unjudged"
            preference, weight = one
            model_first = number == 1
            game = Game(
                prompt,
                model,
                opponent,
                preference if model_first else 1 - preference,
                weight,
                category=_name(row, "category"),
                model_first=model_first,
            )
            found.games.append(game)
    return found


def _label(game: Any) -> str:
    score = game.get("score") if isinstance(game, dict) else None
    return score.strip("[] \n") if isinstance(score, str) else ""


# -- WildBench ---------------------------------------------------------------------------------------------------------


def _is_wild_score(row: Row) -> bool:
    return "score" in row and ("session_id" in row or "model_test" in row)


def _read_wild_scores(rows: Sequence[tuple[str, Row]], path: Path, baseline: str) -> Judgments:  # noqa: ARG001
    found = Judgments(WILD_SCORE)
    for number, (_, row) in enumerate(rows):
        score = _number(row.get("score"))
        if score is None or not 1 <= score <= 10:
            found.unjudged += 1
            continue
        output, length = row.get("model_output"), _number(row.get("length"))
        if isinstance(output, list):
            output = output[0] if output else None
        found.scores.append(
            Score(
                _name(row, "session_id", "id") or str(number),
                _name(row, "model_test", "model", "generator") or path.stem,
                score,
                float(len(output.strip())) if isinstance(output, str) else length,
                _name(row, "category", "primary_tag"),
            )
        )
    return found


def _is_wild_pair(row: Row) -> bool:
    return "winner" in row and "model_A" in row and "model_B" in row


def _read_wild_pairs(rows: Sequence[tuple[str, Row]], path: Path, baseline: str) -> Judgments:
    """The model is the one that the file is named after, else the one with the fewest games."""
    found = Judgments(WILD_PAIR)
    counts = Counter(str(row.get(key)) for _, row in rows for key in ("model_A", "model_B"))
    for number, (_, row) in enumerate(rows):
        first, second, winner = (_name(row, key) for key in ("model_A", "model_B", "winner"))
        if first is None or second is None or winner not in (first, second, "tie"):
            found.unjudged += 1
            continue
        sides = sorted((first, second), key=lambda name: (name == baseline, name != path.stem, counts[name], name))
        model, opponent = sides
        outputs = row.get("model_outputs")
        outputs = outputs if isinstance(outputs, dict) else {}
        extent = _whole(row.get("extent"))
        game = Game(
            _name(row, "session_id") or str(number),
            model,
            opponent,
            0.5 if winner == "tie" else float(winner == model),
            2 if extent == 2 else 1,
            style=_style_of(outputs.get(model), None),
            opponent_style=_style_of(outputs.get(opponent), None),
            category=_name(row, "category", "primary_tag"),
            model_first=model == first,
        )
        found.games.append(game)
    return found


_FORMS: tuple[tuple[str, Callable[[Row], bool], Callable[[Sequence[tuple[str, Row]], Path, str], Judgments]], ...] = (
    (ALPACA, _is_alpaca, _read_alpaca),
    (ARENA, _is_arena, _read_arena),
    (WILD_PAIR, _is_wild_pair, _read_wild_pairs),
    (WILD_SCORE, _is_wild_score, _read_wild_scores),
)


# -- answers -----------------------------------------------------------------------------------------------------------

_HEADERS = re.compile(r"^#{1,6}[ \t]", re.MULTILINE)
_LISTS = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]{1,1000}\*\*")
_METADATA = (("headers", "header_count"), ("lists", "list_count"), ("bold", "bold_count"))


def style_of(text: str) -> Style:
    """How long an answer is, in characters, and how much markdown it has.

    >>> style_of("# Title\\n- one\\n- **two**")
    Style(length=23, headers=1, lists=2, bold=1)
    """
    lines = sum(1 for _ in _LISTS.finditer(text))
    return Style(len(text), len(_HEADERS.findall(text)), lines, len(_BOLD.findall(text)))


def _style_of(text: Any, length: Any) -> Style | None:
    if isinstance(text, str):
        return style_of(text)
    number = _number(length)
    return None if number is None else Style(number)


def with_answers(judgments: Judgments, paths: Sequence[str]) -> Judgments:
    """Judgments of Arena-Hard, which hold no answers, with the style of the answers in its own answer files.

    Raises `UserError` where the files have an answer of no model of the games.
    """
    styles = {key: style for path in paths for file in _files(path) for key, style in _answers(file)}
    games = [
        replace(
            game,
            style=styles.get((game.model, game.prompt), game.style),
            opponent_style=styles.get((game.opponent, game.prompt), game.opponent_style),
        )
        for game in judgments.games
    ]
    known = {model for model, _ in styles}
    wanted = {name for game in games for name in (game.model, game.opponent)}
    if lacking := sorted(wanted - known):
        raise UserError(
            f"{paths[0]}: has no answers of {brief(lacking[0])}; expected the answers of every model that is judged, "
            "the baseline's too (--baseline NAME says who that is)"
        )
    return replace(judgments, games=games)


def _answers(path: Path) -> Iterator[tuple[tuple[str, str], Style]]:
    for found in documents(path):
        if not isinstance(found, Document):
            continue
        row = found.values
        model, prompt = _name(row, "model", "model_id") or path.stem, _name(row, "uid", "question_id")
        style = _style_of_metadata(row.get("metadata") or row.get("conv_metadata")) or _style_of_messages(row)
        if prompt is not None and style is not None:
            yield (model, prompt), style


def _style_of_metadata(told: Any) -> Style | None:
    length = _number(told.get("token_len")) if isinstance(told, dict) else None
    if length is None:
        return None
    return Style(length, **{name: _total(told.get(key)) for name, key in _METADATA})


def _total(count: Any) -> int:
    given = count.values() if isinstance(count, dict) else [count]
    return int(sum(number for one in given if (number := _number(one)) is not None))


def _style_of_messages(row: Row) -> Style | None:
    """Of the text itself: `messages` of Arena-Hard 2, `choices` of its first version."""
    messages, choices = row.get("messages"), row.get("choices")
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        content = messages[-1].get("content")
        content = content.get("answer") if isinstance(content, dict) else content
        return _style_of(content, None)
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        turns = choices[0].get("turns")
        if isinstance(turns, list) and turns and isinstance(turns[-1], dict):
            return _style_of(turns[-1].get("content"), None)
    return None


# -- values ------------------------------------------------------------------------------------------------------------


def _name(row: Row, *keys: str) -> str | None:
    """The first of the keys that holds a name; a number is one."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) and number >= 0 else None
