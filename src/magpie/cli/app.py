"""The commands and their options, and how errors leave the program.

A user's mistake is one line on standard error and exit code 2, and so are servers that are gone; an engine that died
is 1, and so is a session in which every row that it tried failed; a limit that was set is 3, Ctrl-C is 130. Everything
heavy is imported by the command that needs it, so that `--help` is instant.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from magpie.errors import EngineDied, UserError
from magpie.plan.plugins import package_of
from magpie.plan.registry import STAGES, offered
from magpie.safe.interrupts import note_interrupts, was_interrupted

app = typer.Typer(
    name="magpie",
    help="Alignment data from an aligned model and nothing else.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]


KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep", help="If this version of magpie would make rows differently, keep the run's rows and settings."
    ),
]
RetryOption = Annotated[
    bool, typer.Option("--retry-failed", help="Try rows again that could not be made at three tries.")
]
AllowKeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-key",
        metavar="NAME@HOST",
        help="Let a recipe file send the key in this environment variable to this host, now and later; may be given "
        "again. NAME@http://HOST is for plain http.",
    ),
]
RemakeOption = Annotated[
    bool, typer.Option("--remake", help="Where this magpie would make the stage's rows otherwise: make them anew.")
]

PerHourOption = Annotated[
    float | None, typer.Option("--price-per-hour", help="What an hour of one GPU, or of the machine, costs.")
]
GpusOption = Annotated[int, typer.Option("--gpus", help="How many of them are paid for.")]
PriceInOption = Annotated[float | None, typer.Option("--price-in", help="What a million prompt tokens cost.")]
PriceOutOption = Annotated[float | None, typer.Option("--price-out", help="What a million completion tokens cost.")]


@app.command("run")
def run_command(
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A shipped recipe or a YAML file; by default the run's own.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="A GGUF file, a Hugging Face folder or Hub id, or a model inside the package."),
    ] = None,
    size: Annotated[int | None, typer.Option("--size", help="Rows to make.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The run's folder [default: runs/RECIPE].")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The seed of all randomness.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, as in instruct.sampling.temperature=1.2.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan: stages, models, rows, what it reads and contacts.")
    ] = False,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="With --dry-run: print the resolved recipe as YAML, and nothing else.")
    ] = False,
    remake: Annotated[
        list[str] | None,
        typer.Option(
            "--remake",
            metavar="STAGE",
            help="If this version of magpie would make a stage's rows differently, make them again; "
            "may be given again, or `all`.",
        ),
    ] = None,
    keep: KeepOption = False,
    retry_failed: RetryOption = False,
    allow_key: AllowKeyOption = None,
    max_hours: Annotated[
        float | None, typer.Option("--max-hours", help="Stop after this time, with exit code 3; resumable.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Stop after these prompt and completion tokens together.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="Stop when this call has cost so much; needs a price.")
    ] = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    json: JsonOption = False,
) -> None:
    """Create a run, or resume one: only what is missing is made."""
    from magpie.cli.run import run
    from magpie.executors.limits import Limits, Prices
    from magpie.plan.upgrade import Choice

    given = {"model": model, "size": size, "seed": seed}
    replace = {name: value for name, value in given.items() if value is not None}
    choice = Choice(tuple(remake or ()), keep)
    overrides = tuple(settings or ())
    if yaml and not dry_run:
        raise UserError("--yaml: expected --dry-run beside it")
    limits = Limits(max_hours, max_tokens, max_cost, Prices(price_per_hour, gpus, price_in, price_out))
    run(
        recipe,
        out,
        overrides,
        replace,
        choice,
        tuple(allow_key or ()),
        dry_run=dry_run,
        retry_failed=retry_failed,
        as_json=json,
        as_yaml=yaml,
        limits=limits,
    )


@app.command()
def estimate(
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|RUN", help="A shipped recipe, a YAML file, or the folder of a run.")
    ],
    size: Annotated[
        int | None, typer.Option("--size", min=1, help="Rows of the run [default: the recipe's, or the run's].")
    ] = None,
    pilot: Annotated[
        int, typer.Option("--pilot", min=0, help="Rows to make first where there are fewer; they stay.")
    ] = 200,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder of a recipe's pilot [default: runs/RECIPE].")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, as in tag.model=PATH.")
    ] = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    allow_key: AllowKeyOption = None,
    json: JsonOption = False,
) -> None:
    """What a run of a size would take and keep: tokens, hours, money, disk, rows; from real rows, which stay."""
    from magpie.cli.estimate import estimate_command
    from magpie.executors.limits import Prices

    prices = Prices(price_per_hour, gpus, price_in, price_out)
    estimate_command(what, out, tuple(settings or ()), size, pilot, prices, tuple(allow_key or ()), as_json=json)


@app.command()
def status(run: RunArgument, json: JsonOption = False) -> None:
    """What a run has, what was dropped and why, what it took."""
    from magpie.cli.status import status

    status(run, as_json=json)


@app.command()
def show(
    run: RunArgument,
    count: Annotated[int, typer.Option("-n", min=1, help="How many conversations.")] = 5,
    dropped: Annotated[bool, typer.Option("--dropped", help="Show dropped rows, with their reasons.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show kept, dropped and unfinished rows.")] = False,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="SQL", help="A condition, such as \"safety = 'unsafe'\"; may be given again."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="SQL", help="The first rows in an order, such as 'instruct_reward DESC'."),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="A row by its id or number; may be given again.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME", help="Show this column too; with --json, only such columns."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Conversations of a run, each with its judgments; by default kept ones, spread over the run."""
    from magpie.cli.show import Shown, show
    from magpie.explore.rows import Search

    if ids and (dropped or every or where or sort):
        raise UserError("--id: names rows; expected no --where, --sort, --dropped or --all beside it")
    if dropped and every:
        raise UserError("--dropped and --all: expected one of them; --all shows dropped rows too")
    scope = "dropped" if dropped else "all" if every else "kept"
    search = Search(scope, tuple(where or ()), sort, tuple(ids or ()))  # type: ignore[arg-type]
    show(run, search, Shown(count, tuple(columns or ()), json))


