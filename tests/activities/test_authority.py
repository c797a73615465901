"""Is authority asked of that day's registers, used once, warned of once, and never assumed?"""

from datetime import date, timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.authority import authority_for, look_for_unasked, warn_of_certificates
from activities.warning import WarningActivities
from domain.approval import (
    Approval,
    ApprovalOutcome,
    AuthorityGrant,
    Certificate,
    Delegation,
    GrantScope,
    InterestConflict,
    Subject,
)
from domain.customer import Segment
from domain.edition import PolicyEdition
from domain.errors import ConflictOfInterest, CreditError, NoAuthority, SameHands
from domain.identity import Person, Role
from domain.money import Money
from domain.warning import MonitoringPage
from storage.application import CaseEvents
from storage.approval import Approvals, AuthorityGrants, AuthorityRegister, Decisions
from storage.base import Records
from storage.identity import Persons
from storage.notification import Outbox
from tests.activities.test_related import asked, says
from tests.makers_monitoring import GRANTED_ON, a_book, noon
from tests.makers_policy import an_edition

DAY = timedelta(days=1)
TASK, OTHER = "case-1.1.1.1", "case-1.1.1.2"


def an_edition_with(**changed: Any) -> PolicyEdition:
    content = an_edition().model_dump()
    content["approval"]["authority"] |= changed
    return PolicyEdition.model_validate(content)


def grant(records: Records, person: str, position: str, **changes: Any) -> None:
    with records.begin() as session:
        AuthorityGrants(session).record(
            AuthorityGrant.model_validate(
                {
                    "grant_no": f"SQ-{person}-{position}",
                    "person_id": person,
                    "position": position,
                    "limit": Money.of(10**12, "CNY"),
                    "valid_from": GRANTED_ON,
                    "valid_until": GRANTED_ON,
                    "granted_by": "board",
                }
                | changes
            )
        )


def delegate(records: Records, one: str, other: str, **changes: Any) -> None:
    with records.begin() as session:
        AuthorityRegister(session).record(
            Delegation.model_validate(
                {
                    "entry_id": f"d-{one}-{other}",
                    "recorded_by": one,
                    "delegator": one,
                    "delegate": other,
                    "valid_from": GRANTED_ON,
                    "valid_until": GRANTED_ON,
                    "reason": "leave",
                }
                | changes
            )
        )


def declare(records: Records, person: str, entry_id: str = "t-1") -> None:
    with records.begin() as session:
        AuthorityRegister(session).record(
            InterestConflict(
                entry_id=entry_id,
                recorded_by=person,
                person_id=person,
                customer_id="c-1",
                note="a relative",
                valid_from=GRANTED_ON,
            )
        )


def certify(records: Records, number: str, until: date, person: str = "approver1") -> None:
    with records.begin() as session:
        AuthorityRegister(session).record(
            Certificate(
                entry_id=number,
                recorded_by="operator",
                certificate_no=number,
                person_id=person,
                code="credit_approval",
                valid_from=GRANTED_ON - 400 * DAY,
                valid_until=until,
                evidence="0" * 64,
            )
        )


def told(records: Records, kind: str, case_id: str = "case-1") -> list[str]:
    with records.begin() as session:
        owed = Outbox(session).list_of_case(case_id)
    return sorted(each.recipient for each in owed if each.kind == kind)


def approval_of(records: Records) -> Approval:
    with records.begin() as session:
        found = Approvals(session).find("case-1.1")
    assert found is not None
    return found


def may(records: Records, person: str, task_id: str = TASK) -> str:
    """The code that a word would be refused with, or nothing."""
    approval = approval_of(records)
    task = approval.task(task_id)
    assert task is not None
    try:
        with records.begin() as session:
            authority_for(session, person, task, approval, GRANTED_ON)
    except CreditError as error:
        return error.code
    return ""


def test_ones_authority_counts_once_whoever_speaks_by_it(records: Records) -> None:
    """One person holds both positions of the step, is away, and has two delegates."""
    a_book(records)
    grant(records, "approver2", "head_special")
    grant(records, "approver2", "head_other")
    delegate(records, "approver2", "approver3")
    delegate(records, "approver2", "approver4")
    asked(records, "head_special", "head_other")
    assert says(records, "approver3", TASK, "api").outcome is ApprovalOutcome.OPEN

    with pytest.raises(SameHands):
        says(records, "approver4", OTHER, "api")
    with records.begin() as session:
        [word] = Decisions(session).list_of_case("case-1")
    assert (word.person_id, word.on_behalf_of) == ("approver3", "approver2")
    assert word.delegations == ("d-approver2-approver3",)


