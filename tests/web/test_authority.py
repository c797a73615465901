"""The register of authority by every door: API, client, command line and page, in both languages."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from creditflow.client import CreditflowError
from creditflow.client import values as v
from creditflow.commands.output import Exit
from tests import servers
from tests.web.book import Book
from tests.web.conftest import serving
from tests.web.keys import client, keyed_book, types
from tests.web.test_console import hidden, signed_in
from web.app import assemble

KEYS = "manager approver1 approver2 approver3 approver4 risk risk2 legal auditor operator".split()
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    with keyed_book(postgres_server, tmp_path_factory, KEYS) as there:
        yield there


@pytest.fixture(scope="module")
def app(book: Book) -> FastAPI:
    return assemble(book.services, public_url="http://test")


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture
def today(book: Book) -> date:
    return book.services.clock.business_on()


def of_authority(url: str, person_id: str, *words: str) -> tuple[Exit, Any]:
    return types(url, person_id, "authority", *words)


def days(today: date) -> tuple[str, ...]:
    return ("--from", f"{today}", "--until", f"{today + 30 * DAY}")


def test_grants_seats_and_sub_grants_are_entered_at_a_terminal_and_fall_together(
    url: str, today: date
) -> None:
    limit = ("--limit", "5000000", "CNY")
    said = (
        "grant",
        "T-1",
        "branch_head",
        *limit,
        *days(today),
        "--post",
        "deputy",
        "--by",
        "board",
    )
    assert of_authority(url, "operator", *said, "--region", "CN-JS")[0] is Exit.DONE
    ending, document = of_authority(url, "approver1", *said)
    assert (ending, document["code"]) == (Exit.REFUSED, "not_permitted")
    seat = ("seat", "approver3", "--post", "deputy", "--from", f"{today}")
    ending, seated = of_authority(url, "operator", *seat)
    assert (ending, seated["person_id"]) == (Exit.DONE, "approver3")

    under = ("--under", "T-1", "--by", "approver3", "--person", "approver2")
    wide = ("grant", "T-2", "branch_head", "--limit", "6000000", "CNY", *days(today), *under)
    ending, document = of_authority(url, "operator", *wide)
    assert document["code"] == "beyond_grant"
    assert "limit, regions" in document["detail"]
    strange = ("grant", "T-2", "branch_head", *limit, *days(today), "--region", "CN-JS")
    strange += ("--under", "T-1", "--by", "approver1", "--person", "approver2")
    assert of_authority(url, "operator", *strange)[1]["code"] == "grant_not_held"
    within = ("grant", "T-2", "branch_head", *limit, *days(today), "--region", "CN-JS", *under)
    assert of_authority(url, "operator", *within)[0] is Exit.DONE

    _, listed = of_authority(url, "auditor", "grants")
    by_no = {each["grant"]["grant_no"]: each for each in listed["items"]}
    assert by_no["T-1"]["holders"] == ["approver3"]
    assert by_no["T-2"]["line"] == ["T-2", "T-1"]
    assert of_authority(url, "operator", "end", "seats", seated["entry_id"])[0] is Exit.DONE
    with client(url, "auditor") as auditor:
        assert not auditor.fetch_grant("T-2").stands
        assert auditor.fetch_grant("T-1").holders == ()
    assert of_authority(url, "operator", "revoke", "T-1", "--reason", "moved")[0] is Exit.DONE
    _, happened = of_authority(url, "auditor", "events")
    told = [(each["what"], each["entry_id"], each["by"]) for each in happened["items"]]
    assert ("ended", "T-1", "operator") in told
    assert ("recorded", "T-2", "operator") in told


def test_a_delegation_is_ones_own_or_an_operators_and_never_the_delegates(
    url: str, today: date
) -> None:
    leave = ("--reason", "leave", *days(today))
    ending, own = of_authority(url, "approver1", "delegate", "approver2", *leave, "--present")
    assert (ending, own["delegator"], own["absent"]) == (Exit.DONE, "approver1", False)
    ending, refused = of_authority(
        url, "approver2", "delegate", "approver2", *leave, "--for", "approver1"
    )
    assert refused["code"] == "not_permitted"
    assert (
        of_authority(url, "approver1", "delegate", "approver1", *leave)[1]["code"] == "same_hands"
    )
    assert (
        of_authority(url, "manager", "delegate", "approver1", *leave)[1]["code"] == "not_permitted"
    )
    ending, sick = of_authority(
        url, "operator", "delegate", "approver3", *leave, "--for", "approver2"
    )
    assert (ending, sick["recorded_by"]) == (Exit.DONE, "operator")
    with client(url, "approver3") as delegate:
        with pytest.raises(CreditflowError) as stopped:
            delegate.end_delegation(sick["entry_id"])
        assert stopped.value.code == "not_permitted"
        assert [each.delegator for each in delegate.list_delegations("approver3")] == ["approver2"]
    for person, entry in (("approver1", own), ("operator", sick)):
        ending, ended = of_authority(url, person, "end", "delegations", entry["entry_id"])
        assert (ending, ended["ended_by"]) == (Exit.DONE, person)


def test_a_certificate_needs_its_document_and_another_person(
    url: str, today: date, book: Book
) -> None:
    said = ("certify", "Z-1", "approver1", "credit_approval", *days(today), "--evidence")
    assert of_authority(url, "operator", *said, "0" * 64)[0] is Exit.NOT_FOUND
    with client(url, "risk") as risk:
        evidence = risk.attach("z.pdf", b"%PDF-1.7 certificate").sha256
    assert of_authority(url, "operator", *said, evidence)[0] is Exit.DONE
    assert of_authority(url, "operator", *said, evidence)[0] is Exit.DONE  # the same again
    own = ("certify", "Z-2", "operator", "credit_approval", *days(today), "--evidence", evidence)
    assert of_authority(url, "operator", *own)[1]["code"] == "same_hands"
    assert of_authority(url, "approver1", *own)[1]["code"] == "not_permitted"
    _, listed = of_authority(url, "approver1", "list", "certificates", "--of", "approver1")
    assert [each["certificate_no"] for each in listed["items"]] == ["Z-1"]


def test_a_tie_is_seen_by_whoever_has_it_and_those_in_charge(url: str, today: date) -> None:
    ending, tie = of_authority(url, "approver2", "declare", "c-1002", "--note", "a relative")
    assert (ending, tie["person_id"]) == (Exit.DONE, "approver2")
    assert of_authority(url, "approver2", "list", "conflicts")[1]["items"] == [tie]
    assert of_authority(url, "approver1", "list", "conflicts")[1]["items"] == []
    assert (
        of_authority(url, "approver1", "list", "conflicts", "--of", "approver2")[0] is Exit.REFUSED
    )
    assert tie in of_authority(url, "risk", "list", "conflicts", "--of", "c-1002")[1]["items"]
    assert not [
        e for e in of_authority(url, "operator", "events")[1]["items"] if e["kind"] == "conflict"
    ]
    assert [
        e for e in of_authority(url, "auditor", "events")[1]["items"] if e["kind"] == "conflict"
    ]
    assert (
        of_authority(url, "operator", "end", "conflicts", tie["entry_id"])[1]["code"]
        == "not_permitted"
    )
    _, over = of_authority(url, "risk2", "end", "conflicts", tie["entry_id"], "--reason", "over")
    assert over["ended_by"] == "risk2"
    with client(url, "risk") as risk:
        own = risk.declare_conflict("c-1003", "shares")
        with pytest.raises(CreditflowError) as refused:
            risk.end_conflict(own.entry_id)
    assert refused.value.code == "same_hands"


def test_an_inbox_lists_the_one_case_of_a_special_grant(url: str, today: date, book: Book) -> None:
    tasks = book.services.approvals.list_tasks(book.people["auditor"], mine=False)
    with client(url, "approver4") as approver, client(url, "operator") as operator:
        before = {task.task_id for task in approver.list_tasks(mine=True)}
        strange = next(task for task in tasks if task.task_id not in before)
        operator.record_grant(
            v.Grant(
                grant_no="S-1",
                person_id="approver4",
                position=strange.position,
                limit=v.Money.of("100000000.00", "CNY"),
                valid_from=today,
                valid_until=today,
                granted_by="board",
                case_id=strange.case_id,
            )
        )
        after = {task.task_id for task in approver.list_tasks(mine=True)}
        assert after - before == {task.task_id for task in tasks if task.case_id == strange.case_id}
        operator.revoke_grant("S-1")
        assert {task.task_id for task in approver.list_tasks(mine=True)} == before


def test_the_queue_says_so_when_a_task_waits_for_nobody(url: str, book: Book) -> None:
    assert of_authority(url, "operator", "queue") == (Exit.DONE, {"items": []})
    [open_task] = [
        task
        for task in book.services.approvals.list_tasks(book.people["auditor"], mine=False)
        if task.position == "region_head"
    ][:1]
    _, grants = of_authority(url, "operator", "grants")
    [held] = [
        each["grant"]
        for each in grants["items"]
        if each["stands"] and each["grant"]["position"] == "region_head"
    ]
    of_authority(url, "operator", "revoke", held["grant_no"])
    ending, queue = of_authority(url, "operator", "queue")
    assert ending is Exit.REFUSED
    assert open_task.task_id in {each["task_id"] for each in queue["items"]}


@pytest.mark.parametrize(
    ("language", "away", "back"), [("en", "away", "End"), ("zh-CN", "不在岗", "终止")]
)
def test_an_approver_goes_on_leave_and_comes_back_on_the_page(
    app: FastAPI, today: date, language: str, away: str, back: str
) -> None:
    page = signed_in(app, "approver1", language)
    place = "/authority?view=delegations"
    fields = hidden(page.get(place), "/authority/delegations") | {
        "delegate": "approver3",
        "valid_from": f"{today}",
        "valid_until": f"{today}",
        "reason": f"leave {language}",
        "limit": "",
        "currency": "CNY",
    }
    assert page.post("/authority/delegations", data=fields).status_code == 303
    slip = page.post("/authority/delegations", data={**fields, "valid_until": ""})
    assert slip.status_code == 422
    shown = page.get(place)
    assert away in shown.text
    assert back in shown.text
    ending = hidden(shown, "/authority/delegations/end")
    assert page.post("/authority/delegations/end", data=ending).status_code == 303


def test_an_operator_enters_and_revokes_a_grant_on_the_page(app: FastAPI, today: date) -> None:
    page = signed_in(app, "operator", "en")
    fields = hidden(page.get("/authority"), "/authority/grants") | {
        "grant_no": "P-1",
        "holder_kind": "body",
        "holder": "credit_committee",
        "position": "head_credit",
        "limit": "1,000,000",
        "currency": "CNY",
        "valid_from": f"{today}",
        "valid_until": f"{today}",
        "granted_by": "board",
        "regions": "CN-JS, CN-SH",
        "secured_only": "1",
    }
    assert page.post("/authority/grants", data=fields).status_code == 303
    shown = page.get("/authority?view=grants").text
    for word in ("P-1", "credit_committee", "CN-JS, CN-SH", "secured credit alone", "nobody today"):
        assert word in shown
    revoked = hidden(page.get("/authority"), "/authority/grants/revoke") | {"entry_id": "P-1"}
    assert page.post("/authority/grants/revoke", data=revoked).status_code == 303
    refused = page.post("/authority/grants/revoke", data={**revoked, "entry_id": "P-none"})
    assert refused.status_code == 404
    for view in ("seats", "certificates", "queue", "events"):
        assert page.get(f"/authority?view={view}").status_code == 200


def test_a_tie_is_declared_from_the_task_in_one_click(app: FastAPI, book: Book) -> None:
    task = book.services.approvals.list_tasks(book.people["auditor"], mine=False)[0]
    page = signed_in(app, "approver3", "en")
    form = hidden(page.get(f"/tasks/{task.task_id}"), "/authority/conflicts")
    assert form["customer_id"] == task.customer_id
    assert page.post("/authority/conflicts", data=form | {"note": "shares"}).status_code == 303
    assert "conflict_of_interest" in page.get(f"/tasks/{task.task_id}").text


def test_the_client_reads_the_register_as_typed_values(url: str, today: date) -> None:
    with client(url, "operator") as operator:
        seat = operator.record_seat(
            v.SeatContent(person_id="approver2", body="committee", valid_from=today)
        )
        assert [each.entry_id for each in operator.list_seats("committee")] == [seat.entry_id]
        assert operator.end_seat(seat.entry_id, reason="left").ended_on == today
        assert {each.kind for each in operator.fetch_register_events()} >= {"seat", "grant"}
        assert [each for each in operator.list_grants() if each.stands]