@app.command("import")
def import_command(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Files (JSON, CSV, Parquet or Arrow, also compressed), folders, runs, or OWNER/NAME of the Hub.",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="RUN", help="The run to make.")],
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="KEY=COLUMN",
            help="Read a key as a column, as in question=instruction; may be given again.",
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", help="Render the instruction from each row by this Jinja template."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The most rows.")] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="The split of a folder or of a dataset of the Hub: a name, several by +, or all."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Datasets as a run: ShareGPT, messages, Alpaca, preference pairs, Magpie's own columns, or what --map says."""
    from magpie.cli.imports import imports
    from magpie.imports import Options
    from magpie.imports.mapping import read_map

    imports(inputs, to, Options(read_map(map or ()), template, limit, split), as_json=json)


def _stage_command(name: str, about: str) -> None:
    def command(
        run: RunArgument,
        settings: Annotated[
            list[str] | None, typer.Option("--set", help="Override a setting, as in tag.model=PATH.")
        ] = None,
        model: Annotated[
            str | None, typer.Option("--model", help="The model that this stage asks; by default the run's own.")
        ] = None,
        remake: RemakeOption = False,
        keep: KeepOption = False,
        retry_failed: RetryOption = False,
        allow_key: AllowKeyOption = None,
        json: JsonOption = False,
    ) -> None:
        from magpie.cli.stage import stage
        from magpie.plan.upgrade import Choice

        choice = Choice((name,) if remake else (), keep)
        keys = tuple(allow_key or ())
        stage(name, run, tuple(settings or ()), model, choice, keys, retry_failed=retry_failed, as_json=json)

    app.command(name.replace("_", "-"), help=f"{about} One stage on a run that is there; the others are left alone.")(
        command
    )


for _spec in STAGES:
    if _spec.command:
        _stage_command(_spec.name, _spec.about)


