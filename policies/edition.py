"""Does an edition hold together? What must be true of its tables before it may be published.

Tables are total, without gap or overlap; names point at something; what should rise with risk
rises; and no value is there that nothing reads. The sentences are for whoever writes policy.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any, get_args
from zoneinfo import available_timezones

from pydantic import BaseModel

from domain.application import ApplicationType
from domain.approval import VOTING_OF, SilenceAct, StepMode
from domain.assessment import Missing
from domain.check import Act, Bucket, RuleKind, Stage
from domain.classification import FiveTier
from domain.cover import CoverClass
from domain.customer import Segment
from domain.edition import (
    FIGURES,
    AnalystRule,
    ApprovalPolicy,
    ApprovalStep,
    CalendarRow,
    CapScope,
    CheckExclusion,
    CheckPolicy,
    CheckRule,
    ConcentrationCap,
    Dated,
    Factor,
    FloatingRow,
    KnockOutEffect,
    MappingRow,
    MaterialChange,
    MaterialityRow,
    PolicyEdition,
    Relation,
    Scorecard,
    Tier,
    Trend,
    TypeRule,
    Voids,
)
from domain.errors import EditionInvalid
from domain.excess import EXCESS_DAYS
from domain.external_rating import AGENCY_RATING, EXTERNAL_RATING
from domain.investigation import INVESTIGATION_REPORT
from domain.value import Value
from policies.authenticity import CHECKS
from policies.calendar import calendar_of, work_calendar
from policies.check import GRACED_BY_DAYS, GRACED_BY_SHARE, act_of
from policies.form import rule_of
from policies.formula import compiled_formula, dependencies
from policies.investigation import checklists_for
from policies.scorecard import SCORE_MAX, Choices, bins_table
from policies.spreading import EXTERNAL_NAMES, NAMES, PAYMENT_NAMES, TEXT_NAMES, judged_figures
from policies.table import Table
from policies.tables import AGGREGATE, COVER, GRADE, PRICED_BELOW, RELATED_TO, approval_table
from policies.warning import OVERDUE_OF_LIMIT

_SENTENCES: dict[str, tuple[str, str]] = {
    "gap": ("no row holds for {where}", "{where} 没有对应的行"),
    "overlap": ("several rows hold for {where}: {rows}", "{where} 同时符合多行：{rows}"),
    "unknown": ("{name} is not known here", "{name} 在此处未定义"),
    "cycle": ("the figure rests on itself", "该指标引用了自身"),
    "formula": ("{reason}", "公式有误：{reason}"),
    "repeated": ("{name} is there twice", "{name} 重复"),
    "order": ("{first} and {second} are not in order", "{first} 与 {second} 次序不当"),
    "sum": ("the sum is {found}, not {wanted}", "合计为 {found}，应为 {wanted}"),
    "grades": ("the grades are {found}, not {wanted}", "等级为 {found}，应为 {wanted}"),
    "trend": (
        "points go from {first} to {second} at {where} and should be {trend}",
        "在 {where} 处分值由 {first} 变为 {second}，与申明方向 {trend} 不符",
    ),
    "idle": ("every range earns {points}: it decides nothing", "各分段均得 {points} 分，不起作用"),
    "unread": ("nothing reads this value", "该值未被任何规则使用"),
    "incomplete": ("{name} is missing", "缺少 {name}"),
    "range": ("{found} is not from {least} to {most}", "{found} 不在 {least} 至 {most} 之间"),
    "never": ("it can never apply: {reason}", "永远不会适用：{reason}"),
}


class Finding(Value):
    """One thing wrong with an edition: where, what, and a sentence in each language."""

    path: str
    code: str
    facts: dict[str, str] = {}

    def sentence(self, language: str = "en") -> str:
        english, chinese = _SENTENCES[self.code]
        template = chinese if language.startswith("zh") else english
        facts = self.facts
        if "reason" in facts and template is chinese:
            facts = facts | {"reason": facts.get("reason_zh", facts["reason"])}
        return f"{self.path}: {template.format_map(facts)}"

    @property
    def as_reason(self) -> dict[str, str]:
        """The facts of a refusal for it: its code, and its sentence in each language."""
        return {
            "reason_code": self.code,
            "reason": self.sentence("en"),
            "reason_zh": self.sentence("zh"),
        }


def check(edition: PolicyEdition) -> list[Finding]:
    """Everything wrong with an edition; an empty list may be published."""
    return [finding for rule in _RULES for finding in rule(edition)]


def refuse_unsound(edition: PolicyEdition) -> None:
    """Refuses `EditionInvalid` with the first finding, if there is any."""
    findings = check(edition)
    if findings:
        raise EditionInvalid(**findings[0].as_reason)


def _found(path: str, code: str, **facts: object) -> Finding:
    return Finding(path=path, code=code, facts={key: str(fact) for key, fact in facts.items()})


# ── Figures and scorecard ────────────────────────────────────────────────────────────────────────


def _figures(edition: PolicyEdition) -> Iterator[Finding]:
    """Every formula is one, over names that exist, and rests on no figure that rests on it."""
    figures = edition.spreading.figures
    for code, text in figures.items():
        path = f"spreading.figures.{code}"
        try:
            names = compiled_formula(text).names
        except EditionInvalid as error:
            said = {name: error.facts[name] for name in ("reason", "reason_zh")}
            yield _found(path, "formula", **said)
            return
        yield from (
            _found(path, "unknown", name=name)
            for name in names
            if name not in figures and name not in NAMES
        )
        if code in NAMES | TEXT_NAMES:
            yield _found(path, "repeated", name=code)
    for code in figures:
        if code in dependencies(figures, code):
            yield _found(f"spreading.figures.{code}", "cycle")


def _figures_read(edition: PolicyEdition) -> Iterator[Finding]:
    """Every figure is judged by, rested on, or declared as shown only."""
    figures = edition.spreading.figures
    try:
        read = judged_figures(edition)
    except EditionInvalid:
        return  # a formula that is none was found already
    for code in figures:
        if code not in read and code not in edition.spreading.shown:
            yield _found(f"spreading.figures.{code}", "unread")
    # A figure may be declared as shown and be judged by too: a scorecard that comes to use it changes
    # nothing about its being shown.
    for code in dict.fromkeys(edition.spreading.shown):
        if code not in figures:
            yield _found("spreading.shown", "unknown", name=code)
        elif edition.spreading.shown.count(code) > 1:
            yield _found("spreading.shown", "repeated", name=code)


def _figure_references(edition: PolicyEdition) -> Iterator[Finding]:
    """Whatever is judged by a figure names one that exists."""
    numeric = NAMES | edition.spreading.figures.keys()
    judged = numeric | TEXT_NAMES
    payment = PAYMENT_NAMES | {OVERDUE_OF_LIMIT, EXCESS_DAYS}
    references = [
        *(
            (f"{path}.factors.{each.code}", each.figure, judged)
            for path, card in _cards(edition)
            for each in card.factors
        ),
        *((f"knock_outs.{each.code}", each.figure, judged) for each in edition.knock_outs),
        *(
            (f"limit.methods.{code}", method.figure, numeric)
            for code, method in edition.limit.methods.items()
        ),
        *(
            (f"monitoring.rules.{rule.code}", rule.figure, payment)
            for rule in edition.monitoring.rules
        ),
    ]
    for path, figure, known in references:
        if figure not in known:
            yield _found(f"{path}.figure", "unknown", name=figure)


def _choices(edition: PolicyEdition) -> Iterator[Finding]:
    """For every customer there is exactly one scorecard."""
    cards = tuple(edition.scorecards.values())
    choices = Choices(cards)
    yield from _total("scorecards", choices.table)
    known = NAMES | edition.spreading.figures.keys()
    for path, card in _cards(edition):
        choice = card.choice
        for code in (*choice.present, *choice.absent):
            if code not in known:
                yield _found(f"{path}.choice", "unknown", name=code)
        for code in set(choice.present) & set(choice.absent):
            yield _found(f"{path}.choice", "repeated", name=code)


def _scorecards(edition: PolicyEdition) -> Iterator[Finding]:
    """Bins are total, and each group's best points add up to its weight, all to a hundred."""
    for path, card in _cards(edition):
        yield from faults_of_card(path, card)
        yield from _floors(path, card, edition)


