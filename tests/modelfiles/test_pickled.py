"""Pickled weights are opened only where the user trusts the model."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import magpie
from magpie.modelfiles.pickled import weights_refusal


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.pt", "x.ckpt"])
def test_pickled_weights_are_refused_unless_trusted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    refusal = weights_refusal(tmp_path, trusted=False)
    assert refusal is not None
    assert name in refusal
    assert "trust_remote_code" in refusal
    assert weights_refusal(tmp_path, trusted=True) is None
    (tmp_path / "model.safetensors").touch()
    assert weights_refusal(tmp_path, trusted=False) is None


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    assert "no weights" in str(weights_refusal(tmp_path, trusted=True))


UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
"""Modules that run what they read."""
LOADERS = {
    ("torch", "load"),
    ("np", "load"),
    ("numpy", "load"),
    ("yaml", "load"),
    ("yaml", "unsafe_load"),
    ("pd", "read_pickle"),
}


def test_magpie_opens_no_pickle() -> None:
    found = []
    for path in Path(magpie.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                found += [f"{place} {name.name}" for name in node.names if name.name.split(".")[0] in UNSAFE]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNSAFE:
                found.append(f"{place} {node.module}")
            elif isinstance(node, ast.Call) and _name(node.func) in LOADERS and not _is_safe(node):
                found.append(f"{place} {ast.unparse(node)[:60]}")
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
                found.append(f"{place} {node.func.id}")
    assert found == []


def _name(function: ast.expr) -> tuple[str, str] | None:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id, function.attr
    return None


def _is_safe(call: ast.Call) -> bool:
    """Told to open no objects, or YAML with a loader of plain data."""
    told = {word.arg: ast.unparse(word.value) for word in call.keywords}
    plain = told.get("weights_only") == "True" or told.get("allow_pickle") == "False"
    return plain or _name(call.func) == ("yaml", "load")