@pytest.mark.parametrize(
    ("scope", "may_decide"),
    [
        ({"units": ("head_office",)}, True),
        ({"units": ("branch_of_the_north",)}, False),
        ({"regions": ("CN-XX",)}, False),
        ({"industries": ("C",)}, True),
        ({"industries": ("K",)}, False),
        ({"products": ("open_account",)}, True),
        ({"products": ("prepayment",)}, False),
        ({"segments": (Segment.MEDIUM,)}, True),
        ({"segments": (Segment.SMALL,)}, False),
        ({"classes": ("normal",)}, False),  # the customer has not been classified
        ({"subjects": (Subject.REVIEW,)}, True),
        ({"subjects": (Subject.APPLICATION,)}, False),
        ({"secured_only": True}, False),
    ],
)
def test_a_scope_is_held_against_the_records_of_the_case(
    records: Records, scope: dict[str, Any], may_decide: bool
) -> None:
    a_book(records, industry="C", segment=Segment.MEDIUM, region="CN-JS")
    grant(records, "approver2", "special", scope=GrantScope.model_validate(scope))
    asked(records, "special")
    assert may(records, "approver2") == ("" if may_decide else "no_authority")


def test_a_special_grant_is_for_its_case(records: Records) -> None:
    a_book(records)
    grant(records, "approver2", "special", case_id="case-1")
    grant(records, "approver3", "special", case_id="case-2")
    asked(records, "special")
    assert may(records, "approver2") == ""
    assert may(records, "approver3") == "no_authority"


def test_a_cap_in_another_currency_counts_at_the_rate_of_the_day(records: Records) -> None:
    """A million yuan is asked; a dollar is seven."""
    a_book(records)
    grant(records, "approver2", "special", limit=Money.of("142857.14", "USD"))
    grant(records, "approver3", "special", limit=Money.of("142857.15", "USD"))
    grant(records, "approver4", "special", limit=Money.of(10**9, "EUR"))  # without a rate
    asked(records, "special")
    assert may(records, "approver2") == "no_authority"
    assert may(records, "approver3") == ""
    assert may(records, "approver4") == "no_authority"


def test_what_was_delegated_in_another_currency_counts_at_the_rate_of_the_day(
    records: Records,
) -> None:
    a_book(records)
    grant(records, "approver2", "special")
    for name, limit in (("approver3", "142857.14"), ("approver4", "142857.15")):
        grant(records, name, "other")
        delegate(records, "approver2", name, limit=Money.of(limit, "USD"))
    asked(records, "special")
    assert may(records, "approver3") == "no_authority"
    assert may(records, "approver4") == ""


def test_a_position_that_nobody_holds_goes_to_the_queue_and_is_never_passed(
    records: Records,
) -> None:
    a_book(records)
    progress = asked(records, "nobodys_post")

    assert progress.outcome is ApprovalOutcome.OPEN
    assert progress.waiting_for == ("nobodys_post",)
    assert told(records, "authority_missing") == ["person:operator"]
    with records.begin() as session:
        [alarm] = AuthorityRegister(session).alarms(standing=True, page_size=10)
        look_for_unasked(session, GRANTED_ON)  # raised once
        assert AuthorityRegister(session).alarms(standing=True, page_size=10) == [alarm]
    assert (alarm.task_id, alarm.queue, alarm.stands) == (TASK, "operator", True)
    assert told(records, "authority_missing") == ["person:operator"]
    with pytest.raises(NoAuthority):
        says(records, "approver3", TASK, "api")


def test_a_day_that_ends_authority_raises_the_alarm_too(records: Records) -> None:
    a_book(records)
    grant(records, "approver2", "special")
    asked(records, "special")
    with records.begin() as session:
        assert AuthorityRegister(session).alarms(standing=True, page_size=10) == []
        look_for_unasked(session, GRANTED_ON + DAY)
        assert len(AuthorityRegister(session).alarms(standing=True, page_size=10)) == 1


def test_whoever_declared_a_tie_is_skipped_with_the_reason(records: Records) -> None:
    a_book(records)
    declare(records, "approver3")
    progress = asked(records, "head_credit", "head_risk")

    assert progress.waiting_for == ("head_risk",)
    with records.begin() as session:
        events = CaseEvents(session).list_all("case-1")
    (skipped,) = [event for event in events if event["kind"] == "task_skipped"]
    assert skipped["facts"]["reason"] == "conflict:t-1"


