"""What stands above a limit that fell is put on a plan and a hold, and both go when it is given back.

Looked at by the line, by the monitoring of its customer, by the word that caps it and whenever a
release or repayment is owed another look; an account has one plan, whoever comes first. The look is
a part of its caller's transaction.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from domain.calendar import day_begins_at
from domain.check import Act, Finding, RuleKind
from domain.customer import Customer
from domain.edition import PolicyEdition
from domain.event import ExcessFound, ExcessLate, ExcessSettled
from domain.excess import EXCESS, Excess, ExcessStatus, cause_of, over_of
from domain.exposure import Balance
from domain.hold import Hold, HoldOn
from domain.identity import SYSTEM
from domain.ids import uuid7
from domain.line import CreditLine
from domain.money import Money
from domain.notification import Channel, Notice
from domain.value import content_hash
from policies.check import hold_owner
from policies.excess import planned
from storage.customer import Customers
from storage.edition import Editions
from storage.event import Events
from storage.excess import Excesses
from storage.exposure import Accounts
from storage.hold import Holds
from storage.line import Lines
from storage.notification import Outbox
from storage.recheck import owe_recheck

LINE, SUB_LINE, CUSTOMER, GROUP = "line", "sub_line", "customer", "group"


class Looked(NamedTuple):
    """When an account is looked at, and on which business day."""

    at: datetime
    on: date
    offset_days: int = 0


class _Whose(NamedTuple):
    """Whose an account is: a line's with its customer, a customer's, or a group's."""

    customer_id: str | None = None
    line_id: str | None = None
    group_id: str | None = None


def look_at_line(session: Session, line: CreditLine, looked: Looked) -> None:
    """The accounts of a line and its sub-lines; of one that has ended, what is on a plan."""
    accounts = Accounts(session)
    own = accounts.find_balance(LINE, line.line_id, line.limit.currency, looked.on)
    subs = [each for each, _ in accounts.sub_lines(line.line_id, looked.on)]
    balances = [*([own] if own is not None else []), *subs]
    planned_for = {each.account for each in Excesses(session).open_of_line(line.line_id)}
    if not planned_for and (line.status.ended or not any(map(over_of, balances))):
        return
    hold_line(session, line.line_id)
    whose = _Whose(customer_id=line.customer_id, line_id=line.line_id)
    for balance in balances:
        if balance.account in planned_for or (over_of(balance) and not line.status.ended):
            _look(session, balance, whose, looked)


def look_at_customer(
    session: Session, customer: Customer, lines: Iterable[CreditLine], looked: Looked
) -> None:
    """The accounts of a customer's lines, its caps, those of its group, and of one that it left and is
    held for still."""
    for line in sorted(lines, key=lambda each: each.line_id):
        look_at_line(session, line, looked)
    look_at_caps(session, CUSTOMER, customer.customer_id, looked)
    if customer.group_id is not None:
        look_at_caps(session, GROUP, customer.group_id, looked)
    for plan in Excesses(session).open_of_customer(customer.customer_id, customer.group_id):
        if plan.group_id not in (None, customer.group_id):
            look_again(session, plan, looked)


def look_at_caps(session: Session, kind: str, owner_id: str, looked: Looked) -> None:
    """The accounts that a customer's or a group's caps are on."""
    whose = _Whose(customer_id=owner_id) if kind == CUSTOMER else _Whose(group_id=owner_id)
    for balance, _ in Accounts(session).caps(kind, owner_id):
        _look(session, balance, whose, looked)


def look_again(session: Session, excess: Excess, looked: Looked) -> Excess:
    """The account of a plan; the plan as it is then."""
    if excess.line_id is not None:
        hold_line(session, excess.line_id)
    balance = _balance(session, excess.account, excess.over.currency, looked)
    if balance is not None:
        whose = _Whose(excess.customer_id, excess.line_id, excess.group_id)
        _look(session, balance, whose, looked)
    return Excesses(session).read(excess.excess_id)


def hold_line(session: Session, line_id: str) -> None:
    """A line before its plan, as its own look holds them."""
    Lines(session).read(line_id, for_update=True)


def _balance(session: Session, account: str, currency: str, looked: Looked) -> Balance | None:
    kind, _, owner_id = account.partition("/")
    return Accounts(session).find_balance(kind, owner_id, currency, looked.on)


