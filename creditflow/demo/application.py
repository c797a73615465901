"""One application on its road: asked for, decided, signed, in force, or ended on the way.

Each step is what somebody does who sees the case stand where it stands; so a demonstration that was
broken off goes on from there, and one that was done finds nothing to do.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from creditflow.client import Application, Money, Refused
from creditflow.client import values as v
from creditflow.demo.investigation import REPORT, investigate
from creditflow.demo.mailbox import Mailbox
from creditflow.demo.office import Office
from creditflow.demo.watch import Watch

DEMO_EDITION = "demo"
# A mail is on its way, a case moves: seconds until that counts as stuck.
PATIENCE_SECONDS = 120.0
REFUSALS_MAX = 4
_LOWERED = Decimal("0.8")
_LOT = Decimal(10_000)
_LEGAL_BRINGS = frozenset({"guarantee_signed"})


@dataclass(frozen=True)
class Wish:
    """What is asked for a customer, and what people and the customer make of it."""

    key: str
    scheme: str
    code: str
    limit: Money
    application_type: str = "new_line"
    term_months: int = 12
    purpose: str = ""
    product: str = "open_account"
    temporary_until: str | None = None
    documents: tuple[str, ...] = ()
    supplement: tuple[str, ...] = ()
    screening: str = ""
    decision: str = "approve"
    signing: str = "sign"
    withdraw: bool = False
    ledger: str = ""
    after: str | None = None  # asked only once the case of this key has its line
    line_of: str | None = None
    part: str = ""
    expected: str = ""

    @classmethod
    def of(cls, planned: Mapping[str, Any]) -> "Wish":
        """A wish as the plan of a sample book tells it."""
        asked = planned["limit_requested"]
        same = ("key", "application_type", "term_months", "purpose", "product", "temporary_until")
        more = ("screening", "decision", "signing", "withdraw", "after", "line_of", "part")
        return cls(
            **{name: planned[name] for name in (*same, *more, "expected")},
            scheme=planned["customer"]["scheme"],
            code=planned["customer"]["value"],
            limit=Money.of(asked["amount"], asked["currency"]),
            documents=tuple(planned["documents"]),
            supplement=tuple(planned["supplement"]),
            ledger=planned["ledger_after_activation"],
        )

    @property
    def silent(self) -> bool:
        """Whether the clock, and nobody else, moves the case on its way."""
        incomplete = self.expected == "incomplete" and not self.supplement
        return incomplete or self.signing == "never" or self.decision == "late"


@dataclass(frozen=True)
class Word:
    """What an approver says to a task."""

    verdict: str
    note: str
    fields_wanted: tuple[str, ...] = ()
    limit: Money | None = None


class Road:
    """Applications on their road, so many at a time."""

    def __init__(self, office: Office, mailbox: Mailbox, *, at_once: int) -> None:
        self._office = office
        self._mailbox = mailbox
        self._slots = asyncio.Semaphore(at_once)
        self._watch = Watch(office["manager"])
        self._steps: dict[str, Callable[[Wish, v.Case], Awaitable[v.Case]]] = {
            "suspended": self._dispose,
            "incomplete": self._complete,
            "in_approval": self._decide,
            "returned": self._complete,
            "approved": self._answer,
            "contracting": self._sign,
            "conditions": self._meet,
        }

    async def travel(self, wish: Wish, line_id: str | None = None) -> v.Case:
        """Ask, and go on until the case has ended or waits for what nobody here will do."""
        async with self._slots:
            case, refusals = await self._ask(wish, line_id), 0
            while case.open:
                before, step = case, self._steps.get(case.status)
                try:
                    case = await (step(wish, case) if step else self._moved(case))
                except Refused:
                    # Somebody, or the clock, was faster: look where the case stands now.
                    refusals += 1
                    if refusals == REFUSALS_MAX:
                        raise
                    await asyncio.sleep(refusals)
                    case = await self._watch.found(case.case_id, PATIENCE_SECONDS)
                    continue
                if case.version == before.version:
                    break  # it waits for what nobody here will do
        return case

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, wish: Wish, line_id: str | None) -> v.Case:
        manager = self._office["manager"]
        customer = await manager.fetch_customer_by(wish.scheme, wish.code)
        application = Application(
            customer_id=customer.customer_id,
            limit_requested=wish.limit,
            application_type=wish.application_type,
            term_months=wish.term_months,
            purpose=wish.purpose,
            product=wish.product,
            line_id=line_id,
            temporary_until=wish.temporary_until,
            attachments=await self._filed(wish, wish.documents),
        )
        submitted = await manager.submit(application, key=wish.key)
        return await self._watch.found(submitted.case_id, PATIENCE_SECONDS)

    async def _complete(self, wish: Wish, case: v.Case) -> v.Case:
        if REPORT in case.missing:
            conditional = wish.part == "head office"
            key = f"{wish.key}/investigation/{case.version}"
            await investigate(self._office, case, key, conditional=conditional)
            return await self._moved(case)
        if not wish.supplement:
            return await self._silence(case)
        papers = await self._filed(wish, wish.supplement)
        key = f"{wish.key}/{case.status}/{case.version}"
        await self._office["manager"].supplement(
            case.case_id, attachments=papers, note="as asked", key=key
        )
        return await self._moved(case)

    async def _dispose(self, wish: Wish, case: v.Case) -> v.Case:
        if not wish.screening:
            return case
        clear = wish.screening == "clear"
        reason = "another company of a similar name" if clear else "the company on the list"
        key = f"{wish.key}/screening"
        await self._office["risk"].dispose(case.case_id, clear=clear, reason=reason, key=key)
        return await self._moved(case)

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────

    async def _decide(self, wish: Wish, case: v.Case) -> v.Case:
        """Words on the case by whoever holds the positions asked, until it is decided."""
        manager = self._office["manager"]
        if wish.withdraw:
            reason = "the customer thought better of it"
            await manager.withdraw(case.case_id, reason, key=f"{wish.key}/withdraw")
            return await self._watch.found(case.case_id, PATIENCE_SECONDS)
        outcome = "open"
        while outcome == "open":
            tasks = [task async for task in manager.list_tasks(case_id=case.case_id)]
            if not tasks:
                break
            task = tasks[0]
            if wish.decision == "late" and not task.escalated_to:
                task = await self._escalated(case, task)
            outcome = (await self._say(wish, case, task)).outcome
        return await self._moved(case)

    async def _say(self, wish: Wish, case: v.Case, task: v.Task) -> v.Decided:
        approver = await self._office.approver_of(task.escalated_to or task.position)
        page = await approver.fetch_task(task.task_id)
        word = await self.word(wish, case, page)
        return await approver.decide(
            task.task_id,
            word.verdict,
            note=word.note,
            fields_wanted=word.fields_wanted,
            limit=word.limit,
            content_hash=page.content_hash,
            key=f"{wish.key}/{task.task_id}",
        )

    async def word(self, wish: Wish, case: v.Case, page: v.TaskPage) -> Word:
        """What an approver makes of the case: here, what the wish says."""
        returned = any(word.verdict == "return" for word in page.decisions)
        match wish.decision:
            case "decline":
                return Word("decline", "It pays others too late.")
            case "return_once" if not returned:
                return Word("return", "Show what the orders are.", wish.supplement)
            case "lower":
                limit = await self._lowered(case)
                return Word("approve", "Known by our own number alone: less.", limit=limit)
            case _:
                return Word("approve", "The figures carry it.")

    async def _lowered(self, case: v.Case) -> Money:
        receipt = await self._office["risk"].fetch_receipt(case.case_id)
        proposed = Money.model_validate(receipt["limit_recommended"])
        lots = (proposed.amount * _LOWERED / _LOT).to_integral_value(ROUND_FLOOR)
        return Money.of(max(lots, Decimal(1)) * _LOT, proposed.currency)

    async def _escalated(self, case: v.Case, task: v.Task) -> v.Task:
        """The task once the next position may decide it too, where that takes seconds."""
        if await self._office.edition_of(case) != DEMO_EDITION:
            return task
        async with self._aside():
            for pause in pauses(PATIENCE_SECONDS):
                page = await self._office["manager"].fetch_task(task.task_id)
                if page.task.escalated_to:
                    return page.task
                await asyncio.sleep(pause)
        return task

    # ── signing, and what must be met ────────────────────────────────────────────────────────────

    async def _answer(self, wish: Wish, case: v.Case) -> v.Case:
        """The customer takes or leaves what is less than it asked for, by the link in the mail."""
        for pause in pauses(PATIENCE_SECONDS):
            view = await self._office["manager"].fetch_case(case.case_id)
            if view.case.version != case.version:
                return view.case  # nothing to answer: the agreement is made at once
            if view.offer is not None:
                break
            await asyncio.sleep(pause)
        else:
            return case
        token = await self._mailbox.await_link(view.offer.letter_no, PATIENCE_SECONDS)
        if token is None:
            return case  # its mail has not come
        customer, takes = self._office.customer, wish.signing != "decline"
        page = await customer.fetch_offer_page(token)
        note = "" if takes else "Not for this amount."
        await customer.answer_offer_by_link(
            token, accepts=takes, offer_hash=page.offer_hash, note=note
        )
        return await self._moved(case)

    async def _sign(self, wish: Wish, case: v.Case) -> v.Case:
        """The customer follows the link in the mail, if it cares to."""
        if wish.signing == "never":
            return await self._silence(case)
        agreement = await self._office["manager"].fetch_contract(case.case_id)
        token = await self._mailbox.await_link(agreement.agreement_no, PATIENCE_SECONDS)
        if token is None:
            return case  # its mail has not come
        customer = self._office.customer
        await customer.fetch_signing_page(token)
        if wish.signing == "decline":
            await customer.refuse_to_sign(token, "Not for this amount.")
        elif wish.line_of is None:
            await customer.sign(token, "Legal representative", "legal_representative")
        else:
            paper = b"Power of attorney, for the agreement that this is attached to.\n"
            await customer.sign(token, "Head of treasury", "authorised_agent", paper)
        return await self._moved(case)

    async def _meet(self, wish: Wish, case: v.Case) -> v.Case:
        """One brings the evidence of each condition, another says that it shows it."""
        for pause in pauses(PATIENCE_SECONDS):
            # They come on record with the first try to open the line, a moment after the signature.
            for condition in await self._office["manager"].fetch_conditions(case.case_id):
                await self._settle(wish, condition)
            now = await self._watch.moved(case, 2 * pause)
            if now.version != case.version:
                return now
        return case

    async def _settle(self, wish: Wish, condition: v.Condition) -> None:
        code, key = condition.code, f"{wish.key}/{condition.code}"
        if condition.status == "open":
            bringer = self._office["legal" if code in _LEGAL_BRINGS else "manager"]
            text = f"{code} for {wish.key}\n".encode()
            paper = await bringer.attach(f"{code}.txt", text, key=f"{key}/paper")
            await bringer.bring_evidence(
                condition.case_id, code, paper.sha256, key=f"{key}/evidence"
            )
        if condition.status in ("open", "evidenced"):
            release = self._office["release"]
            await release.verify_condition(condition.case_id, code, key=f"{key}/verification")

    async def _filed(self, wish: Wish, codes: tuple[str, ...]) -> dict[str, str]:
        papers = {}
        for code in codes:
            text = f"{code} of {wish.code}, for {wish.key}\n".encode()
            paper = await self._office["manager"].attach(
                f"{code}.txt", text, key=f"{wish.key}/{code}"
            )
            papers[code] = paper.sha256
        return papers

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────

    async def _moved(self, case: v.Case) -> v.Case:
        return await self._watch.moved(case, PATIENCE_SECONDS)

    async def _silence(self, case: v.Case) -> v.Case:
        """Nobody does anything: under the demonstration's edition that ends the case soon."""
        if await self._office.edition_of(case) != DEMO_EDITION:
            return case
        async with self._aside():
            return await self._moved(case)

    @asynccontextmanager
    async def _aside(self) -> AsyncIterator[None]:
        """Wait without keeping others from their road."""
        self._slots.release()
        try:
            yield
        finally:
            await self._slots.acquire()


def pauses(seconds_max: float) -> Iterator[float]:
    """Pauses between looks: short at first, together about this long."""
    pause, passed = 0.1, 0.0
    while passed < seconds_max:
        yield pause
        passed += pause
        pause = min(pause * 1.4, 0.6)
