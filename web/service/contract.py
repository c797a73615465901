"""What may be asked of agreements: read them, and sign or decline one through its one-time link.

Whoever holds the link acts for the customer. What they did is put on record first and told to the
case by its id alone, so that no name or token enters a history; the same act twice is one.
"""

import hashlib
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy.orm import Session

from activities.documents.agreement import render_letter
from domain.application import Case
from domain.contract import (
    Capacity,
    Contract,
    ContractEvent,
    ContractStatus,
    CustomerAct,
    DocumentStage,
    Grantor,
    Sha256,
    Signatory,
    Terms,
    agreement_no,
)
from domain.errors import (
    ContractEnded,
    LinkUnknown,
    Malformed,
    NotFound,
    refusal_in,
)
from domain.identity import Id, Person
from domain.reasons import of_field
from domain.value import Value
from storage.application import Applications
from storage.approval import Letters
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts, CustomerActs, SigningLinks
from storage.customer import Customers
from web.service.clock import Clock
from web.service.customer import refuse_unseen
from web.service.gateway import Gateway
from web.service.permissions import Action, permit
from workflows.names import contract_id as workflow_of

# How long a link still shows what it led to, once that has ended.
SHOWN_AFTER = timedelta(days=30)
TOKEN_LENGTH_MAX = 200


class ContractView(Value):
    """An agreement with what became of it."""

    contract: Contract
    agreement_no: str
    events: tuple[ContractEvent, ...]


class SigningPage(Value):
    """What the holder of a link sees: what is to be signed, by when, and how it stands."""

    contract_id: Id
    agreement_no: str
    customer_name: str
    customer_name_zh: str
    terms: Terms
    status: ContractStatus
    expires_at: datetime
    document_hash: Sha256
    signed_hash: Sha256 | None
    capacities: tuple[Capacity, ...] = tuple(Capacity)


class Document(Value):
    """A PDF on record, under its hash."""

    sha256: Sha256
    name: str
    content: bytes


class ContractService:
    """Agreements, over one memory and one way to Temporal."""

    def __init__(self, records: Records, gateway: Gateway, clock: Clock, grantor: Grantor) -> None:
        self._records = records
        self._gateway = gateway
        self._clock = clock
        self._grantor = grantor

    def read_contract(self, person: Person, case_id: str) -> ContractView:
        """The case's agreement; `NotFound` where there is none, or none the person sees."""
        permit(person, Action.CONTRACT_READ)
        with self._records.begin() as session:
            contract = _visible_contract(session, person, case_id)
            return ContractView(
                contract=contract,
                agreement_no=agreement_no(contract.letter_no),
                events=tuple(Contracts(session).find_events(contract.contract_id)),
            )

    def document(
        self, person: Person, case_id: str, stage: DocumentStage | None = None
    ) -> Document:
        """A document of the agreement; its latest PDF unless a stage is named."""
        permit(person, Action.CONTRACT_READ)
        with self._records.begin() as session:
            return _document(session, _visible_contract(session, person, case_id), stage)

    def letter_document(self, person: Person, letter_no: str) -> Document:
        """The approval letter (授信批复书) as a PDF, set anew from its record each time.

        Refuses `NotFound`, and `GlyphMissing` where a name cannot be set.
        """
        permit(person, Action.LETTER_READ)
        with self._records.begin() as session:
            letter = Letters(session).read(letter_no)
            case = Applications(session).read(letter.case_id)
            _refuse_unseen(session, person, case, kind="letter")
            customer = Customers(session).read(case.application.customer_id)
        signed = case.application.application_type.is_signed
        content = render_letter(letter, customer, self._grantor, signed=signed)
        return Document(
            sha256=hashlib.sha256(content).hexdigest(), name=f"{letter_no}.pdf", content=content
        )

    def issue_again(self, person: Person, case_id: str) -> None:
        """Try to write an agreement again whose writing was refused, now that it is repaired."""
        permit(person, Action.CONTRACT_SEND)
        with self._records.begin() as session:
            case = Applications(session).read(case_id)
            _refuse_unseen(session, person, case)
        self._gateway.signal(workflow_of(case_id), "issue_again", {})

    def signing_page(self, token: str) -> SigningPage:
        """What a link leads to, or `LinkUnknown`; seen again, it shows how it ended."""
        with self._records.begin() as session:
            return _page(session, self._contract_behind(session, token))

    def signing_document(self, token: str) -> Document:
        """The document to be signed, or the signed one; for the holder of the link."""
        with self._records.begin() as session:
            return _document(session, self._contract_behind(session, token), None)

    def sign(
        self, token: str, signatory: str, capacity: str, authority: bytes | None = None
    ) -> SigningPage:
        """Sign for the customer; answered once both signatures are verified and on record.

        `authority` is the power of attorney of an agent. Refuses `LinkUnknown`, `AuthorityMissing`,
        `ContractEnded`, and whatever the case itself refuses.
        """
        with self._records.begin() as session:
            contract = self._contract_behind(session, token)
            authority_hash = None
            if authority is not None:
                kept = Attachments(session).record(
                    authority, name="power-of-attorney", recorded_by="customer"
                )
                authority_hash = kept.sha256
            signed_by = _signatory(signatory, capacity, authority_hash)
            act = CustomerAct(contract_id=contract.contract_id, kind="sign", signatory=signed_by)
            answered = self._record(session, contract, act)
        return answered or self._told(token, contract, act)

    def decline(self, token: str, reason: str = "") -> SigningPage:
        """Decline for the customer. Refuses `LinkUnknown` and `ContractEnded`."""
        with self._records.begin() as session:
            contract = self._contract_behind(session, token)
            try:
                act = CustomerAct(
                    contract_id=contract.contract_id, kind="decline", reason=reason.strip()
                )
            except ValidationError as error:
                raise _unreadable(error) from None
            answered = self._record(session, contract, act)
        return answered or self._told(token, contract, act)

    def _contract_behind(self, session: Session, token: str) -> Contract:
        if len(token) > TOKEN_LENGTH_MAX:
            raise LinkUnknown()
        contract = Contracts(session).read(SigningLinks(session).read(token).contract_id)
        ends_at = contract.expires_at
        if contract.ended_at is not None:
            ends_at = contract.ended_at + SHOWN_AFTER
        if self._clock.now() >= ends_at:
            raise LinkUnknown()
        return contract

    def _record(self, session: Session, contract: Contract, act: CustomerAct) -> SigningPage | None:
        """Put the act on record; the page as it is where this very act had its effect before."""
        if contract.status is not ContractStatus.SENT:
            if Contracts(session).find_act_id(contract.contract_id) == act.act_id:
                return _page(session, contract)
            raise ContractEnded(contract_id=contract.contract_id, status=contract.status)
        CustomerActs(session).record(act, self._clock.now())
        return None

    def _told(self, token: str, contract: Contract, act: CustomerAct) -> SigningPage:
        """Tell the case of an act on record, and show what came of it."""
        message = {"act_id": act.act_id, "message_id": act.act_id}
        try:
            self._gateway.update(workflow_of(contract.case_id), act.kind, message)
        except NotFound:
            # The signing ended meanwhile; the record says how, and whether by this act.
            with self._records.begin() as session:
                ended = Contracts(session).read(contract.contract_id)
                if Contracts(session).find_act_id(ended.contract_id) != act.act_id:
                    raise ContractEnded(
                        contract_id=ended.contract_id, status=ended.status
                    ) from None
        return self.signing_page(token)


