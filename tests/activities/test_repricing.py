"""Floating rates are set anew on their dates, once, by the fixing in force, or a finding says why not."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.application import ApplicationActivities
from activities.assessment import collect_dossier
from activities.refusals import FigureAwaited
from activities.repricing import RepricingActivities
from activities.review import ReviewActivities
from domain.application import Application, ApplicationType, CaseStart, CaseStatus, CaseStep
from domain.benchmark import (
    FixingContent,
    LineRate,
    RateCause,
    RateFinding,
    RepricingPage,
    RepricingPageDone,
)
from domain.contract import Letter, Terms
from domain.errors import BenchmarkMissing
from domain.line import LineStatus
from domain.review import ReviewCause, ReviewTurn
from domain.terms import FloatingRate, FloatingTerms
from storage.application import Applications, Intakes
from storage.base import Records
from storage.benchmark import Fixings
from storage.classification import Debtors
from storage.line import LineRates, Lines
from storage.related import RelatedParties
from storage.review import Reviews
from storage.statement import Statements
from tests.makers_line import a_letter, a_line, record_letter
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, noon
from tests.makers_policy import a_changed_edition, a_statement, cny

FIRST = date(2026, 2, 1)
EDITION = a_changed_edition(
    """
    [benchmarks]
    LPR1Y = { currency = "CNY", age_days_max = 40, published_day = 20 }

    [[price.floating]]
    code = "loans"
    benchmark = "LPR1Y"
    products = ["working_capital_loan"]
    """
)
ALL_FLOAT = a_changed_edition(
    """
    [benchmarks]
    LPR1Y = { currency = "CNY", age_days_max = 40, published_day = 20 }

    [[price.floating]]
    code = "all"
    benchmark = "LPR1Y"
    """
)
RULE = FloatingRate.parse("LPR1Y+120bp/3m@2026-02-01")
FLOATING = FloatingTerms(rule=RULE, fixing=Decimal("0.031"), fixing_on=date(2026, 1, 20))


def a_floating_letter(records: Records, letter_no: str) -> Letter:
    letter = a_letter(letter_no, customer_id="c-1")
    assert letter.terms is not None
    terms = letter.terms.model_copy(
        update={"floating": FLOATING, "rate_annual": RULE.annual(FLOATING.fixing)}
    )
    return record_letter(records, letter.model_copy(update={"terms": terms}))


def a_floating_line(records: Records, line_id: str = "line-2") -> None:
    """A line of the ordinary customer whose rate floats."""
    letter = a_floating_letter(records, f"PF-{line_id}")
    with records.begin() as session:
        Lines(session).open(
            a_line(letter, line_id=line_id, starts_on=GRANTED_ON, ends_on=date(2027, 3, 1)),
            GRANTED_ON,
        )


def replaced(records: Records, on: date) -> None:
    """A further letter of the line, judged by the fixing of the day before, put in force."""
    letter = a_letter("PF-line-2-renewed", customer_id="c-1")
    assert letter.terms is not None
    floating = FLOATING.model_copy(update={"fixing_on": on - timedelta(days=1)})
    terms = letter.terms.model_copy(update={"floating": floating})
    letter = record_letter(records, letter.model_copy(update={"terms": terms}))
    with records.begin() as session:
        lines = Lines(session)
        line = lines.read("line-2", for_update=True)
        lines.change(line, letter, "renewal", case_id="case-r", at=noon(on), business_on=on)


def fix(records: Records, rate: str, on: date) -> None:
    with records.begin() as session:
        content = FixingContent(benchmark="LPR1Y", fixed_on=on, rate=Decimal(rate))
        Fixings(session).record(content, recorded_by="risk1")


def run(
    records: Records, on: date, after: str | None = None, page_size: int = 100
) -> RepricingPageDone:
    page = RepricingPage(after=after, page_size=page_size, at=noon(on))
    return RepricingActivities(records).reprice_lines(page)


def rates(records: Records, line_id: str = "line-2") -> list[LineRate]:
    with records.begin() as session:
        return list(LineRates(session).list_of_line(line_id))


def findings(records: Records) -> list[RateFinding]:
    with records.begin() as session:
        return list(LineRates(session).find_open())


def notices(records: Records) -> list[str]:
    with records.begin() as session:
        found = session.execute(
            text("SELECT recipient FROM outbox WHERE kind = 'line_repriced' ORDER BY 1")
        )
        return [row[0] for row in found]


def rate_on(records: Records, on: date, line_id: str = "line-2") -> Decimal:
    """What the expected loss of a day is discounted at."""
    with records.begin() as session:
        (standing,) = (
            each for each in Debtors(session).lines("c-1", on) if each.line_id == line_id
        )
    return standing.rate_annual


@pytest.fixture
def book(records: Records) -> Records:
    a_book(records, edition=EDITION)
    a_floating_line(records)
    return records


def test_a_letter_sets_the_first_rate_fixed_or_floating(book: Records) -> None:
    (floating,), (fixed,) = rates(book), rates(book, LINE_ID)

    assert (floating.from_on, floating.rate_annual) == (GRANTED_ON, Decimal("0.043"))
    assert floating.fixing is not None
    assert (floating.fixing.benchmark, floating.spread_bp) == ("LPR1Y", Decimal(120))
    assert (fixed.cause, fixed.fixing) == (RateCause.LETTER, None)


def test_nothing_is_set_before_its_date(book: Records) -> None:
    fix(book, "0.03", date(2026, 1, 20))

    done = run(book, FIRST - timedelta(days=1))
    assert (done.tally.seen, done.tally.repriced, done.after) == (1, 0, None)
    assert len(rates(book)) == 1


def test_a_date_sets_the_rate_once_and_tells_the_customer_and_its_manager(book: Records) -> None:
    fix(book, "0.0295", date(2026, 1, 20))

    assert run(book, FIRST).tally.repriced == 1
    assert run(book, FIRST + timedelta(days=9)).tally.repriced == 0
    first, second = rates(book)
    assert (second.from_on, second.rate_annual) == (FIRST, Decimal("0.0415"))
    assert second.cause is RateCause.REPRICING
    assert notices(book) == ["customer:c-1", "person:manager"]
    assert rate_on(book, FIRST - timedelta(days=1)) == first.rate_annual
    assert rate_on(book, FIRST) == second.rate_annual


def test_the_disclosure_of_related_parties_says_the_rate_of_its_day(book: Records) -> None:
    fix(book, "0.0295", date(2026, 1, 20))
    run(book, FIRST)

    for on, rate in ((FIRST - timedelta(days=1), "0.043"), (FIRST, "0.0415")):
        with book.begin() as session:
            lines = RelatedParties(session).lines_as_of(["c-1"], on, noon(on))["c-1"]
        assert {each.line_id: each.rate_annual for each in lines}["line-2"] == Decimal(rate)


def test_a_fixing_of_the_date_itself_comes_too_late_for_it(book: Records) -> None:
    fix(book, "0.0295", date(2026, 1, 20))
    fix(book, "0.0100", FIRST)

    run(book, FIRST)
    assert rates(book)[-1].rate_annual == Decimal("0.0415")


def test_a_missing_benchmark_is_a_finding_and_no_rate_until_it_has_come_in(book: Records) -> None:
    fix(book, "0.0295", date(2025, 12, 22))  # January's is missing

    done = run(book, FIRST)
    assert (done.tally.repriced, done.tally.missing) == (0, 1)
    assert len(rates(book)) == 1
    (finding,) = findings(book)
    assert (finding.line_id, finding.benchmark, finding.due_on) == ("line-2", "LPR1Y", FIRST)
    assert notices(book) == []

    fix(book, "0.0285", date(2026, 1, 20))
    later = FIRST + timedelta(days=20)
    assert run(book, later).tally.repriced == 1
    assert (rates(book)[-1].from_on, rates(book)[-1].rate_annual) == (FIRST, Decimal("0.0405"))
    assert findings(book) == []


def test_a_date_of_a_letter_that_was_replaced_is_no_finding_any_more(book: Records) -> None:
    run(book, FIRST)
    assert [each.due_on for each in findings(book)] == [FIRST]
    later = FIRST + timedelta(days=5)

    replaced(book, later)

    assert findings(book) == []
    assert run(book, later).tally.missing == 0


def test_dates_that_were_missed_are_made_up_each_by_its_own_fixing(book: Records) -> None:
    fix(book, "0.0295", date(2026, 1, 20))
    fix(book, "0.0275", date(2026, 4, 20))

    assert run(book, date(2026, 5, 2)).tally.repriced == 2
    assert [each.rate_annual for each in rates(book)[1:]] == [Decimal("0.0415"), Decimal("0.0395")]


def test_a_letter_put_in_force_after_a_repricing_date_is_repriced_from_its_own_day(
    book: Records,
) -> None:
    fix(book, "0.0295", date(2026, 1, 20))
    later = FIRST + timedelta(days=9)
    letter = a_floating_letter(book, "PF-later")
    with book.begin() as session:
        lines = Lines(session)
        lines.change(
            lines.read("line-2", for_update=True),
            letter,
            ApplicationType.RENEWAL,
            case_id=letter.case_id,
            at=noon(later),
            business_on=later,
        )

    assert run(book, later).tally.repriced == 1
    rate = rates(book)[-1]
    assert (rate.letter_no, rate.due_on, rate.from_on) == ("PF-later", FIRST, later)
    assert rate_on(book, later - timedelta(days=1)) == RULE.annual(FLOATING.fixing)
    assert rate_on(book, later) == Decimal("0.0415")


def test_a_run_that_stopped_after_a_page_goes_on_with_the_next_line(book: Records) -> None:
    a_floating_line(book, "line-3")
    fix(book, "0.0295", date(2026, 1, 20))

    done = run(book, FIRST, page_size=1)
    assert (done.after, done.tally.repriced) == ("line-2", 1)
    assert run(book, FIRST, page_size=1).tally.repriced == 0, "taken twice, it lands once"
    assert run(book, FIRST, after=done.after, page_size=1).tally.repriced == 1
    assert len(rates(book, "line-3")) == 2


def test_a_line_that_has_ended_is_not_repriced(book: Records) -> None:
    fix(book, "0.0295", date(2026, 1, 20))
    with book.begin() as session:
        Lines(session).end("line-2", LineStatus.TERMINATED, message_id="m-1", at=noon(GRANTED_ON))

    assert run(book, FIRST).tally.seen == 0


def test_a_benchmark_that_policy_no_longer_lists_is_missing(records: Records) -> None:
    a_book(records)
    a_floating_line(records)
    fix(records, "0.0295", date(2026, 1, 20))

    assert run(records, FIRST).tally.missing == 1


@pytest.mark.parametrize("table", ["line_rate", "line_rate_finding"])
def test_the_database_keeps_every_rate(book: Records, table: str) -> None:
    run(book, FIRST)

    with pytest.raises(DBAPIError), book.begin() as session:
        session.execute(text(f"DELETE FROM {table}"))


def test_a_dossier_holds_the_fixing_in_force_or_is_refused_by_name(book: Records) -> None:
    application = Application(
        customer_id="c-1",
        limit_requested=cny(1000),
        purpose="steel",
        product="working_capital_loan",
    )
    on = date(2026, 2, 2)
    with pytest.raises(BenchmarkMissing, match="LPR1Y"), book.begin() as session:
        collect_dossier(session, application, EDITION, on)
    fix(book, "0.0295", date(2026, 1, 20))

    with book.begin() as session:
        dossier = collect_dossier(session, application, EDITION, on)
    assert dossier.fixing is not None
    assert (dossier.fixing.rate, dossier.fixing.fixed_on) == (
        Decimal("0.0295"),
        date(2026, 1, 20),
    )


def test_a_case_waits_for_the_fixing_that_it_is_priced_over(records: Records) -> None:
    fix(records, "0.0295", date(2025, 12, 22))
    a_book(records, edition=ALL_FLOAT)
    on = date(2026, 7, 6)
    application = Application(customer_id="c-1", limit_requested=cny(90_000), purpose="steel")
    with records.begin() as session:
        Intakes(session).close("case-1", noon(GRANTED_ON))
        Intakes(session).record(
            "case-2",
            application,
            caller="manager",
            key="k-2",
            business_on=on,
            received_at=noon(on),
        )
        Statements(session).record(a_statement(2025), business_on=on, recorded_by="manager")
    steps = ApplicationActivities(records)
    assert steps.receive_application(CaseStart(case_id="case-2")).status is CaseStatus.RECEIVED
    step = CaseStep(case_id="case-2", at=noon(on))

    with pytest.raises(FigureAwaited, match="LPR1Y"):
        steps.assess_application(step)
    with records.begin() as session:
        assert Applications(session).read("case-2").status is CaseStatus.RECEIVED
    fix(records, "0.0295", date(2026, 6, 22))
    assert steps.assess_application(step).status is not CaseStatus.RECEIVED


def test_a_review_waits_for_the_fixing_that_its_line_is_priced_over(records: Records) -> None:
    fix(records, "0.0295", date(2025, 12, 22))
    a_book(records, edition=ALL_FLOAT)
    on = date(2026, 7, 6)
    with records.begin() as session:
        Reviews(session).open(
            line_id=LINE_ID, customer_id="c-1", cause=ReviewCause.CYCLE, due_on=on, on=on
        )
    turn = ReviewTurn(line_id=LINE_ID, n=1, at=noon(on))

    with pytest.raises(FigureAwaited, match="LPR1Y"):
        ReviewActivities(records).reassess_line(turn)
    fix(records, "0.0295", date(2026, 6, 22))
    assert ReviewActivities(records).reassess_line(turn).grade


def test_terms_of_an_earlier_release_have_a_fixed_rate(records: Records) -> None:
    terms = a_letter().terms
    assert terms is not None
    stored = terms.model_dump(mode="json")
    for added in ("floating", "late"):
        stored.pop(added)

    assert Terms.model_validate(stored) == terms
