"""What a change of a line in force may be, and what its letter then says from what to what.

A change keeps the line's product, term and limit but for what its form says. What asks for more
than the line has, or for nothing new, is refused here by the name of its field.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from domain.application import Application, ApplicationType
from domain.assessment import Assessment
from domain.classification import FiveTier
from domain.contract import ConditionAsked, LetterChange, SchemeCondition, Terms
from domain.cover import CoverKind, RegisteredCover
from domain.edition import PolicyEdition, TypeRule
from domain.errors import ChangeUnfit, CurrencyMismatch, FormFieldRefused, TypeNotOffered
from domain.form import ConditionsForm, CoverForm, ExtensionForm, ProductsForm, RestructureForm
from domain.line import CreditLine
from domain.reasons import because
from domain.scheme import FacilityScheme
from domain.value import Value
from policies.contract import approvers_conditions
from policies.scheme import findings

# Of these the last decision on a line's term is one; extensions are counted from it on.
_RENEWING = frozenset(
    {ApplicationType.NEW_LINE, ApplicationType.RENEWAL, ApplicationType.RESTRUCTURE}
)


class LineFacts(Value):
    """What a change is judged by: the line, how it came to be, and how its customer stands."""

    line: CreditLine
    kinds: tuple[str, ...] = ()  # of the letters put in force on it, oldest first
    covers: tuple[RegisteredCover, ...] = ()  # of the register, that the form names
    days_past_due: int = 0
    tier: FiveTier = FiveTier.NORMAL

    @property
    def extensions(self) -> int:
        """How often it was extended since it was granted or renewed."""
        count = 0
        for kind in self.kinds:
            count = 0 if kind in _RENEWING else count + (kind == ApplicationType.EXTENSION)
        return count


def rule_of(kind: ApplicationType, edition: PolicyEdition) -> TypeRule | None:
    """The rule of a type; None of those that a checklist and the rows of approval rule."""
    types = edition.types
    rules: Mapping[ApplicationType, TypeRule] = {
        ApplicationType.EXTENSION: types.extension,
        ApplicationType.CHANGE_OF_CONDITIONS: types.change_of_conditions,
        ApplicationType.CHANGE_OF_COVER: types.change_of_cover,
        ApplicationType.CHANGE_OF_PRODUCTS: types.change_of_products,
        ApplicationType.RESTRUCTURE: types.restructure,
        ApplicationType.TERMINATION: types.termination,
    }
    return rules.get(kind)


def refuse_fields(application: Application) -> None:
    """Nothing, or the field that the type has no use for."""
    kind = application.application_type
    if application.temporary_until and kind is not ApplicationType.TEMPORARY_INCREASE:
        raise FormFieldRefused(application_type=kind, field="temporary_until")
    if application.line_id and kind.asks_new_line:
        raise FormFieldRefused(application_type=kind, field="line_id")


def refuse_not_offered(kind: ApplicationType, edition: PolicyEdition) -> None:
    """Nothing, or the refusal of a type that the edition does not take."""
    rule = rule_of(kind, edition)
    if rule is not None and not (rule.offered and _has_rows(kind, rule, edition)):
        raise TypeNotOffered(edition=edition.name, application_type=kind)


def _has_rows(kind: ApplicationType, rule: TypeRule, edition: PolicyEdition) -> bool:
    """Whether somebody decides: an older edition may name the types of its day in every row."""
    rows = edition.approval.rows
    return bool(rule.steps) or any(
        not row.application_types or kind in row.application_types for row in rows
    )


def filled(application: Application, line: CreditLine) -> Application:
    """The application with what it leaves to the line; refuses `ChangeUnfit` where it says
    otherwise of what its type keeps."""
    form, kind = application.form, application.application_type
    kept: dict[str, Any] = {"product": line.terms.product, "term_months": line.terms.term_months}
    if isinstance(form, ProductsForm):
        kept["product"] = form.product
    if isinstance(form, RestructureForm):
        kept["term_months"] = form.term_months
    for field, value in kept.items():
        said = getattr(application, field)
        if field in application.model_fields_set and said != value:
            raise _unfit(kind, field, because("form_kept", kept=value))
    limit = line.terms.limit
    asked = application.limit_requested
    if kind is ApplicationType.RESTRUCTURE:
        if asked.currency != limit.currency or asked > limit:
            raise _unfit(kind, "limit_requested", because("form_above", asked=asked, most=limit))
    elif asked != limit:
        raise _unfit(kind, "limit_requested", because("form_kept", kept=limit))
    return application.model_copy(update=kept)


def refuse_unfit(application: Application, facts: LineFacts, edition: PolicyEdition) -> None:
    """Nothing, or `ChangeUnfit` for a change that the line as it stands cannot have."""
    form, kind, line = application.form, application.application_type, facts.line
    match form:
        case ExtensionForm():
            _refuse_extension(form, facts, edition)
        case ConditionsForm():
            known = _codes_of(line.terms)
            for code in form.dropped:
                if code not in known:
                    raise _unfit(kind, "form.dropped", because("form_not_of_line", item=code))
        case CoverForm():
            _refuse_cover(form, facts)
        case ProductsForm():
            _refuse_products(form, application, line, edition)
        case RestructureForm():
            rule = edition.types.restructure
            if form.term_months > rule.term_months_max:
                asked, most = form.term_months, rule.term_months_max
                why = because("form_term", months=asked, months_max=most)
                raise _unfit(kind, "form.term_months", why)
            sound = facts.tier is FiveTier.NORMAL and facts.days_past_due < rule.days_past_due_min
            if sound:
                raise _unfit(kind, "line_id", because("form_sound", days=rule.days_past_due_min))
        case _:
            return


def _refuse_extension(form: ExtensionForm, facts: LineFacts, edition: PolicyEdition) -> None:
    rule, line = edition.types.extension, facts.line
    kind = ApplicationType.EXTENSION
    if facts.extensions >= rule.times_max:
        why = because("extended_often", times=facts.extensions, times_max=rule.times_max)
        raise _unfit(kind, "line_id", why)
    latest = line.ends_on + timedelta(days=rule.days_max)
    if not line.ends_on < form.until <= latest:
        why = because("form_day", until=form.until, after=line.ends_on, latest=latest)
        raise _unfit(kind, "form.until", why)


def _refuse_cover(form: CoverForm, facts: LineFacts) -> None:
    """Cover that stands, waits for nobody, has so much free, and is the line's or is not yet."""
    kind, line = ApplicationType.CHANGE_OF_COVER, facts.line
    known = {each.cover_id: each for each in facts.covers}
    for code in form.cover_ids:
        cover = known.get(code)
        if cover is None or cover.standing is None or cover.newest.pending:
            raise _unfit(kind, "form", because("form_cover_waits", item=code))
    for code in form.released:
        if line.line_id not in _secured_by(known[code]):
            raise _unfit(kind, "form.released", because("form_not_of_line", item=code))
    for each in form.added:
        content = known[each.cover_id].newest.content
        if line.line_id in _secured_by(known[each.cover_id]):
            raise _unfit(kind, "form.added", because("form_same", item=each.cover_id))
        if content.kind is CoverKind.GUARANTEE and content.owner == line.customer_id:
            raise _unfit(kind, "form.added", because("form_own_debt", item=each.cover_id))
        if each.amount.currency != content.value.currency:
            raise CurrencyMismatch(first=each.amount.currency, second=content.value.currency)
        free = content.free_value - content.uses_total
        if each.amount > free:
            raise _unfit(kind, "form.added", because("form_above", asked=each.amount, most=free))


