"""People decide together: every act end to end, on real records and a real approval."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from domain.application import ApplicationChange, CaseStatus
from domain.approval import (
    ActKind,
    AuthorityGrant,
    Placement,
    Resume,
    StepMode,
    Verdict,
)
from domain.contract import ConditionAsked
from domain.errors import (
    ActIllegal,
    NotFound,
    NotPermitted,
    NotYourTask,
    OpinionAwaited,
    OwnCase,
    RecusedOneself,
    SameHands,
    UrgedAlready,
)
from domain.identity import Person, Role
from domain.money import Money
from storage.application import CaseEvents
from storage.approval import AuthorityGrants
from storage.identity import Persons
from tests.makers_policy import a_changed_edition
from tests.road import UNDRAWN, Road, a_road, an_application
from tests.servers import SkippingEnvironment

PEOPLE = ("member1", "member2", "member3", "president", "reviewer", "deputy")
STEPS = """
[approval]
rows = [
    { code = "all", grades = ["AAA", "AA", "A", "BBB", "BB", "B"], steps = [
        { tier = "branch", mode = "opinion", positions = ["reviewer"] },
        { tier = "head", mode = "committee", positions = ["member1", "member2", "member3"], share = 0.6, quorum = 2, chair = "member1", final = "president" },
    ] },
    { code = "none", grades = ["CCC", "CC", "C", "D"], steps = [
        { tier = "region", mode = "one", positions = ["president"] },
    ] },
]
"""


def _edition() -> Any:
    return a_changed_edition(f"{UNDRAWN}[investigation]\nrows = []\nchecklists = []\n{STEPS}")


@pytest.fixture
async def road(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path
) -> AsyncIterator[Road]:
    async with a_road(database_url, temporal_env, tmp_path, _edition()) as opened:
        seat_people(opened)
        yield opened


def seat_people(road: Road) -> None:
    """Everybody of the route in their seat, with the authority for any amount."""
    people = dict(road.people)
    with road.records.begin() as session:
        for name in PEOPLE:
            people[name] = Person(
                person_id=name,
                title=name,
                roles=frozenset({Role.APPROVER}),
                mail=f"{name}@creditflow.example",
            )
            Persons(session).record_person(people[name])
            position = "member1" if name == "deputy" else name
            AuthorityGrants(session).record(_grant(name, position))
    road.people = people


def _grant(person_id: str, position: str) -> AuthorityGrant:
    return AuthorityGrant(
        grant_no=f"SQ-{person_id}",
        person_id=person_id,
        position=position,
        limit=Money.of(10**9, "CNY"),
        valid_from=date(2000, 1, 1),
        valid_until=date(2099, 12, 31),
        granted_by="board",
    )


@pytest.fixture
async def case_id(road: Road) -> str:
    submitted = await road.submit(an_application(road.keep_customer(), 5_000_000))
    await road.open_task(submitted.case_id)
    return submitted.case_id


async def tasks(road: Road, case_id: str) -> dict[str, str]:
    """The open tasks of the case by the position that is asked."""
    view = await road.case(case_id)
    return {task.position: task.task_id for task in view.tasks if task.status == "open"}


async def does(road: Road, person: str, task_id: str, action: ActKind, **more: Any) -> Any:
    service = road.services.approvals
    kept = {"note": "because of what was seen"} | more
    return await road.call(service.act, road.people[person], task_id, action, **kept)


async def says(road: Road, person: str, task_id: str, word: Verdict, **more: Any) -> Any:
    return await road.decide(person, task_id, word, note="looked at", **more)


async def test_an_opinion_a_vote_and_the_final_authority_make_a_letter(
    road: Road, case_id: str
) -> None:
    opinion = (await tasks(road, case_id))["reviewer"]
    await says(road, "reviewer", opinion, Verdict.OBJECT)
    votes = await tasks(road, case_id)
    assert sorted(votes) == ["member1", "member2", "member3"]
    await says(road, "member1", votes["member1"], Verdict.APPROVE, conditions=("Audited accounts",))
    await says(road, "member2", votes["member2"], Verdict.APPROVE)
    final = await tasks(road, case_id)
    assert list(final) == ["president"]
    answer = await says(road, "president", final["president"], Verdict.APPROVE)

    assert answer.letter_no is not None
    view = await road.offered(case_id)
    assert [each.offered for each in view.offer.differences] == ["Audited accounts"]
    minutes = await road.call(
        road.services.approvals.read_minutes, road.people["auditor"], f"{case_id}.1"
    )
    assert [step.mode for step in minutes.steps] == [StepMode.OPINION, StepMode.COMMITTEE]
    assert minutes.steps[1].tally.approve == 2
    assert minutes.steps[1].said[0].conditions == (ConditionAsked(text="Audited accounts"),)
    assert minutes.steps[0].said[0].verdict is Verdict.OBJECT


async def test_a_veto_declines_what_the_committee_passed(road: Road, case_id: str) -> None:
    await says(road, "reviewer", (await tasks(road, case_id))["reviewer"], Verdict.SUPPORT)
    votes = await tasks(road, case_id)
    for member in ("member1", "member2"):
        await says(road, member, votes[member], Verdict.APPROVE)
    final = (await tasks(road, case_id))["president"]
    await says(road, "president", final, Verdict.DECLINE)

    await road.comes_to(case_id, CaseStatus.DECLINED)


async def test_a_deferral_has_the_committee_vote_anew_and_a_chair_closes_the_vote(
    road: Road, case_id: str
) -> None:
    await says(road, "reviewer", (await tasks(road, case_id))["reviewer"], Verdict.SUPPORT)
    first = await tasks(road, case_id)
    await says(road, "member1", first["member1"], Verdict.DEFER)
    await says(road, "member2", first["member2"], Verdict.DEFER)
    again = await tasks(road, case_id)
    assert sorted(again) == ["member1", "member2", "member3"]
    assert not set(again.values()) & set(first.values())
    await says(road, "member1", again["member1"], Verdict.DECLINE)
    await says(road, "member2", again["member2"], Verdict.APPROVE)
    with pytest.raises(ActIllegal):
        await does(road, "member2", again["member2"], ActKind.CLOSE_VOTE)
    await does(road, "member1", again["member1"], ActKind.CLOSE_VOTE)

    await road.comes_to(case_id, CaseStatus.DECLINED)
    view = await road.case(case_id)
    assert [word.void for word in view.decisions if word.verdict == "defer"] == ["deferred"] * 2


async def test_a_task_is_transferred_to_somebody_who_could_decide_it_and_nobody_else(
    road: Road, case_id: str
) -> None:
    await says(road, "reviewer", (await tasks(road, case_id))["reviewer"], Verdict.SUPPORT)
    chair = (await tasks(road, case_id))["member1"]
    with pytest.raises(NotPermitted):
        await does(road, "member1", chair, ActKind.TRANSFER, to="auditor")
    with pytest.raises(NotPermitted):
        await does(road, "member1", chair, ActKind.TRANSFER, to="president")
    with pytest.raises(OwnCase):
        await does(road, "member1", chair, ActKind.TRANSFER, to="manager")
    await does(road, "member1", chair, ActKind.TRANSFER, to="deputy", key="t-1")
    again = await does(road, "member1", chair, ActKind.TRANSFER, to="deputy", key="t-1")
    assert again.replayed
    with pytest.raises(NotYourTask):
        await says(road, "member1", chair, Verdict.APPROVE)
    mine = await road.call(road.services.approvals.list_tasks, road.people["deputy"])
    assert chair in [task.task_id for task in mine]
    theirs = await road.call(road.services.approvals.list_tasks, road.people["member1"])
    assert chair not in [task.task_id for task in theirs]
    await says(road, "deputy", chair, Verdict.APPROVE)

    view = await road.case(case_id)
    assert view.decisions[-1].person_id == "deputy"


async def test_an_opinion_is_asked_of_anybody_and_given_before_the_owner_decides(
    road: Road, case_id: str
) -> None:
    opinion = (await tasks(road, case_id))["reviewer"]
    await does(road, "reviewer", opinion, ActKind.ASK_OPINION, to="risk")
    with pytest.raises(OpinionAwaited):
        await says(road, "reviewer", opinion, Verdict.SUPPORT)
    mine = await road.call(road.services.approvals.list_tasks, road.people["risk"])
    assert [task.task_id for task in mine] == [opinion]
    await does(road, "risk", opinion, ActKind.GIVE_OPINION, note="the order book is full")
    await says(road, "reviewer", opinion, Verdict.SUPPORT)
    votes = await tasks(road, case_id)
    with pytest.raises((NotPermitted, SameHands)):
        await says(road, "risk", votes["member1"], Verdict.APPROVE)


async def test_an_added_signer_signs_on_top_and_is_removed_only_before_they_act(
    road: Road, case_id: str
) -> None:
    await says(road, "reviewer", (await tasks(road, case_id))["reviewer"], Verdict.SUPPORT)
    votes = await tasks(road, case_id)
    for wrong in ("manager", "risk", "reviewer"):
        with pytest.raises(NotPermitted):
            await does(
                road, "member1", votes["member1"], ActKind.ADD_SIGNER, to=wrong,
                placement=Placement.BESIDE,
            )  # fmt: skip
    await does(
        road, "member1", votes["member1"], ActKind.ADD_SIGNER, to="approver1",
        placement=Placement.BESIDE,
    )  # fmt: skip
    added = f"{case_id}.1.2.a1"
    for member in ("member1", "member2"):
        await says(road, member, votes[member], Verdict.APPROVE)
    assert "president" not in await tasks(road, case_id)
    await says(road, "approver1", added, Verdict.APPROVE)
    with pytest.raises(ActIllegal):
        await does(road, "member1", added, ActKind.REMOVE_SIGNER)
    assert list(await tasks(road, case_id)) == ["president"]


async def test_a_word_is_taken_back_and_both_stay_on_record(road: Road, case_id: str) -> None:
    first = (await tasks(road, case_id))["reviewer"]
    await says(road, "reviewer", first, Verdict.OBJECT)
    await does(road, "reviewer", first, ActKind.TAKE_BACK)
    second = (await tasks(road, case_id))["reviewer"]
    assert second != first
    await says(road, "reviewer", second, Verdict.SUPPORT)
    votes = await tasks(road, case_id)
    await says(road, "member1", votes["member1"], Verdict.APPROVE)
    with pytest.raises(ActIllegal):
        await does(road, "reviewer", second, ActKind.TAKE_BACK)

    view = await road.case(case_id)
    assert [(word.verdict, word.void) for word in view.decisions] == [
        ("object", "take_back"),
        ("support", ""),
        ("approve", ""),
    ]


@pytest.mark.parametrize("resume", Resume)
async def test_the_chair_returns_it_to_the_review_and_it_comes_back(
    road: Road, case_id: str, resume: Resume
) -> None:
    await says(road, "reviewer", (await tasks(road, case_id))["reviewer"], Verdict.SUPPORT)
    votes = await tasks(road, case_id)
    await says(road, "member2", votes["member2"], Verdict.APPROVE)
    await says(road, "member1", votes["member1"], Verdict.RETURN, to_step=0, resume=resume)
    review = await tasks(road, case_id)
    assert list(review) == ["reviewer"]
    await says(road, "reviewer", review["reviewer"], Verdict.SUPPORT)

    asked = sorted(await tasks(road, case_id))
    everybody = ["member1", "member2", "member3"]
    assert asked == (["member1", "member3"] if resume is Resume.TO_ME else everybody)


@pytest.fixture
async def three(
    database_url: str, temporal_env: SkippingEnvironment, tmp_path: Path
) -> AsyncIterator[Road]:
    """A road on which three must all approve, and changes count as a table says."""
    rows = """
