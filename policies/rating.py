"""Rating (评级): a scorecard of factors whose points sum to a score, and the grade that follows.

Points are read from tables, never computed, so that their sum is exact. A missing figure earns what
its factor declares. Knock-outs (一票否决) overrule the score: they decline, send the case to people,
or hold the grade down.
"""

from decimal import Decimal

from domain.assessment import FactorPoints, Missing, Rating
from domain.edition import Factor, KnockOutEffect, MasterGrade, PolicyEdition
from policies.line import months_later
from policies.reference_scores import reference_scores
from policies.spreading import Scope, to_decimals
from policies.tables import Tables, tables_of

MISSING_BIN = "missing"


def rate(scope: Scope, edition: PolicyEdition) -> Rating:
    """Points by factor, their sum, the grade on the master scale, its PD and how long it counts."""
    tables = tables_of(edition)
    factors = tuple(_points(factor, scope, edition, tables) for factor in edition.scorecard.factors)
    score = sum((factor.points for factor in factors), Decimal(0))
    fired = knock_outs(scope, edition)
    unrated = tuple(
        f"missing_{factor.code}" for factor in factors if factor.missing is Missing.FAIL
    )
    graded = _capped(grade_of(score, edition), fired, edition)
    return Rating(
        factors=factors,
        score=score,
        grade=graded.grade,
        pd=graded.pd,
        knock_outs=fired + unrated,
        model=f"{edition.scorecard.model} {edition.scorecard.version}",
        group_shares=_group_shares(factors, edition),
        valid_until=months_later(scope.business_on, edition.review.rating_valid_months),
        references=reference_scores(scope.find, edition.spreading.price_index),
    )


def grade_of(score: Decimal, edition: PolicyEdition) -> MasterGrade:
    """The master scale's row of a score; a score equal to a floor is in the better grade."""
    row = tables_of(edition).master.find({"score": score})
    assert row is not None, "the worst grade has no floor"
    return edition.master_scale[row]


def knock_outs(scope: Scope, edition: PolicyEdition) -> tuple[str, ...]:
    """The codes of the rules that fire, in the edition's order; a missing figure fires none."""
    tables = tables_of(edition)
    fired = []
    for rule in edition.knock_outs:
        value = scope.value(rule.figure)
        if value is not None and tables.knock_outs[rule.code].find({"value": value}) is not None:
            fired.append(rule.code)
    return tuple(fired)


def effects(rating: Rating, edition: PolicyEdition) -> dict[str, KnockOutEffect]:
    """What each knock-out of a rating does; a factor that must not be missing goes to people."""
    declared = {rule.code: rule.effect for rule in edition.knock_outs}
    return {code: declared.get(code, KnockOutEffect.REFER) for code in rating.knock_outs}


def _points(factor: Factor, scope: Scope, edition: PolicyEdition, tables: Tables) -> FactorPoints:
    value, formula, inputs = scope.parts(factor.figure)
    best = tables.points_max[factor.code]
    if value is None:
        points, label, missing = points_missing(factor, best, edition), MISSING_BIN, factor.missing
    else:
        row = tables.bins[factor.code].find({"value": value})
        assert row is not None, f"the bins of {factor.code} leave a gap"
        held = factor.bins[row]
        points, label, missing = held.points, held.label or bin_label(factor, row), None
    return FactorPoints(
        code=factor.code,
        value=value,
        bin=label,
        points=points,
        points_max=best,
        formula=formula,
        inputs=inputs,
        missing=missing,
        group=factor.group,
    )


def _group_shares(factors: tuple[FactorPoints, ...], edition: PolicyEdition) -> dict[str, Decimal]:
    """What each group earned of its weight, to four decimals: for the eye, not for the score."""
    earned = dict.fromkeys(edition.scorecard.weights, Decimal(0))
    for factor in factors:
        earned[factor.group] += factor.points
    return {
        group: to_decimals(points / edition.scorecard.weights[group], 4)
        for group, points in earned.items()
    }


def points_missing(factor: Factor, best: Decimal, edition: PolicyEdition) -> Decimal:
    """What a factor earns without its figure; `best` is the most that it can."""
    match factor.missing:
        case Missing.NEUTRAL:
            return best * edition.scorecard.neutral_share
        case Missing.WORST | Missing.FAIL:
            return min(each.points for each in factor.bins)


def bin_label(factor: Factor, row: int) -> str:
    """A bin in words: `1.2 to below 1.5`, `below 0.8`, `2 and above`, or its categories."""
    held = factor.bins[row]
    if held.categories:
        return ", ".join(held.categories)
    if held.at_least is None and held.below is None:
        return "any other"
    if held.at_least is None:
        return f"below {held.below:f}"
    if held.below is None:
        return f"{held.at_least:f} and above"
    return f"{held.at_least:f} to below {held.below:f}"


def _capped(graded: MasterGrade, fired: tuple[str, ...], edition: PolicyEdition) -> MasterGrade:
    """The grade, held down to the worst `grade_max` of the rules that fired."""
    place = edition.rank(graded.grade)
    for rule in edition.knock_outs:
        if rule.code in fired and rule.effect is KnockOutEffect.CAP and rule.grade_max:
            place = max(place, edition.rank(rule.grade_max))
    return edition.master_scale[place]
