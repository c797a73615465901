"""The agreement as a document: what it says, what it refuses to say, and that it says it the same."""

import re
import tomllib
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.documents.agreement import KEY_TERMS_END, render_contract, render_letter, terms_in
from activities.documents.typesetting import TEMPLATES, literal
from domain.contract import LateClause, SchemeCondition, Terms
from domain.cover import CoverKind
from domain.errors import GlyphMissing, OutOfOrder
from domain.money import Money
from domain.scheme import SubLine
from domain.terms import FloatingRate, FloatingTerms, PaymentTerms
from storage.edition import read_shipped
from tests.makers_contract import GRANTOR, a_customer, a_letter, some_terms, text_of

BY_PARTS = "0.3*cash_first@order + 0.7*net_days:0@shipment/bank_acceptance:6"
WORDS = ["抵押登记办妥。", "The mortgage is registered [at the office], 10 % paid.", "15 方案条件"]
CODES = st.from_regex(r"\A[a-z][a-z0-9_]{0,24}(:[0-9]{1,3})?\Z")
TERMS = st.builds(
    Terms,
    customer_id=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"),
    limit=st.builds(
        Money,
        minor=st.integers(min_value=1, max_value=10**15),
        currency=st.sampled_from(["CNY", "USD", "JPY", "KWD"]),
    ),
    product=CODES,
    term_months=st.integers(min_value=1, max_value=60),
    rate_annual=st.decimals(min_value=0, max_value=1, places=6),
    payment_days=st.integers(min_value=0, max_value=365),
    conditions=st.lists(CODES, max_size=20, unique=True).map(tuple),
    requirements=st.lists(CODES, max_size=5, unique=True).map(tuple),
    temporary_until=st.none() | st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    late=st.none()
    | st.builds(
        LateClause,
        rate_annual=st.decimals(min_value=0, max_value=1, places=6),
        year_days=st.sampled_from([360, 365]),
        grace_days=st.integers(0, 30),
    ),
    floating=st.none()
    | st.builds(
        FloatingTerms,
        rule=st.builds(
            FloatingRate,
            benchmark=st.sampled_from(["LPR1Y", "SHIBOR-3M"]),
            spread_bp=st.decimals(min_value=-500, max_value=9000, places=2),
            reprice_months=st.integers(1, 60),
            first_reprices_on=st.dates(date(2020, 1, 1), date(2040, 1, 1)),
        ),
        fixing=st.decimals(min_value=Decimal("-0.01"), max_value=1, places=8),
        fixing_on=st.dates(date(2020, 1, 1), date(2040, 1, 1)),
        fixing_version=st.integers(1, 12),
    ),
    sub_lines=st.lists(
        st.builds(
            SubLine,
            product=CODES,
            limit=st.builds(
                Money, minor=st.integers(min_value=1, max_value=10**15), currency=st.just("CNY")
            ),
            tenor_months=st.integers(1, 60),
            deposit_share=st.decimals(min_value=0, max_value=1, places=4),
            covers=st.lists(st.sampled_from(CoverKind), max_size=2, unique=True).map(tuple),
            terms=st.none()
            | st.sampled_from(["net_days:30@invoice", BY_PARTS]).map(PaymentTerms.parse),
        ),
        max_size=4,
    ).map(tuple),
    nominal_limit=st.none()
    | st.builds(Money, minor=st.integers(min_value=1, max_value=10**15), currency=st.just("CNY")),
    purpose=st.sampled_from(["", "河边新厂房设备", "the works at the river"]),
    scheme_conditions=st.lists(
        st.tuples(
            st.sampled_from(WORDS),
            st.sampled_from(["scheme", "cover", "other"]),
            st.sampled_from(["manager", "role.legal"]),
            st.booleans(),
        ),
        max_size=3,
    ).map(
        lambda said: tuple(
            SchemeCondition(
                code=f"{kind}:{n}",
                text=text,
                owner=owner,
                due_on=date(2026, 5, 31),
                after_activation=after,
            )
            for n, (text, kind, owner, after) in enumerate(said, start=1)
        )
    ),
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a document takes too long to shrink
)
@given(TERMS)
def test_the_agreement_states_exactly_the_terms_of_the_letter(terms: Terms) -> None:
    pdf = render_contract(a_letter(terms=terms), a_customer(), GRANTOR)

    assert terms_in(text_of(pdf)) == without_blanks(terms)


def without_blanks(terms: Terms) -> Terms:
    """Free words come back without the blanks, which are where lines break."""
    conditions = tuple(
        each.model_copy(update={"text": re.sub(r"\s", "", each.text)})
        for each in terms.scheme_conditions
    )
    purpose = re.sub(r"\s", "", terms.purpose)
    return terms.model_copy(update={"purpose": purpose, "scheme_conditions": conditions})


