"""Agreements are sent once, end once, and are opened by their link alone."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from domain.contract import Capacity, Contract, ContractStatus, CustomerAct, IssueContract
from domain.errors import AuthorityMissing, ContractEnded, KeyReused, LinkUnknown, NotFound
from domain.value import content_hash
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts, CustomerActs, SigningLinks
from tests.makers_contract import NOW, a_letter, a_signatory, some_terms

LATER = NOW + timedelta(hours=1)


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


def a_document(session: Session, content: bytes = b"%PDF-1.7 sealed") -> str:
    return Attachments(session).record(content, name="agreement.pdf", recorded_by="system").sha256


def a_sent_contract(session: Session, **fields: Any) -> Contract:
    issue = an_issue(**fields)
    assert Contracts(session).find_issued(issue) is None
    return Contracts(session).record(issue, a_document(session))


def a_signing(session: Session, contract_id: str = "case-1", **fields: Any) -> CustomerAct:
    act = CustomerAct(contract_id=contract_id, kind="sign", signatory=a_signatory(**fields))
    return CustomerActs(session).record(act, LATER)


def sign(session: Session, act: CustomerAct) -> Contract:
    return Contracts(session).end(
        act.contract_id,
        ContractStatus.SIGNED,
        LATER,
        act_id=act.act_id,
        signed_hash=a_document(session, b"%PDF-1.7 signed"),
    )


def test_an_agreement_that_was_sent_reads_as_it_was_written(records: Records) -> None:
    with records.begin() as session:
        sent = a_sent_contract(session)
    with records.begin() as session:
        assert Contracts(session).read("case-1") == sent
        assert Contracts(session).find_by_case("case-1") == sent
        assert Contracts(session).find_issued(an_issue()) == sent
    assert sent.terms == some_terms()
    assert sent.status is ContractStatus.SENT


def test_an_id_stands_for_one_letter_only(records: Records) -> None:
    other = an_issue(letter=a_letter(terms=some_terms(term_months=24)))
    with records.begin() as session:
        a_sent_contract(session)
    with records.begin() as session, pytest.raises(KeyReused):
        Contracts(session).find_issued(other)


def test_a_letter_is_followed_by_one_agreement(records: Records) -> None:
    with records.begin() as session:
        a_sent_contract(session)
    with pytest.raises(DatabaseError), records.begin() as session:
        a_sent_contract(session, contract_id="case-2", case_id="case-2")


def test_a_signed_agreement_names_signatory_instant_and_both_documents(records: Records) -> None:
    with records.begin() as session:
        a_sent_contract(session)
        signed = sign(session, a_signing(session))

    assert signed.status is ContractStatus.SIGNED
    assert signed.signatory == a_signatory()
    assert signed.signed_at == LATER
    assert signed.signed_hash not in (None, signed.document_hash)


def test_an_agreement_ends_once_and_a_repeat_finds_the_same_end(records: Records) -> None:
    with records.begin() as session:
        a_sent_contract(session)
        act = a_signing(session)
        signed = sign(session, act)
    with records.begin() as session:
        again = Contracts(session).end(
            "case-1",
            ContractStatus.SIGNED,
            LATER + timedelta(hours=5),
            act_id=act.act_id,
            signed_hash=a_document(session, b"%PDF-1.7 signed another time"),
        )
        assert again == signed
        for status in (ContractStatus.EXPIRED, ContractStatus.WITHDRAWN):
            with pytest.raises(ContractEnded):
                Contracts(session).end("case-1", status, LATER)
        other = a_signing(session, signatory="Somebody else")
        with pytest.raises(ContractEnded):
            sign(session, other)
        assert [event.status for event in Contracts(session).find_events("case-1")] == [
            ContractStatus.SENT,
            ContractStatus.SIGNED,
        ]


def test_of_two_ends_at_once_one_wins_and_the_other_is_told(records: Records) -> None:
    with records.begin() as session:
        a_sent_contract(session)
        act = a_signing(session)
    ends: list[str] = []
    both = threading.Barrier(2)

    def end(how: Callable[[Session], Contract]) -> None:
        both.wait()
        try:
            with records.begin() as session:
                ends.append(how(session).status)
        except ContractEnded as refused:
            ends.append(refused.code)

    threads = [
        threading.Thread(target=end, args=(how,))
        for how in (
            lambda session: sign(session, act),
            lambda session: Contracts(session).end("case-1", ContractStatus.EXPIRED, LATER),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ends) in (["contract_ended", "expired"], ["contract_ended", "signed"])


def test_withdrawing_a_case_ends_its_open_agreement_and_leaves_a_signed_one(
    records: Records,
) -> None:
    with records.begin() as session:
        a_sent_contract(session)
        Contracts(session).withdraw_open("case-1", LATER)
        Contracts(session).withdraw_open("case-1", LATER)
        assert Contracts(session).read("case-1").status is ContractStatus.WITHDRAWN
        a_sent_contract(
            session, contract_id="case-2", case_id="case-2", letter=a_letter(letter_no="PF-2")
        )
        sign(session, a_signing(session, "case-2"))
        Contracts(session).withdraw_open("case-2", LATER)
        Contracts(session).withdraw_open("case-none", LATER)
        assert Contracts(session).read("case-2").status is ContractStatus.SIGNED


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contract SET terms = '{}'",
        "UPDATE contract SET expires_at = expires_at + interval '1 day'",
        "DELETE FROM contract",
        "UPDATE contract_event SET reason = 'x'",
        "DELETE FROM contract_event",
    ],
)
def test_what_was_sent_is_never_edited(records: Records, statement: str) -> None:
    with records.begin() as session:
        a_sent_contract(session)
    with pytest.raises(DatabaseError), records.begin() as session:
        session.execute(text(statement))


def test_an_agreement_without_its_document_cannot_be_on_record(records: Records) -> None:
    with pytest.raises(DatabaseError), records.begin() as session:
        Contracts(session).record(an_issue(), "ab" * 32)


def test_equal_acts_are_one_act(records: Records) -> None:
    with records.begin() as session:
        a_sent_contract(session)
        first = a_signing(session)
        second = a_signing(session)
        other = a_signing(session, signatory="Somebody else")

    assert first == second
    assert first.act_id != other.act_id


def test_an_agent_signs_on_a_power_of_attorney_that_is_on_record(records: Records) -> None:
    with pytest.raises(ValueError, match="power of attorney") as refused:
        a_signatory(capacity=Capacity.AUTHORISED_AGENT)
    assert AuthorityMissing().detail() in str(refused.value)
    with records.begin() as session:
        a_sent_contract(session)
        authority = a_document(session, b"%PDF-1.7 power of attorney")
        agent = {"capacity": Capacity.AUTHORISED_AGENT, "authority_hash": authority}
        assert a_signing(session, **agent).signatory == a_signatory(**agent)
    with pytest.raises(DatabaseError), records.begin() as session:
        a_signing(session, capacity=Capacity.AUTHORISED_AGENT, authority_hash="ab" * 32)


def test_a_link_is_found_by_its_token_and_only_its_hash_is_kept(records: Records) -> None:
    with records.begin() as session:
        contract = a_sent_contract(session)
        SigningLinks(session).record("case-1", "the-token", contract.expires_at)
        link = SigningLinks(session).read("the-token")
        kept = session.execute(text("SELECT * FROM signing_link")).mappings().one()
        with pytest.raises(LinkUnknown):
            SigningLinks(session).read("another-token")

    assert link.contract_id == "case-1"
    assert link.used_at is None
    assert "the-token" not in str(dict(kept))


def test_a_used_link_keeps_its_first_use(records: Records) -> None:
    with records.begin() as session:
        contract = a_sent_contract(session)
        SigningLinks(session).record("case-1", "the-token", contract.expires_at)
        SigningLinks(session).use_up("case-1", LATER)
        SigningLinks(session).use_up("case-1", LATER + timedelta(hours=1))
        assert SigningLinks(session).read("the-token").used_at == LATER


def test_what_is_not_on_record_is_not_found(records: Records) -> None:
    with records.begin() as session:
        assert Contracts(session).find("nothing") is None
        for read in (Contracts(session).read, CustomerActs(session).read):
            with pytest.raises(NotFound):
                read("nothing")
        with pytest.raises(NotFound):
            Contracts(session).end("nothing", ContractStatus.EXPIRED, LATER)


def test_an_act_is_named_by_its_content() -> None:
    act = CustomerAct(contract_id="case-1", kind="decline", reason="too dear")

    assert act.act_id == content_hash(act)[:32]
