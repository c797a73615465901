"""The link and what can be done with it: by its holder alone, once, and without leaving a name."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.contract import ContractActivities
from activities.documents.sealing import CUSTOMER, GRANTOR
from domain.contract import (
    Capacity,
    ContractEnd,
    ContractStatus,
    CustomerActed,
    DocumentStage,
    IssueContract,
)
from domain.errors import (
    AttachmentTypeRefused,
    AuthorityMissing,
    ContractEnded,
    CreditError,
    LinkUnknown,
    Malformed,
    NotFound,
    NotPermitted,
)
from storage.base import Records
from tests.makers_contract import a_letter, record_case, the_sealing
from tests.web.people import PEOPLE
from tests.web.silent import SilentGateway
from web.service.clock import Clock
from web.service.contract import SHOWN_AFTER, ContractService
from web.service.gateway import TemporalUnavailable

SENT_AT = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
LEGAL = PEOPLE["legal"]


class StoppedClock(Clock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.at = SENT_AT + timedelta(hours=1)

    def now(self) -> datetime:
        return self.at


class StepsGateway(SilentGateway):
    """A Temporal that takes every message straight to the steps, as the workflow does."""

    def __init__(self, steps: ContractActivities, clock: Clock) -> None:
        self._steps, self._clock = steps, clock
        self.messages: list[tuple[str, str, dict[str, Any]]] = []
        self.answers = True
        self.ends_first: Callable[[], None] | None = None

    def update(self, workflow_id: str, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.messages.append((workflow_id, name, payload))
        if not self.answers:
            raise TemporalUnavailable
        if self.ends_first is not None:
            self.ends_first()
            raise NotFound(kind="running workflow", id="under this id")
        acted = CustomerActed(contract_id="case-1", acted_at=self._clock.now(), **payload)
        step = {"sign": self._steps.record_signature, "decline": self._steps.record_decline}[name]
        return step(acted).model_dump(mode="json")

    def signal(self, workflow_id: str, name: str, payload: dict[str, Any]) -> None:
        self.messages.append((workflow_id, name, payload))


class Desk:
    """An agreement that was sent, its link, and the service the holder of the link talks to."""

    def __init__(self, records: Records) -> None:
        record_case(records)
        self.records, self.clock = records, StoppedClock()
        self.steps = ContractActivities(records, the_sealing(), "https://credit.example")
        self.steps.issue_contract(
            IssueContract(
                contract_id="case-1",
                case_id="case-1",
                letter=a_letter(),
                issued_at=SENT_AT,
                expires_at=SENT_AT + timedelta(days=30),
            )
        )
        self.gateway = StepsGateway(self.steps, self.clock)
        self.service = ContractService(
            records, self.gateway, self.clock, self.steps._sealing.grantor
        )
        with records.begin() as session:
            link = str(session.execute(text("SELECT facts->>'link' FROM outbox")).scalar_one())
        self.token = link.rsplit("/", 1)[-1]

    def sign(self, name: str = "Signatory", **how: Any) -> ContractStatus:
        how = {"capacity": "legal_representative", **how}
        return self.service.sign(self.token, name, **how).status

    def expire(self) -> None:
        self.steps.end_contract(
            ContractEnd(
                contract_id="case-1",
                status=ContractStatus.EXPIRED,
                ended_at=SENT_AT + timedelta(days=30),
            )
        )

    def count(self, table: str) -> int:
        with self.records.begin() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.fixture
def desk(records: Records) -> Desk:
    return Desk(records)


def test_the_link_shows_what_is_to_be_signed(desk: Desk) -> None:
    page = desk.service.signing_page(desk.token)

    assert page.status is ContractStatus.SENT
    assert page.terms == a_letter().terms
    assert page.agreement_no == "PF-2026-000123-XY"
    document = desk.service.signing_document(desk.token)
    assert document.sha256 == page.document_hash
    the_sealing().require(document.content, GRANTOR)


def test_the_holder_signs_and_takes_the_signed_document_home(desk: Desk) -> None:
    assert desk.sign() is ContractStatus.SIGNED

    page = desk.service.signing_page(desk.token)
    document = desk.service.signing_document(desk.token)
    assert document.sha256 == page.signed_hash
    the_sealing().require(document.content, GRANTOR, CUSTOMER)


def test_the_case_is_told_of_the_act_and_of_no_name_or_token(desk: Desk) -> None:
    desk.sign("Signatory of the customer")

    [(workflow_id, name, payload)] = desk.gateway.messages
    assert (workflow_id, name) == ("contract/case-1", "sign")
    assert payload.keys() == {"act_id", "message_id"}
    assert "Signatory" not in str(payload)
    assert desk.token not in str(payload)


def test_signing_twice_is_signing_once(desk: Desk) -> None:
    first = desk.sign()

    assert desk.sign() is first
    assert len(desk.gateway.messages) == 1
    with pytest.raises(ContractEnded):
        desk.sign("Somebody else")
    with pytest.raises(ContractEnded):
        desk.service.decline(desk.token)
    assert desk.count("customer_act") == 1


def test_the_holder_declines_with_a_reason(desk: Desk) -> None:
    assert desk.service.decline(desk.token, "too dear").status is ContractStatus.DECLINED
    assert desk.service.decline(desk.token, " too dear ").status is ContractStatus.DECLINED

    with pytest.raises(ContractEnded):
        desk.sign()


@pytest.mark.parametrize(
    ("name", "how", "refusal"),
    [
        ("", {}, Malformed),
        ("   ", {}, Malformed),
        ("x" * 201, {}, Malformed),
        ("two\nlines", {}, Malformed),
        ("Signatory", {"capacity": "friend"}, Malformed),
        ("Signatory", {"capacity": "authorised_agent"}, AuthorityMissing),
        ("Signatory", {"authority": b"\x00\x01binary"}, AttachmentTypeRefused),
    ],
)
def test_what_is_no_signature_is_refused_and_leaves_no_trace(
    desk: Desk, name: str, how: dict[str, Any], refusal: type[CreditError]
) -> None:
    with pytest.raises(refusal):
        desk.sign(name, **how)

    assert desk.gateway.messages == []
    assert desk.count("customer_act") == 0


def test_an_agent_signs_on_a_power_of_attorney_that_is_kept(desk: Desk) -> None:
    desk.sign(capacity="authorised_agent", authority=b"%PDF-1.7 power of attorney")

    view = desk.service.read_contract(LEGAL, "case-1")
    kept = desk.service.document(LEGAL, "case-1", DocumentStage.AUTHORITY)
    assert view.contract.signatory is not None
    assert view.contract.signatory.capacity is Capacity.AUTHORISED_AGENT
    assert kept.sha256 == view.contract.signatory.authority_hash
    assert kept.content == b"%PDF-1.7 power of attorney"


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000, "' OR 1=1 --"])
def test_a_token_that_was_never_issued_leads_nowhere(desk: Desk, token: str) -> None:
    for ask in (desk.service.signing_page, desk.service.signing_document, desk.service.decline):
        with pytest.raises(LinkUnknown):
            ask(token)
    with pytest.raises(LinkUnknown):
        desk.service.sign(token, "Signatory", "legal_representative")


def test_a_link_ends_with_its_time_even_before_the_case_has_noticed(desk: Desk) -> None:
    desk.clock.at = SENT_AT + timedelta(days=30)

    with pytest.raises(LinkUnknown):
        desk.service.signing_page(desk.token)
    with pytest.raises(LinkUnknown):
        desk.sign()


def test_a_signed_agreement_can_be_seen_through_the_link_for_a_while(desk: Desk) -> None:
    desk.sign()
    desk.clock.at += SHOWN_AFTER - timedelta(seconds=1)
    assert desk.service.signing_page(desk.token).status is ContractStatus.SIGNED
    desk.clock.at += timedelta(seconds=1)

    with pytest.raises(LinkUnknown):
        desk.service.signing_page(desk.token)


def test_an_expired_agreement_says_so_and_cannot_be_signed(desk: Desk) -> None:
    desk.expire()

    assert desk.service.signing_page(desk.token).status is ContractStatus.EXPIRED
    with pytest.raises(ContractEnded):
        desk.sign()


def test_an_act_while_temporal_is_away_is_kept_and_takes_effect_when_repeated(desk: Desk) -> None:
    desk.gateway.answers = False
    with pytest.raises(TemporalUnavailable):
        desk.sign()
    desk.gateway.answers = True

    assert desk.sign() is ContractStatus.SIGNED
    assert desk.count("customer_act") == 1


def test_when_the_signing_ends_meanwhile_the_record_says_how(desk: Desk) -> None:
    desk.gateway.ends_first = desk.expire

    with pytest.raises(ContractEnded):
        desk.sign()


def test_who_may_read_an_agreement_sees_what_became_of_it(desk: Desk) -> None:
    desk.sign()
    view = desk.service.read_contract(LEGAL, "case-1")

    assert [event.status for event in view.events] == ["sent", "signed"]
    assert desk.service.document(LEGAL, "case-1").sha256 == view.contract.signed_hash
    sealed = desk.service.document(LEGAL, "case-1", DocumentStage.SEALED)
    assert sealed.sha256 == view.contract.document_hash
    with pytest.raises(NotFound):
        desk.service.document(LEGAL, "case-1", DocumentStage.AUTHORITY)


def test_who_may_not_read_agreements_or_this_customer_is_told_nothing(desk: Desk) -> None:
    for person, refusal in (
        (PEOPLE["order_system"], NotPermitted),
        (PEOPLE["relationship_manager"], NotFound),  # the customer is another manager's
    ):
        with pytest.raises(refusal):
            desk.service.read_contract(person, "case-1")
        with pytest.raises(refusal):
            desk.service.document(person, "case-1")
    with pytest.raises(NotFound):
        desk.service.read_contract(LEGAL, "no-such-case")


def test_legal_has_an_agreement_written_again_after_a_repair(desk: Desk) -> None:
    desk.service.issue_again(LEGAL, "case-1")

    assert desk.gateway.messages == [("contract/case-1", "issue_again", {})]
    with pytest.raises(NotPermitted):
        desk.service.issue_again(PEOPLE["auditor"], "case-1")
