"""How the list of commands is printed: in groups by what they are for, each with its whole first sentence."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

from typer.core import TyperGroup

CREATE, JUDGE, CHOOSE = "Create rows", "Judge rows", "Choose rows"
LOOK, HAND_OVER = "Look at a run, a model or this machine", "Hand a dataset over"
GROUPS = (CREATE, JUDGE, CHOOSE, LOOK, HAND_OVER)


class Commands(TyperGroup):
    """The group of all commands. Without Rich, `--help` is instant and fits every terminal."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each group with its commands; no description is cut off."""
        for group in GROUPS:
            if lines := list(self._lines(ctx, group)):
                with formatter.section(group):
                    formatter.write_dl(lines)

    def get_command(self, ctx: Any, name: str) -> Any:
        """A command by its name; `tag@second` is `tag` for a second instance of its stage."""
        base, sign, label = name.partition("@")
        command = super().get_command(ctx, base)
        if not sign or command is None or getattr(command, "rich_help_panel", None) != JUDGE:
            return command if not sign else None
        import typer

        from magpie.cli.parsing.stages import stage_command

        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        stage = f"{base.replace('-', '_')}@{label}"
        alone.command(name, help=command.help)(stage_command(stage))
        return typer.main.get_command(alone)

    def _lines(self, ctx: Any, group: str) -> Iterator[tuple[str, str]]:
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden and getattr(command, "rich_help_panel", None) == group:
                first = cleandoc(command.help or "").partition("\n\n")[0]
                yield name, " ".join(first.split())
