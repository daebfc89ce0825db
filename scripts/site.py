"""Hooks of MkDocs (mkdocs.yml): pages that lie at the root of the repository or are generated, and links that work.

The README is the site's first page. The settings reference is made from the code at each build.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FROM_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that do not lie in docs/."""
    from mkdocs.structure.files import File

    sys.path.insert(0, str(ROOT / "scripts"))
    from settings_page import settings_page

    for source, name in FROM_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=site_links(text, ROOT / source)))
    files.append(File.generated(config, "settings.md", content=settings_page()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite the links of a page in docs/ that lead out of it."""
    if page.file.generated_by is not None:
        return markdown
    return site_links(markdown, ROOT / "docs" / page.file.src_uri)


def site_links(text: str, page: Path) -> str:
    """Links between files of the repository as links between pages; one to a file that is no page is its name alone."""

    def rewritten(found: re.Match[str]) -> str:
        target = found["target"]
        if re.match(r"[a-z]+:", target):
            return found[0]
        path = (page.parent / target).resolve()
        if not path.is_relative_to(ROOT):
            return found["text"]
        name = str(path.relative_to(ROOT))
        place = FROM_ROOT.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else None)
        return found["text"] if place is None else f"[{found['text']}]({place}{found['anchor'] or ''})"

    text = _LINK.sub(rewritten, text)
    return re.sub(r'(srcset|src)="docs/', r'\1="', text)
