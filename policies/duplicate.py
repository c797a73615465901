"""Which records are likely of one customer, and why; whether they are is for two people to say.

Names are compared without their legal form, in one width, case and script, by letters and by sound.
A large book is not compared each with each: who agrees on a code, a mail domain or an invoice meets,
and by name each record meets its neighbours in the order of the names, read forwards and backwards
(sorted neighbourhoods, Hernández and Stolfo 1995).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import NamedTuple
from unicodedata import normalize

from opencc import OpenCC
from pypinyin import lazy_pinyin
from rapidfuzz import fuzz

from domain.customer import Customer, IdentifierScheme
from domain.edition import DuplicatesPolicy
from domain.merge import Likeness, LikenessReason

_NEIGHBOURS = 12
_NAMES_KEPT = 200_000
_LEGAL_FORM_ZH = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|有限合伙|合伙企业|集团|总公司|分公司|公司|株式会社)"
)
_LEGAL_FORM = re.compile(
    r"\b(and|co|company|corp|corporation|inc|incorporated|ltd|limited|llc|llp|lp|plc|gmbh|ag|kg|sarl|sa"
    r"|srl|spa|bv|nv|ab|as|oy|pte|pty|sp z o o|sdn bhd|kk|holding|holdings|group)\b"
)
_HAN = re.compile(r"[\u3400-\u9fff]")

Invoices = Mapping[
    str, frozenset[tuple[str, int, str]]
]  # by customer: number, minor units, currency


class Traits(NamedTuple):
    """What of a record is compared."""

    customer_id: str
    names: frozenset[str]  # as `name_core` gives them
    sounds: frozenset[str]
    codes: frozenset[str]
    code_parts: frozenset[str]  # what is a code on its own elsewhere, inside another code
    mail_domain: str
    invoices: frozenset[tuple[str, int, str]]


@lru_cache(maxsize=_NAMES_KEPT)
def name_core(name: str) -> str:
    """A name without its legal form, in one width, case and script; empty where nothing is left."""
    text = normalize("NFKC", name).casefold()
    if _HAN.search(text):
        text = _LEGAL_FORM_ZH.sub("", _simplified().convert(text))
    text = re.sub(r"[^\w]+", " ", text.replace(".", ""))
    return re.sub(r"[\s_]+", "", _LEGAL_FORM.sub(" ", text))


@lru_cache(maxsize=_NAMES_KEPT)
def name_sound(core: str) -> str:
    """A core as it is said, in Latin letters: 远航 and "Yuanhang" sound alike."""
    return "".join(lazy_pinyin(core)) if _HAN.search(core) else core


def traits_of(customer: Customer, invoices: Invoices | None = None) -> Traits:
    names = frozenset(filter(None, map(name_core, (customer.name, customer.name_zh))))
    codes = frozenset(_compact(code.value) for code in customer.identifiers)
    # The organisation code lies within the unified social credit code (GB 32100-2015).
    parts = frozenset(
        code.value[8:17] for code in customer.identifiers if code.scheme is IdentifierScheme.USCC
    )
    return Traits(
        customer_id=customer.customer_id,
        names=names,
        sounds=frozenset(map(name_sound, names)),
        codes=codes,
        code_parts=parts,
        mail_domain=customer.mail.rpartition("@")[2].casefold(),
        invoices=(invoices or {}).get(customer.customer_id, frozenset()),
    )


def likeness(first: Traits, second: Traits, policy: DuplicatesPolicy) -> Likeness | None:
    """How likely two records are one customer; None below the score from which it is told.

    Independent hints add up: one minus the product of what each leaves open.
    """
    worth = dict(_reasons(first, second, policy))
    open_share = Decimal(1)
    for points in worth.values():
        open_share *= 1 - points
    score = 1 - open_share
    if not worth or score < policy.score_min:
        return None
    one, other = sorted((first.customer_id, second.customer_id))
    return Likeness(
        first_id=one,
        second_id=other,
        reasons=tuple(worth),
        score=score.quantize(Decimal("0.0001")),
    )


def likenesses(
    book: Sequence[Traits], policy: DuplicatesPolicy, *, about: str | None = None
) -> tuple[Likeness, ...]:
    """The pairs of a book that are likely one customer, the likeliest first.

    `about` one record, it is compared with every other one.
    """
    found = (likeness(first, second, policy) for first, second in _pairs(book, policy, about))
    told = [each for each in found if each is not None]
    return tuple(sorted(told, key=lambda each: (-each.score, each.first_id, each.second_id)))


def _reasons(
    first: Traits, second: Traits, policy: DuplicatesPolicy
) -> Iterator[tuple[LikenessReason, Decimal]]:
    alike = True
    if first.names & second.names:
        yield LikenessReason.NAME_SAME, policy.name_same
    elif _closest(first, second) >= policy.name_alike_min:
        yield LikenessReason.NAME_ALIKE, policy.name_alike
    else:
        alike = False
    if (
        first.codes & second.codes
        or first.codes & second.code_parts
        or second.codes & first.code_parts
    ):
        yield LikenessReason.IDENTIFIER, policy.identifier
    if alike and first.mail_domain == second.mail_domain and _tells(first.mail_domain, policy):
        yield LikenessReason.MAIL_DOMAIN, policy.mail_domain
    if first.invoices & second.invoices:
        yield LikenessReason.INVOICE, policy.invoice


def _closest(first: Traits, second: Traits) -> Decimal:
    """How close two names come at best, by letters or by sound; whole per mille, rounded down."""
    ratios = [
        fuzz.ratio(one, other)
        for ours, theirs in ((first.names, second.names), (first.sounds, second.sounds))
        for one in ours
        for other in theirs
    ]
    return Decimal(int(max(ratios, default=0) * 10)) / 1000


def _pairs(
    book: Sequence[Traits], policy: DuplicatesPolicy, about: str | None
) -> Iterable[tuple[Traits, Traits]]:
    if about is not None:
        one = next((each for each in book if each.customer_id == about), None)
        return [] if one is None else [(one, each) for each in book if each is not one]
    by_id = {each.customer_id: each for each in book}
    met: set[tuple[str, str]] = set()
    for order in (*_named(book), *_agreeing(book, policy)):
        for place, customer_id in enumerate(order):
            for other in order[place + 1 : place + 1 + _NEIGHBOURS]:
                if other != customer_id:
                    met.add((min(customer_id, other), max(customer_id, other)))
    return [(by_id[first], by_id[second]) for first, second in sorted(met)]


def _named(book: Iterable[Traits]) -> Iterator[list[str]]:
    """The records in the order of how they sound, forwards and backwards."""
    sounds = [(sound, each.customer_id) for each in book for sound in each.sounds]
    yield [customer_id for _, customer_id in sorted(sounds)]
    yield [customer_id for _, customer_id in sorted((sound[::-1], who) for sound, who in sounds)]


def _agreeing(book: Iterable[Traits], policy: DuplicatesPolicy) -> Iterable[list[str]]:
    groups: dict[object, list[str]] = defaultdict(list)
    for each in book:
        shared: set[object] = {*each.codes, *each.code_parts, *each.invoices}
        if _tells(each.mail_domain, policy):
            shared.add(("@", each.mail_domain))
        for key in shared:
            groups[key].append(each.customer_id)
    return [group for group in groups.values() if len(group) > 1]


def _tells(mail_domain: str, policy: DuplicatesPolicy) -> bool:
    return bool(mail_domain) and mail_domain not in policy.mail_domains_shared


def _compact(code: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", normalize("NFKC", code).upper())


@cache
def _simplified() -> OpenCC:
    return OpenCC("t2s")
