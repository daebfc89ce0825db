"""`magpie evaluate`: its options, for models and for judgments that are there, and which of them exclude each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from magpie.cli.parsing.options import (
    AllowKeyOption,
    GpusOption,
    JsonOption,
    MaxCostOption,
    MaxHoursOption,
    MaxTokensOption,
    PerHourOption,
    PriceInOption,
    PriceOutOption,
    RetryOption,
)
from magpie.errors import UserError


def evaluate_command(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]",
            help="The model, or a file of its answers; with --judgments which models to measure [default: all].",
        ),
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(
            "--prompts", metavar="FILE|HUB", help="Prompts of AlpacaEval, Arena-Hard, WildBench, or any dataset."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="MODEL|FILE", help="The model to be compared with, or a file of its answers."
        ),
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="MODEL", help="The model that judges answers.")
    ] = None,
    judge_prompt: Annotated[
        Path | None, typer.Option("--judge-prompt", metavar="FILE", help="A Jinja file with what the judge is asked.")
    ] = None,
    grades: Annotated[
        bool, typer.Option("--grades", help="Let the judge grade each answer from 1 to 10, too.")
    ] = False,
    check: Annotated[
        str | None,
        typer.Option(
            "--check", metavar="exact|math", help="Hold answers against the known ones; math needs math-verify."
        ),
    ] = None,
    checker: Annotated[
        str | None,
        typer.Option(
            "--checker", metavar="MODULE:FUNCTION", help="A function of yours that says whether an answer is right."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The most prompts.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="The split of a folder or a dataset of the Hub.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="RUN", help="The run's folder [default: runs/evaluate-MODEL-...].")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write what came of it as one HTML page.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a report that is there already.")] = False,
    judgments: Annotated[
        list[str] | None,
        typer.Option(
            "--judgments",
            metavar="FILE",
            help="Judgments of AlpacaEval, Arena-Hard or WildBench (files, folders; may be given again), or a run.",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", metavar="NAMES", help="Some of winrate,lc,bt,score [default: all that can be had]."),
    ] = None,
    lc_data: Annotated[
        Path | None,
        typer.Option(
            "--lc-data", metavar="FOLDER", help="AlpacaEval's own difficulties and baselines, for lc in full."
        ),
    ] = None,
    by_position: Annotated[
        bool,
        typer.Option(
            "--difficulty-by-position", help="Look difficulties up by the row's place in the file, as AlpacaEval does."
        ),
    ] = False,
    control: Annotated[
        str | None,
        typer.Option(
            "--control", metavar="STYLES", help="What bt controls for: some of length,headers,lists,bold, or none."
        ),
    ] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(
            "--answers", metavar="FILE", help="Arena-Hard's answer files, for the style of answers; may be given again."
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="NAME", help="The opponent, where the judgments do not name it."),
    ] = None,
    difference: Annotated[
        float,
        typer.Option("--difference", help="Print the sample size that this difference (percentage points) needs."),
    ] = 2.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The seed of all randomness.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, as in compare.by=verdict."),
    ] = None,
    allow_key: AllowKeyOption = None,
    retry_failed: RetryOption = False,
    max_hours: MaxHoursOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a model by its answers: compared, graded or checked.

    With --judgments, compute the metrics of judgments that exist already.
    """
    from magpie.cli.evaluate import Options, RunOptions, evaluate_judgments, evaluate_run
    from magpie.evaluate.running import Asked
    from magpie.executors.limits import Limits, Prices

    options = Options(metric, lc_data, by_position, control, difference, seed)
    if (judgments is None) == (prompts is None):
        raise UserError("evaluate: expected either --judgments FILE, or MODEL --prompts FILE --judge MODEL")
    if judgments is not None:
        if any((against, judge, judge_prompt, grades, check, checker, out, settings, limit, report)):
            raise UserError("--judgments: reads judgments that are there; expected no option of a run beside it")
        evaluate_judgments(list(models or ()), judgments, list(answers or ()), baseline, options, as_json=json)
        return
    if not models or len(models) != 1:
        raise UserError(f"evaluate --prompts: found {len(models or ())} models; expected one, or a file of its answers")
    if check is not None and (checker is not None or check not in ("exact", "math")):
        raise UserError(f"--check {check}: expected exact or math, or --checker MODULE:FUNCTION instead")
    if answers or baseline:
        raise UserError("--answers and --baseline: belong to --judgments; expected --against FILE for answers")
    assert prompts is not None, "looked at above"
    asked = Asked(
        models[0],
        prompts,
        against,
        judge,
        judge_prompt,
        grades,
        checker or check,
        limit,
        split,
        tuple(settings or ()),
        seed,
    )
    limits = Limits(max_hours, max_tokens, max_cost, Prices(price_per_hour, gpus, price_in, price_out))
    running = RunOptions(out, tuple(allow_key or ()), limits, retry_failed, report, overwrite)
    evaluate_run(asked, options, running, as_json=json)
