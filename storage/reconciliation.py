"""Extracts of other systems, set against our documents and the book of entries in whole sets."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import AlreadyExists, NotFound
from domain.imports import Outcome
from domain.money import Money
from domain.reconciliation import (
    CustomerSums,
    ExtractedDocument,
    MatchedDocument,
    MatchKind,
    Reconciliation,
    ReconciliationFinding,
)
from storage.base import Row
from storage.customer import owned_by

ITEMS_MAX = 1000


class ExtractRow(Row):
    __tablename__ = "erp_extract"

    extract_id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    recorded_by: Mapped[str]


class ExtractDocumentRow(Row):
    __tablename__ = "erp_extract_document"

    extract_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    amount_minor: Mapped[int]
    open_minor: Mapped[int]
    currency: Mapped[str]
    due_on: Mapped[date]


class ReconciliationRow(Row):
    __tablename__ = "reconciliation"

    reconciliation_id: Mapped[str] = mapped_column(primary_key=True)
    extract_id: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    run_on: Mapped[date]
    recorded_by: Mapped[str]


class ReconciliationFindingRow(Row):
    __tablename__ = "reconciliation_finding"

    finding_id: Mapped[str] = mapped_column(primary_key=True)
    reconciliation_id: Mapped[str]
    customer_id: Mapped[str]
    currency: Mapped[str]
    drift_minor: Mapped[int]
    owner: Mapped[str]
    due_on: Mapped[date]


class ReconciliationFindingEndRow(Row):
    __tablename__ = "reconciliation_finding_end"

    finding_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    closed_on: Mapped[date]
    closed_by: Mapped[str]


# Both sides by document, under the id that stayed. Ours is what is open on the day, and whatever else
# the extract names that we have by then: settled here and open there is a difference, not an extra.
_SIDES = """
    WITH theirs AS (
        SELECT customer_survivor(d.customer_id) AS customer_id, d.invoice_no, d.currency,
               d.amount_minor, d.open_minor, d.due_on
        FROM erp_extract_document d WHERE d.extract_id = :extract_id
    ), ours AS (
        SELECT customer_survivor(i.customer_id) AS customer_id, i.invoice_no, i.currency,
               i.amount_minor, i.due_on,
               i.amount_minor - coalesce((
                   SELECT sum(r.amount_minor) FROM invoice_reduction r
                   WHERE r.customer_id = i.customer_id AND r.invoice_no = i.invoice_no
                       AND r.counts_on <= :as_of), 0)::bigint AS open_minor
        FROM invoice i
        WHERE i.issued_on <= :as_of
            AND (i.customer_id NOT IN (SELECT customer_id FROM customer_of_many_ids)
                OR invoice_counts(i))
    ), sides AS (
        SELECT coalesce(o.customer_id, t.customer_id) AS customer_id,
               coalesce(o.invoice_no, t.invoice_no) AS invoice_no,
               o.currency AS our_currency, t.currency AS their_currency,
               o.open_minor AS ours, t.open_minor AS theirs,
               CASE WHEN t.invoice_no IS NULL THEN 'missing'
                    WHEN o.invoice_no IS NULL THEN 'extra'
                    WHEN (o.currency, o.amount_minor, o.open_minor, o.due_on)
                       = (t.currency, t.amount_minor, t.open_minor, t.due_on) THEN 'matched'
                    ELSE 'differing' END AS kind,
               array_remove(ARRAY[
                   CASE WHEN o.currency <> t.currency THEN 'currency' END,
                   CASE WHEN o.amount_minor <> t.amount_minor THEN 'amount' END,
                   CASE WHEN o.open_minor <> t.open_minor THEN 'open' END,
                   CASE WHEN o.due_on <> t.due_on THEN 'due_on' END], NULL) AS fields
        FROM ours o FULL JOIN theirs t USING (customer_id, invoice_no)
        WHERE o.open_minor > 0 OR t.invoice_no IS NOT NULL
    )
