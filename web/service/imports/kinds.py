"""What each kind of row becomes: its value made, looked up beside what is on record, written.

An importer takes rows in portions and answers, row by row, with an outcome or a refusal; what it
wrote is undone by its caller where nothing may be kept.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy.orm import Session

from domain.benchmark import FixingContent
from domain.customer import Customer, CustomerGroup, Identifier, IdentifierScheme
from domain.edition import PolicyEdition
from domain.errors import (
    AlreadyExists,
    AmountNotPositive,
    CreditError,
    CustomerUnknown,
    FieldMissing,
    NotFound,
    RowRepeated,
)
from domain.exchange import Rate
from domain.external_rating import AgencyRatingContent, RatingOutlook
from domain.identity import Person, Role
from domain.imports import ERRORS_LISTED_MAX, ImportKind, Outcome
from domain.screening import ListEntry
from domain.statement import (
    AccountingStandard,
    AuditOpinion,
    Item,
    Statement,
    accepted,
    ties_tolerated,
)
from domain.tolerance import ToleranceUse
from domain.value import canonical
from policies.external_rating import refuse_unmapped
from storage.attachment import Attachments
from storage.benchmark import Fixings
from storage.customer import Customers, Holder
from storage.edition import Editions
from storage.exchange import Rates
from storage.screening import Lists
from storage.statement import Statements
from web.service.exchange import tell_waiting_cases
from web.service.external_rating import record_rating
from web.service.ids import new_id
from web.service.imports import cells
from web.service.imports.cells import RowRefused
from web.service.imports.profile import Fields
from web.service.imports.tally import Answer
from web.service.permissions import visible_to


class Run:
    """What all rows of one import have in common."""

    def __init__(self, session: Session, person: Person, business_on: date, file: str) -> None:
        self.session = session
        self.person = person
        self.business_on = business_on
        self.file = file
        self._customers: dict[Identifier, Holder] = {}
        self._seen: dict[object, tuple[int, int]] = {}
        self._tie_units: Decimal | None = None
        self._edition: PolicyEdition | None = None
        self.tolerated: dict[tuple[str, str], ToleranceUse] = {}  # by place in the file and subject

    @property
    def tie_units(self) -> Decimal:
        """How far off a term of a statement may be, as policy is on the day; looked up once."""
        if self._tie_units is None:
            self._tie_units = Statements(self.session).tie_units(self.business_on)
        return self._tie_units

    @property
    def edition(self) -> PolicyEdition:
        """The edition in force on the day; looked up once. Refuses `NotFound`."""
        if self._edition is None:
            self._edition = Editions(self.session).find_current(self.business_on)
        if self._edition is None:
            raise NotFound(kind="policy edition in force", id=self.business_on.isoformat())
        return self._edition

    def let_pass(self, source: str, uses: Iterable[ToleranceUse]) -> None:
        """Keep for the report what a row owes to a tolerance, the row named."""
        for use in uses:
            if len(self.tolerated) < ERRORS_LISTED_MAX:
                told = use.model_copy(update={"subject": f"{source}: {use.subject}"})
                self.tolerated[source, use.subject] = told

    def source(self, fields: Fields) -> str:
        return f"{self.file} line {fields.line}"

    def customer_of(self, fields: Fields) -> str:
        """The id of the row's customer, if the person sees it; refuses `CustomerUnknown`."""
        code = _code_of(fields)
        customer = self._customers.get(code)
        owner = visible_to(self.person).manager_id
        if customer is None or owner not in (None, customer.manager_id):
            refusal = CustomerUnknown(scheme=code.scheme.value, value=code.value)
            raise RowRefused(refusal, fields.column_of("customer"))
        return customer.customer_id

    def look_up(self, rows: Iterable[Fields]) -> None:
        """Have the customers of these rows at hand."""
        codes = set()
        for fields in rows:
            try:
                codes.add(_code_of(fields))
            except RowRefused:
                continue  # refused again, and told, when the row's turn comes
        unknown = codes - self._customers.keys()
        self._customers |= Customers(self.session).find_holders(unknown)

    @property
    def of_many_ids(self) -> bool:
        """Whether a customer at hand has more than one id."""
        return any(customer.of_many_ids for customer in self._customers.values())

    def repeated(self, fields: Fields, key: object) -> bool:
        """Whether an earlier row said this of the same thing; refuses `RowRepeated` for else.

        A file that says two things of one cannot be imported twice with the same result.
        """
        content = hash(frozenset(fields.given().items()))
        line, said = self._seen.setdefault(key, (fields.line, content))
        if said != content:
            raise RowRefused(RowRepeated(line=line))
        return line != fields.line


