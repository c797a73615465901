"""What people and rules do to a line in force: at once, in two pairs of hands, once a message."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.line import LineActivities
from domain.errors import (
    CreditError,
    KeyReused,
    LineNotActive,
    Malformed,
    NotFound,
    NotPermitted,
    OutOfOrder,
    SameHands,
    Unauthenticated,
)
from domain.exposure import Fitting, SubLimit, Use
from domain.identity import SYSTEM
from domain.line import CreditLine, LineAction, LineProgress, LineStatus, ReviewDue
from domain.notification import Channel
from domain.review import ReviewCause, ReviewStatus
from storage.base import Records
from storage.exposure import Accounts, Exposure
from storage.identity import ActionTokens, Persons
from storage.line import Lines
from storage.notification import Outbox
from storage.review import Reviews
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, noon
from tests.makers_policy import cny

NOW = noon(GRANTED_ON) + timedelta(days=30)
ON = GRANTED_ON + timedelta(days=30)


@pytest.fixture
def line(records: Records) -> CreditLine:
    return a_book(records)


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records)
    yield opened
    opened.close()


def act(
    records: Records, exposure: Exposure, action: str, person_id: str = "risk", **content: Any
) -> LineProgress:
    """A message of a person who was permitted to send it, with the token that goes with that."""
    with records.begin() as session:
        token = ActionTokens(session).issue_action_token(
            person_id, f"{LINE_ID}/{action}", NOW + timedelta(minutes=5)
        )
    return send(records, exposure, action, person_id=person_id, token=token, **content)


def send(records: Records, exposure: Exposure, action: str, **content: Any) -> LineProgress:
    message = {
        "line_id": LINE_ID,
        "action": action,
        "message_id": f"m-{action}",
        "note": "late for weeks",
        "at": NOW,
        **content,
    }
    return LineActivities(records, exposure).act_on_line(LineAction.model_validate(message))


def owe(records: Records, what: str, reason: str = "warning:overdue") -> str:
    """What a rule of the policy wants done, as monitoring puts it on record."""
    key = f"{what}/{LINE_ID}/{reason}"
    with records.begin() as session:
        Outbox(session).post(
            Channel.TEMPORAL,
            key,
            recipient=LINE_ID,
            kind=f"update_line_{what}",
            facts={"line_id": LINE_ID, "reason": reason},
        )
    return key


def by_rule(records: Records, exposure: Exposure, what: str) -> LineProgress:
    key = owe(records, what)
    return send(
        records,
        exposure,
        what,
        person_id=SYSTEM.person_id,
        token="owed",
        message_id=key,
        reason="warning:overdue",
    )


def mails(records: Records) -> list[str]:
    with records.begin() as session:
        return [entry.kind for entry in Outbox(session).find_page(channel=Channel.MAIL)]


# ── freeze and unfreeze ──────────────────────────────────────────────────────────────────────────


def test_an_order_feels_a_freeze_at_once(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    exposure.reserve(LINE_ID, cny(1), "before", business_on=ON)

    progress = act(records, exposure, "freeze", reason="covenant")

    assert (progress.status, progress.freeze_reasons) == (LineStatus.FROZEN, ("covenant",))
    with pytest.raises(LineNotActive, match="frozen"):
        exposure.reserve(LINE_ID, cny(1), "after", business_on=ON)
    assert mails(records) == ["line_frozen", "line_frozen"]
    assert exposure.verify().holds


def test_collect_only_lets_nothing_out_and_takes_everything_back(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    used = exposure.reserve(LINE_ID, cny(10), "k-1", business_on=ON).reservation_id or ""
    exposure.commit(LINE_ID, used, "k-2", business_on=ON)
    held = exposure.reserve(LINE_ID, cny(10), "k-3", business_on=ON).reservation_id or ""

    assert act(records, exposure, "freeze", collect_only=True).status is LineStatus.COLLECT_ONLY

    with pytest.raises(LineNotActive, match="collect_only"):
        exposure.commit(LINE_ID, held, "k-4", business_on=ON)
    exposure.release(LINE_ID, held, "k-5", business_on=ON)
    exposure.repay(LINE_ID, cny(10), "k-6", business_on=ON)


def test_who_froze_does_not_unfreeze_and_another_does(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    act(records, exposure, "freeze")

    with pytest.raises(SameHands):
        act(records, exposure, "unfreeze")
    assert act(records, exposure, "unfreeze", "approver1").status is LineStatus.ACTIVE
    assert exposure.reserve(LINE_ID, cny(1), "k-1", business_on=ON)
    assert mails(records)[:2] == ["line_unfrozen", "line_unfrozen"]


def test_the_database_refuses_one_pair_of_hands_too(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    act(records, exposure, "freeze")

    with pytest.raises(DBAPIError), records.begin() as session:
        session.execute(text("UPDATE line_freeze SET lifted_by = frozen_by, lifted_at = now()"))


def test_a_line_frozen_for_two_reasons_is_free_when_both_are_lifted(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    by_rule(records, exposure, "freeze")
    act(records, exposure, "freeze", reason="covenant")

    assert by_rule(records, exposure, "unfreeze").freeze_reasons == ("covenant",)
    lifted = act(records, exposure, "unfreeze", "approver1", reason="covenant")
    assert lifted.status is LineStatus.ACTIVE


def test_lifting_what_is_not_there_is_refused(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    with pytest.raises(OutOfOrder):
        act(records, exposure, "unfreeze", "approver1")


# ── rules act in the system's name ───────────────────────────────────────────────────────────────


def test_a_rule_may_lift_what_a_rule_froze(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    assert by_rule(records, exposure, "freeze").status is LineStatus.FROZEN
    assert by_rule(records, exposure, "unfreeze").status is LineStatus.ACTIVE


@pytest.mark.parametrize(
    "changed", [{"message_id": "m-forged"}, {"reason": "other"}, {"action": "unfreeze"}]
)
def test_a_message_in_the_systems_name_that_nothing_owes_is_refused(
    records: Records, exposure: Exposure, line: CreditLine, changed: dict[str, str]
) -> None:
    message = {
        "action": "freeze",
        "person_id": SYSTEM.person_id,
        "message_id": owe(records, "freeze"),
        "reason": "warning:overdue",
        **changed,
    }

    with pytest.raises(Unauthenticated):
        send(records, exposure, **message)


# ── who may, and once ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("action", "person_id", "refusal"),
    [
        ("freeze", "manager", NotPermitted),
        ("freeze", "orders", NotPermitted),
        ("unfreeze", "manager", NotPermitted),
        ("terminate", "risk", NotPermitted),
        ("melt", "risk", Malformed),
    ],
)
def test_the_right_is_checked_at_the_moment_of_the_deed(
    records: Records,
    exposure: Exposure,
    line: CreditLine,
    action: str,
    person_id: str,
    refusal: type[CreditError],
) -> None:
    with pytest.raises(refusal):
        act(records, exposure, action, person_id)


def test_whoever_was_disabled_meanwhile_is_refused(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    with records.begin() as session:
        Persons(session).disable("risk", NOW)

    with pytest.raises(Unauthenticated):
        act(records, exposure, "freeze")


@pytest.mark.parametrize("subject", [f"{LINE_ID}/unfreeze", "line-2/freeze", LINE_ID])
def test_a_token_for_another_deed_is_no_token(
    records: Records, exposure: Exposure, line: CreditLine, subject: str
) -> None:
    with records.begin() as session:
        token = ActionTokens(session).issue_action_token(
            "risk", subject, NOW + timedelta(minutes=5)
        )

    with pytest.raises(Unauthenticated):
        send(records, exposure, "freeze", person_id="risk", token=token)


def test_a_deed_without_its_reason_is_refused(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    with pytest.raises(Malformed):
        act(records, exposure, "freeze", note="  ")


def test_a_message_is_taken_once_and_told_once(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    act(records, exposure, "freeze", reason="covenant")
    act(records, exposure, "freeze", reason="other", message_id="m-2")

    again = act(records, exposure, "freeze", reason="covenant")

    assert again.replayed
    assert set(again.freeze_reasons) == {"covenant", "other"}
    assert len(mails(records)) == 4
    with pytest.raises(KeyReused):
        act(records, exposure, "freeze", reason="third")


def test_everything_that_happened_is_on_the_lines_record(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    act(records, exposure, "freeze", reason="covenant")
    act(records, exposure, "unfreeze", "approver1")

    with records.begin() as session:
        events = Lines(session).events(LINE_ID)
    assert [(event.kind, event.person_id) for event in events] == [
        ("new_line", "system"),
        ("frozen", "risk"),
        ("unfrozen", "approver1"),
    ]
    assert events[1].facts["note"] == "late for weeks"


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_terminated_line_takes_back_and_lets_nothing_out(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    used = exposure.reserve(LINE_ID, cny(10), "k-1", business_on=ON).reservation_id or ""
    exposure.commit(LINE_ID, used, "k-2", business_on=ON)

    assert act(records, exposure, "terminate", "approver1").status is LineStatus.TERMINATED

    exposure.repay(LINE_ID, cny(10), "k-3", business_on=ON)
    for action in ("freeze", "unfreeze"):
        with pytest.raises(LineNotActive):
            act(records, exposure, action, "risk")


def test_who_froze_does_not_also_terminate(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    with records.begin() as session:
        Lines(session).freeze(LINE_ID, reason="x", message_id="m-0", at=NOW, person_id="approver1")

    with pytest.raises(SameHands):
        act(records, exposure, "terminate", "approver1")


# ── reviews ──────────────────────────────────────────────────────────────────────────────────────


def test_a_review_is_opened_once_and_further_causes_join_it(
    records: Records, exposure: Exposure, line: CreditLine
) -> None:
    steps = LineActivities(records, exposure)
    for cause in (ReviewCause.REQUEST, ReviewCause.WARNING, ReviewCause.REQUEST):
        progress = steps.open_review(ReviewDue(line_id=LINE_ID, cause=cause, at=NOW))
        assert progress.review_open

    with records.begin() as session:
        (review,) = Reviews(session).list_of_line(LINE_ID)
        owed = Outbox(session).find_page(channel=Channel.TEMPORAL)
    assert review.status is ReviewStatus.OPEN
    assert review.causes == (ReviewCause.REQUEST, ReviewCause.WARNING)
    assert [entry.kind for entry in owed] == ["start_review"]


# ── one product of a line ────────────────────────────────────────────────────────────────────────

LOAN, ACCEPTANCE = Use(product="working_capital_loan"), Use(product="bank_acceptance")


@pytest.fixture
def facility(records: Records, line: CreditLine) -> CreditLine:
    subs = [SubLimit(product=each.product or "", limit=cny(500)) for each in (LOAN, ACCEPTANCE)]
    with records.begin() as session:
        Accounts(session).set_sub_limits(
            LINE_ID, subs, fitting=Fitting(), decision_id=line.letter_no, business_on=ON
        )
    return line


def test_the_next_order_of_a_frozen_product_is_refused_and_others_go_on(
    records: Records, exposure: Exposure, facility: CreditLine
) -> None:
    exposure.reserve(LINE_ID, cny(1), "before", business_on=ON, use=LOAN)

    progress = act(records, exposure, "freeze", reason="covenant", product=LOAN.product)

    assert (progress.status, progress.freeze_reasons) == (LineStatus.ACTIVE, ())
    with pytest.raises(LineNotActive, match="frozen"):
        exposure.reserve(LINE_ID, cny(1), "after", business_on=ON, use=LOAN)
    assert exposure.reserve(LINE_ID, cny(1), "other", business_on=ON, use=ACCEPTANCE)
    with records.begin() as session:
        told = Outbox(session).find_page(channel=Channel.MAIL)
    assert {(each.kind, each.facts["product"]) for each in told} == {
        ("line_frozen", "working_capital_loan")
    }
    assert exposure.verify().holds


def test_who_froze_a_product_does_not_unfreeze_it_and_another_does(
    records: Records, exposure: Exposure, facility: CreditLine
) -> None:
    act(records, exposure, "freeze", product=LOAN.product)

    with pytest.raises(SameHands):
        act(records, exposure, "unfreeze", product=LOAN.product)
    act(records, exposure, "unfreeze", "approver1", product=LOAN.product)

    assert exposure.reserve(LINE_ID, cny(1), "k-1", business_on=ON, use=LOAN)
    assert mails(records)[:2] == ["line_unfrozen", "line_unfrozen"]


def test_a_freeze_of_the_line_and_one_of_a_product_are_lifted_apart(
    records: Records, exposure: Exposure, facility: CreditLine
) -> None:
    act(records, exposure, "freeze", product=LOAN.product)
    act(records, exposure, "freeze", message_id="m-line")

    lifted = act(records, exposure, "unfreeze", "approver1")

    assert lifted.status is LineStatus.ACTIVE
    assert exposure.reserve(LINE_ID, cny(1), "k-1", business_on=ON, use=ACCEPTANCE)
    with pytest.raises(LineNotActive):
        exposure.reserve(LINE_ID, cny(1), "k-2", business_on=ON, use=LOAN)
    with pytest.raises(OutOfOrder):
        act(records, exposure, "unfreeze", "approver1", message_id="m-2")


@pytest.mark.parametrize(
    ("content", "refused"),
    [({"product": "factoring"}, NotFound), ({"product": "a", "collect_only": True}, Malformed)],
)
def test_a_freeze_that_no_product_can_have_is_refused(
    records: Records,
    exposure: Exposure,
    facility: CreditLine,
    content: dict[str, Any],
    refused: type[CreditError],
) -> None:
    with pytest.raises(refused):
        act(records, exposure, "freeze", **content)
    assert mails(records) == []


@pytest.mark.parametrize("action", ["freeze", "unfreeze", "terminate"])
def test_each_act_needs_its_authority_and_is_told(
    records: Records, exposure: Exposure, line: CreditLine, action: str
) -> None:
    if action == "unfreeze":
        act(records, exposure, "freeze", message_id="m-0")
    by = "risk" if action == "freeze" else "approver1"

    with pytest.raises(NotPermitted):
        act(records, exposure, action, "manager", message_id="m-1")
    act(records, exposure, action, by, message_id="m-2")

    told = {"freeze": "line_frozen", "unfreeze": "line_unfrozen", "terminate": "line_terminated"}
    assert mails(records)[:2] == [told[action]] * 2


def test_what_a_message_asks_reads_the_same_before_and_after_products_could_be_named() -> None:
    action = LineAction(
        line_id=LINE_ID,
        action="freeze",
        person_id="risk",
        message_id="m-1",
        reason="covenant",
        at=NOW,
    )
    before = {
        "line_id": LINE_ID,
        "action": "freeze",
        "person_id": "risk",
        "message_id": "m-1",
        "token": "",
        "reason": "covenant",
        "note": "",
        "collect_only": False,
        "offset_days": 0,
    }

    assert action.content == before
    assert action.model_copy(update={"product": "factoring"}).content != before
