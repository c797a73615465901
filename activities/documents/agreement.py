"""The agreement (授信协议) and the letter (授信批复书) as PDF, and the terms read back out of them.

Both are set from the letter, the customer's record and the grantor's name, and from nothing else.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from babel.numbers import get_currency_name

from activities.documents.typesetting import TEMPLATES, typeset
from domain.contract import (
    Grantor,
    LateClause,
    Letter,
    LetterChange,
    SchemeCondition,
    Terms,
    agreement_no,
)
from domain.cover import CoverKind
from domain.customer import Customer, IdentifierScheme
from domain.errors import OutOfOrder
from domain.money import Money
from domain.scheme import SubLine
from domain.terms import FloatingRate, FloatingTerms, PaymentTerms
from domain.wording import (
    chinese_number,
    chinese_percent,
    chinese_words,
    english_number,
    english_percent,
    english_words,
)

KEY_TERMS_END = "要素表完 End of key terms"
_NONE = "无 / none"

_IDENTIFIERS = {
    IdentifierScheme.USCC: ("统一社会信用代码", "Unified social credit code"),
    IdentifierScheme.LEI: ("全球法人识别编码", "LEI"),
    IdentifierScheme.INTERNAL: ("内部编号", "Internal number"),
}


def render_contract(letter: Letter, customer: Customer, grantor: Grantor) -> bytes:
    """The agreement that an approval letter calls for; refuses `OutOfOrder` for a decline."""
    if letter.terms is None or not letter.approved:
        raise OutOfOrder(reason="only an approval is followed by an agreement")
    terms = letter.terms
    facts = {
        **_shared(letter, customer, grantor),
        **_term_facts(terms),
        "agreement_no": agreement_no(letter.letter_no),
    }
    return typeset("contract/agreement.typ", facts, letter.decided_on)


def render_letter(
    letter: Letter, customer: Customer, grantor: Grantor, *, signed: bool = True
) -> bytes:
    """The numbered approval letter: scheme, conditions, requirements, or the reasons of a decline;
    `signed` is whether an agreement follows."""
    facts = {
        **_shared(letter, customer, grantor),
        **(_term_facts(letter.terms) if letter.terms else {"key_terms": []}),
        "approved": letter.approved,
        "signed": signed,
        "reasons": words_of("reason", letter.reason_codes),
        "valid_until": letter.valid_until.isoformat(),
        "content_hash": letter.content_hash,
        "replaces": letter.replaces or "",
        "changes": [_change_facts(each) for each in letter.changes],
        "decided_by": ", ".join(letter.decided_by),
    }
    return typeset("contract/letter.typ", facts, letter.decided_on)


def _change_facts(change: LetterChange) -> dict[str, str]:
    """What a letter changes, from what to what, as its table says it."""
    (named,) = words_of("letter_change", [change.field])
    return {**named, "before": change.before or _NONE, "after": change.after or _NONE}


def _shared(letter: Letter, customer: Customer, grantor: Grantor) -> dict[str, Any]:
    return {
        "letter_no": letter.letter_no,
        "decided_on": letter.decided_on.isoformat(),
        "grantor": {"zh": grantor.name_zh or grantor.name, "en": grantor.name},
        "demonstration": grantor.demonstration,
        "customer": {
            "zh": customer.name_zh or customer.name,
            "en": customer.name if customer.name_zh else "",
            "identifiers": [
                {"zh": zh, "en": en, "value": identifier.value}
                for identifier in customer.identifiers
                for zh, en in [_IDENTIFIERS[identifier.scheme]]
            ],
        },
        "key_terms_end": KEY_TERMS_END,
    }


def _term_facts(terms: Terms) -> dict[str, Any]:
    return {
        "key_terms": _key_terms(terms),
        "limit": str(terms.limit),
        "limit_words_zh": _limit_words(terms.limit),
        "limit_words_en": english_words(terms.limit),
        "term_months": str(terms.term_months),
        "rate": _percent(terms.rate_annual),
        "payment_days": str(terms.payment_days),
        "temporary_until": terms.temporary_until.isoformat() if terms.temporary_until else "",
        "late": _late_facts(terms.late) if terms.late else None,
        "floating": _floating_facts(terms.floating) if terms.floating else None,
        "sub_lines": bool(terms.sub_lines),
        "purpose": terms.purpose,
        "nominal_limit": str(terms.nominal_limit) if terms.nominal_limit is not None else "",
        "scheme_conditions": bool(terms.scheme_conditions),
        "afterwards": any(each.after_activation for each in terms.scheme_conditions),
    }


def _floating_facts(floating: FloatingTerms) -> dict[str, str]:
    """The rule of a floating rate as its article states it."""
    rule = floating.rule
    return {
        "benchmark": rule.benchmark,
        "fixing": _percent(floating.fixing),
        "fixing_on": floating.fixing_on.isoformat(),
        "spread": _basis_points(rule.spread_bp),
        "months": str(rule.reprice_months),
        "first_on": rule.first_reprices_on.isoformat(),
    }


def _floating_row(floating: FloatingTerms | None) -> str | None:
    if floating is None:
        return None
    version = floating.fixing_version
    return f"{floating.rule.text}, {_percent(floating.fixing)} ({floating.fixing_on}" + (
        f" 第 {version} 版 / version)" if version > 1 else ")"
    )


def _late_facts(late: LateClause) -> dict[str, str]:
    """The clause on overdue amounts, in figures and in words."""
    return {
        "rate": _percent(late.rate_annual),
        "rate_zh": chinese_percent(late.rate_annual),
        "rate_en": english_percent(late.rate_annual),
        "year": str(late.year_days),
        "year_zh": chinese_number(late.year_days),
        "year_en": english_number(late.year_days),
        "grace": str(late.grace_days) if late.grace_days else "",
        "grace_zh": chinese_number(late.grace_days),
        "grace_en": english_number(late.grace_days),
    }


def _sub_line_entry(line: SubLine) -> dict[str, str]:
    """A sub-line: product, limit, tenor, deposit, cover asked for, and its payment terms."""
    (entry,) = words_of("product", (line.product,))
    facts = (
        str(line.limit),
        f"{line.tenor_months} 个月 / months",
        f"保证金 deposit {_percent(line.deposit_share)}",
        "+".join(line.covers) or _NONE,
        _NONE if line.terms is None else line.terms.text,
    )
    return {**entry, "en": " · ".join((entry["en"], *facts))}


# It also tells where the amount ends: the number of the next row follows it.
_DEPOSITS_COUNT = "，含保证金 / deposits counted"
_AFTERWARDS = "启用后 after activation, by "


def _condition_entry(condition: SchemeCondition) -> dict[str, str]:
    after = _AFTERWARDS if condition.after_activation else ""
    words = f"〔{condition.owner} · {after}{condition.due_on}〕"
    return {"code": condition.code, "zh": condition.text, "en": words}


def _late_row(late: LateClause | None) -> str | None:
    if late is None:
        return None
    return (
        f"{_percent(late.rate_annual)}, 一年 {late.year_days} 日 / days,"
        f" 宽限 {late.grace_days} 日 / days of grace"
    )


def _key_terms(terms: Terms) -> list[dict[str, Any]]:
    """The rows of the table of terms, in the order and form `terms_in` reads them.

    The first ten are in every document; of the others those that the terms have.
    """
    values: list[str | Sequence[Mapping[str, str]] | None] = [
        terms.customer_id,
        str(terms.limit),
        _limit_words(terms.limit),
        words_of("product", (terms.product,)),
        f"{terms.term_months} 个月 / months",
        _percent(terms.rate_annual),
        f"{terms.payment_days} 日 / days",
        terms.temporary_until.isoformat() if terms.temporary_until else _NONE,
        words_of("condition", terms.conditions) or _NONE,
        words_of("requirement", terms.requirements) or _NONE,
        _late_row(terms.late),
        _floating_row(terms.floating),
        [_sub_line_entry(each) for each in terms.sub_lines] or None,
        f"{terms.nominal_limit}{_DEPOSITS_COUNT}" if terms.nominal_limit is not None else None,
        terms.purpose or None,
        [_condition_entry(each) for each in terms.scheme_conditions] or None,
    ]
    rows = [
        (*labels, value) for labels, value in zip(_LABELS, values, strict=True) if value is not None
    ]
    return [
        {
            "no": str(number),
            "label_zh": label_zh,
            "label": label,
            "value": value if isinstance(value, str) else "",
            "entries": [] if isinstance(value, str) else value,
            "note": english_words(terms.limit) if label_zh == "大写金额" else "",
        }
        for number, (label_zh, label, value) in enumerate(rows, start=1)
    ]


_LABELS = (
    ("客户号", "Customer No."),
    ("授信额度", "Credit limit"),
    ("大写金额", "Amount in words"),
    ("品种", "Product"),
    ("期限", "Term"),
    ("年利率", "Annual rate"),
    ("账期", "Payment terms"),
    ("临时额度截止日", "Temporary until"),
    ("前提条件", "Conditions precedent"),
    ("管理要求", "Management requirements"),
    ("逾期利息", "Late interest"),
    ("浮动利率", "Floating rate"),
    ("分项额度", "Sub-lines"),
    ("名义金额上限", "Nominal limit"),
    ("专项用途", "Dedicated purpose"),
    ("方案条件", "Conditions of the scheme"),
)
_ALWAYS = 10

_FORMS = (
    r"(?P<customer_id>[A-Za-z0-9][A-Za-z0-9._-]{0,63}?)",
    r"(?P<currency>[A-Z]{3})(?P<amount>[0-9][0-9,]*(?:\.[0-9]+)?)",
    r"(?P<words>[^0-9]+?[元角分厘]整?)(?P<words_en>[A-Z]{3}[A-Za-z-]+(?:[0-9]+/[0-9]+)?)",
    r"\[(?P<product>[^\]]+)\].*?",
    r"(?P<term_months>[0-9]+)个月/months",
    r"(?P<percent>[0-9]+(?:\.[0-9]+)?)%",
    r"(?P<payment_days>[0-9]+)日/days",
    r"(?P<temporary_until>无/none|[0-9]{4}-[0-9]{2}-[0-9]{2})",
    r"(?P<conditions>.*?)",
    r"(?P<requirements>.*?)",
    r"(?P<late_percent>[0-9]+(?:\.[0-9]+)?)%,一年(?P<late_year>[0-9]+)日/days,"
    r"宽限(?P<late_grace>[0-9]+)日/daysofgrace",
    r"(?P<floating>[A-Z][^,]*?),(?P<fixing>-?[0-9]+(?:\.[0-9]+)?)%"
    r"\((?P<fixing_on>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:第(?P<fixing_version>[0-9]+)版/version)?\)",
    r"(?P<sub_lines>\[.*?)",
    r"(?P<nominal_currency>[A-Z]{3})(?P<nominal>[0-9][0-9,]*(?:\.[0-9]+)?)"
    + r"，含保证金/depositscounted",
    r"(?P<purpose>.+?)",
    r"(?P<scheme_conditions>\[(?:scheme|cover|document|covenant|other):.*?)",
)
_SUB_LINE = re.compile(
    r"\[(?P<product>[^\]]+)\][^·]*·(?P<currency>[A-Z]{3})(?P<amount>[0-9][0-9,]*(?:\.[0-9]+)?)"
    r"·(?P<tenor_months>[0-9]+)个月/months·保证金deposit(?P<deposit>[0-9.]+)%"
    r"·(?P<covers>无/none|[a-z_+]+)·(?P<terms>无/none|[^\[]+?)(?=\[|$)"
)
_SCHEME_CONDITION = re.compile(
    r"\[(?P<code>(?:scheme|cover|document|covenant|other):[0-9]+)\](?P<text>.+?)"
    r"〔(?P<owner>[^〔〕·]+)·(?P<after>[^0-9〕]*)(?P<due_on>[0-9]{4}-[0-9]{2}-[0-9]{2})〕"
)


def terms_in(text: str) -> Terms | None:
    """The terms that a document's text states; None where it states none, or states them twice.

    Blanks do not count: they are where lines break, and free words come back without them. Figures and words of the limit must agree.
    """
    bare = _unpaged(_bare(text))
    found = list(_table_pattern().finditer(bare))
    if len(found) != 1:
        return None
    row = found[0].groupdict()
    limit = Money.of(row["amount"].replace(",", ""), row["currency"])
    if row["words"] != _bare(_limit_words(limit)) or row["words_en"] != _bare(english_words(limit)):
        return None
    until = row["temporary_until"]
    return Terms(
        customer_id=row["customer_id"],
        limit=limit,
        product=row["product"],
        term_months=int(row["term_months"]),
        rate_annual=Decimal(row["percent"]) / 100,
        payment_days=int(row["payment_days"]),
        conditions=tuple(re.findall(r"\[([^\]]+)\]", row["conditions"])),
        requirements=tuple(re.findall(r"\[([^\]]+)\]", row["requirements"])),
        temporary_until=None if until == _bare(_NONE) else date.fromisoformat(until),
        late=_late_in(row),
        floating=_floating_in(row),
        sub_lines=tuple(map(_sub_line_in, _SUB_LINE.finditer(row["sub_lines"] or ""))),
        purpose=row["purpose"] or "",
        nominal_limit=Money.of(row["nominal"].replace(",", ""), row["nominal_currency"])
        if row["nominal"]
        else None,
        scheme_conditions=tuple(
            _condition_in(found.groupdict())
            for found in _SCHEME_CONDITION.finditer(row["scheme_conditions"] or "")
        ),
    )


def _condition_in(found: dict[str, str]) -> SchemeCondition:
    after = found.pop("after")
    return SchemeCondition.model_validate(found | {"after_activation": after == _bare(_AFTERWARDS)})


def _sub_line_in(found: re.Match[str]) -> SubLine:
    none = _bare(_NONE)
    covers, terms = found["covers"], found["terms"]
    return SubLine(
        product=found["product"],
        limit=Money.of(found["amount"].replace(",", ""), found["currency"]),
        tenor_months=int(found["tenor_months"]),
        deposit_share=Decimal(found["deposit"]) / 100,
        covers=() if covers == none else tuple(CoverKind(each) for each in covers.split("+")),
        terms=None if terms == none else PaymentTerms.parse(terms),
    )


def _floating_in(row: Mapping[str, str | None]) -> FloatingTerms | None:
    rule, fixing, fixing_on = row["floating"], row["fixing"], row["fixing_on"]
    if rule is None or fixing is None or fixing_on is None:
        return None
    return FloatingTerms(
        rule=FloatingRate.parse(rule),
        fixing=Decimal(fixing) / 100,
        fixing_on=date.fromisoformat(fixing_on),
        fixing_version=int(row["fixing_version"] or 1),
    )


def _late_in(row: Mapping[str, str | None]) -> LateClause | None:
    percent, year, grace = row["late_percent"], row["late_year"], row["late_grace"]
    if percent is None or year is None or grace is None:
        return None
    return LateClause(
        rate_annual=Decimal(percent) / 100, year_days=int(year), grace_days=int(grace)
    )


@cache
def _table_pattern() -> re.Pattern[str]:
    rows = [
        re.escape(_bare(zh) + _bare(en)) + form
        for (zh, en), form in zip(_LABELS, _FORMS, strict=True)
    ]
    always = (f"{number}{row}" for number, row in enumerate(rows[:_ALWAYS], start=1))
    further = (f"(?:[0-9]{{1,2}}{row})?" for row in rows[_ALWAYS:])
    return re.compile("".join((*always, *further)) + re.escape(_bare(KEY_TERMS_END)))


def _unpaged(bare: str) -> str:
    """The text without what is printed between two pages, where a table may break."""
    head = _TITLE.match(bare)
    if head is None:
        return bare
    return re.sub(_FOOT + re.escape(head["header"]), "", bare)


_TITLE = re.compile(r"(?P<header>.*?)(?:授信协议CREDITAGREEMENT|授信批复书APPROVALLETTER)")
_FOOT = (
    r"(?:授信协议CreditAgreement|授信批复书ApprovalLetter)第[0-9]+页/共[0-9]+页Page[0-9]+of[0-9]+"
)


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f}%"


def _basis_points(spread: Decimal) -> str:
    return f"{spread.normalize() + 0:+f}"


def _limit_words(limit: Money) -> str:
    return get_currency_name(limit.currency, locale="zh_Hans_CN") + chinese_words(limit)


def words_of(kind: str, codes: Sequence[str]) -> list[dict[str, str]]:
    """What codes are called in both languages; a code without words stands for itself."""
    named = _clauses().get(kind, {})
    entries = []
    for code in codes:
        name, _, number = code.partition(":")
        words = named.get(name, {"zh": "", "en": ""})
        entries.append(
            {"code": code, **{tongue: words[tongue].replace("{n}", number) for tongue in words}}
        )
    return entries


@cache
def _clauses() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads((TEMPLATES / "contract" / "clauses.toml").read_text(encoding="utf-8"))
