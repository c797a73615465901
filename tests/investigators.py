"""Two people who do what the policy of a case asks of its investigation, through the services."""

from datetime import timedelta
from typing import Any

from domain.cover import CoverKind
from domain.identity import Person
from domain.investigation import (
    Answer,
    AssignmentContent,
    Conclusion,
    LookContent,
    SchemeProposal,
    VisitContent,
)
from domain.money import Money
from domain.scheme import FacilityScheme, SubLine
from web.service.investigation import InvestigationView
from web.service.services import Services


def a_proposal(limit: Money, product: str = "open_account", **changes: Any) -> SchemeProposal:
    """A facility of one product, recommended."""
    line = SubLine(product=product, limit=limit, tenor_months=6, covers=(CoverKind.GUARANTEE,))
    content = {
        "scheme": FacilityScheme(limit=limit, sub_lines=(line,)),
        "conclusion": Conclusion.RECOMMEND,
        "opinion": "The figures were found as stated, and the stock is there.",
    }
    return SchemeProposal.model_validate(content | changes)


def looked_into(
    services: Services,
    lead: Person,
    second: Person,
    case_id: str,
    proposal: SchemeProposal | None = None,
) -> InvestigationView:
    """Everything on record that the two have to sign, and neither name under it yet."""
    book = services.investigations
    view = book.assign(
        lead, case_id, AssignmentContent(lead=lead.person_id, second=second.person_id)
    )
    paper = services.attachments.record(lead, b"counted by hand\n", "count.txt").sha256
    assert view.checklist is not None
    for item in view.checklist.items:
        if item.required:
            shown = (paper,) if item.evidence else ()
            book.answer(lead, case_id, Answer(item=item.code, finding="As told.", evidence=shown))
    on = services.clock.business_on() - timedelta(days=3)
    for _ in range(view.checklist.visits_min):
        content = VisitContent(
            visited_on=on,
            place="The works at the river",
            met="head of finance",
            finding="Two shifts at work, stock as booked.",
            photos=(paper,),
        )
        book.visit(second, case_id, content)
    for day in view.statements_on_file[-view.checklist.statements_min :]:
        book.examine(second, case_id, LookContent(period_end_on=day, finding="Ties to the ledger."))
    limit = view.application.limit_requested
    return book.propose(lead, case_id, proposal or a_proposal(limit, view.application.product))


def investigated(
    services: Services,
    lead: Person,
    second: Person,
    case_id: str,
    proposal: SchemeProposal | None = None,
) -> InvestigationView:
    """A report with both names under it."""
    ready = looked_into(services, lead, second, case_id, proposal)
    assert ready.report_hash is not None
    services.investigations.sign(lead, case_id, ready.report_hash)
    return services.investigations.sign(second, case_id, ready.report_hash)