@app.command()
def select(
    run: RunArgument,
    chosen: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="SELECTION",
            help="air, pro, pro-2 to pro-6, a file with a SELECT, or clauses as in SQL; by default the recipe's own.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The most rows.")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="CLAUSE", help="A further clause; may be given again.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="COLUMN",
            help="Leave out the selection's own clauses that read a column; may be given again.",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print how many rows each clause costs; select nothing.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, as in select.diverse={}.")
    ] = None,
    allow_key: AllowKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Choose the dataset from a run's rows; the others stay in the run, with the clause that dropped them."""
    from magpie.cli.select import select

    given = {"limit": limit, "also": where, "without": without}
    select(run, chosen, given, tuple(settings or ()), tuple(allow_key or ()), explain=explain, as_json=json)


@app.command()
def export(
    run: RunArgument,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="PLACE",
            help="A file (.jsonl, .json for one array, .parquet), - for standard output, or a dataset's folder.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="parquet (every column), messages, sharegpt, alpaca; sft, dpo, rm, kto as TRL has them; axolotl, "
            "axolotl-dpo, llama-factory, llama-factory-dpo; by default as PLACE's name says.",
        ),
    ] = None,
    test_share: Annotated[
        float, typer.Option("--test-share", help="The share of rows for a test split, by a hash of their ids.")
    ] = 0.0,
    system: Annotated[
        bool, typer.Option("--system", help="Put the system prompt of the instruction before its conversation.")
    ] = False,
    reasoning: Annotated[
        str, typer.Option("--reasoning", help="none, inside (in think tags), or field (as reasoning_content).")
    ] = "none",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="Columns of the run to put beside a format's own keys, as in language,difficulty; may be given again.",
        ),
    ] = None,
    embeddings: Annotated[bool, typer.Option("--embeddings", help="Leave the vectors in Parquet files.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Put charts of the rows into the card of a folder.")
    ] = True,
    license: Annotated[str | None, typer.Option("--license", help="The dataset's license, for its card.")] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option("--push-to-hub", metavar="OWNER/NAME", help="Send the folder to a dataset of the Hub."),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make that dataset private, if it is new.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")] = False,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="MODEL",
            help="Count what a trainer of this model would learn from: tokens, what is supervised, what its chat "
            "template refuses or leaves out; write nothing.",
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option("--max-length", min=1, help="With --check: tokens that the trainer takes of a row."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="With --check: print JSON, for a script.")] = False,
) -> None:
    """The kept rows as files that trainers read, or as a dataset with its card."""
    from magpie.cli.export import check_options, export, options
    from magpie.export import Upload

    asked = options(system, reasoning, embeddings, test_share, license, columns or (), overwrite)
    upload = None if push_to_hub is None else Upload(push_to_hub, private)
    check_options(check, form, to, upload, max_length, as_json=json)
    if check is not None:
        from magpie.cli.preflight import check as check_rows

        check_rows(run, check, form, asked, max_length, as_json=json)
        return
    export(run, form, to, asked, upload, dry_run=dry_run, pictures=pictures)


@app.command()
def report(
    run: RunArgument,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            metavar="RUN|FILE",
            help="Another run, or a file or folder of conversations, to compare with; may be given again.",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The HTML file to write [default: NAME.html].")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, max=100, help="Rows to read, of each kind.")] = 6,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer", metavar="MODEL", help="The model whose tokenizer counts tokens [default: the run's model]."
        ),
    ] = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    allow_key: AllowKeyOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that is there already.")] = False,
    json: JsonOption = False,
) -> None:
    """What is in a run, as one HTML page: what came through, lengths, kinds, variety, cost, rows to read."""
    from magpie.cli.report import report
    from magpie.executors.limits import Prices

    prices = Prices(price_per_hour, gpus, price_in, price_out)
    asked, keys = list(against or ()), tuple(allow_key or ())
    report(
        run, asked, to, keys, examples=examples, prices=prices, tokenizer=tokenizer, overwrite=overwrite, as_json=json
    )


@app.command("evaluate")
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
        float, typer.Option("--difference", help="The difference, in percentage points, whose sample size is told.")
    ] = 2.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The seed of all randomness.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, as in compare.by=verdict.")
    ] = None,
    allow_key: AllowKeyOption = None,
    retry_failed: RetryOption = False,
    max_hours: Annotated[
        float | None, typer.Option("--max-hours", help="Stop after this time, with exit code 3; resumable.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Stop after these prompt and completion tokens together.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="Stop when this call has cost so much; needs a price.")
    ] = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    json: JsonOption = False,
) -> None:
    """What a model is worth: its answers compared, graded or checked; or the metrics of judgments that are there."""
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


