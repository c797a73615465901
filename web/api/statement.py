"""Statements: enter one, read what counts, read what was said before."""

from datetime import date

from fastapi import Response

from domain.identity import Id
from domain.statement import Statement, StatementContent
from domain.value import Value
from web.api.pages import Cursor, Page, PageSize, after_text, page_of
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Asked, Caller
from web.service.statement import Accounts, FactorRow

router = stage("statement")


class Statements(Value):
    items: tuple[Statement, ...]


class AccountsOfPeriods(Value):
    items: tuple[Accounts, ...]


@router.get("/customers/{customer_id}/statement-accounts")
def list_accounts(asked: Asked, caller: Caller, customer_id: Id) -> AccountsOfPeriods:
    """The accounts of each period: the one that counts, and what differs in the others."""
    return AccountsOfPeriods(items=tuple(asked.statements.list_accounts(caller, customer_id)))


@router.get("/customers/{customer_id}/statements")
def list_statements(
    asked: Asked, caller: Caller, customer_id: Id, until: date | None = None
) -> Statements:
    """The version that counts of each period, oldest period first."""
    return Statements(items=tuple(asked.statements.list_statements(caller, customer_id, until)))


@router.post("/customers/{customer_id}/statements", status_code=201, response_model=Statement)
def record_statement(write: Writing, customer_id: Id, body: StatementContent) -> Response:
    """Enter a statement as its period's newest version; it must tie, or says by how much not."""
    return write.once(
        201, body, lambda: write.asked.statements.record(write.caller, customer_id, body)
    )


@router.get("/customers/{customer_id}/statements/{period_end_on}/versions")
def list_versions(
    asked: Asked,
    caller: Caller,
    customer_id: Id,
    period_end_on: date,
    consolidated: bool = False,
) -> Statements:
    """Every version of one period, oldest first."""
    found = asked.statements.list_versions(
        caller, customer_id, period_end_on, consolidated=consolidated
    )
    return Statements(items=tuple(found))


@router.get("/factors")
def list_factors(
    asked: Asked, caller: Caller, cursor: Cursor = None, page_size: PageSize = 50
) -> Page[FactorRow]:
    """The factor table of the book: one row a customer, each figure of the edition in force."""
    found = asked.statements.list_factors(caller, after=after_text(cursor), page_size=page_size + 1)
    return page_of(found, page_size, lambda row: (row.customer_id,))
