"""Customers, their groups and their history: what is known, since when, and who said so.

The row of a customer is what holds now; every state it ever had is a version. A code belongs to one
customer. What is written is a whole `Customer`; nothing is edited field by field.

A record that was merged into another stays as it was written, and is read as the other one. Whoever
asks for rows of a customer asks with `of_customer`, so that those under its other ids are found.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy import column as named_column
from sqlalchemy import table as named_table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, aliased, mapped_column

from domain.customer import (
    Alias,
    CreditEvent,
    Customer,
    CustomerGroup,
    CustomerProfile,
    CustomerRecord,
    Identifier,
    Sourced,
)
from domain.errors import AlreadyExists, CustomerMerged, KeyReused, NotFound
from storage.base import Row
from storage.exposure import Chains
from storage.recheck import owe_look_at_held, owe_recheck


class CustomerRow(Row):
    __tablename__ = "customer"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    name: Mapped[str]
    name_zh: Mapped[str]
    group_id: Mapped[str | None]
    manager_id: Mapped[str]
    content: Mapped[dict[str, Any]]
    business_on: Mapped[date]


class CustomerVersionRow(Row):
    __tablename__ = "customer_version"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    source: Mapped[str]
    business_on: Mapped[date]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class CustomerIdentifierRow(Row):
    __tablename__ = "customer_identifier"

    scheme: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]


class CustomerGroupRow(Row):
    __tablename__ = "customer_group"

    group_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_zh: Mapped[str]


class CustomerAliasRow(Row):
    __tablename__ = "customer_alias"

    alias_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    merged_on: Mapped[date]


class CreditEventRow(Row):
    __tablename__ = "credit_event"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    event_type: Mapped[str]
    occurred_on: Mapped[date]
    corrects: Mapped[str | None]
    content: Mapped[dict[str, Any]]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


def of_customer(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    customer_ids: str | Iterable[str],
) -> ColumnElement[bool]:
    """Rows of a customer, or of any of these, under whichever of its ids they were written."""
    asked = [customer_ids] if isinstance(customer_ids, str) else sorted(set(customer_ids))
    return column == func.any(func.customer_ids(*asked)) if asked else column.in_(())


def owned_by(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], manager_id: str
) -> ColumnElement[bool]:
    """Rows of the customers that a relationship manager owns."""
    return column.in_(select(_OWNER.c.customer_id).where(_OWNER.c.manager_id == manager_id))


_OWNER = named_table("customer_owner", named_column("customer_id"), named_column("manager_id"))
_IS_ALIAS = select(CustomerAliasRow).where(CustomerAliasRow.alias_id == CustomerRow.customer_id)
_OTHER = aliased(CustomerRow)
# The codes of the records that gave way to a customer are codes of the customer.
_CODES_BESIDE = (
    select(func.jsonb_agg(_OTHER.content["identifiers"]))
    .join(CustomerAliasRow, CustomerAliasRow.alias_id == _OTHER.customer_id)
    .where(CustomerAliasRow.customer_id == CustomerRow.customer_id)
    .correlate(CustomerRow)
    .scalar_subquery()
)


class Holder(NamedTuple):
    """The customer a code belongs to, and whether it has further ids."""

    customer_id: str
    manager_id: str
    of_many_ids: bool


_HOLDERS = text(
    """
    SELECT i.scheme, i.value, c.customer_id, c.manager_id,
           c.customer_id IN (SELECT customer_id FROM customer_of_many_ids)
    FROM unnest(CAST(:schemes AS text[]), CAST(:values AS text[])) AS asked (scheme, value)
    JOIN customer_identifier i USING (scheme, value)
    LEFT JOIN customer_alias a ON a.alias_id = i.customer_id
    JOIN customer c ON c.customer_id =
        CASE WHEN a.alias_id IS NULL THEN i.customer_id ELSE customer_survivor(i.customer_id) END
    """
)


class Customers:
    """The customers on record, as they are and as they were."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self, customer: Customer, *, business_on: date, source: str, recorded_by: str
    ) -> Customer:
        """Write a new customer once; the same again is that customer.

        Refuses `AlreadyExists` where the id has other content or a code belongs to another, and
        `NotFound` where there is no such group.
        """
        self.record_all([customer], business_on=business_on, source=source, recorded_by=recorded_by)
        return customer

    def record_all(
        self, customers: Sequence[Customer], *, business_on: date, source: str, recorded_by: str
    ) -> None:
        """Write many new customers as `record` writes one, in a fixed number of round trips."""
        if not customers:
            return
        self._require_groups(customers)
        rows = [{**_columns(new), "version": 1, "business_on": business_on} for new in customers]
        written = set(
            self._session.scalars(
                insert(CustomerRow)
                .values(rows)
                .on_conflict_do_nothing()
                .returning(CustomerRow.customer_id)
            )
        )
        for customer in customers:
            if customer.customer_id in written:
                continue
            if self._written(customer.customer_id) != customer:
                raise AlreadyExists(kind="customer", id=customer.customer_id)
        fresh = [customer for customer in customers if customer.customer_id in written]
        self._claim(fresh)
        versions = {customer.customer_id: 1 for customer in fresh}
        self._keep_versions(fresh, versions, business_on, source, recorded_by)

    def update(
        self, customer: Customer, *, business_on: date, source: str, recorded_by: str
    ) -> Customer:
        """Write a further version, in force from `business_on`; the same content adds none.

        The customer's row is locked meanwhile, and its lines are put under the account of its group
        where that changes. Refuses `NotFound`, `AlreadyExists`, and
        `CustomerMerged` for a record that gave way to another.
        """
        customer_id = customer.customer_id
        held = self._session.execute(
            select(CustomerRow.version, CustomerRow.content)
            .where(CustomerRow.customer_id == customer_id)
            .with_for_update()
        ).one_or_none()
        if held is None:
            raise NotFound(kind="customer", id=customer_id)
        if (survivor := self.survivor(customer_id)) != customer_id:
            raise CustomerMerged(customer_id=customer_id, merged_into=survivor)
        beside = {code for alias in self.aliases(customer_id) for code in alias.identifiers}
        own = tuple(code for code in customer.identifiers if code not in beside)
        customer = customer.model_copy(update={"identifiers": own})
        if Customer.model_validate(held.content) == customer:
            return self.read(customer_id)
        self._require_groups([customer])
        self._release(customer)
        self._claim([customer])
        version = held.version + 1
        self._session.execute(
            update(CustomerRow)
            .where(CustomerRow.customer_id == customer_id, CustomerRow.version == held.version)
            .values(**_columns(customer), version=version, business_on=business_on)
        )
        self._keep_versions([customer], {customer_id: version}, business_on, source, recorded_by)
        if Customer.model_validate(held.content).group_id != customer.group_id:
            Chains(self._session).place([customer_id], business_on)
            key = f"group/{customer_id}/{version}"
            owe_recheck(self._session, key, "group")
            owe_look_at_held(self._session, key, "group", customer_id)
        return self.read(customer_id)

    def read(self, customer_id: str) -> Customer:
        """The customer as it is now, or `NotFound`."""
        customer = self.find(customer_id)
        if customer is None:
            raise NotFound(kind="customer", id=customer_id)
        return customer

    def find(self, customer_id: str) -> Customer | None:
        """The customer, by any of its ids."""
        row = self._session.execute(
            select(CustomerRow.content, _CODES_BESIDE).where(
                CustomerRow.customer_id == func.customer_survivor(customer_id)
            )
        ).one_or_none()
        return _customer(*row) if row is not None else None

    def find_record(self, customer_id: str) -> CustomerRecord | None:
        """The customer by any of its ids, with the others."""
        customer = self.find(customer_id)
        if customer is None:
            return None
        survivor = customer.customer_id
        return CustomerRecord(
            **customer.model_dump(),
            merged_into=survivor if survivor != customer_id else None,
            aliases=self.aliases(survivor),
        )

    def find_many(self, customer_ids: Iterable[str]) -> dict[str, Customer]:
        """Those of these customers that are on record, by the id that was asked for; one round
        trip for a list."""
        asked = sorted(set(customer_ids))
        if not asked:
            return {}
        each = func.unnest(asked).column_valued("asked")
        rows = self._session.execute(
            select(each, CustomerRow.content, _CODES_BESIDE).join(
                CustomerRow, CustomerRow.customer_id == func.customer_survivor(each)
            )
        )
        return {str(row[0]): _customer(row[1], row[2]) for row in rows}

    def survivor(self, customer_id: str) -> str:
        """The id that answers for this one: itself, unless it gave way to another."""
        found = self._session.scalar(
            select(CustomerAliasRow.customer_id).where(CustomerAliasRow.alias_id == customer_id)
        )
        return found if found is not None else customer_id

    def survivors(self, customer_ids: Iterable[str]) -> dict[str, str]:
        """The id that answers for each of these, of whatever is no customer its own; one round trip
        for a list."""
        asked = sorted(set(customer_ids))
        if not asked:
            return {}
        each = func.unnest(asked).column_valued("asked")
        rows = self._session.execute(select(each, func.customer_survivor(each)))
        return {str(row[0]): str(row[1]) for row in rows}

    def ids(self, customer_id: str) -> frozenset[str]:
        """Every id of the customer, whichever was asked for."""
        return frozenset(self._session.scalar(select(func.customer_ids(customer_id))) or ())

    def aliases(self, customer_id: str, until: date | None = None) -> tuple[Alias, ...]:
        """The records that gave way to this one, by id; up to a day, if one is named."""
        query = (
            select(CustomerRow.content, CustomerAliasRow.merged_on)
            .join(CustomerAliasRow, CustomerAliasRow.alias_id == CustomerRow.customer_id)
            .where(CustomerAliasRow.customer_id == customer_id)
            .order_by(CustomerRow.customer_id)
        )
        if until is not None:
            query = query.where(CustomerAliasRow.merged_on <= until)
        return tuple(
            Alias.model_validate(
                {name: content.get(name, "") for name in ("customer_id", "name", "name_zh")}
                | {"identifiers": content["identifiers"], "merged_on": merged_on}
            )
            for content, merged_on in self._session.execute(query)
        )

    def _written(self, customer_id: str) -> Customer:
        """The record under exactly this id, as it was written."""
        content = self._session.scalar(
            select(CustomerRow.content).where(CustomerRow.customer_id == customer_id)
        )
        return Customer.model_validate(content)

    def find_by_identifier(self, identifier: Identifier) -> Customer | None:
        return self.find_all_by_identifier([identifier]).get(identifier)

    def find_all_by_identifier(
        self, identifiers: Iterable[Identifier]
    ) -> dict[Identifier, Customer]:
        """The customers that these codes belong to; codes of nobody are left out."""
        wanted = {(code.scheme.value, code.value): code for code in identifiers}
        key = tuple_(CustomerIdentifierRow.scheme, CustomerIdentifierRow.value)
        rows = self._session.execute(
            select(
                CustomerIdentifierRow.scheme,
                CustomerIdentifierRow.value,
                CustomerRow.content,
                _CODES_BESIDE,
            )
            .join(
                CustomerRow,
                CustomerRow.customer_id
                == func.customer_survivor(CustomerIdentifierRow.customer_id),
            )
            .where(key.in_(list(wanted)))
        )
        return {
            wanted[scheme, value]: _customer(found, beside) for scheme, value, found, beside in rows
        }

    def find_holders(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Holder]:
        """Whose these codes are, for files that name many; codes of nobody are left out."""
        wanted = {(code.scheme.value, code.value): code for code in identifiers}
        asked = {"schemes": [each[0] for each in wanted], "values": [each[1] for each in wanted]}
        return {
            wanted[scheme, value]: Holder(*holder)
            for scheme, value, *holder in self._session.execute(_HOLDERS, asked)
        }

    def find_page(
        self,
        *,
        after: str | None = None,
        page_size: int = 50,
        search: str = "",
        group_id: str | None = None,
        manager_id: str | None = None,
    ) -> Sequence[Customer]:
        """Customers by id, from above `after`; `search` is part of a name or a whole code, also of
        a record that gave way to the customer."""
        query = (
            select(CustomerRow.content, _CODES_BESIDE)
            .where(~_IS_ALIAS.exists())
            .order_by(CustomerRow.customer_id)
            .limit(page_size)
        )
        if after is not None:
            query = query.where(CustomerRow.customer_id > after)
        if group_id is not None:
            query = query.where(CustomerRow.group_id == group_id)
        if manager_id is not None:
            query = query.where(CustomerRow.manager_id == manager_id)
        if search:
            query = query.where(_found(search))
        return [_customer(*row) for row in self._session.execute(query)]

    def list_all(self, manager_id: str | None = None) -> list[Customer]:
        """Every customer, or every one of an owner, by id."""
        query = select(CustomerRow.content, _CODES_BESIDE).where(~_IS_ALIAS.exists())
        if manager_id is not None:
            query = query.where(CustomerRow.manager_id == manager_id)
        rows = self._session.execute(query.order_by(CustomerRow.customer_id))
        return [_customer(*row) for row in rows]

    def record_group(self, group: CustomerGroup) -> CustomerGroup:
        """Write a group once; the one on record is returned whatever its name."""
        self._session.execute(
            insert(CustomerGroupRow).values(**group.model_dump()).on_conflict_do_nothing()
        )
        return self.read_group(group.group_id)

    def read_group(self, group_id: str) -> CustomerGroup:
        row = self._session.scalar(
            select(CustomerGroupRow).where(CustomerGroupRow.group_id == group_id)
        )
        if row is None:
            raise NotFound(kind="group", id=group_id)
        return CustomerGroup(group_id=row.group_id, name=row.name, name_zh=row.name_zh)

    def members(self, group_id: str, *, manager_id: str | None = None) -> tuple[str, ...]:
        """Ids of the customers in the group, sorted; of one owner's alone where one is given."""
        query = select(CustomerRow.customer_id).where(
            CustomerRow.group_id == group_id, ~_IS_ALIAS.exists()
        )
        if manager_id is not None:
            query = query.where(CustomerRow.manager_id == manager_id)
        return tuple(self._session.scalars(query.order_by(CustomerRow.customer_id)))

    def profile(self, customer_id: str, as_of: date) -> CustomerProfile:
        """The customer as the records of that day had it; `NotFound` where there was none.

        Each field's source and day are those of the version that brought its present value. Where
        the record that stayed was not there yet, one that gave way to it later answers.
        """
        survivor = self.survivor(customer_id)
        found = self._session.execute(
            select(
                CustomerVersionRow.customer_id,
                CustomerVersionRow.version,
                CustomerVersionRow.content,
                CustomerVersionRow.source,
                CustomerVersionRow.business_on,
            )
            .where(
                of_customer(CustomerVersionRow.customer_id, customer_id),
                CustomerVersionRow.business_on <= as_of,
            )
            .order_by(
                CustomerVersionRow.customer_id != survivor,
                CustomerVersionRow.customer_id,
                CustomerVersionRow.version,
            )
        ).all()
        if not found:
            raise NotFound(kind="customer", id=customer_id)
        rows = [row for row in found if row.customer_id == found[0].customer_id]
        fields: dict[str, Sourced] = {}
        for row in rows:
            for name, value in row.content.items():
                if name not in fields or fields[name].value != value:
                    fields[name] = Sourced(value=value, source=row.source, as_of=row.business_on)
        return CustomerProfile(
            customer=Customer.model_validate(rows[-1].content),
            as_of=as_of,
            version=rows[-1].version,
            fields=fields,
        )

    def record_event(self, event: CreditEvent) -> CreditEvent:
        """Add one event to the credit history; the same id again returns what it holds.

        Refuses `KeyReused` for other content, `NotFound` for a correction of nothing.
        """
        if event.corrects is not None:
            corrected = self._find_event(event.corrects)
            if corrected is None or corrected.customer_id not in self.ids(event.customer_id):
                raise NotFound(kind="credit event", id=event.corrects)
        self.read(event.customer_id)
        self._session.execute(
            insert(CreditEventRow)
            .values(
                event_id=event.event_id,
                customer_id=event.customer_id,
                event_type=event.event_type.value,
                occurred_on=event.occurred_on,
                corrects=event.corrects,
                content=event.model_dump(mode="json"),
                recorded_by=event.recorded_by,
            )
            .on_conflict_do_nothing()
        )
        if self._find_event(event.event_id) != event:
            raise KeyReused(key=event.event_id)
        return event

    def events(self, customer_id: str, until: date | None = None) -> tuple[CreditEvent, ...]:
        """The credit history in order of the days things happened, corrections among them."""
        query = select(CreditEventRow.content).where(
            of_customer(CreditEventRow.customer_id, customer_id)
        )
        if until is not None:
            query = query.where(CreditEventRow.occurred_on <= until)
        rows = self._session.scalars(
            query.order_by(CreditEventRow.occurred_on, CreditEventRow.recorded_at)
        )
        return tuple(CreditEvent.model_validate(content) for content in rows)

    def _find_event(self, event_id: str) -> CreditEvent | None:
        content = self._session.scalar(
            select(CreditEventRow.content).where(CreditEventRow.event_id == event_id)
        )
        return CreditEvent.model_validate(content) if content is not None else None

    def _require_groups(self, customers: Iterable[Customer]) -> None:
        wanted = {customer.group_id for customer in customers if customer.group_id is not None}
        known = self._session.scalars(
            select(CustomerGroupRow.group_id).where(CustomerGroupRow.group_id.in_(wanted))
        )
        for missing in sorted(wanted - set(known)):
            raise NotFound(kind="group", id=missing)

    def _release(self, customer: Customer) -> None:
        """Give up the codes that the customer no longer goes by; another may claim them."""
        key = tuple_(CustomerIdentifierRow.scheme, CustomerIdentifierRow.value)
        kept = [(code.scheme.value, code.value) for code in customer.identifiers]
        self._session.execute(
            delete(CustomerIdentifierRow).where(
                CustomerIdentifierRow.customer_id == customer.customer_id, key.not_in(kept)
            )
        )

    def _claim(self, customers: Iterable[Customer]) -> None:
        """Make each customer's codes its own; refuses `AlreadyExists` for a code of another."""
        owners = {
            (code.scheme.value, code.value): customer.customer_id
            for customer in customers
            for code in customer.identifiers
        }
        if not owners:
            return
        claims = [
            {"scheme": scheme, "value": value, "customer_id": owners[scheme, value]}
            for scheme, value in sorted(owners)
        ]
        self._session.execute(insert(CustomerIdentifierRow).values(claims).on_conflict_do_nothing())
        key = tuple_(CustomerIdentifierRow.scheme, CustomerIdentifierRow.value)
        held = self._session.execute(
            select(
                CustomerIdentifierRow.scheme,
                CustomerIdentifierRow.value,
                CustomerIdentifierRow.customer_id,
            ).where(key.in_(list(owners)))
        )
        for scheme, value, holder in held:
            if holder != owners[scheme, value]:
                raise AlreadyExists(kind="customer", id=f"{scheme} {value}")

    def _keep_versions(
        self,
        customers: Sequence[Customer],
        versions: dict[str, int],
        business_on: date,
        source: str,
        recorded_by: str,
    ) -> None:
        if not customers:
            return
        rows = [
            {
                "customer_id": customer.customer_id,
                "version": versions[customer.customer_id],
                "content": customer.model_dump(mode="json"),
                "source": source,
                "business_on": business_on,
                "recorded_by": recorded_by,
            }
            for customer in customers
        ]
        self._session.execute(insert(CustomerVersionRow).values(rows))


