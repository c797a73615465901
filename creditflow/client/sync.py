"""The client for programs that wait: one method for each thing the API can be asked.

`fetch_` reads one thing, `list_` turns the pages by itself, every other verb writes, under an
idempotency key: yours, or one made for the call, so that a broken connection is retried safely.
Whatever is refused raises a `CreditflowError` with its stable `code`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx

from creditflow.client import requests
from creditflow.client import values as v
from creditflow.client.calls import Call
from creditflow.client.connection import Connection
from creditflow.retrying import RETRYING, Retrying

_Item = TypeVar("_Item")


class Client(Connection):
    """`Client(url, key)`; without them `CREDITFLOW_URL` and `CREDITFLOW_KEY` say."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_seconds: float = 30,
        language: str = "en",
        retrying: Retrying = RETRYING,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(
            url,
            key,
            timeout_seconds=timeout_seconds,
            language=language,
            retrying=retrying,
            transport=transport,
        )

    # ── oneself ──────────────────────────────────────────────────────────────────────────────────

    def fetch_me(self) -> v.Me:
        """Who the key stands for, and what they may ask for."""
        return self.run(requests.me())

    def issue_key(self, person_id: str, label: str = "") -> v.KeyIssued:
        """A new key for somebody, told this once."""
        return self.run(requests.issue_key(person_id, label))

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    def list_customers(
        self, *, search: str | None = None, group_id: str | None = None
    ) -> Iterator[v.Customer]:
        """The customers one sees, by id."""
        return self._pages(
            lambda cursor: requests.customers_page(cursor, search=search, group_id=group_id)
        )

    def fetch_customer(self, customer_id: str) -> v.Customer:
        return self.run(requests.customer(customer_id))

    def fetch_customer_by(self, scheme: str, value: str) -> v.Customer:
        """The customer that goes by a code, such as `uscc` or `lei`."""
        return self.run(requests.customer_by(scheme, value))

    def record_customer(self, name: str, *, key: str | None = None, **content: Any) -> v.Customer:
        """Put a new customer on record; `content` as in the API: identifiers, country, mail …"""
        return self.run(requests.record_customer({"name": name, **content}, key))

    def record_statement(
        self,
        customer_id: str,
        period_end_on: date,
        currency: str,
        items: Mapping[str, Decimal],
        *,
        key: str | None = None,
        **more: Any,
    ) -> v.Statement:
        """Enter a statement; one that does not tie is refused with the difference."""
        return self.run(
            requests.record_statement(customer_id, period_end_on, currency, items, key, more)
        )

    def fetch_statements(self, customer_id: str) -> Sequence[v.Statement]:
        """The version that counts of each period, oldest first."""
        return self.run(requests.statements(customer_id)).items

    def record_invoice(
        self, customer_id: str, invoice: v.Invoice, *, key: str | None = None
    ) -> v.Invoice:
        return self.run(requests.record_invoice(customer_id, invoice, key))

    def record_payment(
        self, customer_id: str, payment: v.Payment, *, key: str | None = None
    ) -> v.Payment:
        return self.run(requests.record_payment(customer_id, payment, key))

    def fetch_account(self, customer_id: str, as_of: date | None = None) -> v.Account:
        """What the customer owes as of a day, aged, and how it paid."""
        return self.run(requests.account(customer_id, as_of))

    def fetch_covers(
        self, customer_id: str, as_of: date | None = None, *, line_id: str | None = None
    ) -> v.CustomerCovers:
        """What is registered for a customer, and what of it counts on a day."""
        return self.run(requests.covers(customer_id, as_of, line_id))

    def fetch_cover(self, cover_id: str) -> v.CoverView:
        return self.run(requests.cover(cover_id))

    def fetch_pending_covers(self) -> Sequence[v.CoverView]:
        """Covers that wait for a second person, oldest first."""
        return self.run(requests.pending_covers()).items

    def record_cover(
        self, content: v.CoverContent, cover_id: str | None = None, *, key: str | None = None
    ) -> v.CoverView:
        """Put a cover on record, or with its id what is known of it now."""
        return self.run(requests.record_cover(content, cover_id, key))

    def check_cover(
        self,
        cover_id: str,
        version: int,
        *,
        confirmed: bool,
        note: str = "",
        key: str | None = None,
    ) -> v.CoverView:
        """Confirm what another recorded, or say why not; the newest version alone."""
        return self.run(
            requests.check_cover(cover_id, version, key, confirmed=confirmed, note=note)
        )

    def fetch_late_interest(self, customer_id: str, as_of: date | None = None) -> v.LateAccount:
        """What overdue invoices have borne by a day, and what was charged of it."""
        return self.run(requests.late_interest(customer_id, as_of))

    def charge_late_interest(
        self, customer_id: str, period_end_on: date, *, key: str | None = None
    ) -> v.LateCharges:
        """Charge what accrued by a month's end and was not charged yet; again, nothing."""
        return self.run(requests.charge_late_interest(customer_id, period_end_on, key))

    def ask_waiver(
        self,
        customer_id: str,
        entry_id: str,
        amount: v.Money,
        reason: str,
        *,
        key: str | None = None,
    ) -> v.LateWaiver:
        """Ask that a charge, or a part of it, be waived; somebody else grants it."""
        return self.run(requests.ask_waiver(customer_id, entry_id, amount, reason, key))

    def answer_waiver(
        self, waiver_id: str, *, granted: bool, note: str = "", key: str | None = None
    ) -> v.LateAccount:
        """Grant a waiver that another asked for, or say why not."""
        return self.run(requests.answer_waiver(waiver_id, key, granted=granted, note=note))

    def reverse_waiver(self, entry_id: str, reason: str, *, key: str | None = None) -> v.LateEntry:
        """Put back what was waived, by a further entry."""
        return self.run(requests.reverse_waiver(entry_id, reason, key))

    def attach(self, name: str, content: bytes, *, key: str | None = None) -> v.Attachment:
        """Keep a file under the hash of its content."""
        return self.run(requests.attach(name, content, key))

    def fetch_attachment(self, sha256: str) -> bytes:
        return self.run(requests.attachment_content(sha256))

    def import_file(
        self,
        kind: str,
        file: Path | bytes,
        *,
        profile: str = "standard",
        dry_run: bool = False,
        per_row: bool = False,
        key: str | None = None,
    ) -> v.Imported:
        """Bring in a CSV of customers, statements, invoices, payments, lists or rates.

        One refused row refuses all (`import_refused`, its `errors` by row), unless `per_row`.
        """
        name, content = (file.name, file.read_bytes()) if isinstance(file, Path) else ("", file)
        return self.run(
            requests.import_file(
                kind,
                name or f"{kind}.csv",
                content,
                key,
                profile=profile,
                dry_run=dry_run,
                per_row=per_row,
            )
        )

    # ── applications and approval ────────────────────────────────────────────────────────────────

    def submit(self, application: v.Application, *, key: str | None = None) -> v.Submitted:
        """Start a case; the same key and application are the same case."""
        return self.run(requests.submit(application, key))

    def fetch_case(self, case_id: str) -> v.CaseView:
        """All there is about one case."""
        return self.run(requests.case(case_id))

    def list_cases(
        self, *, status: str | None = None, customer_id: str | None = None
    ) -> Iterator[v.Case]:
        """Cases, newest first."""
        return self._pages(
            lambda cursor: requests.cases_page(cursor, status=status, customer_id=customer_id)
        )

    def supplement(self, case_id: str, *, key: str | None = None, **change: Any) -> v.Acted:
        """Bring what was missing: `attachments={code: sha256}`, `note`, `purpose` …"""
        return self.run(requests.change(case_id, "supplement", change, key))

    def amend(self, case_id: str, *, key: str | None = None, **change: Any) -> v.Acted:
        """Change what is asked for; it is judged anew."""
        return self.run(requests.change(case_id, "amend", change, key))

    def withdraw(self, case_id: str, reason: str = "", *, key: str | None = None) -> v.Acted:
        return self.run(requests.change(case_id, "withdraw", {"reason": reason}, key))

    def dispose(self, case_id: str, *, clear: bool, reason: str, key: str | None = None) -> v.Acted:
        """Clear or confirm the screening hits that suspend a case."""
        content = {"clear": clear, "reason": reason}
        return self.run(requests.change(case_id, "disposition", content, key))

    def fetch_history(self, case_id: str) -> Sequence[v.Event]:
        """What happened to a case, oldest first, refused attempts included."""
        return self.run(requests.history(case_id)).items

    def fetch_receipt(self, case_id: str) -> Mapping[str, Any]:
        """The receipt of the newest judgement."""
        return self.run(requests.receipt(case_id))

    def replay(self, case_id: str) -> v.Replayed:
        """Judge the stored inputs again and compare."""
        return self.run(requests.replay(case_id))

    def fetch_figures(self) -> v.Figures:
        """How many cases stand where."""
        return self.run(requests.figures())

    def list_tasks(
        self, *, case_id: str | None = None, status: str | None = None, mine: bool = False
    ) -> Iterator[v.Task]:
        """Open tasks by due time, or those of another status; `mine`: what one may decide."""
        return self._pages(
            lambda cursor: requests.tasks_page(cursor, case_id=case_id, status=status, mine=mine)
        )

    def fetch_task(self, task_id: str) -> v.TaskPage:
        return self.run(requests.task(task_id))

    def decide(
        self,
        task_id: str,
        verdict: str,
        *,
        note: str = "",
        fields_wanted: Sequence[str] = (),
        limit: v.Money | None = None,
        content_hash: str = "",
        key: str | None = None,
    ) -> v.Decided:
        """`approve`, `decline` or `return`; authority is checked at this moment."""
        return self.run(
            requests.decide(
                task_id,
                verdict,
                key,
                note=note,
                fields_wanted=fields_wanted,
                limit=limit,
                content_hash=content_hash,
            )
        )

    def issue_task_token(self, task_id: str) -> v.Token:
        """A one-time token for a word on this task by a signal of one's own."""
        return self.run(requests.task_token(task_id))

    def issue_case_token(self, case_id: str) -> v.Token:
        """A one-time token for one message to this case."""
        return self.run(requests.case_token(case_id))

    def fetch_letter(self, letter_no: str) -> v.Letter:
        return self.run(requests.letter(letter_no))

    def fetch_letter_document(self, letter_no: str) -> bytes:
        """The approval letter as a PDF."""
        return self.run(requests.letter_document(letter_no))

    # ── contract and conditions ──────────────────────────────────────────────────────────────────

    def fetch_contract(self, case_id: str) -> v.ContractView:
        return self.run(requests.contract(case_id))

    def fetch_contract_document(self, case_id: str, of: str | None = None) -> bytes:
        """The latest PDF of the agreement, or that of one stage."""
        return self.run(requests.contract_document(case_id, of))

    def fetch_signing_page(self, token: str) -> v.SigningPage:
        """What a one-time link leads to."""
        return self.run(requests.signing_page(token))

    def sign(
        self, token: str, signatory: str, capacity: str, authority: bytes | None = None
    ) -> v.SigningPage:
        """Sign for the customer who was sent the link."""
        return self.run(requests.sign(token, signatory, capacity, authority))

    def refuse_to_sign(self, token: str, reason: str = "") -> v.SigningPage:
        return self.run(requests.refuse_to_sign(token, reason))

    def fetch_conditions(self, case_id: str) -> Sequence[v.Condition]:
        """The conditions precedent of a case."""
        return self.run(requests.conditions(case_id)).items

    def bring_evidence(
        self, case_id: str, code: str, evidence_hash: str, *, key: str | None = None
    ) -> v.Condition:
        return self.run(requests.bring_evidence(case_id, code, evidence_hash, key))

    def verify_condition(
        self, case_id: str, code: str, *, met: bool = True, note: str = "", key: str | None = None
    ) -> v.Condition:
        """Say whether the evidence shows it; not by whoever owns it or brought the evidence."""
        return self.run(requests.verify_condition(case_id, code, key, met=met, note=note))

    # ── lines and exposure ───────────────────────────────────────────────────────────────────────

    def list_lines(
        self, *, status: str | None = None, customer_id: str | None = None
    ) -> Iterator[v.Line]:
        return self._pages(
            lambda cursor: requests.lines_page(cursor, status=status, customer_id=customer_id)
        )

    def fetch_line(self, line_id: str) -> v.LineView:
        return self.run(requests.line(line_id))

    def list_entries(self, line_id: str) -> Iterator[v.Entry]:
        """The line's book, newest first."""
        return self._pages(lambda cursor: requests.entries_page(line_id, cursor))

    def check(
        self,
        customer_id: str,
        amount: v.Money,
        *,
        key: str | None = None,
        terms: str | None = None,
    ) -> v.Movement:
        """Whether an amount may be lent now, on an order's terms (`net_30`, `net_days:30@invoice`)
        where they are said; with a key it is reserved at once."""
        return self.run(requests.check(customer_id, amount, key, terms))

    def reserve(self, line_id: str, amount: v.Money, *, key: str | None = None) -> v.Movement:
        return self.run(requests.move(line_id, "reserve", {"amount": amount}, key))

    def commit(
        self,
        line_id: str,
        reservation_id: str,
        amount: v.Money | None = None,
        *,
        key: str | None = None,
    ) -> v.Movement:
        """A reservation becomes use, wholly or for less."""
        content = {"reservation_id": reservation_id, "amount": amount}
        return self.run(requests.move(line_id, "commit", content, key))

    def release(self, line_id: str, reservation_id: str, *, key: str | None = None) -> v.Movement:
        content = {"reservation_id": reservation_id}
        return self.run(requests.move(line_id, "release", content, key))

    def repay(self, line_id: str, amount: v.Money, *, key: str | None = None) -> v.Movement:
        return self.run(requests.move(line_id, "repay", {"amount": amount}, key))

    def freeze(
        self,
        line_id: str,
        note: str,
        *,
        reason: str | None = None,
        collect_only: bool = False,
        key: str | None = None,
    ) -> v.LineProgress:
        content = {"note": note, "reason": reason, "collect_only": collect_only}
        return self.run(requests.stand(line_id, "freeze", content, key))

    def unfreeze(
        self, line_id: str, note: str, *, reason: str | None = None, key: str | None = None
    ) -> v.LineProgress:
        content = {"note": note, "reason": reason}
        return self.run(requests.stand(line_id, "unfreeze", content, key))

    def terminate(self, line_id: str, note: str, *, key: str | None = None) -> v.LineProgress:
        return self.run(requests.stand(line_id, "terminate", {"note": note}, key))

    def ask_review(self, line_id: str) -> None:
        """Have a line looked at again."""
        return self.run(requests.ask_review(line_id))

    def verify_ledger(self) -> v.Proof:
        """Prove every balance from the entries."""
        return self.run(requests.verify_ledger())

    # ── review, warning, collection, policy ──────────────────────────────────────────────────────

    def list_reviews(
        self, *, open_only: bool = False, customer_id: str | None = None
    ) -> Iterator[v.Review]:
        """Reviews, newest first."""
        return self._pages(
            lambda cursor: requests.reviews_page(
                cursor, open_only=open_only, customer_id=customer_id
            )
        )

    def list_warnings(
        self,
        *,
        status: str | None = None,
        level: str | None = None,
        customer_id: str | None = None,
    ) -> Iterator[v.RaisedWarning]:
        """Warnings, newest first."""
        return self._pages(
            lambda cursor: requests.warnings_page(
                cursor, status=status, level=level, customer_id=customer_id
            )
        )

    def look_at_book(self, customer_ids: Sequence[str] = ()) -> v.RunStarted:
        """Look at the whole book now, or at the customers named."""
        return self.run(requests.look_at_book(customer_ids))

    def fetch_monitoring_run(self, run_id: str) -> v.MonitoringRun:
        """How far a look has come; `NotFound` until it has begun."""
        return self.run(requests.monitoring_run(run_id))

    def list_collections(
        self, *, status: str | None = None, customer_id: str | None = None
    ) -> Iterator[v.CollectionCase]:
        """Collection cases, newest first."""
        return self._pages(
            lambda cursor: requests.collections_page(cursor, status=status, customer_id=customer_id)
        )

    def promise(
        self, collection_id: str, promised_on: date, note: str = "", *, key: str | None = None
    ) -> v.CollectionProgress:
        """The customer promised to pay by a day; letters rest until it is over."""
        return self.run(requests.promise(collection_id, promised_on, note, key))

    def close_collection(
        self, collection_id: str, reason: str, *, key: str | None = None
    ) -> v.CollectionProgress:
        """End a case while something is overdue."""
        return self.run(requests.close_collection(collection_id, reason, key))

    def fetch_editions(self) -> Sequence[v.PublishedEdition]:
        """Every policy edition on record."""
        return self.run(requests.editions()).items

    def draft_edition(
        self, toml: str, base_hash: str | None = None, *, key: str | None = None
    ) -> v.DraftView:
        """Put a draft on record; with a base, `toml` says only what it changes."""
        return self.run(requests.draft(toml, base_hash, key))

    def simulate_draft(
        self, draft: str, *, most: int = 2000, key: str | None = None
    ) -> v.RecordedReport:
        """Try a draft on past cases and the lines in force."""
        return self.run(requests.simulate(draft, most, key))

    def publish_draft(self, draft: str, *, note: str = "", key: str | None = None) -> v.Published:
        """Put a draft in force that somebody else wrote and that was simulated."""
        return self.run(requests.publish(draft, note, key))

    # ── operations ───────────────────────────────────────────────────────────────────────────────

    def list_refusals(
        self, *, case_id: str | None = None, person_id: str | None = None
    ) -> Iterator[v.Refusal]:
        """What was refused to whom, newest first."""
        return self._pages(
            lambda cursor: requests.refusals_page(cursor, case_id=case_id, person_id=person_id)
        )

    def list_deliveries(
        self, *, channel: str | None = None, state: str | None = None
    ) -> Iterator[v.Delivery]:
        """What is owed to others, and whether it has arrived."""
        return self._pages(
            lambda cursor: requests.outbox_page(cursor, channel=channel, state=state)
        )

    def verify_records(self) -> v.AuditProof:
        """Try every file, receipt, edition and balance against what it was written as."""
        return self.run(requests.verify_records())

    def _pages(self, page_at: Callable[[str | None], Call[v.Page[_Item]]]) -> Iterator[_Item]:
        cursor: str | None = None
        while True:
            page = self.run(page_at(cursor))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return