class Importer(Protocol):
    """One kind of row."""

    def take(self, rows: Sequence[Fields]) -> Iterable[Answer]:
        """Write these rows, and answer those that need not wait for the last one."""
        ...

    def finish(self) -> Iterable[Answer]:
        """Write what waited for the last row, and answer it."""
        ...


class _Portioned:
    """An importer whose rows do not wait for each other."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def finish(self) -> list[Answer]:
        return []

    def _each(
        self,
        rows: Sequence[Fields],
        make: Callable[[Fields], tuple[object, Any]],
        write: Callable[[list[Any]], Sequence[Outcome | CreditError]],
    ) -> list[Answer]:
        """Make every row's key and value, write those not said before in one go."""
        answers: list[Answer] = []
        kept: list[Any] = []
        lines: list[int] = []
        for fields in rows:
            try:
                key, value = make(fields)
                if self._run.repeated(fields, key):
                    answers.append((fields.line, Outcome.UNCHANGED))
                    continue
            except RowRefused as refused:
                answers.append((fields.line, refused))
                continue
            kept.append(value)
            lines.append(fields.line)
        for line, outcome in zip(lines, write(kept), strict=True):
            answers.append((line, _answer(outcome)))
        return answers


class CustomerImporter(_Portioned):
    """Customers, known again by any of their codes; what a row leaves out stays as it is."""

    def take(self, rows: Sequence[Fields]) -> list[Answer]:
        coded = [(fields, self._codes(fields)) for fields in rows]
        wanted = [code for _, codes in coded if not isinstance(codes, RowRefused) for code in codes]
        known = Customers(self._run.session).find_all_by_identifier(wanted)
        new: list[Customer] = []
        answers: list[Answer] = []
        for fields, codes in coded:
            try:
                if isinstance(codes, RowRefused):
                    raise codes
                answers.append((fields.line, self._one(fields, codes, known, new)))
            except RowRefused as refused:
                answers.append((fields.line, refused))
        self._store(Customers(self._run.session).record_all, new)
        return answers

    def _codes(self, fields: Fields) -> tuple[Identifier, ...] | RowRefused:
        given = [("uscc", fields.find("uscc")), ("lei", fields.find("lei"))]
        given += [("internal", value) for value in fields.find("internal").split(";")]
        try:
            codes = [
                cells.identifier(fields, scheme, scheme, value)
                for scheme, value in given
                if value.strip()
            ]
        except RowRefused as refused:
            return refused
        if not codes:
            return RowRefused(FieldMissing(column="uscc"), fields.column_of("uscc"))
        return tuple(codes)

    def _one(
        self,
        fields: Fields,
        codes: tuple[Identifier, ...],
        known: dict[Identifier, Customer],
        new: list[Customer],
    ) -> Outcome:
        owners = {known[code].customer_id: known[code] for code in codes if code in known}
        if len(owners) > 1:
            raise RowRefused(AlreadyExists(kind="customer", id=", ".join(map(str, codes))))
        before = next(iter(owners.values()), None)
        if before is not None and self._hidden(before):
            raise RowRefused(AlreadyExists(kind="customer", id=str(codes[0])))
        customer = self._customer(fields, codes, before)
        if self._run.repeated(fields, customer.customer_id):
            return Outcome.UNCHANGED
        if customer == before:
            return Outcome.UNCHANGED
        for code in customer.identifiers:
            known[code] = customer
        if before is None:
            new.append(customer)
            return Outcome.CREATED
        self._store(Customers(self._run.session).update, customer)
        return Outcome.UPDATED

    def _customer(
        self, fields: Fields, codes: tuple[Identifier, ...], before: Customer | None
    ) -> Customer:
        content = self._content(fields)
        if before is None:
            person = self._run.person
            if person.has(Role.RELATIONSHIP_MANAGER):
                content = {"manager_id": person.person_id, **content}
            content |= {"customer_id": new_id(), "identifiers": codes}
        else:
            merged = before.with_identifiers(codes).identifiers
            content = {**before.model_dump(), **content, "identifiers": merged}
        names = {"group_id": "group", "manager_id": "manager"}
        return cells.made(fields, Customer, content, names)

    def _content(self, fields: Fields) -> dict[str, Any]:
        """The fields the row gives, of those that are not codes."""
        plain = ("name", "name_zh", "country", "industry", "region", "segment", "mail")
        content: dict[str, Any] = {name: cells.required(fields, name) for name in ("name",)}
        content |= {name: text for name in plain if (text := fields.find(name))}
        if manager := fields.find("manager"):
            content["manager_id"] = manager
        if group := self._group(fields):
            content["group_id"] = group
        if fields.find("established_on"):
            content["established_on"] = cells.day_past(
                fields, "established_on", self._run.business_on
            )
        if (employees := cells.whole(fields, "employees")) is not None:
            content["employees"] = employees
        if fields.find("related_to_grantor"):
            content["related_to_grantor"] = cells.yes(fields, "related_to_grantor")
        return content

    def _group(self, fields: Fields) -> str | None:
        """The row's group, put on record with it where it is new."""
        if not (group_id := fields.find("group")):
            return None
        content = {
            "group_id": group_id,
            "name": fields.find("group_name") or group_id,
            "name_zh": fields.find("group_name_zh"),
        }
        names = {"group_id": "group", "name": "group_name", "name_zh": "group_name_zh"}
        group = cells.made(fields, CustomerGroup, content, names)
        return Customers(self._run.session).record_group(group).group_id

    def _hidden(self, customer: Customer) -> bool:
        owner = visible_to(self._run.person).manager_id
        return owner is not None and customer.manager_id != owner

    def _store(self, write: Callable[..., Any], what: object) -> None:
        write(
            what,
            business_on=self._run.business_on,
            source=self._run.file,
            recorded_by=self._run.person.person_id,
        )


