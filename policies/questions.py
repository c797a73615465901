"""What is still worth asking (待补充事项): which missing items could change grade, limit or route.

Every open question makes some names of the formulas unknown. What rests on an unknown name may come
to anything: a factor may earn the points of any of its ranges or of its absence, a knock-out may
fire or not, a limit method may allow nothing or the whole world. An item is let go only where none
of that can reach the grade, the limit or the route, whatever the other missing items turn out to
be; so an item is rather asked for in vain than let go in error.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from itertools import chain, product

from domain.analyst_figure import gap_of
from domain.assessment import Bearing, Dossier, Lane, Missing
from domain.edition import Combine, Factor, KnockOutEffect, PolicyEdition
from domain.external_rating import EXTERNAL_RATING
from domain.money import Money
from domain.statement import Statement
from domain.value import Value
from policies.analyst_figure import awaited
from policies.assessment import assess
from policies.external_rating import grade_ceiling
from policies.formula import EXACT, UNKNOWN, Found, compiled_formula, dependencies
from policies.limit import held_beside, propose_limit
from policies.price import price
from policies.rating import MUST_BE_THERE, chosen, value_judged
from policies.scorecard import ABSENT, PRESENT, CardTable
from policies.spreading import (
    EXTERNAL_NAMES,
    ITEM_NAMES,
    NAMES,
    PAYMENT_NAMES,
    Scope,
    judged_by,
    scope_of,
)
from policies.tables import tables_of

_STATEMENT_NAMES = frozenset({"rate", "statement_age_days", "statement_years"})
_MILLION = Decimal(1_000_000)


class Question(Value):
    """A missing item, and what it could still change; nothing: it need not be asked for now."""

    code: str  # of the checklist, a statement item, or a field of the customer
    bears_on: tuple[Bearing, ...]
    factors: tuple[str, ...] = ()  # the factors of the scorecard that rest on it


class OpenFile(Value):
    """A half-filled file: what it comes to now, how far it could go, and what is left to ask."""

    score: Decimal
    score_min: Decimal
    score_max: Decimal
    grade: str
    grades: tuple[str, ...]  # that could still come of it, best first
    limit: Money
    lane: Lane
    questions: tuple[Question, ...]

    @property
    def worth_asking(self) -> tuple[Question, ...]:
        return tuple(each for each in self.questions if each.bears_on)


def questions(
    dossier: Dossier,
    edition: PolicyEdition,
    missing: Sequence[str] = (),
    *,
    automatic_spent: Money,
) -> OpenFile:
    """What a dossier comes to, and what each missing item could still change.

    `missing` are the codes of the checklists that are open; statement items that the newest
    statement leaves out are asked for beside them. Refuses as `assess` does.
    """
    receipt = assess("open", dossier, edition, automatic_spent=automatic_spent, sampled=False)
    with localcontext(EXACT):
        asked = _asked(dossier, edition, missing)
        unknown = frozenset(chain.from_iterable(asked.values()))
        reaches = [
            _Reach(dossier, edition, unknown, card) for card in _cards(dossier, edition, unknown)
        ]
        found = tuple(
            _over_all(reaches, code, names, code in missing) for code, names in asked.items()
        )
        scores = frozenset(chain.from_iterable(reach.scores() for reach in reaches))
        grades = frozenset(chain.from_iterable(reach.grades() for reach in reaches))
    return OpenFile(
        score=receipt.rating.score,
        score_min=min(scores),
        score_max=max(scores),
        grade=receipt.rating.grade,
        grades=tuple(grade for grade in edition.grades if grade in grades),
        limit=receipt.limit_recommended,
        lane=receipt.route.lane,
        questions=found,
    )


def _asked(
    dossier: Dossier, edition: PolicyEdition, missing: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Each open question, and the names that its answer would give another value."""
    newest = max(dossier.statements, key=lambda each: each.period_end_on, default=None)
    asked: dict[str, frozenset[str]] = {}
    for code in missing:
        asked[code] = _names_of(code)
    if newest is not None and "statement_latest" not in missing:
        read = _names_read(edition)
        for item in sorted(ITEM_NAMES - {each.value for each in newest.items}):
            names = frozenset({item, f"mean_{item}"}) & read
            if names:
                asked[item] = names
        if not _has_year_before(dossier.statements, newest):
            asked.setdefault("statements_years:2", _names_of("statements_years:2"))
    customer, payments = dossier.customer, dossier.payments
    if customer.established_on is None:
        asked.setdefault("established_on", _names_of("established_on"))
    if customer.employees is None and "employees" in _names_read(edition):
        asked.setdefault("employees", _names_of("employees"))
    if payments.invoices < edition.payments.invoices_min:
        asked.setdefault("payment_record", _names_of("payment_record"))
    rating_asked = any(_names_of(code) == EXTERNAL_NAMES for code in missing)
    if not rating_asked and not dossier.external_ratings and EXTERNAL_NAMES & _names_read(edition):
        asked[EXTERNAL_RATING] = EXTERNAL_NAMES
    for code in awaited(dossier, edition):
        asked.setdefault(code, frozenset())  # it fills in no name, but a factor
    return asked


