"""The approval letter (授信批复): every final decision ends in one, written with the decision."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy.orm import Session

from activities.book import unit_of
from domain.application import ApplicationType
from domain.assessment import Assessment
from domain.contract import ConditionAsked, ContractOrder, Letter, OfferTerms, Terms
from domain.edition import PolicyEdition
from domain.errors import LimitAboveProposal, TermAboveRequest
from domain.money import Money
from domain.notification import Channel, Notice
from policies.assessment import limit_of_letter
from policies.contract import terms_for
from policies.form import changed_terms, changes
from policies.offer import differences
from policies.related import refuse_better_terms
from storage.approval import Letters
from storage.line import Lines
from storage.notification import Outbox


def issue_letter(
    session: Session,
    assessment: Assessment,
    edition: PolicyEdition,
    *,
    approved: bool,
    on: date,
    decided_by: tuple[str, ...],
    reason_codes: tuple[str, ...] = (),
    limit: Money | None = None,
    term_months: int | None = None,
    asked: Sequence[ConditionAsked] = (),
) -> Letter:
    """Write the numbered letter of a decision; `limit` and `term_months` are what was approved if
    not as proposed, `asked` what it was approved under.

    A subject has one letter: asked again, the one on record is returned. What changes a line names
    the letter in force on it. No door leads past this: refuses `LimitAboveProposal` and
    `TermAboveRequest` for more than was put to the vote, and `RelatedTerms`.
    """
    letters = Letters(session)
    on_record, letter_no = letters.find_or_number(assessment.case_id, on.year)
    if on_record is not None:
        return on_record
    customer, application = assessment.dossier.customer, assessment.dossier.application
    line = Lines(session).find(application.line_id) if application.line_id else None
    terms: Terms | None = None
    if approved:
        amount = limit if limit is not None else assessment.limit_recommended
        if amount > assessment.limit_recommended:
            raise LimitAboveProposal(limit=amount, proposed=assessment.limit_recommended)
        requested = application.term_months
        if term_months is not None and term_months > requested:
            raise TermAboveRequest(months=term_months, requested=requested)
        terms = terms_for(
            assessment,
            amount,
            edition,
            on,
            term_months=term_months,
            asked=asked,
            line=line.terms if line is not None else None,
        )
        if line is not None and application.application_type.keeps_terms:
            terms = changed_terms(assessment, line, edition, on, asked)
        refuse_better_terms(assessment, terms, edition)
    letter = Letter(
        letter_no=letter_no,
        case_id=assessment.case_id,
        approved=approved,
        terms=terms,
        reason_codes=reason_codes,
        content_hash=assessment.receipt_hash,
        decided_on=on,
        valid_until=on + timedelta(days=edition.approval.letter_valid_days),
        decided_by=decided_by,
        # What a change of a line starts from: the letter that the line goes by on that day.
        replaces=line.letter_no if line is not None and approved else None,
        changes=changes(application, line, terms, edition)
        if line is not None and terms is not None and application.application_type.has_form
        else (),
    )
    granted = limit_of_letter(assessment, letter, unit_of(session, customer)) if approved else None
    letters.record(letter, assessment.case_id, customer.customer_id, granted)
    return letter


def order_of(
    letter: Letter, assessment: Assessment, edition: PolicyEdition
) -> ContractOrder | None:
    """What the agreement is made from: the letter and nothing else; None where none follows.

    Where the letter is not what was asked for, the order says that it is an offer; a change that
    keeps the line's terms has a letter and no agreement.
    """
    kind = assessment.dossier.application.application_type
    if letter.terms is None or kind is ApplicationType.PRE_APPROVAL:
        return None
    signed = not kind.keeps_terms
    differing = differences(assessment, letter.terms, edition) if signed else ()
    return ContractOrder(
        contract_id=letter.case_id,
        case_id=letter.case_id,
        letter=letter,
        signing_days=edition.contract.signing_days,
        business_on=letter.decided_on,
        offer=OfferTerms(valid_days=edition.offer.valid_days, differences=differing)
        if differing
        else None,
        signed=signed,
    )


def tell_decision(
    session: Session, letter: Letter, *, applicant: str, customer_id: str, offered: bool = False
) -> None:
    """Owe the notice of a decision to the applicant and the customer, with the decision itself.

    What is offered is put to the customer with the offer, and not before.
    """
    notice, facts = _notice_of(letter)
    told = (f"person:{applicant}", *(() if offered else (f"customer:{customer_id}",)))
    Outbox(session).post_all(
        Channel.MAIL,
        {f"{letter.letter_no}/{recipient}": recipient for recipient in told},
        kind=notice,
        facts=facts,
        case_id=letter.case_id,
    )


def _notice_of(letter: Letter) -> tuple[Notice, dict[str, str]]:
    facts = {"case_id": letter.case_id, "letter_no": letter.letter_no}
    if letter.terms is None:
        return Notice.DECISION_DECLINED, {**facts, "reason_codes": ",".join(letter.reason_codes)}
    limit = f"{letter.terms.limit}"
    valid_until = letter.valid_until.isoformat()
    return Notice.DECISION_APPROVED, {**facts, "limit": limit, "valid_until": valid_until}