def _analysts(edition: PolicyEdition) -> Iterator[Finding]:
    """What an analyst may supply for a factor is the same wherever a scorecard has that factor."""
    said: dict[str, tuple[str, AnalystRule | None]] = {}
    for card in edition.scorecards.values():
        for factor in card.factors:
            if factor.missing is Missing.ANALYST:
                asked = (factor.figure, factor.analyst)
                if said.setdefault(factor.code, asked) != asked:
                    yield _found("scorecards", "repeated", name=factor.code)


def faults_of_card(path: str, card: Scorecard) -> Iterator[Finding]:
    """What is wrong with a scorecard whatever the edition it is in."""
    yield from _repeated(f"{path}.factors", (factor.code for factor in card.factors))
    for factor in card.factors:
        yield from _total(f"{path}.factors.{factor.code}.bins", bins_table(factor))
        yield from _bin_kinds(path, factor)
        yield from _trend(path, factor)
        if factor.group not in card.weights:
            yield _found(f"{path}.factors.{factor.code}.group", "unknown", name=factor.group)
    yield from _weights(path, card)
    neutral = any(factor.missing is Missing.NEUTRAL for factor in card.factors)
    if card.neutral_share and not neutral:
        yield _found(f"{path}.neutral_share", "unread")


def _weights(path: str, card: Scorecard) -> Iterator[Finding]:
    for group, weight in card.weights.items():
        best = sum(
            (factor.points_max for factor in card.factors if factor.group == group), Decimal(0)
        )
        if best != weight:
            yield _found(f"{path}.weights.{group}", "sum", found=best, wanted=weight)
    total = sum(card.weights.values(), Decimal(0))
    if total != SCORE_MAX:
        yield _found(f"{path}.weights", "sum", found=total, wanted=SCORE_MAX)


def _floors(path: str, card: Scorecard, edition: PolicyEdition) -> Iterator[Finding]:
    """Every grade has a floor, lower for each that is worse, and every score has a grade."""
    floors = card.score_min
    if set(floors) != set(edition.grades):
        found, wanted = ", ".join(floors), ", ".join(edition.grades)
        yield _found(f"{path}.score_min", "grades", found=found, wanted=wanted)
        return
    for better, worse in pairwise(edition.grades):
        if floors[worse] >= floors[better]:
            yield _found(
                f"{path}.score_min.{worse}", "order", first=floors[better], second=floors[worse]
            )
    least = floors[edition.grades[-1]]
    if least > 0:
        yield _found(f"{path}.score_min", "gap", where=f"0 to {least}")
    best = edition.grades[0]
    if card.odds is None and floors[best] > SCORE_MAX:
        yield _found(f"{path}.score_min.{best}", "unread")


def _trend(path: str, factor: Factor) -> Iterator[Finding]:
    """Points follow the declared trend, and are not the same everywhere."""
    path = f"{path}.factors.{factor.code}"
    points = {each.points for each in factor.bins}
    if len(points) == 1:
        yield _found(f"{path}.bins", "idle", points=points.pop())
    if factor.trend is None:
        return
    if factor.figure in TEXT_NAMES:
        yield _found(f"{path}.trend", "unread")
        return
    # The bin without a lower bound comes first; None would not compare.
    bins = sorted(factor.bins, key=lambda each: (each.at_least is not None, each.at_least or 0))
    for lower, upper in pairwise(bins):
        wrong = upper.points < lower.points
        if factor.trend is Trend.FALLING:
            wrong = upper.points > lower.points
        if wrong:
            yield _found(
                f"{path}.bins",
                "trend",
                first=lower.points,
                second=upper.points,
                where=upper.at_least,
                trend=factor.trend,
            )


def _bin_kinds(path: str, factor: Factor) -> Iterator[Finding]:
    """A number has bounds and a category has names; the other would never be read."""
    categorical = factor.figure in TEXT_NAMES
    for place, each in enumerate(factor.bins):
        bounded = each.at_least is not None or each.below is not None
        if bounded if categorical else bool(each.categories):
            yield _found(f"{path}.factors.{factor.code}.bins.{place}", "unread")
    if factor.missing is Missing.POINTS and factor.missing_points is None:
        yield _found(f"{path}.factors.{factor.code}", "incomplete", name="missing_points")
    if factor.missing is not Missing.POINTS and factor.missing_points is not None:
        yield _found(f"{path}.factors.{factor.code}.missing_points", "unread")
    yield from _analyst_rule(f"{path}.factors.{factor.code}", factor)


def _analyst_rule(path: str, factor: Factor) -> Iterator[Finding]:
    """An analyst's figure has bounds in order, and a figure that may be missing."""
    rule = factor.analyst
    if factor.missing is not Missing.ANALYST:
        if rule is not None:
            yield _found(f"{path}.analyst", "unread")
        return
    if factor.figure in TEXT_NAMES:
        yield _found(f"{path}.missing", "unread")
    if rule is None:
        yield _found(path, "incomplete", name="analyst")
    elif rule.at_most <= rule.at_least:
        yield _found(f"{path}.analyst", "order", first=rule.at_least, second=rule.at_most)


def _master_scale(edition: PolicyEdition) -> Iterator[Finding]:
    """Best first: PDs rise, and who gets none comes last."""
    yield from _repeated("master_scale", edition.grades)
    for better, worse in pairwise(edition.master_scale):
        path = f"master_scale.{worse.grade}"
        if worse.pd <= better.pd:
            yield _found(f"{path}.pd", "order", first=better.pd, second=worse.pd)
        if worse.lendable and not better.lendable:
            yield _found(f"{path}.lendable", "order", first=better.grade, second=worse.grade)


def _knock_outs(edition: PolicyEdition) -> Iterator[Finding]:
    yield from _repeated("knock_outs", (rule.code for rule in edition.knock_outs))
    for rule in edition.knock_outs:
        path = f"knock_outs.{rule.code}"
        if rule.at_least is None and rule.below is None and not rule.categories:
            yield _found(path, "incomplete", name="at_least, below, categories")
        if rule.effect is KnockOutEffect.CAP:
            if rule.grade_max not in edition.grades:
                yield _found(f"{path}.grade_max", "unknown", name=rule.grade_max)
        elif rule.grade_max is not None:
            yield _found(f"{path}.grade_max", "unread")


