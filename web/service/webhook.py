"""What may be asked of webhooks: who is told of events, what was sent to them, and sending it again."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.errors import OutOfOrder
from domain.event import EventSchema, WebhookTest, schemas
from domain.identity import Person
from domain.webhook import (
    SECRET_BYTES,
    Delivery,
    DeliveryLog,
    DeliveryStatus,
    Endpoint,
    EndpointContent,
    EndpointMade,
    EndpointStatus,
    Redelivered,
    Redelivery,
    RegisterChange,
    Rotation,
    SecretShown,
    refuse_private,
    secret_of,
)
from storage.base import Records
from storage.event import Events
from storage.webhook import Changes, Deliveries, Endpoints
from web.service.clock import Clock
from web.service.ids import new_id
from web.service.permissions import Action, permit
from workflows.codec import Codec

_BY_HAND = "by_hand"


class WebhookService:
    """Endpoints and their deliveries, over one memory; secrets are sealed by `codec`."""

    def __init__(
        self, records: Records, clock: Clock, codec: Codec, *, private: bool = False
    ) -> None:
        self._records = records
        self._clock = clock
        self._codec = codec
        self._private = private

    def list_kinds(self, person: Person) -> Sequence[EventSchema]:
        """Every kind of event with the schema of its content."""
        permit(person, Action.WEBHOOK_READ)
        return schemas()

    def list_endpoints(self, person: Person) -> Sequence[Endpoint]:
        permit(person, Action.WEBHOOK_READ)
        with self._records.begin() as session:
            return Endpoints(session).list_all()

    def read_endpoint(self, person: Person, endpoint_id: str) -> Endpoint:
        permit(person, Action.WEBHOOK_READ)
        with self._records.begin() as session:
            return Endpoints(session).read(endpoint_id)

    def record_endpoint(self, person: Person, content: EndpointContent) -> EndpointMade:
        """A receiver of what happens from now on, and its secret, told once; refuses
        `AddressRefused`."""
        permit(person, Action.WEBHOOK_RECORD)
        refuse_private(content.url, private=self._private)
        endpoint_id, secret = new_id(), secret_of(secrets.token_bytes(SECRET_BYTES))
        with self._records.begin() as session:
            endpoints = Endpoints(session)
            endpoints.record(endpoint_id, content, person.person_id)
            endpoints.secrets.add(
                endpoint_id,
                self._codec.sealed(secret.encode()),
                person_id=person.person_id,
                before_until=self._clock.now(),
            )
            Changes(session).post(
                endpoint_id, "recorded", person.person_id, content.model_dump(mode="json")
            )
            return EndpointMade(endpoint=endpoints.read(endpoint_id), secret=secret)

    def change_endpoint(
        self, person: Person, endpoint_id: str, content: EndpointContent
    ) -> Endpoint:
        """Another address, description or other kinds; refuses `AddressRefused`."""
        permit(person, Action.WEBHOOK_RECORD)
        refuse_private(content.url, private=self._private)
        with self._records.begin() as session:
            Endpoints(session).read(endpoint_id, for_update=True)
            Changes(session).post(
                endpoint_id, "changed", person.person_id, content.model_dump(mode="json")
            )
            return Endpoints(session).change(endpoint_id, content)

    def set_status(self, person: Person, endpoint_id: str, status: EndpointStatus) -> Endpoint:
        """Start, pause or disable; what waits for one that is started goes out at once."""
        permit(person, Action.WEBHOOK_RECORD)
        with self._records.begin() as session:
            before = Endpoints(session).read(endpoint_id, for_update=True)
            if before.status is status:
                return before
            changed = Endpoints(session).set_status(endpoint_id, status, _BY_HAND)
            Changes(session).post(endpoint_id, status, person.person_id)
            if status is EndpointStatus.ACTIVE:
                Deliveries(session).hasten(endpoint_id, self._clock.now())
                Deliveries(session).ring()
            return changed

    def rotate_secret(self, person: Person, endpoint_id: str, rotation: Rotation) -> SecretShown:
        """A further secret, told once; both sign until the hours are over."""
        permit(person, Action.WEBHOOK_RECORD)
        secret = secret_of(secrets.token_bytes(SECRET_BYTES))
        until = self._clock.now() + timedelta(hours=rotation.hours)
        with self._records.begin() as session:
            Endpoints(session).read(endpoint_id, for_update=True)
            Endpoints(session).secrets.add(
                endpoint_id,
                self._codec.sealed(secret.encode()),
                person_id=person.person_id,
                before_until=until,
            )
            Changes(session).post(
                endpoint_id, "rotated", person.person_id, rotation.model_dump(mode="json")
            )
        return SecretShown(owner_id=endpoint_id, secret=secret, before_until=until)

    def send_test(self, person: Person, endpoint_id: str) -> Endpoint:
        """Owe the endpoint an event of the kind `webhook.test`; `OutOfOrder` where it is disabled."""
        permit(person, Action.WEBHOOK_RECORD)
        with self._records.begin() as session:
            endpoint = Endpoints(session).read(endpoint_id, for_update=True)
            if endpoint.status is EndpointStatus.DISABLED:
                raise OutOfOrder(reason="nothing is sent to a disabled endpoint")
            Events(session).post(WebhookTest(endpoint_id=endpoint_id), new_id())
            return endpoint

    def list_changes(
        self,
        person: Person,
        *,
        owner_id: str | None = None,
        before: int | None = None,
        page_size: int = 50,
    ) -> Sequence[RegisterChange]:
        """What was done to endpoints and sources and by whom, newest first."""
        permit(person, Action.WEBHOOK_READ)
        with self._records.begin() as session:
            return Changes(session).find_page(owner_id=owner_id, before=before, page_size=page_size)

    def list_deliveries(
        self,
        person: Person,
        *,
        before: int | None = None,
        page_size: int = 50,
        endpoint_id: str | None = None,
        status: DeliveryStatus | None = None,
        kind: str | None = None,
        subject_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Delivery]:
        """What was owed to whom, newest first, from below `before`."""
        permit(person, Action.WEBHOOK_READ)
        with self._records.begin() as session:
            return Deliveries(session).find_page(
                before=before,
                page_size=page_size,
                endpoint_id=endpoint_id,
                status=status,
                kind=kind,
                subject_id=subject_id,
                since=since,
                until=until,
            )

    def read_delivery(self, person: Person, delivery_no: int) -> DeliveryLog:
        """A delivery with every attempt at it."""
        permit(person, Action.WEBHOOK_READ)
        with self._records.begin() as session:
            deliveries = Deliveries(session)
            return DeliveryLog(
                delivery=deliveries.read(delivery_no),
                attempts=tuple(deliveries.attempts(delivery_no)),
            )

    def redeliver(self, person: Person, delivery_no: int) -> Delivery:
        """Owe one event again, under the id that it has."""
        permit(person, Action.WEBHOOK_RECORD)
        with self._records.begin() as session:
            deliveries = Deliveries(session)
            deliveries.read(delivery_no)
            deliveries.ring()
            return deliveries.redeliver(delivery_no, self._clock.now())

    def redeliver_range(self, person: Person, endpoint_id: str, wanted: Redelivery) -> Redelivered:
        """Owe again what happened in a range of time, also what was not owed then."""
        permit(person, Action.WEBHOOK_RECORD)
        with self._records.begin() as session:
            Endpoints(session).read(endpoint_id, for_update=True)
            number = Deliveries(session).redeliver_range(endpoint_id, wanted, self._clock.now())
            Changes(session).post(
                endpoint_id, "redelivered", person.person_id, wanted.model_dump(mode="json")
            )
            return Redelivered(endpoint_id=endpoint_id, events=number)
