"""The outbox as people see it: states and errors, never a link that lets its holder act."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from domain.errors import NotFound, NotPermitted
from domain.identity import Person, Role
from domain.notification import MASK, Channel, DeliveryState, Notice
from storage.base import Records
from storage.notification import Outbox
from web.service.notification import NotificationService

OPERATOR = Person(person_id="operator", title="Operator", roles=frozenset({Role.OPERATOR}))
MANAGER = Person(person_id="manager", title="Manager", roles=frozenset({Role.RELATIONSHIP_MANAGER}))


def owe(records: Records, key: str) -> None:
    with records.begin() as session:
        Outbox(session).post(
            Channel.MAIL,
            key,
            recipient="customer:c-1",
            kind=Notice.CONTRACT_TO_SIGN,
            facts={"contract_id": "k-1", "link": "https://x.example/sign/secret"},
        )


def test_the_list_shows_state_and_error_and_masks_links(records: Records) -> None:
    service = NotificationService(records)
    owe(records, "a")
    with records.begin() as session:
        [entry] = Outbox(session).claim(Channel.MAIL, entries_max=1, lease_seconds=1)
        Outbox(session).record_failure(entry, "no address", for_good=True)
    owe(records, "b")

    newest, oldest = service.list_outbox(OPERATOR)

    assert (newest.key, oldest.key) == ("b", "a")
    assert (oldest.state, oldest.last_error) == (DeliveryState.FAILED, "no address")
    assert newest.facts == {"contract_id": "k-1", "link": MASK}
    assert service.list_outbox(OPERATOR, newest.entry_no) == [oldest]
    assert service.resume(OPERATOR, oldest.entry_no).state is DeliveryState.PENDING


def test_only_who_runs_the_installation_sees_the_outbox(records: Records) -> None:
    with pytest.raises(NotPermitted):
        NotificationService(records).list_outbox(MANAGER)


def test_the_sink_shows_its_newest_mails_without_their_one_time_links(
    records: Records, tmp_path: Path
) -> None:
    mail = EmailMessage()
    mail["To"], mail["Subject"] = "post@company.example", "授信协议待签署"
    mail.set_content(
        "https://x.example/sign/abcdefghijklmnopqrstuvwxyz012345\n"
        "https://x.example/tasks/01890a5d-ac96-774b-bcce-b302099a8057.1.1\n"
    )
    (tmp_path / "1.eml").write_bytes(mail.as_bytes())

    [shown] = NotificationService(records, mail_dir=tmp_path).sent_mails(OPERATOR)

    assert shown.subject == "授信协议待签署"
    assert f"https://x.example/sign/{MASK}" in shown.body
    assert "01890a5d-ac96-774b-bcce-b302099a8057.1.1" in shown.body


def test_an_installation_without_a_sink_has_no_sent_mails(records: Records) -> None:
    with pytest.raises(NotFound):
        NotificationService(records).sent_mails(OPERATOR)