# ── Tables by grade ──────────────────────────────────────────────────────────────────────────────


def _override(edition: PolicyEdition) -> Iterator[Finding]:
    """One officer may do no more than two, and where any may do anything, reasons are listed."""
    policy = edition.override
    for way in ("up", "down"):
        alone, most = getattr(policy, f"alone_{way}_max"), getattr(policy, f"{way}_max")
        if alone > most:
            yield _found(f"override.alone_{way}_max", "order", first=alone, second=most)
    yield from _repeated("override.reasons", policy.reasons)
    allowed = policy.up_max or policy.down_max
    if allowed and not policy.reasons:
        yield _found("override.reasons", "incomplete", name="reasons")
    if policy.reasons and not allowed:
        yield _found("override.reasons", "unread")


def _by_grade(edition: PolicyEdition) -> Iterator[Finding]:
    """Every table by grade has every grade, and does not treat a worse one better."""
    falling: dict[str, Mapping[str, Decimal | int]] = {
        "limit.grade_cap": edition.limit.grade_cap,
        "contract.payment_days": edition.contract.payment_days,
        "review.cycle_months": edition.review.cycle_months,
        **{
            f"limit.methods.{code}.share": method.share
            for code, method in edition.limit.methods.items()
        },
    }
    for path, table in falling.items():
        yield from _graded(path, table, edition, rising=False)
    yield from _graded("price.margin_min", edition.price.margin_min, edition, rising=True)


def _graded(
    path: str, table: Mapping[str, Decimal | int], edition: PolicyEdition, *, rising: bool
) -> Iterator[Finding]:
    if set(table) != set(edition.grades):
        found, wanted = ", ".join(table), ", ".join(edition.grades)
        yield _found(path, "grades", found=found, wanted=wanted)
        return
    for better, worse in pairwise(edition.grades):
        first, second = table[better], table[worse]
        if (second < first) if rising else (second > first):
            yield _found(f"{path}.{worse}", "order", first=first, second=second)


# ── Limit, approval, contract ────────────────────────────────────────────────────────────────────


def _limit(edition: PolicyEdition) -> Iterator[Finding]:
    """Products name methods that exist, and every method is some product's."""
    policy = edition.limit
    used = set()
    for code, product in policy.products.items():
        yield from _repeated(f"limit.products.{code}.methods", product.methods)
        for method in product.methods:
            used.add(method)
            if method not in policy.methods:
                yield _found(f"limit.products.{code}.methods", "unknown", name=method)
    for method in policy.methods.keys() - used:
        yield _found(f"limit.methods.{method}", "unread")


def _approval(edition: PolicyEdition) -> Iterator[Finding]:
    """For every case exactly one row holds for any aggregate above zero; more to be afraid of never
    asks a lower tier; what rows name exists, and what they ask about can be."""
    policy = edition.approval
    yield from _repeated("approval.rows", (row.code for row in policy.rows))
    table = approval_table(policy.rows, edition.limit.products)
    yield from _total(
        "approval.rows",
        table,
        beyond=lambda where: where[AGGREGATE] == ".. to 0" or where[GRADE] == "any other",
    )
    named = {grade for row in policy.rows for grade in row.grades}
    for grade in edition.grades:
        if grade not in named:
            yield _found("approval.rows", "gap", where=f"grade={grade}")
    yield from _never_lower(table, edition)
    unknown = named - set(edition.grades)
    products = {code for row in policy.rows for code in row.products}
    unknown |= products - edition.limit.products.keys()
    yield from (_found("approval.rows", "unknown", name=name) for name in sorted(unknown))
    yield from _row_facts(edition)


# What is more to be afraid of, from the least on.
_WORSE: dict[str, tuple[str, ...]] = {
    COVER: tuple(each.value for each in CoverClass),
    "exception": ("no", "yes"),
    PRICED_BELOW: ("no", "yes"),
    RELATED_TO: ("no", "yes"),
}


def _never_lower(table: Table, edition: PolicyEdition) -> Iterator[Finding]:
    """From one region of the table to the next worse one, the tier does not fall."""
    ladders = {
        name: [segment for segment, _ in column.segments()]
        if name == AGGREGATE
        else list(_WORSE[name])
        for name, column in table.columns.items()
        if name in (AGGREGATE, *_WORSE)
    }
    held = {
        tuple(where.items()): edition.approval.rows[rows[0]]
        for where, rows in table.regions()
        if len(rows) == 1
    }
    told = set()
    for where, lower in held.items():
        for name, ladder in ladders.items():
            here = dict(where)
            place = ladder.index(here[name]) + 1
            if place == len(ladder):
                continue
            upper = held.get(tuple((here | {name: ladder[place]}).items()))
            if upper is None or upper is lower or (lower.code, upper.code) in told:
                continue
            first, second = _level(lower.steps, edition), _level(upper.steps, edition)
            if second < first:
                told.add((lower.code, upper.code))
                yield _found(f"approval.rows.{upper.code}", "order", first=first, second=second)


def _row_facts(edition: PolicyEdition) -> Iterator[Finding]:
    """Classes of cover are told where rows go by them; no row waits for cases that never reach it."""
    rows = edition.approval.rows
    by_cover = any(row.covers for row in rows)
    for kind, rule in edition.limit.covers.items():
        path = f"limit.covers.{kind}.counts_as"
        if by_cover and rule.counts_as is None:
            yield _found(path, "incomplete", name="counts_as")
        if not by_cover and rule.counts_as is not None:
            yield _found(path, "unread")
    if edition.related.body is not None:
        yield from (
            _found(f"approval.rows.{row.code}.related", "unread")
            for row in rows
            if row.related is not None
        )


def _tiers(edition: PolicyEdition) -> Iterator[Finding]:
    """Steps name tiers that exist, every tier is some step's, and reminders come before deadlines."""
    policy = edition.approval
    named = {step.tier for step in _all_steps(edition)}
    for tier in named - policy.tiers.keys():
        yield _found("approval.rows", "unknown", name=tier)
    for code, tier_row in policy.tiers.items():
        if code not in named:
            yield _found(f"approval.tiers.{code}", "unread")
        if tier_row.remind_hours >= tier_row.deadline_hours:
            yield _found(
                f"approval.tiers.{code}.remind_hours",
                "order",
                first=tier_row.remind_hours,
                second=tier_row.deadline_hours,
            )
        yield from _silence_levels(f"approval.tiers.{code}.levels", tier_row)


def _silence_levels(path: str, tier: Tier) -> Iterator[Finding]:
    """Levels are each other's, name whom they turn to, and come before the step lapses."""
    lapses = tier.deadline_hours + tier.lapse_hours
    yield from _repeated(path, (f"{row.act} {row.hours} {row.to or ''}" for row in tier.levels))
    for place, row in enumerate(tier.levels):
        if row.hours >= lapses:
            yield _found(f"{path}.{place}.hours", "order", first=row.hours, second=lapses)
        if row.act is SilenceAct.REMIND:
            if row.to is not None:
                yield _found(f"{path}.{place}.to", "unread")
        elif row.to is None and (row.act is SilenceAct.REASSIGN or tier.escalate_to is None):
            yield _found(f"{path}.{place}.to", "incomplete", name="to")


