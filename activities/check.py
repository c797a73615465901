"""What a check of an order looks at, gathered from the records, and what policy makes of it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from activities.exchange import Exchange
from domain.check import (
    AccountFacts,
    Act,
    Bucket,
    CheckFacts,
    CheckResult,
    ComesFree,
    Cure,
    CustomerFacts,
    Finding,
    LineFacts,
    OpenClaim,
    RuleKind,
    Stage,
)
from domain.edition import PolicyEdition
from domain.errors import RateMissing
from domain.hold import Hold
from domain.money import Money, money_sum
from domain.order import Order, OrderContent
from policies.check import account_of, check
from policies.cure import Repaying, cures
from policies.terms import days_longest, rank_of, terms_asked
from storage.check import CheckRecords, Checks
from storage.edition import Editions
from storage.exchange import Rates
from storage.order import Orders
from storage.receivable import Receivables

# A quotation takes nothing, and what is delivered is invoiced whoever holds it.
_UNSTOPPED = frozenset({Stage.QUOTE, Stage.INVOICE})
_GOES_ON = frozenset({Stage.DELIVERY, Stage.INVOICE})
_OF_LIMIT = frozenset({RuleKind.LIMIT, RuleKind.LIMIT_SHARE})


class Judged(NamedTuple):
    """A check of an order: what was looked at, what was found, and what of it stops the order."""

    facts: CheckFacts
    result: CheckResult
    stopping: tuple[Finding, ...]
    edition: PolicyEdition
    claims: tuple[OpenClaim, ...]  # in the currency of the order


def judge(
    session: Session,
    order: Order,
    stage: Stage,
    on: date,
    *,
    passed: bool = False,
    line_id: str | None = None,
) -> Judged:
    """Check an order as the records stand: the edition, and one question for all the rest.

    What a release covers does not stop it; what was checked and passed before has the grace of the
    rules that give one.
    """
    edition = Editions(session).read_current(on)
    records = Checks(session).read(
        order.customer_id,
        order.currency,
        on,
        order_id=order.order_id,
        line_id=line_id,
        product=order.content.product,
    )
    claims = _converted(session, records.claims, order.currency, on)
    facts = _facts(session, order, stage, on, records, edition, claims, passed=passed)
    result = check(facts, edition)
    scope = order.released
    stopping = tuple(
        each
        for each in (*result.findings, *_forced(facts, result))
        if each.act.gravity >= Act.HOLD.gravity
        and not (scope is not None and scope.covers(each, stage, order.amount, on))
    )
    return Judged(facts, result, stopping, edition, claims or ())


def judge_held(session: Session, order: Order, hold: Hold, on: date) -> Judged:
    """Check a held order as the act did that opened its hold: what is delivered or invoiced, by the
    line it is on; whatever is still to be reserved for it has no grace."""
    stage = hold.stage or Stage.ORDER
    if stage not in _GOES_ON:
        return judge(session, order, stage, on)
    goes_on = bool(order.reserved) or stage is Stage.INVOICE
    return judge(
        session,
        order,
        stage,
        on,
        passed=not order.uncovered,
        line_id=order.line_id if goes_on else None,
    )


def _forced(facts: CheckFacts, result: CheckResult) -> Iterator[Finding]:
    """Holds by hand, and silence that holds, that the edition has no rule for: they stop an order all
    the same."""
    if facts.stage in _UNSTOPPED:
        return
    found = {each.reference for each in result.findings}
    for hold in facts.holds:
        if hold.hold_id not in found:
            yield Finding(
                rule=RuleKind.STANDING_HOLD,
                kind=RuleKind.STANDING_HOLD,
                sequence=0,
                act=Act.HOLD,
                **hold.shown,
            )
    overdue = RuleKind.CONFIRMATION_OVERDUE
    if facts.confirmation_overdue and all(each.kind is not overdue for each in result.trace):
        yield Finding(rule=overdue, kind=overdue, sequence=0, act=Act.HOLD)


def cures_of(session: Session, judged: Judged, offset_days: int = 0) -> tuple[Cure, ...]:
    """What would make the findings of a check disappear, the cheapest first; `offset_days` is what
    the business day is off by."""
    facts, line_id = judged.facts, judged.facts.line.line_id
    frees: tuple[ComesFree, ...] = ()
    if line_id is not None and facts.customer.customer_id is not None:
        whose, on = facts.customer.customer_id, facts.business_on
        frees = Checks(session).frees(whose, line_id, facts.currency, on, offset_days)
    return cures(
        facts,
        judged.result,
        judged.edition,
        claims=judged.claims,
        frees=frees,
        orders=_repaying(session, judged),
    )


def _repaying(session: Session, judged: Judged) -> tuple[Repaying, ...]:
    """The orders on the line of which items are open, where what is paid of them goes back to it, and
    the line has too little room."""
    full = any(each.kind in _OF_LIMIT for each in judged.result.findings)
    facts, whose = judged.facts, judged.facts.customer.customer_id
    line_id, currency = facts.line.line_id, facts.currency
    billed = {each.item_no for each in judged.claims if each.payable}
    repays = judged.edition.checks.payments_repay and full and billed
    if not repays or line_id is None or whose is None:
        return ()
    orders = Orders(session).of_invoices(whose, line_id, billed)
    receivables, spare = Receivables(session), Orders(session).spare(line_id, currency)
    freed: dict[str, dict[str, Money]] = {}
    for owner in {each.customer_id for each in orders}:
        numbers = {no for each in orders if each.customer_id == owner for no in each.invoices}
        freed[owner] = receivables.freed_each(owner, sorted(numbers), currency)
    return tuple(
        Repaying(
            order=each,
            freed=money_sum(
                (of for no, of in freed[each.customer_id].items() if no in each.invoices), currency
            ),
            spare=spare,
        )
        for each in orders
        if each.currency == currency
    )


def _facts(
    session: Session,
    order: Order,
    stage: Stage,
    on: date,
    records: CheckRecords,
    edition: PolicyEdition,
    claims: tuple[OpenClaim, ...] | None,
    *,
    passed: bool,
) -> CheckFacts:
    content, currency = order.content, order.currency
    exchange = Exchange(session, edition, on)
    foreign = currency != edition.reporting_currency
    if foreign:
        exchange.reporting(Money.zero(currency))
    limit = records.chain[0].limit if records.chain else None
    return CheckFacts(
        stage=stage,
        business_on=on,
        amount=order.amount,
        order_no=content.order_no,
        deposit=content.deposit,
        conversion_factor=_conversion_factor(content, edition),
        counted=order.covered,
        delivered=order.delivered,
        released=passed or order.released is not None,
        deliver_on=content.deliver_on,
        due_on=content.due_on,
        product=content.product or "",
        purpose=content.purpose,
        rate=exchange.rates_used[0] if foreign else None,
        line=LineFacts(
            line_id=records.line_id,
            limit=limit,
            status=records.status,
            ends_on=records.last_draw_on,
            review_due_on=records.review_due_on,
            temporary_until=records.temporary_until,
            product=records.terms.product if records.terms is not None else "",
            purpose=records.terms.purpose if records.terms is not None else "",
            chain=records.chain,
            exposure=_buckets(records, claims, currency) if claims is not None else None,
        ),
        account=account_of(claims, on, edition, currency) if claims is not None else AccountFacts(),
        customer=CustomerFacts(
            customer_id=order.customer_id, tier=records.tier, grade=records.grade
        ),
        holds=records.holds,
        confirmation_overdue=records.silent,
        **_terms_facts(content, records, edition),
    )


def _conversion_factor(content: OrderContent, edition: PolicyEdition) -> Decimal:
    """What of an order that is not paid ahead takes of the limit; refuses `ProductUnknown`."""
    paid_ahead = content.deposit is not None and content.deposit >= content.amount
    if content.product is None or paid_ahead:
        return Decimal(1)
    return edition.product(content.product).conversion_factor


def _terms_facts(
    content: OrderContent, records: CheckRecords, edition: PolicyEdition
) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if content.terms is not None:
        asked = terms_asked(content.terms, edition)
        facts |= {
            "terms": asked.text,
            "terms_rank": rank_of(asked, edition),
            "terms_days": days_longest(asked, edition),
            "cash_first": rank_of(asked, edition) == 0,
        }
    if records.terms is not None and records.terms_days is not None:
        approved = records.terms.payment_terms
        facts |= {
            "terms_approved": approved.text,
            "terms_rank_approved": rank_of(approved, edition),
            "terms_days_approved": days_longest(approved, edition),
        }
    return facts


def _converted(
    session: Session, claims: tuple[OpenClaim, ...], currency: str, on: date
) -> tuple[OpenClaim, ...] | None:
    """What is open in the currency of an order; None where a rate for it is missing."""
    rates = Rates(session)
    try:
        return tuple(
            each
            if each.amount.currency == currency
            else each.model_copy(
                update={
                    "amount": rates.convert(each.amount, currency, on=on).amount,
                    "converted": True,
                }
            )
            for each in claims
        )
    except RateMissing:
        return None


def _buckets(
    records: CheckRecords, claims: tuple[OpenClaim, ...], currency: str
) -> dict[Bucket, Money]:
    """What the exposure is the sum of: reserved by orders, delivered, and owed."""
    owed = money_sum((each.amount for each in claims if not each.disputed), currency)
    return {
        Bucket.ORDERS: records.chain[0].reserved if records.chain else Money.zero(currency),
        Bucket.DELIVERIES: records.unbilled,
        Bucket.RECEIVABLES: owed,
        Bucket.BILLS: records.bills,
        Bucket.DISPUTED: money_sum((each.amount for each in claims if each.disputed), currency),
    }
