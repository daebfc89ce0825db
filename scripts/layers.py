"""The picture of the layers, from the import contract of pyproject.toml: `python scripts/layers.py` writes it.

tests/docs/test_site.py holds docs/pictures/layers.svg against it.
"""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "layers.svg"
WIDTH, HEIGHT, GAP, MARGIN = 720, 30, 8, 12


def layers() -> list[list[str]]:
    """Each layer with its packages, from the top down; `__main__` is left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"] if layer != "__main__"]


def layers_svg() -> str:
    """The picture: a bar for each layer, the packages of one layer side by side."""
    found = layers()
    height = 2 * MARGIN + len(found) * (HEIGHT + GAP) - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="14">',
        "<title>The layers of magpie: a package imports those below it, and none beside or above it</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#f6f8fa"/>',
    ]
    for row, names in enumerate(found):
        y = MARGIN + row * (HEIGHT + GAP)
        width = (WIDTH - 2 * MARGIN - GAP * (len(names) - 1)) / len(names)
        for column, name in enumerate(names):
            x = MARGIN + column * (width + GAP)
            lines.append(
                f'<rect x="{x:g}" y="{y}" width="{width:g}" height="{HEIGHT}" rx="5" fill="#ffffff" stroke="#57606a"/>'
            )
            lines.append(
                f'<text x="{x + width / 2:g}" y="{y + HEIGHT / 2 + 5:g}" text-anchor="middle" fill="#1f2328">'
                f"{escape(name)}</text>"
            )
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(layers_svg(), encoding="utf-8")
    print(PICTURE)
