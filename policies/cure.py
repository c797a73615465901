"""What would cure a check (解锁办法): single steps, each exactly as large as it has to be.

A step is tried by the check itself on the facts that it would leave, so what it names is what
disappears and a minor unit less would not do. The cheapest comes first: what lets the order pass by
itself before what leaves something standing, then by cost (`Cure.cost`), then in the order of
`CureKind`. Steps aim at what stops an order; where nothing does, at what is warned of.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

from domain.check import (
    AccountFacts,
    Act,
    Bucket,
    CheckFacts,
    CheckResult,
    ComesFree,
    Cure,
    CureKind,
    FreeCover,
    OpenClaim,
    RuleKind,
)
from domain.edition import CheckPolicy, PolicyEdition
from domain.exposure import Balance, Limit, LimitKind
from domain.money import Money, money_sum
from domain.order import Order
from domain.value import Value
from policies.check import account_of, check, is_of_product, is_own, policy_of
from policies.line import temporary_limit_max, temporary_until_max

_OF_LIMIT = frozenset({RuleKind.LIMIT, RuleKind.LIMIT_SHARE})
_BY_PAYMENT = _OF_LIMIT | {
    RuleKind.OVERDUE_AMOUNT,
    RuleKind.OVERDUE_SHARE,
    RuleKind.OVERDUE_DAYS,
    RuleKind.OLDEST_ITEM,
    RuleKind.DUNNING_LEVEL,
}
_BY_SIZE = _OF_LIMIT | {RuleKind.ORDER_SIZE}


class Repaying(Value):
    """An order on the line of which items are open: what is paid of them goes back to the line.

    `freed` is what of its invoices is owed no more, `spare` what the line is used by beside orders.
    """

    order: Order
    freed: Money
    spare: Money

    def back(self, paid: dict[str, Money]) -> Money:
        """What goes back to the line with so much paid of each item."""
        nothing = Money.zero(self.freed.currency)
        now = money_sum((paid.get(each, nothing) for each in self.order.invoices), nothing.currency)
        moves = self.order.paying(self.freed + now, self.spare)
        back = (each.moving for each in moves if each.line_id == self.order.line_id)
        return money_sum(back, nothing.currency)


class _Case(Value):
    """A check that is to be cured, and what is at hand for it."""

    facts: CheckFacts
    result: CheckResult
    edition: PolicyEdition
    claims: tuple[OpenClaim, ...]
    frees: tuple[ComesFree, ...]
    orders: tuple[Repaying, ...]


def cures(
    facts: CheckFacts,
    result: CheckResult,
    edition: PolicyEdition,
    *,
    claims: Sequence[OpenClaim] = (),
    covers: Sequence[FreeCover] = (),
    frees: Sequence[ComesFree] = (),
    orders: Sequence[Repaying] = (),
) -> tuple[Cure, ...]:
    """The single steps that would cure a result of these facts, cheapest first.

    `claims` are the customer's open items, which the facts of its account are of (`account_of`);
    `covers` what could carry more on the line; `frees` what leaves its exposure by itself; `orders`
    to what of the line's use a payment goes back.
    """
    case = _Case(
        facts=facts,
        result=result,
        edition=edition,
        claims=tuple(claims),
        frees=tuple(frees),
        orders=tuple(orders),
    )
    found = [
        *_terms(case),
        *_repayments(case),
        *_proofs(case),
        *_wait(case),
        *_pay(case),
        *_deposit(case),
        *(cure for cover in covers for cure in _cover(case, cover)),
        *_cut(case),
        *_temporary(case),
    ]
    kinds = list(CureKind)
    return tuple(
        sorted(
            found,
            key=lambda cure: (
                cure.leaves.gravity >= Act.HOLD.gravity,
                cure.cost.minor,
                kinds.index(cure.kind),
                cure.reference,
            ),
        )
    )


def cured(
    facts: CheckFacts,
    cure: Cure,
    edition: PolicyEdition,
    *,
    claims: Sequence[OpenClaim] = (),
    frees: Sequence[ComesFree] = (),
    orders: Sequence[Repaying] = (),
) -> CheckFacts:
    """The facts once a cure is done."""
    amount = cure.amount or Money.zero(facts.currency)
    match cure.kind:
        case CureKind.BETTER_TERMS:
            return _on_approved_terms(facts)
        case CureKind.PROVE | CureKind.REPAY:
            return _without_hold(facts, cure.reference)
        case CureKind.WAIT_UNTIL:
            assert cure.on is not None
            return _on_day(facts, cure.on, edition, claims, frees)
        case CureKind.PAY:
            return paid(facts, amount, edition, claims, orders)
        case CureKind.DEPOSIT:
            return _with_deposit(facts, amount)
        case CureKind.COVER:
            return _with_cover(facts, amount)
        case CureKind.CUT_ORDER:
            return facts.model_copy(update={"amount": amount})
        case CureKind.TEMPORARY_LIMIT:
            return _with_limit_on_top(facts, amount)


# ── What a step leaves ───────────────────────────────────────────────────────────────────────────


def paid(
    facts: CheckFacts,
    amount: Money,
    edition: PolicyEdition,
    claims: Sequence[OpenClaim],
    orders: Sequence[Repaying] = (),
) -> CheckFacts:
    """The facts after a payment: less is owed, and what of it is of orders goes back to their line."""
    zero = Money.zero(facts.currency)
    parts = {each.item_no: part for each, part in parts_of(amount, claims)}
    after = [
        each.model_copy(update={"amount": each.amount - parts.get(each.item_no, zero)})
        if each.payable
        else each
        for each in claims
    ]
    account = account_of(after, facts.business_on, edition, facts.currency)
    facts = facts.model_copy(update={"account": _known_as(facts.account, account)})
    freed = dict.fromkeys(Bucket, zero) | {
        Bucket.RECEIVABLES: money_sum(parts.values(), facts.currency)
    }
    back = money_sum((each.back(parts) for each in orders), facts.currency)
    return _freed(facts, freed, used=back)


def parts_of(amount: Money, claims: Sequence[OpenClaim]) -> list[tuple[OpenClaim, Money]]:
    """What a payment pays of each item that can be paid, the oldest due first."""
    left, parts = amount, []
    for claim in sorted(claims, key=lambda each: (each.due_on, each.item_no)):
        part = min(left, claim.amount)
        if part and claim.payable:
            parts.append((claim, part))
            left -= part
    return parts


def _known_as(before: AccountFacts, after: AccountFacts) -> AccountFacts:
    """The account as it stands after, but for what was not known, and for a level set by hand."""
    known = {
        name: getattr(after, name)
        for name in ("overdue", "days_past_due", "oldest_days", "disputed")
        if getattr(before, name) is not None
    }
    return before.model_copy(update=known)


def _freed(facts: CheckFacts, freed: dict[Bucket, Money], used: Money | None = None) -> CheckFacts:
    """The facts with so much less in each bucket, and all of it less along the chain, or so much as is
    said to be `used` less; of the product's own account nothing, as items do not say of which product
    they are."""
    zero = Money.zero(facts.currency)
    exposure = facts.line.exposure
    if exposure is not None:
        exposure = {
            bucket: max(min(amount, zero), amount - freed[bucket])
            for bucket, amount in exposure.items()
        }
    reserved = freed[Bucket.ORDERS]
    if used is None:
        used = money_sum(freed.values(), facts.currency) - reserved
    chain = tuple(
        each.model_copy(
            update={
                "reserved": max(min(each.reserved, zero), each.reserved - reserved),
                "used": max(min(each.used, zero), each.used - used),
            }
        )
        if not is_of_product(each)
        else each
        for each in facts.line.chain
    )
    line = facts.line.model_copy(update={"exposure": exposure, "chain": chain})
    return facts.model_copy(update={"line": line})


def _on_day(
    facts: CheckFacts,
    on: date,
    edition: PolicyEdition,
    claims: Sequence[OpenClaim],
    frees: Sequence[ComesFree],
) -> CheckFacts:
    """The facts on a later day, if nobody does anything until then."""
    freed = dict.fromkeys(Bucket, Money.zero(facts.currency))
    for each in frees:
        if facts.business_on < each.on <= on:
            freed[each.bucket] += each.amount
    later = facts.model_copy(update={"business_on": on})
    if claims:
        account = account_of(claims, on, edition, facts.currency)
        later = later.model_copy(update={"account": _known_as(facts.account, account)})
    return _freed(later, freed)


def _on_approved_terms(facts: CheckFacts) -> CheckFacts:
    return facts.model_copy(
        update={
            "terms_rank": facts.terms_rank_approved,
            "terms_days": facts.terms_days_approved,
            "terms": facts.terms_approved,
        }
    )


def _without_hold(facts: CheckFacts, hold_id: str) -> CheckFacts:
    holds = tuple(hold for hold in facts.holds if hold.hold_id != hold_id)
    return facts.model_copy(update={"holds": holds})


def _with_deposit(facts: CheckFacts, amount: Money) -> CheckFacts:
    deposit = (facts.deposit or Money.zero(facts.currency)) + amount
    return facts.model_copy(update={"deposit": deposit})


def _with_cover(facts: CheckFacts, amount: Money) -> CheckFacts:
    covered = (facts.line.covered or Money.zero(facts.currency)) + amount
    line = facts.line.model_copy(update={"covered": covered})
    return facts.model_copy(update={"line": line})


def _with_limit_on_top(facts: CheckFacts, amount: Money) -> CheckFacts:
    """The facts with more on the line's own limit; what its customer and group may take stays."""

    def raised(limit: Limit | None) -> Limit | None:
        if limit is None or limit.amount is None:
            return limit
        return Limit.of(limit.amount + amount)

    def risen(balance: Balance) -> Balance:
        return balance.model_copy(update={"limit": raised(balance.limit)})

    chain = tuple(risen(each) if is_own(each) else each for each in facts.line.chain)
    line = facts.line.model_copy(update={"limit": raised(facts.line.limit), "chain": chain})
    return facts.model_copy(update={"line": line})


