"""Is the sample book sound input, and does it show every turn that a case can take?"""

from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from activities.assessment import collect_dossier
from creditflow.sample import Book, generate, load_plan, write
from domain.application import Application
from domain.assessment import Assessment
from domain.customer import Customer, Identifier
from domain.identity import Person, Role
from domain.imports import ImportKind
from domain.money import Money
from policies.assessment import assess
from policies.completeness import missing_items
from storage.base import Records
from storage.customer import Customers
from storage.edition import read_shipped
from storage.receivable import Receivables
from storage.screening import Lists
from web.service.imports import import_csv

TODAY = date(2025, 11, 20)
EVERYBODY = Person(
    person_id="manager",
    title="Whoever loads the book",
    roles=frozenset({Role.RELATIONSHIP_MANAGER, Role.RISK_OFFICER}),
)
KINDS = ("customers", "statements", "invoices", "payments", "lists", "rates")


def bring(records: Records, kind: str, path: Path) -> tuple[int, int, int]:
    with records.begin() as session:
        report = import_csv(
            session,
            ImportKind(kind),
            path.read_bytes(),
            business_on=TODAY,
            person=EVERYBODY,
        )
    assert report.errors == ()
    return report.created, report.updated, report.unchanged


def test_a_larger_book_begins_with_the_smaller_and_another_seed_is_another_book() -> None:
    small, large = generate(7, 20, business_on=TODAY), generate(7, 60, business_on=TODAY)

    for part in fields(Book):
        rows = getattr(small, part.name)
        if isinstance(rows, list):
            assert getattr(large, part.name)[: len(rows)] == rows
    assert generate(8, 20, business_on=TODAY).customers != small.customers


def test_no_two_companies_share_a_name_or_a_code() -> None:
    book = generate(7, 700, business_on=TODAY)

    for column in ("name", "name_zh"):
        assert len({row[column] for row in book.customers}) == 700
    codes = [row["uscc"] or row["lei"] or row["internal"] for row in book.customers]
    assert len(set(codes)) == 700


def test_a_book_of_one_company_is_a_book(records: Records, tmp_path: Path) -> None:
    files = write(generate(7, 1, business_on=TODAY), tmp_path)

    assert bring(records, "customers", files["customers"]) == (1, 0, 0)
    assert bring(records, "lists", files["lists"]) == (1, 0, 0)


@pytest.mark.parametrize("seed", [1, 2026])
def test_the_book_comes_in_without_a_refusal_and_shows_every_lane(
    records: Records, tmp_path: Path, seed: int
) -> None:
    files = write(generate(seed, 20, business_on=TODAY), tmp_path)
    for kind in KINDS:
        assert bring(records, kind, files[kind])[0] > 0
        assert bring(records, kind, files[kind])[:2] == (0, 0)  # and again: unchanged

    judged = [
        judge(records, application)
        for application in load_plan(tmp_path)["applications"]
        if application["line_of"] is None
    ]
    seen = {expected for expected, _ in judged}
    for expected, came in judged:
        # The second of a group is judged before the first one's line is active here; and a grade
        # either side of the next changes who decides in the middle.
        assert came == expected or {expected, came} == {"region", "branch"}
    assert seen == {
        *("automatic", "branch", "region", "head"),
        *("declined_by_policy", "incomplete", "refused"),
    }


def judge(records: Records, planned: dict[str, object]) -> tuple[str, str]:
    """What the plan expects of an application, and what the standard edition makes of it."""
    edition = read_shipped()
    with records.begin() as session:
        found = Customers(session).find_by_identifier(
            Identifier.model_validate(planned["customer"])
        )
        assert isinstance(found, Customer)
        application = Application.model_validate(
            {
                "customer_id": found.customer_id,
                **{
                    name: planned[name]
                    for name in ("limit_requested", "term_months", "purpose", "product")
                },
                "attachments": dict.fromkeys(planned["supplement"], "0" * 64),
            }
        )
        dossier = collect_dossier(session, application, edition, TODAY)
        stopped = [
            hit for hit in Lists(session).find_hits(found.identifiers) if hit.rule == "NEG-1"
        ]
    missing = missing_items(
        application, dossier.statements, found, edition, TODAY, payments=dossier.payments
    )
    if stopped or missing:
        return str(planned["expected"]), "refused" if stopped else "incomplete"
    spent = Money.zero(edition.reporting_currency)
    assessed = assess("c-1", dossier, edition, automatic_spent=spent, sampled=False)
    return str(planned["expected"]), _lane(assessed)


def _lane(assessed: Assessment) -> str:
    lane = assessed.route.lane.value
    return {"decline": "declined_by_policy"}.get(lane, assessed.route.row.rsplit("_", 1)[-1])


def test_what_turns_up_after_the_grant_is_overdue_and_one_part_of_it_is_cured(
    records: Records, tmp_path: Path
) -> None:
    files = write(generate(7, 20, business_on=TODAY), tmp_path)
    for kind in KINDS:
        bring(records, kind, files[kind])

    def overdue() -> dict[str, int]:
        with records.begin() as session:
            return dict(Receivables(session).overdue_customers(TODAY, days_min=31))

    before = overdue()
    bring(records, "invoices", files["later_invoices"])
    found = {customer: days for customer, days in overdue().items() if customer not in before}
    bring(records, "payments", files["later_payments"])
    left = {customer: days for customer, days in overdue().items() if customer not in before}

    assert sorted(found.values()) == [38, 97]
    assert sorted(left.values()) == [97]


def test_amounts_asked_are_round_and_above_nothing() -> None:
    for application in generate(7, 60, business_on=TODAY).applications:
        amount = Decimal(application["limit_requested"]["amount"])
        assert amount > 0
        assert amount % 1000 == 0
