"""What people hand to a command as a file: a JSON document, or one from stdin."""

import json
from pathlib import Path
from typing import Any

import typer

from creditflow.commands.output import Exit, refuse


def document_of(file: Path, as_json: bool) -> Any:
    """The JSON document in a file, or on stdin for `-`; one that is none ends the command."""
    try:
        text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text()
        return json.loads(text)
    except (OSError, UnicodeDecodeError) as unread:
        refuse("file_unreadable", f"{file}: {unread}", as_json=as_json, status=Exit.USAGE)
    except ValueError as unread:
        refuse("malformed", f"{file} is not JSON: {unread}", as_json=as_json)