def _calendar(edition: PolicyEdition) -> Iterator[Finding]:
    """Calendars and zones exist, offices open before they close, and one row says what a day is."""
    policy = edition.approval
    unknown = []
    for path, name in [
        ("approval.calendar", policy.calendar),
        *((f"approval.hours.{row.unit or 'all'}.calendar", row.calendar) for row in policy.hours),
    ]:
        try:
            work_calendar(name or policy.calendar)
        except EditionInvalid:
            unknown.append(_found(path, "unknown", name=name))
    yield from unknown
    if unknown:
        return
    yield from _repeated("approval.hours", (row.unit or "all" for row in policy.hours))
    yield from _repeated("approval.days", (row.code for row in policy.days))
    for each in policy.hours:
        if each.zone is not None and each.zone not in available_timezones():
            yield _found(f"approval.hours.{each.unit or 'all'}.zone", "unknown", name=each.zone)
        plain = calendar_of(policy, each.unit)
        if plain.opens >= plain.closes:
            yield _found(
                f"approval.hours.{each.unit or 'all'}",
                "order",
                first=plain.opens,
                second=plain.closes,
            )
    for row in policy.days:
        yield from _calendar_row(row, policy)
    for first, second in combinations(policy.days, 2):
        if first.unit == second.unit and _meet(first, second):
            yield _found("approval.days", "overlap", where=first.code, rows=second.code)


def _calendar_row(row: CalendarRow, policy: ApprovalPolicy) -> Iterator[Finding]:
    path = f"approval.days.{row.code}"
    yield from _dates(path, row)
    plain = calendar_of(policy, row.unit)
    opens = plain.opens if row.opens is None else row.opens
    closes = plain.closes if row.closes is None else row.closes
    if (row.opens, row.closes) != (None, None) and (opens >= closes or row.works is False):
        yield _found(path, "order", first=opens, second=closes)
    if row.works is None and row.opens is None and row.closes is None:
        yield _found(path, "unread")
    # A day off for ever would leave no day to wait for.
    if row.works is not None and (row.effective_from is None or row.effective_until is None):
        yield _found(path, "incomplete", name="effective_from, effective_until")


def _meet(first: Dated, second: Dated) -> bool:
    """Whether two dated rows hold on one day."""
    begins = max(first.effective_from or date.min, second.effective_from or date.min)
    return begins <= min(first.effective_until or date.max, second.effective_until or date.max)


def _turnaround(edition: PolicyEdition) -> Iterator[Finding]:
    """A code is one party's, and one that a case may wait for."""
    policy = edition.turnaround
    yield from _repeated("turnaround", (*policy.ours, *policy.third_party))
    if policy.usual_tasks_min > policy.usual_tasks_max:
        first, second = policy.usual_tasks_min, policy.usual_tasks_max
        yield _found("turnaround.usual_tasks_min", "order", first=first, second=second)
    waited_for = {
        INVESTIGATION_REPORT,
        "screening",
        *(row.code for row in edition.contract.conditions),
        *(
            code.partition(":")[0]
            for each in edition.completeness.checklists
            for code in (*each.required, *each.optional)
        ),
    }
    for code in sorted({*policy.ours, *policy.third_party} - waited_for):
        yield _found("turnaround", "unknown", name=code)


def _authority(edition: PolicyEdition) -> Iterator[Finding]:
    """Superiors and certificates are of positions that somebody is asked as; warnings come once."""
    policy = edition.approval.authority
    asked = {position for step in _all_steps(edition) for position in step.positions}
    asked |= {tier.escalate_to for tier in edition.approval.tiers.values() if tier.escalate_to}
    for section, names in (
        ("superiors", (*policy.superiors, *policy.superiors.values())),
        ("certificates", tuple(policy.certificates)),
    ):
        for name in sorted(set(names) - asked):
            yield _found(f"approval.authority.{section}", "unknown", name=name)
    for position, above in policy.superiors.items():
        if position == above:
            yield _found("approval.authority.superiors", "repeated", name=position)
    days = (str(each) for each in policy.certificate_warning_days)
    yield from _repeated("approval.authority.certificate_warning_days", days)


def _voting(edition: PolicyEdition) -> Iterator[Finding]:
    """What a step says of its vote is read by its mode, and one position has one seat."""
    for step in _all_steps(edition):
        where = f"approval.rows.{step.tier}.{step.mode}"
        plain = type(step)(tier=step.tier, mode=step.mode, positions=step.positions)
        for name in step.voting:
            said = getattr(step, name) != getattr(plain, name)
            if said and name not in VOTING_OF.get(step.mode, ()):
                yield _found(f"{where}.{name}", "unread")
        yield from _repeated(f"{where}.positions", step.positions)


def _reviewed(edition: PolicyEdition) -> Iterator[Finding]:
    """Where large cases are reviewed first, every row that they may reach has the step; and an
    opinion, which is no vote, is nobody's last word."""
    bound = edition.approval.review_above
    for row in edition.approval.rows:
        path = f"approval.rows.{row.code}.steps"
        reached = bound is not None and (row.up_to is None or row.up_to > bound)
        if reached and all(step.mode is not StepMode.OPINION for step in row.steps):
            yield _found(path, "incomplete", name="opinion")
        if row.steps[-1].mode is StepMode.OPINION:
            yield _found(path, "incomplete", name="one, all, any, some, ratio, turn, committee")


def _materiality(edition: PolicyEdition) -> Iterator[Finding]:
    """Every row can be reached, and names positions where it says that it does, which are asked."""
    asked = {position for step in _all_steps(edition) for position in step.positions}
    before: list[MaterialityRow] = []
    for place, row in enumerate(edition.approval.materiality):
        path = f"approval.materiality.{place}"
        if bool(row.positions) != (row.voids is Voids.POSITIONS):
            yield _found(f"{path}.positions", "incomplete" if not row.positions else "unread",
                         name="positions")  # fmt: skip
        yield from (
            _found(f"{path}.positions", "unknown", name=name)
            for name in row.positions
            if name not in asked
        )
        of_figure = row.field in FIGURES
        if not of_figure and (row.change is not MaterialChange.ANY or row.up_to is not None):
            yield _found(f"{path}.change", "unread")
        for earlier in before:
            wider = earlier.change in (MaterialChange.ANY, row.change)
            further = earlier.up_to is None or (
                row.up_to is not None and row.up_to <= earlier.up_to
            )
            if earlier.field is row.field and wider and further:
                yield _found(path, "overlap", where=row.field, rows=earlier.field)
                break
        before.append(row)


def _all_steps(edition: PolicyEdition) -> list[ApprovalStep]:
    policy = edition.approval
    steps = [*(step for row in policy.rows for step in row.steps), policy.price_exception]
    steps += [policy.above_eligible.step] if policy.above_eligible is not None else []
    steps += [step for _, rule in rules_of_types(edition) for step in rule.steps]
    steps += [row.step for row in edition.uses.rows if row.step is not None]
    return steps + ([edition.related.body] if edition.related.body is not None else [])


def rules_of_types(edition: PolicyEdition) -> Iterator[tuple[ApplicationType, TypeRule]]:
    """The types that have a rule of their own, each with it."""
    for kind in ApplicationType:
        rule = rule_of(kind, edition)
        if rule is not None:
            yield kind, rule


