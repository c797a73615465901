"""Is what fails kept until it ends, and does nobody carry out alone what takes two?"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.application import Case, CaseStatus
from domain.contract import OfferDifference
from domain.errors import AlreadyDecided, SameHands
from domain.offer import MakeOffer, OfferStatus
from domain.operations import (
    Repair,
    RepairAct,
    RepairContent,
    RepairDecision,
    RepairStatus,
    RepairVerdict,
    StepFailure,
)
from storage.application import Applications, Intakes
from storage.approval import Letters
from storage.base import Records
from storage.offer import Offers
from storage.operations import Repairs, StepFailures, UnderWay
from tests.makers_contract import CUSTOMER_ID, a_letter
from tests.makers_policy import an_application

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
YES = RepairDecision(verdict=RepairVerdict.CONFIRM, reason="seen")
NO = RepairDecision(verdict=RepairVerdict.DECLINE, reason="not so")


def failure(attempts: int, at: datetime = NOW, step_id: str = "5") -> StepFailure:
    return StepFailure(
        workflow_id="application/c-1",
        run_id="r-1",
        step_id=step_id,
        step="assess_application",
        attempts=attempts,
        error=f"attempt {attempts}",
        first_failed_at=at,
        last_failed_at=at,
    )


def content(act: RepairAct = RepairAct.FAIL, **changes: Any) -> RepairContent:
    made = {"workflow_id": "application/c-1", "act": act, "reason": "why", "step_id": "5"}
    return RepairContent.model_validate(made | changes)


def asked(records: Records, act: RepairAct = RepairAct.FAIL, repair_id: str = "p-1") -> Repair:
    with records.begin() as session:
        return Repairs(session).ask(
            repair_id, content(act), run_id="r-1", step="s", case_id="c-1", asked_by="operator"
        )


def test_a_step_is_listed_while_it_fails_and_no_longer(records: Records) -> None:
    with records.begin() as session:
        failures = StepFailures(session)
        failures.record(failure(3))
        failures.record(failure(7, NOW + timedelta(minutes=1)))
        failures.record(failure(4, NOW - timedelta(hours=1), "9"))
        first, second = failures.list_open(10)
        assert (first.attempts, first.error, first.first_failed_at) == (7, "attempt 7", NOW)
        assert second.step_id == "9"
        failures.end("application/c-1", "r-1", "5", NOW)
        assert [each.step_id for each in failures.list_open(10)] == ["9"]
        failures.record(failure(8))
        assert len(failures.list_open(10)) == 2
        failures.end("application/c-1", "r-1", None, NOW)
        assert failures.list_open(10) == []


def test_whoever_asks_does_not_confirm(records: Records) -> None:
    assert asked(records).status is RepairStatus.ASKED
    with records.begin() as session:
        with pytest.raises(SameHands):
            Repairs(session).decide("p-1", YES, "operator")
        assert Repairs(session).find_end("application/c-1", "r-1", "5") is None
        confirmed = Repairs(session).decide("p-1", YES, "risk")
        assert (confirmed.status, confirmed.decided_by) == (RepairStatus.CONFIRMED, "risk")
        assert Repairs(session).decide("p-1", YES, "risk") == confirmed
        for word, person in ((NO, "risk"), (YES, "risk2")):
            with pytest.raises(AlreadyDecided):
                Repairs(session).decide("p-1", word, person)
        assert Repairs(session).find_end("application/c-1", "r-1", "5") == "p-1"
        assert Repairs(session).end("p-1", done=True).status is RepairStatus.DONE
        assert Repairs(session).end("p-1", done=False, detail="late").status is RepairStatus.DONE


def test_the_database_holds_it_too(records: Records) -> None:
    asked(records)
    with pytest.raises(IntegrityError), records.begin() as session:
        session.execute(
            text(
                "INSERT INTO repair_decision (repair_id, verdict, reason, asked_by, decided_by)"
                " VALUES ('p-1', 'confirm', 'x', 'operator', 'operator')"
            )
        )
    with pytest.raises(IntegrityError), records.begin() as session:  # not as somebody else either
        session.execute(
            text(
                "INSERT INTO repair_decision (repair_id, verdict, reason, asked_by, decided_by)"
                " VALUES ('p-1', 'confirm', 'x', 'risk', 'operator')"
            )
        )
    with pytest.raises(IntegrityError), records.begin() as session:
        Repairs(session).end("p-1", done=True)
    with records.begin() as session:
        Repairs(session).decide("p-1", NO, "risk")
    with pytest.raises(IntegrityError), records.begin() as session:
        Repairs(session).end("p-1", done=True)
    for statement in ("UPDATE repair SET act = 'retry'", "DELETE FROM repair_decision"):
        with pytest.raises(DBAPIError), records.begin() as session:
            session.execute(text(statement))


def test_what_needs_nobody_else_waits_for_nobody(records: Records) -> None:
    assert asked(records, RepairAct.RETRY, "p-2").status is RepairStatus.CONFIRMED
    asked(records)
    with records.begin() as session:
        waiting = Repairs(session).list_newest(waiting=True)
        assert [each.repair_id for each in waiting] == ["p-1"]
        assert Repairs(session).end("p-2", done=True).status is RepairStatus.DONE
        of = Repairs(session).list_newest(workflow_id="application/c-1")
        assert [each.repair_id for each in of] == ["p-1", "p-2"]


def test_a_request_that_nothing_took_up_is_suspected(records: Records) -> None:
    with records.begin() as session:
        session.execute(
            text(
                "INSERT INTO intake (case_id, caller, key, body_hash, body, subject_key,"
                " business_on, received_at) VALUES"
                " ('c-1', 'm', 'k', 'h', '{}', 'x|', '2026-06-30', :at)"
            ),
            {"at": NOW - timedelta(hours=1)},
        )
        on = date(2026, 6, 30)
        (found,) = UnderWay(session).suspects(NOW, on, 10)
        assert (found.kind, found.subject_id) == ("application", "c-1")
        assert UnderWay(session).suspects(NOW - timedelta(hours=2), on, 10) == []
        session.execute(text("UPDATE intake SET started = true"))
        assert UnderWay(session).suspects(NOW, on, 10) == []


@pytest.mark.parametrize(
    ("hours", "ended", "suspected"),
    [(24, False, False), (-1, False, True), (24, True, True), (None, False, True)],
)
def test_an_approved_case_is_suspected_unless_its_offer_is_open(
    records: Records, hours: int | None, ended: bool, suspected: bool
) -> None:
    """`hours` from now until the offer runs out; None where there is no offer."""
    now = datetime.now(UTC)
    approved_at = now - timedelta(days=2)
    with records.begin() as session:
        Intakes(session).record(
            "case-1",
            an_application(),
            caller="manager",
            key="k-1",
            business_on=approved_at.date(),
            received_at=approved_at,
        )
        Intakes(session).mark_started("case-1")
        Applications(session).record(
            Case(
                case_id="case-1",
                application=an_application(),
                status=CaseStatus.APPROVED,
                applicant="manager",
                last_editor="manager",
                edition_hash="e" * 64,
                submitted_at=approved_at,
                business_on=approved_at.date(),
            )
        )
        if hours is not None:
            Letters(session).record(a_letter(), "case-1", CUSTOMER_ID)
            make = MakeOffer(
                case_id="case-1",
                letter=a_letter(),
                differences=(OfferDifference(field="limit", asked="much", offered="less"),),
                made_at=approved_at,
                expires_at=now + timedelta(hours=hours),
            )
            offer = Offers(session).record(make, CUSTOMER_ID, "a token")
            if ended:
                Offers(session).end(offer, OfferStatus.WITHDRAWN, now)
    with records.begin() as session:
        found = UnderWay(session).suspects(now - timedelta(days=1), now.date(), 10)
    assert [each.subject_id for each in found] == (["case-1"] if suspected else [])


@pytest.mark.parametrize(
    "changes",
    [
        {"act": "reset"},
        {"act": "reset", "step_id": "", "event_id": 4},
        {"act": "reset", "event_id": 4, "plan_hash": "0" * 64},
        {"act": "complete"},
        {"act": "retry", "result": {}},
        {"act": "retry", "step_id": ""},
        {"reason": "  "},
        {"workflow_id": "../x"},
    ],
)
def test_half_a_repair_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        content(**changes)
