"""An industry's outlook changes on the days that are named, and on no other."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.edition import Outlook, PolicyEdition
from domain.outlook import OutlookChange
from policies.limit import outlook_of
from policies.outlook import outlook_changes
from tests.makers_policy import a_changed_edition, an_edition

FIRST = an_edition().effective_on
LAST = FIRST + timedelta(days=40)
INDUSTRIES = ("C", "F", "K")


def days(low: int, high: int) -> st.SearchStrategy[date | None]:
    return st.none() | st.integers(low, high).map(lambda days: FIRST + timedelta(days=days))


@st.composite
def rows(draw: st.DrawFn) -> Outlook:
    since = draw(days(-10, 30))
    until = draw(days(-5, 35))
    if since is not None and until is not None and until < since:
        since, until = until, since
    return Outlook(
        industry=draw(st.sampled_from(INDUSTRIES)),
        cap_share=Decimal(draw(st.integers(0, 10))) / 10,
        effective_from=since,
        effective_until=until,
    )


def with_rows(outlooks: list[Outlook], effective_on: date) -> PolicyEdition:
    edition = an_edition()
    limit = edition.limit.model_copy(update={"outlooks": tuple(outlooks)})
    return edition.model_copy(update={"limit": limit, "effective_on": effective_on})


@given(before=st.lists(rows(), max_size=4), after=st.lists(rows(), max_size=4))
def test_the_changes_told_lead_from_what_was_to_what_is_on_every_day(
    before: list[Outlook], after: list[Outlook]
) -> None:
    earlier, edition = with_rows(before, FIRST), with_rows(after, FIRST + timedelta(days=10))
    eve = edition.effective_on - timedelta(days=1)
    share = {industry: outlook_of(industry, eve, earlier) for industry in INDUSTRIES}
    changes = list(outlook_changes(edition, earlier))

    day = edition.effective_on
    while day <= LAST:
        for change in [each for each in changes if each.on == day]:
            assert change.share_before == share[change.industry] != change.share
            share[change.industry] = change.share
        assert share == {industry: outlook_of(industry, day, edition) for industry in INDUSTRIES}
        day += timedelta(days=1)


def test_a_row_that_begins_and_one_that_ends_are_changes_of_their_days() -> None:
    edition = a_changed_edition(
        f"""
        [[limit.outlooks]]
        industry = "C"
        cap_share = 0.4
        effective_from = {FIRST + timedelta(days=5)}
        effective_until = {FIRST + timedelta(days=9)}
        """
    )
    begins, ends = FIRST + timedelta(days=5), FIRST + timedelta(days=10)

    assert outlook_changes(edition) == (
        OutlookChange(industry="C", on=begins, share_before=None, share=Decimal("0.4")),
        OutlookChange(industry="C", on=ends, share_before=Decimal("0.4"), share=None),
    )


def test_the_first_edition_changes_nothing_on_its_own_day() -> None:
    edition = with_rows([Outlook(industry="K", cap_share=Decimal("0.5"))], FIRST)

    assert outlook_changes(edition) == ()
    assert [each.on for each in outlook_changes(edition, with_rows([], FIRST))] == [FIRST]


def test_a_row_that_lasts_for_ever_begins_and_never_ends() -> None:
    begins = FIRST + timedelta(days=5)
    row = Outlook(
        industry="C",
        cap_share=Decimal("0.4"),
        effective_from=begins,
        effective_until=date.max,
    )

    changes = outlook_changes(with_rows([row], FIRST))
    assert [(each.on, each.share) for each in changes] == [(begins, Decimal("0.4"))]
