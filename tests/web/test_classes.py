"""Classes and cohorts as people and programs ask for them: figures, and the rows they are the sum of."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from activities.classification import ClassificationActivities
from activities.warning import WarningActivities
from creditflow.cli import app as commands
from creditflow.client import Client
from creditflow.commands.output import Exit
from domain.application import Application, Case, CaseStatus
from domain.classification import ClassificationPage
from domain.customer import Identifier, IdentifierScheme
from domain.errors import DateInFuture, NotFound, NotPermitted
from domain.identity import Person, Role
from domain.money import Money
from domain.receivable import Invoice
from domain.warning import MonitoringPage
from policies.line import line_dates
from storage.application import Applications, Assessments, Intakes
from storage.approval import Letters
from storage.base import Records
from storage.classification import Losses
from storage.customer import Customers
from storage.line import Lines
from storage.receivable import Receivables
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, noon
from tests.makers_policy import a_customer, an_edition, cny
from tests.web.people import KEYS, PEOPLE, as_
from tests.web.silent import SilentGateway
from web.service.classification import ClassificationService
from web.service.clock import Clock
from web.service.cohort import csv_text
from web.service.once import JoinedRecords

DUE = date(2026, 5, 29)
ON = date(2026, 8, 31)
# Days past due on the day, by customer; the sixth owes nothing.
LATE = {"c-2": 0, "c-3": 20, "c-4": 60, "c-5": 100}
MONEY = ("owed", "allowance", "allowance_line", "allowance_receivables")


@pytest.fixture
def joined_records(joined_records: JoinedRecords) -> JoinedRecords:
    """The ordinary customer and five like it, two of other managers, classified in summer."""
    a_book(joined_records)
    with joined_records.begin() as session:
        for number in range(2, 7):
            code = Identifier(scheme=IdentifierScheme.INTERNAL, value=f"INT-{number}")
            Customers(session).record(
                a_customer(
                    customer_id=f"c-{number}",
                    identifiers=(code,),
                    manager_id="relationship_manager" if number < 4 else "manager",
                ),
                business_on=DUE,
                source="test",
                recorded_by="manager",
            )
        for customer_id, days in LATE.items():
            due_on = ON - timedelta(days=days)
            Receivables(session).record_invoice(
                Invoice(
                    customer_id=customer_id,
                    invoice_no="i-1",
                    issued_on=due_on - timedelta(days=30),
                    due_on=due_on,
                    amount=cny(10_000 + days),
                ),
                business_on=due_on,
                recorded_by="manager",
            )
    grant(joined_records, "c-5", "case-5", date(2026, 2, 10), "approver2", cny(2_000_000))
    grant(joined_records, "c-5", "case-6", date(2026, 2, 20), "approver1", cny(500_000))
    grant(joined_records, "c-3", "case-7", date(2026, 8, 31), "", Money.of(1_000, "USD"))
    grant(joined_records, "c-3", "case-8", date(2026, 9, 1), "approver1", cny(700))
    WarningActivities(joined_records).monitor_customers(
        MonitoringPage(run_id="look-1", after=None, page_size=10, at=noon(ON))
    )
    classify(joined_records, ON)
    return joined_records


def classify(records: Records, on: date) -> None:
    ClassificationActivities(records).classify_customers(
        ClassificationPage(
            run_id=f"run-{on}", as_of=on, person_id="risk", after=None, page_size=50, at=noon(on)
        )
    )


def grant(
    records: Records, customer_id: str, case_id: str, on: date, approver: str, limit: Money
) -> None:
    """An approved new line, in force from the day."""
    application = Application(customer_id=customer_id, limit_requested=limit, purpose="components")
    edition = an_edition()
    with records.begin() as session:
        line = Lines(session).read(LINE_ID)
        known = Letters(session).read(line.letter_no)
        Intakes(session).record(
            case_id,
            application,
            caller="manager",
            key=case_id,
            business_on=on,
            received_at=noon(on),
        )
        Applications(session).record(
            Case(
                case_id=case_id,
                application=application,
                status=CaseStatus.ACTIVE,
                applicant="manager",
                last_editor="manager",
                edition_hash=edition.edition_hash,
                submitted_at=noon(on),
                business_on=on,
                ended_at=noon(on),
            )
        )
        Intakes(session).close(case_id, noon(on))
        receipt = Assessments(session).read(line.case_id)
        Assessments(session).record(receipt.model_copy(update={"case_id": case_id}))
        assert known.terms is not None
        terms = known.terms.model_copy(update={"customer_id": customer_id, "limit": limit})
        letter = known.model_copy(
            update={
                "letter_no": Letters(session).next_no(on.year),
                "case_id": case_id,
                "terms": terms,
                "decided_on": on,
                "decided_by": (approver,) if approver else (),
            }
        )
        Letters(session).record(letter, case_id, customer_id)
        dates = line_dates(on, 12, line.grade, edition)
        Lines(session).open(
            line.model_copy(
                update={
                    "line_id": f"line-of-{case_id}",
                    "customer_id": customer_id,
                    "case_id": case_id,
                    "letter_no": letter.letter_no,
                    "contract_id": case_id,
                    "terms": terms,
                    "limit": limit,
                    "version": 1,
                    **dates.model_dump(),
                }
            ),
            on,
        )


async def asked(api: httpx.AsyncClient, path: str, who: str = "risk_officer", **query: Any) -> Any:
    answer = await api.get(f"/api/v1{path}", params=query, headers=as_(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def total(rows: list[dict[str, Any]], name: str) -> Money:
    return sum((Money.model_validate(row[name]) for row in rows), Money.zero("CNY"))


async def test_every_figure_is_the_sum_of_the_customers_it_opens(api: httpx.AsyncClient) -> None:
    figures = await asked(api, "/classes/figures", as_of=ON)
    everybody = (await asked(api, "/classes", as_of=ON))["items"]

    assert figures["customers"] == len(everybody) == 5
    for name in ("owed", "allowance"):
        assert total(everybody, name) == Money.model_validate(figures[name])
        assert total(figures["tiers"], name) == total(figures["stages"], name)
    for kind, names in (("tier", MONEY[:2]), ("stage", MONEY)):
        for row in figures[f"{kind}s"]:
            opened = (await asked(api, "/classes", as_of=ON, **{kind: row[kind]}))["items"]
            assert len(opened) == row["customers"]
            for name in names:
                assert total(opened, name) == Money.model_validate(row[name])
    assert total(figures["tiers"], "claims") == Money.model_validate(figures["owed"])
    by_tier = {row["tier"]: row["customers"] for row in figures["tiers"]}
    assert by_tier == {
        "normal": 2,
        "special_mention": 2,
        "substandard": 1,
        "doubtful": 0,
        "loss": 0,
    }
    by_stage = {row["stage"]: row["customers"] for row in figures["stages"]}
    assert by_stage == {1: 3, 2: 1, 3: 1}


async def test_a_list_turns_its_pages_and_a_day_before_the_first_run_has_nobody(
    api: httpx.AsyncClient,
) -> None:
    first = await asked(api, "/classes", as_of=ON, page_size=2)
    second = await asked(api, "/classes", as_of=ON, page_size=2, cursor=first["next_cursor"])

    ids = [each["customer_id"] for each in (*first["items"], *second["items"])]
    assert ids == ["c-1", "c-2", "c-3", "c-4"]
    before = await asked(api, "/classes/figures", as_of=ON - timedelta(days=1))
    assert (before["customers"], before["allowance"]["amount"]) == (0, "0.00")


async def test_a_manager_sees_the_figures_of_the_customers_they_own(
    api: httpx.AsyncClient,
) -> None:
    mine = await asked(api, "/classes", who="relationship_manager", as_of=ON)
    figures = await asked(api, "/classes/figures", who="relationship_manager", as_of=ON)

    assert [each["customer_id"] for each in mine["items"]] == ["c-2", "c-3"]
    assert figures["customers"] == 2
    other = await api.get("/api/v1/customers/c-5/classes", headers=as_("relationship_manager"))
    assert other.status_code == 404


async def test_a_customer_has_its_classes_and_its_postings_newest_first(
    api: httpx.AsyncClient, joined_records: JoinedRecords
) -> None:
    classify(joined_records, ON - timedelta(days=60))
    classify(joined_records, ON + timedelta(days=2000))

    found = await asked(api, "/customers/c-5/classes")

    # What is to hold on a day to come is on record, and not told before it.
    assert [each["tier"] for each in found["classes"]] == ["substandard", "special_mention"]
    posted = total(found["entries"], "delta")
    [newest] = [
        each for each in (await asked(api, "/classes"))["items"] if each["customer_id"] == "c-5"
    ]
    with joined_records.begin() as session:
        entries = Losses(session).list_of("c-5", Clock().business_on())
    assert posted == sum((each.delta for each in entries), cny(0))
    assert Money.model_validate(newest["allowance"]) == posted


class Telling(SilentGateway):
    """A Temporal that takes everything, and remembers it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, Any]]] = []

    def start(
        self, workflow: str, workflow_id: str, payload: dict[str, Any], *, queue: str
    ) -> None:
        self.told.append((workflow_id, workflow, payload))


