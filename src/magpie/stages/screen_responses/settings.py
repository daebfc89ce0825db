"""Settings of the stage `screen_responses`."""

from __future__ import annotations

from magpie.settings.base import Count, Settings
from magpie.stages.screen.settings import Ratio, Share


class ScreenResponses(Settings):
    """Drop rows whose response breaks a rule; of several responses, where every one does."""

    min_chars: Count | None = 1
    """`too_short`: fewer characters, in any script."""
    max_chars: Count | None = None
    """`too_long`: more characters."""
    role_leak: bool = True
    """`role_leak`: control tokens written out, or several turns in one response."""
    refusal: bool = True
    """`refusal`: the assistant will not help. Turn it off to keep examples of refusing what is better refused."""
    ends_in_colon: bool = True
    """`ends_in_colon`: it announces what is not there."""
    unfinished: bool = True
    """`unfinished`: a comma, an open bracket or an incomplete phrase at the end, or a code block left open."""
    max_repeated: Share | None = 0.75
    """`repeats_itself`: of its runs of four words a larger share stood there before; from 40 words on."""
    max_compression: Ratio | None = 10.0
    """`repeats_itself`: it is more times as long as its compressed form; from 120 characters on."""
