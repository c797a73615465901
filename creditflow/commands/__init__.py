"""The commands people type, a module for each subject; read in only when one is called.

`COMMANDS` is the list: a name, where it is, and the line `creditflow --help` shows for it. What
stands there is a function (a command) or a `typer.Typer` (a group of commands).
"""

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a command is: `module:attribute`."""

    place: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "up": Entry("creditflow.commands.stack:up", "Start everything on this machine."),
    "down": Entry("creditflow.commands.stack:down", "Stop everything and wait until it has."),
    "status": Entry("creditflow.commands.stack:status", "Where everything answers."),
    "demo": Entry("creditflow.commands.demo:demo", "Show a sample book being worked."),
    "apply": Entry("creditflow.commands.application:apply", "Start an application."),
    "show": Entry("creditflow.commands.application:show_case", "Everything about a case."),
    "history": Entry("creditflow.commands.application:history", "What happened to a case."),
    "replay": Entry("creditflow.commands.application:replay", "Judge a case again and compare."),
    "clock": Entry("creditflow.commands.turnaround:clock", "Whose time a case took."),
    "questions": Entry(
        "creditflow.commands.application:questions", "What is still worth asking for."
    ),
    "withdraw": Entry("creditflow.commands.application:withdraw", "End a case."),
    "reconsider": Entry(
        "creditflow.commands.application:reconsider", "Have a declined case decided anew."
    ),
    "recover": Entry(
        "creditflow.commands.application:recover", "Put a lapsed case before its approvers afresh."
    ),
    "override": Entry("creditflow.commands.override:override", "Move the grade of a case."),
    "overrides": Entry("creditflow.commands.override:overrides", "Moved grades, and by whom."),
    "figure": Entry(
        "creditflow.commands.analyst_figure:figure", "Figures that an analyst supplies."
    ),
    "investigation": Entry(
        "creditflow.commands.investigation:investigation", "What two people find before a grant."
    ),
    "tasks": Entry("creditflow.commands.approval:tasks", "What waits for a decision."),
    "decide": Entry("creditflow.commands.approval:decide", "Approve, decline or return."),
    "act": Entry("creditflow.commands.approval:act", "Transfer, add a signer, take back, urge."),
    "minutes": Entry("creditflow.commands.approval:minutes", "What was said on an approval."),
    "offer": Entry("creditflow.commands.offer:offer", "What is offered, and the answer to it."),
    "meeting": Entry("creditflow.commands.meeting:meeting", "Committee meetings."),
    "authority": Entry("creditflow.commands.authority:authority", "Who may decide what."),
    "import": Entry("creditflow.commands.records:import_file", "Bring in a file."),
    "profile": Entry("creditflow.commands.profile:profile", "A customer's credit on a day."),
    "customer": Entry("creditflow.commands.customer:customer", "Records of one customer, merged."),
    "supplier": Entry("creditflow.commands.supplier:supplier", "A customer that supplies us too."),
    "turnover": Entry("creditflow.commands.turnover:turnover", "What VAT invoices come to."),
    "cover": Entry("creditflow.commands.cover:cover", "What stands behind credit."),
    "cliffs": Entry("creditflow.commands.cliff:cliffs", "Limits that fall by themselves."),
    "insurance": Entry(
        "creditflow.commands.insurance:insurance", "What insurers cover of customers' debts."
    ),
    "bill": Entry("creditflow.commands.bill:bill", "Bills that customers pay with."),
    "excess": Entry("creditflow.commands.excess:excess", "What stands above a limit."),
    "interest": Entry("creditflow.commands.late:interest", "Late interest."),
    "dispute": Entry(
        "creditflow.commands.dispute:dispute", "What customers contest of their invoices."
    ),
    "reconcile": Entry(
        "creditflow.commands.reconciliation:reconcile", "Another system's open items, compared."
    ),
    "drift": Entry(
        "creditflow.commands.reconciliation:findings", "What two systems do not agree on."
    ),
    "confirmation": Entry(
        "creditflow.commands.confirmation:confirmation", "Accounts that customers confirm."
    ),
    "benchmark": Entry(
        "creditflow.commands.benchmark:benchmark", "Benchmark rates, and repricing."
    ),
    "report": Entry("creditflow.commands.report:report", "External reports, under authority."),
    "statements": Entry("creditflow.commands.statement:statements", "Accounts of each period."),
    "party": Entry("creditflow.commands.party:party", "Owners, controllers, guarantors."),
    "ring": Entry("creditflow.commands.party:ring", "Whom a customer is linked to."),
    "check": Entry("creditflow.commands.line:check", "Whether an amount may be lent now."),
    "order": Entry("creditflow.commands.order:order", "Orders, from quoting to invoice."),
    "holds": Entry("creditflow.commands.order:holds", "Orders that stand still, and why."),
    "caps": Entry("creditflow.commands.cap:caps", "What all lines of one customer may come to."),
    "use": Entry("creditflow.commands.use:use", "Uses that are approved, then released."),
    "idle": Entry("creditflow.commands.idle:idle", "Limits that are not used, taken back."),
    "move": Entry("creditflow.commands.move:move", "Limit moved from one line to another."),
    "line": Entry("creditflow.commands.line:line", "One line, and what is done on it."),
    "ledger": Entry("creditflow.commands.line:ledger", "The book of entries."),
    "classes": Entry(
        "creditflow.commands.classification:classes", "Customers by tier and stage, and runs."
    ),
    "ecl": Entry("creditflow.commands.classification:ecl", "Expected credit losses as of a day."),
    "cohorts": Entry(
        "creditflow.commands.cohort:cohorts", "What became of lines approved in a month."
    ),
    "tolerances": Entry(
        "creditflow.commands.tolerance:tolerances", "What policy lets pass, and how often."
    ),
    "turnaround": Entry("creditflow.commands.turnaround:turnaround", "How long things take."),
    "events": Entry("creditflow.commands.turnaround:events", "The event log, as a file."),
    "guard": Entry("creditflow.commands.guard:guard", "Split requests, grants beyond policy."),
    "related": Entry("creditflow.commands.related:related", "The grantor's own related parties."),
    "stuck": Entry("creditflow.commands.operations:stuck", "What does not go on, and why."),
    "timeline": Entry("creditflow.commands.operations:timeline", "A case in one order of events."),
    "workflow": Entry("creditflow.commands.operations:workflow", "A workflow, mended by hand."),
    "repairs": Entry(
        "creditflow.commands.operations:repairs", "What was mended, and confirming it."
    ),
    "outbox": Entry("creditflow.commands.operations:outbox", "What is owed to others."),
    "webhook": Entry(
        "creditflow.commands.webhook:webhook", "Events told to others, and hooks taken."
    ),
    "refusals": Entry("creditflow.commands.audit:refusals", "What was refused to whom."),
    "products": Entry("creditflow.commands.investigation:products", "What may be granted."),
    "policy": Entry("creditflow.commands.policy:policy", "Policy editions."),
    "rerate": Entry("creditflow.commands.rerate:rerate", "The book judged anew, by two."),
    "factors": Entry("creditflow.commands.factors:factors", "The factor table of the book."),
    "model": Entry("creditflow.model.command:model", "Scorecards from data, and what they tell."),
    "audit": Entry("creditflow.commands.audit:audit", "What happened, and whether it holds."),
}