def test_a_run_is_begun_by_who_may_for_a_day_that_has_come(joined_records: JoinedRecords) -> None:
    gateway, clock = Telling(), Clock(-30)
    service = ClassificationService(joined_records, gateway, clock)
    risk, operator = PEOPLE["risk_officer"], PEOPLE["operator"]

    begun = service.run(risk, ON)
    service.run(operator)

    assert gateway.told[0][:2] == (
        f"runs/classification/{begun.run_id}",
        "ClassificationWorkflow",
    )
    assert (gateway.told[0][2]["as_of"], gateway.told[0][2]["offset_days"]) == ("2026-08-31", -30)
    assert gateway.told[1][2]["as_of"] == clock.business_on().isoformat()
    with pytest.raises(DateInFuture):
        service.run(risk, clock.business_on() + timedelta(days=1))
    with pytest.raises(NotFound):
        service.run(risk, date(1990, 1, 1))
    with pytest.raises(NotPermitted):
        service.run(PEOPLE["relationship_manager"])
    assert len(gateway.told) == 2
    assert service.read_run(PEOPLE["auditor"], f"run-{ON}").finished
    with pytest.raises(NotPermitted):
        service.read_figures(Person(person_id="x", title="x", roles=frozenset({Role.OPERATOR})))


# ── cohorts ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["edition", "approver", "grade"])
async def test_every_cell_is_the_number_or_sum_of_the_letters_it_opens(
    api: httpx.AsyncClient, by: str
) -> None:
    table = await asked(api, "/reports/cohorts", by=by, as_of=ON)

    for row in (*table["cohorts"], table["total"]):
        chosen = {"month": row["month"], "key": row["key"]} if row["month"] else {}
        letters = (await asked(api, "/reports/cohorts/letters", by=by, as_of=ON, **chosen))["items"]
        assert len(letters) == row["approved"]
        for name in ("active", "warned", "in_collection", "non_performing"):
            assert sum(each[name] for each in letters) == row[name]
        for name in ("amount", "allowance", "loss"):
            assert total(letters, name) == Money.model_validate(row[name])
    for name in ("approved", "active", "warned", "in_collection", "non_performing"):
        assert sum(row[name] for row in table["cohorts"]) == table["total"][name]
    assert table["total"]["approved"] == 4


