"""Late interest on a customer's page: what accrued, what was posted, and what the person may do."""

from dataclasses import dataclass
from datetime import date, timedelta

from domain.late import LateEntry, LateEntryKind, LateWaiver, left_of
from domain.money import Money
from web.console.page import Visit
from web.service.ids import new_id
from web.service.late import LateAccount
from web.service.permissions import Action, permitted


@dataclass(frozen=True)
class LateShown:
    """A customer's late interest, and the entries that the person may act on."""

    account: LateAccount
    period_end_on: date  # of the last whole month
    may_charge: bool
    waivable: tuple[tuple[LateEntry, Money], ...]
    answerable: tuple[LateWaiver, ...]
    reversible: tuple[LateEntry, ...]
    keys: dict[str, str]  # of the forms, by charge


def late_shown(visit: Visit, customer_id: str) -> LateShown:
    """What the page says of late interest; what a person may not do is not offered."""
    person, account = visit.person, visit.services.late.read(visit.person, customer_id)
    entries = account.entries
    left = [(each, left_of(each, entries)) for each in entries if each.kind is LateEntryKind.CHARGE]
    reversed_already = {each.of for each in entries}
    may_waive = permitted(person, Action.LATE_WAIVE)
    may_grant = permitted(person, Action.LATE_GRANT)
    today = visit.services.clock.business_on()
    return LateShown(
        account=account,
        period_end_on=today.replace(day=1) - timedelta(days=1),
        may_charge=permitted(person, Action.LATE_CHARGE),
        waivable=tuple(pair for pair in left if pair[1].minor > 0) if may_waive else (),
        answerable=tuple(
            each for each in account.waivers if may_grant and each.asked_by != person.person_id
        ),
        reversible=tuple(
            each
            for each in entries
            if may_grant
            and each.kind is LateEntryKind.WAIVER
            and each.entry_id not in reversed_already
        ),
        keys={each.entry_id: new_id() for each, _ in left},
    )
