"""Collection's steps: look at the arrears, send the letter that is due, take a promise, close."""

from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy.orm import Session
from temporalio import activity

from activities.signatures import CollectionSteps
from domain.calendar import business_on
from domain.collection import (
    Arrears,
    CollectionAction,
    CollectionCase,
    CollectionEvent,
    CollectionEventKind,
    CollectionLook,
    CollectionProgress,
    CollectionStatus,
)
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.errors import CaseClosed, KeyReused, Malformed, NotFound, NotPermitted, Unauthenticated
from domain.identity import Role
from domain.notification import Channel, Notice
from domain.reasons import because
from policies.calendar import calendar_of
from policies.warning import reminders_due
from storage.base import Records
from storage.collection import CollectionEvents, Collections
from storage.edition import Editions
from storage.identity import ActionTokens, Persons
from storage.notification import Outbox
from storage.receivable import Receivables

# The letters in the order of the edition's steps; a further step repeats the last.
LETTERS = (Notice.REMINDER_LETTER_1, Notice.REMINDER_LETTER_2, Notice.REMINDER_LETTER_3)


class CollectionActivities(CollectionSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def look_at_arrears(self, look: CollectionLook) -> CollectionProgress:
        with self._records.begin() as session:
            case = Collections(session).read(look.collection_id, for_update=True)
            if case.status is not CollectionStatus.OPEN:
                return _progress(case)
            on = business_on(look.at, look.offset_days)
            edition = _edition(session, on)
            case = case.model_copy(
                update={"arrears": arrears_of(session, case.customer_id, on, edition)}
            )
            if not case.arrears.overdue:
                case = _paid(session, case, on, look.at)
            else:
                case = _promise_looked_at(session, case, on, look.at)
                case = _letter_sent(session, case, edition, on, look.at)
            Collections(session).write(case)
            again_at = calendar_of(edition.approval).after(
                look.at, edition.monitoring.recheck_hours, look.offset_days
            )
            return _progress(case, again_at)

    @activity.defn
    def act_on_collection(self, action: CollectionAction) -> CollectionProgress:
        with self._records.begin() as session:
            case = Collections(session).read(action.collection_id, for_update=True)
            taken = CollectionEvents(session).find(case.collection_id, action.message_id)
            if taken is not None:
                if (taken.facts, taken.person_id) != (action.said, action.person_id):
                    raise KeyReused(key=action.message_id)
                return _progress(case).model_copy(update={"replayed": True})
            _authenticate(session, action)
            if case.status is not CollectionStatus.OPEN:
                raise CaseClosed(case_id=case.collection_id, status=case.status)
            step = _ACTIONS.get(action.action)
            if step is None:
                raise Malformed(reason="a collection takes promise and close")
            return _progress(Collections(session).write(step(session, case, action)))


def open_collection(
    session: Session,
    customer: Customer,
    collection_id: str,
    arrears: Arrears,
    at: datetime,
    offset_days: int,
) -> CollectionCase:
    """Put a case on record and owe its workflow; the one that is open, if there is one."""
    case, is_new = Collections(session).record(
        CollectionCase(
            collection_id=collection_id,
            customer_id=customer.customer_id,
            owner=_owner_for(session, customer),
            opened_on=arrears.as_of,
            arrears=arrears,
        )
    )
    if is_new:
        _post(session, case, CollectionEventKind.OPENED, arrears.as_of, at, **_facts(arrears))
        Outbox(session).post(
            Channel.TEMPORAL,
            f"start/{case.collection_id}",
            recipient=case.collection_id,
            kind="start_collection",
            facts={"collection_id": case.collection_id, "offset_days": str(offset_days)},
        )
    return case


def arrears_of(session: Session, customer_id: str, on: date, edition: PolicyEdition) -> Arrears:
    """What the customer is late with on a business day."""
    record = Receivables(session).payment_record(
        customer_id,
        as_of=on,
        window_days=edition.payments.window_days,
        currency=edition.reporting_currency,
    )
    assert record.overdue is not None, "a record of the store states its currency"
    return Arrears(as_of=on, overdue=record.overdue, days_past_due=record.days_past_due_max)


def _owner_for(session: Session, customer: Customer) -> str:
    """A collector, the same for a customer as long as the same collectors are there."""
    persons = Persons(session).list_persons()
    collectors = [person.person_id for person in persons if person.has(Role.COLLECTOR)]
    if not collectors:
        return customer.manager_id
    return collectors[sum(customer.customer_id.encode()) % len(collectors)]


def _edition(session: Session, on: date) -> PolicyEdition:
    edition = Editions(session).find_current(on)
    if edition is None:
        raise NotFound(kind="policy edition in force", id=on.isoformat())
    return edition


# ── a look ───────────────────────────────────────────────────────────────────────────────────────


def _paid(session: Session, case: CollectionCase, on: date, at: datetime) -> CollectionCase:
    if case.promised_on is not None:
        _post(session, case, CollectionEventKind.PROMISE_KEPT, on, at)
    _post(session, case, CollectionEventKind.PAID, on, at)
    return case.model_copy(
        update={"status": CollectionStatus.PAID, "closed_on": on, "promised_on": None}
    )


def _promise_looked_at(
    session: Session, case: CollectionCase, on: date, at: datetime
) -> CollectionCase:
    """A promise whose day has passed without the money is broken, and letters go on."""
    if case.promised_on is None or on <= case.promised_on:
        return case
    promised = case.promised_on.isoformat()
    _post(session, case, CollectionEventKind.PROMISE_BROKEN, on, at, promised_on=promised)
    return case.model_copy(update={"promised_on": None})


def _letter_sent(
    session: Session, case: CollectionCase, edition: PolicyEdition, on: date, at: datetime
) -> CollectionCase:
    """At most one letter a look, the gravest that is due; none on a day off or while a promise
    is pending."""
    if case.promised_on is not None or not calendar_of(edition.approval).works_on(on):
        return case
    due = [
        step.code
        for step in reminders_due(case.arrears.days_past_due, edition)
        if step.code not in case.steps_done
    ]
    if not due:
        return case
    Outbox(session).post(
        Channel.MAIL,
        f"{case.collection_id}/{due[-1]}",
        recipient=f"customer:{case.customer_id}",
        kind=_letter(due[-1], edition),
        facts=_facts(case.arrears),
    )
    _post(session, case, CollectionEventKind.LETTER_SENT, on, at, step=due[-1])
    return case.model_copy(update={"steps_done": (*case.steps_done, *due)})


def _letter(step: str, edition: PolicyEdition) -> Notice:
    ordered = sorted(edition.monitoring.reminders, key=lambda each: each.days_past_due)
    place = [each.code for each in ordered].index(step)
    return LETTERS[min(place, len(LETTERS) - 1)]


# ── a person ─────────────────────────────────────────────────────────────────────────────────────


def _authenticate(session: Session, action: CollectionAction) -> None:
    redeemed = ActionTokens(session).redeem(
        action.token, action.person_id, action.collection_id, action.message_id, action.at
    )
    person = Persons(session).find_active(action.person_id)
    if not redeemed or person is None:
        raise Unauthenticated()
    if not person.has(Role.COLLECTOR):
        raise NotPermitted(action=f"collection.{action.action}"[:60])


def _promise(session: Session, case: CollectionCase, action: CollectionAction) -> CollectionCase:
    on = business_on(action.at, action.offset_days)
    if action.promised_on is None or action.promised_on < on:
        raise Malformed(**because("promise_from", day=on))
    _post(
        session,
        case,
        CollectionEventKind.PROMISED,
        on,
        action.at,
        key=action.message_id,
        person_id=action.person_id,
        **action.said,
    )
    return case.model_copy(update={"promised_on": action.promised_on})


def _close(session: Session, case: CollectionCase, action: CollectionAction) -> CollectionCase:
    if not action.reason.strip():
        raise Malformed(reason="closing a collection case needs a reason")
    on = business_on(action.at, action.offset_days)
    _post(
        session,
        case,
        CollectionEventKind.CLOSED,
        on,
        action.at,
        key=action.message_id,
        person_id=action.person_id,
        **action.said,
    )
    return case.model_copy(
        update={
            "status": CollectionStatus.CLOSED,
            "closed_on": on,
            "close_reason": action.reason,
            "promised_on": None,
        }
    )


_Action = Callable[[Session, CollectionCase, CollectionAction], CollectionCase]
_ACTIONS: dict[str, _Action] = {"promise": _promise, "close": _close}


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────


def _post(
    session: Session,
    case: CollectionCase,
    kind: CollectionEventKind,
    on: date,
    at: datetime,
    *,
    key: str = "",
    person_id: str = "system",
    **facts: str,
) -> None:
    event = CollectionEvent(
        collection_id=case.collection_id,
        kind=kind,
        business_on=on,
        facts=facts,
        person_id=person_id,
        occurred_at=at,
    )
    CollectionEvents(session).post(event, key or f"{kind}/{facts.get('step', on)}")


def _facts(arrears: Arrears) -> dict[str, str]:
    return {
        "overdue": str(arrears.overdue),
        "days_past_due": str(arrears.days_past_due),
        "as_of": arrears.as_of.isoformat(),
    }


def _progress(case: CollectionCase, look_again_at: datetime | None = None) -> CollectionProgress:
    return CollectionProgress(
        collection_id=case.collection_id,
        status=case.status,
        overdue=case.arrears.overdue,
        days_past_due=case.arrears.days_past_due,
        look_again_at=look_again_at if case.status is CollectionStatus.OPEN else None,
        promised_on=case.promised_on,
    )
