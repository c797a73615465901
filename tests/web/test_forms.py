"""Does any form of the console fail at what is typed into it? Every one is sent with words that it
was not made for, one field at a time, and nothing of it is kept."""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import product

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

import web.console
from domain.approval import AuthorityGrant
from domain.identity import Language, Person, Role
from domain.money import Money
from storage.approval import AuthorityGrants
from storage.identity import Persons, password_hash_of
from tests.web.book import PASSWORD, Book, link_of
from tests.web.test_console import app, book, browser, hidden
from web.callers import COOKIE

__all__ = ["app", "book"]

LONG = "x" * 20_001
WRONG = (LONG, "many", "99")
WRONG_TOO = (
    " ",
    "9999-12-31",
    "a\x00b",
    "9" * 5000,
    "-1",
    "1e9999999",
    "NaN",
    "\u00b2",
    "0001-01-01",
    "\ud800",
    "a b",
    "<b>",
    "0",
    "\n",
)
# What fields hold that are typed as they should be; a field that is not here holds one word.
FITS = {
    "accepts": "yes",
    "action": "transfer",
    "amount": "1000",
    "application_type": "new_line",
    "benchmark": "LPR1Y",
    "capacity": "legal_representative",
    "clear": "yes",
    "code": "credit_approval",
    "conclusion": "recommend",
    "condition_kind": "other",
    "condition_owner": "legal",
    "confirmed": "yes",
    "currency": "CNY",
    "customer_id": "c-1001",
    "delegate": "approver2",
    "delegator": "approver1",
    "document": "other",
    "entry_no": "1",
    "evidence": "",
    "event_id": "",
    "factor": "management_quality",
    "first": "c-1001",
    "from_on": "2030-01-01",
    "granted": "yes",
    "held_at": "2030-01-01T10:00",
    "holder": "approver1",
    "industries": "C",
    "lead": "manager",
    "limit": "1000",
    "limits": "1000",
    "met": "yes",
    "notches": "-1",
    "owner": "c-1002",
    "other": "c-1002",
    "party_kind": "company",
    "percent": "3.05",
    "placement": "before",
    "plan_hash": "",
    "position": "branch_head",
    "prior": "0",
    "product": "open_account",
    "relation": "insider",
    "resume": "again",
    "role": "supplier",
    "second": "manager2",
    "seat": "branch_head",
    "share": "50",
    "step_id": "5",
    "subject": "c-1001",
    "surviving": "c-1001",
    "tenors": "12",
    "term_months": "12",
    "tier": "doubtful",
    "to": "approver1",
    "to_step": "",
    "until_on": "2030-11-01",
    "valid_from": "2020-01-01",
    "valid_until": "2099-12-31",
    "value": "1000",
    "verdict": "approve",
    "version": "1",
    "way": "holder",
    "word": "accept",
    "key": "k-1",
}
EMPTY = {"line_id", "temporary_until", "condition_day", "parent_no", "case_id", "review_due_on"}
# Where a field means another thing, or an act needs a case of its own.
KINDS = {"caps": "amount", "covers": "mortgage", "ring": "owns", "reports": "bureau"}
# The address that takes a form best is where wrong words get the furthest.
NEAREST = {303: 0, 200: 1, 422: 2, 409: 3}


FILES = {"file", "files", "papers"}
EVERYBODY = Person(
    person_id="everybody",
    title="everybody",
    roles=frozenset(Role) - {Role.SYSTEM},
    language=Language.EN,
)


@dataclass(frozen=True)
class Form:
    path: str
    places: tuple[str, ...]
    fields: tuple[str, ...]


def forms() -> Iterator[Form]:
    """Every form of the console, by its address, what is in that, and its fields."""
    for module in pkgutil.iter_modules(web.console.__path__):
        router = getattr(importlib.import_module(f"web.console.{module.name}"), "router", None)
        for route in router.routes if router else ():
            if isinstance(route, APIRoute) and "POST" in (route.methods or ()):
                yield Form(
                    path=route.path,
                    places=tuple(each.name for each in route.dependant.path_params),
                    fields=tuple(name for name in _names(route.dependant) if name != "csrf_token"),
                )


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (each.name for each in dependant.body_params)
    for each in dependant.dependencies:
        yield from _names(each)


