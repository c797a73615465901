"""The book against a model that fits on a page: any sequence of commands, the same answer to each.

One connection, compared after every step; what the races do is `test_exposure`.
"""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from domain.errors import CreditError
from domain.exposure import Limit, LimitKind, Movement
from domain.line import LineStatus
from storage.base import Records
from storage.exposure import Accounts, Exposure
from storage.line import Lines
from tests.machines import run_machine
from tests.makers_line import TODAY, a_letter, a_line, minor, record_letter

LINES = ("a", "b")
MINORS = st.integers(min_value=1, max_value=60)
LIMITS = st.one_of(st.none(), st.sampled_from(["none", "unlimited"]), st.integers(0, 150))
KEYS = st.integers(0, 40)
Request = tuple[object, ...]


class ModelAccount:
    def __init__(self, limit: int | str) -> None:
        self.limit = limit
        self.reserved = self.used = 0

    @property
    def headroom(self) -> int | None:
        if self.limit == "unlimited":
            return None
        granted = 0 if isinstance(self.limit, str) else self.limit
        return max(granted - self.reserved - self.used, 0)


class Model:
    """Two lines of one customer in one group, what was answered under each key, and which
    reservations are open. The customer has an account from its first cap on."""

    def __init__(self, limits: dict[str, int | str]) -> None:
        self.accounts = {name: ModelAccount(limit) for name, limit in limits.items()}
        self.status = dict.fromkeys(LINES, LineStatus.ACTIVE)
        self.answers: dict[str, tuple[Request, object]] = {}
        self.open: dict[str, tuple[str, int]] = {}
        self.ended: dict[str, str] = {}  # by the line it was of

    def answered(self, key: str, request: Request, act: Callable[[], object]) -> object:
        """The first answer stands; only a movement other than a reservation may be tried again."""
        if key in self.answers:
            first, answer = self.answers[key]
            return answer if first == request else "key_reused"
        answer = act()
        if isinstance(answer, tuple) or request[0] == "reserve":
            self.answers[key] = request, answer
        return answer

    def chain(self, line: str) -> list[str]:
        return [name for name in (line, "customer", "group") if name in self.accounts]

    def binding(self, line: str) -> str | None:
        """The first of the accounts with the least headroom."""
        rooms = {name: self.accounts[name].headroom for name in self.chain(line)}
        limited = {name: room for name, room in rooms.items() if room is not None}
        return min(limited, key=limited.__getitem__, default=None)

    def set_cap(self, limit: int | str) -> None:
        """A first one starts with what the lines hold."""
        known = self.accounts.setdefault("customer", ModelAccount(limit))
        known.limit = limit
        known.reserved = sum(self.accounts[line].reserved for line in LINES)
        known.used = sum(self.accounts[line].used for line in LINES)

    def headroom(self, line: str) -> int | None:
        rooms = [self.accounts[name].headroom for name in self.chain(line)]
        return min((room for room in rooms if room is not None), default=None)

    def reserve(self, line: str, amount: int) -> object:
        if self.status[line] is not LineStatus.ACTIVE:
            return "line_not_active"
        room = self.headroom(line)
        if room is not None and amount > room:
            return "over_limit"
        return self._moved(line, amount, 0)

    def end(self, line: str, reservation: str, kind: str, amount: int | None) -> object:
        held_line, held = self.open.get(reservation, ("", 0))
        if self.ended.get(reservation, held_line) != line:
            return "not_found"
        if reservation in self.ended:
            return "reservation_closed"
        if kind == "commit" and amount is not None and amount > held:
            return "more_than_reserved"
        if kind == "commit" and self.status[line] not in (LineStatus.ACTIVE, LineStatus.FROZEN):
            return "line_not_active"
        del self.open[reservation]
        self.ended[reservation] = line
        used = (held if amount is None else amount) if kind == "commit" else 0
        return self._moved(line, -held, used)

    def repay(self, line: str, amount: int) -> object:
        if amount > self.accounts[line].used:
            return "more_than_used"
        return self._moved(line, 0, -amount)

    def _moved(self, line: str, reserved: int, used: int) -> object:
        for name in self.chain(line):
            self.accounts[name].reserved += reserved
            self.accounts[name].used += used
        account = self.accounts[line]
        return account.reserved, account.used, self.headroom(line)


