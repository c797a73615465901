"""Overrides (评级推翻): how far an officer may move a grade, who confirms it, and what they come to.

What is asked is refused by rule; what was confirmed is applied as far as the hard rules let it, so
that an edition tried on a recorded dossier meets the override that is in it.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from domain.approval import RouteStep
from domain.assessment import Assessment, Rating
from domain.edition import KnockOutEffect, PolicyEdition
from domain.errors import (
    NotLendable,
    OverrideBarred,
    OverrideOutOfBound,
    OverrideReasonUnknown,
)
from domain.override import (
    AnalystOverrides,
    OverrideProposal,
    OverrideReport,
    OverridesOneWay,
    OverrideTrace,
    RatingOverride,
)
from policies.external_rating import EXTERNAL_CAP
from policies.publication import publication_step
from policies.rating import effects


def grade_asked(proposal: OverrideProposal, rating: Rating, edition: PolicyEdition) -> str:
    """The grade that an override of this rating would give, counted from the model's own.

    Refuses `OverrideReasonUnknown`, `OverrideOutOfBound`, `NotLendable` and `OverrideBarred`.
    """
    policy, grade = edition.override, rating.grade_model
    if proposal.reason not in policy.reasons:
        raise OverrideReasonUnknown(
            reason=proposal.reason, reasons=", ".join(policy.reasons) or "-"
        )
    place = edition.rank(grade)
    up = min(policy.up_max, place)
    down = min(policy.down_max, len(edition.grades) - 1 - place)
    if not -down <= proposal.notches <= up:
        raise OverrideOutOfBound(notches=f"{proposal.notches:+d}", grade=grade, up=up, down=down)
    asked = place - proposal.notches
    if asked < place and not edition.master_scale[place].lendable:
        raise NotLendable(grade=grade)
    held, rule = _ceiling(rating, edition)
    if asked < held:
        raise OverrideBarred(grade=grade, asked=edition.grades[asked], rule=rule)
    return edition.grades[asked]


def second_needed(notches: int, asked: str, edition: PolicyEdition) -> bool:
    """Whether one officer may not do this alone: too far, or to a grade that policy declines."""
    policy = edition.override
    alone = policy.alone_up_max if notches > 0 else policy.alone_down_max
    return abs(notches) > alone or not edition.master_scale[edition.rank(asked)].lendable


def overridden(rating: Rating, override: RatingOverride, edition: PolicyEdition) -> Rating:
    """The rating with the override's grade and that grade's PD, the model's beside them.

    As far as the master scale, the caps and the grades without credit let it.
    """
    held, _ = _ceiling(rating, edition)
    place = min(max(edition.rank(rating.grade) - override.notches, held), len(edition.grades) - 1)
    graded = edition.master_scale[place]
    return rating.model_copy(
        update={
            "grade": graded.grade,
            "pd": graded.pd,
            "override": override,
            "grade_before": rating.grade,
            "pd_before": rating.pd,
        }
    )


def lasting(receipt: Assessment, grade: str, on: date) -> RatingOverride | None:
    """The override that a line's grade still rests on: while the receipt's rating is valid, and
    nothing else has given the line a grade since."""
    rating = receipt.rating
    valid = rating.valid_until is not None and on <= rating.valid_until
    return rating.override if valid and rating.grade == grade else None


def confirmation_step(edition: PolicyEdition) -> RouteStep:
    """Who confirms: as of an edition, one of those who decide exceptions, or a risk officer."""
    return publication_step(edition)


def override_report(
    traces: Iterable[OverrideTrace],
    touched: Mapping[str, int],
    since: date,
    until: date,
) -> OverrideReport:
    """By analyst; `touched` says how many assessed cases each of them touched in the period."""
    by_analyst: dict[str, list[OverrideTrace]] = {analyst: [] for analyst in touched}
    for trace in traces:
        by_analyst.setdefault(trace.analyst, []).append(trace)
    return OverrideReport(
        since=since,
        until=until,
        analysts=tuple(
            _of_analyst(analyst, found, touched.get(analyst, 0))
            for analyst, found in sorted(by_analyst.items())
        ),
    )


def _ceiling(rating: Rating, edition: PolicyEdition) -> tuple[int, str]:
    """The best place on the master scale that the grade may be lifted to, and the rule it is by."""
    place = edition.rank(rating.grade_model)
    if not edition.master_scale[place].lendable:
        return place, "lendable"
    done = effects(rating, edition)
    declining = [code for code, effect in done.items() if effect is KnockOutEffect.DECLINE]
    if declining:
        return place, declining[0]
    caps = [
        (edition.rank(rule.grade_max), rule.code)
        for rule in edition.knock_outs
        if done.get(rule.code) is KnockOutEffect.CAP and rule.grade_max
    ]
    if rating.external_cap is not None:
        caps.append((edition.rank(rating.external_cap), EXTERNAL_CAP))
    return max(caps, default=(0, ""))


def _of_analyst(analyst: str, found: list[OverrideTrace], touched: int) -> AnalystOverrides:
    cases = len({trace.case_id for trace in found})
    return AnalystOverrides(
        analyst=analyst,
        cases_touched=touched,
        cases_overridden=cases,
        rate=_share(cases, touched),
        up=_one_way([trace for trace in found if trace.notches > 0]),
        down=_one_way([trace for trace in found if trace.notches < 0]),
    )


def _one_way(found: list[OverrideTrace]) -> OverridesOneWay:
    effective = [trace for trace in found if trace.took_effect]
    notches = sum(abs(trace.notches) for trace in found)
    return OverridesOneWay(
        overrides=len(found),
        took_effect=len(effective),
        notches_mean=_rounded(Decimal(notches) / len(found), "0.01") if found else None,
        declined=sum(trace.declined for trace in effective),
        warned=sum(trace.warned for trace in effective),
        collected=sum(trace.collected for trace in effective),
        hit_rate=_share(sum(trace.hit for trace in effective), len(effective)),
    )


def _share(part: int, whole: int) -> Decimal | None:
    return _rounded(Decimal(part) / whole, "0.0001") if whole else None


def _rounded(number: Decimal, step: str) -> Decimal:
    return number.quantize(Decimal(step), ROUND_HALF_EVEN)
