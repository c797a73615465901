"""Ownership files in the Beneficial Ownership Data Standard (BODS 0.4): parties and their links.

Statements of one record supersede each other in the order of their dates. An interest that says it
is indirect is left out where the file has all the links it is made of, so that nothing is counted
twice; of a share that is only bounded the lower bound is taken.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, DecimalException
from typing import Any

from domain.customer import Identifier, IdentifierScheme
from domain.errors import ImportTooLarge, Malformed
from domain.party import Link, LinkKind, Party, PartyKind
from web.service.imports.rows import BYTES_MAX, ROWS_MAX

_SCHEMES = {"XI-LEI": IdentifierScheme.LEI, "CN-SAIC": IdentifierScheme.USCC}
_KINDS = {
    "registeredEntity": PartyKind.COMPANY,
    "legalEntity": PartyKind.COMPANY,
    "arrangement": PartyKind.ARRANGEMENT,
    "anonymousEntity": PartyKind.ARRANGEMENT,
    "unknownEntity": PartyKind.ARRANGEMENT,
    "state": PartyKind.ARRANGEMENT,
    "stateBody": PartyKind.ARRANGEMENT,
}
_OWNING = {"shareholding", "beneficiaryOfLegalArrangement", "rightsToSurplusAssetsOnDissolution"}
_CONTROLLING = {
    "appointmentOfBoard",
    "otherInfluenceOrControl",
    "controlViaCompanyRulesOrArticles",
    "controlByLegalFramework",
    "settlor",
    "trustee",
    "protector",
    "nominator",
}
_UNNAMED = "name not given"


@dataclass(frozen=True)
class Known:
    """A party of the file, and the codes a customer of ours may go by."""

    party: Party
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True)
class Ownership:
    """What a file says: parties by their record, links between records, and what was left out."""

    parties: Mapping[str, Known]
    links: Sequence[Link]
    left_out: Sequence[tuple[str, str]]  # record, and why


def read_ownership(content: bytes, source: str) -> Ownership:
    """Parties and links of a file, a JSON array or one statement a line.

    Refuses `Malformed`, and `ImportTooLarge`.
    """
    if len(content) > BYTES_MAX:
        raise ImportTooLarge(megabytes_max=BYTES_MAX // (1024 * 1024), rows_max=ROWS_MAX)
    records: dict[str, dict[str, Any]] = {}
    for statement in sorted(_statements(content), key=lambda each: str(each["statementDate"])):
        records[statement["recordId"]] = statement
    parties = {
        record: _party(record, each["recordDetails"])
        for record, each in records.items()
        if each["recordType"] in ("entity", "person")
    }
    links, left_out = dict[str, list[Link]](), list[tuple[str, str]]()
    relationships = {
        record: each for record, each in records.items() if each["recordType"] == "relationship"
    }
    # What others are made of comes first.
    for record, each in sorted(relationships.items(), key=lambda pair: _parts(pair[1])):
        try:
            links[record] = _links(record, each, parties, links, source)
        except _LeftOut as reason:
            left_out.append((record, str(reason)))
    return Ownership(parties, [link for each in links.values() for link in each], left_out)


def _parts(statement: Mapping[str, Any]) -> int:
    return len(statement["recordDetails"].get("componentRecords") or ())


class _LeftOut(Exception):
    """A relationship that says too little to be a link."""


def _statements(content: bytes) -> Iterator[dict[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
        parsed = (
            json.loads(text, parse_float=Decimal)
            if text.lstrip()[:1] == "["
            else [json.loads(row, parse_float=Decimal) for row in text.splitlines() if row.strip()]
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Malformed(
            reason=f"no JSON ({error})", reason_zh=f"不是有效的 JSON（{error}）"
        ) from None
    for place, each in enumerate(parsed, start=1):
        wanted = {"recordId": str, "recordType": str, "recordDetails": dict, "statementDate": str}
        for name, kind in wanted.items():
            if not isinstance(each, dict) or not isinstance(each.get(name), kind):
                raise Malformed(
                    reason=f"statement {place} has no {name}",
                    reason_zh=f"第 {place} 条声明缺少 {name}",
                )
        yield each


def _party(record: str, details: Mapping[str, Any]) -> Known:
    if "personType" in details:
        kind = PartyKind.PERSON
        names: Any = details.get("names") or [{}]
        name = names[0].get("fullName") if isinstance(names, list) else None
    else:
        stated = details.get("entityType")
        word = stated.get("type") if isinstance(stated, dict) else stated
        kind, name = _KINDS.get(str(word), PartyKind.ARRANGEMENT), details.get("name")
    shown = "".join(each for each in str(name or _UNNAMED) if each.isprintable())
    return Known(
        Party(party_id=_id("bods", record), name=shown[:200].strip() or _UNNAMED, kind=kind),
        tuple(_identifiers(details.get("identifiers"))),
    )


def _identifiers(stated: Any) -> Iterator[Identifier]:
    for each in stated if isinstance(stated, list) else ():
        scheme = _SCHEMES.get(str(each.get("scheme"))) if isinstance(each, dict) else None
        if scheme is not None:
            try:
                yield Identifier(scheme=scheme, value=str(each.get("id")))
            except ValueError:
                continue  # a code that its own digits deny leads to nobody


def _links(
    record: str,
    statement: Mapping[str, Any],
    parties: Mapping[str, Known],
    known: Mapping[str, Sequence[Link]],
    source: str,
) -> list[Link]:
    details = statement["recordDetails"]
    ends = [details.get(end) for end in ("interestedParty", "subject")]
    for end in ends:
        if not isinstance(end, str) or end not in parties:
            raise _LeftOut("one end is not in the file")
    holder, subject = (parties[str(end)].party.party_id for end in ends)
    stated = details.get("interests")
    interests = [each for each in stated if isinstance(each, dict)] if stated else []
    components = details.get("componentRecords") or []
    made = bool(components) and all(_is_told(each, parties, known) for each in components)
    told = [each for each in interests if not (made and each.get("directOrIndirect") == "indirect")]
    if interests and not told:
        return []  # made of links that the file has
    found = [
        _link(f"{record}-{place}", statement, kind, interest, (holder, subject), source)
        for place, interest in enumerate(told)
        if (kind := _kind(interest)) is not None and holder != subject
    ]
    if not found:
        raise _LeftOut("no interest that owns or controls")
    return found


def _is_told(
    component: str, parties: Mapping[str, Known], known: Mapping[str, Sequence[Link]]
) -> bool:
    """Whether a part of a sum is in the file with all that is needed to make the sum again."""
    return component in parties or any(
        link.kind is LinkKind.CONTROLS or link.share is not None
        for link in known.get(component, ())
    )


def _kind(interest: Mapping[str, Any]) -> LinkKind | None:
    """What an interest is; votes are control where they are a majority."""
    word = interest.get("type")
    if word in _CONTROLLING:
        return LinkKind.CONTROLS
    if word == "votingRights":
        share = _share(interest)
        return LinkKind.CONTROLS if share is not None and share > Decimal("0.5") else None
    if word in _OWNING or (word is None and interest.get("beneficialOwnershipOrControl") is True):
        return LinkKind.OWNS
    return None


def _link(
    record: str,
    statement: Mapping[str, Any],
    kind: LinkKind,
    interest: Mapping[str, Any],
    ends: tuple[str, str],
    source: str,
) -> Link:
    until = _day(interest.get("endDate"))
    if until is None and statement.get("recordStatus") == "closed":
        until = _day(statement["statementDate"][:10])
    begun = _day(interest.get("startDate"))
    last = until - timedelta(days=1) if until is not None else None
    if begun is not None and last is not None and last < begun:
        last = begun
    return Link(
        link_id=_id("bods", record),
        kind=kind,
        holder=ends[0],
        subject=ends[1],
        share=_share(interest) if kind is LinkKind.OWNS else None,
        valid_from=begun,
        valid_until=last,
        source=source,
    )


def _share(interest: Mapping[str, Any]) -> Decimal | None:
    stated = interest.get("share")
    if not isinstance(stated, dict):
        return None
    for name in ("exact", "minimum", "exclusiveMinimum"):
        if name in stated:
            try:
                share = Decimal(str(stated[name])) / 100
            except DecimalException:
                return None
            return share if 0 < share <= 1 else None
    return None


def _day(stated: Any) -> date | None:
    """A day, or the first of the month or year where no more is said."""
    found = re.match(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", str(stated or ""))
    if found is None:
        return None
    year, month, day = (int(part or 1) for part in found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _id(prefix: str, record: str) -> str:
    """An id of ours for a record of theirs, which may hold any character."""
    if re.fullmatch(r"[A-Za-z0-9._-]{1,58}", record):
        return f"{prefix}-{record}"
    return f"{prefix}-{hashlib.sha256(record.encode()).hexdigest()[:32]}"