"""
_ITEMS = text(
    _SIDES
    + """
    SELECT *, count(*) OVER () AS found FROM sides WHERE kind <> 'matched'
    ORDER BY customer_id, invoice_no LIMIT :items_max
    """
)
# A document of two currencies counts in each. Drift adds up what differs, document by document.
_SUMS = text(
    _SIDES
    + """
    , parts AS (
        SELECT customer_id, our_currency AS currency, kind, ours, 0::bigint AS theirs,
               CASE WHEN their_currency = our_currency THEN 0 ELSE ours END AS drift,
               true AS counts
        FROM sides WHERE our_currency IS NOT NULL
        UNION ALL
        SELECT customer_id, their_currency, kind, 0, theirs,
               CASE WHEN their_currency = our_currency THEN abs(theirs - ours) ELSE theirs END,
               our_currency IS DISTINCT FROM their_currency
        FROM sides WHERE their_currency IS NOT NULL
    ), used AS (
        SELECT customer_survivor(a.customer_id) AS customer_id, a.currency,
               sum(e.used_minor) AS used
        FROM exposure_account a JOIN exposure_entry e USING (account_no)
        WHERE a.kind = 'line' AND e.business_on <= :as_of
        GROUP BY 1, 2
    ), by_customer AS (
        SELECT customer_id, currency,
               count(*) FILTER (WHERE kind = 'matched' AND counts) AS matched,
               count(*) FILTER (WHERE kind = 'missing' AND counts) AS missing,
               count(*) FILTER (WHERE kind = 'extra' AND counts) AS extra,
               count(*) FILTER (WHERE kind = 'differing' AND counts) AS differing,
               sum(ours) AS ours, sum(theirs) AS theirs, sum(drift) AS drift
        FROM parts GROUP BY 1, 2
    )
    SELECT customer_id, currency, coalesce(matched, 0) AS matched,
           coalesce(missing, 0) AS missing, coalesce(extra, 0) AS extra,
           coalesce(differing, 0) AS differing, coalesce(ours, 0) AS ours,
           coalesce(theirs, 0) AS theirs, coalesce(drift, 0) AS drift, coalesce(used, 0) AS used
    FROM by_customer FULL JOIN used USING (customer_id, currency)
    ORDER BY customer_id, currency
    """
)
_COUNTS = text(_SIDES + "SELECT kind, count(*) FROM sides GROUP BY kind")
_NEWEST = select(ExtractRow).order_by(ExtractRow.as_of.desc(), text("recorded_at DESC")).limit(1)


class Reconciliations:
    """Extracts on record, and what comparing them came to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open_extract(self, extract_id: str, as_of: date, *, recorded_by: str) -> None:
        """Begin an extract; the same file as of the same day is the one on record."""
        self._session.execute(
            insert(ExtractRow)
            .values(extract_id=extract_id, as_of=as_of, recorded_by=recorded_by)
            .on_conflict_do_nothing()
        )
        if self.find_extract(extract_id) != as_of:
            raise AlreadyExists(kind="extract", id=extract_id)

    def record(self, extract_id: str, documents: Sequence[ExtractedDocument]) -> list[Outcome]:
        """Write documents of an extract, none twice."""
        if not documents:
            return []
        rows = [
            {
                "extract_id": extract_id,
                "customer_id": each.customer_id,
                "invoice_no": each.invoice_no,
                "amount_minor": each.amount.minor,
                "open_minor": each.open.minor,
                "currency": each.amount.currency,
                "due_on": each.due_on,
            }
            for each in documents
        ]
        written = self._session.execute(
            insert(ExtractDocumentRow)
            .values(rows)
            .on_conflict_do_nothing()
            .returning(ExtractDocumentRow.customer_id, ExtractDocumentRow.invoice_no)
        )
        new = {(row[0], row[1]) for row in written}
        return [
            Outcome.CREATED if (each.customer_id, each.invoice_no) in new else Outcome.UNCHANGED
            for each in documents
        ]

    def find_newest(self) -> tuple[str, date] | None:
        """The extract of the latest day."""
        row = self._session.scalar(_NEWEST)
        return None if row is None else (row.extract_id, row.as_of)

    def find_extract(self, extract_id: str) -> date | None:
        """As of which day an extract is."""
        return self._session.scalar(
            select(ExtractRow.as_of).where(ExtractRow.extract_id == extract_id)
        )

    def hold(self) -> None:
        """Until the transaction ends, compare alone: what is found is found once."""
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('reconciliation', 0))")
        )

    def compare(
        self, reconciliation_id: str, extract_id: str, *, run_on: date
    ) -> tuple[Reconciliation, tuple[CustomerSums, ...]]:
        """Set an extract against our books as they are now; also the sums of every customer."""
        as_of = self.find_extract(extract_id)
        if as_of is None:
            raise NotFound(kind="extract", id=extract_id)
        asked = {"extract_id": extract_id, "as_of": as_of}
        counts = {kind: int(count) for kind, count in self._session.execute(_COUNTS, asked)}
        items = self._session.execute(_ITEMS, asked | {"items_max": ITEMS_MAX}).mappings()
        sums = tuple(_sums(row) for row in self._session.execute(_SUMS, asked).mappings())
        compared = Reconciliation(
            reconciliation_id=reconciliation_id,
            extract_id=extract_id,
            as_of=as_of,
            run_on=run_on,
            documents=sum(counts.get(kind, 0) for kind in ("matched", "extra", "differing")),
            **{kind.value: counts.get(kind.value, 0) for kind in MatchKind},
            customers=tuple(each for each in sums if _apart(each))[:ITEMS_MAX],
            items=tuple(_item(row) for row in items),
        )
        return compared, sums

    def keep(self, compared: Reconciliation, *, recorded_by: str) -> None:
        self._session.execute(
            insert(ReconciliationRow).values(
                reconciliation_id=compared.reconciliation_id,
                extract_id=compared.extract_id,
                content=compared.model_dump(mode="json"),
                run_on=compared.run_on,
                recorded_by=recorded_by,
            )
        )

    def read(self, reconciliation_id: str) -> Reconciliation:
        row = self._session.get(ReconciliationRow, reconciliation_id)
        if row is None:
            raise NotFound(kind="reconciliation", id=reconciliation_id)
        return Reconciliation.model_validate(row.content)

    def find_page(self, *, before: str | None = None, page_size: int = 50) -> list[Reconciliation]:
        """The newest first, from below an id."""
        query = select(ReconciliationRow).limit(page_size)
        if before is not None:
            query = query.where(ReconciliationRow.reconciliation_id < before)
        query = query.order_by(ReconciliationRow.reconciliation_id.desc())
        return [Reconciliation.model_validate(row.content) for row in self._session.scalars(query)]

    def find_open(self, *, manager_id: str | None = None) -> list[ReconciliationFinding]:
        """The findings that wait, earliest due first."""
        query = (
            select(ReconciliationFindingRow)
            .outerjoin(
                ReconciliationFindingEndRow,
                ReconciliationFindingEndRow.finding_id == ReconciliationFindingRow.finding_id,
            )
            .where(ReconciliationFindingEndRow.finding_id.is_(None))
            .order_by(ReconciliationFindingRow.due_on, ReconciliationFindingRow.finding_id)
        )
        if manager_id is not None:
            query = query.where(owned_by(ReconciliationFindingRow.customer_id, manager_id))
        return [_finding(row, None) for row in self._session.scalars(query)]

    def note(self, finding: ReconciliationFinding) -> None:
        self._session.execute(
            insert(ReconciliationFindingRow).values(
                finding_id=finding.finding_id,
                reconciliation_id=finding.reconciliation_id,
                customer_id=finding.customer_id,
                currency=finding.drift.currency,
                drift_minor=finding.drift.minor,
                owner=finding.owner,
                due_on=finding.due_on,
            )
        )

    def read_finding(self, finding_id: str) -> ReconciliationFinding:
        row = self._session.get(ReconciliationFindingRow, finding_id)
        if row is None:
            raise NotFound(kind="reconciliation finding", id=finding_id)
        return _finding(row, self._session.get(ReconciliationFindingEndRow, finding_id))

    def close(
        self, finding_id: str, *, reason: str, closed_on: date, closed_by: str
    ) -> ReconciliationFinding:
        """Close a finding once; refuses `AlreadyExists` where it was closed for another reason."""
        self._session.execute(
            insert(ReconciliationFindingEndRow)
            .values(finding_id=finding_id, reason=reason, closed_on=closed_on, closed_by=closed_by)
            .on_conflict_do_nothing()
        )
        closed = self.read_finding(finding_id)
        if (closed.reason, closed.closed_by) != (reason, closed_by):
            raise AlreadyExists(kind="reconciliation finding", id=finding_id)
        return closed