[approval]
materiality = [
    { field = "limit", change = "raised", up_to = 0.1, voids = "positions", positions = ["president"] },
    { field = "limit", change = "lowered", voids = "none" },
    { field = "aggregate", change = "any", up_to = 0.1, voids = "none" },
    { field = "aggregate", change = "lowered", voids = "none" },
    { field = "price", change = "any", up_to = 0.5, voids = "none" },
    { field = "documents", voids = "none" },
]
rows = [
    { code = "all", grades = ["AAA", "AA", "A", "BBB", "BB", "B"], steps = [
        { tier = "head", mode = "all", positions = ["president", "reviewer", "member3"] },
    ] },
    { code = "none", grades = ["CCC", "CC", "C", "D"], steps = [
        { tier = "head", mode = "one", positions = ["president"] },
    ] },
]
"""
    edition = a_changed_edition(f"{UNDRAWN}[investigation]\nrows = []\nchecklists = []\n{rows}")
    async with a_road(database_url, temporal_env, tmp_path, edition) as opened:
        seat_people(opened)
        yield opened


@pytest.mark.parametrize(
    ("amount", "asked"),
    [
        (5_400_000, ["member3", "president"]),  # up to a tenth more: the president's falls
        (4_000_000, ["member3"]),  # less: nobody's
        (9_000_000, ["member3", "president", "reviewer"]),  # what no row speaks of: everybody's
    ],
)
async def test_a_changed_amount_voids_what_the_table_says_and_no_more(
    three: Road, amount: int, asked: list[str]
) -> None:
    road = three
    submitted = await road.submit(an_application(road.keep_customer(), 5_000_000))
    case_id = submitted.case_id
    await road.open_task(case_id)
    first = await tasks(road, case_id)
    for person in ("president", "reviewer"):
        await says(road, person, first[person], Verdict.APPROVE)
    change = ApplicationChange(limit_requested=Money.of(amount, "CNY"))
    await road.call(
        road.services.applications.amend, road.people["manager"], case_id, change, "a-1"
    )
    await road.approval_open(case_id, 2)

    again = await tasks(road, case_id)
    assert sorted(again) == asked
    for person in asked:
        await says(road, person, again[person], Verdict.APPROVE)
    await road.comes_to(case_id, CaseStatus.CONTRACTING)
    view = await road.case(case_id)
    assert sorted(view.letter.decided_by) == ["member3", "president", "reviewer"]
    with road.records.begin() as session:
        told = [each["kind"] for each in CaseEvents(session).list_all(case_id)]
    assert told.count("words_carried") == 1


async def test_whoever_reads_along_sees_the_case_and_decides_nothing(
    road: Road, case_id: str
) -> None:
    other = Person(
        person_id="manager9", title="Manager", roles=frozenset({Role.RELATIONSHIP_MANAGER})
    )
    with road.records.begin() as session:
        Persons(session).record_person(other)
    road.people = {**road.people, "manager9": other}
    task = (await tasks(road, case_id))["reviewer"]
    with pytest.raises(NotFound):
        await road.call(road.services.approvals.read_task, other, task)
    await does(road, "manager", task, ActKind.COPY, to="manager9")
    await road.call(road.services.approvals.read_task, other, task)
    await road.call(road.services.applications.read_case, other, case_id)
    for attempt in (
        says(road, "manager9", task, Verdict.SUPPORT),
        does(road, "manager9", task, ActKind.TRANSFER, to="deputy"),
    ):
        with pytest.raises(NotPermitted):
            await attempt


async def test_the_applicant_urges_once_a_day_and_a_conflict_declared_recuses(
    road: Road, case_id: str
) -> None:
    task = (await tasks(road, case_id))["reviewer"]
    await does(road, "manager", task, ActKind.URGE)
    with pytest.raises(UrgedAlready):
        await does(road, "manager", task, ActKind.URGE)
    await says(road, "reviewer", task, Verdict.SUPPORT)
    votes = await tasks(road, case_id)
    await does(road, "member1", votes["member1"], ActKind.RECUSE)
    with pytest.raises((RecusedOneself, NotPermitted)):
        await says(road, "member1", votes["member1"], Verdict.APPROVE)
    await says(road, "deputy", votes["member1"], Verdict.APPROVE)  # of the same position
    await does(road, "member2", votes["member2"], ActKind.RECUSE)  # the only one of it
    view = await road.case(case_id)
    asked = {each.position: each.status for each in view.tasks if ".2." in each.task_id}
    assert asked["member2"] == "closed"


async def test_the_database_holds_one_standing_word_a_person_and_no_act_of_a_maker(
    road: Road, case_id: str
) -> None:
    first = (await tasks(road, case_id))["reviewer"]
    await says(road, "reviewer", first, Verdict.SUPPORT)
    copied = (
        "INSERT INTO decision SELECT (d).* FROM (SELECT d #= hstore('x','y') FROM decision d) s"
    )
    del copied
    with road.records.begin() as session:
        columns = (
            session.execute(
                text(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = 'decision'"
                )
            )
            .scalars()
            .all()
        )
    kept = [name for name in columns if name not in ("decision_id", "task_id")]
    votes = await tasks(road, case_id)
    listed = ", ".join(kept)
    with pytest.raises(Exception, match="stands"), road.records.begin() as session:
        session.execute(
            text(
                f"INSERT INTO decision (decision_id, task_id, {listed})"
                f" SELECT 'other', :task, {listed} FROM decision"
            ),
            {"task": votes["member1"]},
        )
    with pytest.raises(Exception, match="ck_approval_act_maker"), road.records.begin() as session:
        session.execute(
            text(
                "INSERT INTO approval_act (act_id, approval_id, task_id, case_id, action,"
                " person_id, note, makers, channel, said_hash, progress, acted_at)"
                " VALUES ('a', :approval, 't', :case, 'add_signer', 'manager', '',"
                " '[\"manager\"]', 'api', 'h', '{}', now())"
            ),
            {"approval": f"{case_id}.1", "case": case_id},
        )
