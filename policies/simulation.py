"""A draft tried (试算) on what was decided before: recorded dossiers judged again, and compared.

What was judged is the receipt's dossier, so the difference is the draft's alone and nothing that
happened since. A case that the draft refuses to judge is counted as refused.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from domain.assessment import Assessment, Lane
from domain.draft import Moved, Outcome, Section, SimulationReport, Tried
from domain.edition import PolicyEdition
from domain.errors import CreditError
from domain.money import Money, money_sum
from domain.value import content_hash
from policies.assessment import assess


def tried(
    receipt: Assessment,
    edition: PolicyEdition,
    *,
    line_id: str | None = None,
    went_bad: tuple[str, ...] = (),
) -> Tried:
    """One receipt's dossier under the draft, with the same luck and the same day's volume."""
    after, refusal = None, ""
    spent = receipt.automatic_spent or Money.zero(edition.reporting_currency)
    try:
        fresh = assess(
            receipt.case_id,
            receipt.dossier,
            edition,
            automatic_spent=spent,
            sampled=receipt.sampled,
        )
        after = outcome_of(fresh)
    except CreditError as error:
        refusal = error.code
    return Tried(
        case_id=receipt.case_id,
        customer_id=receipt.dossier.customer.customer_id,
        line_id=line_id,
        before=outcome_of(receipt),
        after=after,
        refusal=refusal,
        went_bad=went_bad,
    )


def outcome_of(receipt: Assessment) -> Outcome:
    """What a receipt came to; what is declined has no limit."""
    declined = receipt.route.lane is Lane.DECLINE
    limit = receipt.limit_recommended
    return Outcome(
        grade=receipt.rating.grade,
        limit=Money.zero(limit.currency) if declined else limit,
        lane=receipt.route.lane,
        row=receipt.route.row,
        positions=tuple(p for step in receipt.route.steps for p in step.positions),
        tiers=tuple(step.tier for step in receipt.route.steps),
    )


def report_of(
    edition: PolicyEdition,
    in_force: PolicyEdition,
    past: Sequence[Tried],
    live: Sequence[Tried],
    *,
    book: Sequence[str],
    business_on: date,
    most: int,
    lines_left_out: int = 0,
) -> SimulationReport:
    """The report; `book` are the hashes and versions of all that was tried."""
    return SimulationReport(
        edition_hash=edition.edition_hash,
        in_force_hash=in_force.edition_hash,
        book_hash=content_hash(list(book)),
        business_on=business_on,
        past=section_of(past),
        live=section_of(live),
        spared=tuple(each for each in past if each.went_bad and each.lowered and each.line_id),
        most=most,
        lines_left_out=lines_left_out,
    )


def section_of(cases: Sequence[Tried]) -> Section:
    """A set of cases, counted and summed."""
    pairs = [(each.before, each.after) for each in cases if each.after is not None]
    after = [each.after for each in cases if each.after is not None]
    before = [each.before for each in cases]
    changed = tuple(each for each in cases if each.changed)
    return Section(
        cases=len(cases),
        unchanged=len(cases) - len(changed),
        refused=len(cases) - len(after),
        flips=_counted(f"{b.lane}>{a.lane}" for b, a in pairs if b.lane is not a.lane),
        grades=_counted(f"{b.grade}>{a.grade}" for b, a in pairs if b.grade != a.grade),
        moved=_moved(cases),
        lanes_before=_counted(each.lane.value for each in before),
        lanes_after=_counted(each.lane.value for each in after),
        positions_before=_counted(p for each in before for p in each.positions),
        positions_after=_counted(p for each in after for p in each.positions),
        tiers_before=_counted(str(tier) for each in before for tier in each.tiers),
        tiers_after=_counted(str(tier) for each in after for tier in each.tiers),
        changed=changed,
    )


def _counted(codes: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(codes).items()))


def _moved(cases: Sequence[Tried]) -> tuple[Moved, ...]:
    """Higher and lower apart: a sum of both would hide what moves. A refused case moves to nothing."""
    moved = []
    for currency in sorted({each.before.limit.currency for each in cases}):
        pairs = [
            (each.before.limit, each.after.limit if each.after else Money.zero(currency))
            for each in cases
            if each.before.limit.currency == currency
        ]
        moved.append(
            Moved(
                currency=currency,
                before=money_sum((first for first, _ in pairs), currency),
                raised=money_sum((b - a for a, b in pairs if b > a), currency),
                lowered=money_sum((a - b for a, b in pairs if b < a), currency),
            )
        )
    return tuple(moved)
