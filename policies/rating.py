"""Rating (评级): a scorecard of factors whose points sum to a score, and the grade that follows.

Points are read from tables, never computed, so that their sum is exact. A missing figure earns what
its factor declares, or what an analyst supplied for it where the factor leaves it to one. Knock-outs
(一票否决) overrule the score: they decline, send the case to people, or hold the grade down, as an
external rating does.
"""

from decimal import Decimal

from domain.analyst_figure import SuppliedFigure
from domain.assessment import FactorPoints, Missing, Rating, ShadowRating
from domain.edition import Factor, KnockOutEffect, MasterGrade, PolicyEdition, Relation
from domain.errors import EditionInvalid
from domain.reasons import because
from policies.external_rating import grade_ceiling
from policies.line import months_later
from policies.reference_scores import reference_scores
from policies.scorecard import CardTable, bin_label, name_of, pd_of
from policies.spreading import Scope, to_decimals
from policies.tables import tables_of

MISSING_BIN = "missing"
# Without the figure people decide: whoever judges has not got what the factor asks for.
MUST_BE_THERE = frozenset({Missing.FAIL, Missing.ANALYST})


def rate(scope: Scope, edition: PolicyEdition) -> Rating:
    """Points by factor, their sum, the grade on the master scale, its PD and how long it counts."""
    table, traits = chosen(scope, edition)
    card = table.card
    factors = tuple(_points(factor, scope, table) for factor in card.factors)
    score = sum((factor.points for factor in factors), Decimal(0))
    fired = knock_outs(scope, edition)
    unrated = tuple(
        f"missing_{factor.code}"
        for factor in factors
        if factor.missing in MUST_BE_THERE and factor.supplied is None
    )
    ceiling = grade_ceiling(scope.external, edition)
    graded = _capped(table.grade(score), fired, ceiling, edition)
    return Rating(
        factors=factors,
        score=score,
        grade=graded.grade,
        pd=graded.pd,
        knock_outs=fired + unrated,
        model=name_of(card),
        chosen_by=traits,
        pd_score=pd_of(score, card.odds) if card.odds else None,
        challengers=_shadows(scope, edition),
        group_shares=_group_shares(factors, card.weights),
        valid_until=months_later(scope.business_on, edition.review.rating_valid_months),
        references=reference_scores(scope.find, edition.spreading.price_index),
        external=scope.external,
        external_cap=None if ceiling is None else edition.grades[ceiling],
    )


def chosen(scope: Scope, edition: PolicyEdition) -> tuple[CardTable, dict[str, str]]:
    """The one scorecard for a customer, and what the choice looked at.

    A checked edition has exactly one for everybody; one that has none refuses `EditionInvalid`.
    """
    tables = tables_of(edition)
    traits = tables.choices.traits(scope.segment, _relation(scope), scope)
    places = tables.choices.every(traits)
    if len(places) != 1:
        raise EditionInvalid(**because("scorecards_count", count=len(places), traits=traits))
    return tables.cards[places[0]], traits


def _relation(scope: Scope) -> str:
    return Relation.EXISTING.value if scope.existing else Relation.NEW.value


def _shadows(scope: Scope, edition: PolicyEdition) -> tuple[ShadowRating, ...]:
    """What every challenger for such a customer gives, knock-outs apart."""
    tables = tables_of(edition)
    traits = tables.challengers.traits(scope.segment, _relation(scope), scope)
    return tuple(
        _shadow(tables.challenger_cards[place], scope, edition)
        for place in tables.challengers.every(traits)
    )


def _shadow(table: CardTable, scope: Scope, edition: PolicyEdition) -> ShadowRating:
    score = table.score(scope.value)
    graded = edition.master_scale[edition.rank(table.grade(score))]
    odds = table.card.odds
    return ShadowRating(
        model=name_of(table.card),
        score=score,
        grade=graded.grade,
        pd=pd_of(score, odds) if odds else graded.pd,
    )


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


def _points(factor: Factor, scope: Scope, table: CardTable) -> FactorPoints:
    _, formula, inputs = scope.parts(factor.figure)
    value, supplied = value_judged(factor, scope)
    points, row = table.earned(factor, value)
    return FactorPoints(
        code=factor.code,
        value=value,
        bin=MISSING_BIN if row is None else bin_label(factor, row),
        points=points,
        points_max=factor.points_max,
        formula=formula,
        inputs=inputs,
        missing=factor.missing if row is None or supplied is not None else None,
        group=factor.group,
        supplied=supplied,
    )


def value_judged(
    factor: Factor, scope: Scope
) -> tuple[Decimal | str | None, SuppliedFigure | None]:
    """The value a factor is judged by: its figure's, or what an analyst supplied in its place."""
    value = scope.value(factor.figure)
    supplied = supplied_to(factor, scope) if value is None else None
    if supplied is not None:
        value = to_decimals(supplied.value, scope.decimals)
    return value, supplied


def supplied_to(factor: Factor, scope: Scope) -> SuppliedFigure | None:
    """What an analyst has supplied for a factor that leaves it to one, within its bounds."""
    rule, supplied = factor.analyst, scope.supplied.get(factor.code)
    if factor.missing is not Missing.ANALYST or rule is None or supplied is None:
        return None
    return supplied if rule.at_least <= supplied.value <= rule.at_most else None


def _group_shares(
    factors: tuple[FactorPoints, ...], weights: dict[str, Decimal]
) -> dict[str, Decimal]:
    """What each group earned of its weight, to four decimals: for the eye, not for the score."""
    earned = dict.fromkeys(weights, Decimal(0))
    for factor in factors:
        earned[factor.group] += factor.points
    return {group: to_decimals(points / weights[group], 4) for group, points in earned.items()}


def _capped(
    grade: str, fired: tuple[str, ...], ceiling: int | None, edition: PolicyEdition
) -> MasterGrade:
    """The grade, held down to the worst `grade_max` of the rules that fired, and to what an
    external rating leaves."""
    place = max(edition.rank(grade), ceiling or 0)
    for rule in edition.knock_outs:
        if rule.code in fired and rule.effect is KnockOutEffect.CAP and rule.grade_max:
            place = max(place, edition.rank(rule.grade_max))
    return edition.master_scale[place]