async def test_a_cohort_says_what_became_of_its_lines(api: httpx.AsyncClient) -> None:
    table = await asked(api, "/reports/cohorts", by="approver", as_of=ON)
    rows = {(row["month"], row["key"]): row for row in table["cohorts"]}

    assert set(rows) == {
        ("2026-01", "approver1"),
        ("2026-02", "approver1"),
        ("2026-02", "approver2"),
        ("2026-08", "automatic"),
    }
    bad, newer = rows["2026-02", "approver2"], rows["2026-02", "approver1"]
    assert (bad["warned"], bad["in_collection"], bad["non_performing"]) == (1, 1, 1)
    # What the customer is expected to lose stands once, with its newer letter.
    assert bad["allowance"]["amount"] == "0.00"
    assert newer["allowance"]["amount"] == "1070.60"
    dollars = rows["2026-08", "automatic"]
    assert (dollars["amount"]["amount"], dollars["active"]) == ("7000.00", 1)
    assert rows["2026-01", "approver1"]["non_performing"] == 0


async def test_a_cohort_as_of_a_day_knows_nothing_of_later_ones(
    api: httpx.AsyncClient, joined_records: JoinedRecords
) -> None:
    early = await asked(api, "/reports/cohorts", by="approver", as_of=date(2026, 2, 15))
    assert [row["key"] for row in early["cohorts"]] == ["approver1", "approver2"]
    assert (early["total"]["warned"], early["total"]["non_performing"]) == (0, 0)
    with joined_records.begin() as session:
        line = Lines(session).read(LINE_ID)
    after = await asked(api, "/reports/cohorts", as_of=min(line.ends_on, Clock().business_on()))
    assert after["total"]["approved"] == 5
    none = await asked(api, "/reports/cohorts", as_of=GRANTED_ON - timedelta(days=1))
    assert (none["cohorts"], none["total"]["approved"]) == ([], 0)