def _automatic(edition: PolicyEdition) -> Iterator[Finding]:
    lane = edition.approval.automatic
    if lane.grade_min not in edition.grades:
        yield _found("approval.automatic.grade_min", "unknown", name=lane.grade_min)
    for both in set(lane.application_types) & set(lane.always):
        yield _found("approval.automatic.always", "repeated", name=both)


def _contract(edition: PolicyEdition) -> Iterator[Finding]:
    """Conditions are asked of grades and products that exist."""
    policy = edition.contract
    for section in ("conditions", "requirements"):
        for row in getattr(policy, section):
            strange = [grade for grade in row.grades if grade not in edition.grades]
            strange += [code for code in row.products if code not in edition.limit.products]
            for name in strange:
                yield _found(f"contract.{section}.{row.code}", "unknown", name=name)


def _uses(edition: PolicyEdition) -> Iterator[Finding]:
    """Rows name products that exist, and none is kept from every use by one before it."""
    yield from _repeated("uses.rows", (row.code for row in edition.uses.rows))
    for place, row in enumerate(edition.uses.rows):
        path = f"uses.rows.{row.code}"
        for name in row.products:
            if name not in edition.limit.products:
                yield _found(f"{path}.products", "unknown", name=name)
        yield from _repeated(f"{path}.review", row.review)
        for before in edition.uses.rows[:place]:
            of_all = not before.products or (
                bool(row.products) and set(row.products) <= set(before.products)
            )
            if of_all and not before.first_use and before.from_amount <= row.from_amount:
                yield _found(path, "overlap", where=row.code, rows=before.code)


def _completeness(edition: PolicyEdition) -> Iterator[Finding]:
    """Every type of application has a checklist that requires something; only counts are counted."""
    lists = edition.completeness.checklists
    yield from _repeated("completeness.checklists", (each.code for each in lists))
    for each in lists:
        path = f"completeness.checklists.{each.code}"
        for code in (*each.required, *each.optional):
            name, colon, _ = code.partition(":")
            strange = colon and name != "statements_years"
            if strange or code == INVESTIGATION_REPORT:  # asked by rows of its own
                yield _found(path, "unknown", name=code)
        yield from (_found(path, "unread") for code in each.optional if code in each.required)
    for kind in ApplicationType:
        rule = rule_of(kind, edition)
        asked = any(
            each.required and (not each.application_types or kind in each.application_types)
            for each in lists
        )
        if not asked and not (rule and rule.required):
            yield _found("completeness.checklists", "incomplete", name=kind)


def _investigation(edition: PolicyEdition) -> Iterator[Finding]:
    """Where a report is asked, every class of customers has one checklist; what is asked exists."""
    policy = edition.investigation
    yield from _repeated("investigation.rows", (row.code for row in policy.rows))
    yield from _repeated("investigation.checklists", (each.code for each in policy.checklists))
    for row in policy.rows:
        for name in row.products:
            if name not in edition.limit.products:
                yield _found(f"investigation.rows.{row.code}", "unknown", name=name)
    for each in policy.checklists:
        path = f"investigation.checklists.{each.code}"
        yield from _repeated(path, (item.code for item in each.items))
        if not policy.rows:
            yield _found(path, "unread")
    classes = [(segment, relation) for segment in Segment for relation in Relation]
    for segment, relation in classes if policy.rows else ():
        found = checklists_for(segment, relation, edition)
        if len(found) != 1:
            where = f"segment={segment}, relation={relation}"
            codes = ", ".join(each.code for each in found)
            code = "overlap" if found else "gap"
            yield _found("investigation.checklists", code, where=where, rows=codes)


# ── Review, monitoring ───────────────────────────────────────────────────────────────────────────


def _review(edition: PolicyEdition) -> Iterator[Finding]:
    policy = edition.review
    kept = 1 - policy.cut_tolerance
    if policy.exit_share >= kept:
        yield _found("review.exit_share", "order", first=policy.exit_share, second=kept)


def _authenticity(edition: PolicyEdition) -> Iterator[Finding]:
    """Bands are of figures that exist, and what refers is a finding that can be made."""
    policy = edition.authenticity
    yield from _repeated("authenticity.bands", (band.code for band in policy.bands))
    for band in policy.bands:
        path = f"authenticity.bands.{band.code}"
        if band.figure not in NAMES | edition.spreading.figures.keys():
            yield _found(f"{path}.figure", "unknown", name=band.figure)
        if band.at_least is None and band.at_most is None:
            yield _found(path, "incomplete", name="at_least, at_most")
    for code in policy.refer:
        if code not in CHECKS and code not in {band.code for band in policy.bands}:
            yield _found("authenticity.refer", "unknown", name=code)


def _reports(edition: PolicyEdition) -> Iterator[Finding]:
    yield from _repeated("reports", (row.kind for row in edition.reports))
    for row in edition.reports:
        yield from _repeated(f"reports.{row.kind}.providers", row.providers)
        if row.kind == AGENCY_RATING:  # entered, with its own rules, and asked of no provider
            yield _found(f"reports.{row.kind}", "unknown", name=row.kind)


def _external_ratings(edition: PolicyEdition) -> Iterator[Finding]:
    """Every agency has rows, every row an agency and a grade, and a rating one row on any day
    between its first and its last."""
    policy = edition.external_ratings
    yield from _repeated("external_ratings.agencies", policy.agencies)
    mapped: dict[tuple[str, str], list[MappingRow]] = {}
    for place, row in enumerate(policy.rows, start=1):
        path = f"external_ratings.rows.{place}"
        yield from _dates(path, row)
        yield from _repeated(path, row.ratings)
        if row.agency not in policy.agencies:
            yield _found(f"{path}.agency", "unknown", name=row.agency)
        if row.grade not in edition.grades:
            yield _found(f"{path}.grade", "unknown", name=row.grade)
        for rating in row.ratings:
            mapped.setdefault((row.agency, rating), []).append(row)
    for (agency, rating), rows in mapped.items():
        yield from _unbroken("external_ratings.rows", f"{agency} {rating}", rows)
    for agency in policy.agencies:
        if agency not in {row.agency for row in policy.rows}:
            yield _found("external_ratings.agencies", "incomplete", name=agency)
    if not policy.agencies and policy.notches_above_max is not None:
        yield _found("external_ratings.notches_above_max", "unread")
    asked = [
        *(
            f"completeness.checklists.{each.code}"
            for each in edition.completeness.checklists
            if EXTERNAL_RATING in (*each.required, *each.optional)
        ),
        *(
            f"{path}.factors.{factor.code}.figure"
            for path, card in _cards(edition)
            for factor in card.factors
            if factor.figure in EXTERNAL_NAMES
        ),
    ]
    if not policy.agencies:
        yield from (_found(path, "incomplete", name="external_ratings.agencies") for path in asked)


def _unbroken(path: str, what: str, rows: Sequence[Dated]) -> Iterator[Finding]:
    """Dated rows of one thing follow each other without a day of none or of two."""
    in_order = sorted(rows, key=lambda row: row.effective_from or date.min)
    for first, second in pairwise(in_order):
        if _meet(first, second):
            yield _found(path, "overlap", where=what, rows=second.effective_from or "-")
        elif first.effective_until != (second.effective_from or date.min) - timedelta(days=1):
            yield _found(path, "gap", where=f"{what} after {first.effective_until}")


