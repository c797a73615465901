"""Investigation (贷前调查): of which cases it is asked, what its report lacks, and when it counts.

A report counts while both signatures are under exactly what it says today and neither is older than
the checklist allows. The scheme it proposes has to fit the product catalogue (`policies/scheme.py`)
and what was asked for.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from domain.application import Application
from domain.customer import Segment
from domain.edition import (
    DiligenceChecklist,
    InvestigationRow,
    PolicyEdition,
    Product,
    Relation,
)
from domain.errors import EditionInvalid
from domain.investigation import Investigation, Report, Signature, SignedReport, binding
from domain.money import Money
from domain.reasons import because
from domain.scheme import FacilityScheme, SchemeFinding
from domain.value import Value
from policies.scheme import findings

ITEM, VISITS, STATEMENTS, PROPOSAL, PEOPLE = "item", "visits", "statements", "proposal", "people"


class OpenPoint(Value):
    """What a report still lacks: an item of the checklist, or one of its other parts."""

    part: str  # item, visits, statements, proposal, people
    code: str = ""  # of the item; the number of the visit
    evidence: bool = False  # it is there, and its evidence is not

    @property
    def place(self) -> str:
        return f"{self.part} {self.code}".rstrip()


def asking_row(
    application: Application,
    segment: Segment,
    requested: Money | None,
    edition: PolicyEdition,
    relation: Relation | None = None,
) -> InvestigationRow | None:
    """The row that asks an investigation of a case; None where no row does.

    `requested` is the amount in the reporting currency; where no rate is known, it counts as above
    every amount. Without a `relation` a row for either is found.
    """

    def asks(row: InvestigationRow) -> bool:
        return (
            _holds(row.application_types, application.application_type)
            and _holds(row.segments, segment)
            and _holds(row.products, application.product)
            and (relation is None or _holds(row.relations, relation))
            and (requested is None or requested > edition.money(row.amount_above))
        )

    return next((row for row in edition.investigation.rows if asks(row)), None)


def checklists_for(
    segment: Segment, relation: Relation, edition: PolicyEdition
) -> tuple[DiligenceChecklist, ...]:
    """Every checklist for a class of customers; a checked edition has exactly one."""
    return tuple(
        each
        for each in edition.investigation.checklists
        if _holds(each.segments, segment) and _holds(each.relations, relation)
    )


def checklist_for(
    segment: Segment, relation: Relation, edition: PolicyEdition
) -> DiligenceChecklist:
    """The one checklist for a class of customers; refuses `EditionInvalid` where it is not one."""
    found = checklists_for(segment, relation, edition)
    if len(found) != 1:
        raise EditionInvalid(
            **because("checklists_count", count=len(found), segment=segment, relation=relation)
        )
    return found[0]


def open_points(
    investigation: Investigation, checklist: DiligenceChecklist
) -> tuple[OpenPoint, ...]:
    """Everything that keeps a report from being signed, the scheme's fitness apart."""
    return tuple(_open_points(investigation, checklist))


def products_for(application: Application, edition: PolicyEdition) -> dict[str, Product]:
    """The products that a scheme for an application may hold: sub-lines where it asks for a
    comprehensive facility, and else the product it asks for; none where that is unknown."""
    asked = edition.limit.products.get(application.product)
    if asked is None:
        return {}
    if not asked.comprehensive:
        return {application.product: asked}
    return {
        code: product
        for code, product in edition.limit.products.items()
        if not product.comprehensive and not product.dedicated
    }


def scheme_faults(
    scheme: FacilityScheme, application: Application, edition: PolicyEdition
) -> tuple[SchemeFinding, ...]:
    """Where a scheme does not fit the catalogue or what was asked for; empty where it does.

    Refuses `CurrencyMismatch` where it is in another currency than the application.
    """
    return (*_beside_the_request(scheme, application, edition), *findings(scheme, edition))


def counting(
    signatures: Iterable[Signature], report: Report, checklist: DiligenceChecklist, on: date
) -> SignedReport | None:
    """The report with both signatures, if it has both under what it says and counts on this day."""
    bound = [each for each in binding(signatures, report) if on <= valid_until(each, checklist)]
    if {each.person_id for each in bound} != {report.lead, report.second}:
        return None
    proposal = report.proposal
    return SignedReport(
        report_hash=report.report_hash,
        lead=report.lead,
        second=report.second,
        signed_on=bound[-1].signed_on,
        valid_until=min(valid_until(each, checklist) for each in bound),
        conclusion=proposal.conclusion,
        conditions=proposal.conditions,
        scheme=proposal.scheme,
    )


def valid_until(signature: Signature, checklist: DiligenceChecklist) -> date:
    """The last day on which a signature counts."""
    return signature.signed_on + timedelta(days=checklist.age_days_max)


def _open_points(
    investigation: Investigation, checklist: DiligenceChecklist
) -> Iterator[OpenPoint]:
    if investigation.assignment is None:
        yield OpenPoint(part=PEOPLE)
    for item in checklist.items:
        answer = investigation.answer(item.code)
        if answer is None:
            if item.required:
                yield OpenPoint(part=ITEM, code=item.code)
        elif item.evidence and not answer.evidence:
            yield OpenPoint(part=ITEM, code=item.code, evidence=True)
    if len(investigation.visits) < checklist.visits_min:
        yield OpenPoint(part=VISITS)
    for visit in investigation.visits:
        if not visit.photos:
            yield OpenPoint(part=VISITS, code=str(visit.visit_no), evidence=True)
    if len(investigation.statements) < checklist.statements_min:
        yield OpenPoint(part=STATEMENTS)
    if investigation.proposal is None:
        yield OpenPoint(part=PROPOSAL)


def _beside_the_request(
    scheme: FacilityScheme, application: Application, edition: PolicyEdition
) -> Iterator[SchemeFinding]:
    most = application.limit_requested
    if scheme.limit > most:
        yield SchemeFinding(code="above_request", found=str(scheme.limit), wanted=str(most))
    if scheme.limit.minor <= 0:
        yield SchemeFinding(code="limit_not_positive", found=str(scheme.limit))
    for line in scheme.sub_lines:
        if line.limit.minor <= 0:
            yield SchemeFinding(
                code="limit_not_positive", product=line.product, found=str(line.limit)
            )
    wanted = products_for(application, edition)
    for line in scheme.sub_lines:
        if line.product in edition.limit.products and line.product not in wanted:
            asked = application.product
            yield SchemeFinding(code="product_not_asked", product=line.product, wanted=asked)


def _holds(named: tuple[str, ...], found: str) -> bool:
    return not named or found in named