@app.command()
def train(
    run: RunArgument,
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="MODEL",
            help="What is trained: a Hugging Face folder, a GGUF file, a Hub id, or a model inside the package.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            "--method", help="sft (on responses), dpo (on preference pairs), or rm (a reward model, on pairs)."
        ),
    ] = "sft",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="The folder that the trained model goes into.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, as in train.lr=1e-5.")
    ] = None,
    gguf: Annotated[bool, typer.Option("--gguf", help="Write the model as a GGUF file too.")] = False,
    print_config: Annotated[
        str | None,
        typer.Option(
            "--print-config",
            metavar="TRAINER",
            help="Train nothing: write the configuration of another trainer, axolotl or llamafactory, with the paper's "
            "hyperparameters; with --to, into that folder, with the data.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train a model on a run's kept rows, by TRL; the same command goes on with what was stopped."""
    from magpie.cli.train import train

    overrides = tuple(settings or ())
    train(run, base, method, to, overrides, gguf=gguf, print_config=print_config, as_json=json)


@app.command()
def template(
    model: Annotated[
        str, typer.Argument(help="A GGUF file, a Hugging Face folder or Hub id, or a model inside the package.")
    ],
    system: Annotated[
        str | None,
        typer.Option("--system", help="A system prompt; omit: no system turn at all."),
    ] = None,
    thinking: Annotated[
        str | None, typer.Option("--thinking", help="on or off, for models that think by switch.")
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", min=0, max=1000, help="Show as many instructions that the model writes.")
    ] = 0,
    engine: Annotated[
        str, typer.Option("--engine", help="What runs it for --sample: a name, or a server's URL.")
    ] = "auto",
    json: JsonOption = False,
) -> None:
    """What a model's chat template puts before the user and before the assistant, and where turns end."""
    from magpie.cli.template import template

    template(model, system, thinking, sample, engine, as_json=json)


@app.command()
def recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe to print, complete.")] = None, json: JsonOption = False
) -> None:
    """The recipes inside the package; with a name, that recipe with every setting."""
    from magpie.cli.recipes import recipes

    recipes(name, as_json=json)


@app.command()
def verify(run: RunArgument, json: JsonOption = False) -> None:
    """Compare every file of a run with its recorded digest."""
    from magpie.cli.verify import verify

    verify(run, as_json=json)


@app.command()
def prune(
    run: RunArgument,
    remove: Annotated[bool, typer.Option("--remove", help="Remove them.")] = False,
    json: JsonOption = False,
) -> None:
    """Rows that a run keeps of earlier recipes, with their sizes."""
    from magpie.cli.prune import prune

    prune(run, remove=remove, as_json=json)


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Which engines can run here, why not, and what to install."""
    from magpie.cli.doctor import doctor

    doctor(as_json=json)


_COMMANDS = {each.name or (each.callback.__name__ if each.callback else "") for each in app.registered_commands}
for _name, _entry in offered().items():
    if _name.replace("_", "-") not in _COMMANDS:
        _stage_command(_name, f"A stage of the package {package_of(_entry)}.")


def _version(asked: bool) -> None:
    if asked:
        from magpie.install import magpie_version

        typer.echo(f"magpie {magpie_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> Any:
    """The `magpie` command. Exits; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 shows what it cannot as \\u
    note_interrupts()
    try:
        app(args=arguments)
    except UserError as error:
        _fail(f"error: {error}", 2)
    except EngineDied as error:
        _fail(f"error: the engine died: {error}; what was made is kept, the same command goes on from there", 1)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does: nothing to say, and nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        from magpie.runs.files import shortage

        told = shortage(error)
        if told is None:
            raise
        _fail(f"error: {told}", 2)
    except Exception:
        if not was_interrupted():
            raise
        _fail("stopped", 130)


def _fail(line: str, code: int) -> None:
    from magpie.cli.text import print_error

    print_error(line)
    sys.exit(code)
