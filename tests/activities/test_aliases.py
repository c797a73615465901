"""Two records merged into one: one debtor, one allowance, all its cover; and two again after that."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from activities.assessment import Exchange, collect_dossier
from activities.classification import ClassificationActivities, _at_customer, _Look
from activities.cover import covers_of
from activities.related import related_customers
from domain.application import Application, Case, CaseStatus
from domain.assessment import Dossier
from domain.classification import (
    ClassificationPage,
    ClassificationPageDone,
    CustomerClass,
    FiveTier,
    Portfolio,
)
from domain.cover import CoverContent
from domain.merge import Merge, MergeStatus
from domain.money import Money
from domain.override import OverrideTrace
from domain.receivable import Invoice, Payment
from domain.related import RelatedBy, RelatedContent
from domain.warning import FIVE_TIER, RaisedWarning, WarningLevel, WarningSignal
from policies.classification import classify_customer
from storage.application import Applications, Intakes
from storage.base import Records
from storage.classification import Classes, Debtors, Losses
from storage.cohort import Cohorts
from storage.concentration import BookShares
from storage.cover import Covers
from storage.customer import Customers
from storage.exposure import Exposure
from storage.guard import RoutedCases
from storage.merge import Merges
from storage.override import Overrides
from storage.receivable import Receivables
from storage.related import RelatedParties
from storage.warning import Warnings
from tests.makers_line import open_line
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, noon
from tests.makers_policy import a_customer, an_edition, cny
from tests.storage.test_merge import propose, take_back
from tests.storage.test_override import an_override

DUE = date(2026, 3, 2)
ON = DUE + timedelta(days=40)
NEXT = ON + timedelta(days=1)
BOTH = ("c-1", "c-2")


def run(records: Records, as_of: date, run_id: str, today: date = ON) -> ClassificationPageDone:
    return ClassificationActivities(records).classify_customers(
        ClassificationPage(
            run_id=run_id,
            as_of=as_of,
            person_id="risk1",
            after=None,
            page_size=100,
            at=noon(today),
        )
    )


def held(records: Records, customer_id: str, on: date = ON) -> CustomerClass:
    with records.begin() as session:
        found = Classes(session).find(customer_id, on)
    assert found is not None
    return found


def allowances(records: Records, customer_id: str, on: date = ON) -> list[Money]:
    with records.begin() as session:
        return [
            Losses(session).allowance(customer_id, portfolio, on, "CNY") for portfolio in Portfolio
        ]


def bill(
    records: Records, customer_id: str, number: str, due_on: date, amount: int = 50_000
) -> None:
    with records.begin() as session:
        Receivables(session).record_invoice(
            Invoice(
                customer_id=customer_id,
                invoice_no=number,
                issued_on=due_on - timedelta(days=30),
                due_on=due_on,
                amount=cny(amount),
            ),
            business_on=due_on,
            recorded_by="manager",
        )


def pay(records: Records, customer_id: str, number: str, paid_on: date) -> None:
    with records.begin() as session:
        Receivables(session).record_payment(
            Payment(
                customer_id=customer_id,
                payment_no=f"p-{number}",
                invoice_no=number,
                paid_on=paid_on,
                amount=cny(50_000),
            ),
            recorded_by="manager",
        )


def draw(records: Records, line_id: str, amount: Money, on: date) -> None:
    exposure = Exposure(records)
    taken = exposure.reserve(line_id, amount, f"r-{line_id}", business_on=on)
    assert taken.entry_id is not None
    exposure.commit(line_id, taken.entry_id, f"u-{line_id}", business_on=on)
    exposure.close()


@pytest.fixture
def two(records: Records) -> Records:
    """Two records, each with a line in use and an invoice past due; the second is non-performing."""
    a_book(records)
    with records.begin() as session:
        Customers(session).record(
            a_customer(customer_id="c-2", identifiers=()),
            business_on=GRANTED_ON,
            source="test",
            recorded_by="manager",
        )
    open_line(records, "line-2", customer_id="c-2", limit=cny(400_000))
    draw(records, LINE_ID, cny(300_000), GRANTED_ON)
    draw(records, "line-2", cny(200_000), DUE)
    bill(records, "c-1", "i-1", DUE)
    bill(records, "c-2", "i-2", DUE - timedelta(days=60))
    return records


def joined(records: Records, losing: str = "c-2", surviving: str = "c-1") -> Merge:
    """Merged on the day after the first run, so that its warnings were there before."""
    merge = propose(records, losing, surviving)
    with records.begin() as session:
        return Merges(session).decide(
            merge.merge_id, MergeStatus.CONFIRMED, reason="seen", acted_by="checker", acted_on=NEXT
        )


def total(amounts: Iterable[Money]) -> Money:
    return Money(minor=sum(each.minor for each in amounts), currency="CNY")


def test_what_was_judged_apart_is_one_debtor_before_any_run(two: Records) -> None:
    run(two, ON, "run-1")
    apart = {each: held(two, each) for each in BOTH}
    sums = [allowances(two, each) for each in BOTH]
    assert [apart[each].tier for each in BOTH] == [FiveTier.SPECIAL_MENTION, FiveTier.SUBSTANDARD]

    joined(two)

    one = held(two, "c-1")
    assert held(two, "c-2") == one
    assert (one.customer_id, one.tier, one.tier_since) == ("c-1", FiveTier.SUBSTANDARD, ON)
    assert one.owed == total(each.owed for each in apart.values())
    assert one.used == cny(500_000)
    assert allowances(two, "c-1") == [a + b for a, b in zip(*sums, strict=True)]
    with two.begin() as session:
        [standing] = Classes(session).find_page(ON)
        assert Classes(session).find_page(ON, tier=FiveTier.SPECIAL_MENTION) == []
        figures = Classes(session).figures(ON, "CNY")
        history = Classes(session).history("c-1")
    assert (standing.customer_id, standing.tier, standing.owed) == ("c-1", one.tier, one.owed)
    assert standing.allowance == total(allowances(two, "c-1"))
    assert (figures.customers, figures.owed, figures.allowance) == (
        1,
        standing.owed,
        standing.allowance,
    )
    assert {each.customer_id for each in history} == set(BOTH)


@pytest.mark.parametrize(("losing", "surviving"), [("c-2", "c-1"), ("c-1", "c-2")])
def test_a_run_judges_one_debtor_and_posts_what_its_allowance_lacks(
    two: Records, losing: str, surviving: str
) -> None:
    run(two, ON, "run-1")
    joined(two, losing, surviving)

    done = run(two, ON, "run-2")

    one = held(two, surviving)
    assert done.tally.seen == 1
    assert (one.customer_id, one.records, one.tier) == (surviving, (losing,), FiveTier.SUBSTANDARD)
    assert (one.used, one.receivables) == (cny(500_000), cny(100_000))
    with two.begin() as session:
        lines = Debtors(session).lines(surviving, ON)
        entries = Losses(session).list_of(losing)
        figures = Classes(session).figures(ON, "CNY")
        debtor = _Look(session, ON, "run-1")._debtor(surviving, None)
    _, losses = classify_customer(debtor, None, an_edition(), ON)
    assert {each.line_id for each in lines} == {LINE_ID, "line-2"}
    posted = [each for each in entries if each.run_id == "run-2"]
    assert {each.customer_id for each in posted} == {surviving}
    assert len(posted) == done.tally.entries >= 1
    assert {each.customer_id for each in entries} == set(BOTH)
    figure = {each.portfolio: each.allowance for each in losses}
    assert allowances(two, surviving) == [figure[portfolio] for portfolio in Portfolio]
    assert (figures.customers, figures.allowance) == (1, total(allowances(two, losing)))
    assert figures.owed == one.owed

    again = run(two, ON, "run-3")
    assert (again.tally.changed, again.tally.entries) == (0, 0)


def test_a_merge_that_is_taken_back_leaves_both_as_they_were(two: Records) -> None:
    run(two, ON, "run-1")
    classes = [held(two, each) for each in BOTH]
    sums = [allowances(two, each) for each in BOTH]
    merge = joined(two)
    run(two, ON, "run-2")
    assert held(two, "c-1").records == ("c-2",)

    take_back(two, merge)

    assert [held(two, each) for each in BOTH] == classes, "before any run"
    run(two, ON, "run-3")
    assert [held(two, each) for each in BOTH] == classes
    assert [allowances(two, each) for each in BOTH] == sums
    with two.begin() as session:
        assert Classes(session).history("c-1") == (classes[0],)
        assert Classes(session).figures(ON, "CNY").customers == 2

    joined(two, "c-1", "c-2")
    run(two, ON, "run-4")
    assert held(two, "c-1").records == ("c-1",)
    with two.begin() as session:
        assert Classes(session).figures(ON, "CNY").customers == 1


def test_a_merge_ends_no_time_that_a_way_up_takes(two: Records) -> None:
    run(two, ON, "run-1")
    pay(two, "c-2", "i-2", ON)
    joined(two)

    run(two, NEXT, "run-2", NEXT)

    one = held(two, "c-1", NEXT)
    assert (one.tier, one.reasons) == (FiveTier.SUBSTANDARD, ("not_yet_regular",))
    with two.begin() as session:
        assert Receivables(session).regularity("c-1", NEXT).late_until == ON


def test_an_invoice_of_both_records_is_owed_and_lost_once(two: Records) -> None:
    for each in BOTH:
        bill(two, each, "i-9", DUE)
    run(two, ON, "run-1")
    assert [held(two, each).receivables for each in BOTH] == [cny(100_000), cny(100_000)]
    joined(two)

    run(two, ON, "run-2")

    assert held(two, "c-1").receivables == cny(150_000)


def test_a_record_that_gave_way_after_the_page_was_read_is_judged_as_the_other(
    two: Records,
) -> None:
    run(two, ON, "run-1")
    joined(two)
    with two.begin() as session:
        _at_customer(session, "c-2", [_Look(session, ON, "run-1")], noon(NEXT), NEXT)
    assert held(two, "c-1").records == ("c-2",)


def test_a_cohort_sees_the_one_customer(two: Records) -> None:
    run(two, ON, "run-1")
    sums = total(each for one in BOTH for each in allowances(two, one))
    with two.begin() as session:
        [before] = Cohorts(session).letters(ON, "CNY")
    assert (before.customer_id, before.non_performing) == ("c-1", False)
    warn(two, "c-2")

    joined(two, "c-1", "c-2")

    with two.begin() as session:
        [letter] = Cohorts(session).letters(NEXT, "CNY")
    assert (letter.customer_id, letter.line_id) == ("c-2", LINE_ID)
    assert (letter.non_performing, letter.warned, letter.allowance) == (True, True, sums)


def warn(records: Records, customer_id: str) -> None:
    with records.begin() as session:
        Warnings(session).record(
            RaisedWarning(
                warning_id=f"w-{customer_id}",
                customer_id=customer_id,
                signal=WarningSignal(
                    rule="late",
                    level=WarningLevel.RED,
                    figure=FIVE_TIER,
                    value="1",
                    threshold="1",
                    edition_hash="e" * 64,
                ),
                evidence=Receivables(session).payment_record(customer_id, as_of=NEXT),
                owner="manager",
                raised_on=NEXT,
                seen_on=NEXT,
            )
        )


def test_an_override_is_held_against_what_became_of_either_record(two: Records) -> None:
    with two.begin() as session:
        override = an_override(customer_id="c-2", proposed_on=ON)
        Overrides(session).record(override, "message-1")
    warn(two, "c-1")

    def trace() -> OverrideTrace:
        with two.begin() as session:
            [found] = Overrides(session).traces(ON, ON)
        return found

    assert not trace().warned
    merge = joined(two)
    assert trace().warned
    assert merge.losing_id == "c-2"


# ── cover ────────────────────────────────────────────────────────────────────────────────────────


def register(session: Session, cover_id: str, owner: str, *secured: str, **more: object) -> None:
    content = CoverContent.model_validate(
        {
            "kind": "guarantee",
            "owner": owner,
            "value": cny(1_000),
            "source": "a deed",
            "valued_on": GRANTED_ON,
            "valuer": "a surveyor",
            "uses": [{"customer_id": each, "amount": cny(400)} for each in secured],
            **more,
        }
    )
    Covers(session).record(cover_id, content, "manager")
    Covers(session).check(cover_id, 1, "risk", confirmed=True, note="")


def test_what_secures_either_record_secures_the_one(two: Records) -> None:
    with two.begin() as session:
        register(session, "k-1", "p-1", "c-2", kind="mortgage")
        register(session, "k-2", "p-1", "c-1", "c-2", kind="mortgage")
    merge = joined(two)

    def worths(customer_id: str) -> dict[str, Money]:
        with two.begin() as session:
            exchange = Exchange(session, an_edition(), ON)
            found = covers_of(session, customer_id, None, exchange, ON)
        return {each.cover_id: each.value for each in found}

    assert worths("c-1") == worths("c-2") == {"k-1": cny(400), "k-2": cny(800)}
    take_back(two, merge)
    assert worths("c-1") == {"k-2": cny(400)}
    assert worths("c-2") == {"k-1": cny(400), "k-2": cny(400)}


def test_nobody_guarantees_what_is_their_own_debt_by_now(two: Records) -> None:
    with two.begin() as session:
        register(session, "k-1", "c-2", "c-1", capacity=cny(5_000_000))
        exchange = Exchange(session, an_edition(), ON)
        [apart] = covers_of(session, "c-1", None, exchange, ON)
    assert not apart.circular

    joined(two)

    with two.begin() as session:
        exchange = Exchange(session, an_edition(), ON)
        [own] = covers_of(session, "c-1", None, exchange, ON)
    assert own.circular


def test_a_guarantor_of_two_records_can_bear_no_more_than_one(two: Records) -> None:
    with two.begin() as session:
        for each in ("g-1", "g-2"):
            Customers(session).record(
                a_customer(customer_id=each, identifiers=()),
                business_on=GRANTED_ON,
                source="test",
                recorded_by="manager",
            )
        register(session, "k-1", "g-1", "c-1", capacity=cny(500))
        register(session, "k-2", "g-2", "c-1", capacity=cny(500))

    def borne() -> list[Money | None]:
        with two.begin() as session:
            exchange = Exchange(session, an_edition(), ON)
            return [each.free for each in covers_of(session, "c-1", None, exchange, ON)]

    assert borne() == [cny(400), cny(400)]
    joined(two, "g-2", "g-1")
    assert borne() == [cny(400), cny(100)]


# ── related parties, the splitting guard, the book ───────────────────────────────────────────────


def dossier_of(session: Session, customer_id: str = "c-1") -> Dossier:
    application = Application(
        customer_id=customer_id, limit_requested=cny(1_000_000), purpose="components"
    )
    return collect_dossier(session, application, an_edition(), ON)


def test_an_entry_about_either_record_reaches_the_one_and_discloses_both_lines(
    two: Records,
) -> None:
    with two.begin() as session:
        content = RelatedContent(
            subject="c-2",
            relation=RelatedBy.INSIDER,
            source="declaration",
            valid_from=GRANTED_ON,
        )
        RelatedParties(session).record(content, "e-1", "risk")
        RelatedParties(session).check("e-1", 1, "risk2", accepted=True, note="")
        assert not dossier_of(session).customer.related_to_grantor

    joined(two)

    with two.begin() as session:
        dossier = dossier_of(session)
        reached = related_customers(session, an_edition(), ON)
        lines = RelatedParties(session).lines_as_of(reached, ON, noon(NEXT))
    assert [each.entry_id for each in dossier.related] == ["e-1"]
    assert dossier.customer.related_to_grantor
    assert list(reached) == ["c-1"]
    assert {name: [each.line_id for each in found] for name, found in lines.items()} == {
        "c-1": [LINE_ID, "line-2"]
    }


def test_what_the_record_that_gave_way_said_of_itself_is_not_forgotten(two: Records) -> None:
    with two.begin() as session:
        Customers(session).record(
            a_customer(customer_id="c-3", identifiers=(), related_to_grantor=True),
            business_on=GRANTED_ON,
            source="import",
            recorded_by="manager",
        )
    merge = joined(two, "c-3", "c-1")
    with two.begin() as session:
        assert dossier_of(session).customer.related_to_grantor
        assert RelatedParties(session).find_marked() == ["c-1"]
    take_back(two, merge)
    with two.begin() as session:
        assert not dossier_of(session).customer.related_to_grantor
        assert RelatedParties(session).find_marked() == ["c-3"]


def test_requests_of_both_records_are_of_one_customer(two: Records) -> None:
    asked = Application(customer_id="c-2", limit_requested=cny(70_000), purpose="components")
    with two.begin() as session:
        Intakes(session).close("case-1", noon(GRANTED_ON))
        Intakes(session).record(
            "case-2", asked, caller="manager", key="k-2", business_on=ON, received_at=noon(ON)
        )
        Applications(session).record(
            Case(
                case_id="case-2",
                application=asked,
                status=CaseStatus.IN_APPROVAL,
                applicant="manager",
                last_editor="manager",
                edition_hash=an_edition().edition_hash,
                submitted_at=noon(ON),
                business_on=ON,
            )
        )
        assert dossier_of(session).requests_beside == ()

    joined(two)

    with two.begin() as session:
        [beside] = dossier_of(session).requests_beside
        assert (beside.case_id, beside.limit) == ("case-2", cny(70_000))


def test_the_list_of_routed_cases_names_the_customer_that_stayed(two: Records) -> None:
    joined(two, "c-1", "c-2")
    with two.begin() as session:
        [routed] = RoutedCases(session).list_since(GRANTED_ON, ON)
    assert (routed.case_id, routed.customer_id) == ("case-1", "c-2")


def test_the_largest_of_the_book_are_others_than_the_customer(two: Records) -> None:
    with two.begin() as session:
        BookShares(session).refresh(ON, {"CNY": 1}, {})
        assert {part.of[1] for part in BookShares(session).find_largest(9, "c-1")} == {"c-2"}
    joined(two)
    with two.begin() as session:
        assert BookShares(session).find_largest(9, "c-1") == [], "as of the last look"
        BookShares(session).refresh(ON, {"CNY": 1}, {})
        assert {part.of[1] for part in BookShares(session).find_largest(9, "")} == {"c-1"}
