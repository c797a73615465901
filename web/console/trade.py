"""Both sides of a party on its page: a role and its end, what we owe it, and what we paid of that."""

from collections.abc import Mapping
from typing import Any

from domain.money import Money
from domain.trade import PayableContent, RoleContent, SettlementContent, TradeRole
from web.console.lists import CURRENCIES, plain_amount
from web.console.page import Visit
from web.service.permissions import Action, permitted

_FIELDS = (
    "role valid_from valid_until source payable_no issued_on due_on amount currency"
    " settlement_no settled_on"
).split()


def trade_shown(
    visit: Visit, customer_id: str, opened: str = "", typed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The forms that the person is offered, with what was typed into the one that is open."""
    return {
        "may_record": permitted(visit.person, Action.TRADE_RECORD),
        "may_owe": permitted(visit.person, Action.PAYABLE_RECORD),
        "known": visit.services.trade.list_roles(visit.person, customer_id),
        "roles": list(TradeRole),
        "currencies": CURRENCIES,
        "opened": opened,
        "typed": {**dict.fromkeys(_FIELDS, ""), **(typed or {})},
    }


def role_of(visit: Visit, typed: Mapping[str, str]) -> RoleContent:
    """A role as it was typed; without a last day it lasts."""
    return visit.valid(RoleContent, {**typed, "valid_until": typed["valid_until"] or None})


def payable_of(visit: Visit, typed: Mapping[str, str]) -> PayableContent:
    """What we owe as it was typed."""
    amount = Money.of(plain_amount(typed["amount"]), typed["currency"])
    said = {name: text for name, text in typed.items() if name != "currency"}
    return visit.valid(PayableContent, {**said, "amount": amount})


def settlement_of(visit: Visit, typed: Mapping[str, str]) -> SettlementContent:
    """What we paid as it was typed; the payable chosen brings its currency."""
    currency, _, payable_no = typed["payable"].partition(" ")
    return visit.valid(
        SettlementContent,
        {
            "settlement_no": typed["settlement_no"],
            "payable_no": payable_no,
            "settled_on": typed["settled_on"],
            "amount": Money.of(plain_amount(typed["amount"]), currency),
        },
    )
