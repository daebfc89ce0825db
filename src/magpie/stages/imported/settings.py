"""Settings of the stage `import`."""

from __future__ import annotations

from magpie.settings.base import Settings, Words


class Source(Settings):
    """Rows that `magpie import` put into the run, in place of instructions that the model writes."""

    path: str
    """The file or folder that they came from."""
    digest: str
    """Of what was imported: other rows make later stages work anew."""
    columns: tuple[Words, ...]
    """What there was of each row."""
