"""Statements on record: every version of every account of a period, kept side by side.

Accounts of one period differ by scope, audit, opinion or standard; which counts is policy.
What must tie is `domain/statement.py`; nothing is written that was not accepted there.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.imports import Outcome
from domain.statement import (
    UNITS,
    AccountingStandard,
    AuditOpinion,
    Statement,
    accepted,
    ties_tolerated,
)
from domain.value import content_hash
from storage.base import Row
from storage.customer import of_customer
from storage.edition import Editions
from storage.tolerance import ToleranceUses

_Key = tuple[str, date, bool]


class StatementRow(Row):
    __tablename__ = "statement"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    period_end_on: Mapped[date] = mapped_column(primary_key=True)
    consolidated: Mapped[bool] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    source: Mapped[str]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class Statements:
    """The statements of all customers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, statement: Statement, *, business_on: date, recorded_by: str) -> Statement:
        """Write one statement as its period's newest version; the newest again adds none.

        Returns it with what was derived. Refuses as `domain.statement.accepted` does.
        """
        self.record_all([statement], business_on=business_on, recorded_by=recorded_by)
        return accepted(statement, business_on, self.tie_units(business_on))

    def record_all(
        self, statements: Sequence[Statement], *, business_on: date, recorded_by: str
    ) -> list[Outcome]:
        """Write many, no two of one period, and say of each what became of it.

        A version that somebody else writes meanwhile stops this one by the primary key.
        """
        edition = Editions(self._session).find_current(business_on)
        units = edition.tolerances.statement_units if edition else UNITS
        whole = [accepted(statement, business_on, units) for statement in statements]
        newest, accounts = self._newest(whole)
        rows, outcomes = [], []
        for statement in whole:
            version = newest.get(_key(statement), 0)
            known = accounts.get((*_key(statement), statement.provenance), "")
            hashed = _hash(statement)
            if hashed == known:
                outcomes.append(Outcome.UNCHANGED)
                continue
            outcomes.append(Outcome.UPDATED if known else Outcome.CREATED)
            newest[_key(statement)] = version + 1
            rows.append(_columns(statement, version + 1, hashed, recorded_by))
            if edition is not None:
                ToleranceUses(self._session).record(
                    "/".join(map(str, (*_key(statement), version + 1))),
                    ties_tolerated(statement, units),
                    edition_hash=edition.edition_hash,
                    on=business_on,
                )
        if rows:
            self._session.execute(insert(StatementRow), rows)
        return outcomes

    def tie_units(self, on: date) -> Decimal:
        """How many units of its precision a term of a statement may be off, as policy is on a day."""
        edition = Editions(self._session).find_current(on)
        return edition.tolerances.statement_units if edition else UNITS

    def find_newest(
        self, customer_id: str, *, until: date | None = None, years: int | None = None
    ) -> tuple[Statement, ...]:
        """The version that counts of each period, newest period last.

        Where a period has both, the consolidated one; `until` bounds the period's end, `years`
        keeps that many of the latest.
        """
        query = (
            select(StatementRow.content)
            .ext(distinct_on(StatementRow.period_end_on))
            .where(of_customer(StatementRow.customer_id, customer_id))
            .order_by(
                StatementRow.period_end_on.desc(),
                StatementRow.consolidated.desc(),
                StatementRow.recorded_at.desc(),
                StatementRow.version.desc(),
            )
            .limit(years)
        )
        if until is not None:
            query = query.where(StatementRow.period_end_on <= until)
        contents = self._session.scalars(query).all()
        return tuple(Statement.model_validate(content) for content in reversed(contents))

    def find_accounts(self, customer_id: str, *, until: date, years: int) -> tuple[Statement, ...]:
        """The newest version of each account of the latest periods, newest recorded first.

        Accounts of one period differ by scope, audit, opinion or standard; which of them counts is
        policy.
        """
        rows = self._session.execute(
            select(StatementRow.period_end_on, StatementRow.content)
            .where(
                of_customer(StatementRow.customer_id, customer_id),
                StatementRow.period_end_on <= until,
            )
            .order_by(
                StatementRow.period_end_on.desc(),
                StatementRow.recorded_at.desc(),
                StatementRow.version.desc(),
            )
        )
        found: dict[tuple[object, ...], Statement] = {}
        periods: set[date] = set()
        for period_end_on, content in rows:
            periods.add(period_end_on)
            if len(periods) > years:
                break
            statement = Statement.model_validate(content)
            found.setdefault((period_end_on, *statement.provenance), statement)
        return tuple(found.values())

    def versions(
        self, customer_id: str, period_end_on: date, *, consolidated: bool = False
    ) -> tuple[Statement, ...]:
        """Every version of one period, oldest first."""
        contents = self._session.scalars(
            select(StatementRow.content)
            .where(
                of_customer(StatementRow.customer_id, customer_id),
                StatementRow.period_end_on == period_end_on,
                StatementRow.consolidated == consolidated,
            )
            .order_by(StatementRow.recorded_at, StatementRow.version)
        )
        return tuple(Statement.model_validate(content) for content in contents)

    def _newest(
        self, statements: Sequence[Statement]
    ) -> tuple[dict[_Key, int], dict[tuple[object, ...], str]]:
        """The newest version of each period of these customers, and the hash of each account."""
        rows = self._session.execute(
            select(
                StatementRow.customer_id,
                StatementRow.period_end_on,
                StatementRow.consolidated,
                StatementRow.version,
                StatementRow.content_hash,
                StatementRow.content["audited"].as_boolean(),
                func.coalesce(StatementRow.content["audit_opinion"].as_string(), "unstated"),
                func.coalesce(StatementRow.content["accounting_standard"].as_string(), "unstated"),
            )
            .where(StatementRow.customer_id.in_({each.customer_id for each in statements}))
            .order_by(StatementRow.version)
        )
        versions: dict[_Key, int] = {}
        hashes: dict[tuple[object, ...], str] = {}
        for customer_id, ended_on, consolidated, version, hashed, audited, opinion, by in rows:
            key = customer_id, ended_on, consolidated
            versions[key] = version
            hashes[
                (*key, (consolidated, audited, AuditOpinion(opinion), AccountingStandard(by)))
            ] = hashed
        return versions, hashes


def _key(statement: Statement) -> _Key:
    return statement.customer_id, statement.period_end_on, statement.consolidated


def _hash(statement: Statement) -> str:
    """Of the figures and what they are, not of the file they came in.

    Trailing zeros say how precise a source is, not what it says, so they do not make a version.
    """
    content = statement.model_dump(mode="json", exclude={"source", "items", "derived"})
    for later in ("audit_opinion", "accounting_standard"):
        if content[later] == "unstated":  # as before these fields were there
            del content[later]
    figures = {item.value: f"{figure.normalize():f}" for item, figure in statement.items.items()}
    return content_hash({**content, "items": figures, "derived": sorted(statement.derived)})


def _columns(statement: Statement, version: int, hashed: str, recorded_by: str) -> dict[str, Any]:
    return {
        "customer_id": statement.customer_id,
        "period_end_on": statement.period_end_on,
        "consolidated": statement.consolidated,
        "version": version,
        "content": statement.model_dump(mode="json"),
        "content_hash": hashed,
        "source": statement.source,
        "recorded_by": recorded_by,
    }
