"""Late interest (逾期利息): which rate an overdue invoice bears.

What was signed is what is charged: an invoice issued under an agreement bears the rate that the
agreement states. On open account it bears the rate of the edition in force on the invoice's date.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from domain.benchmark import LineRate
from domain.contract import AgreementInForce, LateClause, agreement_no
from domain.edition import LatePolicy, PolicyEdition
from domain.late import AgreedLate, LateRate
from domain.receivable import Invoice


def late_rate(from_on: date, of: LateClause | LatePolicy) -> LateRate:
    """What a clause, or an edition, lets a day bear from a day on."""
    return LateRate(
        from_on=from_on,
        rate_annual=Fraction(of.rate_annual),
        year_days=of.year_days,
        grace_days=of.grace_days,
    )


def agreed_late(agreement: AgreementInForce, history: Sequence[LineRate] = ()) -> AgreedLate:
    """What a signed agreement lets its invoices bear once they are overdue.

    `history` are the rates of its line day by day: what a floating rate came to counts where there is
    no clause, and the agreement's article on interest goes on.
    """
    clause = agreement.terms.late_clause
    if agreement.terms.late is None and agreement.terms.floating is not None:
        own = [each for each in history if agreement_no(each.letter_no) == agreement.agreement_no]
        rates = tuple(
            late_rate(each.from_on, clause.model_copy(update={"rate_annual": each.rate_annual}))
            for each in own
        )
    else:
        rates = (late_rate(agreement.from_on, clause),)
    return AgreedLate(
        agreement_no=agreement.agreement_no,
        currency=agreement.terms.limit.currency,
        from_on=agreement.from_on,
        until_on=agreement.until_on,
        rates=rates,
    )


def agreement_for(invoice: Invoice, agreed: Sequence[AgreedLate]) -> AgreedLate | None:
    """The agreement in its currency that an invoice was issued under, the newest where there are
    several; None where it is on open account. `agreed` are in the order in which they took effect.
    """
    held = [
        each
        for each in agreed
        if each.currency == invoice.amount.currency
        and each.from_on <= invoice.issued_on <= each.until_on
    ]
    return held[-1] if held else None


def late_rates(
    invoice: Invoice,
    agreement: AgreedLate | None,
    spans: Sequence[tuple[date, PolicyEdition]],
) -> tuple[LateRate, ...]:
    """What the days of an invoice bear: the agreement's, or the rate of the edition of its date.

    `spans` are the editions with the day each took effect, oldest first. An invoice that is older
    than all of them bears the first one's, from the day on which it took effect.
    """
    if agreement is not None:
        return agreement.rates
    in_force = [each for each in spans if each[0] <= invoice.issued_on] or list(spans[:1])
    return tuple(late_rate(since, edition.late) for since, edition in in_force[-1:])