def _look(session: Session, seen: Balance, whose: _Whose, looked: Looked) -> None:
    """Judged by the balance as it is once the account's plan is held."""
    excesses, currency = Excesses(session), seen.used.currency
    known = excesses.find_open(seen.account, currency)
    balance = _balance(session, seen.account, currency, looked) or seen
    over = over_of(balance)
    if known is None and over:
        found = _found(session, balance, over, whose, looked)
        if found is None:
            return
        if excesses.open(found, SYSTEM.person_id, looked.at) is not None:
            _Told(session, found, looked).opened()
            return
        known = excesses.find_open(seen.account, currency)
    if known is None:
        return
    edition = _edition(session, looked) if over > known.found else None
    policy = edition.excess if edition is not None else None
    added = planned(over - known.found, looked.on, policy) if policy is not None else ()
    settle_look(session, known, known.looked(over, looked.on, added), looked)


def settle_look(
    session: Session,
    before: Excess,
    after: Excess,
    looked: Looked,
    by: str = SYSTEM.person_id,
) -> None:
    """Write what a look, or other dates, made of a plan that was read for update, keep its holds as
    it says, and tell what is new."""
    if not after.settled:
        ids = (*before.hold_ids, *(each.hold_id for each in _holds(session, after, looked)))
        ids = tuple(dict.fromkeys(ids))
        if ids != before.hold_ids:  # somebody else's, of whose group it is
            changed = {"hold_ids": ids, "version": before.version + 1}
            after = after.model_copy(update=changed)
    if after != before:
        Excesses(session).write(after, by, looked.at)
    _Told(session, after, looked).changed(before)


def _edition(session: Session, looked: Looked) -> PolicyEdition | None:
    return Editions(session).find_current(looked.on)


def _found(
    session: Session, balance: Balance, over: Money, whose: _Whose, looked: Looked
) -> Excess | None:
    """The plan that policy makes for what was found; None where it makes none."""
    edition = _edition(session, looked)
    if edition is None or edition.excess is None:
        return None
    kind, _, owner_id = balance.account.partition("/")
    currency = over.currency
    n = Excesses(session).count(balance.account, currency)
    chance = bytes.fromhex(content_hash([balance.account, currency, n])[:20])
    decided = Accounts(session).newest_limit_key(kind, owner_id, currency)
    excess = Excess(
        excess_id=uuid7(int(looked.at.timestamp() * 1000), chance),
        account=balance.account,
        **whose._asdict(),
        cause=cause_of(balance, decided, looked.on),
        opened_on=looked.on,
        found=over,
        found_on=looked.on,
        steps=planned(over, looked.on, edition.excess),
        over=over,
        offset_days=looked.offset_days,
    )
    ids = tuple(each.hold_id for each in _holds(session, excess, looked))
    return excess.model_copy(update={"hold_ids": ids})


# ── the hold ─────────────────────────────────────────────────────────────────────────────────────


def _holds(session: Session, excess: Excess, looked: Looked) -> list[Hold]:
    """The holds that stand while a plan is open: on the line, or on whoever the cap is over."""
    edition = Editions(session).read_current(looked.on)
    step, finding = excess.binding_step, _finding(excess)
    subjects = [(HoldOn.CUSTOMER, each, each) for each in _customers(session, excess)]
    if excess.line_id is not None and excess.customer_id is not None:
        subjects = [(HoldOn.LINE, excess.line_id, excess.customer_id)]
    return [
        Hold(
            hold_id=content_hash([excess.excess_id, subject_id])[:32],
            holds=holds,
            subject_id=subject_id,
            customer_id=customer_id,
            line_id=excess.line_id,
            amount=excess.over,
            set_by=SYSTEM.person_id,
            reason_code=EXCESS,
            reasons=(finding,),
            reasons_now=(finding,),
            looked_at=looked.at,
            owner=f"role.{hold_owner(edition)}",
            opened_at=looked.at,
            opened_on=looked.on,
            due_at=day_begins_at(step.due_on + timedelta(days=1), excess.offset_days),
            review_on=step.due_on,
            offset_days=excess.offset_days,
        )
        for holds, subject_id, customer_id in subjects
    ]


def _finding(excess: Excess) -> Finding:
    """What stands above, and how much of it may stand once the day of its next step is over."""
    step = excess.binding_step
    return Finding(
        rule=EXCESS,
        kind=RuleKind.STANDING_HOLD,
        sequence=0,
        act=Act.HOLD,
        reference=excess.excess_id,
        found=excess.over,
        allowed=step.stands,
        since=step.due_on,
        binding=excess.account,
        word=EXCESS,
    )


