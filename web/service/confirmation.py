"""What may be asked of accounts that customers confirm: ask for one, answer it, clear up what differs.

An answer comes back stamped, and is put on record by the customer's manager, or through the link in
the mail: whoever holds it signs for the customer. Either way what was agreed is bound to the version
that was read, and kept with its evidence under its hash.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from domain.confirmation import (
    AnswerContent,
    Confirmation,
    ConfirmationAnswer,
    ConfirmationRequest,
    ConfirmationStart,
    ConfirmationStatus,
    Difference,
    DifferenceKind,
    DifferenceOutcome,
    DifferenceSaid,
    StampedAnswer,
    said_twice,
)
from domain.contract import Sha256, Signatory
from domain.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    DateInFuture,
    DocumentAnswered,
    DocumentListed,
    DocumentUnlisted,
    FieldMissing,
    LinkUnknown,
    NotFound,
    StaleContent,
)
from domain.identity import Id, Person
from domain.notification import Channel, Notice
from domain.value import Value, canonical, content_hash
from policies.confirmation import differences_due_on
from storage.attachment import Attachments
from storage.base import Records
from storage.confirmation import Confirmations
from storage.customer import Customers
from storage.edition import Editions
from storage.notification import Outbox
from web.service.clock import Clock
from web.service.contract import TOKEN_LENGTH_MAX
from web.service.customer import refuse_unseen, visible_customer
from web.service.gateway import Gateway
from web.service.ids import new_id
from web.service.permissions import Action, permit, visible_to
from web.service.warning import owe_recheck
from workflows.names import PORTFOLIO_QUEUE, confirmation_id

BY_LINK = "customer"  # who answers through the link


class ConfirmationBegun(Value):
    """A run that asks for accounts was begun; what it sends stands on the list."""

    run_id: Id


class ConfirmationView(Value):
    """An account that was asked for, how it stands, and whether it holds orders today."""

    confirmation: Confirmation
    status: ConfirmationStatus
    unanswered: tuple[str, ...]
    overdue: bool
    holds_orders: bool


class ConfirmationLinkPage(Value):
    """What the holder of a link sees: what is to be confirmed, by when, and how it stands."""

    confirmation_id: Id
    customer_name: str
    customer_name_zh: str
    request: ConfirmationRequest
    document_hash: Sha256
    answer_by: date
    status: ConfirmationStatus
    unanswered: tuple[str, ...]
    evidence_hashes: tuple[Sha256, ...]


class ConfirmationService:
    """Accounts confirmed by customers, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock

    def ask(
        self, person: Person, customer_id: str | None = None, as_of: date | None = None
    ) -> ConfirmationBegun:
        """Ask the whole book as policy says, or one customer as of a day; each account once.

        Refuses `DateInFuture`, and `FieldMissing` where a day names no customer, or a customer none.
        """
        permit(person, Action.CONFIRMATION_RUN if customer_id is None else Action.CONFIRMATION_ASK)
        today = self._clock.business_on()
        if (customer_id is None) != (as_of is None):
            raise FieldMissing(column="customer_id" if customer_id is None else "as_of")
        if as_of is not None and as_of > today:
            raise DateInFuture(field="as_of", date=as_of, business_on=today)
        named: tuple[str, ...] = ()
        if customer_id is not None:
            with self._records.begin() as session:
                named = (visible_customer(session, person, customer_id).customer_id,)
        run_id = new_id()
        start = ConfirmationStart(
            offset_days=self._clock.offset_days, customer_ids=named, as_of=as_of
        )
        self._gateway.start(
            "ConfirmationWorkflow",
            confirmation_id(run_id),
            start.model_dump(mode="json"),
            queue=PORTFOLIO_QUEUE,
        )
        return ConfirmationBegun(run_id=run_id)

    def list_confirmations(
        self,
        person: Person,
        *,
        customer_id: str | None = None,
        waiting: bool = False,
        before: str | None = None,
        page_size: int = 50,
    ) -> Sequence[ConfirmationView]:
        """Accounts of the customers the person sees, newest first, from below one's id."""
        permit(person, Action.CONFIRMATION_READ)
        with self._records.begin() as session:
            found = Confirmations(session).find_page(
                before=before,
                page_size=page_size,
                customer_id=customer_id,
                manager_id=visible_to(person).manager_id,
                waiting=waiting,
            )
        return [self._view(each) for each in found]

    def read_confirmation(self, person: Person, confirmation_id: str) -> ConfirmationView:
        permit(person, Action.CONFIRMATION_READ)
        with self._records.begin() as session:
            return self._view(_visible(session, person, confirmation_id))

    def answer(
        self, person: Person, confirmation_id: str, content: StampedAnswer
    ) -> ConfirmationView:
        """Put on record what came back stamped; its picture is attached before.

        Refuses `NotFound`, `StaleContent`, `DocumentUnlisted`, `DocumentListed`,
        `DocumentAnswered`, `CurrencyMismatch`, `AmountNotPositive` below nothing, and `FieldMissing` where nothing is said.
        """
        permit(person, Action.CONFIRMATION_ANSWER)
        with self._records.begin() as session:
            _visible(session, person, confirmation_id)
            evidence = Attachments(session).read(content.evidence_hash).sha256
            found = Confirmations(session).read(confirmation_id, for_update=True)
            return self._view(
                self._record(session, found, content, evidence, person.person_id, None)
            )

    def link_page(self, token: str) -> ConfirmationLinkPage:
        """What a link leads to, or `LinkUnknown`; answered, it shows what was said."""
        with self._records.begin() as session:
            return _page(session, _behind(session, token))

    def answer_by_link(
        self, token: str, content: AnswerContent, signatory: Signatory
    ) -> ConfirmationLinkPage:
        """Answer and sign for the customer; what was signed is kept as it was read.

        Refuses `LinkUnknown` and what `answer` refuses.
        """
        with self._records.begin() as session:
            found = _behind(session, token, for_update=True)
            signed = {
                "request": found.request.model_dump(mode="json"),
                "document_hash": found.document_hash,
                "answer": content.model_dump(mode="json"),
                "signatory": signatory.model_dump(mode="json"),
                "signed_on": self._clock.business_on().isoformat(),
            }
            kept = Attachments(session).record(
                canonical(signed).encode(), name="confirmation.txt", recorded_by=BY_LINK
            )
            answered = self._record(session, found, content, kept.sha256, BY_LINK, signatory)
            return _page(session, answered)

    def list_differences(
        self, person: Person, *, customer_id: str | None = None
    ) -> Sequence[Difference]:
        """What is still to be cleared up on the customers the person sees, earliest due first."""
        permit(person, Action.CONFIRMATION_READ)
        with self._records.begin() as session:
            found = Confirmations(session).find_page(
                page_size=1000,
                customer_id=customer_id,
                manager_id=visible_to(person).manager_id,
                waiting=True,
            )
        differences = [each for of in found for each in of.differences if each.outcome is None]
        return sorted(differences, key=lambda each: (each.due_on, each.difference_id))

    def close_difference(
        self, person: Person, difference_id: str, outcome: DifferenceOutcome, reason: str
    ) -> Difference:
        """Say how a difference was cleared up. Refuses `AlreadyExists` where it was otherwise."""
        permit(person, Action.CONFIRMATION_ANSWER)
        if not reason.strip():
            raise FieldMissing(column="reason")
        with self._records.begin() as session:
            difference = Confirmations(session).read_difference(difference_id)
            _visible(session, person, difference.confirmation_id)
            return Confirmations(session).close_difference(
                difference_id,
                outcome,
                reason=reason.strip(),
                closed_on=self._clock.business_on(),
                closed_by=person.person_id,
            )

    def _record(
        self,
        session: Session,
        found: Confirmation,
        content: AnswerContent,
        evidence_hash: str,
        recorded_by: str,
        signatory: Signatory | None,
    ) -> Confirmation:
        said = content.model_dump(mode="json", exclude={"evidence_hash"})
        signed = None if signatory is None else signatory.model_dump(mode="json")
        stamped = evidence_hash if signatory is None else None
        answer_id = content_hash([found.confirmation_id, said, signed, stamped])[:32]
        if any(each.answer_id == answer_id for each in found.answers):
            return found
        agreed = _agreed(found, content)
        on = self._clock.business_on()
        edition = Editions(session).find_current(on)
        if edition is None:
            raise NotFound(kind="policy edition in force", id=on.isoformat())
        customer = Customers(session).read(found.request.customer_id)
        open_by_number = {item.invoice_no: item.open for item in found.request.items}
        differences = [
            Difference(
                difference_id=content_hash([answer_id, each.invoice_no])[:32],
                confirmation_id=found.confirmation_id,
                customer_id=customer.customer_id,
                said=each,
                ours=open_by_number.get(each.invoice_no),
                owner=customer.manager_id or recorded_by,
                due_on=differences_due_on(on, edition),
            )
            for each in content.differences
        ]
        answered = Confirmations(session).record_answer(
            ConfirmationAnswer(
                answer_id=answer_id,
                confirmation_id=found.confirmation_id,
                agreed=agreed,
                signatory=signatory,
                evidence_hash=evidence_hash,
                answered_on=on,
                recorded_by=recorded_by,
            ),
            differences,
        )
        _tell_owners(session, answer_id, found, differences)
        owe_recheck(
            session,
            f"confirmation/{answer_id}",
            offset_days=self._clock.offset_days,
            customer_id=customer.customer_id,
        )
        return answered

    def _view(self, confirmation: Confirmation) -> ConfirmationView:
        today = self._clock.business_on()
        return ConfirmationView(
            confirmation=confirmation,
            status=confirmation.status,
            unanswered=confirmation.unanswered,
            overdue=confirmation.overdue(today),
            holds_orders=confirmation.holds_orders(today),
        )


