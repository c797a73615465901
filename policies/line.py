"""The dates of a line and the bounds of what may be asked of it."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal

from domain.contract import Terms
from domain.edition import PolicyEdition, Product
from domain.exposure import Fitting, SubLimit, UseBounds
from domain.money import Money
from domain.scheme import SubLine
from domain.value import Value


class LineDates(Value):
    """From when, until when, the last day of a use, and when it is looked at again."""

    starts_on: date
    ends_on: date
    last_draw_on: date
    review_due_on: date


def line_dates(
    starts_on: date,
    term_months: int,
    grade: str,
    edition: PolicyEdition,
    *,
    temporary_until: date | None = None,
) -> LineDates:
    """A line of `term_months` ends the day before the same day of its last month's follower."""
    ends_on = temporary_until or months_later(starts_on, term_months) - timedelta(days=1)
    return LineDates(
        starts_on=starts_on,
        ends_on=ends_on,
        last_draw_on=ends_on - timedelta(days=edition.line.last_draw_days_before_end),
        review_due_on=min(review_due_on(starts_on, grade, edition), ends_on),
    )


def use_bounds(terms: Terms, ends_on: date, terms_days: int, edition: PolicyEdition) -> UseBounds:
    """What the uses of a line are held to: its product or sub-lines, a dedicated one's purpose, the
    longest tenor of one use and the last day that one may be due on."""
    after = edition.line.maturity_days_after_end
    several = len(terms.sub_lines) > 1
    named = terms.product if several or not terms.sub_lines else terms.sub_lines[0].product
    product = edition.limit.products.get(named)
    tenor = terms.sub_lines[0].tenor_months if terms.sub_lines and not several else None
    single = product is not None and not several and not product.comprehensive
    return UseBounds(
        terms_days=terms_days,
        fitting=Fitting(
            product=named if single else None,
            purpose=(terms.purpose or None) if product is not None and product.dedicated else None,
            tenor_months=tenor or (product.tenor_months_max if product and single else None),
            matures_by=ends_on + timedelta(days=after) if after is not None else None,
            nominal_limit=terms.nominal_limit,
            revolving=product.revolving if product is not None and single else True,
            deposit_share=_deposit_share(terms.sub_lines[0] if terms.sub_lines else None, product)
            if single
            else Decimal(0),
        ),
        sub_lines=tuple(_sub_limit(each, terms, edition) for each in terms.sub_lines)
        if several
        else (),
        overlap=edition.temporary.overlap,
    )


def _sub_limit(sub: SubLine, terms: Terms, edition: PolicyEdition) -> SubLimit:
    product = edition.limit.products.get(sub.product)
    return SubLimit(
        product=sub.product,
        limit=sub.limit,
        tenor_months=sub.tenor_months,
        revolving=product.revolving if product is not None else True,
        deposit_share=_deposit_share(sub, product),
        purpose=(terms.purpose or None) if product is not None and product.dedicated else None,
    )


def _deposit_share(sub: SubLine | None, product: Product | None) -> Decimal:
    """Of the nominal amount, at least: what the scheme says, and never below the catalogue."""
    return max(
        sub.deposit_share if sub is not None else Decimal(0),
        product.deposit_min if product is not None else Decimal(0),
    )


def reservation_seconds(edition: PolicyEdition) -> int:
    """How long a reservation holds before it expires."""
    return int(edition.line.reservation_minutes * 60)


def review_due_on(since: date, grade: str, edition: PolicyEdition) -> date:
    """When a line is looked at next: the grade's cycle after the last decision."""
    return months_later(since, edition.review.cycle_months[grade])


def temporary_limit_max(line_limit: Money, edition: PolicyEdition) -> Money:
    """The highest a line's limit may go for a time, rounded down."""
    return line_limit + line_limit.share(edition.temporary.share_max)


def temporary_until_max(business_on: date, edition: PolicyEdition) -> date:
    """The last day that a temporary limit may last to."""
    return business_on + timedelta(days=edition.temporary.days_max)


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month; never later than the
    last day that has a date."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