def _names_of(code: str) -> frozenset[str]:
    """The names of formulas that a checklist's item fills in."""
    name, _, _ = code.partition(":")
    match name:
        case "statement_latest":
            return ITEM_NAMES | _prior() | _STATEMENT_NAMES
        case "statements_years":
            return _prior() | {"statement_years"}
        case "payment_record":
            return PAYMENT_NAMES
        case "established_on":
            return frozenset({"years_established"})
        case "employees":
            return frozenset({"employees"})
        case "identifier" | "identifier_verified":
            return frozenset({"proven_identifier"})
        case "external_rating":  # of an agency whose last one has run out, if it names one
            return EXTERNAL_NAMES
    return frozenset()


def _prior() -> frozenset[str]:
    return frozenset(f"{of}_{name}" for of in ("prior", "mean") for name in ITEM_NAMES)


def _names_read(edition: PolicyEdition) -> frozenset[str]:
    """Every name that some figure of the edition rests on, or that is judged by itself."""
    figures = edition.spreading.figures
    direct = judged_by(edition)
    rested = chain.from_iterable(dependencies(figures, code) for code in figures)
    return frozenset({*direct, *rested, "revenue"}) & NAMES


def _has_year_before(statements: Sequence[Statement], newest: Statement) -> bool:
    days = ((newest.period_end_on - each.period_end_on).days for each in statements)
    return any(330 <= apart <= 400 for apart in days)


def _cards(dossier: Dossier, edition: PolicyEdition, unknown: frozenset[str]) -> list[CardTable]:
    """The scorecards that could come to judge the dossier: which one may rest on what is missing."""
    tables, figures = tables_of(edition), _Figures(dossier, edition, unknown)
    _, traits = chosen(scope_of(dossier, edition), edition)
    free = [code for code in tables.choices.figures if figures.is_open(code)]
    places = {
        place
        for there in product((PRESENT, ABSENT), repeat=len(free))
        for place in tables.choices.every(traits | dict(zip(free, there, strict=True)))
    }
    return [tables.cards[place] for place in sorted(places)]


def _over_all(
    reaches: Sequence["_Reach"], code: str, names: frozenset[str], on_checklist: bool
) -> Question:
    """What an item could change under any scorecard; one that decides which, could change all."""
    each = [reach.question(code, names, on_checklist) for reach in reaches]
    bears_on = {bearing for one in each for bearing in one.bears_on}
    if len(reaches) > 1 and reaches[0].chooses(names):
        bears_on = set(Bearing)
    return Question(
        code=code,
        bears_on=tuple(bearing for bearing in Bearing if bearing in bears_on),
        factors=tuple(dict.fromkeys(factor for one in each for factor in one.factors)),
    )


