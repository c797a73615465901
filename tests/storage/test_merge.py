"""Are two records of one customer one to whoever asks, and two again when the merge was a mistake?"""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.application import Application
from domain.collection import Arrears, CollectionCase
from domain.customer import Customer, CustomerGroup, Identifier, IdentifierScheme
from domain.errors import (
    AlreadyDecided,
    CreditError,
    CustomerMerged,
    KeyReused,
    LineHeld,
    MergeBuiltOn,
    MergeCasesOpen,
    MergeCircular,
    MergeGroupsDiffer,
    MergeIdentifiersDiffer,
    NotFound,
    OutOfOrder,
    SameHands,
)
from domain.hold import Hold, HoldOn
from domain.merge import Merge, MergeStatus
from domain.money import Money
from domain.receivable import Invoice, Payment
from storage.application import Intakes
from storage.base import Records
from storage.collection import Collections
from storage.customer import Customers
from storage.exposure import Exposure
from storage.hold import Holds
from storage.line import Lines
from storage.merge import Merges
from storage.receivable import Receivables
from tests.makers_line import NOW, TODAY, cny, open_line

USCC = Identifier(scheme=IdentifierScheme.USCC, value="91110000600037341L")
OTHER_USCC = Identifier(scheme=IdentifierScheme.USCC, value="91320500600037340W")
LEI = Identifier(scheme=IdentifierScheme.LEI, value="529900T8BM49AURSDO55")


def known(records: Records, customer_id: str, **fields: Any) -> None:
    customer = Customer.model_validate({"customer_id": customer_id, "name": customer_id, **fields})
    with records.begin() as session:
        Customers(session).record(customer, business_on=TODAY, source="a test", recorded_by="m")


def propose(records: Records, losing: str, surviving: str, by: str = "maker") -> Merge:
    with records.begin() as session:
        return Merges(session).propose(
            f"m-{losing[-8:]}-{surviving[-8:]}",
            losing,
            surviving,
            reason="the same company",
            likeness=None,
            proposed_by=by,
            proposed_on=TODAY,
        )


def decide(
    records: Records, merge: Merge, act: MergeStatus = MergeStatus.CONFIRMED, by: str = "checker"
) -> Merge:
    with records.begin() as session:
        return Merges(session).decide(
            merge.merge_id, act, reason="seen", acted_by=by, acted_on=TODAY
        )


def merged(records: Records, losing: str, surviving: str) -> Merge:
    return decide(records, propose(records, losing, surviving))


def take_back(records: Records, merge: Merge, by: str = "checker") -> Merge:
    with records.begin() as session:
        return Merges(session).take_back(
            merge.merge_id, reason="a mistake", acted_by=by, acted_on=TODAY
        )


def survivors(records: Records, *customer_ids: str) -> list[str]:
    with records.begin() as session:
        return [Customers(session).read(each).customer_id for each in customer_ids]


@pytest.fixture
def pair(records: Records) -> Records:
    known(records, "a", identifiers=(LEI,))
    known(records, "b", identifiers=(USCC,))
    return records


def test_every_read_of_the_one_answers_the_other_and_says_so(pair: Records) -> None:
    merged(pair, "a", "b")
    with pair.begin() as session:
        customers = Customers(session)
        asked = customers.find_record("a")
        assert asked is not None
        assert (asked.customer_id, asked.merged_into) == ("b", "b")
        assert [alias.customer_id for alias in asked.aliases] == ["a"]
        whole = customers.read("b")
        assert set(whole.identifiers) == {USCC, LEI}
        assert customers.find_by_identifier(LEI) == whole
        assert customers.find_many(["a", "b"]) == {"a": whole, "b": whole}
        assert customers.find_page() == [whole]
        assert customers.find_page(search="a") == [whole]
        record = customers.find_record("b")
        assert record is not None
        assert record.merged_into is None


def test_nothing_that_was_written_is_rewritten(pair: Records) -> None:
    def rows() -> list[Any]:
        with pair.begin() as session:
            return list(session.execute(text("SELECT * FROM customer ORDER BY customer_id")).all())

    before = rows()
    merged(pair, "a", "b")
    assert rows() == before


def test_the_record_that_gave_way_takes_no_more_content(pair: Records) -> None:
    merged(pair, "a", "b")
    with pytest.raises(CustomerMerged), pair.begin() as session:
        Customers(session).update(
            Customer(customer_id="a", name="A"), business_on=TODAY, source="t", recorded_by="m"
        )
    with pair.begin() as session:
        whole = Customers(session).read("b")
        renamed = whole.model_copy(update={"name": "B"})
        Customers(session).update(renamed, business_on=TODAY, source="t", recorded_by="m")
    take_back(pair, merged_of(pair, "a"))
    with pair.begin() as session:
        assert Customers(session).read("b").identifiers == (USCC,), "its own codes alone"
        assert Customers(session).read("a").identifiers == (LEI,)


def merged_of(records: Records, customer_id: str) -> Merge:
    with records.begin() as session:
        return Merges(session).list_of_customer(customer_id)[0]


