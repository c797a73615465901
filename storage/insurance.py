"""Insurances and the insurers' limits on buyers, in versions; shipments, and what became of each.

Everything is only ever added; whoever raises anything is followed by a second person.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import BigInteger, ColumnElement, Identity, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from domain.errors import (
    AlreadyDecided,
    AlreadyExists,
    CurrencyMismatch,
    FieldUnreadable,
    MoreThanInvoiced,
    NotFound,
    OutOfOrder,
    SameHands,
    StaleContent,
)
from domain.insurance import (
    Checked,
    DeadlineKind,
    EventKind,
    Insurance,
    InsuranceFinding,
    InsuranceTerms,
    InsuredBuyer,
    LimitVersion,
    LimitWord,
    ShipmentContent,
    ShipmentEvent,
    TermsVersion,
    limit_raises,
    limit_steps,
    standing_terms,
    terms_raise,
)
from domain.money import Money, money_sum
from domain.reasons import because
from storage.base import Row, table_of
from storage.customer import Customers, of_customer, owned_by

_Version = TypeVar("_Version", TermsVersion, LimitVersion)


class InsuranceRecordRow(Row):
    __tablename__ = "insurance_record"

    record_id: Mapped[str] = mapped_column(primary_key=True)
    insurance_id: Mapped[str | None]
    customer_id: Mapped[str | None]
    insurer: Mapped[str | None]
    policy_no: Mapped[str | None]
    currency: Mapped[str]
    recorded_at: Mapped[datetime]


class InsuranceVersionRow(Row):
    __tablename__ = "insurance_version"

    record_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    needs_check: Mapped[bool]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class InsuranceCheckRow(Row):
    __tablename__ = "insurance_check"

    record_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    recorded_by: Mapped[str]
    checked_by: Mapped[str]
    confirmed: Mapped[bool]
    note: Mapped[str]
    recorded_at: Mapped[datetime]


class InsuranceShipmentRow(Row):
    __tablename__ = "insurance_shipment"

    limit_id: Mapped[str] = mapped_column(primary_key=True)
    shipment_no: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    shipped_on: Mapped[date]
    terms_days: Mapped[int]
    due_on: Mapped[date]
    declared_by: Mapped[str]
    recorded_at: Mapped[datetime]


class InsuranceEventRow(Row):
    __tablename__ = "insurance_event"

    limit_id: Mapped[str] = mapped_column(primary_key=True)
    event_no: Mapped[str] = mapped_column(primary_key=True)
    shipment_no: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    kind: Mapped[str]
    happened_on: Mapped[date]
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str]
    reported_by: Mapped[str]
    recorded_at: Mapped[datetime]


class InsuranceFindingRow(Row):
    __tablename__ = "insurance_finding"

    finding_id: Mapped[str] = mapped_column(primary_key=True)
    limit_id: Mapped[str]
    shipment_no: Mapped[str]
    kind: Mapped[str]
    due_on: Mapped[date]
    found_on: Mapped[date]
    owner: Mapped[str]
    recorded_at: Mapped[datetime]


class InsuranceFindingEndRow(Row):
    __tablename__ = "insurance_finding_end"

    finding_id: Mapped[str] = mapped_column(primary_key=True)
    closed_by: Mapped[str]
    closed_on: Mapped[date]
    note: Mapped[str]
    recorded_at: Mapped[datetime]


_RECORD = insert(table_of(InsuranceRecordRow)).on_conflict_do_nothing()
_VERSION = insert(table_of(InsuranceVersionRow))
_CHECK = insert(table_of(InsuranceCheckRow))
_SHIPMENT = insert(table_of(InsuranceShipmentRow)).on_conflict_do_nothing()
_EVENT = insert(table_of(InsuranceEventRow)).on_conflict_do_nothing()
_FINDING = insert(table_of(InsuranceFindingRow)).on_conflict_do_nothing()
_END = insert(table_of(InsuranceFindingEndRow)).on_conflict_do_nothing()
# Of a limit alone, and never null there.
_CUSTOMER_ID = cast(InstrumentedAttribute[str], InsuranceRecordRow.customer_id)
_IS_LIMIT = InsuranceRecordRow.insurance_id.is_not(None)


class Insurances:
    """What insurers cover of our customers' debts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # ── in versions ──────────────────────────────────────────────────────────────────────────────

    def record(self, insurance_id: str, terms: InsuranceTerms, recorded_by: str) -> Insurance:
        """Put a version of an insurance on record; what the newest says already is not said again.

        Refuses `AlreadyExists` where the id, or the insurer's number, is another's.
        """
        fixed = {"insurer": terms.insurer, "policy_no": terms.policy_no}
        self._fix(insurance_id, "insurance", fixed | {"currency": terms.currency})
        versions = self._terms([insurance_id]).get(insurance_id, [])
        if not versions or versions[-1].content != terms:
            raises = terms_raise(standing_terms(versions), terms)
            self._add(insurance_id, len(versions), terms, recorded_by, needs_check=raises)
        return self.read(insurance_id)

    def record_limit(
        self, limit_id: str, insurance_id: str, customer_id: str, word: LimitWord, recorded_by: str
    ) -> InsuredBuyer:
        """Put a word of the insurer on a buyer on record; the newest is not said again.

        Refuses `NotFound` for the insurance, `CurrencyMismatch`, and `AlreadyExists` where the id,
        or the limit of that buyer, is another's.
        """
        currency = self.read(insurance_id).newest.content.currency
        if word.amount.currency != currency:
            raise CurrencyMismatch(first=word.amount.currency, second=currency)
        customer_id = Customers(self._session).survivor(customer_id)
        known = self._session.scalar(
            select(InsuranceRecordRow).where(
                InsuranceRecordRow.insurance_id == insurance_id,
                of_customer(_CUSTOMER_ID, customer_id),
            )
        )
        if known is not None and known.record_id != limit_id:
            raise AlreadyExists(kind="insured limit", id=known.record_id)
        if known is not None:
            customer_id = str(known.customer_id)
        fixed = {"insurance_id": insurance_id, "customer_id": customer_id, "currency": currency}
        self._fix(limit_id, "insured limit", fixed)
        versions = self._words([limit_id]).get(limit_id, [])
        if not versions or versions[-1].content != word:
            raises = limit_raises(limit_steps(versions), word)
            self._add(limit_id, len(versions), word, recorded_by, needs_check=raises)
        return self.read_buyer(limit_id)

    def check(
        self, record_id: str, version: int, checked_by: str, *, confirmed: bool, note: str
    ) -> None:
        """A second person's word on the newest version; the same word again changes nothing.

        Refuses `SameHands`, `StaleContent` where a newer version is on record, `OutOfOrder` where
        none is asked for, and `AlreadyDecided`.
        """
        newest = self._newest(record_id)
        if newest.version != version:
            raise StaleContent(id=record_id)
        if not newest.needs_check:
            raise OutOfOrder(**because("no_second_person", version=version, cover_id=record_id))
        if newest.recorded_by == checked_by:
            raise SameHands(first="recording a cover", second="confirming it")
        if newest.pending:
            self._session.execute(
                _CHECK,
                {
                    "record_id": record_id,
                    "version": version,
                    "recorded_by": newest.recorded_by,
                    "checked_by": checked_by,
                    "confirmed": confirmed,
                    "note": note,
                },
            )
        elif (newest.checked_by, newest.confirmed) != (checked_by, confirmed):
            raise AlreadyDecided(
                verdict="confirmed" if newest.confirmed else "not confirmed",
                decided_by=newest.checked_by,
                decided_at=f"version {version}",
            )

    # ── shipments ────────────────────────────────────────────────────────────────────────────────

    def declare(self, limit_id: str, shipment: ShipmentContent, declared_by: str) -> InsuredBuyer:
        """Declare a shipment once; refuses `AlreadyExists` for its number with other content."""
        row = self._locked(limit_id, limit=True)
        if shipment.amount.currency != row.currency:
            raise CurrencyMismatch(first=shipment.amount.currency, second=row.currency)
        content = shipment.model_dump(exclude={"amount"})
        beside = {"limit_id": limit_id, "declared_by": declared_by}
        self._session.execute(_SHIPMENT, content | beside | {"amount_minor": shipment.amount.minor})
        buyer = self.read_buyer(limit_id)
        if shipment not in buyer.shipments:
            raise AlreadyExists(kind="shipment", id=shipment.shipment_no)
        return buyer

    def report(self, limit_id: str, event: ShipmentEvent, reported_by: str) -> InsuredBuyer:
        """Record what became of a shipment, once.

        Refuses `NotFound`, `CurrencyMismatch`, `FieldUnreadable` for a day before it was shipped,
        `MoreThanInvoiced`, `OutOfOrder` where a dispute is settled that is none, and
        `AlreadyExists` for its number with other content.
        """
        row = self._locked(limit_id, limit=True)
        buyer = self.read_buyer(limit_id)
        if event in buyer.events:
            return buyer
        shipment = next((s for s in buyer.shipments if s.shipment_no == event.shipment_no), None)
        if shipment is None:
            raise NotFound(kind="shipment", id=event.shipment_no)
        if any(each.event_no == event.event_no for each in buyer.events):
            raise AlreadyExists(kind="shipment report", id=event.event_no)
        if event.happened_on < shipment.shipped_on:
            raise FieldUnreadable(
                column="happened_on",
                expected="shipped_on or later",
                expected_zh="出运日或之后的日期",
            )
        said = [each for each in buyer.events if each.shipment_no == event.shipment_no]
        _refuse_unfit(shipment, said, event, row.currency)
        content = event.model_dump(exclude={"amount"})
        beside = {"limit_id": limit_id, "reported_by": reported_by}
        minor = None if event.amount is None else event.amount.minor
        self._session.execute(_EVENT, content | beside | {"amount_minor": minor})
        return self.read_buyer(limit_id)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def read(self, insurance_id: str) -> Insurance:
        found = self._insurances([insurance_id])
        if not found:
            raise NotFound(kind="insurance", id=insurance_id)
        return found[0]

    def find_all(self, most: int = 500) -> Sequence[Insurance]:
        """Every insurance, the newest first."""
        ids = self._session.scalars(
            select(InsuranceRecordRow.record_id)
            .where(~_IS_LIMIT)
            .order_by(InsuranceRecordRow.recorded_at.desc(), InsuranceRecordRow.record_id)
            .limit(most)
        )
        return self._insurances([*ids])

    def of_insurer(self, insurer: str) -> Sequence[Insurance]:
        """Every insurance of an insurer."""
        ids = select(InsuranceRecordRow.record_id).where(InsuranceRecordRow.insurer == insurer)
        return self._insurances([*self._session.scalars(ids)])

    def read_buyer(self, limit_id: str) -> InsuredBuyer:
        found = self._buyers(InsuranceRecordRow.record_id == limit_id)
        if not found:
            raise NotFound(kind="insured limit", id=limit_id)
        return found[0]

    def of_customer(self, customer_id: str) -> Sequence[InsuredBuyer]:
        """What every insurance says of a customer, in the order of record."""
        return self._buyers(of_customer(_CUSTOMER_ID, customer_id))

    def of_insurance(self, insurance_id: str) -> Sequence[InsuredBuyer]:
        """Every buyer under an insurance, in the order of record."""
        return self._buyers(InsuranceRecordRow.insurance_id == insurance_id)

    def find_page(
        self, *, after: str | None, page_size: int, manager_id: str | None = None
    ) -> Sequence[InsuredBuyer]:
        """Buyers by the id of their limit; those of a manager's customers where one is named."""
        query = select(InsuranceRecordRow.record_id).where(_IS_LIMIT)
        if after is not None:
            query = query.where(InsuranceRecordRow.record_id > after)
        if manager_id is not None:
            query = query.where(owned_by(_CUSTOMER_ID, manager_id))
        page = query.order_by(InsuranceRecordRow.record_id).limit(page_size)
        found = self._buyers(InsuranceRecordRow.record_id.in_(page.scalar_subquery()))
        return sorted(found, key=lambda each: each.limit_id)

    def pending(self, most: int = 100) -> tuple[Sequence[Insurance], Sequence[InsuredBuyer]]:
        """What waits for a second person, oldest first."""
        checked = select(InsuranceCheckRow.version).where(
            InsuranceCheckRow.record_id == InsuranceVersionRow.record_id,
            InsuranceCheckRow.version == InsuranceVersionRow.version,
        )
        waiting = [
            *self._session.scalars(
                select(InsuranceVersionRow.record_id)
                .where(InsuranceVersionRow.needs_check, ~checked.exists())
                .order_by(InsuranceVersionRow.recorded_at)
                .limit(most)
            )
        ]
        insurances = [each for each in self._insurances(waiting) if each.newest.pending]
        buyers = self._buyers(InsuranceRecordRow.record_id.in_(waiting))
        return insurances, [each for each in buyers if each.versions[-1].pending]

    # ── findings ─────────────────────────────────────────────────────────────────────────────────

    def record_finding(self, finding: InsuranceFinding) -> bool:
        """Note a missed deadline, once; whether it is new."""
        content = finding.model_dump(exclude={"customer_id", "closed_by", "closed_on", "note"})
        written = self._session.scalar(
            _FINDING.returning(table_of(InsuranceFindingRow).c.finding_id), content
        )
        return written is not None

    def findings(
        self, limit_ids: Iterable[str] | None = None, *, open_only: bool = False
    ) -> Sequence[InsuranceFinding]:
        """Missed deadlines, the oldest first; of some limits where they are named."""
        query = (
            select(InsuranceFindingRow, InsuranceFindingEndRow, InsuranceRecordRow.customer_id)
            .join(InsuranceRecordRow, InsuranceRecordRow.record_id == InsuranceFindingRow.limit_id)
            .outerjoin(
                InsuranceFindingEndRow,
                InsuranceFindingEndRow.finding_id == InsuranceFindingRow.finding_id,
            )
            .order_by(InsuranceFindingRow.due_on, InsuranceFindingRow.finding_id)
        )
        if limit_ids is not None:
            query = query.where(InsuranceFindingRow.limit_id.in_([*limit_ids]))
        if open_only:
            query = query.where(InsuranceFindingEndRow.finding_id.is_(None))
        rows = self._session.execute(query)
        return [_finding(row, end, str(customer_id)) for row, end, customer_id in rows]

    def read_finding(self, finding_id: str) -> InsuranceFinding:
        row = self._session.get(InsuranceFindingRow, finding_id)
        found = [] if row is None else self.findings([row.limit_id])
        for each in found:
            if each.finding_id == finding_id:
                return each
        raise NotFound(kind="finding", id=finding_id)

    def close_finding(
        self, finding_id: str, closed_by: str, closed_on: date, note: str
    ) -> InsuranceFinding:
        """Say what was done about a missed deadline; refuses `AlreadyDecided` for another word."""
        self.read_finding(finding_id)
        self._session.execute(
            _END,
            {
                "finding_id": finding_id,
                "closed_by": closed_by,
                "closed_on": closed_on,
                "note": note,
            },
        )
        found = self.read_finding(finding_id)
        if (found.closed_by, found.note) != (closed_by, note):
            raise AlreadyDecided(
                verdict="closed", decided_by=found.closed_by, decided_at=str(found.closed_on)
            )
        return found

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────

    def _fix(self, record_id: str, kind: str, fixed: dict[str, str]) -> None:
        """What never changes of a record, written once; the record is held from here."""
        nothing = dict.fromkeys(("insurance_id", "customer_id", "insurer", "policy_no"))
        self._session.execute(_RECORD, {"record_id": record_id, **nothing, **fixed})
        row = self._session.scalar(
            select(InsuranceRecordRow)
            .where(InsuranceRecordRow.record_id == record_id)
            .with_for_update()
        )
        if row is None or any(getattr(row, name) != said for name, said in fixed.items()):
            raise AlreadyExists(kind=kind, id=fixed.get("policy_no", record_id))

    def _locked(self, record_id: str, *, limit: bool) -> InsuranceRecordRow:
        row = self._session.scalar(
            select(InsuranceRecordRow)
            .where(InsuranceRecordRow.record_id == record_id)
            .with_for_update()
        )
        if row is None or (limit and row.insurance_id is None):
            raise NotFound(kind="insured limit" if limit else "insurance", id=record_id)
        return row

    def _newest(self, record_id: str) -> Checked:
        row = self._locked(record_id, limit=False)
        found: dict[str, list[Any]] = (
            self._terms([record_id]) if row.insurance_id is None else self._words([record_id])
        )
        newest: Checked = found[record_id][-1]
        return newest

    def _add(
        self,
        record_id: str,
        before: int,
        content: InsuranceTerms | LimitWord,
        recorded_by: str,
        *,
        needs_check: bool,
    ) -> None:
        self._session.execute(
            _VERSION,
            {
                "record_id": record_id,
                "version": before + 1,
                "content": content.model_dump(mode="json"),
                "needs_check": needs_check,
                "recorded_by": recorded_by,
            },
        )

    def _terms(self, ids: Iterable[str]) -> dict[str, list[TermsVersion]]:
        return self._versions(
            ids,
            lambda said: TermsVersion(content=InsuranceTerms.model_validate(said[0]), **said[1]),
        )

    def _words(self, ids: Iterable[str]) -> dict[str, list[LimitVersion]]:
        return self._versions(
            ids, lambda said: LimitVersion(content=LimitWord.model_validate(said[0]), **said[1])
        )

    def _versions(
        self, ids: Iterable[str], made: Callable[[tuple[Any, dict[str, Any]]], _Version]
    ) -> dict[str, list[_Version]]:
        """The versions of these records, oldest first, with what was said of each."""
        rows = self._session.execute(
            select(InsuranceVersionRow, InsuranceCheckRow)
            .outerjoin(
                InsuranceCheckRow,
                (InsuranceCheckRow.record_id == InsuranceVersionRow.record_id)
                & (InsuranceCheckRow.version == InsuranceVersionRow.version),
            )
            .where(InsuranceVersionRow.record_id.in_([*ids]))
            .order_by(InsuranceVersionRow.record_id, InsuranceVersionRow.version)
        )
        found: dict[str, list[_Version]] = {}
        for row, check in rows:
            said: dict[str, Any] = {
                "version": row.version,
                "needs_check": row.needs_check,
                "recorded_by": row.recorded_by,
            }
            if check is not None:
                said |= {"checked_by": check.checked_by, "confirmed": check.confirmed}
                said |= {"note": check.note}
            found.setdefault(row.record_id, []).append(made((row.content, said)))
        return found

    def _insurances(self, ids: Sequence[str]) -> list[Insurance]:
        """Those of these records that are insurances, in the order asked for."""
        own = set(
            self._session.scalars(
                select(InsuranceRecordRow.record_id).where(
                    InsuranceRecordRow.record_id.in_(ids), ~_IS_LIMIT
                )
            )
        )
        versions = self._terms(own)
        return [
            Insurance(
                insurance_id=each,
                newest=versions[each][-1],
                standing=standing_terms(versions[each]),
            )
            for each in dict.fromkeys(ids)
            if each in versions
        ]

    def _buyers(self, condition: ColumnElement[bool]) -> list[InsuredBuyer]:
        rows = [
            *self._session.scalars(
                select(InsuranceRecordRow)
                .where(_IS_LIMIT, condition)
                .order_by(InsuranceRecordRow.recorded_at, InsuranceRecordRow.record_id)
            )
        ]
        if not rows:
            return []
        ids = [row.record_id for row in rows]
        currency = {row.record_id: row.currency for row in rows}
        terms = self._terms({str(row.insurance_id) for row in rows})
        words = self._words(ids)
        shipments: dict[str, list[ShipmentContent]] = {each: [] for each in ids}
        for shipment in self._session.scalars(
            select(InsuranceShipmentRow)
            .where(InsuranceShipmentRow.limit_id.in_(ids))
            .order_by(InsuranceShipmentRow.seq)
        ):
            shipments[shipment.limit_id].append(_shipment(shipment, currency[shipment.limit_id]))
        events: dict[str, list[ShipmentEvent]] = {each: [] for each in ids}
        for event in self._session.scalars(
            select(InsuranceEventRow)
            .where(InsuranceEventRow.limit_id.in_(ids))
            .order_by(InsuranceEventRow.seq)
        ):
            events[event.limit_id].append(_event(event, currency[event.limit_id]))
        return [
            InsuredBuyer(
                limit_id=row.record_id,
                insurance_id=str(row.insurance_id),
                customer_id=str(row.customer_id),
                terms=standing_terms(terms[str(row.insurance_id)]),
                versions=tuple(words[row.record_id]),
                shipments=tuple(shipments[row.record_id]),
                events=tuple(events[row.record_id]),
            )
            for row in rows
        ]


