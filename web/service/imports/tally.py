"""What became of the rows of a file: counted as they come, the first refused ones kept by line."""

from collections import Counter
from collections.abc import Iterable, Mapping

from domain.errors import CreditError
from domain.imports import ERRORS_LISTED_MAX, Outcome, RowError
from web.service.imports.cells import RowRefused

Answer = tuple[int, Outcome | RowRefused]  # by line


class Tally:
    """What became of the rows so far."""

    def __init__(self) -> None:
        self._outcomes: Counter[Outcome] = Counter()
        self._errors: list[tuple[int, CreditError, str]] = []
        self.refused = 0

    def count(self, answers: Iterable[Answer]) -> None:
        """Count rows one by one."""
        for line, outcome in answers:
            if isinstance(outcome, Outcome):
                self._outcomes[outcome] += 1
            else:
                self.refuse(line, outcome.refusal, outcome.column)

    def add(self, outcomes: Mapping[Outcome, int]) -> None:
        """Count rows by number alone."""
        self._outcomes.update(outcomes)

    def refuse(self, line: int, refusal: CreditError, column: str = "") -> None:
        """Count a row that is refused."""
        self.refused += 1
        self._errors.append((line, refusal, column))
        if len(self._errors) >= 2 * ERRORS_LISTED_MAX:
            self._errors = self._first()

    def figures(self) -> dict[str, object]:
        """The counts and the first errors, as the report has them."""
        counts = {outcome.value: self._outcomes[outcome] for outcome in Outcome}
        errors = tuple(RowError.of(*error) for error in self._first())
        rows = self.refused + sum(counts.values())
        return {**counts, "refused": self.refused, "rows": rows, "errors": errors}

    def _first(self) -> list[tuple[int, CreditError, str]]:
        return sorted(self._errors, key=lambda error: error[0])[:ERRORS_LISTED_MAX]
