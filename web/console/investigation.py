"""The investigation of a case: checklist, visits, statements, the scheme, and the two names under it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import HTMLResponse

from domain.cover import CoverKind
from domain.customer import Customer
from domain.edition import Product
from domain.errors import FieldUnreadable
from domain.investigation import (
    Answer,
    AssignmentContent,
    Conclusion,
    LookContent,
    SchemeProposal,
    VisitContent,
)
from domain.money import Money
from web.api.pages import after_instant
from web.console.documents import filed
from web.console.lists import PAGE_SIZE, next_path, plain_amount
from web.console.page import Visit, Visiting, Writing
from web.problems import Problem
from web.service.investigation import InvestigationView
from web.service.permissions import Action, permitted, visible_to

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=4000)]
Files = Annotated[list[UploadFile] | None, File()]


@dataclass(frozen=True)
class Row:
    """A product as the scheme's form has it: its rule, and what was typed about it."""

    code: str
    rule: Product
    limit: str = ""
    tenor: str = ""
    deposit: str = ""  # percent
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Typed:
    """What was typed into a form of the page, kept when it is refused."""

    form: str = ""
    said: dict[str, str] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()

    def of(self, form: str, name: str, otherwise: str = "") -> str:
        """A field of a form: as typed where it was that form, else as on record."""
        return self.said.get(name, otherwise) if form == self.form else otherwise


@router.get("/investigations")
def list_investigations(visit: Visiting, after: str | None = None) -> HTMLResponse:
    """Cases that wait for a report, newest first."""
    found = visit.services.investigations.list_waiting(
        visit.person, after=after_instant(after), page_size=PAGE_SIZE + 1
    )
    cases = found[:PAGE_SIZE]
    return visit.show(
        "investigation/investigations.html",
        cases=cases,
        names=visit.customer_names(case.application.customer_id for case in cases),
        next_path=next_path(
            found, "/investigations", lambda case: (case.submitted_at, case.case_id)
        ),
    )


@router.get("/cases/{case_id}/investigation")
def show_investigation(visit: Visiting, case_id: str) -> HTMLResponse:
    """Everything found, proposed and signed so far."""
    return _page(visit, case_id)


@router.post("/cases/{case_id}/investigation/assign")
def assign(
    visit: Writing,
    case_id: str,
    lead: Annotated[str, Form()] = "",
    second: Annotated[str, Form()] = "",
    reason: Text = "",
) -> Response:
    """Name the two, or others in their place."""
    said = {"lead": lead, "second": second, "reason": reason}
    visit.when_refused(lambda refusal: _page(visit, case_id, Typed("assign", said), refusal))
    visit.services.investigations.assign(
        visit.person, case_id, visit.valid(AssignmentContent, said)
    )
    return _done(visit, case_id, "investigation_assigned")


@router.post("/cases/{case_id}/investigation/answer")
def answer(
    visit: Writing,
    case_id: str,
    item: Annotated[str, Form()] = "",
    finding: Text = "",
    files: Files = None,
) -> Response:
    """What was found about an item; files are added to those that are there."""
    typed = Typed(f"item-{item}", {"finding": finding})
    visit.when_refused(lambda refusal: _page(visit, case_id, typed, refusal))
    known = visit.services.investigations.read(visit.person, case_id).investigation.answer(item)
    kept = [*(known.evidence if known else ()), *filed(visit, files)]
    said = {"item": item, "finding": finding, "evidence": list(dict.fromkeys(kept))}
    visit.services.investigations.answer(visit.person, case_id, visit.valid(Answer, said))
    return _done(visit, case_id, "investigation_answered", f"item-{item}")


@router.post("/cases/{case_id}/investigation/visit")
def record_visit(
    visit: Writing,
    case_id: str,
    visited_on: Annotated[str, Form()] = "",
    place: Text = "",
    met: Text = "",
    finding: Text = "",
    files: Files = None,
) -> Response:
    """A visit to the customer, with its pictures."""
    said = {"visited_on": visited_on, "place": place, "met": met, "finding": finding}
    visit.when_refused(lambda refusal: _page(visit, case_id, Typed("visit", said), refusal))
    content = visit.valid(VisitContent, {**said, "photos": filed(visit, files)})
    visit.services.investigations.visit(visit.person, case_id, content)
    return _done(visit, case_id, "investigation_visited", "visits")


@router.post("/cases/{case_id}/investigation/examine")
def examine(
    visit: Writing,
    case_id: str,
    period_end_on: Annotated[str, Form()] = "",
    finding: Text = "",
) -> Response:
    """What was found in a statement."""
    said = {"period_end_on": period_end_on, "finding": finding}
    visit.when_refused(lambda refusal: _page(visit, case_id, Typed("examine", said), refusal))
    visit.services.investigations.examine(visit.person, case_id, visit.valid(LookContent, said))
    return _done(visit, case_id, "investigation_examined", "statements")


