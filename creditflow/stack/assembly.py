"""How a stack is put together: what is left of an earlier one, free ports, servers, secrets."""

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from creditflow.stack import state
from creditflow.stack.child import say
from creditflow.stack.home import Home
from creditflow.stack.keys import database_passwords, write_secrets
from creditflow.stack.launch import birth, free_port
from creditflow.stack.postgres import prepare
from creditflow.stack.programs import PORTS_USUAL, Ports, Stack
from creditflow.stack.temporal import Temporal, find_binary


def end_leftovers(before: Mapping[str, Any]) -> None:
    """End what a supervisor that was killed has left behind; PostgreSQL may finish by itself."""
    for name, one in before.get("programs", {}).items():
        pid, born = one.get("pid"), one.get("birth")
        patience = 5.0 if name == "postgres" else 0.0
        deadline = time.monotonic() + patience
        while pid and born and birth(pid) == born:
            if time.monotonic() > deadline:
                say(f"ending {name} (pid {pid}), left by an earlier run")
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                deadline = time.monotonic() + 1
            time.sleep(0.02)


def assemble(home: Home, offset: int) -> Stack:
    """The stack of this folder, on the ports it had before where they are free."""
    before = state.read(home)
    end_leftovers(before)
    ports = _ports(before.get("ports", {}))
    postgres = prepare(home.postgres, database_passwords(home)).at(ports.database)
    temporal = Temporal(
        find_binary(),
        ports.temporal,
        ports.temporal_http,
        database=home.temporal / "temporal.db",
        ui_port=ports.temporal_ui,
        codec_url=f"http://127.0.0.1:{ports.web}/api/v1/codec",
    )
    stack = Stack(home, ports, postgres, temporal, offset)
    stack.write_profile()
    write_secrets(home, postgres)
    return stack


def _ports(before: Mapping[str, int]) -> Ports:
    chosen = os.environ.get("CREDITFLOW_WEB_PORT", "")
    taken: set[int] = set()

    def port(name: str, usual: int) -> int:
        wanted = int(chosen) if name == "web" and chosen.isdigit() else before.get(name, usual)
        found = free_port(wanted)
        while found in taken:
            found = free_port(0)
        if found != wanted:
            say(f"port {wanted} of {name} is in use; {found} instead")
        taken.add(found)
        return found

    return Ports(**{name: port(name, usual) for name, usual in PORTS_USUAL.items()})
