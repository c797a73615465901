"""The figures that caps are measured on are those of a count by hand, for any book."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from activities.assessment import collect_dossier
from activities.book import refresh_book
from domain.application import Application
from domain.assessment import BookPosition
from domain.edition import CapMeasure, PolicyEdition
from domain.exchange import Rate, RateKind
from domain.guard import LetterLimit
from domain.identity import Person, Role
from domain.line import LineStatus
from domain.money import Money
from storage.approval import Letters
from storage.base import Records
from storage.customer import Customers
from storage.exchange import Rates
from storage.identity import Persons
from storage.line import Lines
from tests.makers_line import a_letter, a_line
from tests.makers_policy import a_changed_edition, a_customer, cny

ON = date(2026, 3, 2)
RATE = Decimal("7.1234")
FACTORS = {
    "open_account": (True, Decimal(1)),
    "letter_of_guarantee": (False, Decimal("0.5")),
    "letter_of_credit": (False, Decimal("0.2")),
    "nothing_we_know": (True, Decimal(1)),
}
TOP = a_changed_edition(
    "[concentration]\ncaps = ["
    + ", ".join(
        f'{{ code = "top_{measure.value}", scope = "top", measure = "{measure.value}",'
        ' base = "capital_net", share = 0.5, largest = 2 }'
        for measure in CapMeasure
    )
    + "]\n"
)


class Planned(NamedTuple):
    """A line of a random book."""

    customer: int
    product: str
    currency: str
    limit: int
    used: int
    status: LineStatus
    grade: str


@st.composite
def planned_lines(draw: st.DrawFn) -> Planned:
    limit = draw(st.integers(1, 10**9))
    return Planned(
        customer=draw(st.integers(0, 4)),
        product=draw(st.sampled_from(sorted(FACTORS))),
        currency=draw(st.sampled_from(["CNY", "USD"])),
        limit=limit,
        used=draw(st.integers(0, limit)),
        status=draw(st.sampled_from([LineStatus.ACTIVE, LineStatus.FROZEN, LineStatus.EXPIRED])),
        grade=draw(st.sampled_from(["AA", "BB"])),
    )


INDUSTRY = ("C", "C", "F", "F", "K")
REGION = ("110000", "310000", "110000", "310000", "110000")
BRANCH = ("north", "north", "south", "south", "south")


@pytest.fixture(scope="module")
def shared(postgres_server: object) -> Iterator[Records]:
    """One database for all examples: each is rolled back."""
    name = postgres_server.copy()  # type: ignore[attr-defined]
    records = Records(postgres_server.url(name), connections_max=2)  # type: ignore[attr-defined]
    yield records
    records.close()
    postgres_server.drop(name)  # type: ignore[attr-defined]


def lay(session: Session, lines: list[Planned]) -> None:
    for branch in ("north", "south"):
        Persons(session).record_person(
            Person(
                person_id=f"manager_{branch}",
                title="manager",
                roles=frozenset({Role.RELATIONSHIP_MANAGER}),
                branch=branch,
            )
        )
    for place in range(5):
        Customers(session).record(
            a_customer(
                customer_id=f"c-{place}",
                identifiers=(),
                industry=INDUSTRY[place],
                region=REGION[place],
                manager_id=f"manager_{BRANCH[place]}",
            ),
            business_on=ON,
            source="test",
            recorded_by="manager",
        )
    Rates(session).record(
        Rate(base="USD", quote="CNY", kind=RateKind.SPOT, rate_on=ON, rate=RATE, source="test"),
        recorded_by="risk",
    )
    for number, each in enumerate(lines):
        limit = Money(minor=each.limit, currency=each.currency)
        letter = a_letter(f"PF-{number}", customer_id=f"c-{each.customer}", limit=limit)
        assert letter.terms is not None
        terms = letter.terms.model_copy(update={"product": each.product})
        letter = letter.model_copy(update={"terms": terms})
        Letters(session).record(letter, letter.case_id, f"c-{each.customer}")
        Lines(session).open(
            a_line(letter, line_id=f"line-{number}", status=each.status, grade=each.grade), ON
        )
        session.execute(
            text("UPDATE exposure_account SET used_minor = :used WHERE owner_id = :line"),
            {"used": each.used, "line": f"line-{number}"},
        )


def counted(lines: list[Planned], measure: CapMeasure) -> int:
    """By hand: lines of one product and currency added up, converted, weighed, rounded up."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for each in lines:
        ended = each.status is LineStatus.EXPIRED
        amount = each.used if measure is not CapMeasure.LIMITS else 0 if ended else each.limit
        sums[each.product, each.currency] += amount
    total = 0
    for (product, currency), amount in sums.items():
        rate = RATE if currency == "USD" else Decimal(1)
        converted = (amount * rate).to_integral_value(ROUND_HALF_EVEN)
        funded, factor = FACTORS[product]
        match measure:
            case CapMeasure.LIMITS:
                total += int(converted)
            case CapMeasure.LOANS:
                total += int(converted) if funded else 0
            case CapMeasure.EXPOSURE:
                total += int((converted * factor).to_integral_value(ROUND_CEILING))
    return total


