"""One product of a line is stopped and let be used again, by page and command; the others go on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from creditflow.commands.output import Exit
from domain.customer import CustomerContent
from domain.errors import CreditError
from domain.exposure import SubLimit, Use, UseBounds
from storage.base import Records
from storage.edition import Editions, shipped_text
from storage.exposure import Exposure
from storage.identity import Persons, password_hash_of
from tests.makers_line import LINE_ID, cny, open_line
from tests.web.book import PASSWORD
from tests.web.office import Office
from tests.web.people import PEOPLE
from tests.web.test_commands import Terminal, terminal
from tests.web.test_console import hidden, signed_in
from tests.web.test_facility_uses import UNMARKED
from web.service.clock import Clock
from web.service.once import JoinedRecords
from web.service.services import Services, build_services
from workflows.codec import Codec

__all__ = ["terminal"]

ON = Clock().business_on()
LOAN, ACCEPTANCE = "working_capital_loan", "bank_acceptance"


@pytest.fixture
def services(joined_records: JoinedRecords, tmp_path: Path) -> Iterator[Services]:
    """A facility of two products, and lines that are acted on at once."""
    exposure = Exposure(joined_records, connections_max=2)
    office = Office(joined_records, exposure, tmp_path)
    found = build_services(joined_records, exposure, office, Clock(), Codec(bytes(32)))
    with joined_records.begin() as session:
        Editions(session).publish(UNMARKED, shipped_text("standard"), "test")
        for name in ("risk_officer", "approver"):
            Persons(session).record_password(PEOPLE[name].person_id, password_hash_of(PASSWORD))
    content = CustomerContent(name="Ironbridge Castings")
    customer_id = found.customers.record(PEOPLE["everybody"], content).customer_id
    dates = {"starts_on": ON, "last_draw_on": ON + timedelta(days=300)}
    dates |= {"ends_on": ON + timedelta(days=330), "review_due_on": ON + timedelta(days=200)}
    parts = tuple(SubLimit(product=each, limit=cny(500)) for each in (LOAN, ACCEPTANCE))
    bounds = UseBounds(sub_lines=parts)
    open_line(joined_records, customer_id=customer_id, limit=cny(1000), bounds=bounds, **dates)
    yield found
    exposure.close()


def usable(records: Records) -> set[str]:
    """The products of which something can be had now."""
    exposure = Exposure(records, connections_max=1)
    found = set()
    for n, product in enumerate((LOAN, ACCEPTANCE)):
        key = f"try-{len(exposure.entries(LINE_ID, page_size=500))}-{n}"
        try:
            exposure.reserve(LINE_ID, cny(1), key, business_on=ON, use=Use(product=product))
            found.add(product)
        except CreditError as refused:
            assert refused.code in ("product_stopped", "line_not_active"), refused.code  # noqa: PT017
    exposure.close()
    return found


def test_a_product_is_stopped_and_let_go_from_a_terminal(
    services: Services, terminal: Terminal
) -> None:
    stop = ("line", LINE_ID, "freeze", "--note", "payee unclear", "--product", ACCEPTANCE)
    assert terminal.asks(*stop, as_="relationship_manager")[1]["code"] == "not_permitted"
    ending, _ = terminal.asks(*stop, "--key", "k-1", as_="risk_officer")
    assert ending is Exit.DONE
    assert terminal.asks(*stop, "--key", "k-1", as_="risk_officer")[0] is Exit.DONE
    assert usable(services.records) == {LOAN}
    unknown = (*stop[:-1], "factoring")
    assert terminal.asks(*unknown, as_="risk_officer")[1]["code"] == "not_found"

    lift = ("line", LINE_ID, "unfreeze", "--note", "seen", "--product", ACCEPTANCE)
    assert terminal.asks(*lift, as_="risk_officer")[0] is not Exit.DONE, "who froze does not lift"
    assert terminal.asks(*lift, as_="approver")[0] is Exit.DONE
    assert usable(services.records) == {LOAN, ACCEPTANCE}


def test_a_product_is_stopped_and_let_go_on_the_page_of_its_line(
    services: Services, app: FastAPI
) -> None:
    risk, approver = (
        signed_in(app, PEOPLE[name].person_id) for name in ("risk_officer", "approver")
    )
    place = f"/lines/{LINE_ID}"
    page = risk.get(place)
    assert f'name="product" value="{ACCEPTANCE}"' in page.text
    form = {**hidden(page, f"{place}/freeze"), "product": ACCEPTANCE}
    assert risk.post(f"{place}/freeze", data={**form, "note": " "}).status_code == 422
    assert risk.post(f"{place}/freeze", data={**form, "note": "payee unclear"}).status_code == 303
    assert usable(services.records) == {LOAN}
    assert services.lines.read_line(PEOPLE["auditor"], LINE_ID).line.status.value == "active"

    page = approver.get(place)
    form = {**hidden(page, f"{place}/unfreeze"), "product": ACCEPTANCE, "note": "seen"}
    assert approver.post(f"{place}/unfreeze", data=form).status_code == 303
    assert usable(services.records) == {LOAN, ACCEPTANCE}