# ── How large a step has to be ───────────────────────────────────────────────────────────────────


def _aims(case: _Case, kinds: Iterable[RuleKind]) -> frozenset[str]:
    """The findings of some kinds that a step aims at."""
    stops = case.result.stops
    return frozenset(
        finding.code
        for finding in case.result.findings
        if finding.kind in kinds and (finding.act.gravity >= Act.HOLD.gravity or not stops)
    )


def _failing(case: _Case, facts: CheckFacts) -> frozenset[str]:
    return frozenset(check(facts, case.edition).codes)


def _least(
    case: _Case,
    kinds: Iterable[RuleKind],
    most: int,
    after: Callable[[Money], CheckFacts],
    *,
    reachable: frozenset[str] | None = None,
) -> Money | None:
    """The least amount of a step up to a most that cures all that the most would cure of its kinds;
    None where that is nothing. More of a step never makes a rule fail."""
    if most <= 0:
        return None
    currency = case.facts.currency

    def failing(minor: int) -> frozenset[str]:
        return _failing(case, after(Money(minor=minor, currency=currency)))

    aims = _aims(case, kinds) - failing(most)
    aims = aims if reachable is None else aims & reachable
    if not aims:
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if aims & failing(middle) else (low, middle)
    return Money(minor=high, currency=currency)


