"""The stage over an embedder: what goes in, what becomes of vectors that are long, missing or no numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from magpie.embedders.hashing import open_hashing
from magpie.errors import RequestFailed
from magpie.stages.embed.work import embed, open_embed


def table(*instructions: str | None) -> pa.Table:
    return pa.table({"row": pa.array(range(10, 10 + len(instructions))), "instruction": pa.array(instructions)})


class Says:
    """An embedder that says what it is given to say, and keeps the texts."""

    def __init__(self, *vectors: Any) -> None:
        self.vectors, self.texts = vectors, []  # type: tuple[Any, ...], list[str]

    def embed(self, texts: Sequence[str]) -> Any:
        self.texts.extend(texts)
        return list(self.vectors)


def test_vectors_come_out_with_length_one_in_the_order_of_rows() -> None:
    made = embed(table("a", "b"), Says(np.array([3.0, 4.0]), np.array([0.0, 2.0]))).to_pydict()
    assert made["row"] == [10, 11]
    assert made["embedding"] == [pytest.approx([0.6, 0.8]), [0.0, 1.0]]
    assert made["error"] == [None, None]


def test_a_vector_of_zeros_stays_as_it_is() -> None:
    assert embed(table("a"), Says(np.zeros(2))).to_pydict()["embedding"] == [[0.0, 0.0]]


def test_a_text_that_got_no_vector_has_an_error_and_is_tried_again() -> None:
    made = embed(table("a", "b"), Says(RequestFailed("too long"), np.array([1.0, 0.0]))).to_pydict()
    assert made["embedding"] == [None, [1.0, 0.0]]
    assert made["error"] == ["too long", None]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_an_error(number: float) -> None:
    made = embed(table("a"), Says(np.array([number, 1.0]))).to_pydict()
    assert made["embedding"] == [None]
    assert made["error"] == ["the embedder gave a vector with numbers that are not finite"]


def test_a_row_without_an_instruction_is_not_asked_for_and_has_no_vector() -> None:
    says = Says(np.array([1.0]))
    made = embed(table(None, "b"), says, prefix="query: ").to_pydict()
    assert says.texts == ["query: b"]
    assert (made["embedding"], made["error"]) == ([None, [1.0]], [None, None])


def test_the_embedder_is_open_as_long_as_the_function_is() -> None:
    open_now = []

    @contextmanager
    def opener() -> Iterator[Says]:
        open_now.append(True)
        yield Says(np.array([1.0]))
        open_now.clear()

    with open_embed(opener) as compute:
        assert open_now
        assert compute(table("a")).column("embedding").to_pylist() == [[1.0]]
    assert not open_now


def test_the_column_is_a_list_of_floats_and_no_rows_are_no_trouble() -> None:
    with open_embed(lambda: open_hashing(16)) as compute:
        made = compute(table())
    assert made.schema.field("embedding").type == pa.list_(pa.float32())
    assert made.num_rows == 0
