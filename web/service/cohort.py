"""What may be asked of cohorts: the table as of a day, the letters of a cell, and both as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from domain.cohort import CohortBy, CohortLetter, CohortTable
from domain.exchange import RateKind
from domain.identity import Person
from domain.money import Money
from policies.cohort import cohort_table
from storage.base import Records
from storage.cohort import Cohorts
from storage.exchange import Rates
from web.service.classification import edition_on, past_day
from web.service.clock import Clock
from web.service.permissions import Action, permit, visible_to


class CohortService:
    """Cohorts of approved lines, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def read_table(
        self, person: Person, by: CohortBy = CohortBy.EDITION, as_of: date | None = None
    ) -> CohortTable:
        """Every cohort as of a day; refuses `DateInFuture` and `RateMissing`."""
        letters, on, currency = self._letters(person, as_of)
        return cohort_table(letters, by, on, currency)

    def list_letters(
        self,
        person: Person,
        by: CohortBy = CohortBy.EDITION,
        as_of: date | None = None,
        *,
        month: str | None = None,
        key: str | None = None,
    ) -> Sequence[CohortLetter]:
        """The letters that a cohort counts, or those of all, the oldest first."""
        letters, _, _ = self._letters(person, as_of)
        return [
            letter
            for letter in letters
            if month in (None, letter.month) and key in (None, letter.key(by))
        ]

    def _letters(
        self, person: Person, as_of: date | None
    ) -> tuple[Sequence[CohortLetter], date, str]:
        permit(person, Action.COHORT_READ)
        on = past_day(as_of, self._clock)
        with self._records.begin() as session:
            edition = edition_on(session, on)
            currency, kind = edition.reporting_currency, RateKind(edition.exchange.rate_kind)
            rates = Rates(session)
            letters = Cohorts(session).letters(
                on,
                currency,
                offset_days=self._clock.offset_days,
                manager_id=visible_to(person).manager_id,
            )
            return (
                [
                    letter.model_copy(
                        update={
                            "amount": rates.convert(
                                letter.amount, currency, on=on, kind=kind
                            ).amount
                        }
                    )
                    for letter in letters
                ],
                on,
                currency,
            )


def table_csv(table: CohortTable) -> str:
    """The table as CSV, the row of all at the end."""
    rows = (*table.cohorts, table.total)
    return csv_text([{"as_of": table.as_of, **_plain(row.model_dump())} for row in rows])


def letters_csv(letters: Iterable[CohortLetter]) -> str:
    """Letters as CSV."""
    return csv_text([_plain(letter.model_dump()) for letter in letters])


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with a header; what a spreadsheet would take for a formula is made a text."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([[_neutral(cell) for cell in row.values()] for row in rows])
    return text.getvalue()


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts by their figure, their currency once."""
    plain: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict) and set(value) == {"amount", "currency"}:
            plain[name] = Money.model_validate(value).text
            plain["currency"] = value["currency"]
        else:
            plain[name] = value
    return plain


def _neutral(cell: object) -> object:
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return cell if _is_number(cell) else f"'{cell}"
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else cell


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()