def _secured_by(cover: RegisteredCover) -> frozenset[str | None]:
    return frozenset(use.line_id for use in cover.newest.content.uses)


def _refuse_products(
    form: ProductsForm, application: Application, line: CreditLine, edition: PolicyEdition
) -> None:
    """A product of the catalogue that is not the line's already, and sub-lines that fit it."""
    kind, terms = ApplicationType.CHANGE_OF_PRODUCTS, line.terms
    edition.product(form.product)
    if (form.product, form.sub_lines) == (terms.product, terms.sub_lines):
        raise _unfit(kind, "form.product", because("form_same", item=form.product))
    if not form.sub_lines:
        return
    scheme = FacilityScheme(
        limit=terms.limit, sub_lines=form.sub_lines, purpose=application.purpose
    )
    for each in findings(scheme, edition):
        fault, found, wanted = each.code, each.found, each.wanted
        why = because("form_scheme", product=each.product, fault=fault, found=found, wanted=wanted)
        raise _unfit(kind, "form.sub_lines", why)


def _unfit(kind: ApplicationType, field: str, reason: dict[str, str]) -> ChangeUnfit:
    return ChangeUnfit(application_type=kind, field=field, **reason)


def _codes_of(terms: Terms) -> frozenset[str]:
    """What a change of conditions may give up: all that the letter in force asks by a code."""
    worded = (each.code for each in terms.scheme_conditions)
    return frozenset((*terms.conditions, *terms.requirements, *worded))


