"""What a letter of change puts in force on a line: what it says, and nothing else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from activities.assessment import collect_dossier
from activities.form import in_form, line_of
from activities.letter import issue_letter, order_of
from activities.line import LineActivities
from activities.review import ReviewActivities
from domain.application import Application, ApplicationType, Case, CaseStatus
from domain.calendar import day_begins_at
from domain.classification import Debtor, FiveTier
from domain.contract import ConditionAsked, ContractStatus, Letter
from domain.cover import CoverContent, CoverKind
from domain.customer import CreditEventType
from domain.errors import ChangeUnfit, LineNotActive, Malformed, OutOfOrder
from domain.line import (
    TERMINATION,
    Activation,
    ActivationRequest,
    CreditLine,
    LineAction,
    LineLook,
    LineStatus,
    ReviewDue,
)
from domain.money import Money
from domain.notification import Channel
from domain.review import ReviewCause, ReviewConclusion, ReviewTurn, review_id_of
from domain.screening import Screening
from policies.assessment import assess
from policies.classification import classify_customer
from policies.line import months_later
from storage.application import Applications, Assessments, Intakes, Screenings
from storage.approval import Letters
from storage.base import Records
from storage.contract import Contracts
from storage.cover import Covers
from storage.customer import Customers
from storage.exposure import Exposure
from storage.identity import ActionTokens
from storage.line import Conditions, Lines
from storage.notification import Outbox
from tests import servers
from tests.activities.test_line_gate import record_contract
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, invoice, noon
from tests.makers_policy import an_edition, cny

ON = date(2026, 2, 2)
LIMIT = cny(1_000_000)


@pytest.fixture
def book(records: Records) -> CreditLine:
    """People, a customer, and the line it has had since January."""
    line = a_book(records, limit=LIMIT)
    with records.begin() as session:
        Intakes(session).close(line.case_id, noon(GRANTED_ON))
        return Lines(session).read(line.line_id)


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records)
    yield opened
    opened.close()


def approved(
    records: Records,
    kind: ApplicationType,
    form: dict[str, Any] | None = None,
    *,
    limit: Money = LIMIT,
    case_id: str = "case-2",
    asked: tuple[ConditionAsked, ...] = (),
    **more: Any,
) -> Letter:
    """The letter of a change, as who approved it leaves the case."""
    edition = an_edition()
    application = Application.model_validate(
        {
            "customer_id": "c-1",
            "application_type": kind,
            "limit_requested": limit,
            "line_id": LINE_ID,
            "purpose": "the season is late",
            "form": {"kind": kind, **(form or {})},
            **more,
        }
    )
    with records.begin() as session:
        application = in_form(session, application, edition, ON)
        Intakes(session).record(
            case_id,
            application,
            caller="manager",
            key=case_id,
            business_on=ON,
            received_at=noon(ON),
        )
        Applications(session).record(
            Case(
                case_id=case_id,
                application=application,
                status=CaseStatus.IN_APPROVAL,
                applicant="manager",
                last_editor="manager",
                edition_hash=edition.edition_hash,
                submitted_at=noon(ON),
                business_on=ON,
            )
        )
        assessment = assess(
            case_id,
            collect_dossier(session, application, edition, ON),
            edition,
            automatic_spent=cny(0),
            sampled=False,
        )
        Assessments(session).record(assessment)
        Screenings(session).record(
            Screening(customer_id="c-1", business_on=ON, list_versions={}), case_id
        )
        letter = issue_letter(
            session,
            assessment,
            edition,
            approved=True,
            on=ON,
            decided_by=("approver1",),
            asked=asked,
        )
        order = order_of(letter, assessment, edition)
        assert order is not None
        assert order.signed is (kind is ApplicationType.RESTRUCTURE)
    return letter


def activate(records: Records, exposure: Exposure, letter: Letter, on: date = ON) -> Activation:
    return LineActivities(records, exposure).activate_line(
        ActivationRequest(
            case_id=letter.case_id,
            contract_id=letter.case_id,
            letter_no=letter.letter_no,
            at=noon(on),
        )
    )


def line_now(records: Records) -> CreditLine:
    with records.begin() as session:
        return Lines(session).read(LINE_ID)


def unchanged(before: CreditLine, after: CreditLine, *but: str) -> None:
    """All of the line is as it was, but for its letter and what is named."""
    names = CreditLine.model_fields.keys() - {"letter_no", "version", *but}
    assert {name: getattr(after, name) for name in names} == {
        name: getattr(before, name) for name in names
    }


# ── extension ────────────────────────────────────────────────────────────────────────────────────


def test_an_extension_moves_its_two_days_once_however_often_it_runs(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    until = book.ends_on + timedelta(days=60)
    letter = approved(records, ApplicationType.EXTENSION, {"until": until})

    first = activate(records, exposure, letter)

    assert activate(records, exposure, letter) == first
    after = line_now(records)
    unchanged(book, after, "ends_on", "last_draw_on", "terms")
    assert (after.ends_on, after.last_draw_on) == (until, until)
    assert after.terms == book.terms.model_copy(update={"ends_on": until})
    with records.begin() as session:
        told = [each.kind for each in Outbox(session).find_page(channel=Channel.TEMPORAL)]
        mails = [each.kind for each in Outbox(session).find_page(channel=Channel.MAIL)]
    assert told == ["signal_line_changed"]
    assert mails == ["line_changed", "line_changed"]
    exposure.reserve(LINE_ID, cny(1), "k-1", business_on=until)


def test_a_line_is_not_extended_twice_nor_further_than_the_edition_lets(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    far = book.ends_on + timedelta(days=an_edition().types.extension.days_max + 1)
    with pytest.raises(ChangeUnfit) as refused:
        approved(records, ApplicationType.EXTENSION, {"until": far})
    assert refused.value.facts["field"] == "form.until"

    until = book.ends_on + timedelta(days=30)
    activate(records, exposure, approved(records, ApplicationType.EXTENSION, {"until": until}))
    later = {"until": until + timedelta(days=1)}
    with pytest.raises(ChangeUnfit) as refused:
        approved(records, ApplicationType.EXTENSION, later, case_id="case-3")
    assert refused.value.facts["reason_code"] == "extended_often"


def test_a_letter_of_change_is_not_put_on_a_line_that_changed_since(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    until = book.ends_on + timedelta(days=30)
    extending = approved(records, ApplicationType.EXTENSION, {"until": until})
    dropping = approved(
        records,
        ApplicationType.CHANGE_OF_CONDITIONS,
        {"dropped": ["statements_yearly"]},
        case_id="case-3",
    )
    activate(records, exposure, dropping)

    with pytest.raises(OutOfOrder):
        activate(records, exposure, extending)
    assert line_now(records).ends_on == book.ends_on


# ── conditions, products, cover ──────────────────────────────────────────────────────────────────


def test_conditions_are_given_up_and_added_and_the_added_ones_hold_it(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    form = {
        "dropped": ["statements_yearly"],
        "added": [{"text": "The stock is insured", "kind": "covenant"}],
    }
    letter = approved(records, ApplicationType.CHANGE_OF_CONDITIONS, form)

    held = activate(records, exposure, letter)

    assert held.open_conditions == ("covenant:1",)
    assert line_now(records) == book
    with records.begin() as session:
        conditions = Conditions(session)
        (condition,) = conditions.list_of_case("case-2")
        evidenced = condition.evidenced("a" * 64, "manager")
        conditions.write(evidenced.verified("release"))
    activate(records, exposure, letter)
    after = line_now(records)
    unchanged(book, after, "terms")
    assert book.terms.requirements == ("statements_yearly",)
    assert after.terms.requirements == ()
    assert [each.text for each in after.terms.scheme_conditions] == ["The stock is insured"]
    assert [(each.field, each.before, each.after) for each in letter.changes] == [
        ("requirements", "statements_yearly", ""),
        ("scheme_conditions", "", "The stock is insured"),
    ]


def test_another_product_is_the_lines_and_its_limit_stays(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    letter = approved(records, ApplicationType.CHANGE_OF_PRODUCTS, {"product": "factoring"})

    activate(records, exposure, letter)

    after = line_now(records)
    unchanged(book, after, "terms")
    assert after.terms == book.terms.model_copy(update={"product": "factoring"})
    assert [(each.field, each.before, each.after) for each in letter.changes] == [
        ("product", "open_account", "factoring")
    ]


def a_mortgage(records: Records, uses: tuple[dict[str, Any], ...] = ()) -> None:
    content = CoverContent.model_validate(
        {
            "kind": CoverKind.MORTGAGE,
            "owner": "c-1",
            "value": cny(800_000),
            "valued_on": ON,
            "valuer": "A valuer",
            "source": "land register",
            "uses": uses,
        }
    )
    with records.begin() as session:
        covers = Covers(session)
        newest = covers.record("m-1", content, "manager").newest
        covers.check("m-1", newest.version, "release", confirmed=True, note="seen")


def secured(records: Records) -> list[tuple[str | None, Money]]:
    with records.begin() as session:
        standing = Covers(session).read("m-1").standing
    assert standing is not None
    return [(use.line_id, use.amount) for use in standing.uses]


def test_cover_is_set_aside_for_the_line_and_judged_with_it(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_mortgage(records)
    form = {"added": [{"cover_id": "m-1", "amount": cny(500_000)}]}
    letter = approved(records, ApplicationType.CHANGE_OF_COVER, form)
    with records.begin() as session:
        dossier = Assessments(session).read("case-2").dossier
    assert [each.cover_id for each in dossier.covers] == ["m-1"]
    assert secured(records) == []

    activate(records, exposure, letter)

    assert secured(records) == [(LINE_ID, cny(500_000))]
    unchanged(book, line_now(records))


def test_released_cover_is_judged_without_and_secures_the_line_no_more(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_mortgage(records, ({"customer_id": "c-1", "line_id": LINE_ID, "amount": cny(500_000)},))
    letter = approved(records, ApplicationType.CHANGE_OF_COVER, {"released": ["m-1"]})
    with records.begin() as session:
        assert Assessments(session).read("case-2").dossier.covers == ()

    activate(records, exposure, letter)

    assert secured(records) == []


def test_more_cover_than_is_free_is_refused_by_its_field(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_mortgage(records)
    form = {"added": [{"cover_id": "m-1", "amount": cny(900_000)}]}
    with pytest.raises(ChangeUnfit) as refused:
        approved(records, ApplicationType.CHANGE_OF_COVER, form)
    assert refused.value.facts["field"] == "form.added"


# ── restructuring ────────────────────────────────────────────────────────────────────────────────


def test_a_line_without_difficulty_is_not_restructured(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    with pytest.raises(ChangeUnfit) as refused:
        approved(records, ApplicationType.RESTRUCTURE, {"term_months": 24})
    assert refused.value.facts["reason_code"] == "form_sound"


# ── termination ──────────────────────────────────────────────────────────────────────────────────


def test_a_line_in_difficulty_gets_another_term_and_its_customer_is_watched(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    invoice(records, "I-1", ON - timedelta(days=40))
    letter = approved(records, ApplicationType.RESTRUCTURE, {"term_months": 24}, limit=cny(900_000))
    with records.begin() as session:
        record_contract(session, letter, ContractStatus.SIGNED, {})

    activate(records, exposure, letter)

    after = line_now(records)
    assert (after.limit, after.ends_on) == (cny(900_000), date(2028, 2, 1))
    assert {"limit", "term_months"} <= {each.field for each in letter.changes}
    with records.begin() as session:
        (event,) = Customers(session).events("c-1")
    assert (event.event_type, event.occurred_on) == (CreditEventType.RESTRUCTURED, ON)
    debtor = Debtor(customer_id="c-1", restructured_on=event.occurred_on)
    last_watched = months_later(ON, 12) - timedelta(days=1)
    watched, _ = classify_customer(debtor, None, an_edition(), last_watched)
    assert watched.tier is FiveTier.SPECIAL_MENTION


def test_a_restructuring_never_raises_the_amount(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    invoice(records, "I-1", ON - timedelta(days=40))
    with pytest.raises(ChangeUnfit) as refused:
        approved(records, ApplicationType.RESTRUCTURE, {"term_months": 24}, limit=cny(1_000_001))
    assert refused.value.facts["field"] == "limit_requested"


def look(records: Records, exposure: Exposure, on: date) -> LineStatus:
    steps = LineActivities(records, exposure)
    return steps.look_at_line(LineLook(line_id=LINE_ID, at=noon(on))).status


def test_a_line_of_which_nothing_is_taken_ends_with_its_letter(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    letter = approved(records, ApplicationType.TERMINATION)

    activate(records, exposure, letter)

    assert line_now(records).status is LineStatus.TERMINATED
    assert [(each.field, each.after) for each in letter.changes] == [("status", "terminated")]


def test_a_line_in_use_is_closed_to_draws_and_ends_on_the_day_nothing_is_taken(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    used = exposure.reserve(LINE_ID, cny(100), "k-1", business_on=ON).reservation_id or ""
    exposure.commit(LINE_ID, used, "k-2", business_on=ON)
    held = exposure.reserve(LINE_ID, cny(10), "k-3", business_on=ON).reservation_id or ""
    activate(records, exposure, approved(records, ApplicationType.TERMINATION))

    assert line_now(records).status is LineStatus.COLLECT_ONLY
    with pytest.raises(LineNotActive):
        exposure.commit(LINE_ID, held, "k-4", business_on=ON)
    steps = LineActivities(records, exposure)
    progress = steps.look_at_line(LineLook(line_id=LINE_ID, at=noon(ON)))
    assert progress.look_again_at == day_begins_at(ON + timedelta(days=1))
    exposure.release(LINE_ID, held, "k-5", business_on=ON)
    assert look(records, exposure, ON) is LineStatus.COLLECT_ONLY
    exposure.repay(LINE_ID, cny(100), "k-6", business_on=ON)
    assert look(records, exposure, ON + timedelta(days=1)) is LineStatus.TERMINATED


def test_nobody_lifts_what_a_letter_closed_and_nobody_closes_a_line_in_its_name(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    exposure.reserve(LINE_ID, cny(10), "k-1", business_on=ON)

    with pytest.raises(Malformed):
        act(records, exposure, "freeze", reason=TERMINATION)
    activate(records, exposure, approved(records, ApplicationType.TERMINATION))

    with pytest.raises(OutOfOrder):
        act(records, exposure, "unfreeze")
    assert line_now(records).freeze_reasons == (TERMINATION,)


def act(records: Records, exposure: Exposure, action: str, **content: Any) -> None:
    with records.begin() as session:
        token = ActionTokens(session).issue_action_token(
            "risk", f"{LINE_ID}/{action}", noon(ON) + timedelta(minutes=5)
        )
    message = {
        "line_id": LINE_ID,
        "action": action,
        "person_id": "risk",
        "message_id": f"m-{action}",
        "token": token,
        "note": "asked for",
        "at": noon(ON),
        **content,
    }
    LineActivities(records, exposure).act_on_line(LineAction.model_validate(message))


def test_a_line_that_is_closing_takes_nothing_that_lends_anew(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    exposure.reserve(LINE_ID, cny(10), "k-1", business_on=ON)
    asked = Application(customer_id="c-1", limit_requested=LIMIT, line_id=LINE_ID)
    kinds = [each for each in ApplicationType if not each.asks_new_line]
    applications = [asked.model_copy(update={"application_type": kind}) for kind in kinds]
    with records.begin() as session:
        assert {line_of(session, each).line_id for each in applications} == {LINE_ID}
    activate(records, exposure, approved(records, ApplicationType.TERMINATION))

    with records.begin() as session:
        for each in applications:
            if each.application_type.suits_closing:
                assert line_of(session, each).closing
            else:
                with pytest.raises(LineNotActive):
                    line_of(session, each)
    assert {each for each in kinds if not each.suits_closing} == {
        ApplicationType.INCREASE,
        ApplicationType.TEMPORARY_INCREASE,
        ApplicationType.RENEWAL,
        ApplicationType.EXTENSION,
        ApplicationType.CHANGE_OF_PRODUCTS,
        ApplicationType.TERMINATION,
    }


def test_nobody_is_asked_to_review_a_line_that_is_closing(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    steps = LineActivities(records, exposure)
    exposure.reserve(LINE_ID, cny(10), "k-1", business_on=ON)
    steps.open_review(ReviewDue(line_id=LINE_ID, cause=ReviewCause.REQUEST, at=noon(ON)))
    activate(records, exposure, approved(records, ApplicationType.TERMINATION))

    with records.begin() as session:
        kinds = [each.kind for each in Outbox(session).find_page(channel=Channel.TEMPORAL)]
    assert "signal_review_stop" in kinds
    turn = ReviewTurn(line_id=LINE_ID, n=1, attempt=1, at=noon(ON))
    assert ReviewActivities(records).reassess_line(turn).stopped
    ReviewActivities(records).conclude_review(
        ReviewConclusion(review_id=review_id_of(LINE_ID, 1), at=noon(ON))
    )
    due_on = line_now(records).review_due_on
    progress = steps.look_at_line(LineLook(line_id=LINE_ID, at=noon(due_on)))
    assert not progress.review_open
    assert progress.look_again_at == day_begins_at(due_on + timedelta(days=1))


def test_an_agreement_holds_no_longer_than_its_line(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    with records.begin() as session:
        record_contract(session, Letters(session).read(book.letter_no), ContractStatus.SIGNED, {})
    activate(records, exposure, approved(records, ApplicationType.TERMINATION))

    with records.begin() as session:
        (agreed,) = Contracts(session).in_force_of("c-1")
        (moved,) = Contracts(session).in_force_of("c-1", offset_days=1)
    assert agreed.until_on == ON < book.ends_on
    assert moved.until_on == ON + timedelta(days=1)


def test_two_lines_take_of_one_cover_at_once_and_each_keeps_what_it_took(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_mortgage(records)
    form = {"added": [{"cover_id": "m-1", "amount": cny(500_000)}]}
    letter = approved(records, ApplicationType.CHANGE_OF_COVER, form)
    other = {"customer_id": "c-1", "line_id": "line-2", "amount": cny(100_000)}

    with ThreadPoolExecutor(1) as threads:
        with records.begin() as session:
            covers = Covers(session)
            content = covers.read("m-1").newest.content
            with_other = CoverContent.model_validate(content.model_dump() | {"uses": [other]})
            newest = covers.record("m-1", with_other, "manager").newest
            covers.check("m-1", newest.version, "release", confirmed=True, note="seen")
            second = threads.submit(activate, records, exposure, letter)
            servers.until_waiting(session, 1)
        second.result(30)

    assert secured(records) == [("line-2", cny(100_000)), (LINE_ID, cny(500_000))]