async def test_cohorts_are_for_those_who_answer_for_the_book(api: httpx.AsyncClient) -> None:
    for who, status in (("relationship_manager", 403), ("operator", 403), ("auditor", 200)):
        answer = await api.get("/api/v1/reports/cohorts", headers=as_(who))
        assert answer.status_code == status, who


async def test_the_csv_says_what_the_table_says(api: httpx.AsyncClient) -> None:
    query: dict[str, Any] = {"by": "approver", "as_of": ON.isoformat()}
    table = await asked(api, "/reports/cohorts", **query)
    answer = await api.get(
        "/api/v1/reports/cohorts", params={**query, "form": "csv"}, headers=as_("risk_officer")
    )

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len(table["cohorts"]) + 1
    for row, cohort in zip(rows, (*table["cohorts"], table["total"]), strict=True):
        assert (row["month"], row["key"]) == (cohort["month"], cohort["key"])
        assert (row["approved"], row["amount"]) == (
            str(cohort["approved"]),
            cohort["amount"]["amount"],
        )


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@sum", "'@sum"),
        ("+86", "'+86"),
        ("-1.50", "-1.50"),
        ("-a", "'-a"),
        ("a=b", "a=b"),
        (None, ""),
        (True, "true"),
    ],
)
def test_what_a_spreadsheet_would_compute_is_written_as_text(cell: object, written: str) -> None:
    [row] = csv.DictReader(io.StringIO(csv_text([{"cell": cell, "other": 1}])))
    assert row["cell"] == written


# ── programs ─────────────────────────────────────────────────────────────────────────────────────


def test_the_client_and_the_commands_say_what_the_api_says(
    served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(served, KEYS["risk_officer"]) as client:
        figures = client.fetch_class_figures(ON)
        standings = list(client.list_classes(as_of=ON))
        assert figures.customers == len(standings)
        assert [each.customer_id for each in client.list_classes(as_of=ON, stage=3)] == ["c-5"]
        assert client.fetch_customer_classes("c-5").classes[0].tier == "substandard"
        assert client.fetch_classification_run(f"run-{ON}").tally["failed"] == 0
        assert list(client.list_classification_failures(f"run-{ON}")) == []
        table = client.fetch_cohorts("approver", ON)
        letters = client.fetch_cohort_letters("approver", ON, month="2026-02", key="approver2")
        assert [each.case_id for each in letters] == ["case-5"]

    monkeypatch.setenv("CREDITFLOW_URL", served)
    monkeypatch.setenv("CREDITFLOW_KEY", KEYS["risk_officer"])

    def typed(*words: str) -> str:
        result = CliRunner().invoke(commands, list(words))
        assert Exit(result.exit_code) is Exit.DONE, result.output
        return result.stdout

    assert "substandard" in typed("classes", "--as-of", f"{ON}")
    assert "c-5" in typed("classes", "--as-of", f"{ON}", "--tier", "substandard")
    assert "c-4" not in typed("classes", "--as-of", f"{ON}", "--tier", "substandard")
    assert "2026-08-31" in typed("classes", "--customer", "c-5")
    assert "special_mention" in typed("classes", "figures", "--as-of", f"{ON}")
    assert f"{figures.allowance}" in typed("ecl", "--as-of", f"{ON}")
    assert "receivables" in typed("ecl", "--customer", "c-5")
    assert "approver2" in typed("cohorts", "--by", "approver", "--as-of", f"{ON}")
    assert "c-5" in typed("cohorts", "--by", "approver", "--as-of", f"{ON}", "--month", "2026-02")
    written = typed("cohorts", "--by", "approver", "--as-of", f"{ON}", "--csv")
    assert len(written.splitlines()) == len(table.cohorts) + 2
