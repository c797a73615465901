"""The sample book brought in through the import API, as of the day it was first brought in."""

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from creditflow.client import NotFound
from creditflow.client import values as v
from creditflow.client.calls import reading, writing
from creditflow.demo.office import Office, Person
from creditflow.sample import Book, generate, write

# Who brings in what, in this order; an invoice needs its customer, a payment its invoice.
_BROUGHT_BY = {
    "rates": "risk",
    "lists": "risk",
    "customers": "manager",
    "statements": "manager",
    "invoices": "manager",
    "payments": "manager",
}


class Records:
    """The files of a sample book, and whoever brings them in."""

    def __init__(self, office: Office, book: Book, folder: Path) -> None:
        self._office = office
        self._book = book
        self._files = write(book, folder)

    async def bring(self) -> dict[str, int]:
        """Bring in everything known before anybody applies; rows by kind."""
        rows = {}
        for kind, name in _BROUGHT_BY.items():
            if kind == "lists" and await self._listed():
                continue
            rows[kind] = await self._bring(kind, kind, self._office[name])
        return rows

    async def bring_later_invoices(self) -> None:
        """What turns out to be overdue once lines are in use."""
        if "later_invoices" in self._files:
            await self._bring("invoices", "later_invoices", self._office["manager"])

    async def bring_later_payments(self) -> None:
        """What some of them then pay."""
        if "later_payments" in self._files:
            await self._bring("payments", "later_payments", self._office["manager"])

    async def _bring(self, kind: str, part: str, person: Person) -> int:
        content = self._files[part].read_bytes()
        key = f"sample-{self._book.seed}/{part}/{sha256(content).hexdigest()[:16]}"
        report = await person.import_file(kind, content, key=key)
        return report.rows

    async def _listed(self) -> bool:
        """Whether a list names all of the book's already, as after a larger book."""
        wanted = [{"scheme": row["scheme"], "value": row["value"]} for row in self._book.lists]
        hits = v.Items[Mapping[str, Any]]
        found = await self._office["risk"].run(
            writing("/lists/hits", hits, {"identifiers": wanted})
        )
        named = {one["identifier"]["value"] for one in found.items}
        return named.issuperset(one["value"] for one in wanted)


async def find_book(office: Office, seed: int, companies: int) -> Book:
    """The book of a seed: as of the day it is on record since, or of today."""
    ageing = await office["risk"].run(reading("/ageing", dict[str, Any]))
    today = date.fromisoformat(ageing["ageing"]["as_of"])
    book = generate(seed, companies, business_on=await _day_on_record(office, seed, today))
    # A list of other companies is another version of it.
    codes = "/".join(row["value"] for row in book.lists)
    for row in book.lists:
        row["list_version"] = f"sample-{seed}-{sha256(codes.encode()).hexdigest()[:8]}"
    return book


async def _day_on_record(office: Office, seed: int, today: date) -> date:
    """The day the first company came in; its codes follow from the seed alone."""
    [first] = generate(seed, 1, business_on=today).customers
    scheme = next(scheme for scheme in ("uscc", "lei", "internal") if first[scheme])
    try:
        known = await office["manager"].fetch_customer_by(scheme, first[scheme])
    except NotFound:
        return today
    path = f"/customers/{known.customer_id}/profile"
    profile = await office["manager"].run(reading(path, dict[str, Any]))
    return date.fromisoformat(profile["fields"]["identifiers"]["as_of"])
