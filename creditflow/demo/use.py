"""A bank acceptance with a deposit: asked for by the manager, approved, and released by an officer."""

import asyncio

from creditflow.client import Money, Refused
from creditflow.client import values as v
from creditflow.demo.application import PATIENCE_SECONDS, pauses
from creditflow.demo.office import Office

AMOUNT, DEPOSIT = 10_000_000, 3_000_000  # so that it takes seven million of the limit


async def accept_bill(office: Office, line_id: str, key: str) -> None:
    """The use of one line, all the way to its release; where there is no room it stays refused."""
    paper = await office["manager"].attach(
        "sale.txt", f"contract of sale for {key}\n".encode(), key=f"{key}/acceptance/paper"
    )
    content = v.UseContent(
        product="bank_acceptance",
        amount=Money.of(AMOUNT, "CNY"),
        deposit=Money.of(DEPOSIT, "CNY"),
        purpose="steel under the contract of sale",
        payee="Sample Steel Co., Ltd.",
        evidence_hash=paper.sha256,
    )
    try:
        use = await office["manager"].ask_use(line_id, content, key=f"{key}/acceptance")
    except Refused:
        return
    use_id = use.request.use_id
    for pause in pauses(PATIENCE_SECONDS):
        view = await office["manager"].fetch_use(use_id)
        if view.use.status == "approved":
            await _release(office, view, paper.sha256)
        if view.use.status != "asked":
            return
        for task in view.tasks:
            if task.status == "open":
                await _approve(office, task, f"{key}/acceptance/{task.task_id}")
        await asyncio.sleep(pause)


async def _approve(office: Office, task: v.Task, key: str) -> None:
    approver = await office.approver_of(task.escalated_to or task.position)
    page = await approver.fetch_task(task.task_id)
    await approver.decide(
        task.task_id,
        "approve",
        note="A bill of goods that are ordered.",
        content_hash=page.content_hash,
        key=key,
    )


async def _release(office: Office, view: v.UseView, paper: str) -> None:
    """Whoever releases has seen every item, the deposit on the customer's account among them."""
    checks = tuple(
        v.ReleaseCheck(
            item=item,
            held=True,
            evidence=f"{item}: seen",
            evidence_hash=paper if item == "purpose" else None,
        )
        for item in view.use.request.review
    )
    await office["release"].release_use(view.use.request.use_id, checks, "Released.")
