"""Prints the licenses of what an installation of magpie brings, as its packages state them, in Markdown.

    python scripts/licenses.py [core] [curation] ...   # the extras to look at; by default core and curation

Only packages that are installed can be looked at; the others are named at the end.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata

from packaging.requirements import Requirement

NAME = "magpie-synth"
_SHORT = {"MIT License": "MIT", "BSD License": "BSD", "Apache Software License": "Apache-2.0"}
_CLASSIFIER = "License :: OSI Approved :: "


def main(extras: list[str]) -> None:
    found, absent = closure({"" if extra == "core" else extra for extra in extras})
    print("| package | license |\n|---|---|")
    for name in sorted(found):
        print(f"| {name} | {license_of(name)} |")
    if absent:
        print(f"\nNot installed here: {', '.join(sorted(absent))}")


def closure(extras: set[str]) -> tuple[set[str], set[str]]:
    """Everything that these extras need, directly and not: what is installed, and what is not."""
    found: set[str] = set()
    absent: set[str] = set()
    waiting = [(NAME, extras | {""})]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, frozenset(wanted)) in seen:
            continue
        seen.add((name, frozenset(wanted)))
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            absent.add(name)
            continue
        found |= {name} - {NAME}
        waiting += [
            _plain(requirement) for requirement in map(Requirement, requirements) if _applies(requirement, wanted)
        ]
    return found, absent


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def _plain(requirement: Requirement) -> tuple[str, set[str]]:
    return re.sub(r"[-_.]+", "-", requirement.name).lower(), requirement.extras | {""}


def license_of(name: str) -> str:
    """As the package states it: an SPDX expression, a classifier, or the first line of its field."""
    about = metadata.metadata(name)
    if expression := about.get("License-Expression"):
        return expression
    classifiers = [c.removeprefix(_CLASSIFIER) for c in about.get_all("Classifier") or [] if c.startswith(_CLASSIFIER)]
    if classifiers:
        return ", ".join(_SHORT.get(c, c) for c in classifiers)
    return (about.get("License") or "not stated").strip().partition("\n")[0][:60]


if __name__ == "__main__":
    main(sys.argv[1:] or ["core", "curation"])
