"""The client for programs on an event loop: the same methods as `Client`, to be awaited.

Lists are asynchronous iterators and are not awaited themselves.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx

from creditflow.client import requests
from creditflow.client import values as v
from creditflow.client.calls import Call
from creditflow.client.connection import AsyncConnection
from creditflow.retrying import RETRYING, Retrying

_Item = TypeVar("_Item")


class AsyncClient(AsyncConnection):
    """`AsyncClient(url, key)`; without them `CREDITFLOW_URL` and `CREDITFLOW_KEY` say."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_seconds: float = 30,
        language: str = "en",
        retrying: Retrying = RETRYING,
        transport: httpx.AsyncBaseTransport | None = None,
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

    async def fetch_me(self) -> v.Me:
        """Who the key stands for, and what they may ask for."""
        return await self.run(requests.me())

    async def issue_key(self, person_id: str, label: str = "") -> v.KeyIssued:
        """A new key for somebody, told this once."""
        return await self.run(requests.issue_key(person_id, label))

    async def change_password(self, old: str, new: str) -> None:
        """Change one's own password."""
        await self.run(requests.password(old, new))

    async def fetch_persons(self) -> Sequence[v.Person]:
        """Everybody who may sign in."""
        return (await self.run(requests.persons())).items

    async def record_person(self, person: v.Person) -> v.Person:
        """Put a person on record, or what has changed of one."""
        return await self.run(requests.record_person(person))

    async def disable_person(self, person_id: str) -> None:
        """From now on nobody signs in as this person, by key or by password."""
        await self.run(requests.disable_person(person_id))

    async def enable_person(self, person_id: str) -> None:
        """Let a person sign in again."""
        await self.run(requests.enable_person(person_id))

    async def fetch_keys(self, person_id: str) -> Sequence[v.ApiKey]:
        """A person's keys, the secrets left out."""
        return (await self.run(requests.keys(person_id))).items

    async def revoke_key(self, person_id: str, key_id: str) -> v.ApiKey:
        """End a key; it is refused from now on."""
        return await self.run(requests.revoke_key(person_id, key_id))

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    def list_customers(
        self, *, search: str | None = None, group_id: str | None = None
    ) -> AsyncIterator[v.Customer]:
        """The customers one sees, by id."""
        return self._pages(
            lambda cursor: requests.customers_page(cursor, search=search, group_id=group_id)
        )

    async def fetch_customer(self, customer_id: str) -> v.Customer:
        return await self.run(requests.customer(customer_id))

    async def fetch_customer_by(self, scheme: str, value: str) -> v.Customer:
        """The customer that goes by a code, such as `uscc` or `lei`."""
        return await self.run(requests.customer_by(scheme, value))

    async def record_customer(
        self, name: str, *, key: str | None = None, **content: Any
    ) -> v.Customer:
        """Put a new customer on record; `content` as in the API: identifiers, country, mail …"""
        return await self.run(requests.record_customer({"name": name, **content}, key))

    async def fetch_profile(self, customer_id: str, as_of: date | None = None) -> v.CreditProfile:
        """The customer's credit as it stood on a day, each figure with its source."""
        return await self.run(requests.profile(customer_id, as_of))

    async def fetch_duplicates(self, customer_id: str | None = None) -> Sequence[v.Likeness]:
        """Records that are likely one customer, the likeliest first."""
        return (await self.run(requests.duplicates(customer_id))).items

    async def fetch_merges(self, customer_id: str | None = None) -> Sequence[v.Merge]:
        """Merges of a customer, or the newest of all."""
        return (await self.run(requests.merges(customer_id))).items

    async def fetch_merge(self, merge_id: str) -> v.Merge:
        """One merge: who proposed it, and what became of it."""
        return await self.run(requests.merge(merge_id))

    async def propose_merge(
        self, losing_id: str, into: str, reason: str, *, key: str | None = None
    ) -> v.Merge:
        """Say that two records are one customer; somebody else confirms it."""
        return await self.run(requests.propose_merge(losing_id, into, reason, key))

    async def decide_merge(
        self, merge_id: str, verdict: str, reason: str, *, key: str | None = None
    ) -> v.Merge:
        """`confirm` or `decline` what somebody else proposed."""
        return await self.run(requests.decide_merge(merge_id, verdict, reason, key))

    async def take_back_merge(
        self, merge_id: str, reason: str, *, key: str | None = None
    ) -> v.Merge:
        """Make two records of one again, while nothing was decided on it."""
        return await self.run(requests.take_back_merge(merge_id, reason, key))

    async def fetch_roles(self, customer_id: str) -> Sequence[v.PartyRole]:
        """The roles of a party: customer, supplier, from when to when."""
        return (await self.run(requests.roles(customer_id))).items

    async def record_role(
        self,
        customer_id: str,
        *,
        role_id: str | None = None,
        key: str | None = None,
        **content: Any,
    ) -> v.PartyRole:
        """Put a role on record, or with its id what is known better of it; `content`: role,
        valid_from, valid_until, source."""
        return await self.run(requests.record_role(customer_id, content, role_id, key))

    async def record_payable(
        self, customer_id: str, *, key: str | None = None, **content: Any
    ) -> v.Payable:
        """What we owe; `content`: payable_no, issued_on, due_on, amount."""
        return await self.run(requests.record_payable(customer_id, content, key))

    async def settle_payable(
        self, customer_id: str, *, key: str | None = None, **content: Any
    ) -> v.Settlement:
        """What we paid; `content`: payable_no, settlement_no, settled_on, amount."""
        return await self.run(requests.settle_payable(customer_id, content, key))

    async def record_set_off(
        self, customer_id: str, *, key: str | None = None, **content: Any
    ) -> v.SetOffAgreement:
        """`content`: evidence_hash, signed_on, valid_from, valid_until, most."""
        return await self.run(requests.record_set_off(customer_id, content, key))

    async def fetch_set_offs(self, customer_id: str) -> Sequence[v.SetOffAgreement]:
        """The agreements to set off that are on file for a party."""
        return (await self.run(requests.set_offs(customer_id))).items

    async def fetch_sides(self, customer_id: str, as_of: date | None = None) -> v.Sides:
        """What a party owes us, what we owe it, and what of that is set off."""
        return await self.run(requests.sides(customer_id, as_of))

    async def record_statement(
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
        return await self.run(
            requests.record_statement(customer_id, period_end_on, currency, items, key, more)
        )

    async def fetch_statements(self, customer_id: str) -> Sequence[v.Statement]:
        """The version that counts of each period, oldest first."""
        return (await self.run(requests.statements(customer_id))).items

    async def record_invoice(
        self, customer_id: str, invoice: v.Invoice, *, key: str | None = None
    ) -> v.Invoice:
        return await self.run(requests.record_invoice(customer_id, invoice, key))

    async def record_payment(
        self, customer_id: str, payment: v.Payment, *, key: str | None = None
    ) -> v.Payment:
        return await self.run(requests.record_payment(customer_id, payment, key))

    async def record_credit_note(
        self, customer_id: str, note: v.CreditNote, *, key: str | None = None
    ) -> v.CreditNote:
        return await self.run(requests.record_credit_note(customer_id, note, key))

    async def fetch_credit_notes(self, customer_id: str) -> Sequence[v.CreditNote]:
        """Every credit note of a customer's invoices, reversals among them."""
        return (await self.run(requests.credit_notes(customer_id))).items

    async def open_dispute(
        self, customer_id: str, dispute: v.DisputeContent, *, key: str | None = None
    ) -> v.Dispute:
        """Put on record what a customer contests of an invoice, from a day on."""
        return await self.run(requests.open_dispute(customer_id, dispute, key))

    async def settle_dispute(
        self, dispute_id: str, end: v.DisputeEnd, *, key: str | None = None
    ) -> v.Dispute:
        """Say that a dispute was settled, and why."""
        return await self.run(requests.settle_dispute(dispute_id, end, key))

    async def fetch_disputes(self, customer_id: str) -> Sequence[v.Dispute]:
        """Every dispute of a customer's invoices, the newest first."""
        return (await self.run(requests.disputes(customer_id))).items

    def list_open_disputes(self) -> AsyncIterator[v.Dispute]:
        """Disputes that nobody has settled, the oldest first."""
        return self._pages(lambda cursor: requests.open_disputes(cursor))

    async def receive_bill(
        self, customer_id: str, bill: v.BillContent, *, key: str | None = None
    ) -> v.Bill:
        """Put a bill on record in place of the invoices it pays."""
        return await self.run(requests.receive_bill(customer_id, bill, key))

    async def report_bill(
        self, bill_id: str, event: v.BillEvent, *, key: str | None = None
    ) -> v.Bill:
        """Say that a bill was endorsed, discounted, honoured or refused."""
        return await self.run(requests.report_bill(bill_id, event, key))

    async def fetch_bill(self, bill_id: str, as_of: date | None = None) -> v.Bill:
        return await self.run(requests.bill(bill_id, as_of))

    def list_bills(self) -> AsyncIterator[v.Bill]:
        """Every bill of the book, the newest first."""
        return self._pages(lambda cursor: requests.bills(cursor))

    async def fetch_customer_bills(
        self, customer_id: str, as_of: date | None = None
    ) -> Sequence[v.Bill]:
        """The bills of a customer that were received by a day."""
        return (await self.run(requests.customer_bills(customer_id, as_of))).items

    def list_excesses(
        self, *, settled: bool = False, customer_id: str | None = None, line_id: str | None = None
    ) -> AsyncIterator[v.Excess]:
        """Open plans of what stands above a limit, or settled ones too, the one due first first."""
        return self._pages(lambda cursor: requests.excesses(settled, customer_id, line_id, cursor))

    async def fetch_excess(self, excess_id: str) -> v.ExcessView:
        return await self.run(requests.excess(excess_id))

    async def set_excess_dates(
        self, excess_id: str, due_on: Sequence[date], reason: str, *, key: str | None = None
    ) -> v.ExcessProposal:
        """Give the steps of a plan other dates, for somebody else to confirm."""
        return await self.run(requests.set_excess_dates(excess_id, due_on, reason, key))

    async def answer_excess_dates(
        self,
        excess_id: str,
        dates_id: str,
        *,
        confirmed: bool,
        note: str = "",
        key: str | None = None,
    ) -> v.ExcessView:
        """Confirm other dates that somebody else gave, or not."""
        call = requests.answer_excess_dates(
            excess_id, dates_id, key, confirmed=confirmed, note=note
        )
        return await self.run(call)

    async def ask_confirmation(
        self, customer_id: str | None = None, as_of: date | None = None
    ) -> v.RunStarted:
        """Send the accounts that are due, or one customer's as of a day; each once."""
        return await self.run(requests.ask_confirmation(customer_id, as_of))

    def list_confirmations(
        self, customer_id: str | None = None, *, waiting: bool = False
    ) -> AsyncIterator[v.ConfirmationView]:
        """Accounts that were asked for, newest first."""
        return self._pages(lambda cursor: requests.confirmations(customer_id, waiting, cursor))

    async def fetch_confirmation(self, confirmation_id: str) -> v.ConfirmationView:
        return await self.run(requests.confirmation(confirmation_id))

    async def answer_confirmation(
        self,
        confirmation_id: str,
        *,
        document_hash: str,
        evidence_hash: str,
        all_agreed: bool = False,
        agreed: Sequence[str] = (),
        differences: Sequence[v.DifferenceSaid] = (),
    ) -> v.ConfirmationView:
        """Put on record what came back stamped; its picture is attached before."""
        return await self.run(
            requests.answer_confirmation(
                confirmation_id, document_hash, evidence_hash, all_agreed, agreed, differences
            )
        )

    async def fetch_confirmation_differences(
        self, customer_id: str | None = None
    ) -> Sequence[v.ConfirmationDifference]:
        """What is still to be cleared up, earliest due first."""
        return (await self.run(requests.confirmation_differences(customer_id))).items

    async def close_difference(
        self, difference_id: str, outcome: str, reason: str
    ) -> v.ConfirmationDifference:
        """Say how a difference was cleared up: upheld, corrected, credited or disputed."""
        return await self.run(requests.close_difference(difference_id, outcome, reason))

    async def fetch_confirmation_page(self, token: str) -> v.ConfirmationLinkPage:
        """What a link from a mail leads to."""
        return await self.run(requests.confirmation_page(token))

    async def answer_confirmation_by_link(
        self,
        token: str,
        *,
        document_hash: str,
        signatory: v.Signatory,
        all_agreed: bool = False,
        agreed: Sequence[str] = (),
        differences: Sequence[v.DifferenceSaid] = (),
    ) -> v.ConfirmationLinkPage:
        """Answer and sign for the customer, as whoever holds the link."""
        return await self.run(
            requests.answer_confirmation_by_link(
                token, document_hash, signatory, all_agreed, agreed, differences
            )
        )

    async def reconcile(
        self,
        file: Path | bytes,
        *,
        as_of: date | None = None,
        profile: str = "standard",
        dry_run: bool = False,
        key: str | None = None,
    ) -> v.Reconciled:
        """Compare another system's open items as of a day with our documents."""
        name, content = (file.name, file.read_bytes()) if isinstance(file, Path) else ("", file)
        return await self.run(
            requests.reconcile(name or "open_items.csv", content, as_of, profile, dry_run, key)
        )

    async def reconcile_newest(self) -> v.Reconciliation:
        """Compare the newest extract with the books as they are now."""
        return await self.run(requests.reconcile_newest())

    def list_reconciliations(self) -> AsyncIterator[v.Reconciliation]:
        """What comparisons came to, newest first."""
        return self._pages(lambda cursor: requests.reconciliations(cursor))

    async def fetch_reconciliation(self, reconciliation_id: str) -> v.Reconciliation:
        return await self.run(requests.reconciliation(reconciliation_id))

    async def fetch_reconciliation_findings(self) -> Sequence[v.ReconciliationFinding]:
        """Drift that is still to be cleared up, earliest due first."""
        return (await self.run(requests.reconciliation_findings())).items

    async def close_finding(self, finding_id: str, reason: str) -> v.ReconciliationFinding:
        """Say why a drift is none, or is no more."""
        return await self.run(requests.close_finding(finding_id, reason))

    async def fetch_account(self, customer_id: str, as_of: date | None = None) -> v.Account:
        """What the customer owes as of a day, aged, and how it paid."""
        return await self.run(requests.account(customer_id, as_of))

    async def fetch_covers(
        self, customer_id: str, as_of: date | None = None, *, line_id: str | None = None
    ) -> v.CustomerCovers:
        """What is registered for a customer, and what of it counts on a day."""
        return await self.run(requests.covers(customer_id, as_of, line_id))

    async def fetch_cover(self, cover_id: str) -> v.CoverView:
        return await self.run(requests.cover(cover_id))

    async def fetch_pending_covers(self) -> Sequence[v.CoverView]:
        """Covers that wait for a second person, oldest first."""
        return (await self.run(requests.pending_covers())).items

    async def record_cover(
        self, content: v.CoverContent, cover_id: str | None = None, *, key: str | None = None
    ) -> v.CoverView:
        """Put a cover on record, or with its id what is known of it now."""
        return await self.run(requests.record_cover(content, cover_id, key))

    async def check_cover(
        self,
        cover_id: str,
        version: int,
        *,
        confirmed: bool,
        note: str = "",
        key: str | None = None,
    ) -> v.CoverView:
        """Confirm what another recorded, or say why not; the newest version alone."""
        return await self.run(
            requests.check_cover(cover_id, version, key, confirmed=confirmed, note=note)
        )

    async def fetch_insurances(self) -> Sequence[v.Insurance]:
        """Every credit insurance, the newest first."""
        return (await self.run(requests.insurances())).items

    async def fetch_insurance(self, insurance_id: str) -> v.Insurance:
        return await self.run(requests.insurance(insurance_id))

    async def record_insurance(
        self, terms: v.InsuranceTerms, insurance_id: str | None = None, *, key: str | None = None
    ) -> v.Insurance:
        """Put an insurance on record, or with its id what is known of it now."""
        return await self.run(requests.record_insurance(terms, insurance_id, key))

    async def check_insurance(
        self,
        insurance_id: str,
        version: int,
        *,
        confirmed: bool,
        note: str = "",
        key: str | None = None,
    ) -> v.Insurance:
        """Confirm what another recorded, or say why not; the newest version alone."""
        return await self.run(
            requests.check_insurance(insurance_id, version, key, confirmed=confirmed, note=note)
        )

    async def fetch_pending_insurance(self) -> v.InsuranceWaiting:
        """Insurances and insurers' limits that wait for a second person."""
        return await self.run(requests.pending_insurance())

    async def open_insured_limit(
        self, insurance_id: str, customer_id: str, word: v.LimitWord, *, key: str | None = None
    ) -> v.InsuredBuyer:
        """The first word on a buyer under an insurance."""
        return await self.run(requests.open_insured_limit(insurance_id, customer_id, word, key))

    def list_insured_limits(self) -> AsyncIterator[v.InsuredBuyer]:
        """Every insured buyer of the book, by id."""
        return self._pages(requests.insured_limits_page)

    async def fetch_insured_limit(self, limit_id: str, as_of: date | None = None) -> v.InsuredBuyer:
        """A buyer under one insurance: what was said, what is covered, what is due."""
        return await self.run(requests.insured_limit(limit_id, as_of))

    async def say_insured_limit(
        self, limit_id: str, word: v.LimitWord, *, key: str | None = None
    ) -> v.InsuredBuyer:
        """What was said of a limit now; what raises it counts once another has confirmed it."""
        return await self.run(requests.say_insured_limit(limit_id, word, key))

    async def check_insured_limit(
        self,
        limit_id: str,
        version: int,
        *,
        confirmed: bool,
        note: str = "",
        key: str | None = None,
    ) -> v.InsuredBuyer:
        """Confirm what another recorded of a limit, or say why not."""
        return await self.run(
            requests.check_insured_limit(limit_id, version, key, confirmed=confirmed, note=note)
        )

    async def declare_shipment(
        self, limit_id: str, shipment: v.Shipment, *, key: str | None = None
    ) -> v.InsuredBuyer:
        """Declare a shipment; the answer says what of it is covered, and why not the rest."""
        return await self.run(requests.declare_shipment(limit_id, shipment, key))

    async def report_shipment(
        self, limit_id: str, event: v.ShipmentEvent, *, key: str | None = None
    ) -> v.InsuredBuyer:
        """A payment, a dispute or its end, a notice of loss or a claim."""
        return await self.run(requests.report_shipment(limit_id, event, key))

    async def fetch_customer_insurance(
        self, customer_id: str, as_of: date | None = None, *, days: int | None = None
    ) -> v.CustomerInsurance:
        """What insurers cover of a customer on a day, and what changes in the days after."""
        return await self.run(requests.customer_insurance(customer_id, as_of, days))

    async def watch_insurance(self) -> v.RunStarted:
        """Look at the deadlines of every insured buyer now."""
        return await self.run(requests.watch_insurance())

    async def fetch_insurance_findings(
        self, *, open_only: bool = False
    ) -> Sequence[v.InsuranceFinding]:
        """The deadlines that were missed, oldest first."""
        return (await self.run(requests.insurance_findings(open_only))).items

    async def close_insurance_finding(
        self, finding_id: str, note: str, *, key: str | None = None
    ) -> v.InsuranceFinding:
        """Say what was done about a missed deadline."""
        return await self.run(requests.close_insurance_finding(finding_id, note, key))

    async def fetch_late_interest(
        self, customer_id: str, as_of: date | None = None
    ) -> v.LateAccount:
        """What overdue invoices have borne by a day, and what was charged of it."""
        return await self.run(requests.late_interest(customer_id, as_of))

    async def charge_late_interest(
        self, customer_id: str, period_end_on: date, *, key: str | None = None
    ) -> v.LateCharges:
        """Charge what accrued by a month's end and was not charged yet; again, nothing."""
        return await self.run(requests.charge_late_interest(customer_id, period_end_on, key))

    async def ask_waiver(
        self,
        customer_id: str,
        entry_id: str,
        amount: v.Money,
        reason: str,
        *,
        key: str | None = None,
    ) -> v.LateWaiver:
        """Ask that a charge, or a part of it, be waived; somebody else grants it."""
        return await self.run(requests.ask_waiver(customer_id, entry_id, amount, reason, key))

    async def answer_waiver(
        self, waiver_id: str, *, granted: bool, note: str = "", key: str | None = None
    ) -> v.LateAccount:
        """Grant a waiver that another asked for, or say why not."""
        return await self.run(requests.answer_waiver(waiver_id, key, granted=granted, note=note))

    async def reverse_waiver(
        self, entry_id: str, reason: str, *, key: str | None = None
    ) -> v.LateEntry:
        """Put back what was waived, by a further entry."""
        return await self.run(requests.reverse_waiver(entry_id, reason, key))

    async def attach(self, name: str, content: bytes, *, key: str | None = None) -> v.Attachment:
        """Keep a file under the hash of its content."""
        return await self.run(requests.attach(name, content, key))

    async def fetch_attachment(self, sha256: str) -> bytes:
        return await self.run(requests.attachment_content(sha256))

    async def import_file(
        self,
        kind: str,
        file: Path | bytes,
        *,
        profile: str = "standard",
        dry_run: bool = False,
        per_row: bool = False,
        key: str | None = None,
    ) -> v.Imported:
        """Bring in a CSV of customers, statements, invoices, payments, credit notes, lists or rates.

        One refused row refuses all (`import_refused`, its `errors` by row), unless `per_row`.
        """
        name, content = (file.name, file.read_bytes()) if isinstance(file, Path) else ("", file)
        return await self.run(
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

    async def update_customer(
        self, customer_id: str, name: str, *, key: str | None = None, **content: Any
    ) -> v.Customer:
        """Replace what is said of a customer; the state before stays on record."""
        return await self.run(requests.update_customer(customer_id, {"name": name, **content}, key))

    async def fetch_events(
        self, customer_id: str, until: date | None = None
    ) -> Sequence[v.CreditEvent]:
        """A customer's credit history, corrections among it."""
        return (await self.run(requests.events(customer_id, until))).items

    async def record_event(
        self,
        customer_id: str,
        event_type: str,
        occurred_on: date,
        *,
        key: str | None = None,
        **more: Any,
    ) -> v.CreditEvent:
        """Add to the credit history; `more` as in the API: amount, evidence_hash, note, corrects."""
        return await self.run(
            requests.record_event(
                customer_id, {"event_type": event_type, "occurred_on": occurred_on, **more}, key
            )
        )

    async def record_group(
        self, group: v.CustomerGroup, *, key: str | None = None
    ) -> v.CustomerGroup:
        """Put a group on record: companies whose exposure counts as one."""
        return await self.run(requests.record_group(group, key))

    async def fetch_group(self, group_id: str) -> v.GroupView:
        """A group and those of its members one sees."""
        return await self.run(requests.group(group_id))

    async def record_party(
        self, name: str, kind: str = "company", *, key: str | None = None
    ) -> v.Party:
        """Put a party on record that is no customer: a company, a person, an arrangement."""
        return await self.run(requests.record_party(name, kind, key))

    async def record_link(self, link: v.PartyLink, *, key: str | None = None) -> v.PartyLink:
        """Put a link on record, or with its `link_id` what is known better of it."""
        return await self.run(requests.record_link(link, key))

    async def import_ownership(
        self, file: Path | bytes, source: str = "bods", *, key: str | None = None
    ) -> v.OwnershipReport:
        """Bring in a file of the Beneficial Ownership Data Standard; the same again changes nothing."""
        return await self.run(
            requests.import_ownership(
                file.read_bytes() if isinstance(file, Path) else file, source, key
            )
        )

    async def fetch_ring(self, customer_id: str, as_of: date | None = None) -> v.Ring:
        """Whom ownership, control and guarantees link a customer to, each with the way there."""
        return await self.run(requests.ring(customer_id, as_of))

    async def fetch_accounts(self, customer_id: str) -> Sequence[v.Accounts]:
        """The accounts of each period: the one that counts, and what differs in the others."""
        return (await self.run(requests.accounts(customer_id))).items

    async def fetch_versions(
        self, customer_id: str, period_end_on: date, *, consolidated: bool = False
    ) -> Sequence[v.Statement]:
        """Every version of one period's statement, oldest first."""
        return (await self.run(requests.versions(customer_id, period_end_on, consolidated))).items

    def list_factors(self) -> AsyncIterator[v.FactorRow]:
        """The factor table of the book: a row a customer, each figure of the edition in force."""
        return self._pages(lambda cursor: requests.factors_page(cursor))

    async def fetch_invoices(self, customer_id: str) -> Sequence[v.Invoice]:
        """What was invoiced to a customer."""
        return (await self.run(requests.invoices(customer_id))).items

    async def fetch_payments(self, customer_id: str) -> Sequence[v.Payment]:
        """What a customer paid."""
        return (await self.run(requests.payments(customer_id))).items

    async def fetch_ageing(self, currency: str = "CNY", as_of: date | None = None) -> v.BookAgeing:
        """What is owed by everybody in one currency, aged, and how fast it is paid."""
        return await self.run(requests.ageing(currency, as_of))

    async def fetch_turnover(self, customer_id: str, as_of: date | None = None) -> v.Turnover:
        """What a customer's VAT invoices come to by month, and every figure made of them."""
        return await self.run(requests.turnover(customer_id, as_of))

    async def fetch_report_kinds(self) -> Sequence[v.ReportKind]:
        """Which reports the policy knows: whom they are asked of, and how old they may be."""
        return (await self.run(requests.report_kinds())).items

    async def fetch_authorisations(self, customer_id: str) -> Sequence[v.Authorisation]:
        """A customer's written agreements, the one that holds longest first."""
        return (await self.run(requests.authorisations(customer_id))).items

    async def authorise_reports(
        self,
        customer_id: str,
        evidence_hash: str,
        signed_on: date,
        valid_until: date,
        *,
        key: str | None = None,
    ) -> v.Authorisation:
        """Put a customer's written agreement on file; its document is attached before."""
        return await self.run(
            requests.authorise(customer_id, evidence_hash, signed_on, valid_until, key)
        )

    async def fetch_reports(self, customer_id: str) -> Sequence[v.ExternalReport]:
        """Every external report on a customer, newest first."""
        return (await self.run(requests.reports(customer_id))).items

    async def pull_report(
        self, customer_id: str, kind: str, purpose: str, *, key: str | None = None
    ) -> v.PulledReport:
        """The report on file while it counts, else the first that a provider gives."""
        return await self.run(requests.pull_report(customer_id, kind, purpose, key))

    async def fetch_report_queries(self, customer_id: str) -> Sequence[v.ReportQuery]:
        """Who asked whom about a customer and what came of it, oldest first."""
        return (await self.run(requests.report_queries(customer_id))).items

    async def fetch_rating_mapping(self) -> v.RatingMapping:
        """Which ratings of which agencies are which grade of ours, from when to when."""
        return await self.run(requests.rating_mapping())

    async def fetch_agency_ratings(self, customer_id: str) -> Sequence[v.RatingOnFile]:
        """Every agency's rating of a customer, newest first, and whether it counts today."""
        return (await self.run(requests.agency_ratings(customer_id))).items

    async def record_agency_rating(
        self,
        customer_id: str,
        agency: str,
        rating: str,
        *,
        rated_on: date,
        valid_until: date,
        evidence_hash: str,
        outlook: str = "unstated",
        key: str | None = None,
    ) -> v.RatingOnFile:
        """Put an agency's rating on file; its document is attached before."""
        content = {
            "agency": agency,
            "rating": rating,
            "outlook": outlook,
            "rated_on": rated_on,
            "valid_until": valid_until,
            "evidence_hash": evidence_hash,
        }
        return await self.run(requests.record_rating(customer_id, content, key))

    async def withdraw_agency_rating(
        self,
        customer_id: str,
        agency: str,
        withdrawn_on: date,
        evidence_hash: str,
        *,
        key: str | None = None,
    ) -> v.RatingWithdrawal:
        """Say that an agency rates a customer no longer, from a day on."""
        return await self.run(
            requests.withdraw_rating(customer_id, agency, withdrawn_on, evidence_hash, key)
        )

    async def fetch_attachment_facts(self, sha256: str) -> v.Attachment:
        """What a file on record is."""
        return await self.run(requests.attachment(sha256))

    async def fetch_fixings(self, on: date | None = None) -> Sequence[v.Fixing]:
        """The newest fixing of each benchmark on or before a day."""
        return (await self.run(requests.fixings(on))).items

    async def fetch_fixing_history(self, benchmark: str) -> Sequence[v.Fixing]:
        """Every version of a benchmark's fixings, the newest day first."""
        return (await self.run(requests.fixing_history(benchmark))).items

    async def record_fixing(self, fixing: v.FixingContent, *, key: str | None = None) -> v.Fixing:
        """Enter a day's fixing once."""
        return await self.run(requests.record_fixing(fixing, key))

    async def correct_fixing(
        self, fixing: v.FixingContent, reason: str, *, key: str | None = None
    ) -> v.Fixing:
        """Follow a figure that somebody else entered wrongly by the right one."""
        return await self.run(requests.correct_fixing(fixing, reason, key))

    async def fetch_line_rates(self, line_id: str) -> v.LineRateHistory:
        """Every rate of a line, the one of today, and when the next one is set."""
        return await self.run(requests.line_rates(line_id))

    async def reprice(self) -> v.RunStarted:
        """Set the floating rates whose dates have come."""
        return await self.run(requests.reprice())

    async def fetch_rate_findings(self) -> Sequence[v.RateFinding]:
        """The repricing dates that wait for a benchmark."""
        return (await self.run(requests.rate_findings())).items

    async def fetch_rates(
        self, on: date | None = None, base: str | None = None
    ) -> Sequence[v.Rate]:
        """The newest exchange rate of each pair and kind on or before a day."""
        return (await self.run(requests.rates(on, base))).items

    async def record_rate(self, rate: v.Rate, *, key: str | None = None) -> v.Rate:
        """Enter a day's exchange rate once."""
        return await self.run(requests.record_rate(rate, key))

    async def convert(
        self, amount: v.Money, quote: str, *, on: date | None = None, kind: str = "spot"
    ) -> v.Conversion:
        """An amount in another currency, with the rate used."""
        return await self.run(requests.convert(amount, quote, on, kind))

    async def fetch_name_lists(self) -> Sequence[v.NameList]:
        """Every name list in its newest version."""
        return (await self.run(requests.name_lists())).items

    async def fetch_list_entries(self, list_code: str) -> Sequence[v.ListEntry]:
        """All that stands on a list now."""
        return (await self.run(requests.list_entries(list_code))).items

    async def add_list_entry(self, entry: v.ListEntry, *, key: str | None = None) -> v.Touched:
        """Put a name on a list, and see whom it concerns now."""
        return await self.run(requests.add_list_entry(entry, key))

    async def find_hits(self, identifiers: Sequence[v.Identifier]) -> Sequence[v.ListEntry]:
        """The entries on any list that have one of these codes."""
        return (await self.run(requests.hits(identifiers))).items

    async def fetch_import_profiles(self) -> v.ImportProfiles:
        """Whose columns imports know, and for which kinds of file."""
        return await self.run(requests.import_profiles())

    # ── applications and approval ────────────────────────────────────────────────────────────────

    async def submit(self, application: v.Application, *, key: str | None = None) -> v.Submitted:
        """Start a case; the same key and application are the same case."""
        return await self.run(requests.submit(application, key))

    async def fetch_case(self, case_id: str) -> v.CaseView:
        """All there is about one case."""
        return await self.run(requests.case(case_id))

    def list_cases(
        self, *, status: str | None = None, customer_id: str | None = None
    ) -> AsyncIterator[v.Case]:
        """Cases, newest first."""
        return self._pages(
            lambda cursor: requests.cases_page(cursor, status=status, customer_id=customer_id)
        )

    async def supplement(self, case_id: str, *, key: str | None = None, **change: Any) -> v.Acted:
        """Bring what was missing: `attachments={code: sha256}`, `note`, `purpose` …"""
        return await self.run(requests.change(case_id, "supplement", change, key))

    async def amend(self, case_id: str, *, key: str | None = None, **change: Any) -> v.Acted:
        """Change what is asked for; it is judged anew."""
        return await self.run(requests.change(case_id, "amend", change, key))

    async def withdraw(self, case_id: str, reason: str = "", *, key: str | None = None) -> v.Acted:
        return await self.run(requests.change(case_id, "withdraw", {"reason": reason}, key))

    async def reconsider(
        self, case_id: str, evidence: Mapping[str, str], grounds: str, *, key: str | None = None
    ) -> v.Submitted:
        """Have a declined case decided anew, once: `evidence` is what is new, by document code."""
        return await self.run(requests.reconsider(case_id, evidence, grounds, key))

    async def recover(self, case_id: str, reason: str, *, key: str | None = None) -> v.Submitted:
        """Put a case that lapsed in its approvers' silence before them afresh."""
        return await self.run(requests.recover(case_id, reason, key))

    async def dispose(
        self, case_id: str, *, clear: bool, reason: str, key: str | None = None
    ) -> v.Acted:
        """Clear or confirm the screening hits that suspend a case."""
        content = {"clear": clear, "reason": reason}
        return await self.run(requests.change(case_id, "disposition", content, key))

    async def fetch_analyst_figures(self, case_id: str) -> v.CaseFigures:
        """What analysts may supply for a case, within which bounds, and what they have."""
        return await self.run(requests.analyst_figures(case_id))

    async def supply_analyst_figure(
        self,
        case_id: str,
        factor: str,
        value: Decimal,
        *,
        reason: str,
        evidence_hash: str,
        key: str | None = None,
    ) -> v.CaseFigures:
        """Give a figure that a case waits for; its document is attached before."""
        content = {
            "factor": factor,
            "value": f"{value:f}",
            "reason": reason,
            "evidence_hash": evidence_hash,
        }
        return await self.run(requests.supply_figure(case_id, content, key))

    async def confirm_analyst_figure(
        self, case_id: str, factor: str, version: int, *, key: str | None = None
    ) -> v.CaseFigures:
        """The second person's word on a supplied figure."""
        return await self.run(requests.confirm_figure(case_id, factor, version, key))

    async def override(
        self, case_id: str, notches: int, *, reason: str, note: str, key: str | None = None
    ) -> v.Overridden:
        """Move the grade of a case; where its edition asks for a second person it waits for one."""
        return await self.run(requests.override(case_id, notches, reason, note, key))

    async def fetch_case_overrides(self, case_id: str) -> v.CaseOverrides:
        """The overrides of a case, and what its edition allows."""
        return await self.run(requests.case_overrides(case_id))

    def list_overrides(
        self,
        *,
        analyst: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> AsyncIterator[v.Override]:
        """Overrides, newest first."""
        return self._pages(
            lambda cursor: requests.overrides_page(
                cursor, analyst=analyst, since=since, until=until
            )
        )

    async def fetch_override_report(
        self,
        *,
        analyst: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> v.OverrideReport:
        """By analyst: how often, how far, and what became of the cases."""
        return await self.run(requests.override_report(analyst=analyst, since=since, until=until))

    async def fetch_customer_caps(self, customer_id: str) -> v.CapsOf:
        """The caps in force over a customer's lines, and every one asked for."""
        return await self.run(requests.customer_caps(customer_id))

    async def fetch_group_caps(self, group_id: str) -> v.CapsOf:
        """The caps in force over a group's lines, and every one asked for."""
        return await self.run(requests.group_caps(group_id))

    async def ask_customer_cap(
        self, customer_id: str, content: v.CapContent, *, key: str | None = None
    ) -> v.Cap:
        """Ask for a cap over all lines of a customer, or that there be none; others decide."""
        return await self.run(requests.ask_customer_cap(customer_id, content, key))

    async def ask_group_cap(
        self, group_id: str, content: v.CapContent, *, key: str | None = None
    ) -> v.Cap:
        """Ask for a cap over all lines of a group, or that there be none; others decide."""
        return await self.run(requests.ask_group_cap(group_id, content, key))

    def list_caps(
        self,
        *,
        scope: str | None = None,
        owner_id: str | None = None,
        status: str | None = None,
    ) -> AsyncIterator[v.Cap]:
        """Caps that were asked for, newest first."""
        return self._pages(
            lambda cursor: requests.caps_page(cursor, scope=scope, owner_id=owner_id, status=status)
        )

    async def fetch_idle(self) -> v.IdleLines:
        """The lines that are idle today, with the cut each would get."""
        return await self.run(requests.idle_lines())

    async def propose_reclaim(
        self, line_ids: Sequence[str], reason: str, *, key: str | None = None
    ) -> v.Reclaim:
        """Put cuts of idle lines before their approvers as one list."""
        return await self.run(requests.propose_reclaim(line_ids, reason, key))

    async def leave_out(
        self, reclaim_id: str, line_ids: Sequence[str], reason: str, *, key: str | None = None
    ) -> v.Reclaim:
        """Keep lines of a list that waits as they are, as one who may decide on it."""
        return await self.run(requests.leave_out(reclaim_id, line_ids, reason, key))

    def list_reclaims(self) -> AsyncIterator[v.Reclaim]:
        """Lists of cuts, newest first."""
        return self._pages(requests.reclaims_page)

    async def fetch_reclaim(self, reclaim_id: str) -> v.ReclaimView:
        """A list, and what became of each line."""
        return await self.run(requests.reclaim(reclaim_id))

    async def fetch_reclaim_report(
        self, *, since: date | None = None, until: date | None = None
    ) -> v.ReclaimReport:
        """What was taken back within some days, by unit."""
        return await self.run(requests.reclaim_report(since=since, until=until))

    async def ask_move(
        self,
        source_id: str,
        target_id: str,
        amount: v.Money,
        reason: str,
        *,
        key: str | None = None,
    ) -> v.Move:
        """Ask to have limit moved from one line to another; others decide."""
        return await self.run(requests.ask_move(source_id, target_id, amount, reason, key))

    def list_moves(self, *, line_id: str | None = None) -> AsyncIterator[v.Move]:
        """Moves that were asked for, newest first."""
        return self._pages(lambda cursor: requests.moves_page(cursor, line_id=line_id))

    async def fetch_move(self, move_id: str) -> v.MoveView:
        """A move that was asked for: who is asked, and what they said."""
        return await self.run(requests.limit_move(move_id))

    async def fetch_cap(self, cap_id: str) -> v.CapView:
        """A cap that was asked for: who is asked, and what they said."""
        return await self.run(requests.cap(cap_id))

    async def ask_use(
        self, line_id: str, content: v.UseContent, *, key: str | None = None
    ) -> v.UseRecord:
        """Ask for a use that policy marks: reserved at once, then decided and released by others."""
        return await self.run(requests.ask_use(line_id, content, key))

    def list_uses(
        self,
        *,
        line_id: str | None = None,
        customer_id: str | None = None,
        status: str | None = None,
    ) -> AsyncIterator[v.UseRecord]:
        """Uses that were asked for, newest first."""
        return self._pages(
            lambda cursor: requests.uses_page(
                cursor, line_id=line_id, customer_id=customer_id, status=status
            )
        )

    async def fetch_use(self, use_id: str) -> v.UseView:
        """A use: its release review, who is asked, and what they said."""
        return await self.run(requests.use(use_id))

    async def withdraw_use(self, use_id: str, note: str = "") -> v.UseRecord:
        """Take a use back before it is released; what it holds is given back."""
        return await self.run(requests.withdraw_use(use_id, note))

    async def release_use(
        self, use_id: str, checks: Sequence[v.ReleaseCheck], note: str = ""
    ) -> v.UseRecord:
        """Release an approved use, each item of its review seen: its reservation becomes use."""
        return await self.run(requests.review_use(use_id, "release", checks, note))

    async def reject_use(
        self, use_id: str, note: str, checks: Sequence[v.ReleaseCheck] = ()
    ) -> v.UseRecord:
        """Reject an approved use at its release, with why; what it holds is given back."""
        return await self.run(requests.review_use(use_id, "reject", checks, note))

    async def fetch_history(self, case_id: str) -> Sequence[v.Event]:
        """What happened to a case, oldest first, refused attempts included."""
        return (await self.run(requests.history(case_id))).items

    async def fetch_receipt(self, case_id: str) -> Mapping[str, Any]:
        """The receipt of the newest judgement."""
        return await self.run(requests.receipt(case_id))

    async def replay(self, case_id: str) -> v.Replayed:
        """Judge the stored inputs again and compare."""
        return await self.run(requests.replay(case_id))

    async def fetch_figures(self) -> v.Figures:
        """How many cases stand where."""
        return await self.run(requests.figures())

    async def fetch_investigation(self, case_id: str) -> v.InvestigationView:
        """What two people found, proposed and signed so far, and what is still open."""
        return await self.run(requests.investigation(case_id))

    def list_investigations(self) -> AsyncIterator[v.Case]:
        """Cases that wait for a report, newest first."""
        return self._pages(requests.investigations_page)

    async def assign_investigators(
        self, case_id: str, lead: str, second: str, *, reason: str = "", key: str | None = None
    ) -> v.InvestigationView:
        """Name the two; a change of hands needs its reason."""
        content = {"lead": lead, "second": second, "reason": reason}
        return await self.run(requests.investigate(case_id, "assignment", content, key))

    async def answer_item(
        self,
        case_id: str,
        item: str,
        finding: str,
        *,
        evidence: Sequence[str] = (),
        key: str | None = None,
    ) -> v.InvestigationView:
        """What was found about an item of the checklist; `evidence`: hashes of files on record."""
        content = {"item": item, "finding": finding, "evidence": list(evidence)}
        return await self.run(requests.investigate(case_id, "answers", content, key))

    async def record_visit(
        self,
        case_id: str,
        visited_on: date,
        place: str,
        met: str,
        finding: str,
        *,
        photos: Sequence[str] = (),
        key: str | None = None,
    ) -> v.InvestigationView:
        """A visit to the customer; `met` is a function, `photos` are hashes of files on record."""
        content = {
            "visited_on": visited_on,
            "place": place,
            "met": met,
            "finding": finding,
            "photos": list(photos),
        }
        return await self.run(requests.investigate(case_id, "visits", content, key))

    async def examine_statement(
        self, case_id: str, period_end_on: date, finding: str, *, key: str | None = None
    ) -> v.InvestigationView:
        """What was found in a statement on record."""
        content = {"period_end_on": period_end_on, "finding": finding}
        return await self.run(requests.investigate(case_id, "statements", content, key))

    async def propose_scheme(
        self, case_id: str, proposal: v.SchemeProposal, *, key: str | None = None
    ) -> v.InvestigationView:
        """The facility scheme proposed, and the conclusion."""
        return await self.run(requests.investigate(case_id, "proposal", proposal, key))

    async def sign_report(
        self, case_id: str, report_hash: str, *, key: str | None = None
    ) -> v.InvestigationView:
        """Sign the report that was read; with the second name the case goes on by itself."""
        content = {"report_hash": report_hash}
        return await self.run(requests.investigate(case_id, "signature", content, key))

    async def fetch_products(self) -> Sequence[v.Product]:
        """The product catalogue in force."""
        return (await self.run(requests.products())).items

    def list_tasks(
        self, *, case_id: str | None = None, status: str | None = None, mine: bool = False
    ) -> AsyncIterator[v.Task]:
        """Open tasks by due time, or those of another status; `mine`: what one may decide."""
        return self._pages(
            lambda cursor: requests.tasks_page(cursor, case_id=case_id, status=status, mine=mine)
        )

    async def fetch_task(self, task_id: str) -> v.TaskPage:
        return await self.run(requests.task(task_id))

    async def decide(
        self,
        task_id: str,
        verdict: str,
        *,
        note: str = "",
        fields_wanted: Sequence[str] = (),
        limit: v.Money | None = None,
        content_hash: str = "",
        to_step: int | None = None,
        resume: str = "again",
        term_months: int | None = None,
        conditions: Sequence[str | v.ConditionAsked] = (),
        risks: Sequence[v.CitedRisk] = (),
        key: str | None = None,
    ) -> v.Decided:
        """`approve`, `decline`, `return`, a committee's `defer`, an opinion's `support` or
        `object`; authority is checked at this moment. A return goes to the applicant, or to the
        earlier step `to_step` (from 0), and on from there `again` or straight back `to_me`. An
        approval may be for less, for a shorter term, and under conditions."""
        return await self.run(
            requests.decide(
                task_id,
                verdict,
                key,
                note=note,
                fields_wanted=fields_wanted,
                limit=limit,
                content_hash=content_hash,
                to_step=to_step,
                resume=resume,
                term_months=term_months,
                conditions=conditions,
                risks=risks,
            )
        )

    async def decide_many(
        self, words: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> v.Answers:
        """Up to 200 words at once, each as the body of a decision with its `task_id` and reason; one
        answer for each, and one that is refused stops no other."""
        return await self.run(requests.decide_many(words, key))

    async def act(
        self,
        task_id: str,
        action: str,
        *,
        to: str | None = None,
        placement: str | None = None,
        note: str = "",
        key: str | None = None,
    ) -> v.Done:
        """What is done with a task beside deciding it, one of those its page says one `may`."""
        return await self.run(
            requests.act(task_id, action, key, to=to, placement=placement, note=note)
        )

    async def fetch_minutes(self, approval_id: str) -> v.Minutes:
        """What was said on every step of an approval, made from its words."""
        return await self.run(requests.minutes(approval_id))

    def list_meetings(self, body: str | None = None) -> AsyncIterator[v.MeetingStanding]:
        """Committee meetings, the latest first; of one body, or of all."""
        return self._pages(lambda cursor: requests.meetings_page(cursor, body=body))

    async def fetch_meeting(self, meeting_no: str) -> v.MeetingView:
        """A meeting: its cases with their papers, and the votes on each."""
        return await self.run(requests.meeting(meeting_no))

    async def convene_meeting(
        self,
        body: str,
        held_at: datetime,
        place: str,
        chair: str,
        *,
        members: Sequence[str] = (),
        key: str | None = None,
    ) -> v.Meeting:
        """Call a body together; without members named, all of it. What was put off is on its agenda."""
        return await self.run(requests.convene_meeting(body, held_at, place, chair, members, key))

    async def put_on_agenda(
        self,
        meeting_no: str,
        approval_id: str,
        presenter: str,
        *,
        attendants: Sequence[str] = (),
        papers: Sequence[str] = (),
        key: str | None = None,
    ) -> v.AgendaItem:
        """Put a case on a meeting with its papers, by the day the meeting says."""
        return await self.run(
            requests.put_on_agenda(meeting_no, approval_id, presenter, attendants, papers, key)
        )

    async def close_meeting(self, meeting_no: str, *, key: str | None = None) -> v.FrozenMinutes:
        """Freeze the minutes, by whoever chairs it; what is not settled goes to the next meeting."""
        return await self.run(requests.close_meeting(meeting_no, key))

    async def fetch_meeting_minutes(self, meeting_no: str) -> v.FrozenMinutes:
        """The minutes of a meeting that is over, under their hash."""
        return await self.run(requests.meeting_minutes(meeting_no))

    async def fetch_meeting_document(self, meeting_no: str) -> bytes:
        """The minutes of a meeting as a sealed PDF."""
        return await self.run(requests.meeting_document(meeting_no))

    async def issue_task_token(self, task_id: str) -> v.Token:
        """A one-time token for a word on this task by a signal of one's own."""
        return await self.run(requests.task_token(task_id))

    async def issue_case_token(self, case_id: str) -> v.Token:
        """A one-time token for one message to this case."""
        return await self.run(requests.case_token(case_id))

    async def fetch_letter(self, letter_no: str) -> v.Letter:
        return await self.run(requests.letter(letter_no))

    async def fetch_letter_document(self, letter_no: str) -> bytes:
        """The approval letter as a PDF."""
        return await self.run(requests.letter_document(letter_no))

    async def fetch_questions(self, case_id: str) -> v.OpenFile:
        """What is still worth asking for, and what it could change."""
        return await self.run(requests.questions(case_id))

    async def replay_all(self) -> v.ReplayedBook:
        """Judge every receipt on record again and compare."""
        return await self.run(requests.replay_all())

    async def fetch_grants(self, person_id: str) -> Sequence[v.Grant]:
        """The authority a person was granted."""
        return (await self.run(requests.grants(person_id))).items

    async def record_grant(self, grant: v.Grant, *, key: str | None = None) -> v.Grant:
        """Grant a person authority to decide, up to an amount and a day."""
        return await self.run(requests.record_grant(grant, key))

    async def revoke_grant(self, grant_no: str, *, reason: str = "") -> None:
        """End a grant and every sub-grant of it; open tasks are refused from now on."""
        await self.run(requests.revoke_grant(grant_no, reason))

    def list_grants(self) -> AsyncIterator[v.GrantStanding]:
        """Every grant of the register by its number, and whether it stands today."""
        return self._pages(requests.register_page)

    async def fetch_grant(self, grant_no: str) -> v.GrantStanding:
        """One grant, who holds it today, and the grants it comes from."""
        return await self.run(requests.grant(grant_no))

    def list_seats(self, of: str | None = None) -> AsyncIterator[v.Seat]:
        """Who sits in which post or body; of one person, or of one of these."""
        return self._pages(lambda cursor: requests.seats_page(cursor, of=of))

    async def record_seat(self, content: v.SeatContent, *, key: str | None = None) -> v.Seat:
        """Put somebody into a post or a body."""
        return await self.run(requests.record_seat(content, key))

    async def end_seat(self, entry_id: str, *, reason: str = "", key: str | None = None) -> v.Seat:
        """They leave it today."""
        return await self.run(requests.end_seat(entry_id, reason, key))

    def list_delegations(self, of: str | None = None) -> AsyncIterator[v.Delegation]:
        """Who speaks for whom; of one person, for them or by them."""
        return self._pages(lambda cursor: requests.delegations_page(cursor, of=of))

    async def record_delegation(
        self, content: v.DelegationContent, *, key: str | None = None
    ) -> v.Delegation:
        """Have somebody speak for oneself, or as an operator for who is away."""
        return await self.run(requests.record_delegation(content, key))

    async def end_delegation(
        self, entry_id: str, *, reason: str = "", key: str | None = None
    ) -> v.Delegation:
        """The delegator is back."""
        return await self.run(requests.end_delegation(entry_id, reason, key))

    def list_certificates(self, of: str | None = None) -> AsyncIterator[v.Certificate]:
        """Certificates of people; of one person, or of one code."""
        return self._pages(lambda cursor: requests.certificates_page(cursor, of=of))

    async def record_certificate(
        self, content: v.CertificateContent, *, key: str | None = None
    ) -> v.Certificate:
        """Put a person's certificate on record."""
        return await self.run(requests.record_certificate(content, key))

    async def end_certificate(
        self, entry_id: str, *, reason: str = "", key: str | None = None
    ) -> v.Certificate:
        """It was withdrawn."""
        return await self.run(requests.end_certificate(entry_id, reason, key))

    def list_conflicts(self, of: str | None = None) -> AsyncIterator[v.InterestConflict]:
        """Declared ties with customers: one's own, or for those in charge of anybody."""
        return self._pages(lambda cursor: requests.conflicts_page(cursor, of=of))

    async def declare_conflict(
        self, customer_id: str, note: str, *, key: str | None = None
    ) -> v.InterestConflict:
        """Declare a tie of one's own with a customer: others decide from now on."""
        return await self.run(requests.declare_conflict(customer_id, note, key))

    async def end_conflict(
        self, entry_id: str, *, reason: str = "", key: str | None = None
    ) -> v.InterestConflict:
        """Find, as a second person, that a tie is over."""
        return await self.run(requests.end_conflict(entry_id, reason, key))

    async def fetch_alarms(self, *, standing: bool = True) -> Sequence[v.Alarm]:
        """Tasks that nobody could decide; those still open, or all."""
        return (await self.run(requests.alarms(standing))).items

    async def fetch_register_events(self, page_size: int = 50) -> Sequence[v.RegisterEvent]:
        """What was written into the register of authority, the newest first."""
        return (await self.run(requests.register_events(page_size))).items

    async def switch_automatic_lane(self, on: bool, reason: str) -> None:
        """Open or close the automatic lane; the reason is kept."""
        await self.run(requests.switch_automatic_lane(on, reason))

    # ── offers ───────────────────────────────────────────────────────────────────────────────────

    async def fetch_offer(self, case_id: str) -> v.OfferView:
        """What the case's letter offers the customer, and what became of it."""
        return await self.run(requests.offer(case_id))

    async def answer_offer(
        self, case_id: str, *, accepts: bool, offer_hash: str, note: str
    ) -> v.OfferView:
        """Put on record what the customer answered to the version that was read, and how."""
        return await self.run(requests.answer_offer(case_id, accepts, offer_hash, note))

    async def fetch_offer_page(self, token: str) -> v.OfferPage:
        """What a one-time link leads to."""
        return await self.run(requests.offer_page(token))

    async def answer_offer_by_link(
        self, token: str, *, accepts: bool, offer_hash: str, note: str = ""
    ) -> v.OfferPage:
        """Take or leave the offer for the customer who was sent the link."""
        return await self.run(requests.answer_offer_by_link(token, accepts, offer_hash, note))

    # ── contract and conditions ──────────────────────────────────────────────────────────────────

    async def fetch_contract(self, case_id: str) -> v.ContractView:
        return await self.run(requests.contract(case_id))

    async def fetch_contract_document(self, case_id: str, of: str | None = None) -> bytes:
        """The latest PDF of the agreement, or that of one stage."""
        return await self.run(requests.contract_document(case_id, of))

    async def fetch_signing_page(self, token: str) -> v.SigningPage:
        """What a one-time link leads to."""
        return await self.run(requests.signing_page(token))

    async def sign(
        self, token: str, signatory: str, capacity: str, authority: bytes | None = None
    ) -> v.SigningPage:
        """Sign for the customer who was sent the link."""
        return await self.run(requests.sign(token, signatory, capacity, authority))

    async def refuse_to_sign(self, token: str, reason: str = "") -> v.SigningPage:
        return await self.run(requests.refuse_to_sign(token, reason))

    async def fetch_conditions(self, case_id: str) -> Sequence[v.Condition]:
        """The conditions precedent of a case."""
        return (await self.run(requests.conditions(case_id))).items

    async def bring_evidence(
        self, case_id: str, code: str, evidence_hash: str, *, key: str | None = None
    ) -> v.Condition:
        return await self.run(requests.bring_evidence(case_id, code, evidence_hash, key))

    async def verify_condition(
        self, case_id: str, code: str, *, met: bool = True, note: str = "", key: str | None = None
    ) -> v.Condition:
        """Say whether the evidence shows it; not by whoever owns it or brought the evidence."""
        return await self.run(requests.verify_condition(case_id, code, key, met=met, note=note))

    async def issue_contract_again(self, case_id: str) -> None:
        """Send the agreement again, with a new link."""
        await self.run(requests.issue_contract_again(case_id))

    async def fetch_signing_document(self, token: str) -> bytes:
        """The agreement that a one-time link leads to, as a PDF."""
        return await self.run(requests.signing_document(token))

    # ── lines and exposure ───────────────────────────────────────────────────────────────────────

    def list_lines(
        self, *, status: str | None = None, customer_id: str | None = None
    ) -> AsyncIterator[v.Line]:
        return self._pages(
            lambda cursor: requests.lines_page(cursor, status=status, customer_id=customer_id)
        )

    async def fetch_line(self, line_id: str) -> v.LineView:
        return await self.run(requests.line(line_id))

    async def fetch_line_cliffs(self, line_id: str, *, days: int = 90) -> v.LineCliffs:
        """What becomes of a line by itself in the days ahead, and what that leaves open."""
        return await self.run(requests.line_cliffs(line_id, days))

    async def fetch_cliffs(self, *, days: int = 90, customer_id: str | None = None) -> v.CliffBook:
        """The lines whose limit, last draw or end changes by itself, the nearest first."""
        return await self.run(requests.cliffs(days, customer_id))

    def list_entries(self, line_id: str) -> AsyncIterator[v.Entry]:
        """The line's book, newest first."""
        return self._pages(lambda cursor: requests.entries_page(line_id, cursor))

    async def quote_order(
        self, customer_id: str, content: v.OrderContent, *, key: str | None = None
    ) -> v.OrderAnswer:
        """What an order would be answered with; it takes nothing."""
        return await self.run(requests.order(customer_id, content, key, quote_only=True))

    async def place_order(
        self, customer_id: str, content: v.OrderContent, *, key: str | None = None
    ) -> v.OrderAnswer:
        """Take an order on: checked and reserved, or held with every reason."""
        return await self.run(requests.order(customer_id, content, key, quote_only=False))

    async def change_order(
        self, order_id: str, terms: v.OrderTerms, *, key: str | None = None
    ) -> v.OrderAnswer:
        """Change an order; all of its terms are said, and what is left out is none."""
        return await self.run(requests.act_on_order(order_id, "change", terms, key))

    async def split_order(
        self, order_id: str, parts: Sequence[v.OrderPart], *, key: str | None = None
    ) -> v.OrderAnswer:
        """Take parts off an order, each checked as an order of its own."""
        return await self.run(requests.act_on_order(order_id, "split", {"parts": parts}, key))

    async def deliver_order(
        self, order_id: str, amount: v.Money | None = None, *, key: str | None = None
    ) -> v.OrderAnswer:
        """Deliver an order or a part: what is reserved for it becomes used."""
        return await self.run(requests.act_on_order(order_id, "deliver", {"amount": amount}, key))

    async def invoice_order(
        self, order_id: str, invoice: v.OrderInvoice, *, key: str | None = None
    ) -> v.OrderAnswer:
        """Invoice what is delivered; the receivable is on record with it."""
        return await self.run(requests.act_on_order(order_id, "invoice", invoice, key))

    async def credit_order(
        self, order_id: str, note: v.OrderCredit, *, key: str | None = None
    ) -> v.OrderAnswer:
        """A credit note on an invoice of the order."""
        return await self.run(requests.act_on_order(order_id, "credit", note, key))

    async def close_order(self, order_id: str, *, key: str | None = None) -> v.OrderAnswer:
        """Nothing more is delivered; what is reserved goes back."""
        return await self.run(requests.act_on_order(order_id, "close", None, key))

    async def reopen_order(self, order_id: str, *, key: str | None = None) -> v.OrderAnswer:
        """Go on with an order that has ended; it is checked as a new one is."""
        return await self.run(requests.act_on_order(order_id, "reopen", None, key))

    async def cancel_order(self, order_id: str, *, key: str | None = None) -> v.OrderAnswer:
        """Call an order off of which nothing is delivered."""
        return await self.run(requests.act_on_order(order_id, "cancel", None, key))

    async def recheck_order(self, order_id: str) -> v.OrderAnswer:
        """Look at an order again now: a hold whose rules pass is cured."""
        return await self.run(requests.act_on_order(order_id, "recheck", None, None))

    def list_orders(
        self,
        *,
        customer_id: str | None = None,
        line_id: str | None = None,
        status: str | None = None,
        order_no: str | None = None,
    ) -> AsyncIterator[v.Order]:
        """Orders, newest first."""
        return self._pages(
            lambda cursor: requests.orders_page(
                cursor, customer_id=customer_id, line_id=line_id, status=status, order_no=order_no
            )
        )

    async def count_orders(
        self, *, customer_id: str | None = None, line_id: str | None = None
    ) -> v.OrderCounts:
        """How many open orders and holds there are, of a customer or a line."""
        return await self.run(requests.order_counts(customer_id, line_id))

    async def fetch_order(self, order_id: str) -> v.OrderView:
        """An order, its hold, what the newest check found, its parts and its history."""
        return await self.run(requests.order_view(order_id))

    def list_holds(
        self,
        *,
        status: str | None = None,
        rule: str | None = None,
        owner: str | None = None,
        due_before: datetime | None = None,
        customer_id: str | None = None,
        line_id: str | None = None,
    ) -> AsyncIterator[v.OrderHold]:
        """Holds, the one due first at the head; the open ones, unless a status is named."""
        due = due_before.isoformat() if due_before is not None else None
        return self._pages(
            lambda cursor: requests.holds_page(
                cursor,
                status=status,
                rule=rule,
                owner=owner,
                due_before=due,
                customer_id=customer_id,
                line_id=line_id,
            )
        )

    async def fetch_hold(self, hold_id: str) -> v.HoldView:
        """A hold: every reason then and now, what would cure it, and what was done about it."""
        return await self.run(requests.hold_view(hold_id))

    async def set_hold(
        self, holds: str, subject_id: str, reason_code: str, note: str, *, key: str | None = None
    ) -> v.OrderHold:
        """Hold an `order`, a `customer` or a `line` by hand; it goes by another's word alone."""
        return await self.run(requests.set_hold(holds, subject_id, reason_code, note, key))

    async def take_hold(self, hold_id: str, *, key: str | None = None) -> v.OrderHold:
        """Take a hold in hand."""
        return await self.run(requests.take_hold(hold_id, key))

    async def lift_hold(
        self, hold_id: str, reason_code: str, note: str = "", *, key: str | None = None
    ) -> v.OrderHold:
        """Lift a hold that another set by hand."""
        return await self.run(requests.lift_hold(hold_id, reason_code, note, key))

    async def cure_hold(
        self, hold_id: str, kind: str, payment_no: str | None = None, *, key: str | None = None
    ) -> v.HoldView:
        """Do what a cure names: `cut_order`, `better_terms`, or `pay` under a payment's number."""
        return await self.run(requests.cure_hold(hold_id, kind, payment_no, key))

    async def ask_release(
        self,
        hold_id: str,
        reason_code: str,
        note: str,
        *,
        amount_up_to: v.Money | None = None,
        until: date | None = None,
        stages: Sequence[str] = (),
        key: str | None = None,
    ) -> v.HoldRelease:
        """Ask that an order go on past what holds it; others decide."""
        content = {"amount_up_to": amount_up_to, "until": until, "stages": list(stages)}
        return await self.run(requests.ask_release(hold_id, reason_code, note, content, key))

    async def fetch_release(self, release_id: str) -> v.ReleaseView:
        """A release that was asked for: who is asked, and what they said."""
        return await self.run(requests.hold_release(release_id))

    async def check(
        self,
        customer_id: str,
        amount: v.Money,
        *,
        key: str | None = None,
        terms: str | None = None,
        use: v.Use | None = None,
    ) -> v.Movement:
        """Whether an amount may be lent now, on an order's terms (`net_30`, `net_days:30@invoice`)
        and for a use where they are said; with a key it is reserved at once."""
        return await self.run(requests.check(customer_id, amount, key, terms, use))

    async def reserve(
        self, line_id: str, amount: v.Money, *, key: str | None = None, use: v.Use | None = None
    ) -> v.Movement:
        content = {"amount": amount, "use": use or v.Use()}
        return await self.run(requests.move(line_id, "reserve", content, key))

    async def commit(
        self,
        line_id: str,
        reservation_id: str,
        amount: v.Money | None = None,
        *,
        keep_rest: bool = False,
        key: str | None = None,
    ) -> v.Movement:
        """A reservation becomes use, wholly or for less; the rest returns, or stays reserved."""
        content = {"reservation_id": reservation_id, "amount": amount, "keep_rest": keep_rest}
        return await self.run(requests.move(line_id, "commit", content, key))

    async def release(
        self,
        line_id: str,
        reservation_id: str,
        amount: v.Money | None = None,
        *,
        key: str | None = None,
    ) -> v.Movement:
        """Give a reservation back; of an amount, the rest stays reserved."""
        content = {"reservation_id": reservation_id, "amount": amount}
        return await self.run(requests.move(line_id, "release", content, key))

    async def split(
        self,
        line_id: str,
        reservation_id: str,
        parts: Sequence[v.Money],
        *,
        key: str | None = None,
    ) -> v.Movement:
        """A reservation becomes several, each ended by itself; they are in `kept`."""
        content = {"reservation_id": reservation_id, "parts": list(parts)}
        return await self.run(requests.move(line_id, "split", content, key))

    async def repay(
        self,
        line_id: str,
        amount: v.Money,
        *,
        product: str | None = None,
        value_on: date | None = None,
        nominal: v.Money | None = None,
        key: str | None = None,
    ) -> v.Movement:
        """Pay use back; `value_on` is the day it counts from, today where it is not said, and
        `nominal` what ends by name, deposits and all."""
        content = {"amount": amount, "product": product, "value_on": value_on, "nominal": nominal}
        return await self.run(requests.move(line_id, "repay", content, key))

    async def deposit(
        self,
        line_id: str,
        amount: v.Money,
        *,
        product: str | None = None,
        key: str | None = None,
    ) -> v.Movement:
        """Top a deposit up: as much less is exposure."""
        content = {"amount": amount, "product": product}
        return await self.run(requests.move(line_id, "deposit", content, key))

    async def give_back_deposit(
        self,
        line_id: str,
        amount: v.Money,
        *,
        product: str | None = None,
        key: str | None = None,
    ) -> v.Movement:
        """Give a deposit back, where there is headroom for it."""
        content = {"amount": amount, "product": product}
        return await self.run(requests.move(line_id, "deposit-back", content, key))

    async def exchange_limit(
        self, line_id: str, source: str, target: str, amount: v.Money, *, key: str | None = None
    ) -> Sequence[v.Balance]:
        """Move free limit between two sub-lines of a line; where they stand then."""
        call = requests.exchange_limit(line_id, source, target, amount, key)
        return (await self.run(call)).items

    async def fetch_balance(
        self, line_id: str, on: date, known_at: datetime | None = None
    ) -> v.AsOf:
        """Where a line stood at the end of a day, as it was known at an instant (now)."""
        return await self.run(requests.balance(line_id, on, known_at))

    async def freeze(
        self,
        line_id: str,
        note: str,
        *,
        reason: str | None = None,
        collect_only: bool = False,
        product: str | None = None,
        key: str | None = None,
    ) -> v.LineProgress:
        content = {
            "note": note,
            "reason": reason,
            "collect_only": collect_only,
            "product": product,
        }
        return await self.run(requests.stand(line_id, "freeze", content, key))

    async def unfreeze(
        self,
        line_id: str,
        note: str,
        *,
        reason: str | None = None,
        product: str | None = None,
        key: str | None = None,
    ) -> v.LineProgress:
        content = {"note": note, "reason": reason, "product": product}
        return await self.run(requests.stand(line_id, "unfreeze", content, key))

    async def terminate(self, line_id: str, note: str, *, key: str | None = None) -> v.LineProgress:
        return await self.run(requests.stand(line_id, "terminate", {"note": note}, key))

    async def ask_review(self, line_id: str) -> None:
        """Have a line looked at again."""
        return await self.run(requests.ask_review(line_id))

    async def verify_ledger(self) -> v.Proof:
        """Prove every balance from the entries."""
        return await self.run(requests.verify_ledger())

    async def verify_ledger_on(
        self, place: Mapping[str, Any] | None = None, seconds: float = 5
    ) -> v.Verified:
        """Go on with a proof for some seconds from the place an earlier call answered with."""
        return await self.run(requests.verify_ledger_on(place or {}, seconds))

    async def fetch_reservations(self, line_id: str) -> Sequence[v.Reservation]:
        """The line's reservations that nothing has ended yet."""
        return (await self.run(requests.reservations(line_id))).items

    async def fetch_exposure(self, line_id: str) -> v.LineExposure:
        """What the line's exposure is the sum of, each bucket with its documents."""
        return await self.run(requests.line_exposure(line_id))

    async def issue_line_token(self, line_id: str, action: str) -> v.Token:
        """A one-time token for one act on this line by a signal of one's own."""
        return await self.run(requests.line_token(line_id, action))

    # ── review, warning, collection, policy ──────────────────────────────────────────────────────

    def list_reviews(
        self, *, open_only: bool = False, customer_id: str | None = None
    ) -> AsyncIterator[v.Review]:
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
    ) -> AsyncIterator[v.RaisedWarning]:
        """Warnings, newest first."""
        return self._pages(
            lambda cursor: requests.warnings_page(
                cursor, status=status, level=level, customer_id=customer_id
            )
        )

    async def look_at_book(self, customer_ids: Sequence[str] = ()) -> v.RunStarted:
        """Look at the whole book now, or at the customers named."""
        return await self.run(requests.look_at_book(customer_ids))

    async def fetch_monitoring_run(self, run_id: str) -> v.MonitoringRun:
        """How far a look has come; `NotFound` until it has begun."""
        return await self.run(requests.monitoring_run(run_id))

    async def classify(self, as_of: date | None = None) -> v.RunStarted:
        """Classify the book as of a day, and every later day that was run already."""
        return await self.run(requests.classify(as_of))

    async def fetch_manual_classes(self, customer_id: str) -> v.ManualClassView:
        """The classes set by hand of a customer, beside what counts and what may be set."""
        return await self.run(requests.manual_classes(customer_id))

    async def list_manual_classes(self, page_size: int = 50) -> Sequence[v.ManualClass]:
        """Classes set by hand, the newest first."""
        return (await self.run(requests.newest_manual_classes(page_size))).items

    async def set_class(
        self,
        customer_id: str,
        tier: str,
        reason: str,
        note: str,
        from_on: date,
        until_on: date,
        key: str | None = None,
    ) -> v.ManualClass:
        """Set a customer's class by hand; a worse one counts at once, a better one once confirmed."""
        return await self.run(
            requests.set_class(customer_id, tier, reason, note, from_on, until_on, key)
        )

    async def decide_class(self, manual_id: str, verdict: str, note: str) -> v.ManualClass:
        """`confirm` or `decline` a better class that somebody else set."""
        return await self.run(requests.decide_class(manual_id, verdict, note))

    async def take_class_back(self, manual_id: str, note: str) -> v.ManualClass:
        """Take a class back, as if it had never been set."""
        return await self.run(requests.take_class_back(manual_id, note))

    async def fetch_classification_runs(self, page_size: int = 20) -> Sequence[v.ClassificationRun]:
        """The newest runs over the book."""
        return (await self.run(requests.classification_runs(page_size))).items

    async def fetch_classification_run(self, run_id: str) -> v.ClassificationRun:
        """How far a run has come; `NotFound` until it has begun."""
        return await self.run(requests.classification_run(run_id))

    def list_classification_failures(self, run_id: str) -> AsyncIterator[v.ClassificationFailure]:
        """Whom a run could not judge, and why."""
        return self._pages(lambda cursor: requests.classification_failures_page(cursor, run_id))

    def list_classes(
        self,
        *,
        as_of: date | None = None,
        tier: str | None = None,
        stage: int | None = None,
    ) -> AsyncIterator[v.ClassStanding]:
        """How customers stand as of a day, by id."""
        return self._pages(
            lambda cursor: requests.classes_page(cursor, as_of=as_of, tier=tier, stage=stage)
        )

    async def fetch_class_figures(self, as_of: date | None = None) -> v.ClassFigures:
        """The book by tier and stage as of a day, with its allowance."""
        return await self.run(requests.class_figures(as_of))

    async def fetch_customer_classes(self, customer_id: str) -> v.CustomerClasses:
        """The classes of a customer and the losses posted for it, the newest first."""
        return await self.run(requests.customer_classes(customer_id))

    async def fetch_cohorts(self, by: str = "edition", as_of: date | None = None) -> v.CohortTable:
        """What became of approved lines, by month and `edition`, `approver` or `grade`."""
        return await self.run(requests.cohorts(by, as_of))

    async def fetch_cohort_letters(
        self,
        by: str = "edition",
        as_of: date | None = None,
        *,
        month: str | None = None,
        key: str | None = None,
    ) -> Sequence[v.CohortLetter]:
        """The letters that a cohort counts."""
        found = await self.run(requests.cohort_letters(by, as_of, month, key))
        return found.items

    async def fetch_case_clock(self, case_id: str, as_of: date | None = None) -> v.CaseTime:
        """Whose time a case took, and when its open tasks are expected to be decided."""
        return await self.run(requests.case_clock(case_id, as_of))

    async def fetch_turnaround(
        self, by: str = "stage", as_of: date | None = None, since: date | None = None
    ) -> v.TurnaroundTable:
        """How long things took, by `stage`, `position`, `person` or `type`."""
        return await self.run(requests.turnaround(by, as_of, since))

    async def fetch_late_tasks(self) -> Sequence[v.TaskForecast]:
        """Open tasks that are late, or will be if they take as long as usual."""
        found = await self.run(requests.late_tasks())
        return found.items

    async def fetch_event_log(
        self, form: str = "xes", since: date | None = None, until: date | None = None
    ) -> bytes:
        """Every recorded event of every case as `xes` or `ocel`, for process mining."""
        return await self.run(requests.event_log(form, since, until))

    def list_collections(
        self, *, status: str | None = None, customer_id: str | None = None
    ) -> AsyncIterator[v.CollectionCase]:
        """Collection cases, newest first."""
        return self._pages(
            lambda cursor: requests.collections_page(cursor, status=status, customer_id=customer_id)
        )

    async def promise(
        self, collection_id: str, promised_on: date, note: str = "", *, key: str | None = None
    ) -> v.CollectionProgress:
        """The customer promised to pay by a day; letters rest until it is over."""
        return await self.run(requests.promise(collection_id, promised_on, note, key))

    async def close_collection(
        self, collection_id: str, reason: str, *, key: str | None = None
    ) -> v.CollectionProgress:
        """End a case while something is overdue."""
        return await self.run(requests.close_collection(collection_id, reason, key))

    # ── guards and related parties ──────────────────────────────────────────────────────────────

    async def fetch_tolerances(
        self, *, since: date | None = None, until: date | None = None
    ) -> v.TolerancesReport:
        """What policy lets pass, and how often that was used, by tolerance, edition and month."""
        return await self.run(requests.tolerances(since, until))

    async def fetch_splitting(self, as_of: date | None = None) -> v.SplittingReport:
        """Clusters of requests a little under a bound, by relationship manager and by ring."""
        return await self.run(requests.splitting(as_of))

    def list_above_eligible(
        self, *, since: date | None = None, until: date | None = None
    ) -> AsyncIterator[v.AboveEligibleGrant]:
        """Limits granted above the eligible one, newest first."""
        return self._pages(
            lambda cursor: requests.above_eligible_page(cursor, since=since, until=until)
        )

    def list_against_opinion(
        self, *, since: date | None = None, until: date | None = None
    ) -> AsyncIterator[v.AgainstOpinion]:
        """Approvals against a review opinion, newest first."""
        return self._pages(
            lambda cursor: requests.against_opinion_page(cursor, since=since, until=until)
        )

    def list_related(self) -> AsyncIterator[v.RelatedStanding]:
        """The register of the grantor's own related parties, by entry."""
        return self._pages(requests.related_page)

    async def fetch_related(self, entry_id: str) -> v.RelatedStanding:
        """One entry of the register: its newest version, the word on it, and what counts."""
        return await self.run(requests.related(entry_id))

    async def record_related(
        self, content: Mapping[str, Any], entry_id: str | None = None, *, key: str | None = None
    ) -> v.RelatedStanding:
        """A new entry, or with its id what is known better of one; somebody else has to check it."""
        return await self.run(requests.record_related(content, entry_id, key))

    async def check_related(
        self,
        entry_id: str,
        version: int,
        *,
        accepted: bool,
        note: str = "",
        key: str | None = None,
    ) -> v.RelatedStanding:
        """Accept or reject the version that was read."""
        return await self.run(
            requests.check_related(entry_id, version, key, accepted=accepted, note=note)
        )

    async def fetch_disclosure(self, as_of: date | None = None) -> v.Disclosure:
        """Every related party with credit as of a day."""
        return await self.run(requests.disclosure(as_of))

    async def fetch_editions(self) -> Sequence[v.PublishedEdition]:
        """Every policy edition on record."""
        return (await self.run(requests.editions())).items

    async def draft_edition(
        self, toml: str, base_hash: str | None = None, *, key: str | None = None
    ) -> v.DraftView:
        """Put a draft on record; with a base, `toml` says only what it changes."""
        return await self.run(requests.draft(toml, base_hash, key))

    async def simulate_draft(
        self, draft: str, *, most: int = 2000, key: str | None = None
    ) -> v.RecordedReport:
        """Try a draft on past cases and the lines in force."""
        return await self.run(requests.simulate(draft, most, key))

    async def publish_draft(
        self, draft: str, *, note: str = "", key: str | None = None
    ) -> v.Published:
        """Put a draft in force that somebody else wrote and that was simulated."""
        return await self.run(requests.publish(draft, note, key))

    async def fetch_review(self, review_id: str) -> v.ReviewView:
        """All there is about one review."""
        return await self.run(requests.review(review_id))

    async def fetch_reviews_of(self, line_id: str) -> Sequence[v.Review]:
        """The reviews of one line."""
        return (await self.run(requests.reviews_of(line_id))).items

    async def supplement_review(self, review_id: str) -> v.Review:
        """What was asked for is on record: the review goes on."""
        return await self.run(requests.supplement_review(review_id))

    async def fetch_monitoring_runs(self, page_size: int = 20) -> Sequence[v.MonitoringRun]:
        """The newest looks at the book."""
        return (await self.run(requests.monitoring_runs(page_size))).items

    async def fetch_outlooks(self, edition_hash: str | None = None) -> v.OutlookView:
        """What an edition, or the one in force, changes in the outlook of industries."""
        return await self.run(requests.outlooks(edition_hash))

    def list_affected_lines(self, industry: str) -> AsyncIterator[v.AffectedLine]:
        """The lines in force of an industry."""
        return self._pages(lambda cursor: requests.affected_page(industry, cursor))

    async def preview_rerating(self, industries: Sequence[str] = ()) -> v.RunStarted:
        """Judge every line in force anew, or those of some industries; nothing changes by it."""
        return await self.run(requests.preview_rerating(industries))

    async def fetch_reratings(self, page_size: int = 20) -> Sequence[v.Rerating]:
        """The newest re-rating runs."""
        return (await self.run(requests.reratings(page_size))).items

    async def fetch_rerating(self, run_id: str) -> v.Rerating:
        """How far a run has come, what it counts, and the hash of its preview."""
        return await self.run(requests.rerating(run_id))

    async def fetch_rerating_effect(self, run_id: str) -> v.RerateEffect:
        """The lines that people will be asked about: limits then and now, what is used of them."""
        return await self.run(requests.rerating_effect(run_id))

    def list_rerated(
        self, run_id: str, *, outcome: str | None = None, asks_review: bool | None = None
    ) -> AsyncIterator[v.Rerated]:
        """What a preview says of each line: `moved`, `unmoved` or `failed`, or all."""
        return self._pages(
            lambda cursor: requests.rerated_page(run_id, cursor, outcome, asks_review)
        )

    async def fetch_rerating_preview(self, run_id: str) -> bytes:
        """The preview as CSV, whose SHA-256 is the run's hash."""
        return await self.run(requests.rerating_preview(run_id))

    async def apply_rerating(self, run_id: str, preview_hash: str) -> v.RunStarted:
        """Put in force exactly the preview of this hash; not by whoever made it."""
        return await self.run(requests.apply_rerating(run_id, preview_hash))

    async def fetch_collection(self, collection_id: str) -> v.CollectionView:
        """A collection case and everything that happened to it."""
        return await self.run(requests.collection(collection_id))

    async def issue_collection_token(self, collection_id: str) -> v.Token:
        """A one-time token for one message to this collection case."""
        return await self.run(requests.collection_token(collection_id))

    async def fetch_edition_source(self, edition_hash: str) -> str:
        """A published edition's text, comments and all."""
        return await self.run(requests.edition_source(edition_hash))

    async def check_edition(self, toml: str, base_hash: str | None = None) -> v.CheckedEdition:
        """Everything that is wrong with a draft, without putting it on record."""
        return await self.run(requests.check_edition(toml, base_hash))

    async def compare_edition(
        self,
        toml: str,
        base_hash: str | None = None,
        *,
        against: str | None = None,
        against_toml: str | None = None,
    ) -> v.Compared:
        """What a text changes in the edition in force, in a published one or in another text."""
        return await self.run(requests.compare_edition(toml, base_hash, against, against_toml))

    async def fetch_edition_schema(self) -> Mapping[str, Any]:
        """The JSON schema of an edition."""
        return await self.run(requests.edition_schema())

    async def write_workbook(self, toml: str, base_hash: str | None = None) -> bytes:
        """An edition as a workbook: a sheet a table."""
        return await self.run(requests.write_workbook(toml, base_hash))

    async def read_workbook(self, file: Path | bytes) -> v.WorkbookRead:
        """An edited workbook as TOML again."""
        return await self.run(
            requests.read_workbook(file.read_bytes() if isinstance(file, Path) else file)
        )

    async def fetch_drafts(self) -> Sequence[v.DraftView]:
        """Every draft, the one revised last first."""
        return (await self.run(requests.drafts())).items

    async def fetch_draft(self, draft: str) -> v.DraftView:
        """A draft by its id or by its content's hash."""
        return await self.run(requests.draft_view(draft))

    async def fetch_draft_source(self, draft: str) -> str:
        """A draft's text as it was written."""
        return await self.run(requests.draft_source(draft))

    async def fetch_draft_changes(self, draft: str) -> v.Compared:
        """What a draft changes in the edition in force."""
        return await self.run(requests.draft_changes(draft))

    async def fetch_simulation(self, draft: str) -> v.RecordedReport:
        """The newest report of exactly a draft's content."""
        return await self.run(requests.simulation(draft))

    async def fetch_simulation_text(self, draft: str) -> str:
        """The newest report as Markdown, in one's own language."""
        return await self.run(requests.simulation_text(draft))

    async def fetch_simulation_rows(self, draft: str) -> str:
        """Every case that a draft would decide otherwise, as CSV."""
        return await self.run(requests.simulation_rows(draft))

    async def propose_draft(self, draft: str) -> v.DraftView:
        """Put a draft before whoever may publish it."""
        return await self.run(requests.propose(draft))

    # ── operations ───────────────────────────────────────────────────────────────────────────────

    def list_refusals(
        self, *, case_id: str | None = None, person_id: str | None = None
    ) -> AsyncIterator[v.Refusal]:
        """What was refused to whom, newest first."""
        return self._pages(
            lambda cursor: requests.refusals_page(cursor, case_id=case_id, person_id=person_id)
        )

    def list_deliveries(
        self, *, channel: str | None = None, state: str | None = None
    ) -> AsyncIterator[v.Delivery]:
        """What is owed to others, and whether it has arrived."""
        return self._pages(
            lambda cursor: requests.outbox_page(cursor, channel=channel, state=state)
        )

    async def verify_records(self) -> v.AuditProof:
        """Try every file, receipt, edition and balance against what it was written as."""
        return await self.run(requests.verify_records())

    def list_audit_events(self, *, case_id: str | None = None) -> AsyncIterator[v.AuditEvent]:
        """What happened to every case, in the order it was recorded."""
        return self._pages(lambda cursor: requests.audit_page(cursor, case_id))

    async def resume_delivery(self, entry_no: int, *, key: str | None = None) -> v.Delivery:
        """Try again what was given up."""
        return await self.run(requests.resume_delivery(entry_no, key))

    async def fetch_stuck(self, *, compare: bool = False) -> v.StuckList:
        """What does not go on, the gravest cause first; `compare` holds all open records against
        all running workflows."""
        return await self.run(requests.stuck(compare))

    async def fetch_timeline(self, case_id: str) -> v.Timeline:
        """Everything that happened to a case, in order, and why it waits."""
        return await self.run(requests.timeline(case_id))

    async def fetch_workflow(self, workflow_id: str) -> v.WorkflowLook:
        """A workflow as Temporal has it, with the steps it waits for."""
        return await self.run(requests.workflow(workflow_id))

    async def plan_reset(self, workflow_id: str, to: str = "last") -> v.ResetPlanned:
        """What going back would do again; changes nothing."""
        return await self.run(requests.reset_plan(workflow_id, to))

    async def fetch_repairs(
        self, *, workflow_id: str | None = None, waiting: bool = False
    ) -> Sequence[v.Repair]:
        """Repairs by hand, the newest first; `waiting` for a second person."""
        return (await self.run(requests.repairs(workflow_id, waiting))).items

    async def fetch_repair(self, repair_id: str) -> v.Repair:
        """One repair: who asked, who confirmed, and what came of it."""
        return await self.run(requests.repair(repair_id))

    async def ask_repair(self, content: v.RepairContent, *, key: str | None = None) -> v.Repair:
        """Retry, pause or resume a step at once; the rest waits for a second person."""
        return await self.run(requests.ask_repair(content, key))

    async def decide_repair(
        self, repair_id: str, verdict: str, reason: str, *, key: str | None = None
    ) -> v.Repair:
        """Confirm or decline what somebody else asked for."""
        return await self.run(requests.decide_repair(repair_id, verdict, reason, key))

    async def fetch_mails(self, page_size: int = 50) -> Sequence[v.SentMail]:
        """The newest mails that the embedded mail sink received."""
        return (await self.run(requests.mails(page_size))).items

    # ── webhooks ─────────────────────────────────────────────────────────────────────────────────

    async def fetch_event_schemas(self) -> Sequence[v.EventSchema]:
        """Every kind of event with the JSON Schema of its content."""
        return (await self.run(requests.event_schemas())).items

    async def fetch_webhooks(self) -> Sequence[v.WebhookEndpoint]:
        """Who is told of events, the newest first."""
        return (await self.run(requests.webhooks())).items

    async def fetch_webhook(self, endpoint_id: str) -> v.WebhookEndpoint:
        """One endpoint, and whether it takes what is sent."""
        return await self.run(requests.webhook(endpoint_id))

    async def record_webhook(
        self, url: str, *, kinds: Sequence[str] = (), description: str = ""
    ) -> v.WebhookEndpointMade:
        """A new endpoint, told of these kinds of events or of all; its secret is told once."""
        return await self.run(requests.record_webhook(url, kinds, description))

    async def change_webhook(
        self,
        endpoint_id: str,
        url: str,
        *,
        kinds: Sequence[str] = (),
        description: str = "",
        key: str | None = None,
    ) -> v.WebhookEndpoint:
        """Another address, description or other kinds."""
        return await self.run(requests.change_webhook(endpoint_id, url, kinds, description, key))

    async def set_webhook_status(
        self, endpoint_id: str, status: str, *, key: str | None = None
    ) -> v.WebhookEndpoint:
        """`active`, `paused` or `disabled`; what waits for one that is started goes out."""
        return await self.run(requests.set_webhook_status(endpoint_id, status, key))

    async def rotate_webhook_secret(self, endpoint_id: str, hours: int = 24) -> v.WebhookSecret:
        """A further secret, told once; the one before it signs too for so many hours."""
        return await self.run(requests.rotate_webhook_secret(endpoint_id, hours))

    async def send_test_event(
        self, endpoint_id: str, *, key: str | None = None
    ) -> v.WebhookEndpoint:
        """Send an event that says nothing, to see that it arrives."""
        return await self.run(requests.send_test_event(endpoint_id, key))

    def list_webhook_deliveries(
        self,
        *,
        endpoint_id: str | None = None,
        status: str | None = None,
        kind: str | None = None,
        subject_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[v.WebhookDelivery]:
        """What was owed to endpoints, newest first; `subject_id` is a case, line or customer."""
        return self._pages(
            lambda cursor: requests.webhook_deliveries_page(
                cursor,
                endpoint=endpoint_id,
                status=status,
                kind=kind,
                subject=subject_id,
                since=since,
                until=until,
            )
        )

    def list_webhook_changes(
        self, *, owner_id: str | None = None
    ) -> AsyncIterator[v.WebhookChange]:
        """What was done to endpoints and sources and by whom, newest first."""
        return self._pages(lambda cursor: requests.webhook_changes_page(cursor, owner_id))

    async def fetch_webhook_log(self, delivery_no: int) -> v.WebhookLog:
        """A delivery with every attempt at it."""
        return await self.run(requests.webhook_log(delivery_no))

    async def redeliver(self, delivery_no: int, *, key: str | None = None) -> v.WebhookDelivery:
        """Send one event again, under the id that it has."""
        return await self.run(requests.redeliver(delivery_no, key))

    async def redeliver_range(
        self,
        endpoint_id: str,
        since: datetime,
        until: datetime,
        *,
        undelivered_only: bool = False,
        key: str | None = None,
    ) -> v.Redelivered:
        """Send again what happened in a range of time, also what was not sent then."""
        return await self.run(
            requests.redeliver_range(endpoint_id, since, until, undelivered_only, key)
        )

    async def fetch_hook_sources(self) -> Sequence[v.HookSource]:
        """Systems that may send hooks to us."""
        return (await self.run(requests.hook_sources())).items

    async def record_hook_source(
        self, source_id: str, person_id: str, description: str = ""
    ) -> v.HookSourceMade:
        """A system that acts as a service account; its secret is told once."""
        return await self.run(requests.record_hook_source(source_id, person_id, description))

    async def rotate_hook_secret(self, source_id: str, hours: int = 24) -> v.WebhookSecret:
        """A further secret, told once; the one before it is taken too for so many hours."""
        return await self.run(requests.rotate_hook_secret(source_id, hours))

    async def set_hook_source_status(
        self, source_id: str, status: str, *, key: str | None = None
    ) -> v.HookSource:
        """`active` or `disabled`."""
        return await self.run(requests.set_hook_source_status(source_id, status, key))

    async def _pages(
        self, page_at: Callable[[str | None], Call[v.Page[_Item]]]
    ) -> AsyncIterator[_Item]:
        cursor: str | None = None
        while True:
            page = await self.run(page_at(cursor))
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return