class StatementImporter(_Portioned):
    """Statements; a cell left empty is a figure that is missing, not zero."""

    def take(self, rows: Sequence[Fields]) -> list[Answer]:
        self._run.look_up(rows)
        return self._each(rows, self._made, self._write)

    def _made(self, fields: Fields) -> tuple[object, Statement]:
        run, reading = self._run, fields.reading
        unit = _positive(fields, "unit") or reading.unit
        precision = _positive(fields, "precision") or reading.precision
        items = {
            item: cells.figure(fields, item.value, text) * unit
            for item in Item
            if (text := fields.find(item.value))
        }
        computed = {
            item: found * unit
            for item, columns in reading.computed.items()
            if item not in items and (found := _computed(fields, item, columns)) is not None
        }
        if not items:
            column = fields.column_of(Item.TOTAL_ASSETS.value)
            raise RowRefused(FieldMissing(column=column), column)
        content = {
            "customer_id": run.customer_of(fields),
            "period_end_on": cells.day_required(fields, "period_end_on"),
            "months": cells.whole(fields, "months") or 12,
            "currency": cells.required(fields, "currency"),
            "items": {**items, **computed},
            "derived": frozenset(computed),
            "consolidated": cells.yes(fields, "consolidated"),
            "audited": cells.yes(fields, "audited"),
            "audit_opinion": fields.find("audit_opinion") or AuditOpinion.UNSTATED,
            "accounting_standard": fields.find("accounting_standard")
            or AccountingStandard.UNSTATED,
            "source": run.source(fields),
            "precision": precision,
        }
        statement = cells.made(fields, Statement, content)
        whole = cells.refused_at(str, lambda: accepted(statement, run.business_on, run.tie_units))
        run.let_pass(f"line {fields.line}", ties_tolerated(whole, run.tie_units))
        return (whole.customer_id, whole.period_end_on, whole.provenance), whole

    def _write(self, statements: list[Statement]) -> Sequence[Outcome]:
        return Statements(self._run.session).record_all(
            statements,
            business_on=self._run.business_on,
            recorded_by=self._run.person.person_id,
        )


