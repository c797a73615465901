"""The gate of a line: signed, met, screened and in time, or nothing at all."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.assessment import collect_dossier
from activities.line import LineActivities
from domain.application import Application, ApplicationType, Case, CaseStatus
from domain.contract import (
    ContractStatus,
    CustomerAct,
    IssueContract,
    LateClause,
    Letter,
    SchemeCondition,
)
from domain.edition import PolicyEdition
from domain.errors import (
    ContractDiffers,
    LetterLapsed,
    LineNotActive,
    NotFound,
    OutOfOrder,
    OverLimit,
    RatingExpired,
    SameHands,
    ScreeningStale,
    Withdrawn,
)
from domain.line import (
    SCREENING,
    Activation,
    ActivationRequest,
    ConditionStatus,
    CreditLine,
    LineLook,
    LineStatus,
)
from domain.money import Money
from domain.notification import Channel
from domain.scheme import SubLine
from domain.screening import ListEffect, ListEntry, Screening
from policies.assessment import assess
from policies.contract import terms_for
from policies.line import months_later
from policies.terms import days_approved
from storage.application import Applications, Assessments, Intakes, Screenings
from storage.approval import Letters
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts, CustomerActs
from storage.edition import Editions
from storage.exposure import Exposure
from storage.line import Conditions, Lines
from storage.notification import Outbox
from storage.screening import Lists
from tests.makers_contract import a_signatory
from tests.makers_monitoring import GRANTED_ON, LINE_ID, a_book, noon
from tests.makers_policy import a_changed_edition, a_customer, an_edition, cny

ON = date(2026, 2, 2)
NOW = noon(ON)
CASE_ID = "case-2"


@pytest.fixture
def book(records: Records) -> CreditLine:
    """People, a customer, and the line it has had since January."""
    line = a_book(records, limit=cny(1_000_000))
    with records.begin() as session:
        Intakes(session).close(line.case_id, noon(GRANTED_ON))
    return line


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records)
    yield opened
    opened.close()


def a_signed_case(
    records: Records,
    application_type: ApplicationType = ApplicationType.NEW_LINE,
    *,
    limit: Money | None = None,
    conditions: tuple[str, ...] = (),
    scheme: dict[str, Any] | None = None,
    status: ContractStatus = ContractStatus.SIGNED,
    contract_terms: dict[str, Any] | None = None,
    temporary_until: date | None = None,
    line_id: str | None = None,
    term_months: int = 12,
    screened_on: date = ON,
    case_id: str = CASE_ID,
    edition: PolicyEdition | None = None,
) -> Letter:
    """A case as its signed agreement leaves it, before the gate."""
    limit = limit or cny(500_000)
    changes = application_type is not ApplicationType.NEW_LINE
    application = Application(
        customer_id="c-1",
        application_type=application_type,
        limit_requested=limit,
        term_months=term_months,
        line_id=(line_id or LINE_ID) if changes else None,
        temporary_until=temporary_until,
        purpose="steel",
    )
    edition = edition or an_edition()
    with records.begin() as session:
        Intakes(session).record(
            case_id,
            application,
            caller="manager",
            key=case_id,
            business_on=ON,
            received_at=NOW,
        )
        Applications(session).record(
            Case(
                case_id=case_id,
                application=application,
                status=CaseStatus.CONTRACTING,
                applicant="manager",
                last_editor="manager",
                edition_hash=edition.edition_hash,
                submitted_at=NOW,
                business_on=ON,
            )
        )
        assessment = assess(
            case_id,
            collect_dossier(session, application, edition, ON),
            edition,
            automatic_spent=cny(0),
            sampled=False,
        )
        Assessments(session).record(assessment)
        terms = terms_for(assessment, limit, edition).model_copy(
            update={
                "conditions": conditions,
                "temporary_until": temporary_until,
                **(scheme or {}),
            }
        )
        letter = Letter(
            letter_no=f"PF-{case_id}",
            case_id=case_id,
            approved=True,
            terms=terms,
            content_hash=assessment.receipt_hash,
            decided_on=ON,
            valid_until=ON + timedelta(days=90),
            decided_by=("approver1",),
        )
        Letters(session).record(letter, case_id, "c-1")
        Screenings(session).record(
            Screening(customer_id="c-1", business_on=screened_on, list_versions={}), case_id
        )
        record_contract(session, letter, status, contract_terms or {})
    return letter


def record_contract(
    session: Any, letter: Letter, status: ContractStatus, changed: dict[str, Any]
) -> None:
    assert letter.terms is not None
    signed = letter.model_copy(update={"terms": letter.terms.model_copy(update=changed)})
    document = Attachments(session).record(b"%PDF-1.7", name="a.pdf", recorded_by="system").sha256
    Contracts(session).record(
        IssueContract(
            contract_id=letter.case_id,
            case_id=letter.case_id,
            letter=signed,
            issued_at=NOW,
            expires_at=NOW + timedelta(days=30),
        ),
        document,
    )
    if status is not ContractStatus.SENT:
        done = status is ContractStatus.SIGNED
        act = CustomerAct(contract_id=letter.case_id, kind="sign", signatory=a_signatory())
        if done:
            CustomerActs(session).record(act, NOW)
        Contracts(session).end(
            letter.case_id,
            status,
            NOW,
            act_id=act.act_id if done else None,
            signed_hash=document if done else None,
        )


def activate(
    records: Records, exposure: Exposure, on: date = ON, case_id: str = CASE_ID
) -> Activation:
    return LineActivities(records, exposure).activate_line(
        ActivationRequest(
            case_id=case_id, contract_id=case_id, letter_no=f"PF-{case_id}", at=noon(on)
        )
    )


def terms_days(records: Records, line_id: str) -> int | None:
    """What orders on a line are held to."""
    query = text("SELECT terms_days FROM exposure_account WHERE owner_id = :line_id")
    with records.begin() as session:
        found: int | None = session.scalar(query, {"line_id": line_id})
    return found


def owed(records: Records, channel: Channel = Channel.TEMPORAL) -> list[str]:
    with records.begin() as session:
        return [entry.kind for entry in Outbox(session).find_page(channel=channel)]


# ── opened ───────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_case_without_conditions_becomes_a_line_that_may_be_used(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    letter = a_signed_case(records)

    activation = activate(records, exposure)

    with records.begin() as session:
        line = Lines(session).find_of_case(CASE_ID)
        case = Applications(session).read(CASE_ID)
    assert line is not None
    assert activation == Activation(case_id=CASE_ID, line_id=line.line_id)
    assert (line.limit, line.letter_no) == (cny(500_000), letter.letter_no)
    assert (line.starts_on, line.ends_on) == (ON, date(2027, 2, 1))
    assert (case.status, case.line_id) == (CaseStatus.ACTIVE, line.line_id)
    assert letter.terms is not None
    approved = days_approved(letter.terms.payment_terms, an_edition())
    assert terms_days(records, line.line_id) == approved
    taken = exposure.reserve(line.line_id, cny(500_000), "k-1", business_on=ON)
    assert taken.headroom == cny(0)
    assert owed(records) == ["start_line"]
    assert owed(records, Channel.MAIL) == ["line_activated", "line_activated"]
    assert exposure.verify().holds


def test_activated_twice_it_is_one_line(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records)

    first = activate(records, exposure)

    assert activate(records, exposure, ON + timedelta(days=200)) == first
    assert owed(records) == ["start_line"]


@pytest.mark.parametrize(
    "table", ["credit_line", "exposure_entry", "line_limit", "line_event", "outbox", "case_event"]
)
def test_a_failure_at_any_step_leaves_nothing_of_it(
    records: Records, exposure: Exposure, book: CreditLine, table: str
) -> None:
    a_signed_case(records)
    with records.begin() as session:
        session.execute(
            text(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'the disk is gone'; END $$"
            )
        )
        session.execute(
            text(
                f"CREATE TRIGGER fail AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail()"
            )
        )

    with pytest.raises(DBAPIError):
        activate(records, exposure)
    with records.begin() as session:
        assert Lines(session).find_of_case(CASE_ID) is None
        assert Applications(session).read(CASE_ID).status is CaseStatus.CONTRACTING
        session.execute(text(f"DROP TRIGGER fail ON {table}"))
    assert owed(records) == []

    assert activate(records, exposure).line_id is not None
    assert exposure.verify().holds


# ── held ─────────────────────────────────────────────────────────────────────────────────────────


def test_open_conditions_hold_it_and_are_named_until_each_is_settled(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    letter = a_signed_case(records, conditions=("board_resolution", "insurance"))

    held = activate(records, exposure)

    assert held.line_id is None
    assert held.open_conditions == ("board_resolution", "insurance")
    assert held.retry_at is not None
    assert held.retry_at > noon(letter.valid_until)
    with records.begin() as session:
        assert Applications(session).read(CASE_ID).status is CaseStatus.CONDITIONS
        met = Conditions(session).read(CASE_ID, "board_resolution", for_update=True)
        assert met.owner == "manager"
        Conditions(session).write(met.evidenced("e" * 64, "legal").verified("release"))
    assert activate(records, exposure).open_conditions == ("insurance",)
    with records.begin() as session:
        waived = Conditions(session).read(CASE_ID, "insurance", for_update=True)
        Conditions(session).write(waived.waived("approver1", "PF-waiver", "covered elsewhere"))
    assert activate(records, exposure).line_id is not None


def test_the_schemes_conditions_hold_the_line_until_somebody_else_has_verified_them(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    condition = SchemeCondition(
        code="scheme:1", text="The mortgage is registered.", owner="manager", due_on=ON
    )
    a_signed_case(records, scheme={"scheme_conditions": (condition,)})

    assert activate(records, exposure).open_conditions == ("scheme:1",)
    with records.begin() as session:
        held = Conditions(session).read(CASE_ID, "scheme:1", for_update=True)
        assert (held.text, held.owner, held.due_on) == (condition.text, "manager", ON)
        evidenced = held.evidenced("e" * 64, "legal")
        for hands in ("manager", "legal"):
            with pytest.raises(SameHands):
                evidenced.verified(hands)
        Conditions(session).write(evidenced.verified("release"))
    assert activate(records, exposure).line_id is not None


def test_a_condition_for_afterwards_holds_the_line_once_its_day_is_over(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    later = SchemeCondition(
        code="document:1",
        text="Audited accounts.",
        owner="role.legal",
        due_on=ON + timedelta(days=1),
        after_activation=True,
    )
    before = SchemeCondition(code="cover:1", text="A pledge.", owner="manager", due_on=ON)
    a_signed_case(records, scheme={"scheme_conditions": (later, before)})

    assert activate(records, exposure).open_conditions == ("cover:1",)
    assert activate(records, exposure, later.due_on).open_conditions == ("cover:1",)
    overdue = activate(records, exposure, later.due_on + timedelta(days=1))
    assert overdue.open_conditions == ("cover:1", "document:1")
    with records.begin() as session:
        held = Conditions(session).read(CASE_ID, "cover:1", for_update=True)
        Conditions(session).write(held.evidenced("e" * 64, "legal").verified("release"))
    assert activate(records, exposure).line_id is not None
    with records.begin() as session:
        left = Conditions(session).read(CASE_ID, "document:1")
    assert (left.after_activation, left.settled) == (True, False)


def test_the_line_shows_the_sub_lines_of_its_letter(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    lines = (
        SubLine(product="open_account", limit=cny(500_000), tenor_months=3),
        SubLine(product="bank_acceptance", limit=cny(200_000), tenor_months=6),
    )
    a_signed_case(records, scheme={"sub_lines": lines})

    line_id = activate(records, exposure).line_id
    assert line_id is not None
    with records.begin() as session:
        assert Lines(session).read(line_id).terms.sub_lines == lines


def test_the_database_refuses_a_condition_verified_by_its_owner_or_its_evidencer(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records, conditions=("insurance",))
    activate(records, exposure)

    for hands in ("manager", "legal"):
        with pytest.raises(DBAPIError), records.begin() as session:
            session.execute(
                text(
                    "UPDATE condition_precedent SET status = 'met', evidence_hash = 'e',"
                    " evidenced_by = 'legal', verified_by = :hands"
                ),
                {"hands": hands},
            )


def test_an_old_screening_is_taken_again_before_the_gate_opens(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records, screened_on=date(2025, 12, 1))

    assert activate(records, exposure).line_id is not None
    with records.begin() as session:
        newest = Screenings(session).find_newest("c-1")
    assert newest is not None
    assert newest[0].business_on == ON


def test_a_hit_that_suspends_holds_it_until_two_people_have_shown_it_is_another(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records, screened_on=date(2025, 12, 1))
    list_customer(records, ListEffect.SUSPEND)

    assert activate(records, exposure).open_conditions == (SCREENING,)
    with records.begin() as session:
        found = Conditions(session).read(CASE_ID, SCREENING, for_update=True)
        assert found.status is ConditionStatus.OPEN
        Conditions(session).write(found.evidenced("e" * 64, "legal").verified("risk"))
    assert activate(records, exposure).line_id is not None


# ── refused ──────────────────────────────────────────────────────────────────────────────────────


def test_a_hit_that_stops_is_refused_whatever_was_signed(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records, screened_on=date(2025, 12, 1))
    list_customer(records, ListEffect.STOP)

    with pytest.raises(ScreeningStale):
        activate(records, exposure)


@pytest.mark.parametrize(
    "status", [ContractStatus.SENT, ContractStatus.EXPIRED, ContractStatus.WITHDRAWN]
)
def test_an_agreement_that_is_not_signed_is_refused(
    records: Records, exposure: Exposure, book: CreditLine, status: ContractStatus
) -> None:
    a_signed_case(records, status=status)

    with pytest.raises(OutOfOrder, match=status):
        activate(records, exposure)


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("limit", cny(500_001)),
        ("rate_annual", Decimal("0.01")),
        ("term_months", 13),
        ("payment_days", 1),
        ("late", LateClause(rate_annual=Decimal("0.05"))),
        ("purpose", "another"),
    ],
)
def test_an_agreement_that_differs_from_its_letter_is_refused_with_the_field(
    records: Records, exposure: Exposure, book: CreditLine, field: str, other: object
) -> None:
    a_signed_case(records, contract_terms={field: other})

    with pytest.raises(ContractDiffers, match=field):
        activate(records, exposure)


def test_the_letters_last_day_is_the_last_on_which_it_opens(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    letter = a_signed_case(records)

    with pytest.raises(LetterLapsed):
        activate(records, exposure, letter.valid_until + timedelta(days=1))
    assert activate(records, exposure, letter.valid_until).line_id is not None


@pytest.mark.parametrize("kind", [ApplicationType.NEW_LINE, ApplicationType.INCREASE])
def test_more_is_lent_until_the_last_day_of_the_rating_and_not_after(
    records: Records, exposure: Exposure, book: CreditLine, kind: ApplicationType
) -> None:
    short = a_changed_edition("[review]\nrating_valid_months = 1")
    with records.begin() as session:
        Editions(session).publish(short, short.as_toml(), "policy")
    a_signed_case(records, kind, limit=cny(1_500_000), edition=short)
    last = months_later(ON, 1)

    with pytest.raises(RatingExpired):
        activate(records, exposure, last + timedelta(days=1))
    assert activate(records, exposure, last).line_id is not None


def test_a_withdrawn_case_opens_nothing(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records)
    with records.begin() as session:
        case = Applications(session).read(CASE_ID, for_update=True)
        Applications(session).write(case, case.model_copy(update={"status": CaseStatus.WITHDRAWN}))

    with pytest.raises(Withdrawn):
        activate(records, exposure)


# ── changes of a line ────────────────────────────────────────────────────────────────────────────


def test_an_increase_raises_the_limit_and_leaves_the_dates(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    letter = a_signed_case(records, ApplicationType.INCREASE, limit=cny(1_500_000))

    activation = activate(records, exposure)

    line = the_line(records)
    assert activation.line_id == LINE_ID
    assert (line.limit, line.letter_no) == (cny(1_500_000), letter.letter_no)
    assert (line.starts_on, line.ends_on) == (book.starts_on, book.ends_on)
    newest = exposure.entries(LINE_ID)[0]
    assert (newest.kind, newest.decision_id) == ("limit", letter.letter_no)
    assert owed(records) == ["signal_line_changed"]
    assert exposure.verify().holds


def test_a_decrease_below_use_leaves_no_headroom_and_nothing_negative(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    held = exposure.reserve(LINE_ID, cny(900_000), "k-1", business_on=ON).reservation_id or ""
    exposure.commit(LINE_ID, held, "k-2", business_on=ON)
    a_signed_case(records, ApplicationType.DECREASE, limit=cny(300_000))

    activate(records, exposure)

    (balance,) = exposure.balances(LINE_ID)
    assert (balance.headroom, balance.excess) == (cny(0), cny(600_000))
    with pytest.raises(OverLimit):
        exposure.reserve(LINE_ID, cny(1), "k-3", business_on=ON)


def test_a_temporary_limit_stands_until_its_last_day_and_returns_by_itself(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    until = ON + timedelta(days=30)
    a_signed_case(
        records, ApplicationType.TEMPORARY_INCREASE, limit=cny(1_200_000), temporary_until=until
    )
    activate(records, exposure)
    assert (the_line(records).limit, the_line(records).temporary_until) == (cny(1_200_000), until)
    exposure.reserve(LINE_ID, cny(1_100_000), "k-1", business_on=ON)
    exposure.reserve(LINE_ID, cny(1), "k-2", business_on=until)
    with pytest.raises(OverLimit):  # nobody has come by yet
        exposure.reserve(LINE_ID, cny(1), "k-3", business_on=until + timedelta(days=1))

    look(records, exposure, until)
    assert the_line(records).limit == cny(1_200_000)
    look(records, exposure, until + timedelta(days=1))
    look(records, exposure, until + timedelta(days=2))

    line = the_line(records)
    assert (line.limit, line.temporary_until) == (cny(1_000_000), None)
    assert line.letter_no == book.letter_no
    (balance,) = exposure.balances(LINE_ID)
    assert (balance.headroom, balance.excess) == (cny(0), cny(100_001))
    assert exposure.verify().holds


def test_an_increase_under_a_higher_temporary_limit_counts_when_that_ends(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    until = ON + timedelta(days=30)
    a_signed_case(
        records, ApplicationType.TEMPORARY_INCREASE, limit=cny(1_300_000), temporary_until=until
    )
    activate(records, exposure)
    a_signed_case(records, ApplicationType.INCREASE, limit=cny(1_100_000), case_id="case-3")
    activate(records, exposure, case_id="case-3")
    assert the_line(records).limit == cny(1_300_000)

    look(records, exposure, until + timedelta(days=1))

    assert the_line(records).limit == cny(1_100_000)
    assert exposure.verify().holds


def test_a_renewal_gives_the_line_new_dates_and_its_orders_feel_them(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records, ApplicationType.RENEWAL, limit=cny(800_000), term_months=24)

    activate(records, exposure)

    line = the_line(records)
    assert (line.limit, line.ends_on) == (cny(800_000), date(2028, 2, 1))
    assert exposure.reserve(LINE_ID, cny(1), "k-1", business_on=book.ends_on + timedelta(days=1))
    assert exposure.verify().holds


def test_a_line_that_has_ended_is_not_changed(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records, ApplicationType.RENEWAL)
    with records.begin() as session:
        Lines(session).end(LINE_ID, LineStatus.TERMINATED, message_id="m-1", at=NOW)

    with pytest.raises(LineNotActive):
        activate(records, exposure)


def test_a_line_of_another_customer_is_not_found(
    records: Records, exposure: Exposure, book: CreditLine
) -> None:
    a_signed_case(records, ApplicationType.INCREASE)
    with records.begin() as session:
        session.execute(text("UPDATE credit_line SET customer_id = 'c-9'"))

    with pytest.raises(NotFound):
        activate(records, exposure)


def the_line(records: Records) -> CreditLine:
    with records.begin() as session:
        return Lines(session).read(LINE_ID)


def look(records: Records, exposure: Exposure, on: date) -> None:
    LineActivities(records, exposure).look_at_line(LineLook(line_id=LINE_ID, at=noon(on)))


def list_customer(records: Records, effect: ListEffect) -> None:
    (identifier,) = a_customer().identifiers
    with records.begin() as session:
        Lists(session).record_version(
            "internal_negative",
            "v1",
            [
                ListEntry(
                    list_code="internal_negative",
                    list_version="v1",
                    identifier=identifier,
                    effect=effect,
                    rule="dishonest_debtor",
                )
            ],
            imported_on=GRANTED_ON,
            source="test",
            recorded_by="risk",
        )
