"""Every receipt judged again: identical, or the field that differs by its path."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner

from creditflow.cli import app as commands
from creditflow.commands.output import Exit
from domain.assessment import Assessment
from policies.assessment import replay, replayed
from policies.replayed import contrasts
from storage.application import Assessments
from storage.application.assessments import AssessmentRow
from storage.edition import Editions, shipped_text
from storage.identity import ApiKeys
from tests import servers
from tests.makers_policy import an_edition, judged
from tests.web.book import Book, opened
from tests.web.conftest import serving
from tests.web.people import as_
from tests.web.test_offers import client, types
from tests.web.test_simulation import keep, past_case
from web.app import assemble
from web.service.once import JoinedRecords


def tampered(path: str, value: Any) -> Assessment:
    """The ordinary receipt with one field of it changed, as JSON has it."""
    document = judged().model_dump(mode="json")
    *steps, last = path.split(".")
    place: Any = document
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return Assessment.model_validate(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("rating.grade", "AAA"),
        ("rating.factors.3.points", "9.5"),
        ("rating.score", "99"),
        ("limit.limit_proposed.amount", "9000000.00"),
        ("price.rate_annual", "0.01"),
        ("route.row", "sound_head"),
        ("limit.binding", "turnover"),
    ],
)
def test_a_tampered_receipt_is_answered_with_exactly_the_field_that_differs(
    path: str, value: str
) -> None:
    assert replay(tampered(path, value), an_edition()) == [path]


@pytest.mark.parametrize(
    ("path", "value", "recorded", "recomputed"),
    [
        ("rating.grade", "AAA", "AAA", judged().rating.grade),
        ("rating.score", "99", "99", f"{judged().rating.score:f}"),
        (
            "limit.limit_proposed.amount",
            "9000000.00",
            "CNY 9,000,000.00",
            str(judged().limit.limit_proposed),
        ),
        (
            "rating.valid_until",
            "2031-12-31",
            "2031-12-31",
            judged().rating.valid_until and str(judged().rating.valid_until),
        ),
        (
            "route.reasons",
            ["sampled", "other"],
            "[sampled, other]",
            "[" + ", ".join(judged().route.reasons) + "]",
        ),
        ("price.below_minimum", True, "true", "false"),
    ],
)
def test_both_values_of_what_differs_are_told_as_people_read_them(
    path: str, value: Any, recorded: str, recomputed: str | None
) -> None:
    found = replayed(tampered(path, value), an_edition())
    [differs] = [each for each in found if each.path == path]
    assert (differs.recorded, differs.recomputed) == (recorded, recomputed)


@pytest.mark.parametrize(
    ("recorded", "recomputed"),
    [(Decimal("1E+2"), Decimal(100)), ((1,), [1]), (frozenset("a"), ("a",))],
)
def test_what_differs_is_never_told_as_twice_the_same(recorded: Any, recomputed: Any) -> None:
    [differs] = contrasts({"x": recorded}, {"x": recomputed})
    assert differs.recorded != differs.recomputed


def test_a_difference_is_a_sentence_in_both_languages() -> None:
    [differs] = replayed(tampered("limit.limit_proposed.amount", "9000000.00"), an_edition())
    fresh = str(judged().limit.limit_proposed)

    assert differs.sentence() == (
        f"limit.limit_proposed.amount: recorded CNY 9,000,000.00, recomputed {fresh}"
    )
    assert differs.sentence("zh-CN") == (
        f"额度 › 测算额度 › 金额：记录为 CNY 9,000,000.00，重算为 {fresh}"
    )
    [gone] = contrasts({"pd": None}, {"pd": Decimal("0.0120")})
    assert gone.sentence() == "pd: recorded nothing, recomputed 0.0120"
    assert gone.sentence("zh-CN") == "违约概率：记录为 无，重算为 0.0120"


@pytest.fixture
def book(postgres_server: servers.Databases, tmp_path: Path) -> Iterator[Book]:
    name = postgres_server.copy()
    with opened(postgres_server.url(name), tmp_path) as there:
        with there.services.records.begin() as session:
            ApiKeys(session).record_key("auditor", "cf_test_auditor")
        yield there
    postgres_server.drop(name)


def test_a_receipt_changed_past_the_programs_is_told_at_the_terminal(book: Book) -> None:
    case_id = next(iter(book.cases.values()))
    with book.services.records.begin() as session:
        before = Assessments(session).read(case_id)
        session.execute(text("ALTER TABLE assessment DISABLE TRIGGER USER"))
        session.execute(
            text(
                "UPDATE assessment SET receipt = jsonb_set(receipt,"
                " '{limit,limit_proposed,amount}', '\"123.00\"') WHERE subject_id = :case_id"
            ),
            {"case_id": case_id},
        )
        stored = Assessments(session).find_hash(case_id)
    fresh = str(before.limit.limit_proposed)

    with serving(assemble(book.services, public_url="http://test")) as url:
        done, found = types(url, "auditor", "replay", case_id)
        environment = {"CREDITFLOW_URL": url, "CREDITFLOW_KEY": "cf_test_auditor"}
        typed = {
            spoken: CliRunner().invoke(commands, words, env=environment | {"LC_ALL": spoken}).stdout
            for spoken, words in (
                ("en_GB.UTF-8", ["replay", case_id]),
                ("zh_CN.UTF-8", ["replay", case_id]),
                ("C.UTF-8", ["replay", "--all"]),
            )
        }
        with client(url, "auditor") as asking:
            answered = asking.replay(case_id)

    assert done is Exit.REFUSED
    told = {each["path"]: (each["recorded"], each["recomputed"]) for each in found["differences"]}
    assert told["limit.limit_proposed.amount"] == ("CNY 123.00", fresh)
    assert told["receipt_hash"][0] == stored != told["receipt_hash"][1]
    assert found["differing"] == [*told]
    assert [each.path for each in answered.differences] == [*told]
    english = f"limit.limit_proposed.amount: recorded CNY 123.00, recomputed {fresh}"
    assert english in typed["en_GB.UTF-8"]
    assert f"额度 › 测算额度 › 金额：记录为 CNY 123.00，重算为 {fresh}" in typed["zh_CN.UTF-8"]
    assert english in typed["C.UTF-8"]
    assert case_id in typed["C.UTF-8"]


def test_an_untouched_receipt_is_identical() -> None:
    assert replay(judged(), an_edition()) == []


async def test_all_receipts_are_judged_again_and_counted(
    api: httpx.AsyncClient, joined_records: JoinedRecords
) -> None:
    forged = tampered("rating.grade", "AAA").model_copy(update={"case_id": "case-forged"})
    with joined_records.begin() as session:
        Editions(session).publish(an_edition(), shipped_text("standard"), "system")
        for number in range(3):
            keep(session, *past_case(number))
        Assessments(session).record(forged)
        rows = session.scalars(select(AssessmentRow.subject_id)).all()

    answer = await api.post("/api/v1/replays", headers=as_("auditor"))

    found = answer.json()
    assert (found["receipts"], found["identical"]) == (len(rows), len(rows) - 1)
    assert [(d["case_id"], d["differing"]) for d in found["differing"]] == [
        ("case-forged", ["rating.grade"])
    ]


async def test_who_may_not_replay_a_case_may_not_replay_all(api: httpx.AsyncClient) -> None:
    refused = await api.post("/api/v1/replays", headers=as_("relationship_manager"))

    assert refused.status_code == 403