class _Figures:
    """The figures of a dossier while some names may have any value."""

    def __init__(self, dossier: Dossier, edition: PolicyEdition, unknown: frozenset[str]) -> None:
        self._dossier = dossier
        self._edition = edition
        self._scope: Scope = scope_of(dossier, edition)
        self._unknown = unknown

    def chooses(self, names: frozenset[str]) -> bool:
        """Whether these names could lead to another scorecard."""
        figures = tables_of(self._edition).choices.figures
        return any(self._rests_on(code, names) for code in figures)

    def is_open(self, figure: str) -> bool:
        """Whether a figure may still have any value."""
        known = figure in self._edition.spreading.figures or figure in NAMES
        return known and self._found(figure) is UNKNOWN

    def _found(self, name: str) -> Found:
        """A name's value while the unknown names may be anything."""
        if name in self._unknown:
            return UNKNOWN
        text = self._edition.spreading.figures.get(name)
        if text is None:
            return self._scope.find(name)
        return compiled_formula(text).reach(self._found)

    def _rests_on(self, figure: str, names: frozenset[str]) -> bool:
        """Whether a figure could be another for other values of these names."""
        if figure in names:
            return True
        figures = self._edition.spreading.figures
        if figure not in figures or not names & set(dependencies(figures, figure)):
            return False
        return self._found(figure) is UNKNOWN