def _floating(edition: PolicyEdition) -> Iterator[Finding]:
    """Every row names a benchmark and products that there are, and is reached by some credit."""
    rows = edition.price.floating
    yield from _repeated("price.floating", (row.code for row in rows))
    for place, row in enumerate(rows):
        path = f"price.floating.{row.code}"
        if row.benchmark not in edition.benchmarks:
            yield _found(f"{path}.benchmark", "unknown", name=row.benchmark)
        for product in row.products:
            if product not in edition.limit.products:
                yield _found(f"{path}.products", "unknown", name=product)
        if any(_takes_all(before, row, edition) for before in rows[:place]):
            yield _found(path, "unread")


def _takes_all(before: FloatingRow, row: FloatingRow, edition: PolicyEdition) -> bool:
    """Whether nothing is left for a row by the one before it."""
    benchmarks = [edition.benchmarks.get(each.benchmark) for each in (before, row)]
    currencies = {each.currency for each in benchmarks if each is not None}
    products = set(row.products) if row.products else set(edition.limit.products)
    return (
        len(currencies) == 1
        and None not in benchmarks
        and before.term_months_min <= row.term_months_min
        and (not before.products or products <= set(before.products))
    )


def _monitoring(edition: PolicyEdition) -> Iterator[Finding]:
    """Of one figure, a graver level has the higher threshold, and freezes where a lighter does."""
    policy = edition.monitoring
    yield from _repeated("monitoring.rules", (rule.code for rule in policy.rules))
    by_figure = sorted(policy.rules, key=lambda rule: (rule.figure, rule.level.gravity))
    for lighter, graver in pairwise(by_figure):
        if lighter.figure != graver.figure:
            continue
        risen = graver.level.gravity > lighter.level.gravity
        if risen and graver.at_least > lighter.at_least and graver.freeze >= lighter.freeze:
            continue
        yield _found(
            f"monitoring.rules.{graver.code}", "order", first=lighter.code, second=graver.code
        )
    yield from _repeated("monitoring.reminders", (step.code for step in policy.reminders))
    days = [step.days_past_due for step in policy.reminders]
    for first, second in pairwise(days):
        if second <= first:
            yield _found("monitoring.reminders", "order", first=first, second=second)


def _excess(edition: PolicyEdition) -> Iterator[Finding]:
    """Steps follow one another, each leaves less, and the last leaves nothing; there is time for
    other dates than theirs. Late steps are warned of where there are any."""
    policy = edition.excess
    if policy is None:
        for rule in edition.monitoring.rules:
            if rule.figure == EXCESS_DAYS:
                yield _never(
                    f"monitoring.rules.{rule.code}", "no plan is made", "不制定超限压降计划"
                )
        return
    for first, second in pairwise(policy.steps):
        if second.days <= first.days:
            yield _found("excess.steps", "order", first=first.days, second=second.days)
        if second.share >= first.share:
            yield _found("excess.steps", "order", first=first.share, second=second.share)
    last = policy.steps[-1]
    if last.share:
        yield _found("excess.steps", "range", found=last.share, least=0, most=0)
    if policy.days_max < last.days:
        yield _found("excess.days_max", "range", found=policy.days_max, least=last.days, most=3650)


def _impairment(edition: PolicyEdition) -> Iterator[Finding]:
    """Stages follow one another; ages of the matrix rise to an open end, and so do their rates."""
    policy = edition.impairment
    if policy.stage_3_days <= policy.stage_2_days:
        first, second = policy.stage_2_days, policy.stage_3_days
        yield _found("impairment.stage_3_days", "order", first=first, second=second)
    yield from _repeated("impairment.matrix", (row.code for row in policy.matrix))
    for younger, older in pairwise(policy.matrix):
        path = f"impairment.matrix.{older.code}"
        ended = younger.days_up_to is None
        if ended or (older.days_up_to or SCORE_MAX * 1000) <= (younger.days_up_to or 0):
            yield _found(path, "order", first=younger.days_up_to, second=older.days_up_to)
        if older.rate < younger.rate:
            yield _found(path, "order", first=younger.rate, second=older.rate)
    if policy.matrix and policy.matrix[-1].days_up_to is not None:
        yield _found("impairment.matrix", "gap", where=f"above {policy.matrix[-1].days_up_to}")
    yield from _increases(edition)


def _increases(edition: PolicyEdition) -> Iterator[Finding]:
    """On no day do two rows know one grade; a row can be reached on the master scale."""
    rows = edition.impairment.increases
    yield from _repeated("impairment.increases", (row.code for row in rows))
    for row in rows:
        path = f"impairment.increases.{row.code}"
        yield from _dates(path, row)
        unknown = [grade for grade in row.grades if grade not in edition.grades]
        yield from (_found(f"{path}.grades", "unknown", name=grade) for grade in unknown)
        known = [
            edition.rank(grade)
            for grade in row.grades or edition.grades[:1]
            if grade in edition.grades
        ]
        if known and min(known) + row.notches >= len(edition.grades):
            yield _found(f"{path}.notches", "unread")
    for first, second in combinations(rows, 2):
        apart = (first.effective_until or date.max) < (second.effective_from or date.min) or (
            second.effective_until or date.max
        ) < (first.effective_from or date.min)
        if not apart:
            shared = set(first.grades or edition.grades) & set(second.grades or edition.grades)
            for grade in sorted(shared, key=edition.grades.index):
                yield _found(
                    "impairment.increases",
                    "overlap",
                    where=f"grade={grade}",
                    rows=f"{first.code}, {second.code}",
                )


def _classification(edition: PolicyEdition) -> Iterator[Finding]:
    """A worse tier begins later and at a higher loss; the best needs no boundary."""
    policy = edition.classification
    manual = policy.manual
    yield from _repeated("classification.manual.reasons", manual.reasons)
    if manual.reasons and manual.cure_months > manual.months_max:
        path = "classification.manual.cure_months"
        yield _found(path, "order", first=manual.cure_months, second=manual.months_max)
    graver = [tier for tier in FiveTier if tier is not FiveTier.NORMAL]
    path = "classification.days_above"
    missing = [tier for tier in graver if tier not in policy.days_above]
    yield from (_found(path, "incomplete", name=tier.value) for tier in missing)
    for table, values in (
        (path, policy.days_above),
        ("classification.loss_share_min", policy.loss_share_min),
    ):
        present = [tier for tier in graver if tier in values]
        for better, worse in pairwise(present):
            first, second = values[better], values[worse]
            if second <= first:
                yield _found(f"{table}.{worse.value}", "order", first=first, second=second)


def _catalogue(edition: PolicyEdition) -> Iterator[Finding]:
    """Cover that a product asks for counts for something; what stands alone holds no sub-lines."""
    policy = edition.limit
    for code, product in policy.products.items():
        for kind in product.covers:
            if kind not in policy.covers:
                yield _found(f"limit.products.{code}.covers", "unknown", name=kind.value)
        if product.comprehensive and product.dedicated:
            yield _found(f"limit.products.{code}.dedicated", "repeated", name="comprehensive")
    for place, row in enumerate(policy.outlooks):
        yield from _dates(f"limit.outlooks.{place + 1}", row)