def book_for(session: Session, edition: PolicyEdition, customer_id: str = "c-0") -> BookPosition:
    application = Application(customer_id=customer_id, limit_requested=cny(1), purpose="components")
    book = collect_dossier(session, application, edition, ON).book
    assert book is not None
    return book


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(lines=st.lists(planned_lines(), max_size=9))
@example(
    lines=[
        Planned(0, "letter_of_credit", "USD", 338_006_096, 0, LineStatus.ACTIVE, "AA"),
        Planned(0, "letter_of_credit", "USD", 338_006_097, 0, LineStatus.ACTIVE, "AA"),
    ]
)
def test_the_book_on_record_is_the_book_counted_by_hand(
    shared: Records, lines: list[Planned]
) -> None:
    with Session(shared.engine, info={"policy": "standard"}) as session:
        lay(session, lines)
        refresh_book(session, TOP, ON)
        book = book_for(session, TOP)
        session.rollback()

    there = [each for each in lines if each.used or each.status is not LineStatus.EXPIRED]
    for measure in CapMeasure:
        own = [each for each in lines if each.customer == 0]
        of_industry = [each for each in lines if INDUSTRY[each.customer] == "C"]
        of_region = [each for each in lines if REGION[each.customer] == "110000"]
        of_unit = [each for each in lines if BRANCH[each.customer] == "north"]
        name = measure.value
        zero = Money.zero("CNY")
        # What a customer holds is converted line by line, as its limit is judged by it.
        alone = [[each] for each in own] if measure is CapMeasure.LIMITS else [own]
        of_customer = sum(counted(each, measure) for each in alone)
        assert book.by_scope[f"customer:{name}"].minor == of_customer
        assert book.by_scope[f"group:{name}"].minor == of_customer
        assert book.by_scope.get(f"industry:{name}", zero).minor == counted(of_industry, measure)
        assert book.by_scope.get(f"region:{name}", zero).minor == counted(of_region, measure)
        assert book.by_scope.get(f"unit:{name}", zero).minor == counted(of_unit, measure)
        assert book.totals.get(name, zero).minor == counted(lines, measure)
        others = sorted(
            (
                counted([each for each in there if each.customer == customer], measure)
                for customer in {each.customer for each in there} - {0}
            ),
            reverse=True,
        )
        largest = [amount.minor for amount in book.largest.get(name, ())]
        assert largest == (others[:2] if there else [])
    if there:
        assert book.as_of == ON
        pds = {row.grade: row.pd for row in TOP.master_scale}
        for found, branch in ((book.loss_expected, None), (book.loss_expected_unit, "north")):
            expected = sum(
                int(
                    counted(
                        [
                            each
                            for each in lines
                            if each.grade == grade and branch in (None, BRANCH[each.customer])
                        ],
                        CapMeasure.LIMITS,
                    )
                    * pds[grade]
                    * TOP.price.lgd
                )
                for grade in ("AA", "BB")
            )
            assert found == Money(minor=expected, currency="CNY")


def test_a_currency_without_a_rate_holds_nobody_up(records: Records) -> None:
    with records.begin() as session:
        lay(session, [Planned(1, "open_account", "CNY", 500, 100, LineStatus.ACTIVE, "AA")])
        letter = a_letter("PF-yen", customer_id="c-2", limit=Money.of(9, "JPY"))
        Letters(session).record(letter, letter.case_id, "c-2")
        Lines(session).open(a_line(letter, line_id="line-yen"), ON)
        refresh_book(session, TOP, ON)
        book = book_for(session, TOP)

    assert book.totals["limits"] == cny("5.00")
    assert book.largest["limits"] == (cny("5.00"),)


BUDGETS = a_changed_edition(
    """
    [concentration]
    appetite = [
        { code = "north", unit = "north", granted_max = 1000, effective_from = 2025-04-01 },
        { code = "south", unit = "south", granted_max = 1000 },
        { code = "all", granted_max = 5000 },
    ]
    """
)


def grant(session: Session, number: str, decided_on: date, added: int, customer: int = 0) -> None:
    letter = a_letter(number, customer_id=f"c-{customer}", decided_on=decided_on)
    granted = LetterLimit(
        letter_no=number,
        customer_id=f"c-{customer}",
        unit=BRANCH[customer],
        decided_on=decided_on,
        limit=cny(9999),
        eligible=cny(9999),
        added=cny(added),
        route_row="sound_branch",
    )
    Letters(session).record(letter, letter.case_id, f"c-{customer}", granted)


def test_a_units_budget_counts_what_was_newly_granted_in_its_own_year(records: Records) -> None:
    with records.begin() as session:
        lay(session, [])
        grant(session, "before", date(2025, 3, 31), 1)
        grant(session, "first_day", date(2025, 4, 1), 20)
        grant(session, "last_year", date(2025, 12, 31), 300)
        grant(session, "today", ON, 4000)
        grant(session, "tomorrow", ON + timedelta(days=1), 50_000)
        grant(session, "elsewhere", ON, 600_000, customer=2)
        north, south = book_for(session, BUDGETS), book_for(session, BUDGETS, "c-2")

    # April to March for the row that begins in April, the calendar year for the others.
    assert north.granted == {"north": cny(4320), "all": cny(604_000)}
    assert south.granted == {"south": cny(600_000), "all": cny(604_000)}
    assert (north.unit, south.unit) == ("north", "south")
