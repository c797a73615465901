"""Notices as mails: rendered in the reader's language, sent by SMTP.

Addresses are looked up at delivery and kept nowhere. A mail sent twice carries the same Message-ID,
so whoever receives it can tell.
"""

import hashlib
import re
import smtplib
import ssl
import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from sqlalchemy.orm import Session

from activities.notification.outbox import Undeliverable, Undelivered
from domain.calendar import ZONE
from domain.identity import Language
from domain.notification import Addressee, OutboxEntry
from storage.base import Records
from storage.customer import Customers
from storage.identity import Persons

SMTP_SECONDS_MAX = 10


class Smtp(NamedTuple):
    """The mail server to hand mails to."""

    host: str
    port: int
    sender: str  # the address mails come from
    user: str = ""
    password: str = ""
    security: str = "none"  # none, starttls, tls


class MailTemplates:
    """Every kind of notice in both languages: `<kind>.<language>.txt.j2`, subject line first."""

    def __init__(self, folder: Path, *, public_url: str, grantors: Mapping[Language, str]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            autoescape=False,  # mails are plain text
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._sentences = tomllib.loads((folder / "sentences.toml").read_text("utf-8"))
        self._public_url = public_url
        self._grantors = grantors

    def render(self, kind: str, language: Language, facts: Mapping[str, str]) -> tuple[str, str]:
        """Subject and body. Raises jinja2's `TemplateError` where a fact is missing."""
        text = self._environment.get_template(f"{kind}.{language}.txt.j2").render(
            {name: _as_read(name, fact) for name, fact in facts.items()},
            public_url=self._public_url,
            grantor=self._grantors[language],
            sentence=self._sentence(language),
            sentences=self._sentences_of(language),
        )
        head, _, body = text.partition("\n\n")
        # Whatever a fact contains, a header stays one line.
        return " ".join(head.removeprefix("Subject:").split()), body

    def _sentence(self, language: Language) -> Callable[[str], str]:
        sentences: Mapping[str, str] = self._sentences[language]

        def sentence(code: str) -> str:
            name, _, detail = code.partition(":")
            return sentences.get(name, code.replace("_", " ")).replace("{}", detail)

        return sentence

    def _sentences_of(self, language: Language) -> Callable[[str], list[str]]:
        """What comma-separated codes say, nothing twice."""
        sentence = self._sentence(language)
        return lambda codes: list(dict.fromkeys(map(sentence, re.findall(r"[^,\s]+", codes))))


class MailDelivery:
    """Sends the entries of the `mail` channel."""

    def __init__(self, records: Records, templates: MailTemplates, smtp: Smtp) -> None:
        self._records = records
        self._templates = templates
        self._smtp = smtp

    def deliver(self, entry: OutboxEntry) -> None:
        """Render and send; raises `Undelivered`, or `Undeliverable` for want of an address."""
        with self._records.begin() as session:
            addressee = find_addressee(session, entry.recipient)
        if addressee is None:
            raise Undeliverable("the recipient has no address")
        try:
            subject, body = self._templates.render(entry.kind, addressee.language, entry.facts)
        except TemplateError as error:
            # Its message names a variable or a template, never a value.
            raise Undeliverable(f"template: {error.message or type(error).__name__}") from error
        self._send(_mail(entry, addressee, subject, body, self._smtp.sender))

    def _send(self, mail: EmailMessage) -> None:
        try:
            with _connected(self._smtp) as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            [(code, _)] = error.recipients.values()
            kind = Undelivered if code < 500 else Undeliverable
            raise kind(f"the recipient was refused: {code}") from None
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"{type(error).__name__} {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Undelivered(type(error).__name__) from None


def find_addressee(session: Session, recipient: str) -> Addressee | None:
    """Where a notice to `person:<id>` or `customer:<id>` goes; None where there is no address."""
    kind, _, recipient_id = recipient.partition(":")
    match kind:
        case "person":
            person = Persons(session).read_person(recipient_id)
            mail, language = person.mail, person.language
        case "customer":
            customer = Customers(session).read(recipient_id)
            mail = customer.mail
            language = Language.ZH if customer.country == "CN" else Language.EN
        case _:
            raise Undeliverable(f"no recipients of the kind {kind[:20]}")
    return Addressee(mail=mail, language=language) if mail else None


def message_id(entry: OutboxEntry, sender: str) -> str:
    """The same for every delivery of one entry."""
    name = hashlib.sha256(f"{entry.channel}\n{entry.key}".encode()).hexdigest()[:40]
    return f"<{name}@{sender.rpartition('@')[2] or 'creditflow.invalid'}>"


def _mail(
    entry: OutboxEntry, addressee: Addressee, subject: str, body: str, sender: str
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = addressee.mail
    mail["Subject"] = subject
    mail["Date"] = formatdate(entry.recorded_at.timestamp())
    mail["Message-ID"] = message_id(entry, sender)
    mail["Content-Language"] = addressee.language
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(body)
    return mail


def _connected(smtp: Smtp) -> smtplib.SMTP:
    if smtp.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            smtp.host, smtp.port, timeout=SMTP_SECONDS_MAX, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=SMTP_SECONDS_MAX)
    if smtp.security == "starttls":
        server.starttls(context=ssl.create_default_context())
    if smtp.user:
        server.login(smtp.user, smtp.password)
    return server


def _as_read(name: str, fact: str) -> str:
    """Instants as a clock on the wall of the legal entity shows them; all else as it is."""
    if not name.endswith("_at"):
        return fact
    try:
        instant = datetime.fromisoformat(fact)
    except ValueError:
        return fact
    return f"{instant.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}" if instant.tzinfo else fact