def _concentration(edition: PolicyEdition) -> Iterator[Finding]:
    """Caps and appetite are named once, bound something, and end after they begin."""
    policy = edition.concentration
    yield from _repeated("concentration.caps", (cap.code for cap in policy.caps))
    yield from _repeated("concentration.appetite", (row.code for row in policy.appetite))
    for cap in policy.caps:
        path = f"concentration.caps.{cap.code}"
        yield from _dates(path, cap)
        if cap.name and cap.scope not in (CapScope.INDUSTRY, CapScope.REGION):
            yield _found(f"{path}.name", "unread")
        usual = ConcentrationCap.model_fields["largest"].default
        if cap.largest != usual and cap.scope is not CapScope.TOP:
            yield _found(f"{path}.largest", "unread")
    for row in policy.appetite:
        path = f"concentration.appetite.{row.code}"
        yield from _dates(path, row)
        if row.granted_max is None and row.limits_max is None and row.loss_share_max is None:
            yield _found(path, "incomplete", name="granted_max, limits_max, loss_share_max")


def _dates(path: str, row: Dated) -> Iterator[Finding]:
    begins, ends = row.effective_from, row.effective_until
    if begins is not None and ends is not None and ends < begins:
        yield _found(f"{path}.effective_until", "order", first=begins, second=ends)


def _duplicates(edition: PolicyEdition) -> Iterator[Finding]:
    policy = edition.duplicates
    if policy.name_alike > policy.name_same:
        yield _found(
            "duplicates.name_alike", "order", first=policy.name_same, second=policy.name_alike
        )


def _terms(edition: PolicyEdition) -> Iterator[Finding]:
    for first, second in pairwise(edition.terms.rank_days_above):
        if second <= first:
            yield _found("terms.rank_days_above", "order", first=first, second=second)


# ── Check of orders ──────────────────────────────────────────────────────────────────────────────

# The measure of each kind of rule, by the most that it can be passed by; None: it has no measure.
_SHARE_MAX, _DAYS_MAX, _AMOUNT_MAX = Decimal(1), Decimal(3650), Decimal(10**13)
_MEASURE_MAX: dict[RuleKind, Decimal | None] = {
    RuleKind.LIMIT: None,
    RuleKind.LIMIT_SHARE: _SHARE_MAX,
    RuleKind.LIMIT_EXPIRED: _DAYS_MAX,
    RuleKind.LINE_STATUS: None,
    RuleKind.TERMS: Decimal(0),  # of the edition: its last rank
    RuleKind.OVERDUE_AMOUNT: _AMOUNT_MAX,
    RuleKind.OVERDUE_SHARE: _SHARE_MAX,
    RuleKind.OVERDUE_DAYS: _DAYS_MAX,
    RuleKind.OLDEST_ITEM: _DAYS_MAX,
    RuleKind.ORDER_SIZE: _AMOUNT_MAX,
    RuleKind.DUNNING_LEVEL: Decimal(0),  # of the edition: its last level
    RuleKind.REVIEW_OVERDUE: _DAYS_MAX,
    RuleKind.PURPOSE: None,
    RuleKind.STANDING_HOLD: None,
    RuleKind.CONFIRMATION_OVERDUE: None,
}
# What is late by any day, and worse by any rank, where nothing else is said.
_FROM_NOTHING = frozenset({RuleKind.LIMIT_EXPIRED, RuleKind.TERMS})


def _checks(edition: PolicyEdition) -> Iterator[Finding]:
    """Every rule can fire somewhere, every exclusion is reached, and nothing is said in vain."""
    policy = edition.checks
    if not policy.rules:
        for name in CheckPolicy.model_fields:
            if name not in ("rules", "hold") and getattr(policy, name) != getattr(
                CheckPolicy(), name
            ):
                yield _found(f"checks.{name}", "unread")
        return
    yield from _repeated("checks.rules", (rule.code for rule in policy.rules))
    yield from _repeated("checks.rules.sequence", (str(rule.sequence) for rule in policy.rules))
    yield from _repeated("checks.exclusions", (row.code for row in policy.exclusions))
    yield from _repeated(
        "checks.exclusions.precedence", (str(row.precedence) for row in policy.exclusions)
    )
    for rule in policy.rules:
        yield from _measured(rule, edition)
        yield from _fires(rule, policy)
    for row in policy.exclusions:
        yield from _exclusion(row, edition)
    yield from _acts_read(policy)
    yield from _grace_read(policy)
    for first, second in pairwise(policy.dunning_days):
        if second <= first:
            yield _found("checks.dunning_days", "order", first=first, second=second)
    kinds = {rule.kind for rule in policy.rules}
    if policy.dunning_days and RuleKind.DUNNING_LEVEL not in kinds:
        yield _found("checks.dunning_days", "unread")
    if not kinds & {RuleKind.LIMIT, RuleKind.LIMIT_SHARE} and policy.horizon_days is not None:
        yield _found("checks.horizon_days", "unread")
    if policy.buckets and not any(policy.buckets.get(bucket, True) for bucket in Bucket):
        yield _found("checks.buckets", "incomplete", name=", ".join(Bucket))


def _measured(rule: CheckRule, edition: PolicyEdition) -> Iterator[Finding]:
    """A rule has the measure of its kind, and one that something can pass."""
    path, most = f"checks.rules.{rule.code}.above", _MEASURE_MAX[rule.kind]
    if most is None:
        if rule.above is not None:
            yield _found(path, "unread")
        if rule.kind is RuleKind.CONFIRMATION_OVERDUE and not edition.confirmation.hold:
            place = f"checks.rules.{rule.code}"
            yield _never(place, "confirmation holds no orders", "对账逾期不锁单")
        return
    if rule.above is None:
        if rule.kind not in _FROM_NOTHING:
            yield _found(path, "incomplete", name="above")
        return
    if rule.kind in (RuleKind.TERMS, RuleKind.DUNNING_LEVEL):
        terms = rule.kind is RuleKind.TERMS
        if not terms and not edition.checks.dunning_days:
            yield _found("checks.dunning_days", "incomplete", name="dunning_days")
            return
        most = Decimal(len(edition.terms.rank_days_above if terms else edition.checks.dunning_days))
        if rule.above >= most:
            yield _found(path, "range", found=rule.above, least=0, most=most - 1)
    elif rule.above > most:
        yield _found(path, "range", found=rule.above, least=0, most=most)


def _stages_of(rule: CheckRule, policy: CheckPolicy) -> set[Stage]:
    return {stage for stage in Stage if act_of(rule, stage, policy) is not Act.PASS}


def _fires(rule: CheckRule, policy: CheckPolicy) -> Iterator[Finding]:
    """A rule acts at some stage, and not only where an exclusion always goes before it."""
    path, stages = f"checks.rules.{rule.code}", _stages_of(rule, policy)
    if not stages:
        yield _never(path, "no stage names it", "没有任何环节列明该规则")
        return
    if rule.kind is RuleKind.STANDING_HOLD:
        return
    for row in sorted(policy.exclusions, key=lambda row: row.precedence):
        if not _is_bounded(row) and (not row.rules or rule.code in row.rules):
            stages -= set(row.stages or Stage)
            if not stages:
                yield _never(path, f"{row.code} always excludes it", f"{row.code} 始终将其排除")
                return


