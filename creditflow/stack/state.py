"""What `stack.json` says, and whether it is true: is a supervisor alive in this folder?"""

import fcntl
import json
import os
from typing import Any

from creditflow.stack.home import Home, read_json, write_private


def read(home: Home) -> dict[str, Any]:
    """The last words of the last supervisor; empty before the first."""
    return read_json(home.stack_file)


def write(home: Home, content: dict[str, Any]) -> None:
    """Say where everything is; the file carries a password, so it is the owner's alone."""
    write_private(home.stack_file, json.dumps(content, indent=2) + "\n")


def running(home: Home) -> bool:
    """Whether a supervisor holds this folder; the kernel frees the lock however it ends."""
    try:
        handle = os.open(home.lock_file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
