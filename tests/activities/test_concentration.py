"""The book's own sums reach a case: a cap that it would pass sends it to people."""

from activities.assessment import collect_dossier
from activities.book import refresh_book
from domain.application import Application, ApplicationType
from domain.assessment import Assessment, Dossier
from domain.edition import PolicyEdition
from policies.assessment import assess, replay
from storage.base import Records
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book
from tests.makers_policy import a_changed_edition, cny

NARROW = """
[[concentration.caps]]
code = "industry"
scope = "industry"
measure = "limits"
base = "capital_net"
share = {share}
"""


def dossier_of(records: Records, edition: PolicyEdition, line_id: str | None = None) -> Dossier:
    kind = ApplicationType.NEW_LINE if line_id is None else ApplicationType.RENEWAL
    application = Application(
        customer_id="c-1",
        application_type=kind,
        limit_requested=cny(1_000_000),
        purpose="components",
        line_id=line_id,
    )
    with records.begin() as session:
        return collect_dossier(session, application, edition, GRANTED_ON)


def judged(dossier: Dossier, edition: PolicyEdition) -> Assessment:
    return assess("case-2", dossier, edition, automatic_spent=cny(0), sampled=False)


def test_of_a_book_that_was_never_looked_at_only_the_customers_own_part_is_known(
    records: Records,
) -> None:
    edition = a_changed_edition(NARROW.format(share="0.0001"))
    a_book(records, edition=edition)
    book = dossier_of(records, edition).book

    assert book is not None
    assert book.as_of is None
    assert book.by_scope["customer:limits"] == cny(1_000_000)
    assert "industry:limits" not in book.by_scope
    assert (book.totals, book.loss_expected, book.largest) == ({}, None, {})


def test_a_case_is_measured_on_the_book_as_of_the_last_look(records: Records) -> None:
    # Of 5,000 million of capital 0.03 % is 1.5 million: room for half of what is asked.
    edition = a_changed_edition(NARROW.format(share="0.0003"))
    a_book(records, edition=edition)
    with records.begin() as session:
        refresh_book(session, edition, GRANTED_ON)
        refresh_book(session, edition, GRANTED_ON)
    dossier = dossier_of(records, edition)
    receipt = judged(dossier, edition)

    assert dossier.book is not None
    assert dossier.book.by_scope["industry:limits"] == cny(1_000_000)
    assert dossier.book.totals["limits"] == cny(1_000_000)
    (exception,) = receipt.route.exceptions
    assert (exception.before, exception.after) == (cny(1_000_000), cny(2_000_000))
    assert "cap:industry" in receipt.route.reasons
    assert replay(receipt, edition) == []


def test_what_an_approval_replaces_is_not_counted_twice(records: Records) -> None:
    edition = a_changed_edition(NARROW.format(share="0.0003"))
    a_book(records, edition=edition)
    with records.begin() as session:
        refresh_book(session, edition, GRANTED_ON)
    dossier = dossier_of(records, edition, LINE_ID)

    assert dossier.book is not None
    assert dossier.book.by_scope["industry:limits"] == cny(0)
    assert judged(dossier, edition).route.exceptions == ()
