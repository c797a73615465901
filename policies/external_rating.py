"""External ratings (外部评级) on our own scale: the mapping of a day, and which of several counts.

What counted no longer on the day of the judgement is never looked at, and an agency or rating that
the edition does not map has no grade; completeness asks for what is lacking (`gaps`).
"""

from collections.abc import Iterable
from datetime import date

from domain.edition import ExternalChoice, MappingRow, PolicyEdition
from domain.errors import AgencyRatingUnknown, AgencyUnknown
from domain.external_rating import (
    EXTERNAL_RATING,
    AgencyRating,
    AgencyRatingContent,
    ExternalGrade,
    ExternalRating,
    RatingGap,
)
from policies.calendar import in_force

EXTERNAL_CAP = "external_rating_cap"  # what holds a grade down, as an override is told


def mapping_row(agency: str, rating: str, on: date, edition: PolicyEdition) -> MappingRow | None:
    """The row that maps an agency's rating on a day; a checked edition has at most one."""
    for row in edition.external_ratings.rows:
        if row.agency == agency and rating in row.ratings and in_force(row, on):
            return row
    return None


def refuse_unmapped(content: AgencyRatingContent, on: date, edition: PolicyEdition) -> None:
    """Refuses `AgencyUnknown` and `AgencyRatingUnknown` for what no row of a day maps."""
    refuse_unknown_agency(content.agency, edition)
    if mapping_row(content.agency, content.rating, on, edition) is None:
        known = (
            rating
            for row in edition.external_ratings.rows
            if row.agency == content.agency and in_force(row, on)
            for rating in row.ratings
        )
        raise AgencyRatingUnknown(
            agency=content.agency, rating=content.rating, date=on, ratings=", ".join(known) or "-"
        )


def refuse_unknown_agency(agency: str, edition: PolicyEdition) -> None:
    """Refuses `AgencyUnknown` for one that the edition does not name."""
    agencies = edition.external_ratings.agencies
    if agency not in agencies:
        raise AgencyUnknown(agency=agency, agencies=", ".join(agencies) or "-")


def counting(ratings: Iterable[AgencyRating], on: date) -> tuple[ExternalRating, ...]:
    """Each agency's word on a day, as a dossier holds it."""
    names = set(ExternalRating.model_fields)
    return tuple(
        ExternalRating.model_validate(each.model_dump(include=names))
        for each in ratings
        if each.counts(on)
    )


def external_grades(
    ratings: Iterable[ExternalRating], on: date, edition: PolicyEdition
) -> tuple[ExternalGrade, ...]:
    """What the ratings that count are on our scale, in the edition's order of agencies.

    The most cautious is used, or the first in that order, as the edition says.
    """
    policy = edition.external_ratings
    found = []
    for agency in policy.agencies:
        for each in ratings:
            if each.agency != agency or not each.rated_on <= on <= each.valid_until:
                continue
            row = mapping_row(agency, each.rating, on, edition)
            if row is not None:
                found.append(_graded(each, row))
    if not found:
        return ()
    chosen = found[0]
    if policy.choose is ExternalChoice.CAUTIOUS:
        chosen = max(found, key=lambda each: edition.rank(each.grade))  # the first of equals
    return tuple(
        each.model_copy(update={"used": True}) if each is chosen else each for each in found
    )


def used_grade(grades: Iterable[ExternalGrade]) -> str | None:
    """The grade that is judged by; None where no rating counts."""
    return next((each.grade for each in grades if each.used), None)


def grade_ceiling(grades: Iterable[ExternalGrade], edition: PolicyEdition) -> int | None:
    """The best place on the master scale that an external rating leaves; None where it bounds
    nothing."""
    grade, notches = used_grade(grades), edition.external_ratings.notches_above_max
    if grade is None or notches is None:
        return None
    return max(0, edition.rank(grade) - notches)


def gaps(ratings: Iterable[AgencyRating], on: date, edition: PolicyEdition) -> tuple[str, ...]:
    """What a file lacks where a rating is asked for: nothing where one counts and is mapped.

    Each agency whose last rating counts no longer, with the day from which it does not; of nothing
    on record, that a rating is asked for.
    """
    known = [each for each in ratings if each.rated_on <= on]
    if external_grades(counting(known, on), on, edition):
        return ()
    last: dict[str, AgencyRating] = {}
    for each in known:  # newest first
        if each.agency in edition.external_ratings.agencies:
            last.setdefault(each.agency, each)
    return tuple(
        RatingGap(agency=agency, since=_out_since(last[agency], on)).code
        for agency in edition.external_ratings.agencies
        if agency in last
    ) or (EXTERNAL_RATING,)


def _out_since(rating: AgencyRating, on: date) -> date:
    """The last day of its validity, or the day it was withdrawn; of one that no row maps, the day
    it was given."""
    if rating.counts(on):
        return rating.rated_on
    if rating.withdrawn and rating.followed_on is not None and rating.followed_on <= on:
        return min(rating.followed_on, rating.valid_until)
    return rating.valid_until


def _graded(rating: ExternalRating, row: MappingRow) -> ExternalGrade:
    return ExternalGrade(
        agency=rating.agency,
        rating=rating.rating,
        outlook=rating.outlook,
        rated_on=rating.rated_on,
        valid_until=rating.valid_until,
        report_id=rating.report_id,
        grade=row.grade,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
    )
