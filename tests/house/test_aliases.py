"""A query by customer asks for every id of the customer, or says here why it does not."""

import re
from pathlib import Path

STORAGE = Path(__file__).resolve().parents[2] / "storage"
# `… .customer_id == x`, `customer_id = :x`, `customer_id IN (…)`, in Python and in SQL.
BY_ONE_ID = re.compile(r"\bcustomer_id(?: == | = :| = \w\.customer_id| IN \(|\.in_\()")

# By file: what may ask by one id alone, and why.
ALLOWED = {
    "check.py": "a payment is of the invoice under the id that the invoice was written with",
    "bill.py": "a bill pays invoices under the id that each was written with",
    "bulk.py": "a file's rows are led to the id that their invoice was written with first",
    "classification/classes.py": "each record's newest row is looked up in turn, and rows are numbered"
    " under the id that stayed",
    "classification/debtors.py": "whom to judge is found by any record, and judged as the one that"
    " stayed",
    "classification/losses.py": "postings are numbered under the id that stayed",
    "concentration.py": "lines are summed under the id that stayed already",
    "customer.py": "the record itself: its row, versions, codes, and which ids are one",
    "dispute.py": "a dispute is of the invoice under the id that the invoice was written with",
    "exposure/buckets.py": "a payment is of the invoice under the id that the invoice was written with",
    "order.py": "an order writes its invoices, and bills pay them, under the id the order was placed with",
    "merge.py": "the two records that are merged are locked as they are",
    "receivable.py": "a payment is of the invoice under the id that the invoice was written with",
    "reconciliation.py": "a payment is of its invoice, and both sides are set side by side under the id"
    " that stayed",
    "trade.py": "a settlement is of the payable under the id that the payable was written with",
    "statement.py": "versions are numbered under the id a statement is recorded with",
    "warning/warnings.py": "what a warning could not be written beside has its own id",
    "warning/book.py": "whom to look at is found by any record, and looked at as the one that stayed",
}


def test_a_query_by_customer_sees_every_record_of_it() -> None:
    by_one_id = {
        path.relative_to(STORAGE).as_posix()
        for path in STORAGE.rglob("*.py")
        if "migrations" not in path.parts and BY_ONE_ID.search(path.read_text("utf-8"))
    }
    assert by_one_id == set(ALLOWED)