# ── what the letter says ─────────────────────────────────────────────────────────────────────────


def changed_terms(
    assessment: Assessment,
    line: CreditLine,
    edition: PolicyEdition,
    on: date,
    asked: Sequence[ConditionAsked] = (),
) -> Terms:
    """The line's terms with what the form changes, and with what who approved asked for."""
    application, terms = assessment.dossier.application, line.terms
    form, changed = application.form, dict[str, Any]()
    added = list(asked)
    match form:
        case ExtensionForm():
            changed["ends_on"] = form.until
        case ConditionsForm():
            added = [*form.added, *asked]
            changed = {
                name: tuple(each for each in getattr(terms, name) if each not in form.dropped)
                for name in ("conditions", "requirements")
            }
        case ProductsForm():
            dedicated = edition.product(form.product).dedicated
            changed = {
                "product": form.product,
                "sub_lines": form.sub_lines,
                "purpose": application.purpose if dedicated else "",
            }
        case _:
            pass
    dropped = form.dropped if isinstance(form, ConditionsForm) else ()
    worded = tuple(each for each in terms.scheme_conditions if each.code not in dropped)
    taken = _numbers(each.code for each in terms.scheme_conditions)
    changed["scheme_conditions"] = (
        *worded,
        *approvers_conditions(assessment, edition, on, added, taken),
    )
    return terms.model_copy(update=changed)


def _numbers(codes: Iterable[str]) -> dict[str, int]:
    """The highest number of each kind: one that was given up leaves a gap, and no second of it."""
    found: dict[str, int] = {}
    for code in codes:
        kind, _, number = code.partition(":")
        found[kind] = max(found.get(kind, 0), int(number or 0))
    return found


def changes(
    application: Application, line: CreditLine, terms: Terms, edition: PolicyEdition
) -> tuple[LetterChange, ...]:
    """What the letter of change changes of the line, from what to what."""
    return tuple(_changes(application, line, terms, edition))


def _changes(
    application: Application, line: CreditLine, terms: Terms, edition: PolicyEdition
) -> Iterator[LetterChange]:
    before, form = line.terms, application.form
    if isinstance(form, ExtensionForm):
        before_on, last_on = line.last_draw_on or line.ends_on, last_draw_on(form, line, edition)
        yield _change("ends_on", line.ends_on, form.until)
        if last_on != before_on:
            yield _change("last_draw_on", before_on, last_on)
    if application.application_type is ApplicationType.TERMINATION:
        yield _change("status", line.status.value, "terminated")
    if isinstance(form, CoverForm):
        yield from (_change("covers", "", f"{each.cover_id} {each.amount}") for each in form.added)
        yield from (_change("covers", code, "") for code in form.released)
    for field in _PLAIN_FIELDS:
        if (was := getattr(before, field)) != (now := getattr(terms, field)):
            yield _change(field, was, now)
    if before.sub_lines != terms.sub_lines:
        yield _change("sub_lines", _sub_lines(before), _sub_lines(terms))
    for field in ("conditions", "requirements"):
        was, now = getattr(before, field), getattr(terms, field)
        yield from (_change(field, code, "") for code in was if code not in now)
        yield from (_change(field, "", code) for code in now if code not in was)
    yield from _worded(before.scheme_conditions, terms.scheme_conditions)


_PLAIN_FIELDS = (
    "limit",
    "nominal_limit",
    "term_months",
    "rate_annual",
    "payment_days",
    "product",
    "purpose",
)


def _worded(
    before: Iterable[SchemeCondition], after: Iterable[SchemeCondition]
) -> Iterator[LetterChange]:
    was, now = list(before), list(after)
    yield from (_change("scheme_conditions", each.text, "") for each in was if each not in now)
    yield from (_change("scheme_conditions", "", each.text) for each in now if each not in was)


def last_draw_on(form: ExtensionForm, line: CreditLine, edition: PolicyEdition) -> date:
    """The last day of a use of a line that is extended; never before the one it has."""
    last_on = form.until - timedelta(days=edition.line.last_draw_days_before_end)
    return max(last_on, line.last_draw_on or line.ends_on)


def _sub_lines(terms: Terms) -> str:
    return "; ".join(f"{each.product} {each.limit}" for each in terms.sub_lines)


def _change(field: str, before: object, after: object) -> LetterChange:
    return LetterChange(field=field, before=_text(before), after=_text(after))


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)
