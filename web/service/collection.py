"""What may be asked of collection cases: read them, take a promise, close one with a reason."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from domain.collection import (
    CollectionCase,
    CollectionEvent,
    CollectionProgress,
    CollectionStart,
    CollectionStatus,
)
from domain.errors import CaseClosed, Malformed, NotFound
from domain.identity import Person
from domain.value import Value
from storage.base import Records
from storage.collection import CollectionEvents, Collections
from storage.identity import ActionTokens
from web.service.application import message_id_of
from web.service.clock import Clock
from web.service.customer import refuse_unseen
from web.service.gateway import Gateway
from web.service.permissions import Action, permit, visible_to
from workflows.names import CASES_QUEUE
from workflows.names import collection_id as workflow_id_of

TOKEN_LASTS = timedelta(minutes=10)


class CollectionView(Value):
    """A case and everything that happened to it, oldest first."""

    case: CollectionCase
    events: tuple[CollectionEvent, ...]


class CollectionService:
    """Collection cases, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def list_cases(
        self,
        person: Person,
        *,
        status: CollectionStatus | None = None,
        customer_id: str | None = None,
        before: str | None = None,
        page_size: int = 50,
    ) -> Sequence[CollectionCase]:
        """Cases on the customers the person sees, newest first, from below a case's id."""
        permit(person, Action.COLLECTION_READ)
        with self._records.begin() as session:
            return Collections(session).find_page(
                before=before,
                page_size=page_size,
                status=status,
                customer_id=customer_id,
                manager_id=visible_to(person).manager_id,
            )

    def read_case(self, person: Person, collection_id: str) -> CollectionView:
        """The case; `NotFound` where the person does not see its customer."""
        permit(person, Action.COLLECTION_READ)
        with self._records.begin() as session:
            case = _visible(session, person, collection_id)
            events = CollectionEvents(session).list_all(collection_id)
        return CollectionView(case=case, events=events)

    def promise(
        self,
        person: Person,
        collection_id: str,
        promised_on: date,
        *,
        note: str = "",
        key: str | None = None,
    ) -> CollectionProgress:
        """The customer promised to pay by a day; letters rest until it is over."""
        return self._act(
            person,
            collection_id,
            "promise",
            key,
            promised_on=promised_on.isoformat(),
            reason=note,
        )

    def close(
        self, person: Person, collection_id: str, reason: str, *, key: str | None = None
    ) -> CollectionProgress:
        """End a case while something is overdue; the reason is part of it."""
        if not reason.strip():
            raise Malformed(reason="closing a collection case needs a reason")
        return self._act(person, collection_id, "close", key, reason=reason)

    def issue_token(self, person: Person, collection_id: str) -> str:
        """A one-time token for one message to this case, for tools that speak to Temporal."""
        permit(person, Action.COLLECTION_ACT)
        with self._records.begin() as session:
            _visible(session, person, collection_id)
            return self._token(session, person, collection_id)

    def _act(
        self, person: Person, collection_id: str, name: str, key: str | None, **content: Any
    ) -> CollectionProgress:
        permit(person, Action.COLLECTION_ACT)
        message_id = message_id_of(person, f"{name}/{collection_id}", key)
        with self._records.begin() as session:
            case = _visible(session, person, collection_id)
            taken = CollectionEvents(session).find(collection_id, message_id) is not None
            if case.status is not CollectionStatus.OPEN and not taken:
                raise CaseClosed(case_id=collection_id, status=case.status)
            token = self._token(session, person, collection_id)
        message = {
            "person_id": person.person_id,
            "message_id": message_id,
            "token": token,
            **content,
        }
        try:
            answer = self._gateway.update(workflow_id_of(collection_id), name, message)
        except NotFound:
            if taken:
                return _progress_of(case)
            self._start(collection_id)
            answer = self._gateway.update(workflow_id_of(collection_id), name, message)
        return CollectionProgress.model_validate(answer)

    def _start(self, collection_id: str) -> None:
        """Start the case's workflow, where what is owed has not been delivered yet."""
        start = CollectionStart(collection_id=collection_id, offset_days=self._clock.offset_days)
        self._gateway.start(
            "CollectionWorkflow",
            workflow_id_of(collection_id),
            start.model_dump(mode="json"),
            queue=CASES_QUEUE,
        )

    def _token(self, session: Session, person: Person, collection_id: str) -> str:
        return ActionTokens(session).issue_action_token(
            person.person_id, collection_id, self._clock.now() + TOKEN_LASTS
        )


def _progress_of(case: CollectionCase) -> CollectionProgress:
    return CollectionProgress(
        collection_id=case.collection_id,
        status=case.status,
        overdue=case.arrears.overdue,
        days_past_due=case.arrears.days_past_due,
        promised_on=case.promised_on,
        replayed=True,
    )


def _visible(session: Session, person: Person, collection_id: str) -> CollectionCase:
    case = Collections(session).read(collection_id)
    refuse_unseen(session, person, case.customer_id, kind="collection case", id=collection_id)
    return case
