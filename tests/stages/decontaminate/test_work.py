"""Benchmarks' prompts among instructions: found by runs of words, whatever their dress; common words are not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from magpie.stages.decontaminate.work import Found, Overlap, find_overlaps, make_index, open_decontaminate

pytest.importorskip("numpy")

TRAINS = (
    "A train leaves the station at noon and travels at sixty miles an hour towards the coast. "
    "How many miles has it travelled when the clock strikes five?"
)
BENCHMARKS = {
    "trains": [TRAINS, "What is the capital of France?", "Why?"],
    "chinese": ["请写一首关于大海的诗并解释它的意思"],
}


def found(text: str, overlap: Overlap | None = None, **benchmarks: list[str]) -> Found | None:
    return find_overlaps([text], make_index(benchmarks or BENCHMARKS, overlap or Overlap()))[0]


def test_a_prompt_inside_an_instruction_is_found_whatever_its_dress() -> None:
    dressed = "Hi! " + TRAINS.upper().replace(".", " --") + " Thanks!"
    overlap = found(dressed)
    assert overlap is not None
    assert overlap.benchmark == "trains"
    assert overlap.span.startswith("A TRAIN LEAVES")
    assert overlap.span.endswith("CLOCK STRIKES FIVE")


def test_the_span_is_what_is_shared() -> None:
    shared = "and travels at sixty miles an hour towards the coast. How many miles"
    assert found(f"My bus waits {shared} until then?") == Found("trains", shared)


def test_a_run_shorter_than_asked_is_not_enough() -> None:
    assert found("It travels at sixty miles an hour towards the coast, I think") is None
    assert found("It travels at sixty miles an hour towards the coast, I think", Overlap(ngram=5)) is not None


def test_a_short_prompt_counts_whole_and_a_very_short_one_alone() -> None:
    assert found("Tell me, what is the capital of France, my friend?") == Found(
        "trains", "what is the capital of France"
    )
    assert found("What is the capital of Spain?") is None
    assert found("why") == Found("trains", "why")
    assert found("Why is the sky blue?") is None


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    assert found("你好！请写一首关于大海的诗并解释它的意思，谢谢") == Found(
        "chinese", "请写一首关于大海的诗并解释它的意思"
    )
    assert found("请写一首关于高山的诗") is None


def test_runs_that_many_prompts_share_are_how_a_benchmark_asks() -> None:
    asks = "Choose the right answer from the options below and give only its letter in your reply"
    prompts = [f"{asks}: question number{n}" for n in range(20)]
    assert found(f"{asks}: is it raining?", benchmark=prompts) is None
    assert found(f"{asks}: is it raining?", Overlap(max_shared=20), benchmark=prompts) is not None


def test_a_prompt_that_a_benchmark_has_many_times_still_counts() -> None:
    assert found(TRAINS, benchmark=[TRAINS] * 50) is not None


def test_where_benchmarks_share_a_prompt_it_is_the_first_one_s() -> None:
    overlap = found(TRAINS, first=["What else is there to say?"], second=[TRAINS], third=[TRAINS])
    assert overlap is not None
    assert overlap.benchmark == "second"


def test_no_run_goes_from_one_row_into_the_next() -> None:
    halves = TRAINS.split(". ")
    first, second = halves[0].split(" and ")
    texts = [first, f"and {second}", halves[1]]
    assert find_overlaps(texts, make_index(BENCHMARKS, Overlap(ngram=16))) == [None] * 3


def test_rows_say_which_benchmark_and_are_dropped_for_it() -> None:
    table = pa.table({"row": [4, 9, 11], "instruction": [TRAINS, "Write a poem.", ""]})
    with open_decontaminate(BENCHMARKS, Overlap()) as compute:
        made = compute(table)
    assert made.column("row").to_pylist() == [4, 9, 11]
    assert made.column("contaminated_by").to_pylist() == ["trains", None, None]
    assert made.column("drop_reason").to_pylist() == ["contaminated: trains", None, None]
    assert compute(table.slice(0, 0)).num_rows == 0


def test_texts_that_are_not_composed_are_found_too() -> None:
    prompt = "Où est né l'écrivain qui a écrit les plus célèbres fables françaises du siècle passé ?"
    import unicodedata

    overlap = found(unicodedata.normalize("NFD", prompt), benchmark=[prompt])
    assert overlap is not None
