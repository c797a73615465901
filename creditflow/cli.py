"""The command `creditflow`: finds the command typed and runs it.

A command's module is read in only when that command is called, or help is asked for, so that none
pays for the others.
"""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from creditflow.commands import COMMANDS


class Commands(TyperGroup):
    """The commands of `COMMANDS`, found by name."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False)
            single.command(name=cmd_name, help=None)(found)
            found = single
        command = get_command(found)
        command.name = cmd_name
        command.short_help = entry.summary
        return command


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    help="Credit for business customers: 客户授信管理.",
)


@app.callback()
def _group() -> None:
    """Credit for business customers: 客户授信管理."""


def main() -> None:
    """What the installed command runs."""
    app()


if __name__ == "__main__":
    main()
