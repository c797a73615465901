"""Delivery: the right words to the right place, at least once, and never in each other's way."""

import asyncio
import email
import tomllib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from temporalio.client import WorkflowHandle
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.notification import (
    MailDelivery,
    MailTemplates,
    NotificationActivities,
    Smtp,
    Undelivered,
)
from creditflow.stack.launch import free_port
from domain.application import Application
from domain.customer import Customer
from domain.edition import KnockOutEffect
from domain.identity import Language, Person, Role
from domain.money import Money
from domain.notification import (
    MASK,
    NOTICE_FACTS,
    Channel,
    DeliveryState,
    Notice,
    OutboxEntry,
    OutboxTurn,
)
from storage.application import Intakes
from storage.base import Records
from storage.customer import Customers
from storage.edition import read_shipped
from storage.identity import Persons
from storage.notification import Outbox
from tests.servers import SkippingEnvironment
from workflows.outbox import OutboxWorkflow

FOLDER = Path(__file__).parents[2] / "templates" / "notification"
_DAY = date(2026, 1, 5)
GRANTORS = {Language.EN: "Grantor", Language.ZH: "授信机构"}
TEMPLATES = MailTemplates(FOLDER, public_url="https://credit.example", grantors=GRANTORS)


class Sink:
    """A mail server that keeps what it receives; it refuses who it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refused: set[str] = set()

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[tuple[Sink, Smtp]]:
    kept = Sink()
    port = free_port(0)
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    yield kept, Smtp(host="127.0.0.1", port=port, sender="credit@grantor.example")
    controller.stop()


@pytest.fixture
def people(records: Records) -> Records:
    with records.begin() as session:
        for person_id, language in (("approver1", Language.ZH), ("approver2", Language.EN)):
            Persons(session).record_person(
                Person(
                    person_id=person_id,
                    title="Approver",
                    roles=frozenset({Role.APPROVER}),
                    mail=f"{person_id}@grantor.example",
                    language=language,
                )
            )
        Customers(session).record(
            Customer(customer_id="c-1", name="A company", mail="post@company.example"),
            business_on=_DAY,
            source="test",
            recorded_by="manager",
        )
    return records


def owe(records: Records, key: str, recipient: str, kind: Notice, **facts: str) -> None:
    with records.begin() as session:
        Outbox(session).post(
            Channel.MAIL, key, recipient=recipient, kind=kind, facts={**sample(kind), **facts}
        )


def sample(kind: Notice) -> dict[str, str]:
    """The facts that a kind promises, each saying its own name."""
    return {name: f"<{name}>" for name in NOTICE_FACTS[kind]}


def find(records: Records, key: str) -> OutboxEntry:
    with records.begin() as session:
        entry = Outbox(session).find(Channel.MAIL, key)
        assert entry is not None
        return entry


def take_turn(records: Records, delivery: Any, channel: Channel = Channel.MAIL) -> None:
    """One turn, as the worker would take it, until nothing more is due."""
    activities = NotificationActivities(records, {channel: delivery}, poll_seconds=0.01)
    environment, seen = ActivityEnvironment(), list[Any]()

    def rest(*tally: Any) -> None:
        if seen and seen[-1] == tally:
            environment.worker_shutdown()
        seen.append(tally)

    environment.on_heartbeat = rest
    environment.run(activities.deliver_outbox, OutboxTurn(channel=channel, seconds_max=30))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(Notice))
def test_every_notice_is_said_in_both_languages_with_all_its_facts(
    kind: Notice, language: Language
) -> None:
    subject, body = TEMPLATES.render(kind, language, sample(kind))

    assert subject
    assert "Subject:" not in subject + body
    assert GRANTORS[language] in body
    told = (subject + body).replace(" ", "_")
    assert [name for name in NOTICE_FACTS[kind] if f"<{name}>" not in told] == []


def test_reasons_are_said_as_sentences_from_their_codes_alone() -> None:
    codes = "equity_negative,grade:D,new_code,equity_negative"
    facts = {**sample(Notice.DECISION_DECLINED), "reason_codes": codes}

    _, en = TEMPLATES.render(Notice.DECISION_DECLINED, Language.EN, facts)
    _, zh = TEMPLATES.render(Notice.DECISION_DECLINED, Language.ZH, facts)

    assert "- The company's equity is negative\n- The grade D does not qualify" in en
    assert "- new code" in en
    assert en.count("equity is negative") == 1
    assert "- 净资产为负\n- 信用等级 D 不符合" in zh


def test_an_instant_is_told_by_the_clock_of_the_legal_entity() -> None:
    facts = {**sample(Notice.TASK_OPENED), "due_at": "2026-01-05T02:30:00+00:00"}

    _, body = TEMPLATES.render(Notice.TASK_OPENED, Language.EN, facts)

    assert "until 2026-01-05 10:30." in body


def test_both_languages_know_the_same_sentences() -> None:
    sentences = tomllib.loads((FOLDER / "sentences.toml").read_text("utf-8"))

    assert set(sentences["en"]) == set(sentences["zh-CN"])


@pytest.mark.parametrize("edition", ["standard", "demo", "invoices"])
def test_every_code_of_an_edition_that_a_notice_may_carry_has_its_sentence(edition: str) -> None:
    policy = read_shipped(edition)
    declining = [each.code for each in policy.knock_outs if each.effect is KnockOutEffect.DECLINE]
    asked = [
        code
        for checklist in policy.completeness.checklists
        for code in (*checklist.required, *checklist.optional)
    ]
    warned = [rule.code for rule in policy.monitoring.rules]

    sentences = tomllib.loads((FOLDER / "sentences.toml").read_text("utf-8"))["en"]

    codes = {code.split(":")[0] for code in (*declining, *asked, *warned)}
    assert codes - set(sentences) == set()


def test_no_template_is_left_over() -> None:
    known = {f"{kind}.{language}.txt.j2" for kind in Notice for language in Language}

    found = {file.name for file in FOLDER.glob("*.j2") if not file.name.startswith("_")}

    assert found == known


def test_a_notice_reaches_its_reader_in_their_language(
    people: Records, sink: tuple[Sink, Smtp]
) -> None:
    kept, smtp = sink
    owe(people, "t/1", "person:approver1", Notice.TASK_OPENED, task_id="t-1")
    owe(people, "t/2", "person:approver2", Notice.TASK_OPENED, task_id="t-1")

    take_turn(people, MailDelivery(people, TEMPLATES, smtp))

    zh, en = kept.mails
    assert (zh["To"], en["To"]) == ("approver1@grantor.example", "approver2@grantor.example")
    assert zh["Subject"].startswith("待办")
    assert en["Subject"].startswith("For decision")
    assert "https://credit.example/tasks/t-1" in en.get_content()
    assert find(people, "t/1").state is DeliveryState.SENT


def test_a_signing_link_reaches_the_customer_and_is_then_forgotten(
    people: Records, sink: tuple[Sink, Smtp]
) -> None:
    kept, smtp = sink
    owe(people, "c/1", "customer:c-1", Notice.CONTRACT_TO_SIGN, link="https://x.example/s/abc")

    take_turn(people, MailDelivery(people, TEMPLATES, smtp))

    [mail] = kept.mails
    assert "https://x.example/s/abc" in mail.get_content()
    assert find(people, "c/1").facts["link"] == MASK


def test_a_mail_delivered_twice_carries_the_same_message_id(
    people: Records, sink: tuple[Sink, Smtp]
) -> None:
    kept, smtp = sink
    owe(people, "t/1", "person:approver1", Notice.TASK_OPENED)
    delivery = MailDelivery(people, TEMPLATES, smtp)
    with people.begin() as session:
        [entry] = Outbox(session).claim(Channel.MAIL, entries_max=1, lease_seconds=1)

    delivery.deliver(entry)
    delivery.deliver(entry)

    first, second = kept.mails
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize(
    ("recipient", "error"),
    [
        ("person:nobody", "not_found"),
        ("customer:c-2", "not_found"),
        ("pigeon:c-1", "no recipients of the kind pigeon"),
    ],
)
def test_a_notice_to_nobody_is_given_up_and_says_why(
    people: Records, sink: tuple[Sink, Smtp], recipient: str, error: str
) -> None:
    kept, smtp = sink
    owe(people, "lost", recipient, Notice.TASK_OPENED)
    owe(people, "well", "person:approver1", Notice.TASK_OPENED)

    take_turn(people, MailDelivery(people, TEMPLATES, smtp))

    lost = find(people, "lost")
    assert (lost.state, lost.last_error) == (DeliveryState.FAILED, error)
    assert len(kept.mails) == 1


def test_a_refused_mailbox_is_given_up(people: Records, sink: tuple[Sink, Smtp]) -> None:
    kept, smtp = sink
    kept.refused.add("approver1@grantor.example")
    owe(people, "t/1", "person:approver1", Notice.TASK_OPENED)

    take_turn(people, MailDelivery(people, TEMPLATES, smtp))

    entry = find(people, "t/1")
    assert (entry.state, entry.last_error) == (
        DeliveryState.FAILED,
        "the recipient was refused: 550",
    )


def test_a_mail_server_that_is_away_costs_nothing_but_time(people: Records) -> None:
    owe(people, "t/1", "person:approver1", Notice.TASK_OPENED)
    nobody = Smtp(host="127.0.0.1", port=1, sender="credit@grantor.example")

    take_turn(people, MailDelivery(people, TEMPLATES, nobody))

    entry = find(people, "t/1")
    assert entry.state is DeliveryState.PENDING
    assert entry.last_error == "ConnectionRefusedError"


def test_a_fact_that_is_missing_is_named_and_no_value_is_told(
    people: Records, sink: tuple[Sink, Smtp]
) -> None:
    with people.begin() as session:
        Outbox(session).post(
            Channel.MAIL,
            "c/1",
            recipient="customer:c-1",
            kind=Notice.CONTRACT_TO_SIGN,
            facts={"link": "https://x.example/s/abc"},
        )

    take_turn(people, MailDelivery(people, TEMPLATES, sink[1]))

    entry = find(people, "c/1")
    assert entry.state is DeliveryState.FAILED
    assert "undefined" in entry.last_error
    assert "abc" not in entry.last_error


def test_a_fact_cannot_add_a_header(people: Records, sink: tuple[Sink, Smtp]) -> None:
    kept, smtp = sink
    owe(people, "t/1", "person:approver1", Notice.TASK_OPENED, case_id="a\r\nBcc: x@y.example\n\nb")

    take_turn(people, MailDelivery(people, TEMPLATES, smtp))

    [mail] = kept.mails
    assert mail["Bcc"] is None


class Poisoned:
    """A delivery that fails for some entries, until it is mended."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.delivered: list[str] = []

    def deliver(self, entry: OutboxEntry) -> None:
        if entry.key in self.keys:
            raise Undelivered("poisoned")
        self.delivered.append(entry.key)


