"""The agreement's steps: written, sealed and sent; signed and verified; or ended without.

The customer's one-time token is made here, leaves by the outbox alone, and is kept as a hash.
"""

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session
from temporalio import activity

from activities.documents.agreement import render_contract
from activities.documents.sealing import CUSTOMER, GRANTOR, Sealing
from activities.signatures import ContractSteps
from domain.application import Case, CaseStatus
from domain.calendar import ZONE
from domain.contract import (
    Contract,
    ContractEnd,
    ContractOutcome,
    ContractStatus,
    CustomerAct,
    CustomerActed,
    IssueContract,
    IssuedContract,
    Letter,
    Signatory,
    agreement_no,
    differing_field,
)
from domain.errors import (
    ContractDiffers,
    ContractEnded,
    OfferNotAccepted,
    SignatureInvalid,
    Unauthenticated,
)
from domain.notification import Channel, Notice
from domain.offer import OfferStatus
from storage.application import Applications, CaseEvents
from storage.approval import Letters
from storage.attachment import Attachments
from storage.base import Records
from storage.contract import Contracts, CustomerActs, SigningLinks
from storage.customer import Customers
from storage.identity import make_token
from storage.notification import Outbox
from storage.offer import Offers


class ContractActivities(ContractSteps):
    """The steps on PostgreSQL, with the grantor's seal."""

    def __init__(self, records: Records, sealing: Sealing, public_url: str) -> None:
        self._records = records
        self._sealing = sealing
        self._public_url = public_url

    @activity.defn
    def issue_contract(self, issue: IssueContract) -> IssuedContract:
        """Refuses `GlyphMissing`, and `Withdrawn` or `CaseClosed` where the case has ended."""
        with self._records.begin() as session:
            contract = Contracts(session).find_issued(issue)
            if contract is None:
                contract = self._issue(session, issue)
            return IssuedContract(
                contract_id=contract.contract_id,
                document_hash=contract.document_hash,
                expires_at=contract.expires_at,
            )

    @activity.defn
    def record_signature(self, acted: CustomerActed) -> ContractOutcome:
        """Refuses `Unauthenticated`, `ContractEnded`, `GlyphMissing` and `SignatureInvalid`."""
        with self._records.begin() as session:
            case, contract = _locked(session, acted.contract_id)
            act = _act_of(session, acted, "sign")
            if Contracts(session).find_act_id(acted.contract_id) == acted.act_id:
                return _outcome(contract)
            _require_open(session, case, contract)
            assert act.signatory is not None
            signed_hash = self._countersign(session, contract, act.signatory, acted.acted_at)
            contract = Contracts(session).end(
                acted.contract_id,
                ContractStatus.SIGNED,
                acted.acted_at,
                act_id=acted.act_id,
                signed_hash=signed_hash,
            )
            SigningLinks(session).use_up(acted.contract_id, acted.acted_at)
            _move(session, case, CaseStatus.CONDITIONS, contract, acted.acted_at)
            _tell(session, case, contract, Notice.CONTRACT_SIGNED, document_hash=signed_hash)
            return _outcome(contract)

    @activity.defn
    def record_decline(self, acted: CustomerActed) -> ContractOutcome:
        """Refuses `Unauthenticated` and `ContractEnded`."""
        with self._records.begin() as session:
            case, contract = _locked(session, acted.contract_id)
            _act_of(session, acted, "decline")
            if Contracts(session).find_act_id(acted.contract_id) == acted.act_id:
                return _outcome(contract)
            _require_open(session, case, contract)
            contract = Contracts(session).end(
                acted.contract_id, ContractStatus.DECLINED, acted.acted_at, act_id=acted.act_id
            )
            SigningLinks(session).use_up(acted.contract_id, acted.acted_at)
            _move(session, case, case.status, contract, acted.acted_at)
            return _outcome(contract)

    @activity.defn
    def end_contract(self, end: ContractEnd) -> ContractOutcome:
        with self._records.begin() as session:
            case, contract = _locked(session, end.contract_id)
            if contract.status is not ContractStatus.SENT:
                return _outcome(contract)
            contract = Contracts(session).end(
                end.contract_id, end.status, end.ended_at, reason=end.reason
            )
            _move(session, case, case.status, contract, end.ended_at)
            if end.status is ContractStatus.EXPIRED:
                _tell(session, case, contract, Notice.CONTRACT_EXPIRED)
            return _outcome(contract)

    def _issue(self, session: Session, issue: IssueContract) -> Contract:
        """Render, seal, keep, and owe the link: all of it, or nothing."""
        case = Applications(session).read_open(issue.case_id)
        letter = _letter_on_record(session, issue)
        offer = Offers(session).find(letter.letter_no)
        if offer is not None and offer.status is not OfferStatus.ACCEPTED:
            raise OfferNotAccepted(letter_no=letter.letter_no)
        customer = Customers(session).read(case.application.customer_id)
        sealed = self._sealing.seal(
            render_contract(letter, customer, self._sealing.grantor), issue.issued_at
        )
        contract = Contracts(session).record(issue, _keep(session, issue, sealed))
        token = make_token()
        SigningLinks(session).record(issue.contract_id, token, issue.expires_at)
        _move(session, case, CaseStatus.CONTRACTING, contract, issue.issued_at)
        _post(
            session,
            case,
            contract,
            Notice.CONTRACT_TO_SIGN,
            f"customer:{customer.customer_id}",
            link=f"{self._public_url}/sign/{token}",
            expires_at=f"{issue.expires_at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M %z}",
        )
        return contract

    def _countersign(
        self, session: Session, contract: Contract, signatory: Signatory, signed_at: datetime
    ) -> str:
        """The hash of the document with both signatures, verified and kept."""
        sealed = Attachments(session).read_content(contract.document_hash)
        if hashlib.sha256(sealed).hexdigest() != contract.document_hash:
            raise SignatureInvalid(reason="the sealed document is not the one that was sent")
        customer = Customers(session).read(contract.terms.customer_id)
        signed = self._sealing.countersign(
            sealed, signatory, customer.name_zh or customer.name, signed_at
        )
        self._sealing.require(signed, GRANTOR, CUSTOMER, over=sealed)
        return _keep(session, contract, signed)


