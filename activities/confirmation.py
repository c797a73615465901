"""Reconciliation with the customer: accounts put together in sets, and sent with a link to answer by.

A page of customers is one transaction. The token is made here, leaves by the outbox alone, and is
kept as a hash. What silence leads to is seen by the daily look at the book (`activities/warning.py`).
"""

import hashlib
from datetime import date, datetime

from sqlalchemy.orm import Session
from temporalio import activity

from activities.signatures import ConfirmationSteps
from domain.calendar import business_on
from domain.confirmation import (
    Confirmation,
    ConfirmationPage,
    ConfirmationPageDone,
    ConfirmationRequest,
    requests_of,
)
from domain.edition import PolicyEdition
from domain.errors import NotFound, RateMissing
from domain.exchange import RateKind
from domain.ids import uuid7
from domain.money import Money
from domain.notification import Channel, Notice
from policies.confirmation import answer_by, asked_for, period_end
from storage.base import Records
from storage.confirmation import Confirmations
from storage.edition import Editions
from storage.exchange import Rates
from storage.identity import make_token
from storage.notification import Outbox
from storage.receivable import Receivables


class ConfirmationActivities(ConfirmationSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records, public_url: str) -> None:
        self._records = records
        self._public_url = public_url

    @activity.defn
    def ask_accounts(self, page: ConfirmationPage) -> ConfirmationPageDone:
        """Refuses `NotFound` on a day without an edition in force."""
        on = business_on(page.at, page.offset_days)
        with self._records.begin() as session:
            edition = Editions(session).find_current(on)
            if edition is None:
                raise NotFound(kind="policy edition in force", id=on.isoformat())
            as_of = page.as_of or period_end(on, edition)
            if as_of is None:
                return ConfirmationPageDone(after=None, sent=0)
            customer_ids = _customers_of(session, page, as_of)
            sent = sum(
                self._ask(
                    session, customer_id, as_of, page.at, on, edition, named=bool(page.customer_ids)
                )
                for customer_id in customer_ids
            )
            full = len(customer_ids) == page.page_size
            return ConfirmationPageDone(after=customer_ids[-1] if full else None, sent=sent)

    def _ask(
        self,
        session: Session,
        customer_id: str,
        as_of: date,
        at: datetime,
        on: date,
        edition: PolicyEdition,
        *,
        named: bool,
    ) -> int:
        items = Receivables(session).open_items(as_of, customer_id=customer_id)
        requests = requests_of(customer_id, items, as_of)
        if not named and not _worth_asking(session, requests, as_of, edition):
            return 0
        sent = 0
        for request in requests:
            token = make_token()
            issued = Confirmations(session).issue(
                Confirmation(
                    confirmation_id=_id_of(request, at),
                    request=request,
                    document_hash=request.document_hash,
                    total=request.total,
                    disputed=request.disputed,
                    sent_on=on,
                    answer_by=answer_by(on, edition),
                    holds=edition.confirmation.hold,
                    edition_hash=edition.edition_hash,
                ),
                token,
            )
            if issued is not None:
                self._send(session, issued, token)
                sent += 1
        return sent

    def _send(self, session: Session, issued: Confirmation, token: str) -> None:
        Outbox(session).post(
            Channel.MAIL,
            f"confirmation/{issued.confirmation_id}",
            recipient=f"customer:{issued.request.customer_id}",
            kind=Notice.CONFIRMATION_ASKED,
            facts={
                "as_of": issued.request.as_of.isoformat(),
                "total": str(issued.total),
                "documents": str(len(issued.request.items)),
                "link": f"{self._public_url}/confirm/{token}",
                "answer_by": issued.answer_by.isoformat(),
            },
        )


def _id_of(request: ConfirmationRequest, at: datetime) -> str:
    """The same for a repeat of the run."""
    seed = f"{request.customer_id}/{request.as_of}/{request.currency}"
    return uuid7(int(at.timestamp() * 1000), hashlib.sha256(seed.encode()).digest())


def _customers_of(session: Session, page: ConfirmationPage, as_of: date) -> list[str]:
    if not page.customer_ids:
        return Confirmations(session).find_owing(as_of, after=page.after, page_size=page.page_size)
    named = sorted(set(page.customer_ids))
    return [each for each in named if page.after is None or each > page.after][: page.page_size]


def _worth_asking(
    session: Session,
    requests: tuple[ConfirmationRequest, ...],
    as_of: date,
    edition: PolicyEdition,
) -> bool:
    """Whether all currencies together reach what policy asks from; a missing rate hides nobody."""
    if not requests:
        return False
    total = Money.zero(edition.reporting_currency)
    kind = RateKind(edition.exchange.rate_kind)
    try:
        for request in requests:
            total += (
                Rates(session).convert(request.total, total.currency, on=as_of, kind=kind).amount
            )
    except RateMissing:
        return True
    return asked_for(total, edition)
