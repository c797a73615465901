"""The ledger against brute force: whatever is done, in whatever order, on whatever day.

A facility with two sub-lines stands on a guarantor, beside a plain line, under a customer's cap and
a group's. The model keeps nothing but a list of what was posted, and adds it up from the beginning
for every question: of today, of an earlier day, and of an earlier day as it was known then.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from sqlalchemy import text

from domain.errors import CreditError, OverLimit
from domain.exposure import Fitting, LimitPart, Movement, SubLimit, Use, UseBounds
from policies.line import months_later
from storage.base import Records
from storage.exposure import Accounts, Exposure, PastExposure
from storage.line import Lines
from tests.machines import run_machine
from tests.makers_line import TODAY, a_letter, a_line, limit_of, minor, record_letter

MINORS = st.integers(min_value=1, max_value=60)
LIMITS = st.none() | st.integers(0, 200)
FACILITY, PLAIN, LOAN, ACCEPTANCE = "facility", "plain", "loan", "acceptance"
ABOVE = {FACILITY: ("customer", "guarantor", "group"), PLAIN: ("customer", "group")}
ORDER = (FACILITY, PLAIN, LOAN, ACCEPTANCE, "customer", "guarantor", "group")
DEPOSIT_SHARE = Decimal("0.3")
TENOR_MONTHS = 6


class Posted(NamedTuple):
    on: date
    known: int
    accounts: tuple[str, ...]
    reserved: int
    used: int
    nominal: int
    repaid: int


class Held(NamedTuple):
    line: str
    product: str | None
    amount: int
    nominal: int


class Model:
    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.limits: dict[str, list[tuple[date, int, int | None, tuple[LimitPart, ...]]]] = {}
        self.held: dict[str, Held] = {}
        self.ended: set[str] = set()
        self.known = 0
        self.repayments: list[tuple[str, Held, int]] = []  # key, whose, by name
        self.revived: set[str] = set()

    def set_limit(
        self, name: str, on: date, limit: int | None, parts: tuple[LimitPart, ...] = ()
    ) -> None:
        self.limits.setdefault(name, []).append((on, self.known, limit, parts))

    def sums(self, name: str, on: date = date.max, known: int = 10**9) -> tuple[int, int, int, int]:
        """Reserved, used, by name and spent of an account, from the beginning."""
        rows = [
            each
            for each in self.posted
            if name in each.accounts and each.on <= on and each.known <= known
        ]
        spent = sum(each.repaid for each in rows) if name == ACCEPTANCE else 0
        return (
            sum(each.reserved for each in rows),
            sum(each.used for each in rows),
            sum(each.nominal for each in rows),
            spent,
        )

    def named(self, name: str) -> int:
        """By name, what is used: what open reservations hold is none of it."""
        held = sum(
            each.nominal
            for each in self.held.values()
            if name in self.chain(each.line, each.product)
        )
        return self.sums(name)[2] - held

    def limit(self, name: str, day: date, on: date = date.max, known: int = 10**9) -> int | None:
        """The limit of a day, by what was decided and known; None: nothing limits."""
        said = [each for each in self.limits[name] if each[0] <= on and each[1] <= known]
        _, _, limit, parts = said[-1]
        if limit is None:
            return None
        return max(0, limit + sum(each.amount.minor for each in parts if each.counts(day)))

    def room(self, name: str, day: date) -> int | None:
        limit = self.limit(name, day)
        reserved, used, _, spent = self.sums(name)
        return None if limit is None else max(0, limit - reserved - used - spent)

    def chain(self, line: str, product: str | None) -> list[str]:
        return [line, *([product] if product else []), *ABOVE[line]]

    def headroom(self, line: str, product: str | None, day: date) -> tuple[int | None, str | None]:
        """The least room along the chain, and whose it is first."""
        rooms = {
            name: room
            for name in self.chain(line, product)
            if (room := self.room(name, day)) is not None
        }
        binding = min(rooms, key=lambda name: (rooms[name], ORDER.index(name)), default=None)
        return (rooms[binding], binding) if binding else (None, None)

    def post(
        self,
        held: Held,
        on: date,
        *,
        reserved: int = 0,
        used: int = 0,
        nominal: int = 0,
        repaid: int = 0,
    ) -> None:
        accounts = tuple(self.chain(held.line, held.product))
        self.posted.append(Posted(on, self.known, accounts, reserved, used, nominal, repaid))


class Ledger(RuleBasedStateMachine):
    """Every command goes to the ledger and to the model."""

    records: Records
    exposure: Exposure
    numbers = count()

    @initialize(
        facility=st.integers(50, 200),
        loan=st.integers(0, 150),
        acceptance=st.integers(0, 150),
        plain=st.integers(0, 100),
        caps=st.tuples(LIMITS, LIMITS, LIMITS),
        by_name=st.none() | st.integers(50, 300),
    )
    def opened(
        self,
        facility: int,
        loan: int,
        acceptance: int,
        plain: int,
        caps: tuple[int | None, int | None, int | None],
        by_name: int | None,
    ) -> None:
        self.n, self.day, self.model = next(self.numbers), TODAY, Model()
        self.letters, self.keys = count(), count()
        self.marks: list[tuple[datetime, int]] = []
        sub_lines = (
            SubLimit(product=LOAN, limit=minor(loan)),
            SubLimit(
                product=ACCEPTANCE,
                limit=minor(acceptance),
                tenor_months=TENOR_MONTHS,
                revolving=False,
                deposit_share=DEPOSIT_SHARE,
            ),
        )
        self.by_name = by_name
        named = Fitting(nominal_limit=minor(by_name) if by_name is not None else None)
        for name, limit, bounds in (
            (FACILITY, facility, UseBounds(fitting=named, sub_lines=sub_lines)),
            (PLAIN, plain, UseBounds(fitting=Fitting(purpose="plant"))),
        ):
            letter = record_letter(
                self.records,
                a_letter(f"{self.n}-{name}", limit=minor(limit), customer_id=self.customer),
            )
            line = a_line(letter, line_id=self.id(name), group_id=f"group-{self.n}")
            with self.records.begin() as session:
                Lines(session).open(line, TODAY, bounds)
            self.model.set_limit(name, TODAY, limit)
        self.model.set_limit(LOAN, TODAY, loan)
        self.model.set_limit(ACCEPTANCE, TODAY, acceptance)
        letter_no = self.letter()
        customer, guarantor, group = caps
        with self.records.begin() as session:
            accounts = Accounts(session)
            accounts.set_customer_cap(
                self.customer, "CNY", limit_of(customer), decision_id=letter_no, business_on=TODAY
            )
            accounts.set_cover(
                self.id(FACILITY),
                "CNY",
                {("guarantor", f"guarantor-{self.n}"): limit_of(guarantor)},
                decision_id=letter_no,
                business_on=TODAY,
            )
        with self.records.begin() as session:
            Accounts(session).set_limit(
                f"group-{self.n}",
                limit_of(group),
                decision_id=letter_no,
                key=f"{letter_no}/group",
                business_on=TODAY,
                kind="group",
            )
        for name, limit in zip(("customer", "guarantor", "group"), caps, strict=True):
            self.model.set_limit(name, TODAY, limit)
        self.mark()

    # ── what orders and payments do ──────────────────────────────────────────────────────────────

    @rule(
        line=st.sampled_from([FACILITY, FACILITY, PLAIN]),
        product=st.sampled_from([LOAN, ACCEPTANCE, None, "unknown"]),
        amount=MINORS,
        deposit=st.integers(0, 40) | st.just(60),  # the whole of it
        due_in=st.none() | st.integers(1, 300),
        purpose=st.sampled_from(["plant", "plant", None]),
    )
    def reserve(
        self,
        line: str,
        product: str | None,
        amount: int,
        deposit: int,
        due_in: int | None,
        purpose: str | None,
    ) -> None:
        deposit = min(deposit, amount)
        product = product if line == FACILITY else None
        due_on = self.day + timedelta(days=due_in) if due_in is not None else None
        use = Use(
            product=product,
            purpose=purpose,
            nominal=minor(amount),
            due_on=due_on,
            deposit=minor(deposit),
        )
        taken = amount - deposit
        answer = self.asked(
            lambda: self.exposure.reserve(
                self.id(line), minor(taken), self.key(), business_on=self.day, use=use
            )
        )
        expected = self.expected_refusal(line, product, taken, amount, deposit, due_on, purpose)
        if expected is not None:
            assert answer == expected
            return
        assert isinstance(answer, Movement), answer
        assert answer.reservation_id is not None
        held = Held(line, product, taken, amount)
        self.model.post(held, self.day, reserved=taken, nominal=amount)
        self.model.held[answer.reservation_id] = held
        self.agree(answer, held)

    def expected_refusal(
        self,
        line: str,
        product: str | None,
        taken: int,
        amount: int,
        deposit: int,
        due_on: date | None,
        purpose: str | None,
    ) -> str | None:
        if line == FACILITY and product is None:
            return "product_missing"
        if line == FACILITY and product == "unknown":
            return "product_refused"
        if line == PLAIN and purpose != "plant":
            return "purpose_refused"
        if product == ACCEPTANCE:
            if due_on is not None and due_on > months_later(self.day, TENOR_MONTHS):
                return "tenor_exceeded"
            if deposit < -(-amount * 3 // 10):
                return "deposit_too_low"
        room, _ = self.model.headroom(line, product, self.day)
        if room is not None and taken > room:
            return "over_limit"
        named = self.model.sums(FACILITY)[2] + amount
        over = line == FACILITY and self.by_name is not None and named > self.by_name
        return "over_nominal" if over else None

    @rule(
        pick=st.integers(0, 100),
        share=st.integers(0, 100),
        keep=st.booleans(),
        kind=st.sampled_from(["commit", "release"]),
    )
    def end(self, pick: int, share: int, keep: bool, kind: str) -> None:
        """The whole of a reservation or a part, the rest kept or given back."""
        if not self.model.held:
            return
        reservation = sorted(self.model.held)[pick % len(self.model.held)]
        held = self.model.held[reservation]
        part = held.amount * share // 100 or None
        line_id, key = self.id(held.line), self.key()
        asked = minor(part) if part is not None else None
        if kind == "commit":
            answer = self.exposure.commit(
                line_id, reservation, key, business_on=self.day, amount=asked, keep_rest=keep
            )
        else:
            keep = part is not None
            answer = self.exposure.release(
                line_id, reservation, key, business_on=self.day, amount=asked
            )
        amount = held.amount if part is None else part
        rest = held.amount - amount if keep else 0
        rest_name = held.nominal * rest // held.amount if held.amount else 0
        name = 0
        if kind == "commit":
            whole = amount + rest == held.amount
            name = held.nominal - rest_name if whole else -(-held.nominal * amount // held.amount)
        self.model.post(
            held,
            self.day,
            reserved=rest - held.amount,
            used=amount if kind == "commit" else 0,
            nominal=name + rest_name - held.nominal,
        )
        self.ends(reservation, answer, held, [rest] if rest else [], [rest_name])

    @rule(pick=st.integers(0, 100), cuts=st.lists(st.integers(1, 60), min_size=1, max_size=3))
    def split(self, pick: int, cuts: list[int]) -> None:
        if not self.model.held:
            return
        reservation = sorted(self.model.held)[pick % len(self.model.held)]
        held = self.model.held[reservation]
        answer = self.asked(
            lambda: self.exposure.split(
                self.id(held.line),
                reservation,
                [minor(cut) for cut in cuts],
                self.key(),
                business_on=self.day,
            )
        )
        if sum(cuts) > held.amount:
            assert answer == "more_than_reserved"
            return
        assert isinstance(answer, Movement), answer
        names = [held.nominal * cut // held.amount for cut in cuts]
        self.model.post(
            held,
            self.day,
            reserved=sum(cuts) - held.amount,
            nominal=sum(names) - held.nominal,
        )
        self.ends(reservation, answer, held, cuts, names)

    @rule(pick=st.integers(0, 100))
    def end_again(self, pick: int) -> None:
        """What has ended stays ended."""
        if not self.model.ended:
            return
        reservation = sorted(self.model.ended)[pick % len(self.model.ended)]
        for line in (FACILITY, PLAIN):
            answer = self.asked(
                lambda line=line: self.exposure.commit(
                    self.id(line), reservation, self.key(), business_on=self.day
                )
            )
            assert answer in ("reservation_closed", "not_found")

    @rule(
        line=st.sampled_from([FACILITY, PLAIN]),
        product=st.sampled_from([LOAN, ACCEPTANCE]),
        amount=MINORS,
        back=st.integers(0, 30),
    )
    def repay(self, line: str, product: str, amount: int, back: int) -> None:
        """Also for a day that is over: what was asked of days before it stays."""
        held = Held(line, product if line == FACILITY else None, amount, amount)
        on, key = max(TODAY, self.day - timedelta(days=back)), self.key()
        answer = self.asked(
            lambda: self.exposure.repay(
                self.id(line), minor(amount), key, business_on=on, product=held.product
            )
        )
        used = min(
            self.model.sums(name)[1] for name in (held.line, held.product) if name is not None
        )
        if amount > used:
            assert answer == "more_than_used"
            return
        whose = held.product or line
        name = self.model.named(whose) * amount // self.model.sums(whose)[1]
        name = min(name, self.model.named(line), self.model.named(whose))
        self.model.post(held, on, used=-amount, nominal=-name, repaid=amount)
        self.model.repayments.append((key, held, name))
        self.agree(answer, held, on)

    @rule(pick=st.integers(0, 100))
    def revive(self, pick: int) -> None:
        """What a repayment gave back is used again, once, whatever the limits are by then."""
        if not self.model.repayments:
            return
        key, held, name = self.model.repayments[pick % len(self.model.repayments)]
        answer = self.exposure.revive(self.id(held.line), key, business_on=self.day)
        assert answer is not None
        assert answer.replayed == (key in self.model.revived)
        if not answer.replayed:
            self.model.revived.add(key)
            self.model.post(held, self.day, used=held.amount, nominal=name, repaid=-held.amount)
            self.agree(answer, held)

    @rule(
        product=st.sampled_from([LOAN, ACCEPTANCE]),
        amount=MINORS,
        back=st.booleans(),
    )
    def deposit(self, product: str, amount: int, back: bool) -> None:
        held = Held(FACILITY, product, amount, 0)
        move = self.exposure.give_back_deposit if back else self.exposure.deposit
        answer = self.asked(
            lambda: move(
                self.id(FACILITY),
                minor(amount),
                self.key(),
                business_on=self.day,
                product=product,
            )
        )
        room, _ = self.model.headroom(FACILITY, product, self.day)
        covered = [
            self.model.named(each) - self.model.sums(each)[1] for each in (FACILITY, product)
        ]
        if back and amount > min(covered):
            assert answer == "more_than_deposited"
            return
        if back and room is not None and amount > room:
            assert answer == "over_limit"
            return
        used = min(self.model.sums(FACILITY)[1], self.model.sums(product)[1])
        if not back and amount > used:
            assert answer == "more_than_used"
            return
        self.model.post(held, self.day, used=amount if back else -amount)
        self.agree(answer, held)

    # ── what is decided ──────────────────────────────────────────────────────────────────────────

    @rule(
        line=st.sampled_from([FACILITY, PLAIN]),
        limit=st.integers(0, 200),
        parts=st.lists(
            st.tuples(st.integers(-120, 120), st.integers(-5, 20), st.none() | st.integers(0, 20)),
            max_size=3,
        ),
    )
    def decide(self, line: str, limit: int, parts: list[tuple[int, int, int | None]]) -> None:
        """A limit that goes up and down by itself on days to come."""
        said = tuple(
            LimitPart(
                amount=minor(amount),
                from_on=self.day + timedelta(days=start),
                until_on=None if lasts is None else self.day + timedelta(days=start + lasts),
                code="temporary",
            )
            for amount, start, lasts in parts
        )
        letter_no = self.letter()
        with self.records.begin() as session:
            Accounts(session).set_limit(
                self.id(line),
                limit_of(limit),
                decision_id=letter_no,
                key=letter_no,
                business_on=self.day,
                parts=said,
            )
        self.model.set_limit(line, self.day, limit, said)

    @rule(guarantor=LIMITS)
    def decide_cover(self, guarantor: int | None) -> None:
        letter_no = self.letter()
        with self.records.begin() as session:
            Accounts(session).set_cover(
                self.id(FACILITY),
                "CNY",
                {("guarantor", f"guarantor-{self.n}"): limit_of(guarantor)},
                decision_id=letter_no,
                business_on=self.day,
            )
        self.model.set_limit("guarantor", self.day, guarantor)

    @rule(source=st.sampled_from([LOAN, ACCEPTANCE]), amount=MINORS)
    def exchange(self, source: str, amount: int) -> None:
        target = ACCEPTANCE if source == LOAN else LOAN
        room = self.model.room(source, self.day)
        assert room is not None
        key = self.key()

        def moved() -> None:
            with self.records.begin() as session:
                Accounts(session).move_limit(
                    self.id(FACILITY),
                    source,
                    target,
                    minor(amount),
                    key=key,
                    business_on=self.day,
                    posted_by="risk",
                )

        if amount > room:
            with pytest.raises(OverLimit):
                moved()
            return
        moved()
        moved()  # once per key
        before = {name: self.model.limit(name, self.day) or 0 for name in (source, target)}
        self.model.set_limit(source, self.day, before[source] - amount)
        self.model.set_limit(target, self.day, before[target] + amount)

    @rule(days=st.integers(1, 15))
    def night(self, days: int) -> None:
        self.day += timedelta(days=days)

    # ── what is asked ────────────────────────────────────────────────────────────────────────────

    @rule(
        line=st.sampled_from([FACILITY, PLAIN]), pick=st.integers(0, 100), back=st.integers(0, 30)
    )
    def as_of(self, line: str, pick: int, back: int) -> None:
        known_at, known = self.marks[pick % len(self.marks)]
        on = max(TODAY, self.day - timedelta(days=back))
        with self.records.begin() as session:
            found = PastExposure(session).balances([self.id(line)], on, known_at)[self.id(line)]
        reserved, used, _, _ = self.model.sums(line, on, known)
        assert (found.reserved.minor, found.used.minor) == (reserved, used)
        limit = self.model.limit(line, on, on, known)
        assert found.limit == limit_of(limit)

    @invariant()
    def balances_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        found = {
            balance.account.split("/")[0 if "guarantor" in balance.account else -1]: balance
            for balance in self.exposure.balances(self.id(FACILITY), self.day)
        }
        with self.records.begin() as session:
            subs = Accounts(session).sub_lines(self.id(FACILITY), self.day)
        named = {FACILITY: found[self.id(FACILITY)], "guarantor": found["guarantor"]}
        named |= {"customer": found[self.customer], "group": found[f"group-{self.n}"]}
        named |= {balance.account.split("/")[-1]: balance for balance, _ in subs}
        (named[PLAIN], *_) = self.exposure.balances(self.id(PLAIN), self.day)
        for name, balance in named.items():
            reserved, used, nominal, spent = self.model.sums(name)
            assert (balance.reserved.minor, balance.used.minor) == (reserved, used), name
            assert (balance.spent.minor if balance.spent else 0) == spent, name
            assert (balance.headroom.minor if balance.headroom is not None else None) == (
                self.model.room(name, self.day)
            ), name
            if name in (FACILITY, PLAIN, LOAN, ACCEPTANCE):
                named_by = balance.nominal if balance.nominal is not None else balance.taken
                assert named_by.minor == nominal, name

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        for line in (FACILITY, PLAIN):
            open_now = {
                each.reservation_id: each.amount.minor
                for each in self.exposure.open_reservations(self.id(line))
            }
            wanted = {
                id_: held.amount for id_, held in self.model.held.items() if held.line == line
            }
            assert open_now == wanted

    def ends(
        self, reservation: str, answer: Movement, held: Held, rests: list[int], names: list[int]
    ) -> None:
        assert len(answer.kept) == len(rests)
        del self.model.held[reservation]
        self.model.ended.add(reservation)
        for kept, rest, name in zip(answer.kept, rests, names, strict=False):
            self.model.held[kept] = Held(held.line, held.product, rest, name)
        self.agree(answer, held)

    def agree(self, answer: Movement | str, held: Held, on: date | None = None) -> None:
        assert isinstance(answer, Movement), answer
        reserved, used, _, _ = self.model.sums(held.line)
        assert (answer.reserved.minor, answer.used.minor) == (reserved, used)
        room, binding = self.model.headroom(held.line, held.product, on or self.day)
        assert (answer.headroom.minor if answer.headroom is not None else None) == room
        assert answer.binding == (self.account(binding) if binding is not None else None)
        self.mark()

    def mark(self) -> None:
        """Remember an instant and how much was known at it."""
        with self.records.begin() as session:
            at = session.scalar(text("SELECT clock_timestamp()"))
        self.marks.append((at, self.model.known))
        self.model.known += 1

    def asked(self, command: Callable[[], Movement]) -> Movement | str:
        try:
            return command()
        except CreditError as refusal:
            return refusal.code

    def account(self, name: str) -> str:
        if name in (LOAN, ACCEPTANCE):
            return f"sub_line/{self.id(FACILITY)}/{name}"
        owners = {"customer": self.customer, "guarantor": f"guarantor-{self.n}"}
        owners["group"] = f"group-{self.n}"
        return f"{name}/{owners[name]}" if name in owners else f"line/{self.id(name)}"

    @property
    def customer(self) -> str:
        return f"customer-{self.n}"

    def id(self, line: str) -> str:
        return f"{line}-{self.n}"

    def key(self) -> str:
        return f"{self.n}/{next(self.keys)}"

    def letter(self) -> str:
        letter_no = f"{self.n}-letter-{next(self.letters)}"
        record_letter(self.records, a_letter(letter_no, customer_id=self.customer))
        return letter_no


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records, connections_max=1)
    yield opened
    opened.close()


def test_whatever_is_done_the_ledger_is_the_sum_of_what_was_posted(
    records: Records, exposure: Exposure
) -> None:
    _run(records, exposure, examples=15)


@pytest.mark.long
def test_whatever_is_done_thousands_of_times(records: Records, exposure: Exposure) -> None:
    _run(records, exposure, examples=400)


def _run(records: Records, exposure: Exposure, examples: int) -> None:
    Ledger.records, Ledger.exposure = records, exposure
    run_machine(Ledger, examples=examples, steps=50)
    proof = exposure.verify()
    assert proof.holds, proof.discrepancies
