"""What was run and what came out, as a page for people."""

from collections.abc import Mapping
from typing import Any


def ageing_sentence(found: Mapping[str, Any]) -> str:
    """The figures of one day in one line."""
    aged, turned = found["ageing"], found["turnover"]
    late = {name: part for name, part in aged["buckets"].items() if _amount(part)}
    parts = ", ".join(f"{name} {_amount(part):,.2f}" for name, part in late.items())
    outstanding, best = (
        float(turned[name]) for name in ("days_outstanding", "days_outstanding_best")
    )
    return (
        f"{aged['items']} open, {_amount(aged['total']):,.2f} ({parts}); sales of"
        f" {turned['window_days']} days {_amount(turned['sales']):,.2f}; {outstanding:.2f} days"
        f" outstanding, {best:.2f} at best, {outstanding - best:.2f} delinquent"
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _amount(money: Mapping[str, Any]) -> float:
    return float(money["amount"])


def page(ran: Mapping[str, Any]) -> str:
    """The section that a run adds to `docs/real-book.md`."""
    rows = [
        f"Business date {ran['business_on']}, policy edition `{ran['edition']}`.",
        "",
        "| brought in | what became of its rows |",
        "|---|---|",
        *(f"| {name} | {_listed(counts)} |" for name, counts in ran["imported"].items()),
        "",
        "| as of | from the running system |",
        "|---|---|",
        *(f"| {day} | {ageing_sentence(found)} |" for day, found in ran["ageing"].items()),
        "",
        "| cases | |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in ran["cases"].items()),
        "",
        "| grade | cases | declined | active |",
        "|---|---|---|---|",
        *(
            f"| {grade} | {sum(ends.values())} | {ends.get('declined', 0)}"
            f" | {ends.get('active', 0)} |"
            for grade, ends in ran["grades"].items()
        ),
        "",
    ]
    if ran["killed"]:
        told = ", ".join(f"{name} {count} times" for name, count in ran["killed"].items())
        rows += [f"Killed meanwhile: {told}.", ""]
    rows += [
        "| asked of the records, the book and Temporal | found |",
        "|---|---|",
        *(f"| {question} | {count} |" for question, count in ran["proof"]["found"].items()),
    ]
    return "\n".join(rows) + "\n"
