"""Files brought in by people and programs: dry or for real, all or nothing or row by row.

A run takes one transaction and writes inside a savepoint; a dry run and a refused one go back to
it. The same file again leaves everything unchanged.
"""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from domain.identity import Person
from domain.imports import ImportKind, ImportMode, ImportReport
from storage.base import Records
from storage.imports import Imports
from web.service.clock import Clock
from web.service.ids import new_id
from web.service.imports.kinds import IMPORTERS, Importer, Run
from web.service.imports.profile import Fields, File, profiles, reading_of
from web.service.imports.rows import BYTES_MAX, BrokenRow, Rows
from web.service.imports.staged import (
    CreditNoteImporter,
    InvoiceImporter,
    OpenItemImporter,
    PaymentImporter,
    Staging,
)
from web.service.imports.tally import Tally
from web.service.imports.vat_invoices import DIRECTIONS, VatInvoiceImporter
from web.service.permissions import Action, permit
from web.service.warning import owe_recheck

__all__ = ["BYTES_MAX", "ImportService", "import_csv", "profiles"]

PORTION_ROWS = 1000
# An invoice may say when it was settled.
_SETTLING = (ImportKind.INVOICES, ImportKind.PAYMENTS, ImportKind.CREDIT_NOTES)

STAGING: dict[ImportKind, Callable[[Run, File], Staging[Any]]] = {
    ImportKind.INVOICES: InvoiceImporter,
    ImportKind.PAYMENTS: PaymentImporter,
    ImportKind.CREDIT_NOTES: CreditNoteImporter,
    ImportKind.OPEN_ITEMS: OpenItemImporter,
    **{kind: partial(VatInvoiceImporter, direction) for kind, direction in DIRECTIONS.items()},
}

ACTIONS = {
    ImportKind.CUSTOMERS: Action.CUSTOMER_RECORD,
    ImportKind.STATEMENTS: Action.STATEMENT_RECORD,
    ImportKind.INVOICES: Action.RECEIVABLE_RECORD,
    ImportKind.PAYMENTS: Action.RECEIVABLE_RECORD,
    ImportKind.CREDIT_NOTES: Action.RECEIVABLE_RECORD,
    ImportKind.OPEN_ITEMS: Action.RECONCILIATION_RUN,
    ImportKind.LISTS: Action.SCREENING_RECORD,
    ImportKind.RATES: Action.RATE_RECORD,
    ImportKind.BENCHMARKS: Action.BENCHMARK_RECORD,
    ImportKind.EXTERNAL_RATINGS: Action.AGENCY_RATING_RECORD,
    ImportKind.SALES_INVOICES: Action.TURNOVER_RECORD,
    ImportKind.PURCHASE_INVOICES: Action.TURNOVER_RECORD,
}


class ImportService:
    """Imports, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def import_csv(
        self,
        person: Person,
        kind: ImportKind,
        content: bytes,
        *,
        profile: str = "standard",
        dry_run: bool = False,
        mode: ImportMode = ImportMode.ALL_OR_NOTHING,
    ) -> ImportReport:
        """Bring in one file and say what became of each row; `report.refusal()` may refuse it.

        Refuses as `import_csv` does, and `NotPermitted`.
        """
        permit(person, ACTIONS[kind])
        with self._records.begin() as session:
            report = import_csv(
                session,
                kind,
                content,
                profile=profile,
                dry_run=dry_run,
                mode=mode,
                business_on=self._clock.business_on(),
                person=person,
            )
            if report.kept and kind in _SETTLING:
                owe_recheck(session, report.sha256, offset_days=self._clock.offset_days)
            return report


def import_csv(
    session: Session,
    kind: ImportKind,
    content: bytes,
    *,
    profile: str = "standard",
    dry_run: bool = False,
    mode: ImportMode = ImportMode.ALL_OR_NOTHING,
    business_on: date,
    person: Person,
) -> ImportReport:
    """Bring in one file within a transaction, and say what became of each row.

    A name list is taken whole or not at all, whatever the mode: a version of it that lacks the
    broken rows would clear companies that nobody cleared. Refuses the file itself as
    `ProfileUnknown`, `ImportTooLarge`, `EncodingUnknown`, `FileEmpty`, `ColumnMissing` or
    `ColumnUnknown`.
    """
    reading = reading_of(profile, kind)
    file = File(Rows(content), kind, reading)
    if kind is ImportKind.LISTS:
        mode = ImportMode.ALL_OR_NOTHING
    Imports(session).lock(kind)
    digest = sha256(content).hexdigest()
    with session.begin_nested() as savepoint:
        run = Run(session, person, business_on, f"import {digest[:12]}")
        staging = STAGING.get(kind)
        tally = staging(run, file).bring_in() if staging else _taken(IMPORTERS[kind](run), file)
        kept = not dry_run and not (tally.refused and mode is ImportMode.ALL_OR_NOTHING)
        if not kept:
            savepoint.rollback()
    report = ImportReport(
        kind=kind,
        profile=profile,
        mode=mode,
        dry_run=dry_run,
        sha256=digest,
        encoding=file.rows.encoding,
        kept=kept,
        tolerated=tuple(run.tolerated.values()),
        **tally.figures(),
    )
    if kept:
        Imports(session).record(
            new_id(), report, business_on=business_on, recorded_by=person.person_id
        )
    return report


def _taken(importer: Importer, file: File) -> Tally:
    """A file brought in by portions of its rows."""
    tally = Tally()
    for portion in _portions(iter(file)):
        fields = []
        for row in portion:
            if isinstance(row, BrokenRow):
                tally.refuse(row.line, row.refusal, row.column)
            else:
                fields.append(row)
        tally.count(importer.take(fields))
    tally.count(importer.finish())
    return tally


def _portions(rows: Iterator[Fields | BrokenRow]) -> Iterator[list[Fields | BrokenRow]]:
    while portion := list(islice(rows, PORTION_ROWS)):
        yield portion
