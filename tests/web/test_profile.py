"""Does a profile of a past day say what held on that day, and who said so?"""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from activities.assessment import collect_dossier
from activities.classification import ClassificationActivities
from domain.application import Application
from domain.classification import ClassificationPage
from domain.errors import DateInFuture, NotFound
from domain.line import LineStatus
from domain.profile import CreditProfile, HoldKind
from domain.receivable import Invoice, Payment
from policies.assessment import assess
from storage.application import Assessments
from storage.approval import Letters
from storage.exposure import Exposure
from storage.line import Lines
from storage.receivable import Receivables
from storage.statement import Statements
from tests.makers_monitoring import GRANTED_ON, LINE_ID, SHRUNKEN, a_book, noon
from tests.makers_policy import a_statement, an_edition, cny
from tests.web.people import PEOPLE, as_
from web.service.services import Services

RISK = PEOPLE["risk_officer"]
DRAWN_ON = date(2026, 2, 2)
RAISED_ON = date(2026, 3, 2)
FROZEN_ON = date(2026, 4, 1)
LIFTED_ON = date(2026, 4, 10)
CUT_ON = date(2026, 5, 4)
REPAID_ON = date(2026, 6, 1)


@pytest.fixture
def lived(services: Services) -> Services:
    """A customer whose grade, limit and use changed over half a year."""
    records = services.records
    line = a_book(records)
    exposure = Exposure(records, connections_max=1)
    taken = exposure.reserve(LINE_ID, cny(300_000), "o-1", business_on=DRAWN_ON)
    later = DRAWN_ON + timedelta(days=1)
    assert taken.reservation_id is not None
    exposure.commit(LINE_ID, taken.reservation_id, "o-1/commit", business_on=later)
    with records.begin() as session:
        lines = Lines(session)
        letter = Letters(session).read(line.letter_no)
        assert letter.terms is not None
        raised = letter.model_copy(
            update={
                "letter_no": Letters(session).next_no(2026),
                "terms": letter.terms.model_copy(update={"limit": cny(2_000_000)}),
            }
        )
        Letters(session).record(raised, "raise", "c-1")
        held = lines.read(LINE_ID, for_update=True)
        lines.change(
            held,
            raised,
            "increase",
            case_id="case-2",
            at=noon(RAISED_ON),
            business_on=RAISED_ON,
        )
        lines.freeze(LINE_ID, reason="odd", message_id="f-1", at=noon(FROZEN_ON), person_id="r1")
        lines.unfreeze(LINE_ID, message_id="f-2", at=noon(LIFTED_ON), person_id="r2")
        Statements(session).record(
            a_statement(2025, **SHRUNKEN), business_on=CUT_ON, recorded_by="manager"
        )
        edition = an_edition()
        application = Application(
            customer_id="c-1", limit_requested=cny(1_000_000), purpose="components"
        )
        dossier = collect_dossier(session, application, edition, CUT_ON)
        worse = assess("case-3", dossier, edition, automatic_spent=cny(0), sampled=False)
        assert worse.rating.grade != line.grade
        Assessments(session).record(worse)
        store = Receivables(session)
        store.record_invoice(
            Invoice(
                customer_id="c-1",
                invoice_no="i-1",
                issued_on=DRAWN_ON,
                due_on=RAISED_ON,
                amount=cny(300_000),
            ),
            business_on=DRAWN_ON,
            recorded_by="orders",
        )
        store.record_payment(
            Payment(
                customer_id="c-1",
                invoice_no="i-1",
                payment_no="p-1",
                paid_on=REPAID_ON,
                amount=cny(300_000),
            ),
            recorded_by="orders",
        )
    exposure.repay(LINE_ID, cny(200_000), "o-1/repay", business_on=REPAID_ON)
    exposure.close()
    return services


def on(services: Services, day: date) -> CreditProfile:
    return services.profiles.read(RISK, "c-1", day)


def figures(profile: CreditProfile) -> dict[str, Any]:
    (line,) = profile.lines
    names = ("status", "limit", "used", "reserved", "headroom")
    return {name: getattr(line, name).value for name in names}


def test_each_day_has_the_figures_of_that_day(lived: Services) -> None:
    granted = on(lived, GRANTED_ON)
    assert figures(granted) == {
        "status": LineStatus.ACTIVE,
        "limit": cny(1_000_000),
        "used": cny(0),
        "reserved": cny(0),
        "headroom": cny(1_000_000),
    }
    drawn = on(lived, DRAWN_ON)
    assert (figures(drawn)["reserved"], figures(drawn)["used"]) == (cny(300_000), cny(0))
    (hold,) = drawn.lines[0].holds
    assert (hold.kind, hold.held.value) == (HoldKind.RESERVATION, cny(300_000))
    raised = on(lived, RAISED_ON)
    assert figures(raised) == {
        "status": LineStatus.ACTIVE,
        "limit": cny(2_000_000),
        "used": cny(300_000),
        "reserved": cny(0),
        "headroom": cny(1_700_000),
    }
    assert not raised.lines[0].holds
    assert raised.limit_total == {"CNY": cny(2_000_000)}
    assert figures(on(lived, CUT_ON))["used"] == cny(300_000)
    assert figures(on(lived, REPAID_ON))["used"] == cny(100_000)