@router.post("/cases/{case_id}/investigation/propose")
def propose(
    visit: Writing,
    case_id: str,
    limit: Annotated[str, Form()] = "",
    nominal_limit: Annotated[str, Form()] = "",
    purpose: Text = "",
    products: Annotated[list[str] | None, Form()] = None,
    limits: Annotated[list[str] | None, Form()] = None,
    tenors: Annotated[list[str] | None, Form()] = None,
    deposits: Annotated[list[str] | None, Form()] = None,
    covers: Annotated[list[str] | None, Form()] = None,
    conclusion: Annotated[str, Form()] = "",
    conditions: Text = "",
    opinion: Text = "",
) -> Response:
    """The scheme that is proposed, a row a product, and the conclusion."""
    view = visit.services.investigations.read(visit.person, case_id)
    typed_rows = zip(products or (), limits or (), tenors or (), deposits or (), strict=False)
    typed_of = {code: (limit, tenor, deposit) for code, limit, tenor, deposit in typed_rows}
    rows = _rows(view, typed_of, covers or ())
    said = {"limit": limit, "nominal_limit": nominal_limit, "purpose": purpose}
    said |= {"conclusion": conclusion, "conditions": conditions, "opinion": opinion}
    typed = Typed("propose", said, rows)
    visit.when_refused(lambda refusal: _page(visit, case_id, typed, refusal))
    currency = view.application.limit_requested.currency
    scheme = {
        "limit": Money.of(plain_amount(limit), currency),
        "nominal_limit": Money.of(plain_amount(nominal_limit), currency)
        if nominal_limit.strip()
        else None,
        "purpose": purpose.strip(),
        "sub_lines": [_sub_line(visit, row, currency) for row in rows if row.limit.strip()],
    }
    proposal = visit.valid(
        SchemeProposal,
        {
            "scheme": scheme,
            "conclusion": visit.parsed(Conclusion, conclusion, "conclusion"),
            "conditions": [line for line in conditions.splitlines() if line.strip()],
            "opinion": opinion,
        },
    )
    visit.services.investigations.propose(visit.person, case_id, proposal)
    return _done(visit, case_id, "investigation_proposed", "scheme")


@router.post("/cases/{case_id}/investigation/sign")
def sign(visit: Writing, case_id: str, report_hash: Annotated[str, Form()] = "") -> Response:
    """Put one's name to what the page shows."""
    visit.when_refused(lambda refusal: _page(visit, case_id, Typed("sign"), refusal))
    visit.services.investigations.sign(visit.person, case_id, report_hash)
    return _done(visit, case_id, "investigation_signed", "sign")


@router.get("/products")
def show_products(visit: Visiting) -> HTMLResponse:
    """The product catalogue of the edition in force."""
    edition = visit.services.editions.read_edition(visit.person)
    return visit.show("edition/products.html", edition=edition, edition_hash=edition.edition_hash)


def _done(visit: Visit, case_id: str, said: str, part: str = "people") -> Response:
    return visit.go(f"/cases/{case_id}/investigation#{part}", said)


def _page(
    visit: Visit, case_id: str, typed: Typed | None = None, refusal: Problem | None = None
) -> HTMLResponse:
    view = visit.services.investigations.read(visit.person, case_id)
    known = typed or Typed()
    case = visit.services.applications.read_case(visit.person, case_id)
    people = view.investigation.assignment
    named = people is not None and visit.person.person_id in people.people
    return visit.show(
        "investigation/investigation.html",
        refusal=refusal,
        view=view,
        work=view.investigation,
        people=people,
        customer_name=visit.customer_name(case.customer),
        typed=known,
        rows=known.rows or _rows_on_record(view),
        conclusions=list(Conclusion),
        cover_kinds=list(CoverKind),
        may_assign=view.changeable and _may_assign(visit, case.customer),
        may_act=view.changeable and named,
        may_sign=_may_sign(visit, view) if named else False,
        open_items={each.code: each for each in view.open_points if each.part == "item"},
        names_under=[each for each in view.signatures if each.binds],
        names_before=[each for each in view.signatures if not each.binds],
    )


def _may_assign(visit: Visit, customer: Customer) -> bool:
    """Whether this person may name the two: a risk officer, or whose customer it is."""
    owner = visible_to(visit.person).manager_id
    named = permitted(visit.person, Action.INVESTIGATION_ASSIGN)
    return named and owner in (None, customer.manager_id)


def _may_sign(visit: Visit, view: InvestigationView) -> bool:
    """Whether the report is ready for the name of this person, who has not given it yet."""
    ready = view.changeable and view.report_hash and not view.open_points
    given = {each.signature.person_id for each in view.signatures if each.binds}
    return bool(ready and not view.scheme_faults and visit.person.person_id not in given)


def _rows(
    view: InvestigationView, typed: dict[str, tuple[str, str, str]], covers: Sequence[str]
) -> tuple[Row, ...]:
    """A row for each product that the scheme may hold; covers are `product:kind`."""
    chosen = [each.partition(":") for each in covers]
    return tuple(
        Row(code, rule, *typed.get(code, ("", "", "")), tuple(k for c, _, k in chosen if c == code))
        for code, rule in view.products.items()
    )


def _rows_on_record(view: InvestigationView) -> tuple[Row, ...]:
    """The form's rows as the proposal on record has them."""
    proposal = view.investigation.proposal
    lines = proposal.scheme.sub_lines if proposal else ()
    typed = {
        each.product: (each.limit.text, str(each.tenor_months), f"{each.deposit_share * 100:f}")
        for each in lines
    }
    covers = [f"{each.product}:{kind}" for each in lines for kind in each.covers]
    return _rows(view, typed, covers)


def _sub_line(visit: Visit, row: Row, currency: str) -> dict[str, Any]:
    return {
        "product": row.code,
        "limit": Money.of(plain_amount(row.limit), currency),
        "tenor_months": row.tenor.strip() or row.rule.tenor_months_max,
        "deposit_share": _share(visit, row.deposit)
        if row.deposit.strip()
        else row.rule.deposit_min,
        "covers": list(row.covers),
    }


def _share(visit: Visit, percent: str) -> Decimal:
    try:
        return Decimal(percent.strip().removesuffix("%")) / 100
    except DecimalException:
        expected = visit.speech.say("field.a_percentage")
        raise FieldUnreadable(
            column=visit.speech.say("scheme.deposit"), expected=expected, expected_zh=expected
        ) from None
