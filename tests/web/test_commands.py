"""Does each command say what happened: on stdout for programs, on stderr for people, by its exit?"""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from creditflow.cli import app as commands
from creditflow.commands.output import Exit
from creditflow.model.columns import Columns, read_book
from domain.customer import CustomerContent
from domain.imports import ImportKind
from storage.edition import Editions, read_shipped, shipped_text
from tests.web.people import KEYS, PEOPLE
from web.service.services import Services


class Terminal:
    """Somebody at a terminal, with the key of one person."""

    def __init__(self, url: str, folder: Path) -> None:
        self._environment = {"CREDITFLOW_URL": url, "CREDITFLOW_HOME": str(folder), "LANG": "C"}
        self._runner = CliRunner()

    def types(self, *words: str, key: str | None = None) -> Result:
        environment = {**self._environment, "CREDITFLOW_KEY": key}
        return self._runner.invoke(commands, list(words), env=environment)

    def asks(self, *words: str, as_: str = "everybody") -> tuple[Exit, Any]:
        """The exit and the one JSON document of a command with `--json`."""
        result = self.types(*words, "--json", key=KEYS[as_])
        assert result.stdout.count("\n") <= 1, "one document, on one line"
        return Exit(result.exit_code), json.loads(result.stdout) if result.stdout else None


@pytest.fixture
def terminal(served: str, tmp_path: Path) -> Terminal:
    users = {name: {"key": key} for name, key in KEYS.items()}
    (tmp_path / "users.json").write_text(json.dumps(users))
    return Terminal(served, tmp_path)


@pytest.fixture
def customer_id(services: Services) -> str:
    content = CustomerContent(name="Example Ltd")
    return services.customers.record(PEOPLE["everybody"], content).customer_id


CASE = "01900000-0000-7000-8000-000000000000"
CODE = "BOOK-7"


@pytest.mark.parametrize(
    ("words", "ending", "code"),
    [
        (("show", CASE), Exit.NOT_FOUND, "not_found"),
        (("history", CASE), Exit.NOT_FOUND, "not_found"),
        (("replay", CASE), Exit.NOT_FOUND, "not_found"),
        (("withdraw", CASE), Exit.NOT_FOUND, "not_found"),
        (("decide", f"{CASE}.1.1.1", "approve"), Exit.NOT_FOUND, "not_found"),
        (("line", CASE, "show"), Exit.NOT_FOUND, "not_found"),
        (("line", CASE, "release", CASE), Exit.NOT_FOUND, "not_found"),
        (("line", CASE, "freeze", "--note", "test"), Exit.NOT_FOUND, "not_found"),
        (("line", CASE, "reserve", "5", "XXX"), Exit.REFUSED, "currency_unknown"),
        (("line", CASE, "reserve", "5.001", "CNY"), Exit.REFUSED, "malformed_amount"),
        (("check", "nobody", "1" * 40, "CNY"), Exit.REFUSED, "malformed_amount"),
    ],
)
def test_a_refusal_is_a_code_a_sentence_and_an_exit(
    terminal: Terminal, words: tuple[str, ...], ending: Exit, code: str
) -> None:
    found, document = terminal.asks(*words)
    assert (found, document["code"]) == (ending, code)
    assert set(document) - {"errors"} == {"code", "detail"}


def test_who_may_not_is_refused(terminal: Terminal) -> None:
    for words in (("ledger", "verify"), ("refusals",), ("decide", f"{CASE}.1.1.1", "approve")):
        ending, document = terminal.asks(*words, as_="relationship_manager")
        assert (ending, document["code"]) == (Exit.REFUSED, "not_permitted")


def test_a_user_of_this_machine_is_named_or_has_a_key(terminal: Terminal) -> None:
    assert terminal.types("tasks", "--as", "approver", "--json").exit_code == Exit.DONE
    stranger = terminal.types("tasks", "--as", "stranger", "--json")
    assert stranger.exit_code == Exit.NOT_SIGNED_IN
    assert json.loads(stranger.stdout)["code"] == "not_signed_in"
    assert terminal.types("tasks").exit_code == Exit.NOT_SIGNED_IN
    assert terminal.types("tasks", key="cf_wrong").exit_code == Exit.NOT_SIGNED_IN


