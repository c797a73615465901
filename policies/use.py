"""Which uses policy marks for approval, who decides on one, and what its release review sees."""

from collections.abc import Iterable
from datetime import date

from domain.approval import RouteStep
from domain.contract import Contract, ContractStatus
from domain.cover import CoverContent
from domain.edition import PolicyEdition, UseRow
from domain.line import ConditionPrecedent, CreditLine, LineStatus
from domain.money import Money
from domain.use import ReleaseCheck, ReleaseItem, UseRequest
from domain.value import Value
from policies.routing import steps_for, steps_of

MARKED = "use_marked"


class UseRoute(Value):
    """Who decides on a use, for which sum, and why they."""

    aggregate: Money
    row: str
    steps: tuple[RouteStep, ...]
    reasons: tuple[str, ...]


def rows_for(product: str | None, edition: PolicyEdition) -> tuple[UseRow, ...]:
    """The rows that may mark a use of a product; of none, those of every product."""
    return tuple(row for row in edition.uses.rows if not row.products or product in row.products)


def marked(rows: Iterable[UseRow], reporting: Money, *, first: bool) -> UseRow | None:
    """The first row that marks a use of this amount, or none."""
    for row in rows:
        if reporting.amount >= row.from_amount and (first or not row.first_use):
            return row
    return None


def route_of_use(
    use: UseRequest, row: UseRow, reporting: Money, grade: str, edition: PolicyEdition
) -> UseRoute:
    """The approvers of a use: the body that its row names, or the tier of its amount and grade."""
    if row.step is not None:
        name, steps = row.code, steps_of(row.step, edition)
    else:
        name, steps, _ = steps_for(reporting, grade, edition)
    return UseRoute(aggregate=reporting, row=name, steps=steps, reasons=(MARKED,))


def on_record(
    use: UseRequest,
    line: CreditLine,
    contract: Contract | None,
    conditions: Iterable[ConditionPrecedent],
    covers: Iterable[tuple[str, CoverContent | None, bool]],
    on: date,
) -> tuple[ReleaseCheck, ...]:
    """What our records show of the items of a use's release review, in their order.

    Each cover is its id, what stands of it, and whether a version waits for a second person.
    """
    unmet = [each.code for each in conditions if each.holds(on)]
    weak = [
        cover_id
        for cover_id, content, pending in covers
        if pending or content is None or (content.ends_on is not None and content.ends_on < on)
    ]
    signed = contract is not None and contract.status is ContractStatus.SIGNED
    open_on = line.status is LineStatus.ACTIVE and line.starts_on <= on <= (
        line.last_draw_on or line.ends_on
    )
    shown = {
        ReleaseItem.CONTRACT: ReleaseCheck(
            item=ReleaseItem.CONTRACT,
            held=signed and open_on,
            evidence=f"{line.contract_id} {contract.status if contract else '-'}, {line.status}",
            evidence_hash=contract.signed_hash if contract is not None else None,
        ),
        ReleaseItem.CONDITIONS: ReleaseCheck(
            item=ReleaseItem.CONDITIONS, held=not unmet, evidence=", ".join(unmet)
        ),
        ReleaseItem.COVER: ReleaseCheck(
            item=ReleaseItem.COVER, held=not weak, evidence=", ".join(weak)
        ),
    }
    return tuple(shown[item] for item in use.review if item in shown)


def reviewed(
    use: UseRequest, shown: Iterable[ReleaseCheck], brought: Iterable[ReleaseCheck]
) -> tuple[ReleaseCheck, ...]:
    """Every item of the review: what the records show, and what whoever releases has seen.

    A word of theirs does not mend a record, but may still say that an item does not hold. A purpose
    is evidenced by a file; a payee and a deposit by a file or the place of one. Without a deposit
    none is asked for.
    """
    known = {each.item: each for each in shown}
    said = {each.item: each for each in brought}
    return tuple(_item(item, use, known.get(item), said.get(item)) for item in use.review)


def _item(
    item: ReleaseItem, use: UseRequest, shown: ReleaseCheck | None, said: ReleaseCheck | None
) -> ReleaseCheck:
    if item is ReleaseItem.DEPOSIT and (use.deposit is None or use.deposit.minor == 0):
        return ReleaseCheck(item=item, held=True)
    if said is None:
        return ReleaseCheck(item=item, held=False)
    if shown is not None:
        evidence = said.evidence or shown.evidence
        update = {"held": shown.held and said.held, "evidence": evidence}
        return shown.model_copy(update=update)
    evidence_hash = said.evidence_hash
    if item is ReleaseItem.PURPOSE:
        evidence_hash = evidence_hash or use.evidence_hash
    seen = evidence_hash is not None
    if item is not ReleaseItem.PURPOSE:
        seen = seen or bool(said.evidence)
    return said.model_copy(update={"held": said.held and seen, "evidence_hash": evidence_hash})
