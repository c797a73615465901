"""Who works in the demonstration: a client for everybody of `users.json`, and who may decide what."""

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from creditflow.client import AsyncClient, Unreached
from creditflow.client import values as v
from creditflow.client.calls import Call, reading

_Answer = TypeVar("_Answer")

APPROVERS = ("approver1", "approver2", "approver3", "approver4", "approver5")


class Person(AsyncClient):
    """Somebody with a key, who asks again for as long as nobody answers.

    Whatever is asked carries a key of its own, so that asking again does nothing twice.
    """

    def __init__(self, url: str, key: str, *, patience_seconds: float = 60) -> None:
        super().__init__(url, key)
        self._patience_seconds = patience_seconds

    async def run(self, call: Call[_Answer]) -> _Answer:
        """The answer, or the refusal; `Unreached` once patience is over."""
        until = time.monotonic() + self._patience_seconds
        while True:
            try:
                return await super().run(call)
            except Unreached:
                if not call.repeatable or time.monotonic() > until:
                    raise
                await asyncio.sleep(0.3)


class Office:
    """Everybody, by the name of their user."""

    def __init__(
        self, url: str, users: Mapping[str, Mapping[str, Any]], *, patience_seconds: float = 60
    ) -> None:
        self.url = url
        self._people = {
            name: Person(url, user["key"], patience_seconds=patience_seconds)
            for name, user in users.items()
        }
        # Whoever holds a one-time link needs no key of ours.
        self.customer = Person(url, "none", patience_seconds=patience_seconds)
        self._approvers: dict[str, Person] = {}
        self._editions: dict[str, str] = {}

    def __getitem__(self, name: str) -> Person:
        return self._people[name]

    async def approver_of(self, position: str) -> Person:
        """Whoever holds a position, by the register of authority."""
        if position not in self._approvers:
            for name in APPROVERS:
                path = f"/persons/{name}/grants"
                grants = await self[name].run(reading(path, v.Items[Mapping[str, Any]]))
                for grant in grants.items:
                    self._approvers[str(grant["position"])] = self[name]
        return self._approvers[position]

    async def edition_of(self, case: v.Case) -> str:
        """The name of the policy edition that a case began under."""
        if case.edition_hash not in self._editions:
            listed = await self["risk"].run(reading("/editions", v.Items[Mapping[str, Any]]))
            self._editions = {str(one["edition_hash"]): str(one["name"]) for one in listed.items}
        return self._editions[case.edition_hash]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for person in (*self._people.values(), self.customer):
            await person.close()