def _agreed(found: Confirmation, content: AnswerContent) -> tuple[str, ...]:
    """The documents that the answer agrees to; refuses whatever in it does not fit the account."""
    if content.document_hash != found.document_hash:
        raise StaleContent(id=found.confirmation_id)
    differing = [each.invoice_no for each in content.differences]
    listed = {item.invoice_no for item in found.request.items}
    for each in content.differences:
        _refuse_unfitting(each, listed, found.request.currency)
    for number in content.agreed:
        if number not in listed:
            raise DocumentUnlisted(invoice_no=number)
    unanswered = found.unanswered
    agreed = content.agreed
    if content.all_agreed:
        agreed = tuple(number for number in unanswered if number not in differing)
    twice = said_twice([*agreed, *differing])
    if twice is not None:
        raise DocumentAnswered(invoice_no=twice)
    for number in (*agreed, *(each for each in differing if each in listed)):
        if number not in unanswered:
            raise DocumentAnswered(invoice_no=number)
    if not agreed and not differing:
        raise FieldMissing(column="differences")
    return agreed


def _refuse_unfitting(said: DifferenceSaid, listed: set[str], currency: str) -> None:
    if said.amount is not None and said.amount.currency != currency:
        raise CurrencyMismatch(first=said.amount.currency, second=currency)
    if said.amount is not None and said.amount.minor < 0:
        raise AmountNotPositive(amount=said.amount)
    if said.kind is DifferenceKind.EXTRA and said.invoice_no in listed:
        raise DocumentListed(invoice_no=said.invoice_no)
    if said.kind is not DifferenceKind.EXTRA and said.invoice_no not in listed:
        raise DocumentUnlisted(invoice_no=said.invoice_no)


