"""The market environment (市场环境): on which days an edition changes an industry's outlook, and how."""

from datetime import date, timedelta

from domain.edition import PolicyEdition
from domain.outlook import OutlookChange
from policies.limit import outlook_of


def outlook_changes(
    edition: PolicyEdition, before: PolicyEdition | None = None
) -> tuple[OutlookChange, ...]:
    """What changes on the day an edition takes effect and as its rows begin and end, by day.

    `before` is the edition in force until then; of the first edition only what its rows do later is
    a change, as there was nothing that it could change.
    """
    rows = (*edition.limit.outlooks, *(before.limit.outlooks if before else ()))
    industries = sorted({row.industry for row in rows})
    found = []
    for on in _days(edition):
        first = on == edition.effective_on
        earlier = before if first else edition
        if earlier is None:
            continue
        for industry in industries:
            was = outlook_of(industry, on - timedelta(days=1), earlier)
            now = outlook_of(industry, on, edition)
            if was != now:
                found.append(OutlookChange(industry=industry, on=on, share_before=was, share=now))
    return tuple(found)


def _days(edition: PolicyEdition) -> list[date]:
    """The days on which an outlook may change while the edition is in force."""
    starts = [row.effective_from for row in edition.limit.outlooks if row.effective_from]
    ends = [
        row.effective_until + timedelta(days=1)
        for row in edition.limit.outlooks
        if row.effective_until and row.effective_until < date.max
    ]
    since = edition.effective_on
    return sorted({since, *(day for day in (*starts, *ends) if day > since)})