def _customers(session: Session, excess: Excess) -> list[str]:
    """Whom a plan is told to, and held for where it is of a cap."""
    if excess.group_id is None:
        return [excess.customer_id] if excess.customer_id is not None else []
    lines = Lines(session)
    members = Customers(session).members(excess.group_id)
    return [
        each
        for each in members
        if any(not line.status.ended for line in lines.list_of_customer(each))
    ]


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


class _Told:
    """The holds of a plan as it is now, and everybody who hears of it."""

    def __init__(self, session: Session, excess: Excess, looked: Looked) -> None:
        self._session = session
        self._excess = excess
        self._looked = looked

    def opened(self) -> None:
        self._hold()
        self._tell(ExcessFound, Notice.EXCESS_FOUND)

    def changed(self, before: Excess) -> None:
        after = self._excess
        if after.settled:
            self._cure(after.hold_ids)
            self._tell(ExcessSettled)
            return
        self._hold()
        if after.steps != before.steps:
            self._tell(ExcessFound, Notice.EXCESS_FOUND)
        if after.status is ExcessStatus.LATE and before.status is not ExcessStatus.LATE:
            self._tell(ExcessLate, Notice.EXCESS_LATE)

    def _hold(self) -> None:
        holds, at = Holds(self._session), self._looked.at
        wanted_holds = _holds(self._session, self._excess, self._looked)
        standing = {each.hold_id for each in wanted_holds}
        self._cure(each for each in self._excess.hold_ids if each not in standing)  # left the group
        for hold in wanted_holds:
            if holds.find(hold.hold_id) is None:
                holds.write(hold, SYSTEM.person_id, at)
                continue
            known = holds.read(hold.hold_id, for_update=True)
            wanted = {"amount": hold.amount, "review_on": hold.review_on, "due_at": hold.due_at}
            if known.open and known.reasons_now != hold.reasons_now:
                changed = known.looked(hold.reasons_now, at).model_copy(update=wanted)
                holds.write(changed, SYSTEM.person_id, at)

    def _cure(self, hold_ids: Iterable[str]) -> None:
        holds, looked = Holds(self._session), self._looked
        for hold_id in hold_ids:
            hold = holds.read(hold_id, for_update=True)
            if hold.open:
                holds.write(hold.cured(EXCESS, looked.at, looked.on), SYSTEM.person_id, looked.at)
                owe_recheck(self._session, f"hold/{hold_id}", "hold", hold.customer_id)

    def _tell(
        self,
        event: type[ExcessFound | ExcessLate | ExcessSettled],
        notice: Notice | None = None,
    ) -> None:
        excess, step = self._excess, self._excess.binding_step
        key, kind = f"{excess.excess_id}/{excess.version}", event.kind.replace(".", "_")
        if excess.line_id is not None:
            Lines(self._session).post_event(
                excess.line_id,
                f"{key}/{kind}",
                kind,
                at=self._looked.at,
                excess_id=excess.excess_id,
                amount=str(excess.over),
            )
        for customer_id in _customers(self._session, excess):
            told = event(
                customer_id=customer_id,
                excess_id=excess.excess_id,
                account=excess.account,
                cause=excess.cause,
                over=excess.over,
                due_on=None if excess.settled else step.due_on,
            )
            Events(self._session).post(told, f"{key}/{customer_id}")
            if notice is not None:
                self._mail(notice, customer_id, f"{key}/{kind}")

    def _mail(self, notice: Notice, customer_id: str, key: str) -> None:
        excess, step = self._excess, self._excess.binding_step
        manager_id = Customers(self._session).read(customer_id).manager_id
        told = [f"person:{manager_id}"]
        if excess.group_id is None:  # what a group owes is none of its members' business
            told.append(f"customer:{customer_id}")
        for recipient in told:
            Outbox(self._session).post(
                Channel.MAIL,
                f"{key}/{recipient}",
                recipient=recipient,
                kind=notice,
                facts={
                    "account": f"over_{excess.account.partition('/')[0]}",
                    "over": str(excess.over),
                    "repay": str(excess.gap(step)),
                    "due_on": step.due_on.isoformat(),
                    "ends_on": excess.steps[-1].due_on.isoformat(),
                    "excess_id": excess.excess_id,
                },
            )