@pytest.mark.parametrize(
    "words",
    [
        ("decide", "task", "perhaps"),
        ("check", "customer"),
        ("import", "rumours", "file.csv"),
        ("apply",),
        ("line", "l-1", "commit", "r-1", "5"),
        ("apply", "--file", "/does/not/exist"),
        ("no-such-command",),
    ],
)
def test_wrong_usage_exits_two_and_says_so_beside_the_answer(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    result = terminal.types(*words, key=KEYS["everybody"])
    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert result.stderr


def test_without_a_server_it_cannot_be_reached(tmp_path: Path) -> None:
    nobody = Terminal("http://127.0.0.1:9", tmp_path)
    result = nobody.types("tasks", "--json", key="cf_any")
    assert result.exit_code == Exit.UNREACHABLE
    assert json.loads(result.stdout)["code"] == "unreached"


def test_an_application_that_is_not_taken_up_yet_is_pending(
    terminal: Terminal, customer_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "application.json"
    asked = {
        "customer_id": customer_id,
        "limit_requested": {"amount": "1000.00", "currency": "CNY"},
    }
    file.write_text(json.dumps(asked))
    ending, first = terminal.asks("apply", "--file", str(file), "--key", "k-1")
    assert (ending, first["status"]) == (Exit.PENDING, "received")
    _, again = terminal.asks("apply", "--file", str(file), "--key", "k-1")
    assert again["case_id"] == first["case_id"]
    file.write_text(json.dumps({**asked, "term_months": 6}))
    ending, document = terminal.asks("apply", "--file", str(file), "--key", "k-1")
    assert (ending, document["code"]) == (Exit.CONFLICT, "key_reused")
    file.write_text("{")
    ending, document = terminal.asks("apply", "--file", str(file))
    assert (ending, document["code"]) == (Exit.REFUSED, "malformed")


def test_an_import_is_tried_and_then_done(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("internal,name,country\n1,Example Ltd,GB\n2,Other Ltd,nowhere\n")
    ending, report = terminal.asks("import", "customers", str(file), "--dry-run")
    assert ending is Exit.REFUSED
    assert (report["created"], report["refused"], report["kept"]) == (1, 1, False)
    ending, refusal = terminal.asks("import", "customers", str(file))
    assert (ending, refusal["code"]) == (Exit.REFUSED, "import_refused")
    assert [error["line"] for error in refusal["errors"]] == [3]
    file.write_text("internal,name,country\n1,Example Ltd,GB\n")
    ending, report = terminal.asks("import", "customers", str(file))
    assert (ending, report["kept"]) == (Exit.DONE, True)


def test_the_book_of_nothing_holds(terminal: Terminal) -> None:
    ending, proof = terminal.asks("ledger", "verify")
    assert ending is Exit.DONE
    assert proof["discrepancies"] == []


def test_an_empty_list_is_an_empty_list(terminal: Terminal) -> None:
    assert terminal.asks("tasks") == (Exit.DONE, {"items": []})


def test_people_read_a_table_and_what_was_refused_is_in_it(terminal: Terminal) -> None:
    terminal.asks("withdraw", CASE)
    result = terminal.types("refusals", key=KEYS["everybody"])
    assert result.exit_code == Exit.DONE
    assert "not_found" in result.stdout
    assert "\x1b" not in result.stdout, "no colour off a terminal"


def test_invoice_books_are_brought_in_and_summed(terminal: Terminal, tmp_path: Path) -> None:
    firms, sales = tmp_path / "firms.csv", tmp_path / "sales.csv"
    firms.write_text("企业代号,企业名称\nE1,静港食品\n", "gb18030")
    head = "企业代号,发票号码,开票日期,购方单位代号,金额,税额,价税合计,发票状态\n"
    rows = "E1,1,2019-03-05,D1,100,13,113,有效发票\nE1,2,2019-03-06,D1,50,6.5,56.5, 作废发票\n"
    sales.write_text(head + rows, "gb18030")
    for kind, file in (("customers", firms), ("sales_invoices", sales)):
        ending, report = terminal.asks("import", kind, str(file), "--profile", "cn_vat")
        assert (ending, report["encoding"]) == (Exit.DONE, "gb18030")
    ending, listed = terminal.asks("import", "sales_invoices", str(sales), "--profile", "cn_vat")
    assert (ending, listed["unchanged"]) == (Exit.DONE, 2)


def test_turnover_is_shown_as_of_a_day_and_refused_where_there_is_none(
    terminal: Terminal, customer_id: str, services: Services
) -> None:
    rows = f"{CODE},1,2019-03-05,D1,100,13,113\n".encode()
    firm = f"name,internal\nExample Ltd,{CODE}\n".encode()
    services.imports.import_csv(PEOPLE["everybody"], ImportKind.CUSTOMERS, firm)
    head = b"customer,invoice_no,issued_on,counterparty,net,tax,gross,scheme\n"
    book = head + rows.replace(b"113\n", b"113,internal\n")
    report = services.imports.import_csv(PEOPLE["everybody"], ImportKind.SALES_INVOICES, book)
    assert report.created == 1, report.errors
    found = services.customers.list_customers(PEOPLE["everybody"], search=CODE)
    (named,) = [each for each in found if each.identifiers]

    ending, shown = terminal.asks("turnover", named.customer_id, "--as-of", "2019-12-31")
    assert ending is Exit.DONE
    assert [month["sales"] for month in shown["record"]["months"]] == ["100.00"]
    assert shown["figures"]["invoice_sales_year"] == "100.000000"
    ending, refused = terminal.asks("turnover", named.customer_id, "--as-of", "2018-12-31")
    assert (ending, refused["code"]) == (Exit.NOT_FOUND, "not_found")
    plain = terminal.types("turnover", named.customer_id, key=KEYS["everybody"])
    assert "invoice_buyer_hhi" in plain.stdout


def test_a_report_is_refused_without_authority_and_the_log_is_there(
    terminal: Terminal, customer_id: str, services: Services
) -> None:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    ending, refused = terminal.asks("report", "pull", customer_id, "bureau")
    assert (ending, refused["code"]) == (Exit.REFUSED, "authorisation_missing")
    signed = services.attachments.record(PEOPLE["everybody"], b"%PDF-1.7 agreed", "agreed.pdf")
    words = (
        "--evidence",
        signed.sha256,
        "--signed-on",
        "2020-01-01",
        "--valid-until",
        "2199-12-31",
    )
    ending, agreed = terminal.asks("report", "authorise", customer_id, *words)
    assert (ending, agreed["customer_id"]) == (Exit.DONE, customer_id)
    ending, refused = terminal.asks("report", "pull", customer_id, "bureau")
    assert (ending, refused["code"]) == (Exit.REFUSED, "report_unavailable")
    _, log = terminal.asks("report", "queries", customer_id)
    assert [each["outcome"] for each in log["items"]] == ["asked", "outage", "asked", "outage"]
    assert terminal.asks("report", "list", customer_id) == (Exit.DONE, {"items": []})


def test_the_factor_table_has_a_row_for_each_customer_and_can_be_fitted_on(
    terminal: Terminal, services: Services, tmp_path: Path
) -> None:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "risk")
    content = CustomerContent(name="Even Keel Trading", employees=12)
    recorded = services.customers.record(PEOPLE["everybody"], content)
    out, columns = tmp_path / "factors.csv", tmp_path / "factors.toml"
    words = ("factors", "--out", str(out), "--columns", str(columns))
    exited, told = terminal.asks(*words)

    assert exited is Exit.DONE
    with out.open(encoding="utf-8") as file:
        rows = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert told["customers"] == len(rows)
    assert Decimal(rows[recorded.customer_id]["employees"]) == 12
    assert rows[recorded.customer_id]["equity_ratio"] == ""  # missing is not zero
    book = read_book(out, Columns.of_file(columns), "customer_id", "as_of")
    assert len(book.rows) == len(rows)


def test_records_of_one_customer_are_merged_and_a_day_is_asked_for(
    terminal: Terminal, customer_id: str, services: Services
) -> None:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    twin = services.customers.record(PEOPLE["everybody"], CustomerContent(name="EXAMPLE LIMITED"))
    _, likely = terminal.asks("customer", "duplicates", customer_id)
    assert [each["reasons"] for each in likely["items"]] == [["name_same"]]
    words = ("customer", "merge", twin.customer_id, customer_id, "--reason", "one company")
    ending, merge = terminal.asks(*words)
    assert (ending, merge["status"]) == (Exit.DONE, "proposed")
    decide = ("customer", "decide-merge", merge["merge_id"], "confirm", "--reason", "seen")
    assert terminal.asks(*decide)[1]["code"] == "same_hands"
    assert terminal.asks(*decide, as_="risk_officer")[1]["status"] == "confirmed"
    _, listed = terminal.asks("customer", "merges", twin.customer_id)
    assert [each["merge_id"] for each in listed["items"]] == [merge["merge_id"]]

    today = services.clock.business_on().isoformat()
    ending, profile = terminal.asks("profile", twin.customer_id, "--as-of", today)
    assert (ending, profile["merged_into"]) == (Exit.DONE, customer_id)
    plain = terminal.types("profile", customer_id, key=KEYS["everybody"])
    assert twin.customer_id in plain.stdout
    ending, refused = terminal.asks("profile", customer_id, "--as-of", "2019-01-01")
    assert (ending, refused["code"]) == (Exit.NOT_FOUND, "not_found")

    back = ("customer", "take-back", merge["merge_id"], "--reason", "two companies")
    assert terminal.asks(*back)[1]["status"] == "taken_back"


def test_a_supplier_is_entered_with_what_we_owe_it(
    terminal: Terminal, customer_id: str, services: Services
) -> None:
    day = services.clock.business_on().isoformat()
    role = ("supplier", "role", customer_id, "supplier", "--source", "contract")
    ending, put = terminal.asks(*role, "--valid-from", day)
    assert (ending, put["version"]) == (Exit.DONE, 1)
    ended = (*role, "--valid-from", day, "--valid-until", day, "--role", put["role_id"])
    assert terminal.asks(*ended)[1]["version"] == 2
    owed = ("supplier", "payable", customer_id, "s-1", "400", "CNY")
    assert terminal.asks(*owed, "--issued-on", day, "--due-on", day)[0] is Exit.DONE
    paid = ("supplier", "settle", customer_id, "s-1", "w-1", "150", "CNY", "--settled-on", day)
    assert terminal.asks(*paid)[0] is Exit.DONE
    signed = services.attachments.record(PEOPLE["everybody"], b"%PDF-1.7 set off", "agreed.pdf")
    agreement = ("supplier", "set-off", customer_id, "--evidence", signed.sha256)
    assert terminal.asks(*agreement, "--signed-on", day, "--valid-from", day)[0] is Exit.DONE
    _, sides = terminal.asks("supplier", "sides", customer_id)
    assert [each["owed_to_it"]["amount"] for each in sides["currencies"]] == ["250.00"]
    assert (
        "we owe" in terminal.types("supplier", "sides", customer_id, key=KEYS["everybody"]).stdout
    )


def test_a_cover_is_recorded_shown_and_confirmed(
    terminal: Terminal, services: Services, customer_id: str, tmp_path: Path
) -> None:
    with services.records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "test")
    amount = {"amount": "100.00", "currency": "CNY"}
    content = {"kind": "deposit", "owner": customer_id, "value": amount, "source": "agreement"}
    content["uses"] = [{"customer_id": customer_id, "amount": amount}]
    file = tmp_path / "cover.json"
    file.write_text(json.dumps(content))

    ending, made = terminal.asks("cover", "record", "--file", str(file))
    assert (ending, made["pending"]) == (Exit.DONE, True)
    cover_id = made["cover_id"]
    _, waiting = terminal.asks("cover", "pending")
    assert [each["cover_id"] for each in waiting["items"]] == [cover_id]
    ending, refused = terminal.asks("cover", "check", cover_id, "1", "--confirm")
    assert (ending, refused["code"]) == (Exit.REFUSED, "same_hands")
    _, confirmed = terminal.asks("cover", "check", cover_id, "1", "--confirm", as_="risk_officer")
    assert confirmed["standing"]["value"] == amount
    file.write_text(json.dumps(content | {"ends_on": "2020-01-01"}))
    _, ended = terminal.asks("cover", "record", "--file", str(file), "--cover", cover_id)
    assert (ended["version"], ended["pending"]) == (2, False)
    _, listed = terminal.asks("cover", "list", customer_id)
    assert [each["verdict"] for each in listed["counts"]] == ["ended"]
    for words in (("cover", "show", cover_id), ("cover", "list", customer_id)):
        shown = terminal.types(*words, key=KEYS["everybody"])
        assert (shown.exit_code, cover_id in shown.stdout) == (Exit.DONE, True)
