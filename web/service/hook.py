"""What comes in signed: hooks of other systems, each carried out as its source's service account.

A hook means what the same request through the API would mean. Under its id it has one effect: a
repeat is answered as the first time, another body is refused.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from domain.errors import (
    AccountNotService,
    HookSignatureWrong,
    HookSourceDisabled,
    Malformed,
    refusal_in,
)
from domain.identity import Id, Person, Role
from domain.reasons import of_field
from domain.receivable import InvoiceContent, PaymentContent
from domain.value import Value
from domain.webhook import (
    SECRET_BYTES,
    Rotation,
    SecretShown,
    Source,
    SourceContent,
    SourceMade,
    SourceStatus,
    refuse_unsigned,
    secret_of,
)
from storage.identity import Persons
from storage.webhook import Changes, SecretOwner, Sources
from web.service.clock import Clock
from web.service.once import Answered, JoinedRecords, once
from web.service.permissions import Action, permit
from web.service.receivable import ReceivableService
from workflows.codec import Codec


class InvoiceHooked(InvoiceContent):
    """An invoice as the API takes it, with whose it is."""

    customer_id: Id


class PaymentHooked(PaymentContent):
    """A payment as the API takes it, with whose it is."""

    customer_id: Id


class InvoiceRecorded(Value):
    """`invoice.recorded`: another system issued an invoice."""

    type: Literal["invoice.recorded"]
    timestamp: AwareDatetime | None = None
    data: InvoiceHooked


class PaymentRecorded(Value):
    """`payment.recorded`: another system saw a payment on an invoice."""

    type: Literal["payment.recorded"]
    timestamp: AwareDatetime | None = None
    data: PaymentHooked


Hook = Annotated[InvoiceRecorded | PaymentRecorded, Field(discriminator="type")]
_HOOK: TypeAdapter[InvoiceRecorded | PaymentRecorded] = TypeAdapter(Hook)


class HookTaken(Value):
    """What a hook came to: the record that it made."""

    source_id: Id
    message_id: str
    type: str
    recorded: dict[str, Any]


class HookService:
    """Sources, and what they send."""

    def __init__(
        self,
        records: JoinedRecords,
        clock: Clock,
        codec: Codec,
        receivables: ReceivableService,
    ) -> None:
        self._records = records
        self._clock = clock
        self._codec = codec
        self._receivables = receivables

    def signed_by(self, source_id: str, headers: Mapping[str, str], body: bytes) -> Person:
        """Whom a message acts as, once it is shown to be genuine and of now.

        Refuses as `refuse_unsigned` does, `HookSourceDisabled` and `AccountNotService`. A source
        that is not there is refused like a signature that does not fit.
        """
        now = self._clock.now()
        with self._records.begin() as session:
            source = Sources(session).find(source_id)
            sealed = Sources(session).secrets.valid(source_id, now) if source else ()
            person = Persons(session).find_active(source.person_id) if source else None
        opened = [self._codec.opened(each).decode() for each in sealed]
        refuse_unsigned(headers, body, opened, now, source_id)
        if source is None:
            raise HookSignatureWrong(source=source_id)
        if person is None or source.status is SourceStatus.DISABLED:
            raise HookSourceDisabled(source=source_id)
        _refuse_staff(source_id, person)
        return person

    def take(self, person: Person, source_id: str, message_id: str, body: bytes) -> Answered:
        """Carry a genuine message out, once under its id; refuses `KeyReused` for another body."""
        digest = sha256(body).hexdigest()

        def effect() -> Answered:
            taken = HookTaken(
                source_id=source_id,
                message_id=message_id,
                **self._recorded(person, _read(body)),
            )
            return Answered(status=201, body=taken.model_dump_json())

        return once(self._records, person, f"POST hooks/{source_id}", message_id, digest, effect)

    def _recorded(self, person: Person, hook: InvoiceRecorded | PaymentRecorded) -> dict[str, Any]:
        made: Value
        content = hook.data.model_dump(exclude={"customer_id"})
        if isinstance(hook, InvoiceRecorded):
            made = self._receivables.record_invoice(
                person, hook.data.customer_id, InvoiceContent(**content)
            )
        else:
            made = self._receivables.record_payment(
                person, hook.data.customer_id, PaymentContent(**content)
            )
        return {"type": hook.type, "recorded": made.model_dump(mode="json")}

    # ── sources ──────────────────────────────────────────────────────────────────────────────────

    def list_sources(self, person: Person) -> Sequence[Source]:
        permit(person, Action.WEBHOOK_READ)
        with self._records.begin() as session:
            return Sources(session).list_all()

    def record_source(self, person: Person, content: SourceContent) -> SourceMade:
        """A program that may send hooks as a service account, and its secret, told once.

        Refuses `NotFound` for a person who is not there, `AccountNotService` for one who is no
        program, and `AlreadyExists` for a name in use.
        """
        permit(person, Action.WEBHOOK_RECORD)
        secret = self._fresh()
        with self._records.begin() as session:
            sources = Sources(session)
            acts_as = Persons(session).read_person(content.person_id)
            _refuse_staff(content.source_id, acts_as)
            sources.record(content, person.person_id)
            self._add(sources, content.source_id, secret, person, hours=0)
            Changes(session, SecretOwner.SOURCE).post(
                content.source_id, "recorded", person.person_id, content.model_dump(mode="json")
            )
            return SourceMade(source=sources.read(content.source_id), secret=secret)

    def rotate_secret(self, person: Person, source_id: str, rotation: Rotation) -> SecretShown:
        """A further secret, told once; what is signed with the one before is taken until then."""
        permit(person, Action.WEBHOOK_RECORD)
        secret = self._fresh()
        with self._records.begin() as session:
            sources = Sources(session)
            sources.read(source_id)
            until = self._add(sources, source_id, secret, person, hours=rotation.hours)
            Changes(session, SecretOwner.SOURCE).post(
                source_id, "rotated", person.person_id, rotation.model_dump(mode="json")
            )
        return SecretShown(owner_id=source_id, secret=secret, before_until=until)

    def set_status(self, person: Person, source_id: str, status: SourceStatus) -> Source:
        permit(person, Action.WEBHOOK_RECORD)
        with self._records.begin() as session:
            Sources(session).read(source_id)
            Changes(session, SecretOwner.SOURCE).post(source_id, status, person.person_id)
            return Sources(session).set_status(source_id, status)

    def _fresh(self) -> str:
        return secret_of(secrets.token_bytes(SECRET_BYTES))

    def _add(
        self, sources: Sources, source_id: str, secret: str, person: Person, *, hours: int
    ) -> datetime:
        until = self._clock.now() + timedelta(hours=hours)
        sources.secrets.add(
            source_id,
            self._codec.sealed(secret.encode()),
            person_id=person.person_id,
            before_until=until,
        )
        return until


def _refuse_staff(source_id: str, person: Person) -> None:
    """Who registers a source is told its secret: it must not be the way to act as a colleague."""
    if person.roles - {Role.ORDER_SYSTEM}:
        raise AccountNotService(source=source_id)


def _read(body: bytes) -> InvoiceRecorded | PaymentRecorded:
    try:
        return _HOOK.validate_json(body)
    except ValidationError as error:
        refused = refusal_in(error)
        if refused is not None:
            raise refused from None
        raise Malformed(**of_field(error)) from None
