"""Two people who do what the policy of a case asks of its investigation, through the services."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from domain.approval import TaskStatus, Verdict
from domain.cover import CoverKind
from domain.customer import Customer
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
from storage.exposure import Exposure
from tests.makers_policy import a_changed_edition
from tests.road import UNDRAWN, Road, an_application, settle
from tests.servers import SkippingEnvironment
from tests.web.office import Office
from web.service.application import CaseView
from web.service.clock import Clock
from web.service.investigation import InvestigationView
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from workflows.codec import Codec


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


@dataclass(frozen=True)
class Desk:
    """An installation whose cases move at once, with everybody in their seat and one customer."""

    services: Services
    office: Office
    people: Mapping[str, Person]
    customer: Customer

    def submit(self, amount: int = 30_000_000, **changes: Any) -> str:
        """The id of a case that is large enough to be investigated."""
        asked = an_application(self.customer, amount, **changes)
        applications = self.services.applications
        return applications.submit(self.people["manager"], asked, f"k-{amount}").case_id

    def case(self, case_id: str) -> CaseView:
        return self.services.applications.read_case(self.people["auditor"], case_id)

    def prepare(self, case_id: str, proposal: SchemeProposal | None = None) -> str:
        """Everything but the names under the report; its hash."""
        two = self.people["manager"], self.people["manager2"]
        ready = looked_into(self.services, *two, case_id, proposal)
        assert ready.report_hash is not None
        return ready.report_hash

    def sign(self, case_id: str, report_hash: str, *names: str) -> None:
        for name in names:
            self.services.investigations.sign(self.people[name], case_id, report_hash)

    def investigate(self, case_id: str, proposal: SchemeProposal | None = None) -> CaseView:
        """The case once both have signed and its workflow has heard of it."""
        self.sign(case_id, self.prepare(case_id, proposal), "manager", "manager2")
        self.office.take_report(case_id)
        return self.case(case_id)

    def decide(self, person: Person, case_id: str, verdict: Verdict, **said: Any) -> None:
        """Somebody's word on the open task of a case."""
        tasks = [task for task in self.case(case_id).tasks if task.status is TaskStatus.OPEN]
        approvals = self.services.approvals
        approvals.decide(person, tasks[0].task_id, verdict, note="as the minutes say", **said)


@contextmanager
def at_desk(database_url: str, folder: Path, changes: str = "") -> Iterator[Desk]:
    """A desk on an empty, migrated database, under the standard edition with these changes."""
    records = JoinedRecords(database_url, connections_max=8)
    settle(records, a_changed_edition(UNDRAWN + changes))
    exposure = Exposure(records, connections_max=4)
    office = Office(records, exposure, folder)
    services = build_services(records, exposure, office, Clock(), Codec(bytes(32)))
    road = Road(records, services, cast(SkippingEnvironment, None))
    yield Desk(services, office, road.people, road.keep_customer())
    exposure.close()
    records.close()
