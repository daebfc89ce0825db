"""`magpie export`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from magpie.cli.parsing.options import IdsOption, RunArgument
from magpie.errors import UserError


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
            "axolotl-dpo, llama-factory, llama-factory-dpo; atlas (embedding-atlas); by default as PLACE's name says.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="SQL", help="Export only kept rows that meet this; may be given again."),
    ] = None,
    ids: IdsOption = None,
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
    """Write the kept rows as files that trainers read, or as a dataset with its card."""
    from magpie.cli.export import check_options, export, options
    from magpie.export import Upload

    asked = options(system, reasoning, embeddings, test_share, license, columns or (), overwrite)
    upload = None if push_to_hub is None else Upload(push_to_hub, private)
    check_options(check, form, to, upload, max_length, as_json=json)
    if check is not None:
        from magpie.cli.preflight import check as check_rows

        if where or ids is not None:
            raise UserError("--check: looks at all kept rows; expected no --where and no --ids beside it")

        check_rows(run, check, form, asked, max_length, as_json=json)
        return
    export(run, form, to, asked, upload, dry_run=dry_run, pictures=pictures, where=tuple(where or ()), ids=ids)
