"""Lines in force: what each letter made of them, why they are frozen, and what happened.

A line's row and its account of exposure say the same status and dates, written together, so that an
order sees a freeze in the same second. The limit stands on the account alone.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.application import ApplicationType
from domain.contract import Letter
from domain.errors import KeyReused, LineNotActive, NotFound, OutOfOrder
from domain.event import (
    LineActivated,
    LineChanged,
    LineExpired,
    LineFrozen,
    LineLimitChanged,
    LineTerminated,
    LineUnfrozen,
)
from domain.exposure import LimitPart, Overlap, UseBounds
from domain.line import CreditLine, Freeze, LineEvent, LineStatus, status_under
from domain.money import Money
from domain.value import content_hash
from storage.base import table_of
from storage.customer import of_customer, owned_by
from storage.event import Events
from storage.exposure import Accounts
from storage.exposure.accounts import AccountRow
from storage.line.limits import LineLimits
from storage.line.rates import LineRates
from storage.line.rows import (
    ActivationRow,
    EventRow,
    FreezeRow,
    LineRow,
    columns_of,
    event_of,
    freeze_of,
    line_of,
)
from storage.recheck import owe_recheck

_OPEN = insert(table_of(LineRow)).on_conflict_do_nothing().returning(LineRow.line_id)
_ACTIVATE = insert(table_of(ActivationRow))
_POST_EVENT = insert(table_of(EventRow)).on_conflict_do_nothing().returning(EventRow.event_no)


class Lines:
    """Credit lines. Whoever changes one reads it for update first, and finds out if it moved."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._accounts = Accounts(session)
        self._limits = LineLimits(session)
        self._rates = LineRates(session)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def read(self, line_id: str, *, for_update: bool = False) -> CreditLine:
        line = self.find(line_id, for_update=for_update)
        if line is None:
            raise NotFound(kind="line", id=line_id)
        return line

    def find(self, line_id: str, *, for_update: bool = False) -> CreditLine | None:
        query = select(LineRow).where(LineRow.line_id == line_id)
        if for_update:
            query = query.with_for_update()
        found = self._lines_of(query)
        return found[0] if found else None

    def find_of_case(self, case_id: str) -> CreditLine | None:
        """The line that the case's letter was put in force on."""
        line_id = self._session.scalar(
            select(ActivationRow.line_id).where(ActivationRow.case_id == case_id)
        )
        return self.find(line_id) if line_id is not None else None

    def list_of_customer(self, customer_id: str) -> Sequence[CreditLine]:
        """All the customer's lines, the newest first."""
        return self._lines_of(
            select(LineRow)
            .where(of_customer(LineRow.customer_id, customer_id))
            .order_by(LineRow.activated_at.desc(), LineRow.line_id.desc())
        )

    def limits_of(self, customer_ids: Sequence[str]) -> list[tuple[str, Money]]:
        """The limits of these customers' lines that have not ended, with their holders."""
        rows = self._session.execute(
            select(
                func.customer_survivor(LineRow.customer_id),
                AccountRow.limit_minor,
                AccountRow.currency,
            )
            .join(
                AccountRow, (AccountRow.owner_id == LineRow.line_id) & (AccountRow.kind == "line")
            )
            .where(of_customer(LineRow.customer_id, customer_ids), LineRow.status.not_in(_ENDED))
            .order_by(LineRow.line_id)
        )
        return [(holder, Money(minor=minor, currency=currency)) for holder, minor, currency in rows]

    def limits_by_line(self, line_ids: Sequence[str]) -> dict[str, Money]:
        """The limit that counts on each of these lines."""
        return self._limits.in_force(line_ids)

    def base_limit(self, line_id: str) -> tuple[str, Money]:
        """The letter of a line's own limit, temporary ones apart, and that limit."""
        return self._limits.base(line_id)

    def list_page(
        self,
        *,
        page_size: int = 50,
        after: tuple[datetime, str] | None = None,
        status: LineStatus | None = None,
        customer_id: str | None = None,
        manager_id: str | None = None,
    ) -> Sequence[CreditLine]:
        """Newest first; `after` is the `(activated_at, line_id)` of the last row seen."""
        conditions: list[ColumnElement[bool]] = []
        if after is not None:
            conditions.append(tuple_(LineRow.activated_at, LineRow.line_id) < after)
        if status is not None:
            conditions.append(LineRow.status == status)
        if customer_id is not None:
            conditions.append(of_customer(LineRow.customer_id, customer_id))
        query = select(LineRow).where(*conditions)
        if manager_id is not None:
            query = query.where(owned_by(LineRow.customer_id, manager_id))
        return self._lines_of(
            query.order_by(LineRow.activated_at.desc(), LineRow.line_id.desc()).limit(page_size)
        )

    def freezes(self, line_id: str) -> Sequence[Freeze]:
        """The freezes that nobody has lifted, oldest first."""
        rows = self._session.scalars(
            select(FreezeRow)
            .where(FreezeRow.line_id == line_id, FreezeRow.lifted_at.is_(None))
            .order_by(FreezeRow.frozen_at, FreezeRow.freeze_id)
            .execution_options(populate_existing=True)
        )
        return [freeze_of(row) for row in rows]

    def freezes_of(self, line_ids: Sequence[str]) -> Sequence[Freeze]:
        """Every freeze of these lines, lifted or not, oldest first."""
        rows = self._session.scalars(
            select(FreezeRow)
            .where(FreezeRow.line_id.in_(line_ids))
            .order_by(FreezeRow.frozen_at, FreezeRow.freeze_id)
        )
        return [freeze_of(row) for row in rows]

    def ends_of(self, line_ids: Sequence[str]) -> dict[str, LineEvent]:
        """The event that ended a line, by line; of those that have ended."""
        rows = self._session.scalars(
            select(EventRow).where(EventRow.line_id.in_(line_ids), EventRow.kind.in_(_ENDED))
        )
        return {row.line_id: event_of(row) for row in rows}

    def letters_of(self, line_ids: Sequence[str]) -> list[tuple[str, str, str, date]]:
        """The letters put in force on these lines, oldest first: line, letter, kind and day."""
        rows = self._session.execute(
            select(
                ActivationRow.line_id,
                ActivationRow.letter_no,
                ActivationRow.kind,
                ActivationRow.business_on,
            )
            .where(ActivationRow.line_id.in_(line_ids))
            .order_by(ActivationRow.business_on, ActivationRow.activated_at)
        )
        return [(line_id, letter_no, kind, on) for line_id, letter_no, kind, on in rows]

    def events(self, line_id: str) -> Sequence[LineEvent]:
        """Everything that happened to the line, oldest first."""
        rows = self._session.scalars(
            select(EventRow).where(EventRow.line_id == line_id).order_by(EventRow.event_no)
        )
        return [event_of(row) for row in rows]

    def counts(self) -> dict[LineStatus, int]:
        """How many lines stand where."""
        rows = self._session.execute(text("SELECT status, count(*) FROM credit_line GROUP BY 1"))
        return {LineStatus(status): count for status, count in rows}

    # ── letters put in force ─────────────────────────────────────────────────────────────────────

    def open(
        self,
        line: CreditLine,
        business_on: date,
        bounds: UseBounds | None = None,
        cover_parts: Sequence[LimitPart] = (),
    ) -> CreditLine:
        """Put a first letter in force: row, accounts, limits and opening entries together.

        Orders are held to `bounds` where they are said; the limit falls by `cover_parts`. A case has
        one line: opened again, the one on record is returned.
        """
        assert line.last_draw_on is not None
        written = self._session.scalar(_OPEN, columns_of(line))
        if written is None:
            return self._lines_of(select(LineRow).where(LineRow.case_id == line.case_id))[0]
        self._accounts.open_line(
            line.line_id,
            customer_id=line.customer_id,
            group_id=line.group_id,
            limit=line.limit,
            decision_id=line.letter_no,
            starts_on=line.starts_on,
            last_draw_on=line.last_draw_on,
            ends_on=line.ends_on,
            business_on=business_on,
            bounds=bounds,
            parts=cover_parts,
        )
        self._limits.add(line.line_id, line.letter_no, line.limit)
        self._rates.record_letter(line.line_id, line.letter_no, line.terms, business_on)
        self._record_activation(
            line,
            line.case_id,
            line.letter_no,
            ApplicationType.NEW_LINE,
            line.activated_at,
            business_on,
        )
        event = LineActivated(
            line_id=line.line_id,
            customer_id=line.customer_id,
            case_id=line.case_id,
            letter_no=line.letter_no,
            limit=line.limit,
            starts_on=line.starts_on,
            ends_on=line.ends_on,
        )
        Events(self._session).post(event, line.line_id)
        return self.read(line.line_id)

    def change(
        self,
        line: CreditLine,
        letter: Letter,
        kind: str,
        *,
        case_id: str,
        at: datetime,
        business_on: date,
        bounds: UseBounds | None = None,
        cover_parts: Sequence[LimitPart] | None = None,
    ) -> CreditLine:
        """Put a further letter in force on a line read for update; `line` has the dates it is to
        have, the letter says the limit. A letter is put in force once.

        A temporary limit stands beside the base one until its last day; what counts of several is
        the edition's to say. The parts by which the limit falls with its cover stay where none are
        named.
        """
        assert letter.terms is not None
        if line.status.ended:
            raise LineNotActive(line_id=line.line_id, status=line.status)
        known = self._session.scalar(
            select(ActivationRow.line_id).where(ActivationRow.letter_no == letter.letter_no)
        )
        if known is not None:
            return self.read(known)
        until = letter.terms.temporary_until if kind == ApplicationType.TEMPORARY_INCREASE else None
        if until is None:
            self._limits.end_base(line.line_id, business_on)
            line = line.model_copy(update={"letter_no": letter.letter_no, "terms": letter.terms})
            self._rates.record_letter(line.line_id, letter.letter_no, letter.terms, business_on)
            self._bound(line.line_id, bounds, letter.letter_no, business_on)
        self._limits.add(line.line_id, letter.letter_no, letter.terms.limit, until)
        self._record_activation(line, case_id, letter.letter_no, kind, at, business_on)
        self._limits.put_in_force(
            line.line_id,
            f"{letter.letter_no}/limit",
            business_on,
            bounds.overlap if bounds is not None else Overlap.MAX,
            cover_parts,
        )
        return self._tell_change(line, self.write(line), letter.letter_no)

    def amend(
        self,
        line: CreditLine,
        letter: Letter,
        kind: str,
        *,
        case_id: str,
        at: datetime,
        business_on: date,
        bounds: UseBounds | None = None,
    ) -> CreditLine:
        """Put a letter of change in force on a line read for update: its terms and the dates that
        `line` has, no other limit and no other rate. A letter is put in force once."""
        assert letter.terms is not None
        if line.status.ended:
            raise LineNotActive(line_id=line.line_id, status=line.status)
        known = self._session.scalar(
            select(ActivationRow.line_id).where(ActivationRow.letter_no == letter.letter_no)
        )
        if known is not None:
            return self.read(known)
        self._record_activation(line, case_id, letter.letter_no, kind, at, business_on)
        self._bound(line.line_id, bounds, letter.letter_no, business_on)
        changed = self.write(
            line.model_copy(update={"letter_no": letter.letter_no, "terms": letter.terms})
        )
        return self._tell_change(line, changed, letter.letter_no)

    def end_temporary(
        self,
        line: CreditLine,
        business_on: date,
        at: datetime,
        overlap: Overlap = Overlap.MAX,
    ) -> CreditLine:
        """Say on record that a temporary limit's last day is over, as its account did by itself."""
        over = self._limits.end_over(line.line_id, business_on)
        for letter_no in over:
            self._limits.put_in_force(line.line_id, f"{letter_no}/returned", business_on, overlap)
            self.post_event(
                line.line_id,
                f"{letter_no}/returned",
                "temporary_limit_ended",
                at=at,
                letter_no=letter_no,
            )
        returned = self.read(line.line_id)
        if over and returned.limit != line.limit:
            self._tell_limit(line.limit, returned, over[-1], f"{over[-1]}/returned")
        return returned

    # ── freezes and ends ─────────────────────────────────────────────────────────────────────────

    def freeze(
        self,
        line_id: str,
        *,
        reason: str,
        message_id: str,
        at: datetime,
        person_id: str = "system",
        collect_only: bool = False,
        note: str = "",
        product: str | None = None,
    ) -> CreditLine:
        """Stop a line, or one product of it, for a reason, in this second; for one reason it is
        frozen once. `NotFound` where the line has no such product."""
        line = self.read(line_id, for_update=True)
        if not self.post_event(
            line_id,
            message_id,
            "frozen",
            person_id=person_id,
            at=at,
            reason=reason,
            collect_only=str(collect_only).lower(),
            note=note,
            **_named(product),
        ):
            return line
        if line.status.ended:
            raise LineNotActive(line_id=line_id, status=line.status)
        self._session.execute(
            insert(FreezeRow)
            .values(
                freeze_id=message_id,
                line_id=line_id,
                reason=reason,
                collect_only=collect_only,
                frozen_by=person_id,
                frozen_at=at,
                product=product,
            )
            .on_conflict_do_nothing()
        )
        frozen, status = self._restate(line, product)
        event = LineFrozen(
            line_id=line_id,
            customer_id=line.customer_id,
            reason=reason,
            status=status,
            product=product,
        )
        Events(self._session).post(event, message_id)
        return frozen

    def unfreeze(
        self,
        line_id: str,
        *,
        message_id: str,
        at: datetime,
        person_id: str = "system",
        reason: str | None = None,
        note: str = "",
        product: str | None = None,
    ) -> CreditLine:
        """Lift the freeze of one reason, or of all; `SameHands` where the person froze it.

        What stands on the line as a whole and what stands on a product are lifted apart.
        `OutOfOrder` where there is nothing to lift.
        """
        line = self.read(line_id, for_update=True)
        if not self.post_event(
            line_id,
            message_id,
            "unfrozen",
            person_id=person_id,
            at=at,
            reason=reason or "",
            note=note,
            **_named(product),
        ):
            return line
        if line.status.ended:
            raise LineNotActive(line_id=line_id, status=line.status)
        standing = [
            f
            for f in self.freezes(line_id)
            if f.product == product and reason in (None, f.reason) and not f.ends_line
        ]
        if not standing:
            raise OutOfOrder(reason="the line is not frozen for that reason")
        for freeze in standing:
            freeze.refuse_own_hands(person_id)
        self._session.execute(
            update(FreezeRow)
            .where(FreezeRow.freeze_id.in_([freeze.freeze_id for freeze in standing]))
            .values(lifted_by=person_id, lifted_at=at)
        )
        lifted, status = self._restate(line, product)
        event = LineUnfrozen(
            line_id=line_id,
            customer_id=line.customer_id,
            reason=reason or "",
            status=status,
            product=product,
        )
        Events(self._session).post(event, message_id)
        return lifted

    def end(
        self,
        line_id: str,
        status: LineStatus,
        *,
        message_id: str,
        at: datetime,
        person_id: str = "system",
        note: str = "",
    ) -> CreditLine:
        """Expired or terminated: nothing more is lent, what is owed is still taken back."""
        assert status.ended
        line = self.read(line_id, for_update=True)
        if not self.post_event(line_id, message_id, status, person_id=person_id, at=at, note=note):
            return line
        if line.status.ended:
            raise LineNotActive(line_id=line_id, status=line.status)
        ended = LineTerminated if status is LineStatus.TERMINATED else LineExpired
        event = ended(line_id=line_id, customer_id=line.customer_id)
        Events(self._session).post(event, message_id)
        return self.write(line.model_copy(update={"status": status}))

    def has_taken(self, message_id: str) -> bool:
        """Whether a message has done to its line what it was sent for."""
        found = select(EventRow.event_no).where(EventRow.message_id == message_id)
        return self._session.scalar(found) is not None

    def post_event(
        self,
        line_id: str,
        message_id: str,
        kind: str,
        *,
        at: datetime,
        person_id: str = "system",
        **facts: str,
    ) -> bool:
        """Add what happened, once a message; False where the message was taken before.

        The same message with other content is refused: it is not the same message.
        """
        digest = content_hash([line_id, kind, person_id, facts])
        written = self._session.execute(
            _POST_EVENT,
            {
                "line_id": line_id,
                "message_id": message_id,
                "kind": kind,
                "person_id": person_id,
                "facts": facts,
                "content_hash": digest,
                "occurred_at": at,
            },
        ).first()
        if written is not None:
            return True
        recorded = self._session.scalar(
            select(EventRow.content_hash).where(EventRow.message_id == message_id)
        )
        if recorded != digest:
            raise KeyReused(key=message_id)
        return False

    def write(self, line: CreditLine) -> CreditLine:
        """Replace a line that was read for update, on its row and on its account."""
        assert line.last_draw_on is not None
        changed = line.model_copy(update={"version": line.version + 1})
        written = self._session.execute(
            update(LineRow)
            .where(LineRow.line_id == line.line_id, LineRow.version == line.version)
            .values(**columns_of(changed))
            .returning(LineRow.line_id)
            .execution_options(synchronize_session=False)
        ).first()
        if written is None:
            raise OutOfOrder(reason="the line was changed by something else meanwhile")
        self._accounts.set_standing(
            line.line_id,
            line.status,
            starts_on=line.starts_on,
            last_draw_on=line.last_draw_on,
            ends_on=line.ends_on,
        )
        key = f"standing/{line.line_id}/{changed.version}"
        owe_recheck(self._session, key, "line", line.customer_id)
        return self.read(line.line_id)

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    def _tell_change(self, before: CreditLine, after: CreditLine, letter_no: str) -> CreditLine:
        if after.limit != before.limit:
            self._tell_limit(before.limit, after, letter_no, letter_no)
            return after
        event = LineChanged(
            line_id=after.line_id,
            customer_id=after.customer_id,
            letter_no=letter_no,
            limit=after.limit,
            ends_on=after.ends_on,
        )
        Events(self._session).post(event, letter_no)
        return after

    def _tell_limit(self, before: Money, after: CreditLine, letter_no: str, key: str) -> None:
        event = LineLimitChanged(
            line_id=after.line_id,
            customer_id=after.customer_id,
            letter_no=letter_no,
            limit_before=before,
            limit=after.limit,
            temporary_until=after.temporary_until,
        )
        Events(self._session).post(event, key)

    def _restate(
        self, line: CreditLine, product: str | None = None
    ) -> tuple[CreditLine, LineStatus]:
        """How the line, or the product of it, stands under what nobody has lifted; on its account
        with it. A product counts what stands on it alone: orders look at the line as well."""
        standing = [each for each in self.freezes(line.line_id) if each.product == product]
        status = status_under(standing)
        if product is None:
            return self.write(line.model_copy(update={"status": status})), status
        self._accounts.set_product_standing(line.line_id, product, status)
        return line, status

    def _record_activation(
        self,
        line: CreditLine,
        case_id: str,
        letter_no: str,
        kind: str,
        at: datetime,
        business_on: date,
    ) -> None:
        self._session.execute(
            _ACTIVATE,
            {
                "case_id": case_id,
                "line_id": line.line_id,
                "letter_no": letter_no,
                "kind": kind,
                "activated_at": at,
                "business_on": business_on,
            },
        )
        self.post_event(line.line_id, f"{letter_no}/activated", kind, at=at, letter_no=letter_no)

    def _lines_of(self, query: Select[LineRow]) -> list[CreditLine]:
        rows = self._session.scalars(query.execution_options(populate_existing=True)).all()
        ids = [row.line_id for row in rows]
        limits = self._limits.in_force(ids)
        reasons = self._reasons(ids)
        temporary = self._limits.temporary_until(ids)
        return [
            line_of(
                row, limits[row.line_id], reasons.get(row.line_id, ()), temporary.get(row.line_id)
            )
            for row in rows
        ]

    def _bound(
        self, line_id: str, bounds: UseBounds | None, letter_no: str, business_on: date
    ) -> None:
        """What uses are held to from now on, where the letter says it."""
        if bounds is None:
            return
        if bounds.terms_days is not None:
            self._accounts.set_terms(line_id, bounds.terms_days)
        self._accounts.set_sub_limits(
            line_id,
            bounds.sub_lines,
            fitting=bounds.fitting,
            decision_id=letter_no,
            business_on=business_on,
        )

    def _reasons(self, line_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        rows = self._session.execute(
            select(FreezeRow.line_id, FreezeRow.reason)
            .where(
                FreezeRow.line_id.in_(line_ids),
                FreezeRow.lifted_at.is_(None),
                FreezeRow.product.is_(None),
            )
            .order_by(FreezeRow.frozen_at, FreezeRow.freeze_id)
        )
        found: dict[str, tuple[str, ...]] = {}
        for line_id, reason in rows:
            found[line_id] = (*found.get(line_id, ()), reason)
        return found


def _named(product: str | None) -> dict[str, str]:
    return {} if product is None else {"product": product}


_ENDED = [status for status in LineStatus if status.ended]
