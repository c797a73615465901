"""What happens to lines in force: they are used, somebody pays late, one is looked at again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from typing import Any

from creditflow.client import Money, NotFound, Refused
from creditflow.client import values as v
from creditflow.client.calls import reading, writing
from creditflow.demo.application import PATIENCE_SECONDS, Wish, pauses
from creditflow.demo.office import Office
from creditflow.demo.use import accept_bill

USED, RESERVED, REPAID = Decimal("0.4"), Decimal("0.2"), Decimal("0.1")  # of the limit
_Documents = v.Items[Mapping[str, Any]]


class Lines:
    """Lines that cases led to, each with the wish it came from."""

    def __init__(self, office: Office, lines: Mapping[str, Wish]) -> None:
        self._office = office
        self._lines = lines

    async def use(self) -> None:
        """The order system draws on every line; one order asks for more than there is."""
        await asyncio.gather(*(self._use(line_id, wish) for line_id, wish in self._lines.items()))

    async def fall_behind(self) -> None:
        """The book is looked at; a red warning stops the line of who does not pay (冻结). What all of
        them owe is put into its tier, and losses are expected of it."""
        red = self._of("red")
        if not red or all([await self._frozen(line_id) for line_id in red]):
            return
        run = await self._office["risk"].run(writing("/runs/monitoring", dict[str, Any]))
        await self._seen("monitoring", run["run_id"])
        for line_id in red:
            await self._until(partial(self._frozen, line_id))
            await self._try(self._lines[line_id], line_id, "after-freeze")
        classified = await self._office["risk"].classify()
        await self._seen("classification", classified.run_id)

    async def catch_up(self) -> None:
        """Who pays is free again, and its collection case closes."""
        for line_id in self._of("orange_cured"):
            await self._until(partial(self._free, line_id))

    async def review(self) -> dict[str, str]:
        """One line is looked at again for itself, one for what it owes; proposals by line."""
        # Of those that owe, the last: the first is left frozen, to be seen.
        chosen = [*list(self._lines)[:1], *self._of("red")[1:][-1:]]
        return {line_id: await self._review(line_id) for line_id in chosen}

    async def _review(self, line_id: str) -> str:
        """Have a line looked at again, and decide what that proposes."""
        office, path = self._office, f"/lines/{line_id}/reviews"
        listed = await office["risk"].run(reading(path, _Documents))
        if not listed.items:
            await office["risk"].ask_review(line_id)
            await self._until(partial(self._reviewed, line_id))
            listed = await office["risk"].run(reading(path, _Documents))
        pack = listed.items[0]["proposal"] if listed.items else None
        return str(pack["proposal"]) if pack else "nothing yet"

    # ── use ──────────────────────────────────────────────────────────────────────────────────────

    async def _use(self, line_id: str, wish: Wish) -> None:
        """Deliveries on credit, an order under way, a payment, and an order that asks too much."""
        orders = self._office["orders"]
        view = await orders.fetch_line(line_id)
        limit = view.line.limit
        drawn, repaid = _part(limit, USED), _part(limit, REPAID)
        if any(balance.used.amount == drawn.amount - repaid.amount for balance in view.balances):
            return  # all this has been done
        use, key = _use_of(wish), wish.key
        try:
            taken = await orders.reserve(line_id, drawn, key=f"{key}/order-1", use=use)
            assert taken.reservation_id is not None
            await orders.commit(line_id, taken.reservation_id, key=f"{key}/delivery-1")
            await orders.reserve(line_id, _part(limit, RESERVED), key=f"{key}/order-2", use=use)
            await self._try(wish, line_id, "order-3", limit)
            await orders.repay(line_id, repaid, product=use.product, key=f"{key}/payment-1")
        except Refused:
            return  # the line was stopped before it was used
        if use.purpose is not None:
            other = v.Use(purpose="wages of the month")
            await self._try(wish, line_id, "order-4", use=other)
        if wish.product == "comprehensive":
            await accept_bill(self._office, line_id, wish.key)

    async def _try(
        self,
        wish: Wish,
        line_id: str,
        order: str,
        amount: Money | None = None,
        use: v.Use | None = None,
    ) -> None:
        """An order that is refused: it stands on record with its reason."""
        orders = self._office["orders"]
        asked = amount or Money.of(1000, wish.limit.currency)
        try:
            said = use or _use_of(wish)
            await orders.reserve(line_id, asked, key=f"{wish.key}/{order}", use=said)
        except Refused:
            return

    # ── looks ────────────────────────────────────────────────────────────────────────────────────

    def _of(self, ledger: str) -> list[str]:
        return [line_id for line_id, wish in self._lines.items() if wish.ledger == ledger]

    async def _seen(self, kind: str, run_id: str) -> None:
        async def finished() -> bool:
            path = f"/runs/{kind}/{run_id}"
            try:
                run = await self._office["risk"].run(reading(path, dict[str, Any]))
            except NotFound:  # nothing of it is on record yet
                return False
            return bool(run["finished"])

        await self._until(finished)

    async def _frozen(self, line_id: str) -> bool:
        line = (await self._office["risk"].fetch_line(line_id)).line
        return line.status in ("frozen", "collect_only")

    async def _free(self, line_id: str) -> bool:
        line = (await self._office["risk"].fetch_line(line_id)).line
        open_cases = reading(
            "/collections", _Documents, status="open", customer_id=line.customer_id
        )
        owed = await self._office["risk"].run(open_cases)
        return line.status == "active" and not owed.items

    async def _reviewed(self, line_id: str) -> bool:
        """Whether the review has ended; tasks that it opened are decided on the way."""
        risk = self._office["risk"]
        found = (await risk.run(reading(f"/lines/{line_id}/reviews", _Documents))).items
        if not found:
            return False
        review_id = str(found[0]["review_id"])
        tasks = [task async for task in risk.list_tasks(case_id=review_id)]
        if tasks:  # one word at a time: it may be all that was asked
            await self._agree(review_id, tasks[0])
        return found[0]["closed_on"] is not None

    async def _agree(self, review_id: str, task: v.Task) -> None:
        approver = await self._office.approver_of(task.escalated_to or task.position)
        page = await approver.fetch_task(task.task_id)
        await approver.decide(
            task.task_id,
            "approve",
            note="As the newest figures say.",
            content_hash=page.content_hash,
            key=f"{review_id}/{task.task_id}",
        )

    async def _until(self, look: Callable[[], Awaitable[bool]]) -> None:
        for pause in pauses(PATIENCE_SECONDS):
            if await look():
                return
            await asyncio.sleep(pause)


def _use_of(wish: Wish) -> v.Use:
    """What orders on its line say: of which sub-line, or for the one purpose that it is for."""
    return v.Use(
        product="open_account" if wish.product == "comprehensive" else None,
        purpose=wish.purpose if wish.product == "project" else None,
    )


def _part(amount: Money, share: Decimal) -> Money:
    whole = (amount.amount * share).to_integral_value(ROUND_FLOOR)
    return Money.of(whole, amount.currency)