def _letter_on_record(session: Session, issue: IssueContract) -> Letter:
    """The letter as it was decided; an order that differs from it is refused `ContractDiffers`."""
    letter = Letters(session).read(issue.letter.letter_no)
    differs = differing_field(issue.letter, letter)
    if differs is not None and issue.letter.terms is not None and letter.terms is not None:
        # Of two letters whose terms differ, the term is what a reader needs to know.
        differs = differing_field(issue.letter.terms, letter.terms) or differs
    if differs is not None:
        field, ordered, decided = differs
        raise ContractDiffers(field=field, contract=ordered, letter=decided)
    return letter


def _locked(session: Session, contract_id: str) -> tuple[Case, Contract]:
    """The case, held until the transaction ends, and its agreement as it stands then."""
    case_id = Contracts(session).read(contract_id).case_id
    case = Applications(session).read(case_id, for_update=True)
    return case, Contracts(session).read(contract_id)


def _act_of(session: Session, acted: CustomerActed, kind: str) -> CustomerAct:
    """The act a message names; one that came in through no link is refused."""
    act = CustomerActs(session).find(acted.act_id)
    if act is None or act.contract_id != acted.contract_id or act.kind != kind:
        raise Unauthenticated()
    return act


def _require_open(session: Session, case: Case, contract: Contract) -> None:
    if contract.status is not ContractStatus.SENT:
        raise ContractEnded(contract_id=contract.contract_id, status=contract.status)
    Applications(session).read_open(case.case_id)


def _keep(session: Session, contract: Contract | IssueContract, pdf: bytes) -> str:
    name = f"{contract.contract_id}.pdf"
    return Attachments(session).record(pdf, name=name, recorded_by="system").sha256


def _move(
    session: Session, case: Case, status: CaseStatus, contract: Contract, at: datetime
) -> None:
    """The case stands where its agreement brought it, and its timeline says how."""
    if case.status is not status:
        Applications(session).write(case, case.model_copy(update={"status": status}))
    signed = contract.status is ContractStatus.SIGNED
    asked = contract.terms.conditions if signed else ()
    CaseEvents(session).post(
        case.case_id,
        f"contract_{contract.status}",
        person_id="system" if contract.signatory is None else "customer",
        at=at,
        contract_id=contract.contract_id,
        document_hash=contract.signed_hash or contract.document_hash,
        **({"conditions": ",".join(asked)} if asked else {}),
    )


def _tell(session: Session, case: Case, contract: Contract, notice: Notice, **facts: str) -> None:
    """Owe a notice to the applicant and the customer."""
    for recipient in (f"person:{case.applicant}", f"customer:{case.application.customer_id}"):
        _post(session, case, contract, notice, recipient, **facts)


def _post(
    session: Session,
    case: Case,
    contract: Contract,
    notice: Notice,
    recipient: str,
    **facts: str,
) -> None:
    Outbox(session).post(
        Channel.MAIL,
        f"{contract.contract_id}/{notice}/{recipient}",
        recipient=recipient,
        kind=notice,
        facts={
            "case_id": case.case_id,
            "contract_id": contract.contract_id,
            "agreement_no": agreement_no(contract.letter_no),
            **facts,
        },
        case_id=case.case_id,
    )


def _outcome(contract: Contract) -> ContractOutcome:
    assert contract.ended_at is not None
    return ContractOutcome(
        contract_id=contract.contract_id,
        status=contract.status,
        document_hash=contract.document_hash,
        signed_hash=contract.signed_hash,
        ended_at=contract.ended_at,
    )