def test_the_letter_states_exactly_its_terms() -> None:
    assert terms_in(text_of(render_letter(a_letter(), a_customer(), GRANTOR))) == some_terms()


def test_a_text_without_terms_states_none() -> None:
    assert terms_in("授信协议 Credit Agreement") is None


def test_figures_that_contradict_their_words_state_no_terms() -> None:
    text = text_of(render_contract(a_letter(), a_customer(), GRANTOR))

    assert terms_in(text.replace("CNY 12,500,000.50", "CNY 92,500,000.50")) is None


def test_a_name_that_imitates_the_table_does_not_change_the_terms_read() -> None:
    name = "1 客户号 Customer No. x 2 授信额度 Credit limit CNY 9.00 3 大写金额 Amount in words"
    pdf = render_contract(a_letter(), a_customer(name=name), GRANTOR)

    assert terms_in(text_of(pdf)) == some_terms()


@pytest.mark.parametrize(
    "name",
    [
        '#read("/etc/passwd")',
        "]#{...}",
        'Ltd."); #panic("x") //',
        "Tom \\ Jerry \\u{41} \\n",
        "$x^2$ <label> @reference `raw` *bold* _emph_ = heading",
        "/* comment */ -- --- ... ~ 'quoted' \"quoted\"",
        "<< customer.zh >> <% if x %> {{ x }} <# x #>",
        "昇喆仝镕有限公司",
        "A.len() [b](c)",
    ],
)
def test_whatever_a_customer_is_called_is_printed_as_it_is(name: str) -> None:
    text = text_of(render_contract(a_letter(), a_customer(name=name, name_zh=name), GRANTOR))

    assert text.count("授信协议 Credit Agreement") >= 1
    assert re.sub(r"\s", "", name) in re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    "name",
    [
        "Tamil தமிழ் Ltd",  # a script the font does not have
        "Emoji 🏦",
        "Reversed \u202egnp.exe",  # right-to-left override
        "Zero\u200bwidth",
        "Private \ue000",
    ],
)
def test_a_name_the_font_cannot_print_is_refused_before_anything_is_printed(name: str) -> None:
    with pytest.raises(GlyphMissing) as refused:
        render_contract(a_letter(), a_customer(name=name), GRANTOR)

    assert re.fullmatch(r"U\+[0-9A-F]+( U\+[0-9A-F]+)*", refused.value.facts["characters"])


def test_the_same_letter_gives_the_same_bytes() -> None:
    first = render_contract(a_letter(), a_customer(), GRANTOR)
    # Another document between them, so that nothing but the facts can make them equal.
    render_contract(a_letter(letter_no="PF-2026-000124"), a_customer(name="Other"), GRANTOR)

    assert render_contract(a_letter(), a_customer(), GRANTOR) == first


def test_the_amount_stands_in_figures_and_in_words_of_both_languages() -> None:
    text = re.sub(r"\s", "", text_of(render_contract(a_letter(), a_customer(), GRANTOR)))

    assert "CNY12,500,000.50" in text
    assert "人民币壹仟贰佰伍拾万元伍角整" in text
    assert "CNYTwelveMillionFiveHundredThousandand50/100" in text
    assert re.sub(r"\s", "", KEY_TERMS_END) in text


def test_the_clause_on_overdue_amounts_says_rate_and_day_count_in_figures_and_words() -> None:
    late = LateClause(rate_annual=Decimal("0.1825"), year_days=360, grace_days=3)
    text = text_of(render_contract(a_letter(terms=some_terms(late=late)), a_customer(), GRANTOR))
    bare = re.sub(r"\s", "", text)

    assert "按年利率18.25%（百分之十八点二五）" in bare
    assert "除以360（三百六十），逾期最初3（三）日不计" in bare
    assert "at18.25%(eighteenpointtwofivepercent)ayear" in bare
    assert "ayearof360(threehundredsixty)days;thefirst3(three)daysbearnone." in bare
    assert "underArticle3" not in bare


def test_sub_lines_and_conditions_stand_in_the_agreement_and_its_articles() -> None:
    terms = some_terms(
        sub_lines=(
            SubLine(product="open_account", limit=Money.of(600, "CNY"), tenor_months=3),
            SubLine(product="bank_acceptance", limit=Money.of(300, "CNY"), tenor_months=6),
        ),
        purpose="the works at the river",
        nominal_limit=Money.of(1200, "CNY"),
        scheme_conditions=(
            SchemeCondition(
                code="scheme:1",
                text="The mortgage is registered.",
                owner="manager",
                due_on=date(2026, 5, 31),
            ),
        ),
    )
    bare = re.sub(r"\s", "", text_of(render_contract(a_letter(terms=terms), a_customer(), GRANTOR)))

    assert "Thesub-linesofthekeytermssharethislimit" in bare
    assert "前提条件及方案条件全部满足" in bare
    assert "Themortgageisregistered.〔manager·2026-05-31〕" in bare
    assert "Thefacilityisdedicated" in bare
    assert "全部用信的名义金额合计不超过CNY1,200.00。" in bare
    assert "thenominalamountsofallthatisinusecometoatmostCNY1,200.00." in bare
    plain = re.sub(r"\s", "", text_of(render_contract(a_letter(), a_customer(), GRANTOR)))
    assert "sub-lines" not in plain
    assert "名义金额" not in plain


