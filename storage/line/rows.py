"""The tables of lines, and how a row becomes the value others see."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from domain.contract import Terms
from domain.line import CreditLine, Freeze, LineEvent, LineStatus
from domain.money import Money
from storage.base import Row


class LineRow(Row):
    __tablename__ = "credit_line"

    line_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    group_id: Mapped[str | None]
    case_id: Mapped[str]
    letter_no: Mapped[str]
    contract_id: Mapped[str]
    terms: Mapped[dict[str, Any]]
    currency: Mapped[str]
    status: Mapped[str]
    grade: Mapped[str]
    edition_hash: Mapped[str]
    starts_on: Mapped[date]
    last_draw_on: Mapped[date]
    ends_on: Mapped[date]
    review_due_on: Mapped[date]
    activated_at: Mapped[datetime]
    version: Mapped[int]


class ActivationRow(Row):
    __tablename__ = "line_activation"

    case_id: Mapped[str] = mapped_column(primary_key=True)
    line_id: Mapped[str]
    letter_no: Mapped[str]
    kind: Mapped[str]
    activated_at: Mapped[datetime]
    business_on: Mapped[date]


class LimitRow(Row):
    __tablename__ = "line_limit"

    line_id: Mapped[str] = mapped_column(primary_key=True)
    letter_no: Mapped[str] = mapped_column(primary_key=True)
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    temporary_until: Mapped[date | None]
    ended_on: Mapped[date | None]


class FreezeRow(Row):
    __tablename__ = "line_freeze"

    freeze_id: Mapped[str] = mapped_column(primary_key=True)
    line_id: Mapped[str]
    reason: Mapped[str]
    collect_only: Mapped[bool]
    frozen_by: Mapped[str]
    frozen_at: Mapped[datetime]
    lifted_by: Mapped[str | None]
    lifted_at: Mapped[datetime | None]
    product: Mapped[str | None]


class EventRow(Row):
    __tablename__ = "line_event"

    event_no: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line_id: Mapped[str]
    message_id: Mapped[str]
    kind: Mapped[str]
    person_id: Mapped[str]
    facts: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    occurred_at: Mapped[datetime]


def columns_of(line: CreditLine) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "customer_id": line.customer_id,
        "group_id": line.group_id,
        "case_id": line.case_id,
        "letter_no": line.letter_no,
        "contract_id": line.contract_id,
        "terms": line.terms.model_dump(mode="json"),
        "currency": line.limit.currency,
        "status": line.status,
        "grade": line.grade,
        "edition_hash": line.edition_hash,
        "starts_on": line.starts_on,
        "last_draw_on": line.last_draw_on,
        "ends_on": line.ends_on,
        "review_due_on": line.review_due_on,
        "activated_at": line.activated_at,
        "version": line.version,
    }


def line_of(
    row: LineRow, limit: Money, reasons: tuple[str, ...], temporary_until: date | None
) -> CreditLine:
    return CreditLine(
        line_id=row.line_id,
        customer_id=row.customer_id,
        group_id=row.group_id,
        case_id=row.case_id,
        letter_no=row.letter_no,
        contract_id=row.contract_id,
        terms=Terms.model_validate(row.terms),
        limit=limit,
        status=LineStatus(row.status),
        grade=row.grade,
        edition_hash=row.edition_hash,
        starts_on=row.starts_on,
        last_draw_on=row.last_draw_on,
        ends_on=row.ends_on,
        review_due_on=row.review_due_on,
        freeze_reasons=reasons,
        temporary_until=temporary_until,
        activated_at=row.activated_at,
        version=row.version,
    )


def freeze_of(row: FreezeRow) -> Freeze:
    return Freeze(
        freeze_id=row.freeze_id,
        line_id=row.line_id,
        reason=row.reason,
        collect_only=row.collect_only,
        frozen_by=row.frozen_by,
        frozen_at=row.frozen_at,
        lifted_by=row.lifted_by,
        lifted_at=row.lifted_at,
        product=row.product,
    )


def event_of(row: EventRow) -> LineEvent:
    return LineEvent(at=row.occurred_at, kind=row.kind, person_id=row.person_id, facts=row.facts)
