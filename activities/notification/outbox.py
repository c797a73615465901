"""Turns at a channel of the outbox: wait for the bell, claim, deliver, record, and again.

Every entry is delivered at least once, each in a claim of its own, so that one that cannot be
delivered holds up nobody. How a delivery is made is the channel's `Delivery`.
"""

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import UTC, datetime, timedelta
from typing import Protocol

from temporalio import activity

from activities.notification.webhook import WebhookDelivery
from activities.signatures import NotificationSteps
from domain.calendar import business_on
from domain.errors import CreditError
from domain.notification import Channel, OutboxEntry, OutboxTally, OutboxTurn
from storage.application import Intakes
from storage.base import Records
from storage.notification import Outbox, listening

# After so many attempts (about half a day of back-off) a person has to look.
ATTEMPTS_MAX = 150
# Longer than any single delivery may take; see the time limits of the deliveries.
LEASE_SECONDS = 20
# A request on record whose caller could not reach Temporal is started by us after this long.
START_OVERDUE = timedelta(seconds=10)
SWEEP_SECONDS = 5.0


class Undelivered(Exception):
    """This attempt came to nothing; a later one may do better. Names no fact of the entry."""


class Undeliverable(Exception):
    """No attempt will do better: a person has to look. Names no fact of the entry."""


class Delivery(Protocol):
    """One way to deliver; twice the same entry must be recognisable to whoever receives it."""

    def deliver(self, entry: OutboxEntry) -> None:
        """Deliver, or raise `Undelivered`, `Undeliverable` or a refusal."""
        ...


class NotificationActivities(NotificationSteps):
    """Delivers the channels that this worker has a way for."""

    def __init__(
        self,
        records: Records,
        deliveries: Mapping[Channel, Delivery],
        *,
        poll_seconds: float = 1.0,
        webhooks: WebhookDelivery | None = None,
    ) -> None:
        self._records = records
        self._deliveries = deliveries
        self._poll_seconds = poll_seconds
        self._webhooks = webhooks

    @activity.defn
    def deliver_outbox(self, turn: OutboxTurn) -> OutboxTally:
        """Deliver what is owed on a channel until the turn is over or the worker stops."""
        if turn.channel is Channel.WEBHOOK:
            assert self._webhooks is not None, "this worker delivers no webhooks"
            return self._webhooks.deliver_turn(turn.seconds_max, self._poll_seconds)
        delivery = self._deliveries[turn.channel]
        tally, ends_at = OutboxTally(), time.monotonic() + turn.seconds_max
        swept_at = -SWEEP_SECONDS
        with (
            listening(self._records.engine, turn.channel) as bell,
            ThreadPoolExecutor(1, f"outbox-{turn.channel}") as deliverer,
        ):
            # The first claim comes after LISTEN: what was committed before is found by it, what
            # comes later rings. The poll is for entries whose back-off ends.
            while time.monotonic() < ends_at and not activity.is_worker_shutdown():
                activity.heartbeat(tally)
                if turn.channel is Channel.TEMPORAL and time.monotonic() > swept_at + SWEEP_SECONDS:
                    swept_at = time.monotonic()
                    self._owe_starts()
                entry = self._claim(turn.channel)
                if entry is None:
                    bell.wait(self._poll_seconds)
                    continue
                delivered = self._deliver(delivery, entry, deliverer)
                tally = OutboxTally(
                    sent=tally.sent + delivered, failed=tally.failed + (not delivered)
                )
        return tally

    def _owe_starts(self) -> None:
        """Owe the start of every request that no workflow has taken up."""
        with self._records.begin() as session:
            overdue = Intakes(session).find_unstarted(datetime.now(UTC) - START_OVERDUE, 100)
            for case_id in overdue:
                _, _, on, received_at = Intakes(session).read(case_id)
                Outbox(session).post(
                    Channel.TEMPORAL,
                    f"start/{case_id}",
                    recipient=case_id,
                    kind="start_application",
                    facts={
                        "case_id": case_id,
                        "offset_days": str((on - business_on(received_at)).days),
                    },
                    case_id=case_id,
                )

    def _claim(self, channel: Channel) -> OutboxEntry | None:
        with self._records.begin() as session:
            claimed = Outbox(session).claim(channel, entries_max=1, lease_seconds=LEASE_SECONDS)
        return claimed[0] if claimed else None

    def _deliver(
        self, delivery: Delivery, entry: OutboxEntry, deliverer: ThreadPoolExecutor
    ) -> bool:
        attempt = deliverer.submit(delivery.deliver, entry)
        _heartbeat_until_done(attempt)
        try:
            attempt.result()
        except Undelivered as failure:
            self._record_failure(entry, str(failure), for_good=entry.attempts >= ATTEMPTS_MAX)
        except Undeliverable as failure:
            self._record_failure(entry, str(failure), for_good=True)
        except CreditError as refusal:
            self._record_failure(entry, refusal.code, for_good=True)
        else:
            with self._records.begin() as session:
                Outbox(session).record_sent(entry)
            return True
        return False

    def _record_failure(self, entry: OutboxEntry, error: str, *, for_good: bool) -> None:
        activity.logger.warning(
            "not delivered: entry %s of %s, attempt %s: %s",
            entry.entry_no,
            entry.channel,
            entry.attempts,
            error,
        )
        with self._records.begin() as session:
            Outbox(session).record_failure(entry, error, for_good=for_good)


def _heartbeat_until_done(attempt: Future[None]) -> None:
    """A slow receiver must not look like a dead worker."""
    while not wait_for([attempt], timeout=1).done:
        activity.heartbeat()
