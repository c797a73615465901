"""Which rate an overdue invoice bears: its agreement's, or that of the edition of its own date."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from domain.benchmark import LineRate, RateCause
from domain.contract import AgreementInForce, LateClause, Terms
from domain.edition import LatePolicy, PolicyEdition
from domain.receivable import Invoice
from domain.terms import FloatingRate, FloatingTerms
from policies.late import agreed_late, agreement_for, late_rates
from tests.makers_contract import some_terms
from tests.makers_policy import an_edition, usd
from tests.makers_policy import cny as amount

FROM = date(2026, 2, 1)
UNTIL = date(2027, 1, 31)


def an_agreement(terms: Terms, no: str = "PF-1-XY", **fields: date) -> AgreementInForce:
    ordinary = {"from_on": FROM, "until_on": UNTIL, **fields}
    return AgreementInForce(agreement_no=no, line_id="line-1", terms=terms, **ordinary)


def an_invoice(issued_on: date) -> Invoice:
    return Invoice(
        customer_id="c-1",
        invoice_no="INV-1",
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=30),
        amount=amount(100_000),
    )


def charging(rate: str, grace_days: int = 0) -> PolicyEdition:
    late = LatePolicy(rate_annual=Decimal(rate), grace_days=grace_days)
    return an_edition().model_copy(update={"late": late})


CLAUSE = LateClause(rate_annual=Decimal("0.12"), year_days=365, grace_days=5)
SPANS = [(date(2026, 1, 1), charging("0.18", 3)), (date(2026, 6, 1), charging("0.24"))]


def test_an_invoice_under_an_agreement_bears_what_was_signed_whatever_editions_say() -> None:
    agreed = agreed_late(an_agreement(some_terms(late=CLAUSE)))

    for issued_on in (FROM, date(2026, 7, 1), UNTIL):
        invoice = an_invoice(issued_on)
        (rate,) = late_rates(invoice, agreement_for(invoice, [agreed]), SPANS)
        assert (rate.rate_annual, rate.year_days, rate.grace_days) == (Fraction("0.12"), 365, 5)


def test_before_and_after_an_agreement_an_invoice_is_on_open_account() -> None:
    agreed = [agreed_late(an_agreement(some_terms(late=CLAUSE)))]

    assert agreement_for(an_invoice(FROM - timedelta(days=1)), agreed) is None
    assert agreement_for(an_invoice(UNTIL + timedelta(days=1)), agreed) is None


def test_an_agreement_in_another_currency_is_none_for_the_invoice() -> None:
    in_dollars = an_agreement(
        some_terms(limit=usd(100_000), late=CLAUSE), "PF-2-XY", from_on=date(2026, 3, 1)
    )
    ours = an_agreement(some_terms(late=CLAUSE))
    invoice = an_invoice(date(2026, 7, 1))

    assert agreement_for(invoice, [agreed_late(in_dollars)]) is None
    found = agreement_for(invoice, [agreed_late(ours), agreed_late(in_dollars)])
    assert found is not None
    assert found.agreement_no == ours.agreement_no


def test_of_several_agreements_the_one_that_took_effect_last_before_the_invoice_holds() -> None:
    renewed = LateClause(rate_annual=Decimal("0.15"))
    agreed = [
        agreed_late(an_agreement(some_terms(late=CLAUSE))),
        agreed_late(an_agreement(some_terms(late=renewed), "PF-2-XY", from_on=date(2026, 8, 1))),
    ]

    before = agreement_for(an_invoice(date(2026, 7, 31)), agreed)
    after = agreement_for(an_invoice(date(2026, 8, 1)), agreed)
    assert before is not None
    assert before.agreement_no == "PF-1-XY"
    assert after is not None
    assert after.agreement_no == "PF-2-XY"


def test_an_agreement_without_the_clause_lets_its_article_on_interest_go_on() -> None:
    agreed = agreed_late(an_agreement(some_terms(rate_annual=Decimal("0.0535"))))

    (rate,) = agreed.rates
    assert (rate.rate_annual, rate.year_days, rate.grace_days) == (Fraction("0.0535"), 360, 0)


def test_a_floating_rate_without_the_clause_goes_on_as_it_was_set_day_by_day() -> None:
    rule = FloatingRate.parse("LPR1Y+120bp/6m@2026-08-01")
    terms = some_terms(
        floating=FloatingTerms(rule=rule, fixing=Decimal("0.03"), fixing_on=date(2026, 1, 20))
    )
    history = [
        LineRate(
            line_id="line-1",
            from_on=on,
            rate_annual=Decimal(rate),
            cause=RateCause.LETTER,
            letter_no=letter_no,
        )
        for on, rate, letter_no in (
            (FROM, "0.042", "PF-1"), (date(2026, 8, 1), "0.039", "PF-1"), (UNTIL, "0.5", "PF-2"),
        )
    ]  # fmt: skip

    agreed = agreed_late(an_agreement(terms), history)
    assert [(each.from_on, each.rate_annual) for each in agreed.rates] == [
        (FROM, Fraction("0.042")),
        (date(2026, 8, 1), Fraction("0.039")),
    ]


def test_on_open_account_the_edition_of_the_invoices_date_holds_to_the_end() -> None:
    old = late_rates(an_invoice(date(2026, 5, 31)), None, SPANS)
    new = late_rates(an_invoice(date(2026, 6, 1)), None, SPANS)

    assert [each.rate_annual for each in old] == [Fraction("0.18")]
    assert [each.rate_annual for each in new] == [Fraction("0.24")]


def test_an_invoice_older_than_every_edition_bears_the_first_from_its_day_on() -> None:
    (rate,) = late_rates(an_invoice(date(2025, 6, 1)), None, SPANS)

    assert (rate.from_on, rate.rate_annual) == (date(2026, 1, 1), Fraction("0.18"))
    assert late_rates(an_invoice(FROM), None, []) == ()