def test_a_delegate_of_whoever_declared_a_tie_is_refused_in_their_own_right_too(
    records: Records,
) -> None:
    a_book(records)
    asked(records, "head_credit", "head_risk")
    declare(records, "approver3")
    delegate(records, "approver3", "approver4")
    with pytest.raises(ConflictOfInterest, match="t-1"):
        says(records, "approver3", TASK, "api")
    assert may(records, "approver4", OTHER) == "stand_in_barred"


def test_the_customers_own_manager_does_not_decide_on_it(records: Records) -> None:
    a_book(records, manager_id="approver3")
    asked(records, "head_credit", "head_risk")
    assert may(records, "approver3") == "conflict_of_interest"


def test_a_person_who_was_disabled_neither_decides_nor_has_anybody_speak(records: Records) -> None:
    a_book(records)
    grant(records, "approver2", "special")
    delegate(records, "approver2", "approver3")
    asked(records, "special")
    assert may(records, "approver3") == ""
    with records.begin() as session:
        Persons(session).disable("approver2", noon(GRANTED_ON))
    assert may(records, "approver3") == "no_authority"


# ── certificates that end ────────────────────────────────────────────────────────────────────────


def test_a_certificate_that_ends_is_told_thirty_seven_and_one_day_ahead_once_each(
    records: Records,
) -> None:
    a_book(records)
    ends = GRANTED_ON + 40 * DAY
    certify(records, "Z-1", ends)
    sent = []
    with records.begin() as session:
        for left in range(40, -2, -1):
            on = ends - left * DAY
            for _ in range(2):
                sent += [left] * warn_of_certificates(session, an_edition(), on)
    assert sent == [30, 7, 1]


def test_a_day_without_a_run_is_made_up_for_and_a_renewed_certificate_is_not_told_of(
    records: Records,
) -> None:
    a_book(records)
    ends = GRANTED_ON + 40 * DAY
    certify(records, "Z-1", ends)
    certify(records, "Z-2", ends, person="approver2")
    certify(records, "Z-3", ends + 300 * DAY, person="approver2")
    certify(records, "Z-4", date.max, person="approver3")
    with records.begin() as session:
        assert warn_of_certificates(session, an_edition(), ends - 28 * DAY) == 1
        assert warn_of_certificates(session, an_edition(), ends - 27 * DAY) == 0
    with records.begin() as session:
        owed = Outbox(session).find_page()
    warned = [each for each in owed if each.kind == "certificate_lapsing"]
    assert [(each.recipient, each.facts["certificate_no"]) for each in warned] == [
        ("person:approver1", "Z-1")
    ]


def test_the_daily_run_tells_of_certificates_and_of_tasks_that_nobody_decides(
    records: Records,
) -> None:
    a_book(records)
    grant(records, "approver2", "special")
    asked(records, "special")
    on = GRANTED_ON + DAY
    certify(records, "Z-1", on + 7 * DAY)
    page = MonitoringPage(run_id="run-1", after=None, page_size=100, at=noon(on))
    ActivityEnvironment().run(WarningActivities(records).monitor_customers, page)
    assert told(records, "authority_missing") == ["person:operator"]
    with records.begin() as session:
        assert Outbox(session).is_owed("mail", f"certificate/Z-1/{on + 7 * DAY}/7")


def test_a_queue_of_a_role_tells_everybody_of_that_role(records: Records) -> None:
    content = an_edition().model_dump()
    content["approval"]["fallback_queue"] = "risk_officer"
    a_book(records, edition=PolicyEdition.model_validate(content))
    with records.begin() as session:
        Persons(session).record_person(
            Person(person_id="risk3", title="Risk", roles=frozenset({Role.RISK_OFFICER}))
        )
    asked(records, "nobodys_post")
    assert told(records, "authority_missing") == [f"person:{n}" for n in ("risk", "risk2", "risk3")]


def test_without_a_certificate_a_delegation_gives_nothing_either(records: Records) -> None:
    a_book(records, edition=an_edition_with(certificates={"special": "credit_approval"}))
    grant(records, "approver2", "special")
    delegate(records, "approver2", "approver3")
    asked(records, "special")
    certify(records, "Z-3", GRANTED_ON, person="approver3")
    assert may(records, "approver3") == "no_authority"
    certify(records, "Z-2", GRANTED_ON, person="approver2")
    assert may(records, "approver3") == ""