def _tell_owners(
    session: Session, answer_id: str, found: Confirmation, differences: Sequence[Difference]
) -> None:
    if not differences:
        return
    owner = differences[0].owner
    if owner == BY_LINK:
        return
    Outbox(session).post(
        Channel.MAIL,
        f"confirmation/{answer_id}/{owner}",
        recipient=f"person:{owner}",
        kind=Notice.CONFIRMATION_DIFFERS,
        facts={
            "customer_id": found.request.customer_id,
            "as_of": found.request.as_of.isoformat(),
            "documents": str(len(differences)),
            "due_on": differences[0].due_on.isoformat(),
        },
    )


def _visible(session: Session, person: Person, confirmation_id: str) -> Confirmation:
    """The account, if the person sees its customer; absent and unseen look the same."""
    found = Confirmations(session).read(confirmation_id)
    whose = found.request.customer_id
    refuse_unseen(session, person, whose, kind="account confirmation", id=confirmation_id)
    return found


def _behind(session: Session, token: str, *, for_update: bool = False) -> Confirmation:
    if len(token) > TOKEN_LENGTH_MAX:
        raise LinkUnknown()
    return Confirmations(session).read_behind(token, for_update=for_update)


def _page(session: Session, found: Confirmation) -> ConfirmationLinkPage:
    customer = Customers(session).read(found.request.customer_id)
    return ConfirmationLinkPage(
        confirmation_id=found.confirmation_id,
        customer_name=customer.name,
        customer_name_zh=customer.name_zh,
        request=found.request,
        document_hash=found.document_hash,
        answer_by=found.answer_by,
        status=found.status,
        unanswered=found.unanswered,
        evidence_hashes=tuple(each.evidence_hash for each in found.answers),
    )