class RateImporter(_Portioned):
    """Exchange rates, each for one pair, kind and day."""

    def take(self, rows: Sequence[Fields]) -> list[Answer]:
        return self._each(rows, self._made, self._write)

    def _made(self, fields: Fields) -> tuple[object, Rate]:
        content = {
            "base": cells.required(fields, "base"),
            "quote": cells.required(fields, "quote"),
            "kind": fields.find("kind") or "spot",
            "rate": cells.figure(fields, "rate", cells.required(fields, "rate")),
            "rate_on": cells.day_past(fields, "rate_on", self._run.business_on),
            "source": fields.find("source") or self._run.source(fields),
        }
        rate = cells.made(fields, Rate, content)
        return (rate.base, rate.quote, rate.kind, rate.rate_on), rate

    def _write(self, rates: list[Rate]) -> Sequence[Outcome | CreditError]:
        person_id = self._run.person.person_id
        outcomes = Rates(self._run.session).record_all(rates, recorded_by=person_id)
        new = [
            rate for rate, became in zip(rates, outcomes, strict=True) if became is Outcome.CREATED
        ]
        tell_waiting_cases(self._run.session, new)
        return outcomes


class BenchmarkImporter(_Portioned):
    """Fixings of benchmarks, each for one benchmark and day; a rate is a share, 0.0305 for 3.05 %."""

    def take(self, rows: Sequence[Fields]) -> list[Answer]:
        return self._each(rows, self._made, self._write)

    def _made(self, fields: Fields) -> tuple[object, FixingContent]:
        content = {
            "benchmark": cells.required(fields, "benchmark"),
            "fixed_on": cells.day_past(fields, "fixed_on", self._run.business_on),
            "rate": cells.figure(fields, "rate", cells.required(fields, "rate")),
            "source": fields.find("source") or self._run.source(fields),
        }
        fixing = cells.made(fields, FixingContent, content)
        return (fixing.benchmark, fixing.fixed_on), fixing

    def _write(self, fixings: list[FixingContent]) -> Sequence[Outcome | CreditError]:
        return Fixings(self._run.session).record_all(
            fixings, recorded_by=self._run.person.person_id
        )


class ExternalRatingImporter(_Portioned):
    """Agencies' ratings; a row that names no document is kept as the document itself."""

    def take(self, rows: Sequence[Fields]) -> list[Answer]:
        self._run.look_up(rows)
        return self._each(rows, self._made, self._write)

    def _made(self, fields: Fields) -> tuple[object, tuple[str, AgencyRatingContent]]:
        run = self._run
        customer_id = run.customer_of(fields)
        content = {
            "agency": cells.required(fields, "agency"),
            "rating": cells.required(fields, "rating"),
            "outlook": fields.find("outlook") or RatingOutlook.UNSTATED,
            "rated_on": cells.day_past(fields, "rated_on", run.business_on),
            "valid_until": cells.day_required(fields, "valid_until"),
            "evidence_hash": fields.find("evidence") or self._document(fields),
        }
        rating = cells.made(fields, AgencyRatingContent, content)
        return (customer_id, rating.agency, rating.rated_on), (customer_id, rating)

    def _document(self, fields: Fields) -> str:
        given = canonical(fields.given())
        by = self._run.person.person_id
        kept = Attachments(self._run.session).record(
            given.encode(), name="external-rating.txt", recorded_by=by
        )
        return kept.sha256

    def _write(
        self, made: list[tuple[str, AgencyRatingContent]]
    ) -> Sequence[Outcome | CreditError]:
        return [self._one(customer_id, content) for customer_id, content in made]

    def _one(self, customer_id: str, content: AgencyRatingContent) -> Outcome | CreditError:
        run = self._run
        try:
            refuse_unmapped(content, run.business_on, run.edition)
            Attachments(run.session).read(content.evidence_hash)
        except CreditError as refusal:
            return refusal
        return record_rating(run.session, run.person, customer_id, content, run.business_on)[1]


