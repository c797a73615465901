"""Offers: what the database holds, whatever a program believes."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, ProgrammingError
from sqlalchemy.orm import Session

from domain.contract import IssueContract, OfferDifference
from domain.errors import LinkUnknown
from domain.offer import MakeOffer, Offer, OfferAct, OfferStatus
from storage.approval import Letters
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts
from storage.offer import Offers
from tests.makers_contract import CUSTOMER_ID, NOW, a_letter

UNTIL = NOW + timedelta(days=10)
TOKEN = "a token that a mail carried"


@pytest.fixture
def offer(records: Records) -> Offer:
    with records.begin() as session:
        Letters(session).record(a_letter(), "case-1", CUSTOMER_ID)
        return Offers(session).record(a_making(), CUSTOMER_ID, TOKEN)


def a_making() -> MakeOffer:
    return MakeOffer(
        case_id="case-1",
        letter=a_letter(),
        differences=(OfferDifference(field="limit", asked="CNY 20,000,000", offered="less"),),
        made_at=NOW,
        expires_at=UNTIL,
    )


def an_act(offer: Offer, **changed: Any) -> OfferAct:
    said = {"letter_no": offer.letter_no, "offer_hash": offer.offer_hash, "accepts": True}
    return OfferAct.model_validate(said | changed)


def refused(records: Records, do: Any) -> bool:
    """Whether the database's own rule refuses it; an order that it cannot even read is none."""
    try:
        with records.begin() as session:
            do(session)
    except ProgrammingError:
        raise
    except DatabaseError:
        return True
    return False


def test_an_offer_made_twice_is_one_and_its_token_is_not_kept(
    records: Records, offer: Offer
) -> None:
    with records.begin() as session:
        again = Offers(session).record(a_making(), CUSTOMER_ID, "another token")
        assert again == offer == Offers(session).read_behind(TOKEN)
        with pytest.raises(LinkUnknown):
            Offers(session).read_behind("another token")
        [row] = session.execute(text("SELECT to_jsonb(offer)::text FROM offer")).scalars()
    assert TOKEN not in row


def test_an_answer_ends_an_offer_once(records: Records, offer: Offer) -> None:
    act = an_act(offer)
    with records.begin() as session:
        offers = Offers(session)
        offers.record_act(act, offer, NOW)
        ended = offers.end(offer, OfferStatus.ACCEPTED, NOW, act)
        late = offers.end(offer, OfferStatus.LAPSED, UNTIL)
    assert ended.status is OfferStatus.ACCEPTED
    assert late == ended


@pytest.mark.parametrize("changed", [{"offer_hash": "0" * 64}, {"person_id": "approver1"}])
def test_another_version_and_whoever_decided_are_refused_by_the_database(
    records: Records, offer: Offer, changed: dict[str, str]
) -> None:
    def say(session: Session) -> None:
        Offers(session).record_act(an_act(offer, **changed), offer, NOW)

    assert refused(records, say)


def test_silence_and_time_that_is_over_accept_nothing(records: Records, offer: Offer) -> None:
    accepts, declines = an_act(offer), an_act(offer, accepts=False)
    with records.begin() as session:
        for act in (accepts, declines):
            Offers(session).record_act(act, offer, NOW)

    def ends(*how: Any) -> bool:
        return refused(records, lambda session: Offers(session).end(offer, *how))

    assert ends(OfferStatus.ACCEPTED, NOW)
    assert ends(OfferStatus.ACCEPTED, NOW, declines)
    assert ends(OfferStatus.ACCEPTED, UNTIL, accepts)
    assert ends(OfferStatus.DECLINED, NOW, accepts)
    assert ends(OfferStatus.LAPSED, UNTIL, accepts)
    assert not ends(OfferStatus.LAPSED, UNTIL)


def test_no_agreement_is_made_from_what_was_offered_and_not_accepted(
    records: Records, offer: Offer
) -> None:
    issue = IssueContract(
        contract_id="case-1", case_id="case-1", letter=a_letter(), issued_at=NOW, expires_at=UNTIL
    )

    def send(session: Session) -> None:
        pdf = Attachments(session).record(b"%PDF-1.7", name="a.pdf", recorded_by="system")
        Contracts(session).record(issue, pdf.sha256)

    assert refused(records, send)
    act = an_act(offer)
    with records.begin() as session:
        Offers(session).record_act(act, offer, NOW)
        Offers(session).end(offer, OfferStatus.ACCEPTED, NOW, act)
    assert not refused(records, send)


@pytest.mark.parametrize("table", ["offer", "offer_act", "offer_end"])
def test_what_was_offered_and_answered_is_never_changed(
    records: Records, offer: Offer, table: str
) -> None:
    act = an_act(offer)
    with records.begin() as session:
        Offers(session).record_act(act, offer, NOW)
        Offers(session).end(offer, OfferStatus.ACCEPTED, NOW, act)
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET letter_no = letter_no"):
        assert refused(records, lambda session, change=change: session.execute(text(change)))
