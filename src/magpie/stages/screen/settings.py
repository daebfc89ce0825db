"""Settings of the stage `screen`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from magpie.settings.base import Count, Settings

Share = Annotated[float, Field(ge=0.0, le=1.0)]


Ratio = Annotated[float, Field(gt=1.0)]


Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


Kind = Literal["email", "phone", "iban", "card", "ip", "us_ssn"]


class Language(Settings):
    """Find the language that each instruction is written in. Needs the extra `curation`."""

    allowed: tuple[Code, ...] = ()
    """The languages to keep, as ISO 639-1 writes them (`en`, `zh`); none named is all of them."""
    min_confidence: Share = 0.5
    """Rows are dropped for a language only from this confidence on: short instructions are often unsure."""


class Pii(Settings):
    """Look for personal data that have a form: addresses and numbers."""

    kinds: tuple[Kind, ...] = ("email", "phone", "iban", "card", "ip", "us_ssn")
    """What to look for. Numbers with check digits (`iban`, `card`) count only where these are right."""
    drop: bool = False
    """Drop rows that have any, rather than say so in the column `pii`."""


class Screen(Settings):
    """Drop instructions that break a rule. Each rule has a setting, and a dropped row names its rule."""

    min_chars: Count | None = 3
    """`too_short`: fewer characters, in any script."""
    max_chars: Count | None = 20_000
    """`too_long`: more characters."""
    role_leak: bool = True
    """`role_leak`: control tokens written out, or a line in which the assistant answers."""
    refusal: bool = True
    """`refusal`: what an assistant says when it will not help, in ten languages."""
    non_text: bool = True
    """`non_text`: no letter and no digit, or hardly any among signs, or characters that are none."""
    ends_in_colon: bool = True
    """`ends_in_colon`: it announces what is not there. The published Pro-300K drops these too."""
    unfinished: bool = True
    """`unfinished`: a comma, an open bracket or a word that must go on at the end, or a code block left open."""
    max_repeated: Share | None = 0.75
    """`repeats_itself`: of its runs of four words a larger share stood there before; from 40 words on."""
    max_compression: Ratio | None = 10.0
    """`repeats_itself`: it is more times as long as its compressed form; from 120 characters on."""
    language: Language | None = None
    """Find each instruction's language (`{}`), and keep those that are wanted; `null` does not look."""
    pii: Pii | None = Pii()
    """Look for personal data; `null` does not."""