def _visible_contract(session: Session, person: Person, case_id: str) -> Contract:
    """The case's agreement, if the person sees its customer; absent and unseen look the same."""
    case = Applications(session).find(case_id)
    contract = Contracts(session).find_by_case(case_id)
    if case is None or contract is None:
        raise NotFound(kind="contract", id=case_id)
    _refuse_unseen(session, person, case)
    return contract


def _refuse_unseen(session: Session, person: Person, case: Case, *, kind: str = "contract") -> None:
    refuse_unseen(session, person, case.application.customer_id, kind=kind, id=case.case_id)


def _document(session: Session, contract: Contract, stage: DocumentStage | None) -> Document:
    authority = contract.signatory.authority_hash if contract.signatory else None
    sha256 = {
        None: contract.signed_hash or contract.document_hash,
        DocumentStage.SEALED: contract.document_hash,
        DocumentStage.SIGNED: contract.signed_hash,
        DocumentStage.AUTHORITY: authority,
    }[stage]
    if sha256 is None:
        raise NotFound(kind=f"{stage} document", id=contract.contract_id)
    return Document(
        sha256=sha256,
        name=f"{agreement_no(contract.letter_no)}.pdf",
        content=Attachments(session).read_content(sha256),
    )


def _page(session: Session, contract: Contract) -> SigningPage:
    customer = Customers(session).read(contract.terms.customer_id)
    return SigningPage(
        contract_id=contract.contract_id,
        agreement_no=agreement_no(contract.letter_no),
        customer_name=customer.name,
        customer_name_zh=customer.name_zh,
        terms=contract.terms,
        status=contract.status,
        expires_at=contract.expires_at,
        document_hash=contract.document_hash,
        signed_hash=contract.signed_hash,
    )


def _signatory(name: str, capacity: str, authority_hash: str | None) -> Signatory:
    try:
        return Signatory.model_validate(
            {"signatory": name, "capacity": capacity, "authority_hash": authority_hash}
        )
    except ValidationError as error:
        raise _unreadable(error) from None


def _unreadable(error: ValidationError) -> Exception:
    return refusal_in(error) or Malformed(**of_field(error))