def _made(case: _Case, after: CheckFacts, cure: Cure) -> Iterator[Cure]:
    """The cure with what it comes to, unless it helps nothing or does harm."""
    before, result = frozenset(case.result.codes), check(after, case.edition)
    gone = tuple(code for code in case.result.codes if code not in result.codes)
    if gone and frozenset(result.codes) <= before:
        yield cure.model_copy(update={"cures": gone, "leaves": result.act})


def _cure(case: _Case, kind: CureKind, cost: Money | None = None, **said: object) -> Cure:
    """A cure whose effect is not reckoned yet."""
    return Cure.model_validate(
        {
            "kind": kind,
            "cost": cost or Money.zero(case.facts.currency),
            "cures": (),
            "leaves": Act.PASS,
            **said,
        }
    )


def _terms(case: _Case) -> Iterator[Cure]:
    if _aims(case, {RuleKind.TERMS}):
        cure = _cure(case, CureKind.BETTER_TERMS, reference=case.facts.terms_approved)
        yield from _made(case, _on_approved_terms(case.facts), cure)


def _repayments(case: _Case) -> Iterator[Cure]:
    """All that stands above a limit: its hold goes when nothing does."""
    aims = _aims(case, {RuleKind.STANDING_HOLD})
    for hold in case.facts.holds:
        if hold.found and any(code.endswith(f":{hold.hold_id}") for code in aims):
            said = {"amount": hold.found, "reference": hold.hold_id, "on": case.facts.business_on}
            cure = _cure(case, CureKind.REPAY, hold.found, **said)
            yield from _made(case, _without_hold(case.facts, hold.hold_id), cure)


def _proofs(case: _Case) -> Iterator[Cure]:
    aims = _aims(case, {RuleKind.STANDING_HOLD})
    for hold in case.facts.holds:
        if not hold.found and any(code.endswith(f":{hold.hold_id}") for code in aims):
            word = hold.cure or hold.reason
            cure = _cure(case, CureKind.PROVE, reference=hold.hold_id, word=word)
            yield from _made(case, _without_hold(case.facts, hold.hold_id), cure)