class Book(RuleBasedStateMachine):
    """Every command goes to the book and to the model."""

    records: Records
    exposure: Exposure
    numbers = count()

    @initialize(
        limits=st.fixed_dictionaries(
            {"a": st.integers(0, 150), "b": st.integers(0, 150), "group": LIMITS}
        )
    )
    def opened(self, limits: dict[str, int | str | None]) -> None:
        self.n = next(self.numbers)
        self.model = Model(
            {name: "unlimited" if limit is None else limit for name, limit in limits.items()}
        )
        self.changes = count()
        for line in LINES:
            limit = limits[line]
            assert isinstance(limit, int)
            letter = record_letter(
                self.records,
                a_letter(f"{self.n}-{line}", limit=minor(limit), customer_id=self.customer),
            )
            with self.records.begin() as session:
                wanted = a_line(letter, line_id=self.id(line), group_id=f"group-{self.n}")
                Lines(session).open(wanted, TODAY)
        if limits["group"] is not None:
            self._limit("group", limits["group"])

    @rule(line=st.sampled_from(LINES), amount=MINORS, key=KEYS)
    def reserve(self, line: str, amount: int, key: int) -> None:
        name = self.key(key)
        answer = self.asked(
            lambda: self.exposure.reserve(self.id(line), minor(amount), name, business_on=TODAY)
        )
        known = name in self.model.answers
        expected = self.model.answered(
            name, ("reserve", line, amount), lambda: self.model.reserve(line, amount)
        )
        if isinstance(answer, Movement) and not known:
            self.model.open[answer.reservation_id or ""] = line, amount
        self.agree(answer, expected, replayed=known)
        if isinstance(answer, Movement) and not known:
            binding = self.model.binding(line)
            assert answer.binding == (self.account(binding) if binding else None)

    @rule(
        line=st.sampled_from(LINES),
        pick=st.integers(0, 100),
        kind=st.sampled_from(["commit", "release"]),
        amount=st.none() | MINORS,
        key=KEYS,
    )
    def end(self, line: str, pick: int, kind: str, amount: int | None, key: int) -> None:
        held = sorted(self.model.open) + sorted(self.model.ended)
        if not held:
            return
        reservation, name = held[pick % len(held)], self.key(key)
        part = minor(amount) if amount is not None and kind == "commit" else None
        if kind == "commit":
            answer = self.asked(
                lambda: self.exposure.commit(
                    self.id(line), reservation, name, business_on=TODAY, amount=part
                )
            )
        else:
            answer = self.asked(
                lambda: self.exposure.release(self.id(line), reservation, name, business_on=TODAY)
            )
        known = name in self.model.answers
        asked = part.minor if part is not None else None
        expected = self._answered_end(name, line, reservation, kind, asked)
        self.agree(answer, expected, replayed=known)

    @rule(line=st.sampled_from(LINES), amount=MINORS, key=KEYS)
    def repay(self, line: str, amount: int, key: int) -> None:
        name = self.key(key)
        answer = self.asked(
            lambda: self.exposure.repay(self.id(line), minor(amount), name, business_on=TODAY)
        )
        known = name in self.model.answers
        expected = self.model.answered(
            name, ("repay", line, amount), lambda: self.model.repay(line, amount)
        )
        self.agree(answer, expected, replayed=known)

    @rule(account=st.sampled_from([*LINES, "group"]), limit=LIMITS)
    def decide_limit(self, account: str, limit: int | str | None) -> None:
        wanted = "unlimited" if limit is None else limit
        self._limit(account, wanted)
        self.model.accounts[account].limit = wanted

    @rule(limit=LIMITS)
    def decide_cap(self, limit: int | str | None) -> None:
        wanted = "unlimited" if limit is None else limit
        letter = f"{self.n}-cap-{next(self.changes)}"
        record_letter(self.records, a_letter(letter, customer_id=self.customer))
        with self.records.begin() as session:
            Accounts(session).set_customer_cap(
                self.customer,
                "CNY",
                limit_of(wanted),
                decision_id=letter,
                business_on=TODAY,
            )
        self.model.set_cap(wanted)

    @rule(line=st.sampled_from(LINES), status=st.sampled_from(list(LineStatus)))
    def stand(self, line: str, status: LineStatus) -> None:
        with self.records.begin() as session:
            found = Lines(session).read(self.id(line), for_update=True)
            Lines(session).write(found.model_copy(update={"status": status}))
        self.model.status[line] = status

    @invariant()
    def balances_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        for line in LINES:
            found = self.exposure.balances(self.id(line))
            for balance, name in zip(found, self.model.chain(line), strict=True):
                assert balance.account == self.account(name)
                account = self.model.accounts[name]
                assert balance.reserved.minor == account.reserved
                assert balance.used.minor == account.used
                room = balance.headroom.minor if balance.headroom is not None else None
                assert room == account.headroom

    def teardown(self) -> None:
        if hasattr(self, "model"):
            for line in LINES:
                held = {
                    each.reservation_id for each in self.exposure.open_reservations(self.id(line))
                }
                assert held == {each for each, (of, _) in self.model.open.items() if of == line}

    def agree(self, answer: Movement | str, expected: object, *, replayed: bool) -> None:
        if isinstance(answer, str):
            assert answer == expected
            return
        room = answer.headroom.minor if answer.headroom is not None else None
        assert (answer.reserved.minor, answer.used.minor, room) == expected
        assert answer.replayed == replayed

    def asked(self, command: Callable[[], Movement]) -> Movement | str:
        try:
            return command()
        except CreditError as refusal:
            return refusal.code

    def account(self, name: str) -> str:
        owner = {"customer": self.customer, "group": f"group-{self.n}"}.get(name)
        return f"{name}/{owner}" if owner else f"line/{self.id(name)}"

    @property
    def customer(self) -> str:
        return f"customer-{self.n}"

    def id(self, line: str) -> str:
        return f"line-{self.n}-{line}"

    def key(self, key: int) -> str:
        return f"{self.n}/{key}"

    def _answered_end(
        self, name: str, line: str, reservation: str, kind: str, amount: int | None
    ) -> object:
        """A repeat that names no amount is the same request whatever was committed."""
        if name in self.model.answers:
            first, answer = self.model.answers[name]
            same = first[:4] == ("end", kind, line, reservation)
            return answer if same and amount in (None, first[4]) else "key_reused"
        held = self.model.open.get(reservation, ("", 0))[1]
        answer = self.model.end(line, reservation, kind, amount)
        if isinstance(answer, tuple):
            whole = held if amount is None else amount
            self.model.answers[name] = ("end", kind, line, reservation, whole), answer
        return answer

    def _limit(self, account: str, limit: int | str) -> None:
        letter = f"{self.n}-change-{next(self.changes)}"
        record_letter(self.records, a_letter(letter))
        group = account == "group"
        with self.records.begin() as session:
            Accounts(session).set_limit(
                f"group-{self.n}" if group else self.id(account),
                limit_of(limit),
                decision_id=letter,
                key=letter,
                business_on=TODAY,
                kind="group" if group else "line",
            )


def limit_of(limit: int | str) -> Limit:
    return Limit(kind=LimitKind(limit)) if isinstance(limit, str) else Limit.of(minor(limit))


@pytest.fixture
def exposure(records: Records) -> Iterator[Exposure]:
    opened = Exposure(records, connections_max=1)
    yield opened
    opened.close()


def test_any_sequence_of_commands_answers_as_the_model_does(
    records: Records, exposure: Exposure
) -> None:
    Book.records, Book.exposure = records, exposure

    run_machine(Book, examples=15, steps=40)

    proof = exposure.verify()
    assert proof.holds, proof.discrepancies


@pytest.mark.long
def test_many_sequences_of_commands_answer_as_the_model_does(
    records: Records, exposure: Exposure
) -> None:
    Book.records, Book.exposure = records, exposure

    run_machine(Book, examples=500, steps=40)

    assert exposure.verify().holds