def test_the_one_who_proposed_does_not_confirm(pair: Records) -> None:
    merge = propose(pair, "a", "b")
    with pytest.raises(SameHands):
        decide(pair, merge, by="maker")
    with pytest.raises(DBAPIError), pair.begin() as session:
        session.execute(
            text(
                "INSERT INTO customer_merge_act (merge_id, act, reason, proposed_by, acted_by,"
                " acted_on) VALUES (:id, 'confirmed', 'x', 'maker', 'maker', now())"
            ),
            {"id": merge.merge_id},
        )
    assert survivors(pair, "a") == ["a"]


def test_each_word_counts_once(pair: Records) -> None:
    merge = propose(pair, "a", "b")
    assert propose(pair, "a", "b") == merge
    confirmed = decide(pair, merge)
    assert confirmed.status is MergeStatus.CONFIRMED
    assert decide(pair, merge) == confirmed
    with pytest.raises(AlreadyDecided):
        decide(pair, merge, MergeStatus.DECLINED, by="another")
    returned = take_back(pair, merge)
    assert returned.status is MergeStatus.TAKEN_BACK
    assert take_back(pair, merge) == returned
    with pytest.raises(KeyReused), pair.begin() as session:
        Merges(session).take_back(merge.merge_id, reason="else", acted_by="checker", acted_on=TODAY)
    assert survivors(pair, "a", "b") == ["a", "b"]


def test_what_was_declined_changes_nothing_and_may_be_proposed_again(pair: Records) -> None:
    declined = decide(pair, propose(pair, "a", "b"), MergeStatus.DECLINED)
    assert declined.status is MergeStatus.DECLINED
    assert survivors(pair, "a", "b") == ["a", "b"]
    with pytest.raises(OutOfOrder):
        take_back(pair, declined)


def two_codes(records: Records) -> None:
    known(records, "a", identifiers=(USCC,))
    known(records, "b", identifiers=(OTHER_USCC,))


def two_groups(records: Records) -> None:
    with records.begin() as session:
        Customers(session).record_group(CustomerGroup(group_id="g", name="G"))
    known(records, "a", group_id="g")
    known(records, "b")


def two_open_cases(records: Records) -> None:
    known(records, "a")
    known(records, "b")
    submit(records, "a")
    with records.begin() as session:
        Collections(session).record(
            CollectionCase(
                collection_id="k-1",
                customer_id="b",
                owner="m",
                opened_on=TODAY,
                arrears=Arrears(overdue=cny(1), days_past_due=1, as_of=TODAY),
            )
        )


def submit(records: Records, customer_id: str, key: str = "k") -> tuple[str, bool]:
    with records.begin() as session:
        return Intakes(session).record(
            f"case-{customer_id}-{key}",
            Application(customer_id=customer_id, limit_requested=cny(100), purpose="p"),
            caller="m",
            key=f"{customer_id}-{key}",
            business_on=TODAY,
            received_at=NOW,
        )


@pytest.mark.parametrize(
    ("settled", "refusal"),
    [
        (two_codes, MergeIdentifiersDiffer),
        (two_groups, MergeGroupsDiffer),
        (two_open_cases, MergeCasesOpen),
    ],
)
def test_what_speaks_against_it_refuses_it(
    records: Records, settled: Callable[[Records], None], refusal: type[CreditError]
) -> None:
    settled(records)
    with pytest.raises(refusal):
        propose(records, "a", "b")


def test_what_came_to_speak_against_it_since_refuses_the_confirmation(pair: Records) -> None:
    merge = propose(pair, "a", "b")
    submit(pair, "a")
    submit(pair, "b")
    with pytest.raises(MergeCasesOpen):
        decide(pair, merge)


def test_no_record_gives_way_twice_and_none_to_itself(pair: Records) -> None:
    known(pair, "c")
    with pytest.raises(MergeCircular):
        propose(pair, "a", "a")
    with pytest.raises(NotFound):
        propose(pair, "a", "nobody")
    merged(pair, "a", "b")
    with pytest.raises(MergeCircular):
        propose(pair, "b", "a")
    with pytest.raises(CustomerMerged):
        propose(pair, "a", "c")
    with pytest.raises(CustomerMerged):
        propose(pair, "c", "a")


def test_a_record_that_took_another_in_may_give_way_with_it_and_come_back_with_it(
    pair: Records,
) -> None:
    known(pair, "c")
    first = merged(pair, "a", "b")
    second = merged(pair, "b", "c")
    assert survivors(pair, "a", "b", "c") == ["c", "c", "c"]
    with pytest.raises(OutOfOrder):
        take_back(pair, first)
    take_back(pair, second)
    assert survivors(pair, "a", "b", "c") == ["b", "b", "c"]
    take_back(pair, first)
    assert survivors(pair, "a", "b", "c") == ["a", "b", "c"]


