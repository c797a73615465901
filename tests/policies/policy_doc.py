"""The tables of docs/policy.md, written from the standard edition.

The prose is written by hand between the tables. `python -m tests.policies.policy_doc` writes the
tables anew after the edition has changed; a test holds that they are the edition's.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from domain.application import ApplicationType
from domain.check import Act, Bucket, RuleKind, Stage
from domain.edition import (
    Bin,
    CapScope,
    CheckRule,
    ConditionRow,
    Dated,
    DiligenceItem,
    Factor,
    KnockOut,
    PolicyEdition,
    Product,
)
from domain.money import CURRENCIES, exponent_of
from domain.terms import PaymentTerms
from policies.check import act_of, counts
from policies.edition import rules_of_types
from policies.scorecard import PD_DECIMALS, bin_label, name_of
from policies.terms import ranked
from policies.tolerance import tolerances_of
from storage.edition import read_shipped

DOC = Path(__file__).parents[2] / "docs" / "policy.md"
_BLOCK = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def with_tables(text: str, edition: PolicyEdition) -> str:
    """The document with every table as the edition has it."""

    def written(block: re.Match[str]) -> str:
        name = block[1]
        return f"<!-- table: {name} -->\n{TABLES[name](edition)}\n<!-- end -->"

    return _BLOCK.sub(written, text)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


def _amount(amount: Decimal | None) -> str:
    return "no end" if amount is None else f"{amount:,f}"


def _named(names: Iterable[object], otherwise: str = "all") -> str:
    return ", ".join(str(name) for name in names) or otherwise


def completeness(edition: PolicyEdition) -> str:
    return _table(
        ("checklist", "types", "segments", "required", "optional"),
        (
            (
                each.code,
                _named(each.application_types),
                _named(each.segments),
                _named(each.required, "none"),
                _named(each.optional, "none"),
            )
            for each in edition.completeness.checklists
        ),
    )


def types(edition: PolicyEdition) -> str:
    bounds = {
        ApplicationType.EXTENSION: f"{edition.types.extension.days_max} days, "
        f"{edition.types.extension.times_max} time(s) since the last renewal",
        ApplicationType.RESTRUCTURE: f"{edition.types.restructure.term_months_max} months; overdue "
        f"by {edition.types.restructure.days_past_due_min} day(s), or classed below normal",
    }
    return _table(
        (
            "type",
            "required",
            "optional",
            "decided by",
            "of the tiers' hours",
            "knock-outs",
            "bounds",
        ),
        (
            (
                kind.value,
                _named(rule.required, "none"),
                _named(rule.optional, "none"),
                "steps of its own" if rule.steps else "the rows of approval",
                _percent(rule.hours_share),
                "decline" if rule.knock_outs_decline else "are put before people",
                bounds.get(kind, "none"),
            )
            for kind, rule in rules_of_types(edition)
            if rule.offered
        ),
    )


def figures(edition: PolicyEdition) -> str:
    return _table(
        ("figure", "formula"),
        ((code, f"`{text}`") for code, text in edition.spreading.figures.items()),
    )


def _points(factor: Factor) -> str:
    return "; ".join(
        f"{bin_label(factor, place)}: {each.points}" for place, each in enumerate(factor.bins)
    )


def scorecard(edition: PolicyEdition) -> str:
    return _table(
        ("scorecard", "group", "factor", "figure", "points by range", "missing"),
        (
            (
                name_of(card),
                factor.group,
                factor.code,
                factor.figure,
                _points(factor),
                factor.missing,
            )
            for card in edition.scorecards.values()
            for factor in card.factors
        ),
    )


def choices(edition: PolicyEdition) -> str:
    return _table(
        (
            "scorecard",
            "segments",
            "relations",
            "figures there",
            "figures not there",
            "neutral earns",
        ),
        (
            (
                name_of(card),
                _named(card.choice.segments),
                _named(card.choice.relations),
                _named(card.choice.present, "any"),
                _named(card.choice.absent, "any"),
                _percent(card.neutral_share),
            )
            for card in edition.scorecards.values()
        ),
    )


def weights(edition: PolicyEdition) -> str:
    return _table(
        ("scorecard", "group", "best points"),
        (
            (name_of(card), group, weight)
            for card in edition.scorecards.values()
            for group, weight in card.weights.items()
        ),
    )


def grades(edition: PolicyEdition) -> str:
    """All that goes by grade, one row a grade."""
    methods = edition.limit.methods
    return _table(
        (
            "grade",
            "score from",
            "PD",
            "credit",
            *(f"{code}" for code in methods),
            "grade cap",
            "least margin",
            "payment days",
            "review every",
        ),
        (
            (
                row.grade,
                _named(card.score_min[row.grade] for card in edition.scorecards.values()),
                _percent(row.pd),
                "yes" if row.lendable else "no",
                *(_percent(method.share[row.grade]) for method in methods.values()),
                _amount(edition.limit.grade_cap[row.grade]),
                _percent(edition.price.margin_min[row.grade]),
                edition.contract.payment_days[row.grade],
                f"{edition.review.cycle_months[row.grade]} months",
            )
            for row in edition.master_scale
        ),
    )


def _range(each: Bin | KnockOut) -> str:
    if each.at_least is None:
        return f"below {each.below}"
    return (
        f"{each.at_least} and above" if each.below is None else f"{each.at_least} to {each.below}"
    )


def overrides(edition: PolicyEdition) -> str:
    policy = edition.override
    return _table(
        ("value", ""),
        (
            ("better, at most", f"{policy.up_max} notches"),
            ("worse, at most", f"{policy.down_max} notches"),
            ("better by one officer alone, at most", policy.alone_up_max),
            ("worse by one officer alone, at most", policy.alone_down_max),
            ("reasons", _named(policy.reasons, "none")),
        ),
    )


def knock_outs(edition: PolicyEdition) -> str:
    return _table(
        ("rule", "figure", "range", "effect"),
        (
            (
                rule.code,
                rule.figure,
                _range(rule),
                rule.effect + (f" at {rule.grade_max}" if rule.grade_max else ""),
            )
            for rule in edition.knock_outs
        ),
    )


def methods(edition: PolicyEdition) -> str:
    return _table(
        ("method", "base figure", "base missing"),
        ((code, each.figure, each.missing) for code, each in edition.limit.methods.items()),
    )


def products(edition: PolicyEdition) -> str:
    """The catalogue, one row a product."""

    def traits(each: Product) -> str:
        named = {
            "comprehensive": each.comprehensive,
            "dedicated": each.dedicated,
            "used once": not each.revolving,
            "no money leaves": not each.funded,
            "no exchange": not each.exchange,
        }
        return _named((name for name, held in named.items() if held), "")

    return _table(
        (
            "product",
            "methods",
            "combined by",
            "counts for",
            "least deposit",
            "longest use",
            "cover asked",
            "other",
        ),
        (
            (
                code,
                _named(each.methods),
                each.combine,
                _percent(each.conversion_factor),
                _percent(each.deposit_min),
                f"{each.tenor_months_max} months",
                " or ".join(each.covers) or "none",
                traits(each),
            )
            for code, each in edition.limit.products.items()
        ),
    )


def covers(edition: PolicyEdition) -> str:
    return _table(
        ("cover", "haircut", "valuation counts for", "lost of what it covers"),
        (
            (
                kind,
                _percent(rule.haircut),
                f"{rule.valuation_months_max} months" if rule.valuation_months_max else "always",
                _percent(rule.lgd),
            )
            for kind, rule in edition.limit.covers.items()
        ),
    )


def outlooks(edition: PolicyEdition) -> str:
    return _table(
        ("industry", "of the grade's cap", "from", "until"),
        ((row.industry, _percent(row.cap_share), *_dates(row)) for row in edition.limit.outlooks),
    )


def _dates(row: Dated) -> tuple[object, object]:
    return row.effective_from or "the beginning", row.effective_until or "further notice"


def caps(edition: PolicyEdition) -> str:
    return _table(
        ("cap", "of a", "measure", "at most", "of", "clients", "from", "until"),
        (
            (
                cap.code,
                f"{cap.scope} {cap.largest if cap.scope is CapScope.TOP else cap.name}".strip(),
                cap.measure,
                _percent(cap.share),
                cap.base,
                _named(cap.kinds),
                *_dates(cap),
            )
            for cap in edition.concentration.caps
        ),
    )


def appetite(edition: PolicyEdition) -> str:
    policy = edition.concentration
    rows = (
        (
            row.code,
            row.unit or "all",
            _amount(row.granted_max),
            _amount(row.limits_max),
            "no end" if row.loss_share_max is None else _percent(row.loss_share_max),
            *_dates(row),
        )
        for row in policy.appetite
    )
    header = ("row", "unit", "newly granted", "all limits", "loss, of net capital", "from", "until")
    capital = _table(
        ("value", ""),
        (
            ("the grantor's net tier 1 capital", _amount(policy.tier_1_net)),
            ("a large exposure, from", f"{_percent(policy.large_share)} of it"),
        ),
    )
    return f"{_table(header, rows)}\n\n{capital}"


def terms(edition: PolicyEdition) -> str:
    policy = edition.terms
    added = [(f"days added from {event}", days) for event, days in policy.start_days.items()]
    bounds = ", ".join(map(str, policy.rank_days_above))
    bill = ("days added for a bill that no bank accepted", policy.bill_days)
    values = _table(("value", ""), (("a rank worse above, in days", bounds), *added, bill))
    codes = [
        (code, f"`{text}`", f"{held.days.normalize():f}", held.rank)
        for code, text in policy.catalogue.items()
        for held in (ranked(PaymentTerms.parse(text), edition),)
    ]
    return f"{values}\n\n{_table(('code', 'terms', 'longest days', 'rank'), codes)}"


def late(edition: PolicyEdition) -> str:
    policy = edition.late
    return _table(
        ("value", ""),
        (
            ("rate a year", _percent(policy.rate_annual)),
            ("days of that year", policy.year_days),
            ("days of grace", policy.grace_days),
        ),
    )


def idle(edition: PolicyEdition) -> str:
    policy = edition.idle
    assert policy is not None, "the standard edition looks for idle limits"
    return _table(
        ("value", ""),
        (
            ("months looked back", policy.months),
            ("idle where the highest use is below", f"{_percent(policy.share_below)} of the limit"),
            ("smallest limit looked at", edition.money(policy.limit_min)),
            ("kept above the highest use", f"{_percent(policy.margin)} of the limit"),
            ("capital of what is free, of what is used", _percent(policy.capital_weight)),
        ),
    )


def excess(edition: PolicyEdition) -> str:
    policy = edition.excess
    assert policy is not None, "the standard edition has excess come down"
    return _table(
        ("once so many days are over", "of the excess may still stand"),
        ((each.days, _percent(each.share)) for each in policy.steps),
    )


def checks(edition: PolicyEdition) -> str:
    policy = edition.checks
    return _table(
        ("sequence", "rule", "kind", "above", *(stage.replace("_", " ") for stage in Stage)),
        (
            (
                rule.sequence,
                rule.code,
                rule.kind,
                "" if rule.above is None else _measure(rule),
                *(
                    "" if (act := act_of(rule, stage, policy)) is Act.PASS else act
                    for stage in Stage
                ),
            )
            for rule in sorted(policy.rules, key=lambda rule: rule.sequence)
        ),
    )


def _measure(rule: CheckRule) -> str:
    assert rule.above is not None
    if rule.kind in (RuleKind.LIMIT_SHARE, RuleKind.OVERDUE_SHARE):
        return f"{_percent(rule.above)} of the limit"
    if rule.kind in (RuleKind.ORDER_SIZE, RuleKind.OVERDUE_AMOUNT):
        return _amount(rule.above)
    unit = {RuleKind.TERMS: "ranks", RuleKind.DUNNING_LEVEL: "levels"}.get(rule.kind, "days")
    return f"{rule.above:f} {unit}"


def exclusions(edition: PolicyEdition) -> str:
    return _table(
        ("precedence", "exclusion", "rules", "stages", "classes", "grades", "products", "order"),
        (
            (
                row.precedence,
                row.code,
                _named(row.rules),
                _named(row.stages),
                _named(row.classes),
                _named(row.grades),
                _named(row.products),
                "cash first"
                if row.cash_first
                else "any"
                if row.amount_up_to is None
                else f"up to {_amount(row.amount_up_to)}",
            )
            for row in sorted(edition.checks.exclusions, key=lambda row: row.precedence)
        ),
    )


def check_settings(edition: PolicyEdition) -> str:
    policy = edition.checks
    counted = (bucket for bucket in Bucket if counts(bucket, policy))
    grace = (
        f"{stage}: {_percent(each.grace_share)} of the limit, {each.grace_days} days"
        + (" (orders let pass before)" if each.released_only else "")
        for stage, each in policy.grace.items()
    )
    days = "no end" if policy.horizon_days is None else policy.horizon_days
    return _table(
        ("value", ""),
        (
            ("counted in exposure", _named(counted, "nothing")),
            ("orders within, days", days),
            ("grace", _named(grace, "none")),
            ("levels of dunning from, days past due", _named(policy.dunning_days, "none")),
            ("where a figure is not known", policy.not_known),
            ("where no row says", policy.fallback),
            ("an order on hold is with", policy.hold.owner),
            ("and looked at again after, days", policy.hold.review_days),
            ("it is to be decided within, hours", policy.hold.due_hours),
            ("a release is for at most, days", policy.hold.release_days_max),
            ("a hold by hand is lifted by", _named(policy.hold.lifted_by, "any of the role")),
        ),
    )


def matrix(edition: PolicyEdition) -> str:
    policy = edition.impairment
    stages = _table(
        ("stage", "days past due above"), ((2, policy.stage_2_days), (3, policy.stage_3_days))
    )
    ages = _table(
        ("age", "up to days past due", "rate"),
        (
            (row.code, "no end" if row.days_up_to is None else row.days_up_to, _percent(row.rate))
            for row in policy.matrix
        ),
    )
    increases = _table(
        ("row", "grades at origination", "notches below it", "from", "until"),
        (
            (
                row.code,
                ", ".join(row.grades) or "all",
                row.notches,
                row.effective_from or "",
                row.effective_until or "",
            )
            for row in policy.increases
        ),
    )
    values = _table(
        ("value", ""),
        (
            ("of what a line leaves unused, expected to be used", _percent(policy.unused_factor)),
            ("open invoices are the use of lines", "yes" if policy.receivables_in_use else "no"),
            ("discounted at the line's rate", "yes" if policy.discounted else "no"),
        ),
    )
    return f"{stages}\n\n{increases}\n\n{ages}\n\n{values}"


def classification(edition: PolicyEdition) -> str:
    policy = edition.classification
    tiers = _table(
        ("tier", "days past due above", "expected loss of an impaired claim from"),
        (
            (
                tier,
                days,
                _percent(policy.loss_share_min[tier]) if tier in policy.loss_share_min else "",
            )
            for tier, days in policy.days_above.items()
        ),
    )
    values = _table(
        ("value", ""),
        (
            ("a technical delay is none, up to", f"{policy.technical_days} days"),
            ("a delay is presumed to be technical", "yes" if policy.technical_presumed else "no"),
            ("warning of a customer that turned non-performing", policy.warning_level or "none"),
            ("all non-performing, above", f"{_percent(policy.debtor_share_max)} of its claims"),
            (
                "or above, long overdue with all lenders",
                f"{_percent(policy.all_lenders_share_max)} of its debt",
            ),
            ("regular payments before it rises", policy.upgrade_payments),
            ("and months", policy.upgrade_months),
            ("watched after a restructuring", f"{policy.restructured_months} months"),
            ("set by hand for", ", ".join(policy.manual.reasons) or "no reason"),
            ("a class set by hand runs at most", f"{policy.manual.months_max} months"),
            ("a non-performing one at least", f"{policy.manual.cure_months} months"),
            (
                "better than by rule at most, with a second",
                f"{policy.manual.better_tiers_max} tiers",
            ),
        ),
    )
    return f"{tiers}\n\n{values}"


def limit(edition: PolicyEdition) -> str:
    policy = edition.limit
    return _table(
        ("value", ""),
        (
            ("lot", _amount(policy.lot)),
            ("lot in another currency", _amount(policy.lot_foreign)),
            ("the grantor's net capital", _amount(policy.capital_net)),
            ("one customer", _percent(policy.single_name_share)),
            ("one group", _percent(policy.group_share)),
        ),
    )


def price(edition: PolicyEdition) -> str:
    policy = edition.price
    return _table(
        ("value", ""),
        (
            ("cost of funds", _percent(policy.funds_cost)),
            ("operating cost", _percent(policy.operating_cost)),
            ("loss given default", _percent(policy.lgd)),
            ("hurdle on economic capital, after tax", _percent(policy.hurdle)),
            ("what capital earns when invested", _percent(policy.capital_return)),
            ("tax", _percent(policy.tax)),
            ("rates are whole steps of", _percent(policy.rate_step)),
            ("highest rate", _percent(policy.rate_max)),
            ("confidence of the capital function", _percent(policy.capital.confidence)),
            ("least PD in it", _percent(policy.capital.pd_floor)),
            (
                "maturity in it, years",
                f"{policy.capital.maturity_years_min} to {policy.capital.maturity_years_max}",
            ),
            ("one euro", f"{edition.reporting_currency} {policy.capital.eur_rate}"),
        ),
    )


def approval(edition: PolicyEdition) -> str:
    return _table(
        ("row", "grades", "above", "up to", "steps"),
        (
            (
                row.code,
                _named(row.grades),
                _amount(row.above),
                _amount(row.up_to),
                ", then ".join(
                    f"{step.mode} of {' and '.join(step.positions)}" for step in row.steps
                ),
            )
            for row in edition.approval.rows
        ),
    )


def tiers(edition: PolicyEdition) -> str:
    return _table(
        ("tier", "reminder after", "escalation after", "to", "lapse after another", "besides"),
        (
            (
                code,
                f"{tier.remind_hours} h",
                f"{tier.deadline_hours} h",
                tier.escalate_to or "nobody",
                f"{tier.lapse_hours} h",
                ", ".join(
                    f"{row.act} after {row.hours} h{f' ({row.to})' if row.to else ''}"
                    for row in tier.levels
                )
                or "nothing",
            )
            for code, tier in edition.approval.tiers.items()
        ),
    )


def bodies(edition: PolicyEdition) -> str:
    above, related = edition.approval.above_eligible, edition.related
    found = [("price below the minimum", edition.approval.price_exception, "")]
    if above is not None:
        found.append(("above the eligible limit", above.step, f"by {_percent(above.share_max)}"))
    if related.body is not None:
        refused = (("better terms than the grade's", related.terms_of_grade),)
        refused += (("credit without cover", not related.unsecured),)
        named = _named([what for what, held in refused if held], "nothing")
        found.append(("related party of the grantor", related.body, f"refused: {named}"))
    return _table(
        ("exception", "decided by", "bound"),
        (
            (what, f"{step.mode} of {' and '.join(step.positions)} ({step.tier})", bound)
            for what, step, bound in found
        ),
    )


def authority(edition: PolicyEdition) -> str:
    policy = edition.approval.authority
    days = ", ".join(str(each) for each in policy.certificate_warning_days)
    above = [f"{position} by {other}" for position, other in policy.superiors.items()]
    asked = [f"{position}: {code}" for position, code in policy.certificates.items()]
    return _table(
        ("value", ""),
        (
            ("delegations in a row, at most", policy.delegation_depth),
            ("stood in for where no holder can act", _named(above, "nobody")),
            ("certificates asked for", _named(asked, "none")),
            ("told before a certificate ends, days", days),
            ("tasks that nobody could decide go to", edition.approval.fallback_queue),
        ),
    )


def splitting(edition: PolicyEdition) -> str:
    policy = edition.approval.splitting
    return _table(
        ("value", ""),
        (
            ("requests of a ring are summed within", f"{policy.window_days} days"),
            ("clusters are looked for within", f"{policy.report_days} days"),
            ("near a bound is under it by up to", _percent(policy.near_share)),
            ("a cluster is of so many cases", policy.cases_min),
        ),
    )


def automatic(edition: PolicyEdition) -> str:
    lane = edition.approval.automatic
    return _table(
        ("ceiling", ""),
        (
            ("open", "yes" if lane.enabled else "no"),
            ("group exposure after approval, at most", _amount(lane.aggregate_max)),
            ("grade, at least", lane.grade_min),
            ("granted by the lane in a day, at most", _amount(lane.daily_amount_max)),
            ("drawn by lot for people", _percent(lane.sampling_share)),
            ("supported of what is requested, at least", _percent(lane.requested_share_min)),
            ("completeness, at least", _percent(lane.completeness_min)),
            ("types", _named(lane.application_types)),
            ("types that ask nobody at all", _named(lane.always, "none")),
        ),
    )


def _condition_rows(rows: Iterable[ConditionRow]) -> str:
    return _table(
        ("code", "types", "products", "grades", "group exposure above"),
        (
            (
                row.code,
                _named(row.application_types),
                _named(row.products),
                _named(row.grades),
                _amount(row.aggregate_above) if row.aggregate_above else "any",
            )
            for row in rows
        ),
    )


def conditions(edition: PolicyEdition) -> str:
    return _condition_rows(edition.contract.conditions)


def uses(edition: PolicyEdition) -> str:
    return _table(
        ("row", "products", "from", "first use alone", "decided by", "its release review sees"),
        (
            (
                row.code,
                _named(row.products, "all"),
                f"{row.from_amount:,f}" if row.from_amount else "any amount",
                "yes" if row.first_use else "no",
                _named(row.step.positions, "-") if row.step else "the tier of the amount",
                ", ".join(row.review),
            )
            for row in edition.uses.rows
        ),
    )


def requirements(edition: PolicyEdition) -> str:
    return _condition_rows(edition.contract.requirements)


def review(edition: PolicyEdition) -> str:
    policy = edition.review
    return _table(
        ("value", ""),
        (
            ("a grade counts for", f"{policy.rating_valid_months} months"),
            ("still a keep, down to", f"{_percent(1 - policy.cut_tolerance)} of the limit"),
            ("an exit, below", f"{_percent(policy.exit_share)} of the limit"),
            ("a raise, from", f"{_percent(1 + policy.raise_margin)} of the limit"),
            ("and a grade better by", policy.raise_notches),
            ("a raise is at most", f"{_percent(policy.raise_share_max)} of the limit"),
            ("people look at a fall of", f"{policy.downgrade_notches} grades"),
            ("through approval go", _named(policy.approval, "none")),
        ),
    )


def warnings(edition: PolicyEdition) -> str:
    return _table(
        ("rule", "figure", "from", "level", "freezes"),
        (
            (rule.code, rule.figure, rule.at_least, rule.level, "yes" if rule.freeze else "no")
            for rule in edition.monitoring.rules
        ),
    )


def reminders(edition: PolicyEdition) -> str:
    return _table(
        ("letter", "days past due"),
        ((step.code, step.days_past_due) for step in edition.monitoring.reminders),
    )


def clocks(edition: PolicyEdition) -> str:
    silence, policy = edition.silence, edition.monitoring
    return _table(
        ("value", ""),
        (
            ("working hours of", edition.approval.calendar),
            (
                "units with hours of their own",
                _named([r.unit for r in edition.approval.hours], "none"),
            ),
            (
                "days unlike the calendar",
                _named([row.code for row in edition.approval.days], "none"),
            ),
            ("waited for from ourselves", _named(edition.turnaround.ours, "none")),
            ("waited for from third parties", _named(edition.turnaround.third_party, "none")),
            ("usual is what tasks took within", f"{edition.turnaround.usual_days} days"),
            ("of a position at least", f"{edition.turnaround.usual_tasks_min} tasks"),
            ("and at most the newest", f"{edition.turnaround.usual_tasks_max} tasks"),
            ("approval letter valid", f"{edition.approval.letter_valid_days} days"),
            (
                "offer to the customer open for",
                f"{edition.offer.valid_days} days" if edition.offer.valid_days else "none is made",
            ),
            (
                "a declined case reconsidered within",
                f"{edition.approval.reconsideration.days_max} days"
                if edition.approval.reconsideration.days_max
                else "never",
            ),
            (
                "a lapse in the approvers' silence recovered within",
                f"{edition.approval.recovery.days_max} days"
                if edition.approval.recovery.days_max
                else "never",
            ),
            ("contract to be signed within", f"{edition.contract.signing_days} days"),
            ("incomplete application lapses after", f"{silence.incomplete_hours} h"),
            ("returned application lapses after", f"{silence.returned_hours} h"),
            ("suspended application lapses after", f"{silence.suspended_hours} h"),
            ("case that lacks the investigators' report alone", f"{silence.investigation_hours} h"),
            ("screening counts for activation", f"{edition.screening.age_days_max} days"),
            ("newest statement, at most", f"{edition.completeness.statement_age_days_max} days"),
            ("exchange rate, at most", f"{edition.exchange.rate_age_days_max} days"),
            ("payment record looks back", f"{edition.payments.window_days} days"),
            ("reservation holds", f"{edition.line.reservation_minutes} minutes"),
            ("a use waits for approval and release", f"{edition.uses.wait_days} days"),
            ("last draw before the line's end", f"{edition.line.last_draw_days_before_end} days"),
            (
                "a use due after the line's end, at most",
                f"{edition.line.maturity_days_after_end} days",
            ),
            ("temporary limit, longest", f"{edition.temporary.days_max} days"),
            ("book is looked at again after", f"{policy.recheck_hours} h"),
            ("days without arrears before a cure", policy.cure_days),
        ),
    )


def others(edition: PolicyEdition) -> str:
    return _table(
        ("value", ""),
        (
            ("reporting currency", edition.reporting_currency),
            ("exchange rate", edition.exchange.rate_kind),
            ("completeness floor", _percent(edition.completeness.share_min)),
            ("days in a year", edition.spreading.year_days),
            ("decimals of a figure", edition.spreading.decimals),
            ("invoices that make a payment record", edition.payments.invoices_min),
            ("temporary limit on top of the line's", _percent(edition.temporary.share_max)),
            ("collection case from", edition.monitoring.collection_level),
            ("payment lifts freezes of", _named(edition.monitoring.cure_levels, "none")),
            (
                "accounts are to be confirmed",
                f"every {edition.confirmation.every_months} months"
                if edition.confirmation.every_months
                else "never",
            ),
            ("by who owes at least", _amount(edition.confirmation.amount_min)),
            ("within", f"{edition.confirmation.days} days"),
            ("a difference is cleared up within", f"{edition.confirmation.difference_days} days"),
            ("silence after that raises", edition.confirmation.level),
            ("and holds orders", "yes" if edition.confirmation.hold else "no"),
            ("barred industries", _named(edition.screening.barred_industries, "none")),
        ),
    )


def doubts(edition: PolicyEdition) -> str:
    policy = edition.authenticity
    tie, over = (
        _percent(policy.tie_tolerance or Decimal(0)),
        policy.turnover_tolerance or Decimal(0),
    )
    rows = [
        ("cash_untied", f"cash opens otherwise than it closed, by over {tie} of total assets"),
        ("retained_untied", f"retained earnings rose by over the profit and {tie} of total assets"),
        (
            "round_figures",
            f"over {_percent(policy.round_share_max)} of {policy.round_items_min} or more reported"
            f" figures are multiples of {_amount(policy.round_to)}, and the source does not round so",
        ),
        ("turnover_unsupported", f"the newest revenue is over {_percent(over)} above the invoices"),
    ]
    for band in policy.bands:
        bounds = [f"below {band.at_least}"] if band.at_least is not None else []
        bounds += [f"above {band.at_most}"] if band.at_most is not None else []
        where = f"in {_named(band.industries, 'any industry')}"
        rows.append((band.code, f"{band.figure} {' or '.join(bounds)} {where}"))
    return _table(
        ("finding", "when", "to people"),
        ((code, when, "yes" if code in policy.refer else "no") for code, when in rows),
    )


def tolerances(edition: PolicyEdition) -> str:
    return _table(
        ("tolerance", "at most", "of what", "in the edition"),
        (
            (
                row.code,
                "not compared" if row.value is None else f"{row.value:f}",
                row.unit,
                row.field,
            )
            for row in tolerances_of(edition)
        ),
    )


def quanta(edition: PolicyEdition) -> str:
    """What figures are rounded to, from the code that rounds them."""
    by_places: dict[int, list[str]] = {}
    for code in sorted(CURRENCIES):
        by_places.setdefault(exponent_of(code), []).append(code)
    usual = max(by_places, key=lambda places: len(by_places[places]))
    money = [
        (
            f"money in {'all other currencies' if places == usual else ', '.join(codes)}",
            f"{Decimal(1).scaleb(-places):f}",
        )
        for places, codes in sorted(by_places.items())
    ]
    return _table(
        ("figure", "quantum"),
        (
            *money,
            ("figures and ratios of a case", f"{Decimal(1).scaleb(-edition.spreading.decimals):f}"),
            ("PD of a score", f"{Decimal(1).scaleb(-PD_DECIMALS):f}"),
            ("points and scores", "none: read from tables and added"),
            ("annual rates", f"{edition.price.rate_step:f}, upwards"),
            ("limits", f"{edition.limit.lot:f} {edition.reporting_currency}, downwards"),
            ("limits in another currency", f"{edition.limit.lot_foreign:f}, downwards"),
            ("exchange rates computed from others", "10 significant digits"),
        ),
    )


def reports(edition: PolicyEdition) -> str:
    return _table(
        ("report", "providers, in order", "days it counts", "authorisation"),
        (
            (
                row.kind,
                _named(row.providers),
                row.age_days_max,
                "needed" if row.authorisation_needed else "not needed",
            )
            for row in edition.reports
        ),
    )


def external_ratings(edition: PolicyEdition) -> str:
    policy = edition.external_ratings
    return _table(
        ("our grade", *policy.agencies, "from", "until"),
        (
            (
                grade,
                *(
                    _named(
                        (
                            rating
                            for row in policy.rows
                            if (row.agency, row.grade, *_days(row)) == (agency, grade, *days)
                            for rating in row.ratings
                        ),
                        "—",
                    )
                    for agency in policy.agencies
                ),
                *days,
            )
            for grade in edition.grades
            for days in dict.fromkeys(_days(row) for row in policy.rows if row.grade == grade)
        ),
    )


def _days(row: Dated) -> tuple[str, str]:
    return str(row.effective_from or "always"), str(row.effective_until or "open")


def duplicates(edition: PolicyEdition) -> str:
    policy = edition.duplicates
    return _table(
        ("hint", "worth"),
        (
            ("the same name", policy.name_same),
            (f"a name alike from {policy.name_alike_min}", policy.name_alike),
            ("a code under another scheme", policy.identifier),
            ("one mail domain beside it", policy.mail_domain),
            ("an invoice on both", policy.invoice),
            ("told from a score of", policy.score_min),
            ("domains that say nothing", _named(policy.mail_domains_shared)),
        ),
    )


def investigations(edition: PolicyEdition) -> str:
    return _table(
        ("row", "types", "segments", "new or existing", "products", "amount above"),
        (
            (
                row.code,
                _named(row.application_types),
                _named(row.segments),
                _named(row.relations),
                _named(row.products),
                _amount(row.amount_above),
            )
            for row in edition.investigation.rows
        ),
    )


def diligence(edition: PolicyEdition) -> str:
    def said(item: DiligenceItem) -> str:
        return f"{item.code} *" if item.evidence else item.code

    return _table(
        ("checklist", "customers", "required", "optional", "visits", "statements", "counts, days"),
        (
            (
                each.code,
                _named((*each.segments, *each.relations)),
                _named(said(item) for item in each.items if item.required),
                _named((said(item) for item in each.items if not item.required), "none"),
                each.visits_min,
                each.statements_min,
                each.age_days_max,
            )
            for each in edition.investigation.checklists
        ),
    )


def materiality(edition: PolicyEdition) -> str:
    return _table(
        ["fact", "change", "up to", "voids"],
        (
            [
                row.field,
                row.change,
                "any" if row.up_to is None else _percent(row.up_to),
                _named(row.positions) if row.positions else row.voids,
            ]
            for row in edition.approval.materiality
        ),
    )


TABLES: dict[str, Callable[[PolicyEdition], str]] = {
    each.__name__: each
    for each in (
        completeness,
        types,
        materiality,
        figures,
        choices,
        scorecard,
        weights,
        grades,
        knock_outs,
        overrides,
        methods,
        products,
        covers,
        outlooks,
        caps,
        appetite,
        terms,
        late,
        checks,
        exclusions,
        check_settings,
        matrix,
        classification,
        limit,
        price,
        approval,
        tiers,
        bodies,
        authority,
        splitting,
        automatic,
        conditions,
        requirements,
        uses,
        review,
        idle,
        excess,
        warnings,
        reminders,
        clocks,
        others,
        doubts,
        tolerances,
        quanta,
        reports,
        external_ratings,
        duplicates,
        investigations,
        diligence,
    )
}


if __name__ == "__main__":
    DOC.write_text(with_tables(DOC.read_text("utf-8"), read_shipped()), "utf-8")