def test_a_request_that_no_workflow_took_up_is_owed_its_start(people: Records) -> None:
    delivery = Poisoned()
    with people.begin() as session:
        Intakes(session).record(
            "case-1",
            Application(customer_id="c-1", limit_requested=Money.of(1000, "CNY")),
            caller="manager",
            key="k",
            business_on=_DAY,
            received_at=datetime(2026, 1, 5, 4, tzinfo=UTC),
        )

    take_turn(people, delivery, Channel.TEMPORAL)
    take_turn(people, delivery, Channel.TEMPORAL)

    assert delivery.delivered == ["start/case-1"]


def test_a_poisoned_entry_never_blocks_the_others(people: Records) -> None:
    delivery = Poisoned("b")
    for key in "abc":
        owe(people, key, "person:approver1", Notice.TASK_OPENED)

    take_turn(people, delivery)

    assert delivery.delivered == ["a", "c"]
    assert find(people, "b").state is DeliveryState.PENDING


@pytest.fixture
async def outbox(
    people: Records, temporal_env: SkippingEnvironment
) -> AsyncIterator[tuple[WorkflowHandle[Any, Any], Poisoned]]:
    """The mail outbox, running for real."""
    delivery = Poisoned()
    activities = NotificationActivities(people, {Channel.MAIL: delivery})
    async with Worker(
        temporal_env.client,
        task_queue="outbox-test",
        workflows=[OutboxWorkflow],
        activities=[activities.deliver_outbox],
        activity_executor=ThreadPoolExecutor(2),
    ):
        handle = await temporal_env.client.start_workflow(
            OutboxWorkflow.run,
            OutboxTurn(channel=Channel.MAIL, seconds_max=3600),
            id="outbox/mail",
            task_queue="outbox-test",
        )
        yield handle, delivery
        await handle.terminate()


async def test_what_is_owed_while_the_outbox_runs_is_delivered_and_leaves_no_history(
    people: Records, outbox: tuple[WorkflowHandle[Any, Any], Poisoned]
) -> None:
    handle, delivery = outbox
    before = (await handle.describe()).history_length
    for number in range(20):
        owe(people, f"n/{number}", "person:approver1", Notice.TASK_OPENED)
    while len(delivery.delivered) < 20:
        await asyncio.sleep(0.05)

    assert delivery.delivered == [f"n/{number}" for number in range(20)]
    assert (await handle.describe()).history_length <= before + 5