def test_a_merge_that_was_built_on_stands(pair: Records) -> None:
    open_line(pair, customer_id="a")
    merge = merged(pair, "a", "b")
    exposure = Exposure(pair, connections_max=1)
    taken = exposure.check("b", cny(10), key="o-1", business_on=TODAY, posted_by="o")
    exposure.close()
    assert taken.line_id == "line-1", "an order of the one draws on the line of the other"
    with pytest.raises(MergeBuiltOn):
        take_back(pair, merge)


def test_an_order_may_name_either_record_and_is_answered_once(pair: Records) -> None:
    open_line(pair, customer_id="a")
    merged(pair, "a", "b")
    exposure = Exposure(pair, connections_max=1)
    asked = [
        exposure.check(each, cny(10), key="o-1", business_on=TODAY, posted_by="o")
        for each in ("a", "b")
    ]
    exposure.close()
    assert [each.replayed for each in asked] == [False, True]
    assert asked[0].entry_id == asked[1].entry_id


def test_one_case_is_open_on_a_limit_whichever_record_is_named(pair: Records) -> None:
    first = submit(pair, "a")
    merged(pair, "a", "b")
    assert submit(pair, "b") == (first[0], False)
    assert submit(pair, "a")[0] == first[0], "the request on record answers as before"


def an_invoice(customer_id: str, invoice_no: str, amount: int = 100) -> Invoice:
    return Invoice(
        customer_id=customer_id,
        invoice_no=invoice_no,
        issued_on=date(2026, 1, 1),
        due_on=date(2026, 1, 31),
        amount=cny(amount),
    )


def a_payment(customer_id: str, invoice_no: str, amount: int, payment_no: str = "p-1") -> Payment:
    return Payment(
        customer_id=customer_id,
        invoice_no=invoice_no,
        payment_no=payment_no,
        paid_on=date(2026, 2, 10),
        amount=cny(amount),
    )


def bill(records: Records, *documents: Invoice | Payment) -> None:
    with records.begin() as session:
        store = Receivables(session)
        for each in documents:
            if isinstance(each, Invoice):
                store.record_invoice(each, business_on=TODAY, recorded_by="o")
            else:
                store.record_payment(each, recorded_by="o")


def owed(records: Records, customer_id: str) -> Money:
    """What is open, as the sums and as the items have it."""
    with records.begin() as session:
        total = Receivables(session).payment_record(customer_id, as_of=TODAY).open_total
        items = Receivables(session).open_items(TODAY, customer_id=customer_id)
    assert total is not None
    assert total.minor == sum(item.amount.minor for item in items)
    return total


def test_what_both_owe_is_owed_once_by_the_one(pair: Records) -> None:
    bill(pair, an_invoice("a", "1"), an_invoice("b", "2", 50), an_invoice("b", "1"))
    bill(pair, an_invoice("a", "3", 30), an_invoice("b", "3", 70))
    bill(pair, a_payment("a", "1", 60))
    merged(pair, "a", "b")
    # Of the two invoices with one number, one is the same claim and counts once, as the one on
    # which more is paid; the other two are different claims.
    assert owed(pair, "a") == owed(pair, "b") == cny(40 + 50 + 30 + 70)


def test_a_document_that_comes_in_later_finds_the_one_on_record(pair: Records) -> None:
    bill(pair, an_invoice("a", "1"))
    merged(pair, "a", "b")
    bill(pair, an_invoice("b", "1"), a_payment("b", "1", 30))
    assert owed(pair, "b") == cny(70)
    with pair.begin() as session:
        assert [each.customer_id for each in Receivables(session).invoices("b")] == ["a"]


def test_limits_of_both_are_held_by_the_one(pair: Records) -> None:
    open_line(pair, "line-a", customer_id="a", limit=cny(1000))
    open_line(pair, "line-b", customer_id="b", limit=cny(500))
    merged(pair, "a", "b")
    with pair.begin() as session:
        assert Lines(session).limits_of(["b"]) == [("b", cny(1000)), ("b", cny(500))]
        held = Lines(session).list_of_customer("a")
    assert {line.line_id: line.customer_id for line in held} == {"line-a": "a", "line-b": "b"}


def test_a_hold_is_of_the_one_while_they_are_one(pair: Records) -> None:
    open_line(pair, "line-b", customer_id="b", limit=cny(500))
    exposure = Exposure(pair, connections_max=1)

    def is_held() -> bool:
        try:
            exposure.check("b", cny(1), business_on=TODAY)
        except LineHeld:
            return True
        return False

    with pair.begin() as session:
        hold = Hold(
            hold_id="h-1",
            holds=HoldOn.CUSTOMER,
            subject_id="a",
            customer_id="a",
            manual=True,
            set_by="risk",
            looked_at=NOW,
            owner="role.risk_officer",
            opened_at=NOW,
            opened_on=TODAY,
            due_at=NOW,
            review_on=TODAY,
        )
        Holds(session).write(hold, "risk", NOW)
    assert not is_held()
    merge = merged(pair, "a", "b")
    assert is_held()
    take_back(pair, merge)
    assert not is_held()
    exposure.close()
