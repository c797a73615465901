"""Statements of a customer with their provenance: the accounts of each period side by side."""

import re

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from domain.statement import Statement
from web.console.customer import headed
from web.console.page import Visiting
from web.console.provenance import differences_shown, provenance_said
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)
_HASH = re.compile(r"[0-9a-f]{64}")


@router.get("/customers/{customer_id}/statements")
def show_statements(visit: Visiting, customer_id: str) -> HTMLResponse:
    """Every account of every period, which of them counts, and where the others differ."""
    head = headed(visit, customer_id, "statements")
    found = visit.services.statements.list_accounts(visit.person, customer_id)
    speech, formats = visit.speech, visit.formats
    return visit.show(
        "statement/accounts.html",
        periods=[
            {
                "on": each.period_end_on,
                "counted": each.counted,
                "document": _document_of(each.counted),
                "said": provenance_said(each.provenance, speech),
                "others": [
                    {
                        "statement": other.statement,
                        "document": _document_of(other.statement),
                        "said": provenance_said(other.provenance, speech),
                        "differences": differences_shown(other.differences, formats),
                    }
                    for other in each.others
                ],
            }
            for each in found
        ],
        may_record=permitted(visit.person, Action.STATEMENT_RECORD),
        **head,
    )


def _document_of(statement: Statement) -> str:
    """The hash of the document that a statement was taken from; empty for an import."""
    return statement.source if _HASH.fullmatch(statement.source) else ""
