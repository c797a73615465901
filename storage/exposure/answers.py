"""What the procedures of migration 0047 answer, in the words of the field."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from domain.errors import (
    CreditError,
    CurrencyMismatch,
    DepositTooLow,
    DrawsOver,
    KeyReused,
    LineExpired,
    LineHeld,
    LineNotActive,
    LineNotStarted,
    MaturesLate,
    MoreThanDeposited,
    MoreThanReserved,
    MoreThanUsed,
    NoLine,
    NotFound,
    OutOfOrder,
    OverLimit,
    OverNominal,
    ProductMissing,
    ProductRefused,
    PurposeRefused,
    ReservationClosed,
    TenorExceeded,
)
from domain.exposure import EntryKind, Movement
from domain.money import Money
from domain.value import Value


class Answer(NamedTuple):
    """The fields of the database's `exposure_answer`."""

    verdict: str | None
    line_id: str
    entry_id: str | None
    reserved: int
    used: int
    headroom: int | None
    binding: str | None
    fact: str | None = None
    expires_at: datetime | None = None
    replayed: bool = False
    amount: int | None = None
    currency: str | None = None
    rests: list[str] | None = None


Columns = tuple[str, int, int, int | None, str | None, dict[str, Any] | None]
_Value = TypeVar("_Value", bound=Value)


def granted(
    columns: Columns,
    line_id: str | None,
    entry_id: str,
    amount: Money,
    expires_at: datetime | None,
) -> Movement:
    """The reservation that was made now, from the few figures it is answered with."""
    _, reserved, used, headroom, binding, more = columns
    currency = amount.currency
    return _trusted(
        Movement,
        {
            "kind": EntryKind.RESERVE,
            "entry_id": entry_id,
            "line_id": line_id if more is None else more["line_id"],
            "amount": amount,
            "reservation_id": entry_id,
            "reserved": _trusted(Money, {"minor": reserved, "currency": currency}),
            "used": _trusted(Money, {"minor": used, "currency": currency}),
            "headroom": None
            if headroom is None
            else _trusted(Money, {"minor": headroom, "currency": currency}),
            "binding": binding,
            "expires_at": expires_at,
            "replayed": False,
            "kept": (),
        },
    )


def is_grant(columns: Columns) -> bool:
    """Whether a reservation was made now; every other answer comes whole, in the last column."""
    return columns[5] is None or "verdict" not in columns[5]


def answer_of(columns: Columns) -> Answer:
    """The whole answer of what is no new grant."""
    more = columns[5]
    assert more is not None
    at = more["expires_at"]
    return Answer(**more | {"expires_at": datetime.fromisoformat(at) if at is not None else None})


def movement_of(
    kind: EntryKind, answer: Answer, amount: Money, reservation_id: str | None
) -> Movement:
    currency = amount.currency
    headroom = answer.headroom
    return Movement(
        kind=kind,
        entry_id=answer.entry_id,
        line_id=answer.line_id,
        amount=amount,
        reservation_id=reservation_id,
        reserved=Money(minor=answer.reserved, currency=currency),
        used=Money(minor=answer.used, currency=currency),
        headroom=Money(minor=headroom, currency=currency) if headroom is not None else None,
        binding=answer.binding,
        expires_at=answer.expires_at,
        replayed=answer.replayed,
        kept=tuple(answer.rests or ()),
    )


def _trusted(kind: type[_Value], fields: dict[str, Any]) -> _Value:
    """A value of all its fields, which come from our own procedure and are not validated again.

    Validating them would take as long as a third of the whole call.
    """
    value = kind.__new__(kind)
    object.__setattr__(value, "__dict__", fields)
    object.__setattr__(value, "__pydantic_fields_set__", set(fields))
    object.__setattr__(value, "__pydantic_extra__", None)
    object.__setattr__(value, "__pydantic_private__", None)
    return value


_PARTICIPLES = {"commit": "committed", "release": "released", "expire": "expired"}


def refusal_of(
    answer: Answer,
    amount: Money | None,
    key: str,
    line_id: str,
    customer_id: str | None,
    reservation_id: str | None = None,
) -> CreditError:
    """What the verdict means to whoever asked."""
    line = answer.line_id or line_id
    fact = answer.fact or ""
    match answer.verdict:
        case "over_limit":
            assert amount is not None
            assert answer.headroom is not None
            headroom = Money(minor=answer.headroom, currency=amount.currency)
            return OverLimit(amount=amount, headroom=headroom, binding=answer.binding)
        case "key_reused":
            return KeyReused(key=key)
        case "no_line" if customer_id is not None:
            assert amount is not None
            return NoLine(customer_id=customer_id, currency=amount.currency)
        case "no_line":
            return NotFound(kind="line", id=line_id)
        case "currency":
            assert amount is not None
            return CurrencyMismatch(first=amount.currency, second=fact)
        case "ended":
            return LineExpired(line_id=line, ended_on=fact)
        case "draws_over":
            return DrawsOver(line_id=line, last_draw_on=fact)
        case "not_started":
            return LineNotStarted(line_id=line, starts_on=fact)
        case "held":
            return LineHeld(line_id=line)
        case "no_reservation":
            return NotFound(kind="reservation", id=reservation_id)
        case "closed":
            return ReservationClosed(reservation_id=reservation_id, status=_PARTICIPLES[fact])
        case "not_due":
            return OutOfOrder(reason="the reservation's time is not over")
        case "more_than_reserved":
            assert amount is not None
            return MoreThanReserved(
                amount=amount, reserved=Money(minor=int(fact), currency=amount.currency)
            )
        case "more_than_used":
            assert amount is not None
            return MoreThanUsed(
                amount=amount, used=Money(minor=int(fact), currency=amount.currency)
            )
        case "more_than_deposited":
            assert amount is not None
            return MoreThanDeposited(
                amount=amount, deposited=Money(minor=int(fact), currency=amount.currency)
            )
        case "product_missing":
            return ProductMissing(line_id=line)
        case "product":
            return ProductRefused(line_id=line, product=fact)
        case "product_frozen" | "product_collect_only" | "product_expired" | "product_terminated":
            return LineNotActive(
                line_id=line, status=(answer.verdict or "").removeprefix("product_")
            )
        case "purpose":
            return PurposeRefused(line_id=line, purpose=fact)
        case "tenor":
            return TenorExceeded(line_id=line, months_max=fact)
        case "matures_late":
            return MaturesLate(line_id=line, latest_on=fact)
        case "deposit":
            return DepositTooLow(line_id=line, share=f"{Decimal(fact or 0) * 100:f}")
        case "over_nominal":
            assert amount is not None
            return OverNominal(
                line_id=line, headroom=Money(minor=int(fact or 0), currency=amount.currency)
            )
        case status:
            return LineNotActive(line_id=line, status=status)
