"""Delivering webhooks: many endpoints side by side, each subject's events in their order.

An event is sent at least once, under one id and as the same bytes. An endpoint that fails gets one
attempt at a time; one that took nothing for days is paused, one that says 410 is disabled, and the
operators are told of either. What is owed to a paused endpoint waits.
"""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session
from temporalio import activity

from activities.notification.courier import Courier, NotReached
from domain.identity import SYSTEM, Role
from domain.notification import Channel, Notice, OutboxTally
from domain.webhook import (
    PATIENCE,
    EndpointStatus,
    signed_headers,
    wait_after,
)
from storage.base import Records
from storage.identity import Persons
from storage.notification import Outbox, listening
from storage.webhook import Changes, Deliveries, Due, Endpoints, Mark

# Longer than any attempt may take.
LEASE = timedelta(seconds=40)
ATTEMPTS_MAX = 64  # under way at once
AT_ONE_ENDPOINT_MAX = 4
GONE, UNANSWERED = "gone", "unanswered"
# One that failed for less than this is not thought to have been away, only to have refused.
AWAY = timedelta(minutes=1)

Opened = Callable[[str], bytes]


class WebhookDelivery:
    """Claims what is due and sends it; `opened` reads a sealed secret."""

    def __init__(
        self,
        records: Records,
        opened: Opened,
        *,
        private: bool = False,
        courier: Courier | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._records = records
        self._opened = opened
        self._courier = courier or Courier(private=private)
        self._now = now

    def deliver_turn(self, seconds_max: float, poll_seconds: float) -> OutboxTally:
        """Deliver until the turn is over or the worker stops; what is under way is finished."""
        tally, ends_at = OutboxTally(), time.monotonic() + seconds_max
        under_way: dict[Future[bool], str] = {}
        with (
            listening(self._records.engine, Channel.WEBHOOK) as bell,
            ThreadPoolExecutor(ATTEMPTS_MAX, "webhook") as couriers,
        ):
            while time.monotonic() < ends_at and not activity.is_worker_shutdown():
                activity.heartbeat(tally)
                claimed = self._claim(Counter(under_way.values()), ATTEMPTS_MAX - len(under_way))
                for due in claimed:
                    under_way[couriers.submit(self.attempt, due)] = due.endpoint_id
                if not claimed and under_way:
                    wait_for(under_way, timeout=poll_seconds / 4, return_when=FIRST_COMPLETED)
                if not claimed:
                    bell.wait(0 if under_way else poll_seconds)
                tally = _counted(tally, under_way)
            while under_way:
                activity.heartbeat(tally)
                wait_for(under_way, timeout=1)
                tally = _counted(tally, under_way)
        return tally

    def deliver_due(self) -> int:
        """Try once what is due at this instant, one after the other; how much was taken."""
        taken = 0
        while claimed := self._claim(Counter(), 1):
            taken += self.attempt(claimed[0])
        return taken

    def attempt(self, due: Due) -> bool:
        """Send one event once, and put on record what came of it; whether it was taken."""
        at, body = self._now(), due.event.body
        with self._records.begin() as session:
            sealed = Endpoints(session).secrets.valid(due.endpoint_id, at)
        try:
            secrets = [self._opened(each).decode() for each in sealed]
            headers = signed_headers(secrets, due.event.event_id, at, body)
            answered = self._courier.post(
                due.url,
                body,
                {
                    **headers,
                    "content-type": "application/json",
                    "user-agent": "creditflow-webhooks",
                    "connection": "close",
                },
            )
        except NotReached as failure:
            mark = Mark(at, None, failure.duration_ms, failure.code)
        except LookupError:  # one secret that cannot be read must not stop the channel
            mark = Mark(at, None, 0, "secret_unreadable")
        else:
            taken = 200 <= answered.status < 300
            error = "" if taken else f"status_{answered.status}"
            mark = Mark(at, answered.status, answered.duration_ms, error, answered.answer)
        with self._records.begin() as session:
            self._record(session, due, mark)
        return not mark.error

    def _claim(self, under_way: Counter[str], most: int) -> list[Due]:
        if most <= 0:
            return []
        now = self._now()
        with self._records.begin() as session:
            failing = {
                each.endpoint_id
                for each in (Endpoints(session).list_all() if under_way else ())
                if each.failing_since is not None
            }
            busy = {
                endpoint_id
                for endpoint_id, number in under_way.items()
                if number >= (1 if endpoint_id in failing else AT_ONE_ENDPOINT_MAX)
            }
            return Deliveries(session).claim(now, busy=busy, lease=LEASE, most=most)

    def _record(self, session: Session, due: Due, mark: Mark) -> None:
        deliveries, endpoints = Deliveries(session), Endpoints(session)
        deliveries.record_attempt(due, mark)
        if not mark.error:
            deliveries.record_delivered(due, mark)
            failing_since = endpoints.record_taking(due.endpoint_id)
            if failing_since is not None and mark.at - failing_since >= AWAY:
                deliveries.hasten(due.endpoint_id, mark.at)
            return
        since = endpoints.record_failing(due.endpoint_id, mark.at)
        away = mark.at - since >= PATIENCE
        refused_for = mark.at - (due.first_failed_at or mark.at)
        deliveries.record_failed(
            due,
            mark,
            wait_after(due.attempts),
            give_up=not away and refused_for >= PATIENCE,
        )
        if mark.status == 410:
            _stop(session, due.endpoint_id, EndpointStatus.DISABLED, GONE, since)
        elif away:
            _stop(session, due.endpoint_id, EndpointStatus.PAUSED, UNANSWERED, since)


def _stop(
    session: Session, endpoint_id: str, status: EndpointStatus, reason: str, since: datetime
) -> None:
    """Send it no more for now, and tell the operators, once."""
    before = Endpoints(session).read(endpoint_id, for_update=True)
    if before.status is not EndpointStatus.ACTIVE:
        return
    stopped = Endpoints(session).set_status(endpoint_id, status, reason)
    Changes(session).post(endpoint_id, status, SYSTEM.person_id, {"reason": reason})
    for person in Persons(session).list_persons():
        if not person.has(Role.OPERATOR):
            continue
        Outbox(session).post(
            Channel.MAIL,
            f"webhook/{endpoint_id}/{stopped.version}/{person.person_id}",
            recipient=f"person:{person.person_id}",
            kind=Notice.WEBHOOK_STOPPED,
            facts={
                "endpoint_id": endpoint_id,
                "reason_codes": reason,
                "since_at": since.isoformat(),
            },
        )


def _counted(tally: OutboxTally, under_way: dict[Future[bool], str]) -> OutboxTally:
    sent = failed = 0
    for attempt in [each for each in under_way if each.done()]:
        del under_way[attempt]
        taken = attempt.result()
        sent, failed = sent + taken, failed + (not taken)
    return OutboxTally(sent=tally.sent + sent, failed=tally.failed + failed)