class ListImporter:
    """Name lists; the rows of one list and version are the whole list from now on."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lists: dict[tuple[str, str], dict[int, ListEntry]] = {}

    def take(self, rows: Sequence[Fields]) -> list[Answer]:
        answers: list[Answer] = []
        for fields in rows:
            try:
                if not self._held(fields):
                    answers.append((fields.line, Outcome.UNCHANGED))
            except RowRefused as refused:
                answers.append((fields.line, refused))
        return answers

    def _held(self, fields: Fields) -> bool:
        """Hold the row until the last one; False where an earlier one said it."""
        entry = self._entry(fields)
        version = (entry.list_code, entry.list_version)
        if self._run.repeated(fields, (*version, entry.identifier)):
            return False
        self._lists.setdefault(version, {})[fields.line] = entry
        return True

    def _entry(self, fields: Fields) -> ListEntry:
        scheme = fields.find("scheme") or IdentifierScheme.USCC
        value = cells.required(fields, "value")
        content = {
            "list_code": cells.required(fields, "list_code"),
            "list_version": cells.required(fields, "list_version"),
            "identifier": cells.identifier(fields, "value", scheme, value),
            "effect": cells.required(fields, "effect"),
            "rule": cells.required(fields, "rule"),
            "reason": fields.find("reason"),
            "until": cells.day(fields, "until"),
        }
        return cells.made(fields, ListEntry, content)

    def finish(self) -> list[Answer]:
        answers: list[Answer] = []
        for (list_code, list_version), entries in self._lists.items():
            try:
                outcomes = Lists(self._run.session).record_version(
                    list_code,
                    list_version,
                    list(entries.values()),
                    imported_on=self._run.business_on,
                    source=self._run.file,
                    recorded_by=self._run.person.person_id,
                )
                answers += zip(entries, outcomes, strict=True)
            except CreditError as refusal:
                answers += [(line, RowRefused(refusal)) for line in entries]
        return answers


IMPORTERS: dict[ImportKind, Callable[[Run], Importer]] = {
    ImportKind.CUSTOMERS: CustomerImporter,
    ImportKind.STATEMENTS: StatementImporter,
    ImportKind.LISTS: ListImporter,
    ImportKind.RATES: RateImporter,
    ImportKind.BENCHMARKS: BenchmarkImporter,
    ImportKind.EXTERNAL_RATINGS: ExternalRatingImporter,
}


def _code_of(fields: Fields) -> Identifier:
    """The code a row names its customer by; a unified social credit code unless it says else."""
    scheme = fields.find("scheme") or IdentifierScheme.USCC
    return cells.identifier(fields, "customer", scheme, cells.required(fields, "customer"))


def _answer(outcome: Outcome | CreditError) -> Outcome | RowRefused:
    return RowRefused(outcome) if isinstance(outcome, CreditError) else outcome


def _positive(fields: Fields, field: str) -> Decimal | None:
    """A number above zero, or None where nothing is given."""
    text = fields.find(field)
    number = cells.figure(fields, field, text) if text else None
    if number is not None and number <= 0:
        raise RowRefused(AmountNotPositive(amount=number), fields.column_of(field))
    return number


def _computed(fields: Fields, item: Item, columns: Iterable[str]) -> Decimal | None:
    """The signed sum of the columns, in the file's unit; None where one is empty."""
    total = Decimal(0)
    for signed in columns:
        text = fields.cell(signed.removeprefix("-"))
        if not text:
            return None
        figure = cells.figure(fields, item.value, text)
        total += -figure if signed.startswith("-") else figure
    return total
