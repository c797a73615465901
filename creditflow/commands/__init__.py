"""The commands people type, a module for each subject; read in only when one is called.

`COMMANDS` is the list: a name, where it is, and the line `creditflow --help` shows for it. What
stands there is a function (a command) or a `typer.Typer` (a group of commands).
"""

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a command is: `module:attribute`."""

    place: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "up": Entry("creditflow.commands.stack:up", "Start everything on this machine."),
    "down": Entry("creditflow.commands.stack:down", "Stop everything and wait until it has."),
    "status": Entry("creditflow.commands.stack:status", "Where everything answers."),
}
