"""What may be asked of customers, their groups and their credit history.

A person sees the customers in their scope; one outside it is not found, like one that is not there.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from domain.customer import (
    CreditEvent,
    CreditEventContent,
    Customer,
    CustomerContent,
    CustomerGroup,
    CustomerRecord,
    Identifier,
)
from domain.errors import DateInFuture, IdentifierUnproven, NotFound
from domain.identity import Id, Person
from domain.value import Value
from storage.attachment import Attachments
from storage.base import Records
from storage.customer import Customers
from web.service.clock import Clock
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to


class GroupView(Value):
    """A group and those of its members that the person sees."""

    group: CustomerGroup
    members: tuple[Id, ...]


class CustomerService:
    """Customers, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def record(self, person: Person, content: CustomerContent) -> Customer:
        """Put a new customer on record; a relationship manager becomes its owner.

        Refuses `AlreadyExists` for a code we know, `IdentifierUnproven` for a number of our own,
        `NotFound` for an unknown group, `DateInFuture`.
        """
        permit(person, Action.CUSTOMER_RECORD)
        customer = Customer.model_validate(
            {**content.model_dump(), "customer_id": new_id(), **self._owner(person)}
        )
        self._refuse_unproven(customer, ())
        self._refuse_future(customer)
        with self._records.begin() as session:
            return Customers(session).record(customer, **self._origin(person))

    def update(self, person: Person, customer_id: str, content: CustomerContent) -> Customer:
        """Replace what is said of a customer; the state before stays on record."""
        permit(person, Action.CUSTOMER_RECORD)
        customer = Customer.model_validate(
            {**content.model_dump(), "customer_id": customer_id, **self._owner(person)}
        )
        self._refuse_future(customer)
        with self._records.begin() as session:
            before = visible_customer(session, person, customer_id)
            self._refuse_unproven(customer, before.identifiers)
            return Customers(session).update(customer, **self._origin(person))

    def read(self, person: Person, customer_id: str) -> CustomerRecord:
        """The customer by any of its ids; `merged_into` says that it answers for another record."""
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            found = Customers(session).find_record(customer_id)
            assert found is not None, "it was read above"
            return found

    def read_by_identifier(self, person: Person, identifier: Identifier) -> Customer:
        """The customer that goes by this code, or `NotFound`."""
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            found = Customers(session).find_by_identifier(identifier)
            if found is None:
                raise NotFound(kind="customer", id=str(identifier))
            return visible_customer(session, person, found.customer_id)

    def list_customers(
        self,
        person: Person,
        *,
        after: str | None = None,
        page_size: int = 50,
        search: str = "",
        group_id: str | None = None,
    ) -> Sequence[Customer]:
        """The customers in the person's scope, by id, from above `after`."""
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            return Customers(session).find_page(
                after=after,
                page_size=page_size,
                search=search,
                group_id=group_id,
                manager_id=visible_to(person).manager_id,
            )

    def find_many(self, person: Person, customer_ids: Iterable[str]) -> dict[str, Customer]:
        """Those of these customers that the person sees, by id; what lists are named from."""
        permit(person, Action.CUSTOMER_READ)
        owner = visible_to(person).manager_id
        with self._records.begin() as session:
            found = Customers(session).find_many(customer_ids)
        return {
            customer_id: customer
            for customer_id, customer in found.items()
            if owner in (None, customer.manager_id)
        }

    def record_group(self, person: Person, group: CustomerGroup) -> CustomerGroup:
        permit(person, Action.CUSTOMER_RECORD)
        with self._records.begin() as session:
            return Customers(session).record_group(group)

    def read_group(self, person: Person, group_id: str) -> GroupView:
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            customers = Customers(session)
            group = customers.read_group(group_id)
            owner = visible_to(person).manager_id
            members = customers.members(group_id, manager_id=owner)
            return GroupView(group=group, members=members)

    def record_event(
        self,
        person: Person,
        customer_id: str,
        content: CreditEventContent,
        event_id: str | None = None,
    ) -> CreditEvent:
        """Add an event to a customer's credit history; evidence it names must be on file.

        Refuses `DateInFuture`, `NotFound`, and `KeyReused` for an id with other content.
        """
        permit(person, Action.CUSTOMER_RECORD)
        today = self._clock.business_on()
        if content.occurred_on > today:
            raise DateInFuture(field="occurred_on", date=content.occurred_on, business_on=today)
        event = CreditEvent(
            **content.model_dump(),
            event_id=event_id or new_id(),
            customer_id=customer_id,
            recorded_by=person.person_id,
        )
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            if event.evidence_hash is not None:
                Attachments(session).read(event.evidence_hash)
            return Customers(session).record_event(event)

    def list_events(
        self, person: Person, customer_id: str, until: date | None = None
    ) -> Sequence[CreditEvent]:
        """The credit history, corrections among it, in the order things happened."""
        permit(person, Action.CUSTOMER_READ)
        with self._records.begin() as session:
            visible_customer(session, person, customer_id)
            return Customers(session).events(customer_id, until)

    def _owner(self, person: Person) -> dict[str, str]:
        """A relationship manager neither makes nor hands a customer to somebody else."""
        owner = visible_to(person).manager_id
        return {"manager_id": owner} if owner is not None else {}

    def _origin(self, person: Person) -> dict[str, Any]:
        return {
            "business_on": self._clock.business_on(),
            "source": f"entered by {person.person_id}",
            "recorded_by": person.person_id,
        }

    def _refuse_future(self, customer: Customer) -> None:
        today, since = self._clock.business_on(), customer.established_on
        if since is not None and since > today:
            raise DateInFuture(field="established_on", date=since, business_on=today)

    def _refuse_unproven(self, customer: Customer, known: tuple[Identifier, ...]) -> None:
        for code in customer.identifiers:
            if not code.is_proof and code not in known:
                raise IdentifierUnproven(value=code.value)


def visible_customer(session: Session, person: Person, customer_id: str) -> Customer:
    """The customer by any of its ids, if it is in the person's scope; absent and outside look the
    same."""
    customer = Customers(session).find(customer_id)
    owner = visible_to(person).manager_id
    if customer is None or owner not in (None, customer.manager_id):
        raise NotFound(kind="customer", id=customer_id)
    return customer


def sees_customer(session: Session, person: Person, customer_id: str) -> bool:
    """Whether a customer on record is in the person's scope."""
    owner = visible_to(person).manager_id
    return owner is None or Customers(session).read(customer_id).manager_id == owner


def refuse_unseen(
    session: Session, person: Person, customer_id: str, *, kind: str, id: str
) -> None:
    """`NotFound` of a record whose customer is outside the person's scope, as of one that is not
    there."""
    if not sees_customer(session, person, customer_id):
        raise NotFound(kind=kind, id=id)
