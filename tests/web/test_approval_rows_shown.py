"""Who is asked by cover, and what would move it: the task by API, client and page, in both languages."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from creditflow.client import Client
from domain.application import Application
from domain.cover import CoverContent, CoverKind, CoverUse
from domain.customer import Identifier, IdentifierScheme
from domain.money import Money
from storage.customer import Customers
from storage.edition import Editions, shipped_text
from storage.identity import ApiKeys
from storage.statement import Statements
from tests import servers
from tests.makers_policy import a_changed_edition, a_customer, a_statement
from tests.web.book import Book, opened
from tests.web.conftest import serving
from tests.web.test_console import signed_in
from web.app import assemble

BY_COVER = """
effective_on = {day}
[approval.automatic]
sampling_share = 0
[limit.covers]
deposit = {{ haircut = 0, lgd = 0, counts_as = "low_risk" }}
pledge = {{ haircut = 0.1, valuation_months_max = 6, lgd = 0.15, counts_as = "collateral" }}
mortgage = {{ haircut = 0.4, valuation_months_max = 12, lgd = 0.25, counts_as = "collateral" }}
guarantee = {{ haircut = 0.5, valuation_months_max = 12, lgd = 0.35, counts_as = "guarantee" }}
insurance = {{ haircut = 0.1, lgd = 0.1, counts_as = "guarantee" }}
credit_insurance = {{ haircut = 0.1, lgd = 0.1, counts_as = "guarantee" }}
[[approval.rows]]
code = "covered"
grades = ["AAA", "AA", "A", "BBB", "BB", "B"]
up_to = 100000000
covers = ["low_risk", "collateral"]
steps = [{{ tier = "branch", mode = "one", positions = ["branch_head"] }}]
[[approval.rows]]
code = "covered_head"
grades = ["AAA", "AA", "A", "BBB", "BB", "B"]
above = 100000000
covers = ["low_risk", "collateral"]
steps = [{{ tier = "head", mode = "all", positions = ["head_credit", "head_risk"] }}]
[[approval.rows]]
code = "plain"
grades = ["AAA", "AA", "A", "BBB", "BB", "B"]
up_to = 10000000
covers = ["guarantee", "unsecured"]
steps = [{{ tier = "branch", mode = "one", positions = ["branch_head"] }}]
[[approval.rows]]
code = "plain_region"
grades = ["AAA", "AA", "A", "BBB", "BB", "B"]
above = 10000000
up_to = 100000000
covers = ["guarantee", "unsecured"]
steps = [{{ tier = "region", mode = "one", positions = ["region_head"] }}]
[[approval.rows]]
code = "plain_head"
grades = ["AAA", "AA", "A", "BBB", "BB", "B"]
above = 100000000
covers = ["guarantee", "unsecured"]
steps = [{{ tier = "head", mode = "all", positions = ["head_credit", "head_risk"] }}]
[[approval.rows]]
code = "poor_head"
grades = ["CCC", "D"]
steps = [{{ tier = "head", mode = "all", positions = ["head_credit", "head_risk"] }}]
"""


@pytest.fixture(scope="module")
def book(
    postgres_server: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Book]:
    """The book, under an edition whose rows go by cover; one company has pledged its works."""
    name = postgres_server.copy()
    with opened(postgres_server.url(name), tmp_path_factory.mktemp("rows")) as there:
        on = there.services.clock.business_on()
        with there.services.records.begin() as session:
            edition = a_changed_edition(BY_COVER.format(day=on))
            Editions(session).publish(edition, shipped_text("standard"), "risk")
            ApiKeys(session).record_key("approver1", "cf_test_approver1")
            kept = {"business_on": on, "recorded_by": "manager"}
            customer = a_customer(
                customer_id="c-3001",
                identifiers=(
                    Identifier(scheme=IdentifierScheme.LEI, value="5493001KJTIIGC8Y1R12"),
                ),
                industry="C",
                mail="finance@c-3001.example",
                manager_id="manager",
            )
            Customers(session).record(customer, source="test", **kept)
            for year in (on.year - 2, on.year - 1):
                account = a_statement(year).model_copy(update={"customer_id": "c-3001"})
                Statements(session).record(account, **kept)
        worth = Money.of(30_000_000, "CNY")
        cover = there.services.covers.record(
            there.people["manager"],
            CoverContent(
                kind=CoverKind.MORTGAGE,
                owner="c-3001",
                value=worth,
                uses=(CoverUse(customer_id="c-3001", amount=worth),),
                valued_on=on,
                valuer="Sample Appraisal",
                source="valuation report",
            ),
        )
        there.services.covers.check(there.people["release"], cover.cover_id, 1, confirmed=True)
        yield there
    postgres_server.drop(name)


@pytest.fixture(scope="module")
def app(book: Book) -> FastAPI:
    return assemble(book.services, public_url="http://test")


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture(scope="module")
def case_id(book: Book) -> str:
    application = Application(
        customer_id="c-3001",
        limit_requested=Money.of(12_000_000, "CNY"),
        purpose="Components for the coming season.",
    )
    return book.services.applications.submit(book.people["manager"], application, "rows").case_id


@pytest.fixture(scope="module")
def task_id(book: Book, case_id: str) -> str:
    [task] = book.services.approvals.list_tasks(book.people["auditor"], mine=False, case_id=case_id)
    assert task.position == "branch_head", "without cover the region would be asked"
    return task.task_id


def test_a_receipt_keeps_the_row_and_the_class_of_cover_it_went_by(
    book: Book, case_id: str, task_id: str
) -> None:
    view = book.services.applications.read_case(book.people["auditor"], case_id)
    assert view.assessment is not None
    assert view.assessment.limit_recommended == Money.of(12_000_000, "CNY")
    assert (view.assessment.route.row, view.assessment.route.facts) == (
        "covered",
        {"cover": "collateral"},
    )


def test_a_task_says_what_its_row_went_by_and_that_less_cover_asks_a_higher_tier(
    url: str, task_id: str
) -> None:
    with Client(url, "cf_test_approver1") as approver:
        why = approver.fetch_task(task_id).why
    assert (why.route_row, why.facts) == ("covered", {"cover": "collateral"})
    assert [(move.up, move.row, move.cover) for move in why.moves if move.cover] == [
        (True, "plain_region", "guarantee")
    ]
    assert [(move.up, move.row) for move in why.moves if move.amount] == [(True, "covered_head")]

    headers = {"Authorization": "Bearer cf_test_approver1"}
    said = httpx.get(f"{url}/api/v1/tasks/{task_id}", headers=headers).json()["why"]
    assert said["facts"] == {"cover": "collateral"}
    assert [(move["row"], move["cover"]) for move in said["moves"] if move["cover"]] == [
        ("plain_region", "guarantee")
    ]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Cover it rests on", "collateral", "resting on guarantee")),
        ("zh-CN", ("担保类别", "抵质押", "担保类别为保证")),
    ],
)
def test_the_pages_of_task_case_and_policy_say_so_in_both_languages(
    app: FastAPI, case_id: str, task_id: str, language: str, words: tuple[str, ...]
) -> None:
    reader = signed_in(app, "approver1", language)
    task = reader.get(f"/tasks/{task_id}").text
    assert [word for word in words if word not in task] == []
    case = signed_in(app, "auditor", language).get(f"/cases/{case_id}").text
    assert [word for word in words[:2] if word not in case] == []
    policy = signed_in(app, "risk", language).get("/policy").text
    assert words[1] in policy
