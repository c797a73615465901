"""Who has had which function on a case, as the database itself holds the four apart."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.approval import Function, FunctionHeld

_HELD = text("SELECT person_id, function FROM functions_of_case(:case_id) ORDER BY 1, 2")


class CaseFunctions:
    """Read from investigations, words, acts and conditions; nothing is written here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def held(self, case_id: str) -> list[FunctionHeld]:
        """Each person with each function they have had on the case."""
        rows = self._session.execute(_HELD, {"case_id": case_id})
        return [FunctionHeld(person_id, Function(function)) for person_id, function in rows]