def _wait(case: _Case) -> Iterator[Cure]:
    """The first day on which something comes free that cures, if no rule fails anew by then."""
    facts = case.facts
    aims = _aims(case, _OF_LIMIT)
    for on in sorted({each.on for each in case.frees if each.on > facts.business_on}):
        after = _on_day(facts, on, case.edition, case.claims, case.frees)
        if aims and not aims & _failing(case, after):
            coming = (each for each in case.frees if facts.business_on < each.on <= on)
            free = money_sum((each.amount for each in coming), facts.currency)
            days = (on - facts.business_on).days
            cure = _cure(case, CureKind.WAIT_UNTIL, on=on, days=days, amount=free)
            made = tuple(_made(case, after, cure))
            if made:
                yield from made
                return


def _pay(case: _Case) -> Iterator[Cure]:
    facts, edition, claims = case.facts, case.edition, case.claims
    most = sum(each.amount.minor for each in claims if each.payable)

    def after(amount: Money) -> CheckFacts:
        return paid(facts, amount, edition, claims, case.orders)

    amount = _least(case, _BY_PAYMENT, most, after)
    if amount is not None:
        yield from _made(case, after(amount), _cure(case, CureKind.PAY, amount, amount=amount))


def _deposit(case: _Case) -> Iterator[Cure]:
    facts = case.facts
    most = facts.amount - (facts.deposit or Money.zero(facts.currency))
    amount = _least(case, _OF_LIMIT, most.minor, lambda part: _with_deposit(facts, part))
    if amount is not None:
        cure = _cure(case, CureKind.DEPOSIT, amount, amount=amount)
        yield from _made(case, _with_deposit(facts, amount), cure)


def _cover(case: _Case, cover: FreeCover) -> Iterator[Cure]:
    """Of one cover, if it lasts as long as the order is owed."""
    facts = case.facts
    owed_until = facts.due_on or facts.business_on
    if cover.free.currency != facts.currency:
        return
    if cover.until is not None and cover.until < owed_until:
        return
    amount = _least(case, _OF_LIMIT, cover.free.minor, lambda part: _with_cover(facts, part))
    if amount is not None:
        cure = _cure(
            case, CureKind.COVER, amount, amount=amount, reference=cover.cover_id, on=cover.until
        )
        yield from _made(case, _with_cover(facts, amount), cure)


def _cut(case: _Case) -> Iterator[Cure]:
    """What is left of the order is the most that passes: never aimed at a size that is excluded, and
    never below what is paid ahead or delivered."""
    facts, one = case.facts, Money(minor=1, currency=case.facts.currency)

    def cut_by(part: Money) -> CheckFacts:
        return facts.model_copy(update={"amount": facts.amount - part})

    floor = max(each.minor for each in (facts.deposit, facts.delivered, one) if each is not None)
    most = facts.amount.minor - floor
    smallest = cut_by(Money(minor=max(most, 0), currency=facts.currency))
    reachable = frozenset(finding.code for finding in case.result.findings) - frozenset(
        check(smallest, _without_sizes(case.edition)).codes
    )
    amount = _least(case, _BY_SIZE, most, cut_by, reachable=reachable)
    if amount is not None:
        after = cut_by(amount)
        cure = _cure(case, CureKind.CUT_ORDER, amount, amount=after.amount)
        yield from _made(case, after, cure)


def _without_sizes(edition: PolicyEdition) -> PolicyEdition:
    """The edition without what it excludes for being small."""
    policy: CheckPolicy = policy_of(edition)
    kept = tuple(row for row in policy.exclusions if row.amount_up_to is None)
    if kept == policy.exclusions:
        return edition
    return edition.model_copy(update={"checks": policy.model_copy(update={"exclusions": kept})})


def _temporary(case: _Case) -> Iterator[Cure]:
    """A limit on top until the order is paid, as far and as long as policy grants one."""
    facts, edition = case.facts, case.edition
    limit = facts.line.limit
    if limit is None or limit.kind is not LimitKind.AMOUNT or limit.amount is None:
        return
    if facts.line.temporary_until is not None:
        return
    most = temporary_limit_max(limit.amount, edition) - limit.amount
    amount = _least(case, _OF_LIMIT, most.minor, lambda part: _with_limit_on_top(facts, part))
    if amount is None:
        return
    latest = temporary_until_max(facts.business_on, edition)
    soonest = facts.business_on + timedelta(days=1)
    until = max(soonest, min(latest, facts.due_on or latest))
    cure = _cure(
        case,
        CureKind.TEMPORARY_LIMIT,
        amount,
        amount=amount,
        on=until,
        days=(until - facts.business_on).days,
    )
    yield from _made(case, _with_limit_on_top(facts, amount), cure)