def _apart(sums: CustomerSums) -> bool:
    return bool(sums.missing or sums.extra or sums.differing or sums.used_apart)


def _sums(row: RowMapping) -> CustomerSums:
    currency = str(row["currency"])
    money = {
        name: Money(minor=int(row[name]), currency=currency)
        for name in ("ours", "theirs", "drift", "used")
    }
    counts = {kind.value: int(row[kind.value]) for kind in MatchKind}
    return CustomerSums(
        customer_id=row["customer_id"],
        currency=currency,
        ours=money["ours"],
        theirs=money["theirs"],
        drift=money["drift"],
        used=money["used"],
        matched=counts["matched"],
        missing=counts["missing"],
        extra=counts["extra"],
        differing=counts["differing"],
    )


def _item(row: RowMapping) -> MatchedDocument:
    ours, theirs = row["our_currency"], row["their_currency"]
    return MatchedDocument(
        customer_id=row["customer_id"],
        invoice_no=row["invoice_no"],
        kind=MatchKind(row["kind"]),
        ours=None if ours is None else Money(minor=int(row["ours"]), currency=ours),
        theirs=None if theirs is None else Money(minor=int(row["theirs"]), currency=theirs),
        fields=tuple(row["fields"] if row["kind"] == "differing" else ()),
    )


def _finding(
    row: ReconciliationFindingRow, end: ReconciliationFindingEndRow | None
) -> ReconciliationFinding:
    return ReconciliationFinding(
        finding_id=row.finding_id,
        reconciliation_id=row.reconciliation_id,
        customer_id=row.customer_id,
        drift=Money(minor=row.drift_minor, currency=row.currency),
        owner=row.owner,
        due_on=row.due_on,
        reason="" if end is None else end.reason,
        closed_on=None if end is None else end.closed_on,
        closed_by=None if end is None else end.closed_by,
    )