def _found(search: str) -> ColumnElement[bool]:
    """Whether a search finds the customer, by what any of its records says."""
    gave_way = (
        select(CustomerAliasRow.customer_id)
        .join(_OTHER, _OTHER.customer_id == CustomerAliasRow.alias_id)
        .where(_says(_OTHER, search))
    )
    return or_(_says(CustomerRow, search), CustomerRow.customer_id.in_(gave_way))


def _says(row: type[CustomerRow], search: str) -> ColumnElement[bool]:
    coded = select(CustomerIdentifierRow.customer_id).where(
        CustomerIdentifierRow.value == search.strip().upper()
    )
    return or_(
        row.name.icontains(search, autoescape=True),
        row.name_zh.icontains(search, autoescape=True),
        row.customer_id.in_(coded),
    )


def _customer(content: dict[str, Any], beside: list[list[Any]] | None) -> Customer:
    customer = Customer.model_validate(content)
    if not beside:
        return customer
    more = tuple(Identifier.model_validate(code) for codes in beside for code in codes)
    return customer.with_identifiers(more)


def _columns(customer: Customer) -> dict[str, Any]:
    return {
        "customer_id": customer.customer_id,
        "name": customer.name,
        "name_zh": customer.name_zh,
        "group_id": customer.group_id,
        "manager_id": customer.manager_id,
        "content": customer.model_dump(mode="json"),
    }
