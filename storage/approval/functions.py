"""Who has had which function on a case, as the database itself holds the four apart."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.approval import Function, FunctionHeld

HELD = "SELECT person_id, function FROM functions_of_case(:case_id) ORDER BY 1, 2"


class CaseFunctions:
    """Read from investigations, words, acts and conditions; nothing is written here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def held(self, case_id: str) -> list[FunctionHeld]:
        """Each person with each function they have had on the case."""
        return [held_of(*row) for row in self._session.execute(text(HELD), {"case_id": case_id})]


def held_of(person_id: str, function: str) -> FunctionHeld:
    return FunctionHeld(person_id, Function(function))