class Desk:
    """Somebody who may do everything, at a book of which nothing is changed."""

    def __init__(self, book: Book, app: FastAPI) -> None:
        self._records = book.services.records
        with self._records.begin() as session:
            Persons(session).record_person(EVERYBODY)
            Persons(session).record_password(EVERYBODY.person_id, password_hash_of(PASSWORD))
            for position in ("branch_head", "region_head", "head_credit", "head_risk"):
                AuthorityGrants(session).record(
                    AuthorityGrant(
                        grant_no=f"SQ-{position}",
                        person_id=EVERYBODY.person_id,
                        position=position,
                        limit=Money.of(900_000_000, "CNY"),
                        valid_from=date(2020, 1, 1),
                        valid_until=date(2099, 12, 31),
                        granted_by="board",
                    )
                )
        visitor = browser(app)
        said = {"name": EVERYBODY.person_id, "password": PASSWORD, "to": "/"}
        cookie = visitor.post("/sign-in", data=said).cookies[COOKIE]
        visitor.cookies.set(COOKIE, cookie)
        self._token = hidden(visitor.get("/"), "/sign-out")["csrf_token"]
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://test",
            headers={"cookie": f"{COOKIE}={cookie}; creditflow_language=en"},
        )

    async def sends(self, path: str, fields: dict[str, str]) -> httpx.Response:
        said = {"csrf_token": self._token, **fields}
        files = {name: (f"{name}.txt", b"words", "text/plain") for name in FILES & said.keys()}
        data = {name: text for name, text in said.items() if name not in files}
        with suppress(_Undone), self._records.begin():
            answer = await self._client.post(path, data=data, files=files or None)
            raise _Undone
        return answer


class _Undone(Exception):
    pass


@pytest.fixture(scope="module")
def desk(book: Book, app: FastAPI) -> Desk:
    return Desk(book, app)


def fitting(form: Form) -> dict[str, str]:
    fields = {name: FITS.get(name, "" if name in EMPTY else "words") for name in form.fields}
    kind = KINDS.get(form.path.rsplit("/", 1)[-1])
    return fields | {"kind": kind} if kind and "kind" in fields else fields


def addresses(form: Form, book: Book) -> list[str]:
    """Where a form may go: to each case where it is about one, else to what is on record."""
    cases = [each for seen, each in book.cases.items() if seen != "line"]
    tasks = book.services.approvals.list_tasks(book.people["auditor"], mine=False)
    held: dict[str, list[str]] = {
        "case_id": cases,
        "task_id": [each.task_id for each in tasks],
        "line_id": [book.cases["line"]],
        "customer_id": ["c-1001"],
        "group_id": ["g-xinghe"],
        "token": [link_of(book.services, book.cases["signing"]).rsplit("/", 1)[-1]],
        "version": ["1"],
        "view": ["grants"],
        "word": ["confirm", "reversal"],
    }
    places = [held.get(name, ["none-such"]) for name in form.places]
    return [
        form.path.format_map(dict(zip(form.places, each, strict=True))) for each in product(*places)
    ]


async def failures_of(desk: Desk, book: Book, wrong: tuple[str, ...]) -> list[str]:
    failures = []
    for form in forms():
        answers = {path: await desk.sends(path, fitting(form)) for path in addresses(form, book)}
        nearest = min(answers, key=lambda path: NEAREST.get(answers[path].status_code, 9))
        for name, text in product(set(form.fields) - FILES, wrong):
            answer = await desk.sends(nearest, fitting(form) | {name: text})
            # 503 is the true answer of what needs Temporal.
            if answer.status_code >= 500 and answer.status_code != 503:
                failures.append(f"{nearest} {name}={text[:12]!r}: {answer.status_code}")
    return failures


async def test_no_form_fails_at_what_is_typed_into_it(desk: Desk, book: Book) -> None:
    assert await failures_of(desk, book, WRONG) == []


@pytest.mark.long
async def test_no_form_fails_at_what_else_is_typed_into_it(desk: Desk, book: Book) -> None:
    assert await failures_of(desk, book, WRONG_TOO) == []