class _Reach(_Figures):
    """What could come of a dossier under one scorecard while some names are unknown."""

    def __init__(
        self,
        dossier: Dossier,
        edition: PolicyEdition,
        unknown: frozenset[str],
        card: CardTable,
    ) -> None:
        super().__init__(dossier, edition, unknown)
        self._card = card
        self._factors = card.card.factors
        self._points = {each.code: self._points_of(each) for each in self._factors}

    def question(self, code: str, names: frozenset[str], on_checklist: bool) -> Question:
        moved = [
            factor
            for factor in self._factors
            if self._rests_on(factor.figure, names) or code == gap_of(factor.code)
        ]
        bearings = {
            Bearing.GRADE: self._moves_grade(moved, names),
            Bearing.LIMIT: self._moves_limit(names),
            Bearing.ROUTE: self._moves_route(moved, names, on_checklist),
        }
        # What moves the grade moves what hangs on it.
        if bearings[Bearing.GRADE]:
            bearings = dict.fromkeys(bearings, True)
        if bearings[Bearing.LIMIT]:
            bearings[Bearing.ROUTE] = True
        return Question(
            code=code,
            bears_on=tuple(bearing for bearing, moves in bearings.items() if moves),
            factors=tuple(factor.code for factor in moved),
        )

    def scores(self) -> frozenset[Decimal]:
        return _sums(self._points.values())

    def grades(self) -> frozenset[str]:
        """Every grade that the score and the caps could come to."""
        places = {self._rank(score) for score in self.scores()}
        capped = {max(place, cap) for place in places for cap in self._caps()}
        return frozenset(self._edition.grades[place] for place in places | capped)

    def _caps(self) -> set[int]:
        held = grade_ceiling(self._scope.external, self._edition)
        by_rating = _ceilings(self._edition) if self._unknown & EXTERNAL_NAMES else set()
        return {
            *({held} if held is not None else by_rating),
            *(
                self._edition.rank(rule.grade_max)
                for rule in self._edition.knock_outs
                if rule.effect is KnockOutEffect.CAP
                and rule.grade_max
                and self._may_fire(rule.figure)
            ),
        }

    def _rank(self, score: Decimal) -> int:
        return self._edition.rank(self._card.grade(score))

    # ── grade ────────────────────────────────────────────────────────────────────────────────────

    def _points_of(self, factor: Factor) -> frozenset[Decimal]:
        """Every number of points that a factor could still earn."""
        value, supplied = value_judged(factor, self._scope)
        points, _ = self._card.earned(factor, value)
        awaits = value is None and factor.missing is Missing.ANALYST
        if not self.is_open(factor.figure) and not awaits:
            return frozenset({points})
        absent = points if supplied is not None else self._card.earned(factor, None)[0]
        return frozenset({absent, *(each.points for each in factor.bins)})

    def _moves_grade(self, moved: Sequence[Factor], names: frozenset[str]) -> bool:
        """Whether the points of these factors can carry any reachable score over a floor, or a
        cap that may fire holds a grade down."""
        codes = {factor.code for factor in moved}
        own = _sums(points for code, points in self._points.items() if code in codes)
        others = _sums(points for code, points in self._points.items() if code not in codes)
        by_score = any(len({self._rank(rest + each) for each in own}) > 1 for rest in others)
        best = min(self._rank(score) for score in self.scores())
        by_cap = any(
            self._edition.rank(rule.grade_max) > best
            for rule in self._edition.knock_outs
            if rule.effect is KnockOutEffect.CAP
            and rule.grade_max
            and self._rests_on(rule.figure, names)
        )
        by_rating = bool(names & EXTERNAL_NAMES) and any(
            place > best for place in _ceilings(self._edition)
        )
        return by_score or by_cap or by_rating

    def _may_fire(self, figure: str) -> bool:
        if self.is_open(figure):
            return True
        value = self._scope.value(figure)
        tables = tables_of(self._edition).knock_outs
        return value is not None and any(
            tables[rule.code].find({"value": value}) is not None
            for rule in self._edition.knock_outs
            if rule.figure == figure
        )

    # ── limit ────────────────────────────────────────────────────────────────────────────────────

    def _moves_limit(self, names: frozenset[str]) -> bool:
        """Whether a method that rests on these names could bind under any reachable grade.

        What such a method allows begins at nothing, so that only a limit of nothing in any case
        keeps it from binding.
        """
        methods = self._edition.product(self._dossier.application.product).methods
        if not any(self._method_rests_on(code, names) for code in methods):
            return False
        return any(self._could_lend(grade) for grade in self.grades())

    def _method_rests_on(self, code: str, names: frozenset[str]) -> bool:
        method = self._edition.limit.methods[code]
        converted = not method.in_reporting_currency
        return self._rests_on(method.figure, names) or (converted and "rate" in names)

    def _could_lend(self, grade: str) -> bool:
        """Whether the caps, and in a minimum the methods that are settled, leave anything."""
        asked_for = self._edition.product(self._dossier.application.product)
        steps = propose_limit(self._scope, self._dossier, grade, self._edition).steps
        settled = {
            code
            for code in asked_for.methods
            if asked_for.combine is Combine.MINIMUM
            and not self._method_rests_on(code, self._unknown)
        }
        bounds = [
            step.amount
            for step in steps
            if step.amount is not None and (step.kind == "cap" or step.code in settled)
        ]
        return min(bounds) > held_beside(self._dossier)

    # ── route ────────────────────────────────────────────────────────────────────────────────────

    def _moves_route(
        self, moved: Sequence[Factor], names: frozenset[str], on_checklist: bool
    ) -> bool:
        """Whether a knock-out, a factor that must be there, the price or the completeness could
        send the case another way."""
        by_knock_out = any(
            self._rests_on(rule.figure, names)
            for rule in self._edition.knock_outs
            if rule.effect is not KnockOutEffect.CAP
        )
        by_absence = any(factor.missing in MUST_BE_THERE for factor in moved)
        dated = "rate" in names
        return (
            by_knock_out
            or by_absence
            or dated
            or self._moves_price(names)
            or (on_checklist and self._moves_completeness())
            or self._rests_on("completeness", names)
        )

    def _moves_completeness(self) -> bool:
        """Whether the share is below what the automatic lane asks, so that an item may open it."""
        return self._dossier.completeness < self._edition.approval.automatic.completeness_min

    def _moves_price(self, names: frozenset[str]) -> bool:
        """Whether sales, by the size of the firm, could take the price across its minimum."""
        if not {"revenue", "rate"} & names:
            return False
        scale = {row.grade: row.pd for row in self._edition.master_scale}
        months = self._dossier.application.term_months
        euro = self._edition.price.capital.eur_rate
        sizes = [None, *(euro * millions * _MILLION for millions in range(0, 52))]
        return any(
            len(
                {
                    price(scale[grade], grade, months, sales, self._edition).below_minimum
                    for sales in sizes
                }
            )
            > 1
            for grade in self.grades()
        )


def _ceilings(edition: PolicyEdition) -> set[int]:
    """Every place that a rating of an agency could hold a grade down to."""
    policy = edition.external_ratings
    if policy.notches_above_max is None:
        return set()
    return {max(0, edition.rank(row.grade) - policy.notches_above_max) for row in policy.rows}


def _sums(points: Iterable[frozenset[Decimal]]) -> frozenset[Decimal]:
    """Every sum of one number from each set."""
    sums = frozenset({Decimal(0)})
    for each in points:
        sums = frozenset(one + other for one in sums for other in each)
    return sums
