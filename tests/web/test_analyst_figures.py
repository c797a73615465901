"""Does a case wait for an analyst's figure, from the right hands, and say whose it was?"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from creditflow.client import Client, Refused
from domain.analyst_figure import FigureContent
from domain.application import CaseStatus
from domain.approval import Verdict
from domain.errors import (
    FigureOutOfBounds,
    NotFound,
    NotPermitted,
    OutOfOrder,
    OwnCase,
    SameHands,
)
from domain.identity import Language
from storage.edition import Editions
from storage.identity import ApiKeys, Persons, password_hash_of
from storage.notification import Outbox
from tests.investigators import Desk, at_desk
from tests.makers_ratings import SUPPLIED, asking_analysts
from tests.road import UNDRAWN
from tests.web.conftest import serving
from tests.web.test_commands import Terminal
from tests.web.test_console import _faults_of, hidden, signed_in
from web.app import assemble
from web.service.analyst_figure import AskedFigure, CaseFigures

PASSWORD = "a long enough password"
UNASKED = "[investigation]\nrows = []\nchecklists = []\n"
GAP = f"analyst_figure:{SUPPLIED}"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(database_url, tmp_path, UNASKED) as there:
        with there.services.records.begin() as session:
            for name in ("manager", "risk", "risk2"):
                Persons(session).record_password(name, password_hash_of(PASSWORD))
        publish(there)
        yield there


def publish(desk: Desk, since: str = "2011-01-01", *, second_person: bool = False) -> None:
    changes = f"effective_on = {since}\n{UNDRAWN}{UNASKED}"
    edition = asking_analysts(changes, second_person=second_person)
    with desk.services.records.begin() as session:
        Editions(session).publish(edition, edition.as_toml(), "test")


def supply(
    desk: Desk, case_id: str, value: str = "0.05", person: str = "risk", factor: str = SUPPLIED
) -> CaseFigures:
    services = desk.services
    paper = services.attachments.record(desk.people["risk"], b"the ledger\n", "ledger.txt")
    content = FigureContent(
        factor=factor,
        value=Decimal(value),
        reason="as the ledger shows",
        evidence_hash=paper.sha256,
    )
    return services.analyst_figures.supply(desk.people[person], case_id, content)


def asked(desk: Desk, case_id: str) -> AskedFigure:
    found = desk.services.analyst_figures.list_of_case(desk.people["auditor"], case_id)
    (item,) = found.items
    return item


def told(desk: Desk, case_id: str) -> int:
    with desk.services.records.begin() as session:
        entries = Outbox(session).find_page(page_size=100)
    said = {"workflow_id": f"application/{case_id}", "name": "file_changed"}
    return sum(each.facts == said for each in entries)


def test_a_case_waits_by_name_until_an_analyst_has_supplied_the_figure(desk: Desk) -> None:
    case_id = desk.submit()
    view = desk.case(case_id)
    assert (view.case.status, view.case.missing) == (CaseStatus.INCOMPLETE, (GAP,))
    assert view.assessment is None
    assert asked(desk, case_id).awaited
    desk.office.take_report(case_id)
    assert desk.case(case_id).case.missing == (GAP,), "nothing has come"

    supply(desk, case_id)
    assert told(desk, case_id) == 1
    desk.office.take_report(case_id)

    receipt = desk.case(case_id).assessment
    assert receipt is not None
    factor = next(each for each in receipt.rating.factors if each.code == SUPPLIED)
    assert factor.supplied is not None
    assert (factor.supplied.supplied_by, factor.supplied.reason) == ("risk", "as the ledger shows")
    assert Decimal(str(factor.value)) == Decimal("0.05")
    assert desk.services.applications.replay(desk.people["auditor"], case_id).identical
    assert not asked(desk, case_id).awaited


def test_values_follow_each_other_and_the_last_one_is_judged_by(desk: Desk) -> None:
    case_id = desk.submit()
    supply(desk, case_id, "0.9")
    supply(desk, case_id, "0.1")

    assert [each.version for each in asked(desk, case_id).versions] == [1, 2]
    desk.office.take_report(case_id)
    receipt = desk.case(case_id).assessment
    assert receipt is not None
    assert [each.value for each in receipt.dossier.supplied] == [Decimal("0.1")]


def test_a_figure_is_refused_out_of_bounds_from_wrong_hands_and_out_of_turn(desk: Desk) -> None:
    case_id = desk.submit()
    with pytest.raises(FigureOutOfBounds):
        supply(desk, case_id, "1.5")
    with pytest.raises(NotPermitted):
        supply(desk, case_id, person="manager")
    with pytest.raises(NotFound):
        supply(desk, case_id, factor="equity_ratio")
    assert asked(desk, case_id).versions == ()
    supply(desk, case_id)
    desk.office.take_report(case_id)
    assert desk.case(case_id).case.status is CaseStatus.IN_APPROVAL
    with pytest.raises(OutOfOrder):
        supply(desk, case_id)


def test_whoever_supplied_a_figure_decides_nothing_on_the_case(desk: Desk) -> None:
    case_id = desk.submit(5_000_000)
    supply(desk, case_id, person="approver1")
    desk.office.take_report(case_id)

    with pytest.raises(OwnCase):
        desk.decide(desk.people["approver1"], case_id, Verdict.APPROVE)


def test_whoever_has_decided_on_the_case_supplies_nothing(desk: Desk) -> None:
    case_id = desk.submit(5_000_000)
    supply(desk, case_id)
    desk.office.take_report(case_id)
    desk.decide(desk.people["approver1"], case_id, Verdict.RETURN)
    assert desk.case(case_id).case.status is CaseStatus.RETURNED

    with pytest.raises(SameHands):
        supply(desk, case_id, "0.2", person="approver1")
    supply(desk, case_id, "0.2")
    assert [each.version for each in asked(desk, case_id).versions] == [1, 2]


# ── two people ───────────────────────────────────────────────────────────────────────────────────


def test_where_policy_asks_two_the_value_counts_with_the_second_word_and_not_before(
    desk: Desk,
) -> None:
    publish(desk, "2012-01-01", second_person=True)
    case_id = desk.submit()
    supply(desk, case_id)
    figures = desk.services.analyst_figures
    assert told(desk, case_id) == 0
    desk.office.take_report(case_id)
    assert desk.case(case_id).case.missing == (GAP,)

    with pytest.raises(SameHands):
        figures.confirm(desk.people["risk"], case_id, SUPPLIED, 1)
    with pytest.raises(NotFound):
        figures.confirm(desk.people["risk2"], case_id, SUPPLIED, 2)
    figures.confirm(desk.people["risk2"], case_id, SUPPLIED, 1)
    figures.confirm(desk.people["risk2"], case_id, SUPPLIED, 1)
    with pytest.raises(OutOfOrder):
        figures.confirm(desk.people["approver1"], case_id, SUPPLIED, 1)
    assert told(desk, case_id) == 1
    desk.office.take_report(case_id)

    receipt = desk.case(case_id).assessment
    assert receipt is not None
    assert [each.confirmed_by for each in receipt.dossier.supplied] == ["risk2"]


def test_the_database_itself_refuses_one_person_twice_and_any_change(desk: Desk) -> None:
    publish(desk, "2012-01-01", second_person=True)
    case_id = desk.submit()
    supply(desk, case_id)
    same = """
        INSERT INTO analyst_figure_confirmation
        VALUES (:case_id, :factor, 1, :by, 'risk', now(), now())
    """
    said = {"case_id": case_id, "factor": SUPPLIED}
    attempts = [
        text(same).bindparams(by="risk", **said),
        text(same).bindparams(by="risk2", **said),
        text("UPDATE analyst_figure SET value = 0"),
        text("DELETE FROM analyst_figure"),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError), desk.services.records.begin() as session:
            session.execute(attempt)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return assemble(
        desk.services,
        public_url="http://test",
        grantor={Language.EN: "Grantor", Language.ZH: "授信机构"},
    )


def test_the_page_of_the_case_says_who_is_waited_for_and_takes_the_figure(
    desk: Desk, app: FastAPI
) -> None:
    publish(desk, "2012-01-01", second_person=True)
    case_id = desk.submit()
    place = f"/cases/{case_id}"
    for language, words in {
        "en": ("an analyst, who supplies a figure", "Figure that an analyst supplies"),
        "zh-CN": ("分析师补录指标", "补录指标"),
    }.items():
        page = signed_in(app, "manager", language).get(place).text
        assert all(each in page for each in words)
        assert f'action="{place}/figures"' not in page

    risk = signed_in(app, "risk")
    assert _faults_of(risk.get(place).text) == []
    form = hidden(risk.get(place), f"{place}/figures")
    file = {"file": ("ledger.txt", b"the ledger\n", "text/plain")}
    said = {**form, "value": "7", "reason": "as the ledger shows"}
    refused = risk.post(f"{place}/figures", data=said, files=file)
    assert refused.status_code == 422
    assert "figure_out_of_bounds" in refused.text
    assert 'value="7"' in refused.text
    assert (
        risk.post(f"{place}/figures", data={**said, "value": "0.07"}, files=file).status_code == 303
    )
    confirmation = f"{place}/figures/{SUPPLIED}/1/confirmation"
    assert confirmation not in risk.get(place).text

    second = signed_in(app, "risk2")
    assert (
        second.post(confirmation, data=hidden(second.get(place), confirmation)).status_code == 303
    )
    desk.office.take_report(case_id)
    shown = second.get(place).text
    assert "supplied by risk" in shown
    assert "confirmed by risk2" in shown
    assert _faults_of(shown) == []


def test_programs_and_terminals_supply_confirm_and_read_the_same_figure(
    desk: Desk, app: FastAPI, tmp_path: Path
) -> None:
    publish(desk, "2012-01-01", second_person=True)
    case_id = desk.submit()
    paper = desk.services.attachments.record(desk.people["risk"], b"the ledger\n", "l.txt").sha256
    keys = {name: f"cf_{name}_a_key_that_is_long_enough" for name in ("risk", "risk2")}
    with desk.services.records.begin() as session:
        for name, key in keys.items():
            ApiKeys(session).record_key(name, key)
    (tmp_path / "users.json").write_text(json.dumps({n: {"key": k} for n, k in keys.items()}))
    with serving(app) as url:
        terminal = Terminal(url, tmp_path)
        words = ("figure", "supply", case_id, SUPPLIED, "0.05", "--reason", "the ledger")
        done = terminal.types(*words, "--evidence", paper, "--json", key=keys["risk"])
        assert done.exit_code == 0, done.output
        with Client(url, keys["risk2"]) as client:
            [item] = client.confirm_analyst_figure(case_id, SUPPLIED, 1).items
            assert client.fetch_analyst_figures(case_id).items == (item,)
            with pytest.raises(Refused):
                client.supply_analyst_figure(
                    case_id, SUPPLIED, Decimal(9), reason="r", evidence_hash=paper
                )
        shown = terminal.types("figure", "list", case_id, key=keys["risk"]).stdout
    (version,) = item.versions
    assert (version.value, version.supplied_by, version.confirmed_by) == (
        Decimal("0.05"),
        "risk",
        "risk2",
    )
    assert all(each in shown for each in (SUPPLIED, "0.05", "risk2"))