def test_each_figure_says_who_said_so_and_since_when(lived: Services) -> None:
    before, after = on(lived, GRANTED_ON).lines[0], on(lived, CUT_ON).lines[0]
    assert before.limit.as_of == GRANTED_ON
    assert after.limit.as_of == RAISED_ON
    assert before.limit.source != after.limit.source
    assert after.used.as_of == DRAWN_ON + timedelta(days=1)
    assert before.ends_on.value == after.ends_on.value == date(2027, 1, 4)
    assert before.ends_on.source == after.ends_on.source, "a raise does not move the end"


def test_a_freeze_holds_on_its_days_alone(lived: Services) -> None:
    status = {
        day: figures(on(lived, day))["status"]
        for day in (FROZEN_ON - timedelta(days=1), FROZEN_ON, LIFTED_ON)
    }
    assert list(status.values()) == [LineStatus.ACTIVE, LineStatus.FROZEN, LineStatus.ACTIVE]
    (hold,) = on(lived, FROZEN_ON).lines[0].holds
    assert (hold.kind, hold.held.value, hold.held.as_of) == (HoldKind.FREEZE, "odd", FROZEN_ON)


def test_the_grade_is_that_of_the_newest_receipt_of_the_day(lived: Services) -> None:
    before = on(lived, CUT_ON - timedelta(days=1)).rating
    after = on(lived, CUT_ON).rating
    assert before is not None
    assert after is not None
    assert (before.grade.as_of, after.grade.as_of) == (GRANTED_ON, CUT_ON)
    assert before.grade.value != after.grade.value
    assert before.grade.source.startswith("receipt ")
    assert after.valid_until is not None
    assert after.counts


def test_what_was_owed_is_aged_and_classed_on_the_day(lived: Services) -> None:
    early, late, paid = (on(lived, day) for day in (DRAWN_ON, CUT_ON, REPAID_ON))
    owed = [each.owed["open_total"].value for each in (early, late, paid)]
    assert owed == [cny(300_000), cny(300_000), cny(0)]
    assert early.owed["days_past_due_max"].value == 0
    assert late.owed["days_past_due_max"].value == (CUT_ON - RAISED_ON).days
    tiers = [each.classification for each in (early, late, paid)]
    assert all(tiers)
    assert [each.tier.value for each in tiers if each] == ["normal", "special_mention", "normal"]


def test_a_class_on_record_that_is_another_one_is_told_beside_with_its_day(
    lived: Services,
) -> None:
    late = RAISED_ON + timedelta(days=10)
    before = on(lived, late).classification
    assert before is not None
    assert before.on_record is None
    ClassificationActivities(lived.records).classify_customers(
        ClassificationPage(
            run_id="run-1",
            as_of=RAISED_ON - timedelta(days=1),
            person_id="risk1",
            after=None,
            page_size=10,
            at=noon(RAISED_ON),
        )
    )

    told = on(lived, late).classification

    assert told is not None
    assert (told.tier.value, told.tier.as_of) == ("special_mention", late)
    assert told.on_record is not None
    assert (told.on_record.value, told.on_record.as_of) == (
        "normal",
        RAISED_ON - timedelta(days=1),
    )


def test_today_is_what_the_account_says(lived: Services) -> None:
    (balance,) = [
        each
        for each in lived.lines.read_line(RISK, LINE_ID).balances
        if each.account == f"line/{LINE_ID}"
    ]
    now = figures(on(lived, lived.clock.business_on()))
    assert now["used"] == balance.used
    assert now["reserved"] == balance.reserved


def test_nobody_has_a_profile_before_they_were_known_or_tomorrow(lived: Services) -> None:
    with pytest.raises(NotFound):
        on(lived, GRANTED_ON - timedelta(days=1))
    with pytest.raises(DateInFuture):
        on(lived, lived.clock.business_on() + timedelta(days=1))


async def test_the_api_answers_by_day(lived: Services, api: httpx.AsyncClient) -> None:
    path = "/api/v1/customers/c-1/profile"
    day = {"as_of": RAISED_ON.isoformat()}
    answer = await api.get(path, headers=as_("risk_officer"), params=day)
    assert answer.status_code == 200, answer.text
    profile = answer.json()
    assert profile["as_of"] == RAISED_ON.isoformat()
    assert profile["lines"][0]["limit"]["value"] == {"amount": "2000000.00", "currency": "CNY"}
    assert profile["fields"]["name"]["as_of"] == GRANTED_ON.isoformat()
