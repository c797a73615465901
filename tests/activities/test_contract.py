"""The agreement's steps against real records: done once, remembered, and nothing told twice."""

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.contract import ContractActivities
from activities.documents.agreement import terms_in
from activities.documents.sealing import CUSTOMER, GRANTOR
from domain.application import CaseStatus
from domain.contract import (
    Capacity,
    ContractEnd,
    ContractOutcome,
    ContractStatus,
    CustomerAct,
    CustomerActed,
    IssueContract,
)
from domain.errors import (
    ContractDiffers,
    ContractEnded,
    GlyphMissing,
    LinkUnknown,
    Unauthenticated,
    Withdrawn,
)
from domain.money import Money
from storage.application import Applications, CaseEvents
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts, CustomerActs, SigningLinks
from tests.makers_contract import (
    NOW,
    a_letter,
    a_signatory,
    record_case,
    some_terms,
    text_of,
    the_sealing,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def steps(records: Records) -> ContractActivities:
    record_case(records)
    return ContractActivities(records, the_sealing(), "https://credit.example")


def an_issue(**fields: Any) -> IssueContract:
    return IssueContract.model_validate(
        {
            "contract_id": "case-1",
            "case_id": "case-1",
            "letter": a_letter(),
            "issued_at": NOW,
            "expires_at": NOW + timedelta(days=30),
            **fields,
        }
    )


def an_act(records: Records, kind: str = "sign", **fields: Any) -> CustomerActed:
    """What the service does for whoever holds the link."""
    signatory = a_signatory(**fields) if kind == "sign" else None
    act = CustomerAct.model_validate(
        {"contract_id": "case-1", "kind": kind, "signatory": signatory}
    )
    with records.begin() as session:
        CustomerActs(session).record(act, LATER)
    return CustomerActed(contract_id="case-1", act_id=act.act_id, acted_at=LATER)


def notices(records: Records) -> list[Any]:
    with records.begin() as session:
        rows = session.execute(text("SELECT kind, recipient, facts FROM outbox ORDER BY entry_no"))
        return [tuple(row) for row in rows]


def document(records: Records, sha256: str | None) -> bytes:
    assert sha256 is not None
    with records.begin() as session:
        content = Attachments(session).read_content(sha256)
    assert hashlib.sha256(content).hexdigest() == sha256
    return content


def end(steps: ContractActivities, status: ContractStatus) -> ContractOutcome:
    return steps.end_contract(
        ContractEnd.model_validate(
            {"contract_id": "case-1", "status": status, "reason": "r", "ended_at": LATER}
        )
    )


def test_what_is_issued_is_sealed_and_says_what_the_letter_says(
    records: Records, steps: ContractActivities
) -> None:
    issued = steps.issue_contract(an_issue())

    sealed = document(records, issued.document_hash)
    the_sealing().require(sealed, GRANTOR)
    assert terms_in(text_of(sealed)) == a_letter().terms
    with records.begin() as session:
        assert Contracts(session).read("case-1").terms == a_letter().terms
        assert Applications(session).read("case-1").status is CaseStatus.CONTRACTING


def test_an_agreement_issued_twice_is_issued_once(
    records: Records, steps: ContractActivities
) -> None:
    first = steps.issue_contract(an_issue())
    again = steps.issue_contract(an_issue(issued_at=LATER))

    assert again == first
    assert [kind for kind, _, _ in notices(records)] == ["contract_to_sign"]


def test_two_workers_that_issue_at_once_issue_one(
    records: Records, steps: ContractActivities
) -> None:
    issued: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: issued.append(steps.issue_contract(an_issue()).document_hash)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(issued) == 4
    assert len(set(issued)) == 1
    assert len(notices(records)) == 1
    with records.begin() as session:
        assert session.execute(text("SELECT count(*) FROM attachment")).scalar() == 1


def test_the_link_goes_to_the_customer_and_nowhere_else(
    records: Records, steps: ContractActivities
) -> None:
    issued = steps.issue_contract(an_issue())

    [(kind, recipient, facts)] = notices(records)
    token = facts["link"].removeprefix("https://credit.example/sign/")
    assert (kind, recipient) == ("contract_to_sign", "customer:customer-1")
    assert len(token) >= 43
    assert token not in issued.model_dump_json()
    with records.begin() as session:
        assert SigningLinks(session).read(token).contract_id == "case-1"
        tables = session.execute(text("SELECT * FROM signing_link")).mappings().all()
        assert token not in str(tables)
        assert token not in str(CaseEvents(session).list_all("case-1"))
        with pytest.raises(LinkUnknown):
            SigningLinks(session).read(token[:-1])


@pytest.mark.parametrize(
    "fields",
    [
        {"terms": some_terms(limit=Money.of("12500000.51", "CNY"))},
        {"content_hash": "cd" * 32},
    ],
)
def test_an_order_that_differs_from_the_letter_on_record_is_refused(
    steps: ContractActivities, fields: dict[str, Any]
) -> None:
    with pytest.raises(ContractDiffers) as refused:
        steps.issue_contract(an_issue(letter=a_letter(**fields)))

    assert refused.value.facts["field"] in ("limit", "content_hash")


def test_a_name_that_cannot_be_printed_leaves_nothing_behind(records: Records) -> None:
    record_case(records, name="Emoji 🏦")
    steps = ContractActivities(records, the_sealing(), "https://credit.example")

    with pytest.raises(GlyphMissing):
        steps.issue_contract(an_issue())
    with records.begin() as session:
        assert Contracts(session).find("case-1") is None
        assert Applications(session).read("case-1").status is CaseStatus.APPROVED
    assert notices(records) == []


def test_the_customer_signs_and_both_signatures_are_on_record(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    outcome = steps.record_signature(an_act(records))

    assert outcome.status is ContractStatus.SIGNED
    signed = document(records, outcome.signed_hash)
    the_sealing().require(signed, GRANTOR, CUSTOMER)
    assert signed.startswith(document(records, outcome.document_hash))
    with records.begin() as session:
        contract = Contracts(session).read("case-1")
        assert contract.signatory == a_signatory()
        assert contract.signed_at == LATER
        assert Applications(session).read("case-1").status is CaseStatus.CONDITIONS
    told = [(kind, recipient) for kind, recipient, _ in notices(records)]
    assert told[1:] == [
        ("contract_signed", "person:manager"),
        ("contract_signed", "customer:customer-1"),
    ]


def test_an_agreement_signed_twice_is_signed_once(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    act = an_act(records)
    first = steps.record_signature(act)
    again = steps.record_signature(act.model_copy(update={"acted_at": LATER + timedelta(days=1)}))

    assert again == first
    assert len(notices(records)) == 3


def test_one_signature_sent_by_several_at_once_is_signed_once(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    act = an_act(records)
    outcomes: list[ContractOutcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(steps.record_signature(act)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(outcomes) == 3
    assert all(outcome == outcomes[0] for outcome in outcomes)
    with records.begin() as session:
        assert session.execute(text("SELECT count(*) FROM attachment")).scalar() == 2


def test_an_agent_signs_on_a_power_of_attorney(records: Records, steps: ContractActivities) -> None:
    steps.issue_contract(an_issue())
    with records.begin() as session:
        authority = Attachments(session).record(
            b"%PDF-1.7 power of attorney", name="poa.pdf", recorded_by="customer"
        )
    act = an_act(records, capacity=Capacity.AUTHORISED_AGENT, authority_hash=authority.sha256)

    assert steps.record_signature(act).status is ContractStatus.SIGNED
    with records.begin() as session:
        signatory = Contracts(session).read("case-1").signatory
    assert signatory is not None
    assert signatory.authority_hash == authority.sha256


def test_a_message_that_names_no_act_of_this_agreement_is_unauthenticated(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    declined = an_act(records, "decline")
    forged = CustomerActed(contract_id="case-1", act_id="ab" * 16, acted_at=LATER)

    for step, act in (
        (steps.record_signature, forged),
        (steps.record_decline, forged),
        (steps.record_signature, declined),  # a decline is no signature
    ):
        with pytest.raises(Unauthenticated):
            step(act)


def test_whoever_comes_second_is_told_how_it_ended(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    assert steps.record_decline(an_act(records, "decline")).status is ContractStatus.DECLINED

    with pytest.raises(ContractEnded):
        steps.record_signature(an_act(records))
    assert end(steps, ContractStatus.EXPIRED).status is ContractStatus.DECLINED


def test_two_different_signatures_are_one_signature_and_one_refusal(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    steps.record_signature(an_act(records))

    with pytest.raises(ContractEnded):
        steps.record_signature(an_act(records, signatory="Somebody else"))


def test_an_expired_agreement_is_told_and_cannot_be_signed(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    outcome = end(steps, ContractStatus.EXPIRED)

    assert end(steps, ContractStatus.EXPIRED) == outcome
    assert [kind for kind, _, _ in notices(records)] == ["contract_to_sign"] + [
        "contract_expired"
    ] * 2
    with pytest.raises(ContractEnded):
        steps.record_signature(an_act(records))


def test_a_withdrawn_case_is_neither_sent_nor_signed(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())
    act = an_act(records)
    with records.begin() as session:
        case = Applications(session).read("case-1")
        withdrawn = case.model_copy(update={"status": CaseStatus.WITHDRAWN, "ended_at": LATER})
        Applications(session).write(case, withdrawn)

    with pytest.raises(Withdrawn):
        steps.record_signature(act)
    assert end(steps, ContractStatus.WITHDRAWN).status is ContractStatus.WITHDRAWN


def test_a_name_of_the_signatory_that_cannot_be_printed_leaves_the_agreement_open(
    records: Records, steps: ContractActivities
) -> None:
    steps.issue_contract(an_issue())

    with pytest.raises(GlyphMissing):
        steps.record_signature(an_act(records, signatory="🏦"))
    assert steps.record_signature(an_act(records)).status is ContractStatus.SIGNED
