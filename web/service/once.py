"""One effect for one idempotency key: the claim, the effect and the answer commit together.

For requests whose whole effect is in our records. What goes to a workflow must be committed before
the workflow acts on it, so it has a key of its own there: the message id, or the intake's key.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy.orm import Session

from domain.identity import Person
from domain.value import Value
from storage.base import Records
from storage.identity import Answer, Answers


class JoinedRecords(Records):
    """Records whose `begin`, within another of the same request, is a part of that one.

    A request so holds one connection at a time, however its services call each other, and what
    `once` wraps around an effect commits with it.
    """

    def __init__(
        self, database_url: str, *, connections_max: int = 20, policy: str = "standard"
    ) -> None:
        super().__init__(database_url, connections_max=connections_max, policy=policy)
        self._open: ContextVar[Session | None] = ContextVar("open_session", default=None)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction, the outermost's: all of it is kept, or nothing."""
        around = self._open.get()
        if around is not None:
            yield around
            around.flush()
            return
        with super().begin() as session:
            token = self._open.set(session)
            try:
                yield session
            finally:
                self._open.reset(token)


class Answered(Value):
    """A status and the JSON text that goes with it; `replayed` where it was given before."""

    status: int
    body: str
    replayed: bool = False


def once(
    records: JoinedRecords,
    person: Person,
    route: str,
    key: str,
    body_hash: str,
    effect: Callable[[], Answered],
) -> Answered:
    """The effect's answer, or the one given before under this key.

    Refuses `KeyReused` for another body and `KeyInFlight` while a twin is under way. A refused
    effect leaves no trace of the key.
    """
    with records.begin() as session:
        answers = Answers(session)
        given = answers.claim(person.person_id, route, key, body_hash)
        if given is not None:
            return Answered(status=given.status, body=given.body, replayed=True)
        answered = effect()
        answer = Answer(status=answered.status, body=answered.body)
        answers.record_answer(person.person_id, route, key, body_hash, answer)
        return answered