def _refuse_unfit(
    shipment: ShipmentContent, said: Sequence[ShipmentEvent], event: ShipmentEvent, currency: str
) -> None:
    if event.amount is not None:
        if event.amount.currency != currency:
            raise CurrencyMismatch(first=event.amount.currency, second=currency)
        paid = money_sum((e.amount for e in said if e.amount is not None), currency)
        if paid + event.amount > shipment.amount:
            raise MoreThanInvoiced(
                amount=event.amount, open=shipment.amount - paid, invoice_no=shipment.shipment_no
            )
    if event.kind is EventKind.SETTLED and not any(
        each.kind is EventKind.DISPUTED and each.happened_on <= event.happened_on for each in said
    ):
        raise OutOfOrder(reason="the shipment is not disputed")


def _shipment(row: InsuranceShipmentRow, currency: str) -> ShipmentContent:
    return ShipmentContent(
        shipment_no=row.shipment_no,
        amount=Money(minor=row.amount_minor, currency=currency),
        shipped_on=row.shipped_on,
        terms_days=row.terms_days,
        due_on=row.due_on,
    )


def _event(row: InsuranceEventRow, currency: str) -> ShipmentEvent:
    paid = row.amount_minor
    return ShipmentEvent(
        event_no=row.event_no,
        shipment_no=row.shipment_no,
        kind=EventKind(row.kind),
        happened_on=row.happened_on,
        amount=None if paid is None else Money(minor=paid, currency=currency),
        note=row.note,
    )


def _finding(
    row: InsuranceFindingRow, end: InsuranceFindingEndRow | None, customer_id: str
) -> InsuranceFinding:
    return InsuranceFinding(
        finding_id=row.finding_id,
        limit_id=row.limit_id,
        customer_id=customer_id,
        shipment_no=row.shipment_no,
        kind=DeadlineKind(row.kind),
        due_on=row.due_on,
        found_on=row.found_on,
        owner=row.owner,
        closed_by=end.closed_by if end is not None else None,
        closed_on=end.closed_on if end is not None else None,
        note=end.note if end is not None else "",
    )