def _is_bounded(row: CheckExclusion) -> bool:
    """Whether an exclusion is for some orders only."""
    return bool(
        row.classes or row.grades or row.products or row.cash_first or row.amount_up_to is not None
    )


def _exclusion(row: CheckExclusion, edition: PolicyEdition) -> Iterator[Finding]:
    """An exclusion names what there is, keeps some rule from firing, and is reached."""
    policy, path = edition.checks, f"checks.exclusions.{row.code}"
    rules = {rule.code: rule for rule in policy.rules}
    for place, known, names in (
        ("rules", set(rules), row.rules),
        ("grades", set(edition.grades), row.grades),
        ("products", set(edition.limit.products), row.products),
    ):
        for name in names:
            if name not in known:
                yield _found(f"{path}.{place}", "unknown", name=name)
        yield from _repeated(f"{path}.{place}", names)
    held = [code for code in row.rules if _kind_of(code, rules) is RuleKind.STANDING_HOLD]
    for code in held:
        yield _never(f"{path}.rules", f"{code} is never excluded", f"{code} 不可排除")
    if row.amount_up_to == 0:
        yield _never(f"{path}.amount_up_to", "no order is of nothing", "不存在金额为零的订单")
    lifted = _lifted(row, policy)
    if not lifted and not held:
        yield _never(path, "none of its rules acts at its stages", "所列环节没有可排除的规则")
    before = [each for each in policy.exclusions if each.precedence < row.precedence]
    for first in sorted(before, key=lambda each: each.precedence):
        if lifted and lifted <= _lifted(first, policy) and _wider(first, row):
            yield _never(path, f"{first.code} goes before it", f"{first.code} 先于其适用")
            return


def _kind_of(code: str, rules: Mapping[str, CheckRule]) -> RuleKind | None:
    return rules[code].kind if code in rules else None


def _lifted(row: CheckExclusion, policy: CheckPolicy) -> set[tuple[str, Stage]]:
    """The rules, each with a stage, that an exclusion can keep from firing."""
    return {
        (rule.code, stage)
        for rule in policy.rules
        if rule.kind is not RuleKind.STANDING_HOLD and (not row.rules or rule.code in row.rules)
        for stage in _stages_of(rule, policy)
        if not row.stages or stage in row.stages
    }


def _wider(first: CheckExclusion, second: CheckExclusion) -> bool:
    """Whether whatever fits the second exclusion fits the first."""
    named = ((first.classes, second.classes), (first.grades, second.grades),
             (first.products, second.products))  # fmt: skip
    within = all(not one or (other and set(other) <= set(one)) for one, other in named)
    sized = first.amount_up_to is None or (
        second.amount_up_to is not None and second.amount_up_to <= first.amount_up_to
    )
    return within and sized and (second.cash_first or not first.cash_first)


def _acts_read(policy: CheckPolicy) -> Iterator[Finding]:
    """Every act of the matrix, and the fallback, is some rule's."""
    for stage, acts in policy.acts.items():
        for kind in acts:
            if not any(rule.kind is kind and stage not in rule.acts for rule in policy.rules):
                yield _found(f"checks.acts.{stage}.{kind}", "unread")
    falls = any(
        stage not in rule.acts and rule.kind not in policy.acts.get(stage, {})
        for rule in policy.rules
        for stage in Stage
    )
    if policy.fallback is not Act.PASS and not falls:
        yield _found("checks.fallback", "unread")


def _grace_read(policy: CheckPolicy) -> Iterator[Finding]:
    """Grace of a stage is some, and there is a rule at the stage that it is given to."""
    for stage, grace in policy.grace.items():
        path = f"checks.grace.{stage}"
        if not grace.grace_share and not grace.grace_days:
            yield _found(path, "incomplete", name="grace_share, grace_days")
        kinds = {rule.kind for rule in policy.rules if stage in _stages_of(rule, policy)}
        if grace.grace_share and not kinds & GRACED_BY_SHARE:
            yield _found(f"{path}.grace_share", "unread")
        if grace.grace_days and not kinds & GRACED_BY_DAYS:
            yield _found(f"{path}.grace_days", "unread")


def _never(path: str, reason: str, reason_zh: str) -> Finding:
    return _found(path, "never", reason=reason, reason_zh=reason_zh)


_RULES: tuple[Callable[[PolicyEdition], Iterator[Finding]], ...] = (
    _figures,
    _figures_read,
    _figure_references,
    _choices,
    _scorecards,
    _analysts,
    _master_scale,
    _knock_outs,
    _override,
    _by_grade,
    _limit,
    _approval,
    _tiers,
    _authority,
    _calendar,
    _materiality,
    _voting,
    _reviewed,
    _turnaround,
    _automatic,
    _contract,
    _uses,
    _floating,
    _completeness,
    _investigation,
    _review,
    _authenticity,
    _reports,
    _external_ratings,
    _monitoring,
    _excess,
    _impairment,
    _classification,
    _catalogue,
    _concentration,
    _terms,
    _duplicates,
    _checks,
)


def _total(
    path: str, table: Table, *, beyond: Callable[[dict[str, str]], bool] = lambda where: False
) -> Iterator[Finding]:
    """Exactly one row holds in every region of a table, but for regions beyond its reach."""
    for where, rows in table.regions():
        if beyond(where) or len(rows) == 1:
            continue
        words = ", ".join(f"{name}={segment}" for name, segment in where.items())
        numbers = ", ".join(str(row + 1) for row in rows)
        yield _found(path, "overlap" if rows else "gap", where=words, rows=numbers)


def _repeated(path: str, names: Iterable[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield _found(path, "repeated", name=name)
        seen.add(name)


def _cards(edition: PolicyEdition) -> Iterator[tuple[str, Scorecard]]:
    """Every scorecard with where it stands, those that decide nothing too."""
    yield from ((f"scorecards.{code}", card) for code, card in edition.scorecards.items())
    yield from ((f"challengers.{code}", card) for code, card in edition.challengers.items())


def _level(steps: tuple[ApprovalStep, ...], edition: PolicyEdition) -> int:
    tiers = edition.approval.tiers
    return max((tiers[step.tier].level for step in steps if step.tier in tiers), default=0)


# ── Values that nothing reads ────────────────────────────────────────────────────────────────────


def unread_fields(sources: Iterable[str]) -> list[Finding]:
    """The fields of an edition that no source reads as an attribute.

    `sources` are the texts of the modules that judge, act and order, this one and the values
    themselves left out: a check that looks at a value does not use it.
    """
    read = {
        node.attr
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    return [
        _found(f"{model.__name__}.{name}", "unread")
        for model in sections(PolicyEdition)
        for name in model.model_fields
        if name not in read
    ]


def sections(model: type[BaseModel]) -> tuple[type[BaseModel], ...]:
    """A value and every value inside it, each once."""
    found: dict[type[BaseModel], None] = {model: None}
    for field in model.model_fields.values():
        for inner in _models_in(field.annotation):
            found.update(dict.fromkeys(sections(inner)))
    return tuple(found)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