def test_a_floating_rate_names_benchmark_value_day_basis_points_and_dates() -> None:
    floating = FloatingTerms(
        rule=FloatingRate.parse("LPR1Y+120bp/12m@2027-01-01"),
        fixing=Decimal("0.0305"),
        fixing_on=date(2026, 2, 20),
    )
    letter = a_letter(terms=some_terms(floating=floating))
    bare = re.sub(r"\s", "", text_of(render_contract(letter, a_customer(), GRANTOR)))

    assert "该利率为2026-02-20公布的LPR1Y（3.05%）+120个基点" in bare
    assert "自2027-01-01起每12个月为一个重定价日" in bare
    assert "LPR1Yaspublishedfor2026-02-20(3.05%)and+120basispoints" in bare
    assert "On2027-01-01andevery12months" in bare
    assert terms_in(text_of(render_letter(letter, a_customer(), GRANTOR))) == letter.terms


def test_an_agreement_without_the_clause_goes_on_with_its_article_on_interest() -> None:
    text = text_of(render_contract(a_letter(), a_customer(), GRANTOR))

    assert "underArticle3" in re.sub(r"\s", "", text)
    assert some_terms().late_clause == LateClause(rate_annual=Decimal("0.0535"))


def test_a_demonstration_says_so_and_a_real_grantor_does_not() -> None:
    real = GRANTOR.model_copy(update={"demonstration": False})

    assert "不具有法律效力" in text_of(render_contract(a_letter(), a_customer(), GRANTOR))
    assert "示范" not in text_of(
        render_contract(a_letter(), a_customer(), real.model_copy(update={"name_zh": "授信机构"}))
    )


def test_a_temporary_limit_names_its_last_day_in_both_languages() -> None:
    terms = some_terms(temporary_until=date(2026, 9, 30))
    text = text_of(render_contract(a_letter(terms=terms), a_customer(), GRANTOR))

    assert text.count("2026-09-30") == 3


def test_a_declined_application_has_a_letter_and_no_agreement() -> None:
    declined = a_letter(approved=False, terms=None, reason_codes=("equity_negative",))

    text = text_of(render_letter(declined, a_customer(), GRANTOR))
    assert "Declined" in text
    assert "净资产为负" in text
    assert terms_in(text) is None
    with pytest.raises(OutOfOrder):
        render_contract(declined, a_customer(), GRANTOR)


def test_a_letter_of_change_names_the_letter_it_replaces() -> None:
    letter = a_letter(replaces="PF-2025-000007")

    assert "PF-2025-000007" in text_of(render_letter(letter, a_customer(), GRANTOR))


def test_a_letter_that_no_agreement_follows_promises_none() -> None:
    letter = a_letter(replaces="PF-2025-000007")
    promised = text_of(render_letter(letter, a_customer(), GRANTOR))
    alone = text_of(render_letter(letter, a_customer(), GRANTOR, signed=False))

    assert "The agreement follows this letter" in " ".join(promised.split())
    assert "The agreement follows" not in " ".join(alone.split())
    assert "No agreement follows this letter" in " ".join(alone.split())
    assert "授信协议" not in re.sub(r"\s", "", alone)
    assert terms_in(alone) == letter.terms


def test_a_rate_is_printed_without_loss() -> None:
    letter = a_letter(terms=some_terms(rate_annual=Decimal("0.04123450")))

    assert "4.12345%" in text_of(render_contract(letter, a_customer(), GRANTOR))


@pytest.mark.parametrize("name", ["standard", "invoices"])
def test_every_code_a_shipped_edition_can_put_into_a_letter_has_words(name: str) -> None:
    clauses = tomllib.loads((TEMPLATES / "contract" / "clauses.toml").read_text(encoding="utf-8"))
    edition = read_shipped(name)

    contract = edition.contract
    for kind, codes in (
        ("product", edition.limit.products),
        ("condition", [row.code for row in contract.conditions]),
        ("requirement", [row.code for row in contract.requirements]),
        ("reason", [knock_out.code for knock_out in edition.knock_outs]),
    ):
        assert {code.partition(":")[0] for code in codes} - clauses[kind].keys() == set()
    for named in clauses.values():
        assert all(words["zh"] and words["en"] for words in named.values())


def test_only_text_reaches_a_template() -> None:
    with pytest.raises(AssertionError):
        literal(12)
