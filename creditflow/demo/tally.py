"""How a demonstration ended: the counts of the whole store, and where to look.

Each application counts once. `approved`: granted, and neither lapsed nor withdrawn since, whether
its agreement is being written, waits for a signature or a condition, or its line is in force.
`declined`: by people, by policy or at the admission screen. `lapsed`: nobody answered in time, or
the customer left the offer. `open`: not decided yet.
"""

from collections.abc import Mapping
from typing import Any

from creditflow.client import values as v
from creditflow.demo.application import Wish

COUNTED_AS = {
    "received": "open",
    "suspended": "open",
    "incomplete": "open",
    "assessed": "open",
    "in_approval": "open",
    "returned": "open",
    "approved": "approved",
    "contracting": "approved",
    "conditions": "approved",
    "active": "approved",
    "refused": "declined",
    "declined": "declined",
    "withdrawn": "withdrawn",
    "lapsed": "lapsed",
}
_KINDS = ("approved", "declined", "lapsed", "withdrawn", "open")


def tally(figures: v.Figures, seconds: float) -> dict[str, Any]:
    """The counts, under the names that other programs read."""
    counts = dict.fromkeys(_KINDS, 0)
    for status, number in figures.by_status.items():
        counts[COUNTED_AS[status]] += number
    return {
        "applications": figures.applications,
        **counts,
        "lines_active": figures.lines_by_status.get("active", 0),
        "contracts_signed": figures.contracts_by_status.get("signed", 0),
        "seconds": round(seconds, 1),
    }


# The part a company plays, and what is worth seeing of it.
_WORTH_SEEING = {
    "small and sound": "decided by policy, without asking anybody",
    "region": "investigated by two, who signed the scheme",
    "head office": "recommended with conditions by two; two of head office had to agree",
    "returned once": "returned for its orders, supplemented, then approved",
    "suspended and cleared": "a name on a list, cleared; its task was escalated",
    "well made, badly paid": "good figures, declined by people for how it pays",
    "equity gone": "knocked out by policy",
    "stopped": "refused at the admission screen",
    "our own number only": "granted less than asked; the customer left the offer",
    "never signed": "lapsed: nobody signed in time",
    "red after the grant": "a red warning froze its line",
    "orange and cured": "froze, paid, and is free again",
}

_USED = (
    ("head office", "uses?line={line_id}", "a bank acceptance, approved and then released"),
    ("region", "lines/{line_id}", "a dedicated facility, refused for another purpose"),
)


def summary(
    url: str,
    counts: Mapping[str, Any],
    proof: v.Proof,
    travelled: Mapping[str, tuple[Wish, v.Case]],
    reviewed: Mapping[str, str],
    insured: str | None,
    bill: v.Bill | None,
) -> str:
    """What came out, and pages worth opening."""
    rows = [f"{name:<17} {number}" for name, number in counts.items()]
    held = "every balance is the sum of its entries" if proof.holds else "A BALANCE DOES NOT HOLD"
    rows += [f"{'ledger':<17} {proof.entries} entries, {held}", "", "worth opening:"]
    first = {wish.part: (wish, case) for wish, case in reversed(list(travelled.values()))}
    for part, sentence in _WORTH_SEEING.items():
        if part in first:
            wish, case = first[part]
            on_line = wish.ledger and case.line_id
            place = f"lines/{case.line_id}" if on_line else f"cases/{case.case_id}"
            rows.append(f"  {url}/{place}  {sentence}")
    for part, place, sentence in _USED:
        line_id = first[part][1].line_id if part in first else None
        if line_id is not None:
            rows.append(f"  {url}/{place.format(line_id=line_id)}  {sentence}")
    rows += [f"  {url}/lines/{each}  reviewed: {said}" for each, said in reviewed.items()]
    if insured is not None:
        rows.append(f"  {url}/customers/{insured}/insurance  insured; its cover stopped for new")
    if bill is not None:
        rows.append(
            f"  {url}/bills/{bill.bill_id}  its acceptor refused; the invoice is late again"
        )
    return "\n".join([*rows, f"  {url}/  sign in as `approver1` or `manager`"])
