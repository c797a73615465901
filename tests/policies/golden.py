"""The golden cases: what the standard edition makes of each, kept in `golden_cases.json`.

`python -m tests.policies.golden` writes the file anew; the difference in the repository is what a
change of policy or of code does to these cases, for somebody to read and to answer for. A case is
kept by its figures, and by the hash of its whole receipt.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.application import ApplicationType
from domain.assessment import Assessment, Dossier
from domain.cover import REGISTERED, Cover, CoverKind
from domain.customer import Segment
from domain.edition import Factor, PolicyEdition
from domain.statement import Item, completed
from tests.makers_policy import (
    ON,
    a_change,
    a_customer,
    a_dossier,
    a_rate,
    a_statement,
    an_application,
    an_edition,
    cny,
    judged,
    no_payments,
    some_payments,
    usd,
)

FILE = Path(__file__).with_name("golden_cases.json")
_STEP = Decimal("0.000001")
_MINOR_OF_MILLIONS = Decimal("0.00000001")


def golden_cases() -> dict[str, Assessment]:
    """Every golden case, judged now."""
    edition = an_edition()
    return {
        name: judged(dossier, edition, **chance)
        for name, dossier, chance in (*_at_bounds(edition), *situations())
    }


def written(receipt: Assessment) -> dict[str, Any]:
    """A receipt as the file keeps it."""
    return {
        "score": str(receipt.rating.score),
        "grade": receipt.rating.grade,
        "points": " ".join(f"{each.points:f}" for each in receipt.rating.factors),
        "knock_outs": list(receipt.rating.knock_outs),
        "proposed": receipt.limit.limit_proposed.text,
        "recommended": receipt.limit_recommended.text,
        "binding": receipt.limit.binding,
        "rate": str(receipt.price.rate_annual),
        "raroc": str(receipt.price.raroc),
        "lane": receipt.route.lane.value,
        "row": receipt.route.row,
        "reasons": list(receipt.route.reasons),
        "receipt": receipt.receipt_hash[:16],
    }


# ── at every bound of every table ────────────────────────────────────────────────────────────────

Case = tuple[str, Dossier, dict[str, Any]]


def _at_bounds(edition: PolicyEdition) -> Iterator[Case]:
    """Each cut of each factor that a payment record, a birthday or a statement can hit exactly,
    and a step below it; each bound of the approval rows."""
    for factor in edition.scorecards["corporate"].factors:
        for cut in dict.fromkeys(each.at_least for each in factor.bins):
            if cut is None:
                continue
            for side, value in (("at", cut), ("below", cut - _step_of(factor))):
                dossier = _with_figure(factor.figure, value)
                if dossier is not None:
                    yield f"{factor.code} {side} {cut:f}", dossier, {}
    for row in edition.approval.rows:
        for bound in dict.fromkeys(each for each in (row.above, row.up_to) if each):
            for side, held in (("at", bound), ("over", bound + 1)):
                yield f"{row.code} {side} {bound:f}", _with_aggregate(held, row.grades[0]), {}


def _step_of(factor: Factor) -> Decimal:
    whole = {"days_past_due_max", "years_established", "proven_identifier"}
    return Decimal(1) if factor.figure in whole else _STEP


def _with_figure(figure: str, value: Decimal) -> Dossier | None:
    """The ordinary company with one figure at a value; None where a single record cannot say it."""
    match figure:
        case "paid_late_share" | "days_late_mean":
            return a_dossier(payments=some_payments(**{figure: value}))
        case "days_past_due_max":
            return a_dossier(payments=some_payments(days_past_due_max=int(value)))
        case "years_established":
            since = date(ON.year - int(value), ON.month, ON.day)
            return a_dossier(customer=a_customer(established_on=since))
        case "proven_identifier":
            kept = a_customer().identifiers if value else ()
            return a_dossier(customer=a_customer(identifiers=kept))
        case "equity_ratio":
            equity = Decimal(100) * value
            return _statement(
                total_assets="100",
                non_current_assets="22",
                equity=f"{equity:f}",
                total_liabilities=f"{100 - equity:f}",
            )
        case "quick_ratio":
            return _statement(current_liabilities="30", inventory=f"{78 - 30 * value:f}")
        case "interest_cover":
            return _statement(ebit=f"{2 * value:f}", interest_expense="2", profit_before_tax=None)
        case "return_on_assets":
            return _statement(net_income=f"{140 * value:f}")
        case "funds_to_liabilities":
            return _statement(net_income=f"{70 * value - 6:f}")
        case "equity_growth":
            before = 70 - 140 * value
            earlier = a_statement(2024, equity=f"{before:f}", total_liabilities=f"{140 - before:f}")
            return a_dossier(statements=(earlier, a_statement(2025)))
        case "equity_ratio_change":
            before = 70 - 140 * value
            earlier = a_statement(2024, equity=f"{before:f}", total_liabilities=f"{140 - before:f}")
            return a_dossier(statements=(earlier, a_statement(2025)))
        case "inventory_to_costs":
            return _statement(inventory=f"{150 * value:f}")
        case "revenue_growth":
            return _statement(
                revenue=f"{200 * (1 + value):f}", cost_of_sales=None, gross_profit=None
            )
        case "ebit_return_change":
            return _statement(ebit=f"{16 + 140 * value:f}", profit_before_tax=None)
        case "income_swing":
            earned = (Decimal("10.5") * (1 + value) / (1 - value)).quantize(_MINOR_OF_MILLIONS)
            return _statement(net_income=f"{earned:f}")
        case "retained_to_assets":
            return _statement(retained_earnings=f"{140 * value:f}")
        case "sales_millions":
            return _statement(revenue=f"{value:f}", cost_of_sales=None, gross_profit=None)
    return None


def _statement(**changed: str | None) -> Dossier:
    return a_dossier(statements=(a_statement(2024), a_statement(2025, **changed)))


def _derived() -> Dossier:
    """A source that leaves out what its other items imply."""
    gone = dict.fromkeys(("equity", "non_current_assets", "gross_profit", "ebitda"))
    years = (a_statement(2024, **gone), a_statement(2025, **gone))
    return a_dossier(statements=tuple(completed(each) for each in years))


def _with_aggregate(aggregate: Decimal, grade: str) -> Dossier:
    """The ordinary company in a group that holds the rest of an aggregate; a poor payer where the
    row is of weak grades."""
    asked = cny(10_000)
    group = cny(aggregate) - asked
    weak = grade not in ("AAA", "AA", "A", "BBB")
    payments = some_payments(days_past_due_max=45, paid_late_share=Decimal("0.6")) if weak else None
    return a_dossier(application=an_application(asked), group_limits=group, payments=payments)


# ── situations ───────────────────────────────────────────────────────────────────────────────────


def situations() -> Iterator[Case]:
    yield "ordinary, automatic", a_dossier(), {}
    yield "drawn for people", a_dossier(), {"sampled": True}
    yield "day's volume spent", a_dossier(), {"spent": cny(49_900_000)}
    for amount in (1_000_000, 1_000_001, 12_000_000, 90_000_000, 900_000_000):
        yield f"asks for {amount}", a_dossier(application=an_application(cny(amount))), {}
    for product in sorted(an_edition().limit.products):
        asked = an_application(cny(900_000_000), product=product)
        yield f"product {product}", a_dossier(application=asked), {}
    for months in (1, 6, 36, 60):
        asked = an_application(cny(5_000_000), term_months=months)
        yield f"term of {months} months", a_dossier(application=asked), {}
    for share in ("0.5999", "0.6"):
        yield f"completeness {share}", a_dossier(completeness=Decimal(share)), {}
    yield from _qualities()
    yield from _missing()
    yield from _declined()
    yield from _foreign()
    yield from _changes()
    yield from _covered()
    for industry in ("D", "K", "A"):
        yield f"industry {industry}", a_dossier(customer=a_customer(industry=industry)), {}
    yield "related to the grantor", a_dossier(customer=a_customer(related_to_grantor=True)), {}
    yield "small customer", a_dossier(customer=a_customer(segment=Segment.SMALL)), {}


def _qualities() -> Iterator[Case]:
    """From the best company there is to the worst, through every grade."""
    for quality in range(11):
        equity, earned = 8 * quality + 4, 3 * quality - 14
        since = date(ON.year - 2 * quality - 1, 1, 1)
        yield (
            f"quality {quality}",
            a_dossier(
                customer=a_customer(
                    industry="D" if quality > 8 else "K",
                    established_on=since,
                ),
                statements=(
                    a_statement(2024),
                    a_statement(
                        2025,
                        equity=str(equity),
                        total_liabilities=str(140 - equity),
                        current_liabilities=str(110 - 10 * quality),
                        net_income=str(earned),
                        ebit=str(earned + 3),
                        retained_earnings=str(6 * quality - 12),
                        revenue=str(120 * quality + 5),
                        cost_of_sales=None,
                        gross_profit=None,
                        profit_before_tax=None,
                    ),
                ),
                payments=some_payments(
                    days_late_mean=Decimal(40 - 4 * quality),
                    paid_late_share=Decimal(10 - quality) / 10,
                    days_past_due_max=max(0, 24 - 4 * quality),
                ),
            ),
            {},
        )


def _missing() -> Iterator[Case]:
    yield "no statement", a_dossier(statements=()), {}
    yield "one year only", a_dossier(statements=(a_statement(2025),)), {}
    yield "no payment record", a_dossier(payments=no_payments()), {}
    yield "two invoices only", a_dossier(payments=some_payments(invoices=2)), {}
    for item in (Item.REVENUE, Item.EQUITY, Item.NET_INCOME, Item.COST_OF_SALES, Item.INVENTORY):
        yield f"without {item.value}", _statement(**{item.value: None}), {}
    yield "without assets", _statement(total_assets=None, non_current_assets=None), {}
    yield "without totals, which are derived", _derived(), {}
    yield "unknown birthday", a_dossier(customer=a_customer(established_on=None)), {}


def _declined() -> Iterator[Case]:
    for days in (30, 31, 90, 91):
        payments = some_payments(days_past_due_max=days)
        yield f"oldest arrears {days} days", a_dossier(payments=payments), {}
    yield "equity gone", _statement(equity="-5", total_liabilities="145"), {}
    yield "interest not earned", _statement(ebit="1", profit_before_tax="-1"), {}
    yield "a year old and a half", a_dossier(statements=(a_statement(2024),)), {}
    young = a_customer(established_on=ON - timedelta(days=200))
    yield "established under a year", a_dossier(customer=young), {}
    yield "group at its cap", a_dossier(group_limits=cny(750_000_000)), {}
    yield "holds its limit already", a_dossier(own_limits=cny(600_000_000)), {}


def _foreign() -> Iterator[Case]:
    for name, rate in (("fresh", a_rate()), ("stale", a_rate(rate_on=ON - timedelta(days=36)))):
        asked = an_application(usd(100_000))
        yield f"dollars at a {name} rate", a_dossier(application=asked, rates=(rate,)), {}
    large = an_application(usd(90_000_000))
    yield "dollars above the proposal", a_dossier(application=large, rates=(a_rate(),)), {}
    abroad = (a_statement(2024, "USD"), a_statement(2025, "USD"))
    yield "statements in dollars", a_dossier(statements=abroad, rates=(a_rate(),)), {}


def _changes() -> Iterator[Case]:
    for kind in (ApplicationType.INCREASE, ApplicationType.DECREASE, ApplicationType.RENEWAL):
        held = {"own_limits": cny(2_000_000), "line_limit": cny(2_000_000)}
        yield f"{kind.value}", a_dossier(application=a_change(kind, cny(1_500_000)), **held), {}
    temporary = a_change(
        ApplicationType.TEMPORARY_INCREASE, cny(4_000_000), temporary_until=ON + timedelta(days=60)
    )
    held = {"own_limits": cny(2_000_000), "line_limit": cny(2_000_000)}
    yield "temporary increase beyond its cap", a_dossier(application=temporary, **held), {}
    asked = an_application(cny(800_000), application_type=ApplicationType.PRE_APPROVAL)
    yield "pre-approval", a_dossier(application=asked), {}


def _covered() -> Iterator[Case]:
    """Cover of every kind, its end, its guarantor's reach, and more of it than is asked for."""
    asked = an_application(cny(20_000_000))
    for kind in CoverKind:
        covers = (_cover(kind),)
        yield f"covered by {kind.value}", a_dossier(application=asked, covers=covers), {}
    for name, changed in (
        ("ended", {"ends_on": ON - timedelta(days=1)}),
        ("borne in part", {"free": cny(700_000)}),
        ("in a circle", {"circular": True}),
    ):
        covers = (_cover(CoverKind.GUARANTEE, **changed),)
        yield f"guarantee {name}", a_dossier(application=asked, covers=covers), {}
    all_kinds = tuple(_cover(kind) for kind in REGISTERED)
    yield "covered by every kind", a_dossier(application=asked, covers=all_kinds), {}
    yield "covered many times over", a_dossier(covers=all_kinds), {}


def _cover(kind: CoverKind, **changed: Any) -> Cover:
    ordinary = {"cover_id": f"k-{kind}", "kind": kind, "value": cny(4_000_000), "valued_on": ON}
    return Cover.model_validate(ordinary | changed)


def text_of(cases: dict[str, Assessment]) -> str:
    """The file: a line a case, so that a difference is read by lines."""
    lines = (
        f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(written(receipt), ensure_ascii=False)}"
        for name, receipt in cases.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text_of(golden_cases()), "utf-8")
