"""How much of what a party owes us stands against what we owe it (抵销), under which agreement."""

from collections.abc import Iterable
from datetime import date

from domain.money import Money
from domain.trade import SetOffAgreement, SideOfCurrency


def side(
    invoiced: Money,
    prepaid: Money,
    owed_to_it: Money,
    agreements: Iterable[SetOffAgreement],
    on: date,
) -> SideOfCurrency:
    """Both sides in one currency, with the offset that an agreement in force allows.

    Never more than either side or than the agreement's most; without an agreement nothing. Of
    several agreements the one that allows most counts, the first of equals.
    """
    gross = invoiced + prepaid
    zero = Money.zero(gross.currency)
    best, under = zero, None
    for agreement in agreements:
        if not agreement.holds_on(on):
            continue
        allowed = _least(gross, owed_to_it, agreement.most)
        if allowed > best:
            best, under = allowed, agreement.agreement_id
    return SideOfCurrency(
        currency=gross.currency,
        invoiced=invoiced,
        prepaid=prepaid,
        owed_to_it=owed_to_it,
        offset=best,
        agreement_id=under,
    )


def _least(gross: Money, owed_to_it: Money, most: Money | None) -> Money:
    least = min(gross, owed_to_it)
    if most is None:
        return least
    return min(least, most) if most.currency == least.currency else Money.zero(least.currency)
