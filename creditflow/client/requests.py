"""Every request of the API as a `Call`: where it goes and what its answer is.

One function each, so that `Client` and `AsyncClient` cannot say different things.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from creditflow.client import values as v
from creditflow.client.calls import Call, bytes_of, reading, text_of, uploading, writing


def _at(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


# ── oneself ──────────────────────────────────────────────────────────────────────────────────────


def me() -> Call[v.Me]:
    return reading("/me", v.Me)


def issue_key(person_id: str, label: str) -> Call[v.KeyIssued]:
    # Each call makes another key, so it must not be sent twice by itself.
    path = _at("persons", person_id, "keys")
    return writing(path, v.KeyIssued, {"label": label}, repeatable=False)


def password(old: str, new: str) -> Call[None]:
    return writing("/me/password", None, {"old": old, "new": new}, repeatable=False)


def persons() -> Call[v.Items[v.Person]]:
    return reading("/persons", v.Items[v.Person])


def record_person(person: v.Person) -> Call[v.Person]:
    return writing("/persons", v.Person, person)


def disable_person(person_id: str) -> Call[None]:
    return writing(_at("persons", person_id, "disable"), None)


def enable_person(person_id: str) -> Call[None]:
    return writing(_at("persons", person_id, "enable"), None)


def keys(person_id: str) -> Call[v.Items[v.ApiKey]]:
    return reading(_at("persons", person_id, "keys"), v.Items[v.ApiKey])


def revoke_key(person_id: str, key_id: str) -> Call[v.ApiKey]:
    return writing(_at("persons", person_id, "keys", key_id), v.ApiKey, method="DELETE")


# ── records ──────────────────────────────────────────────────────────────────────────────────────


def customers_page(
    cursor: str | None, *, search: str | None, group_id: str | None
) -> Call[v.Page[v.Customer]]:
    return reading(
        "/customers", v.Page[v.Customer], cursor=cursor, search=search, group_id=group_id
    )


def customer(customer_id: str) -> Call[v.Customer]:
    return reading(_at("customers", customer_id), v.Customer)


def customer_by(scheme: str, value: str) -> Call[v.Customer]:
    return reading("/customers/by-identifier", v.Customer, scheme=scheme, value=value)


def record_customer(content: Mapping[str, Any], key: str | None) -> Call[v.Customer]:
    return writing("/customers", v.Customer, content, key=key)


def profile(customer_id: str, as_of: date | None) -> Call[v.CreditProfile]:
    return reading(_at("customers", customer_id, "profile"), v.CreditProfile, as_of=as_of)


def duplicates(customer_id: str | None) -> Call[v.Items[v.Likeness]]:
    return reading("/duplicates", v.Items[v.Likeness], customer_id=customer_id)


def merges(customer_id: str | None) -> Call[v.Items[v.Merge]]:
    return reading("/merges", v.Items[v.Merge], customer_id=customer_id)


def merge(merge_id: str) -> Call[v.Merge]:
    return reading(_at("merges", merge_id), v.Merge)


def propose_merge(losing_id: str, into: str, reason: str, key: str | None) -> Call[v.Merge]:
    body = {"losing_id": losing_id, "reason": reason}
    return writing(_at("customers", into, "merges"), v.Merge, body, key=key)


def decide_merge(merge_id: str, verdict: str, reason: str, key: str | None) -> Call[v.Merge]:
    body = {"verdict": verdict, "reason": reason}
    return writing(_at("merges", merge_id, "decision"), v.Merge, body, key=key)


def take_back_merge(merge_id: str, reason: str, key: str | None) -> Call[v.Merge]:
    return writing(_at("merges", merge_id, "reversal"), v.Merge, {"reason": reason}, key=key)


def roles(customer_id: str) -> Call[v.Items[v.PartyRole]]:
    return reading(_at("customers", customer_id, "roles"), v.Items[v.PartyRole])


def record_role(
    customer_id: str, body: Mapping[str, Any], role_id: str | None, key: str | None
) -> Call[v.PartyRole]:
    if role_id is None:
        return writing(_at("customers", customer_id, "roles"), v.PartyRole, body, key=key)
    path = _at("customers", customer_id, "roles", role_id)
    return writing(path, v.PartyRole, body, key=key, method="PUT")


def record_payable(customer_id: str, body: Mapping[str, Any], key: str | None) -> Call[v.Payable]:
    return writing(_at("customers", customer_id, "payables"), v.Payable, body, key=key)


def settle_payable(
    customer_id: str, body: Mapping[str, Any], key: str | None
) -> Call[v.Settlement]:
    return writing(_at("customers", customer_id, "settlements"), v.Settlement, body, key=key)


def record_set_off(
    customer_id: str, body: Mapping[str, Any], key: str | None
) -> Call[v.SetOffAgreement]:
    path = _at("customers", customer_id, "set-off-agreements")
    return writing(path, v.SetOffAgreement, body, key=key)


def set_offs(customer_id: str) -> Call[v.Items[v.SetOffAgreement]]:
    path = _at("customers", customer_id, "set-off-agreements")
    return reading(path, v.Items[v.SetOffAgreement])


def sides(customer_id: str, as_of: date | None) -> Call[v.Sides]:
    return reading(_at("customers", customer_id, "sides"), v.Sides, as_of=as_of)


def record_statement(
    customer_id: str,
    period_end_on: date,
    currency: str,
    items: Mapping[str, Decimal],
    key: str | None,
    more: Mapping[str, Any],
) -> Call[v.Statement]:
    body = {"period_end_on": period_end_on, "currency": currency, "items": items, **more}
    return writing(_at("customers", customer_id, "statements"), v.Statement, body, key=key)


def statements(customer_id: str) -> Call[v.Items[v.Statement]]:
    return reading(_at("customers", customer_id, "statements"), v.Items[v.Statement])


def record_invoice(customer_id: str, invoice: v.Invoice, key: str | None) -> Call[v.Invoice]:
    return writing(_at("customers", customer_id, "invoices"), v.Invoice, invoice, key=key)


def record_payment(customer_id: str, payment: v.Payment, key: str | None) -> Call[v.Payment]:
    return writing(_at("customers", customer_id, "payments"), v.Payment, payment, key=key)


def record_credit_note(customer_id: str, note: v.CreditNote, key: str | None) -> Call[v.CreditNote]:
    return writing(_at("customers", customer_id, "credit-notes"), v.CreditNote, note, key=key)


def credit_notes(customer_id: str) -> Call[v.Items[v.CreditNote]]:
    return reading(_at("customers", customer_id, "credit-notes"), v.Items[v.CreditNote])


def open_dispute(customer_id: str, dispute: v.DisputeContent, key: str | None) -> Call[v.Dispute]:
    return writing(_at("customers", customer_id, "disputes"), v.Dispute, dispute, key=key)


def settle_dispute(dispute_id: str, end: v.DisputeEnd, key: str | None) -> Call[v.Dispute]:
    return writing(_at("disputes", dispute_id, "end"), v.Dispute, end, key=key)


def disputes(customer_id: str) -> Call[v.Items[v.Dispute]]:
    return reading(_at("customers", customer_id, "disputes"), v.Items[v.Dispute])


def open_disputes(cursor: str | None) -> Call[v.Page[v.Dispute]]:
    return reading("/disputes", v.Page[v.Dispute], cursor=cursor, page_size=50)


def receive_bill(customer_id: str, bill: v.BillContent, key: str | None) -> Call[v.Bill]:
    return writing(_at("customers", customer_id, "bills"), v.Bill, bill, key=key)


def report_bill(bill_id: str, event: v.BillEvent, key: str | None) -> Call[v.Bill]:
    return writing(_at("bills", bill_id, "events"), v.Bill, event, key=key)


def bill(bill_id: str, as_of: date | None) -> Call[v.Bill]:
    return reading(_at("bills", bill_id), v.Bill, as_of=as_of)


def bills(cursor: str | None) -> Call[v.Page[v.Bill]]:
    return reading("/bills", v.Page[v.Bill], cursor=cursor, page_size=50)


def customer_bills(customer_id: str, as_of: date | None) -> Call[v.Items[v.Bill]]:
    return reading(_at("customers", customer_id, "bills"), v.Items[v.Bill], as_of=as_of)


def excesses(
    settled: bool, customer_id: str | None, line_id: str | None, cursor: str | None
) -> Call[v.Page[v.Excess]]:
    return reading(
        "/excesses",
        v.Page[v.Excess],
        settled=settled,
        customer_id=customer_id,
        line_id=line_id,
        cursor=cursor,
        page_size=50,
    )


def excess(excess_id: str) -> Call[v.ExcessView]:
    return reading(_at("excesses", excess_id), v.ExcessView)


def set_excess_dates(
    excess_id: str, due_on: Sequence[date], reason: str, key: str | None
) -> Call[v.ExcessProposal]:
    body = {"due_on": [each.isoformat() for each in due_on], "reason": reason}
    return writing(_at("excesses", excess_id, "dates"), v.ExcessProposal, body, key=key)


def answer_excess_dates(
    excess_id: str, dates_id: str, key: str | None, *, confirmed: bool, note: str
) -> Call[v.ExcessView]:
    body = {"confirmed": confirmed, "note": note}
    where = _at("excesses", excess_id, "dates", dates_id, "answer")
    return writing(where, v.ExcessView, body, key=key)


def ask_confirmation(customer_id: str | None, as_of: date | None) -> Call[v.RunStarted]:
    body = {"customer_id": customer_id, "as_of": None if as_of is None else as_of.isoformat()}
    return writing("/runs/confirmation", v.RunStarted, body)


def confirmations(
    customer_id: str | None, waiting: bool, cursor: str | None
) -> Call[v.Page[v.ConfirmationView]]:
    return reading(
        "/confirmations",
        v.Page[v.ConfirmationView],
        customer_id=customer_id,
        waiting=waiting,
        cursor=cursor,
        page_size=200,
    )


def confirmation(confirmation_id: str) -> Call[v.ConfirmationView]:
    return reading(_at("confirmations", confirmation_id), v.ConfirmationView)


def answer_confirmation(
    confirmation_id: str,
    document_hash: str,
    evidence_hash: str,
    all_agreed: bool,
    agreed: Sequence[str],
    differences: Sequence[v.DifferenceSaid],
) -> Call[v.ConfirmationView]:
    body = {
        **_answer_of(document_hash, all_agreed, agreed, differences),
        "evidence_hash": evidence_hash,
    }
    return writing(_at("confirmations", confirmation_id, "answers"), v.ConfirmationView, body)


def confirmation_differences(customer_id: str | None) -> Call[v.Items[v.ConfirmationDifference]]:
    return reading(
        "/confirmation-differences", v.Items[v.ConfirmationDifference], customer_id=customer_id
    )


def close_difference(
    difference_id: str, outcome: str, reason: str
) -> Call[v.ConfirmationDifference]:
    body = {"outcome": outcome, "reason": reason}
    return writing(
        _at("confirmation-differences", difference_id, "end"), v.ConfirmationDifference, body
    )


def confirmation_page(token: str) -> Call[v.ConfirmationLinkPage]:
    return reading(_at("confirming", token), v.ConfirmationLinkPage)


def answer_confirmation_by_link(
    token: str,
    document_hash: str,
    signatory: v.Signatory,
    all_agreed: bool,
    agreed: Sequence[str],
    differences: Sequence[v.DifferenceSaid],
) -> Call[v.ConfirmationLinkPage]:
    body = {
        **_answer_of(document_hash, all_agreed, agreed, differences),
        "signatory": signatory.model_dump(mode="json"),
    }
    return writing(_at("confirming", token, "answer"), v.ConfirmationLinkPage, body)


def _answer_of(
    document_hash: str,
    all_agreed: bool,
    agreed: Sequence[str],
    differences: Sequence[v.DifferenceSaid],
) -> dict[str, Any]:
    return {
        "document_hash": document_hash,
        "all_agreed": all_agreed,
        "agreed": list(agreed),
        "differences": [each.model_dump(mode="json") for each in differences],
    }


def reconcile(
    name: str, content: bytes, as_of: date | None, profile: str, dry_run: bool, key: str | None
) -> Call[v.Reconciled]:
    return uploading(
        "/reconciliations",
        v.Reconciled,
        name,
        content,
        "text/csv",
        key=key,
        profile=profile,
        dry_run=dry_run,
        as_of=as_of,
    )


def reconcile_newest() -> Call[v.Reconciliation]:
    return writing("/runs/reconciliation", v.Reconciliation, {})


def reconciliations(cursor: str | None) -> Call[v.Page[v.Reconciliation]]:
    return reading("/reconciliations", v.Page[v.Reconciliation], cursor=cursor, page_size=50)


def reconciliation(reconciliation_id: str) -> Call[v.Reconciliation]:
    return reading(_at("reconciliations", reconciliation_id), v.Reconciliation)


def reconciliation_findings() -> Call[v.Items[v.ReconciliationFinding]]:
    return reading("/reconciliation-findings", v.Items[v.ReconciliationFinding])


def close_finding(finding_id: str, reason: str) -> Call[v.ReconciliationFinding]:
    where = _at("reconciliation-findings", finding_id, "end")
    return writing(where, v.ReconciliationFinding, {"reason": reason})


def account(customer_id: str, as_of: date | None) -> Call[v.Account]:
    return reading(_at("customers", customer_id, "account"), v.Account, as_of=as_of)


def covers(customer_id: str, as_of: date | None, line_id: str | None) -> Call[v.CustomerCovers]:
    path = _at("customers", customer_id, "covers")
    return reading(path, v.CustomerCovers, as_of=as_of, line_id=line_id)


def cover(cover_id: str) -> Call[v.CoverView]:
    return reading(_at("covers", cover_id), v.CoverView)


def pending_covers() -> Call[v.Items[v.CoverView]]:
    return reading("/covers/pending", v.Items[v.CoverView])


def record_cover(
    content: v.CoverContent, cover_id: str | None, key: str | None
) -> Call[v.CoverView]:
    if cover_id is None:
        return writing("/covers", v.CoverView, content, key=key)
    return writing(_at("covers", cover_id), v.CoverView, content, key=key, method="PUT")


def check_cover(
    cover_id: str, version: int, key: str | None, *, confirmed: bool, note: str
) -> Call[v.CoverView]:
    path = _at("covers", cover_id, "versions", str(version), "check")
    return writing(path, v.CoverView, {"confirmed": confirmed, "note": note}, key=key)


def insurances() -> Call[v.Items[v.Insurance]]:
    return reading("/insurances", v.Items[v.Insurance])


def insurance(insurance_id: str) -> Call[v.Insurance]:
    return reading(_at("insurances", insurance_id), v.Insurance)


def record_insurance(
    terms: v.InsuranceTerms, insurance_id: str | None, key: str | None
) -> Call[v.Insurance]:
    if insurance_id is None:
        return writing("/insurances", v.Insurance, terms, key=key)
    return writing(_at("insurances", insurance_id), v.Insurance, terms, key=key, method="PUT")


def check_insurance(
    insurance_id: str, version: int, key: str | None, *, confirmed: bool, note: str
) -> Call[v.Insurance]:
    path = _at("insurances", insurance_id, "versions", str(version), "check")
    return writing(path, v.Insurance, {"confirmed": confirmed, "note": note}, key=key)


def pending_insurance() -> Call[v.InsuranceWaiting]:
    return reading("/insurances/pending", v.InsuranceWaiting)


def open_insured_limit(
    insurance_id: str, customer_id: str, word: v.LimitWord, key: str | None
) -> Call[v.InsuredBuyer]:
    path = _at("insurances", insurance_id, "limits")
    return writing(path, v.InsuredBuyer, {"customer_id": customer_id, "word": word}, key=key)


def insured_limits_page(cursor: str | None) -> Call[v.Page[v.InsuredBuyer]]:
    return reading("/insured-limits", v.Page[v.InsuredBuyer], cursor=cursor)


def insured_limit(limit_id: str, as_of: date | None) -> Call[v.InsuredBuyer]:
    return reading(_at("insured-limits", limit_id), v.InsuredBuyer, as_of=as_of)


def say_insured_limit(limit_id: str, word: v.LimitWord, key: str | None) -> Call[v.InsuredBuyer]:
    path = _at("insured-limits", limit_id)
    return writing(path, v.InsuredBuyer, word, key=key, method="PUT")


def check_insured_limit(
    limit_id: str, version: int, key: str | None, *, confirmed: bool, note: str
) -> Call[v.InsuredBuyer]:
    path = _at("insured-limits", limit_id, "versions", str(version), "check")
    return writing(path, v.InsuredBuyer, {"confirmed": confirmed, "note": note}, key=key)


def declare_shipment(limit_id: str, shipment: v.Shipment, key: str | None) -> Call[v.InsuredBuyer]:
    path = _at("insured-limits", limit_id, "shipments")
    return writing(path, v.InsuredBuyer, shipment, key=key)


def report_shipment(limit_id: str, event: v.ShipmentEvent, key: str | None) -> Call[v.InsuredBuyer]:
    return writing(_at("insured-limits", limit_id, "events"), v.InsuredBuyer, event, key=key)


def customer_insurance(
    customer_id: str, as_of: date | None, days: int | None
) -> Call[v.CustomerInsurance]:
    path = _at("customers", customer_id, "insurance")
    return reading(path, v.CustomerInsurance, as_of=as_of, days=days)


def watch_insurance() -> Call[v.RunStarted]:
    return writing("/runs/insurance", v.RunStarted, {})


def insurance_findings(open_only: bool) -> Call[v.Items[v.InsuranceFinding]]:
    return reading("/insurance-findings", v.Items[v.InsuranceFinding], open_only=open_only)


def close_insurance_finding(
    finding_id: str, note: str, key: str | None
) -> Call[v.InsuranceFinding]:
    path = _at("insurance-findings", finding_id, "close")
    return writing(path, v.InsuranceFinding, {"note": note}, key=key)


def late_interest(customer_id: str, as_of: date | None) -> Call[v.LateAccount]:
    return reading(_at("customers", customer_id, "late-interest"), v.LateAccount, as_of=as_of)


def charge_late_interest(
    customer_id: str, period_end_on: date, key: str | None
) -> Call[v.LateCharges]:
    path = _at("customers", customer_id, "late-interest", "charges")
    return writing(path, v.LateCharges, {"period_end_on": period_end_on}, key=key)


def ask_waiver(
    customer_id: str, entry_id: str, amount: v.Money, reason: str, key: str | None
) -> Call[v.LateWaiver]:
    path = _at("customers", customer_id, "late-interest", "waivers")
    body = {"entry_id": entry_id, "amount": amount, "reason": reason}
    return writing(path, v.LateWaiver, body, key=key)


def answer_waiver(
    waiver_id: str, key: str | None, *, granted: bool, note: str
) -> Call[v.LateAccount]:
    path = _at("late-interest", "waivers", waiver_id, "answer")
    return writing(path, v.LateAccount, {"granted": granted, "note": note}, key=key)


def reverse_waiver(entry_id: str, reason: str, key: str | None) -> Call[v.LateEntry]:
    path = _at("late-interest", "entries", entry_id, "reversal")
    return writing(path, v.LateEntry, {"reason": reason}, key=key)


def attach(name: str, content: bytes, key: str | None) -> Call[v.Attachment]:
    return uploading(
        "/attachments", v.Attachment, name, content, "application/octet-stream", key=key
    )


def attachment_content(sha256: str) -> Call[bytes]:
    return bytes_of(_at("attachments", sha256, "content"))


def import_file(
    kind: str,
    name: str,
    content: bytes,
    key: str | None,
    *,
    profile: str,
    dry_run: bool,
    per_row: bool,
) -> Call[v.Imported]:
    return uploading(
        _at("imports", kind),
        v.Imported,
        name,
        content,
        "text/csv",
        key=key,
        profile=profile,
        dry_run=dry_run,
        mode="per_row" if per_row else "all_or_nothing",
    )


def update_customer(
    customer_id: str, content: Mapping[str, Any], key: str | None
) -> Call[v.Customer]:
    return writing(_at("customers", customer_id), v.Customer, content, key=key, method="PUT")


def events(customer_id: str, until: date | None) -> Call[v.Items[v.CreditEvent]]:
    return reading(_at("customers", customer_id, "events"), v.Items[v.CreditEvent], until=until)


def record_event(
    customer_id: str, content: Mapping[str, Any], key: str | None
) -> Call[v.CreditEvent]:
    return writing(_at("customers", customer_id, "events"), v.CreditEvent, content, key=key)


def record_group(group: v.CustomerGroup, key: str | None) -> Call[v.CustomerGroup]:
    return writing("/groups", v.CustomerGroup, group, key=key)


def group(group_id: str) -> Call[v.GroupView]:
    return reading(_at("groups", group_id), v.GroupView)


def record_party(name: str, kind: str, key: str | None) -> Call[v.Party]:
    return writing("/parties", v.Party, {"name": name, "kind": kind}, key=key)


def record_link(link: v.PartyLink, key: str | None) -> Call[v.PartyLink]:
    content = link.model_dump(mode="json", exclude={"link_id", "version"}, exclude_none=True)
    if link.link_id:
        return writing(
            _at("party-links", link.link_id), v.PartyLink, content, key=key, method="PUT"
        )
    return writing("/party-links", v.PartyLink, content, key=key)


def import_ownership(content: bytes, source: str, key: str | None) -> Call[v.OwnershipReport]:
    return uploading(
        "/ownership",
        v.OwnershipReport,
        "bods.json",
        content,
        "application/json",
        key=key,
        source=source,
    )


def ring(customer_id: str, as_of: date | None) -> Call[v.Ring]:
    return reading(_at("customers", customer_id, "ring"), v.Ring, as_of=as_of)


def accounts(customer_id: str) -> Call[v.Items[v.Accounts]]:
    return reading(_at("customers", customer_id, "statement-accounts"), v.Items[v.Accounts])


def versions(
    customer_id: str, period_end_on: date, consolidated: bool
) -> Call[v.Items[v.Statement]]:
    return reading(
        _at("customers", customer_id, "statements", str(period_end_on), "versions"),
        v.Items[v.Statement],
        consolidated=consolidated,
    )


def factors_page(cursor: str | None) -> Call[v.Page[v.FactorRow]]:
    return reading("/factors", v.Page[v.FactorRow], cursor=cursor, page_size=200)


def invoices(customer_id: str) -> Call[v.Items[v.Invoice]]:
    return reading(_at("customers", customer_id, "invoices"), v.Items[v.Invoice])


def payments(customer_id: str) -> Call[v.Items[v.Payment]]:
    return reading(_at("customers", customer_id, "payments"), v.Items[v.Payment])


def ageing(currency: str, as_of: date | None) -> Call[v.BookAgeing]:
    return reading("/ageing", v.BookAgeing, currency=currency, as_of=as_of)


def turnover(customer_id: str, as_of: date | None) -> Call[v.Turnover]:
    return reading(_at("customers", customer_id, "turnover"), v.Turnover, as_of=as_of)


def report_kinds() -> Call[v.Items[v.ReportKind]]:
    return reading("/report-kinds", v.Items[v.ReportKind])


def authorisations(customer_id: str) -> Call[v.Items[v.Authorisation]]:
    return reading(_at("customers", customer_id, "authorisations"), v.Items[v.Authorisation])


def authorise(
    customer_id: str, evidence_hash: str, signed_on: date, valid_until: date, key: str | None
) -> Call[v.Authorisation]:
    return writing(
        _at("customers", customer_id, "authorisations"),
        v.Authorisation,
        {"evidence_hash": evidence_hash, "signed_on": signed_on, "valid_until": valid_until},
        key=key,
    )


def reports(customer_id: str) -> Call[v.Items[v.ExternalReport]]:
    return reading(_at("customers", customer_id, "reports"), v.Items[v.ExternalReport])


def pull_report(customer_id: str, kind: str, purpose: str, key: str | None) -> Call[v.PulledReport]:
    return writing(
        _at("customers", customer_id, "reports"),
        v.PulledReport,
        {"kind": kind, "purpose": purpose},
        key=key,
    )


def report_queries(customer_id: str) -> Call[v.Items[v.ReportQuery]]:
    return reading(_at("customers", customer_id, "report-queries"), v.Items[v.ReportQuery])


def rating_mapping() -> Call[v.RatingMapping]:
    return reading("/external-ratings/mapping", v.RatingMapping)


def agency_ratings(customer_id: str) -> Call[v.Items[v.RatingOnFile]]:
    return reading(_at("customers", customer_id, "external-ratings"), v.Items[v.RatingOnFile])


def record_rating(
    customer_id: str, content: Mapping[str, Any], key: str | None
) -> Call[v.RatingOnFile]:
    path = _at("customers", customer_id, "external-ratings")
    return writing(path, v.RatingOnFile, content, key=key)


def withdraw_rating(
    customer_id: str, agency: str, withdrawn_on: date, evidence_hash: str, key: str | None
) -> Call[v.RatingWithdrawal]:
    return writing(
        _at("customers", customer_id, "external-ratings", "withdrawals"),
        v.RatingWithdrawal,
        {"agency": agency, "withdrawn_on": withdrawn_on, "evidence_hash": evidence_hash},
        key=key,
    )


def attachment(sha256: str) -> Call[v.Attachment]:
    return reading(_at("attachments", sha256), v.Attachment)


def fixings(on: date | None) -> Call[v.Items[v.Fixing]]:
    return reading("/benchmarks", v.Items[v.Fixing], on=on)


def fixing_history(benchmark: str) -> Call[v.Items[v.Fixing]]:
    return reading(_at("benchmarks", benchmark), v.Items[v.Fixing])


def record_fixing(fixing: v.FixingContent, key: str | None) -> Call[v.Fixing]:
    return writing("/benchmarks", v.Fixing, fixing, key=key)


def correct_fixing(fixing: v.FixingContent, reason: str, key: str | None) -> Call[v.Fixing]:
    body = {**fixing.model_dump(mode="json"), "reason": reason}
    return writing("/benchmarks/corrections", v.Fixing, body, key=key)


def line_rates(line_id: str) -> Call[v.LineRateHistory]:
    return reading(_at("lines", line_id, "rates"), v.LineRateHistory)


def reprice() -> Call[v.RunStarted]:
    return writing("/runs/repricing", v.RunStarted, {})


def rate_findings() -> Call[v.Items[v.RateFinding]]:
    return reading("/runs/repricing/findings", v.Items[v.RateFinding])


def rates(on: date | None, base: str | None) -> Call[v.Items[v.Rate]]:
    return reading("/rates", v.Items[v.Rate], on=on, base=base)


def record_rate(rate: v.Rate, key: str | None) -> Call[v.Rate]:
    return writing("/rates", v.Rate, rate, key=key)


def convert(amount: v.Money, quote: str, on: date | None, kind: str) -> Call[v.Conversion]:
    return reading(
        "/rates/conversion",
        v.Conversion,
        amount=f"{amount.amount:f}",
        base=amount.currency,
        quote=quote,
        on=on,
        kind=kind,
    )


def name_lists() -> Call[v.Items[v.NameList]]:
    return reading("/lists", v.Items[v.NameList])


def list_entries(list_code: str) -> Call[v.Items[v.ListEntry]]:
    return reading(_at("lists", list_code, "entries"), v.Items[v.ListEntry])


def add_list_entry(entry: v.ListEntry, key: str | None) -> Call[v.Touched]:
    return writing("/lists/entries", v.Touched, entry, key=key)


def hits(identifiers: Sequence[v.Identifier]) -> Call[v.Items[v.ListEntry]]:
    return writing("/lists/hits", v.Items[v.ListEntry], {"identifiers": list(identifiers)})


def import_profiles() -> Call[v.ImportProfiles]:
    return reading("/import-profiles", v.ImportProfiles)


# ── applications and approval ────────────────────────────────────────────────────────────────────


def submit(application: v.Application, key: str | None) -> Call[v.Submitted]:
    # What is left unsaid is the line's in a change of it, and must not go out as a default.
    said = application.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    return writing("/applications", v.Submitted, said, key=key)


def reconsider(
    case_id: str, evidence: Mapping[str, str], grounds: str, key: str | None
) -> Call[v.Submitted]:
    body = {"evidence": dict(evidence), "grounds": grounds}
    return writing(_at("applications", case_id, "reconsideration"), v.Submitted, body, key=key)


def recover(case_id: str, reason: str, key: str | None) -> Call[v.Submitted]:
    body = {"reason": reason}
    return writing(_at("applications", case_id, "recovery"), v.Submitted, body, key=key)


def case(case_id: str) -> Call[v.CaseView]:
    return reading(_at("applications", case_id), v.CaseView)


def cases_page(
    cursor: str | None, *, status: str | None, customer_id: str | None
) -> Call[v.Page[v.Case]]:
    return reading(
        "/applications", v.Page[v.Case], cursor=cursor, status=status, customer_id=customer_id
    )


def change(case_id: str, verb: str, content: Mapping[str, Any], key: str | None) -> Call[v.Acted]:
    return writing(_at("applications", case_id, verb), v.Acted, content, key=key)


def history(case_id: str) -> Call[v.Items[v.Event]]:
    return reading(_at("applications", case_id, "history"), v.Items[v.Event])


def receipt(case_id: str) -> Call[Mapping[str, Any]]:
    return reading(_at("applications", case_id, "receipt"), dict[str, Any])


def replay(case_id: str) -> Call[v.Replayed]:
    return writing(_at("applications", case_id, "replay"), v.Replayed)


def analyst_figures(case_id: str) -> Call[v.CaseFigures]:
    return reading(_at("applications", case_id, "analyst-figures"), v.CaseFigures)


def supply_figure(case_id: str, content: Mapping[str, Any], key: str | None) -> Call[v.CaseFigures]:
    path = _at("applications", case_id, "analyst-figures")
    return writing(path, v.CaseFigures, content, key=key)


def confirm_figure(case_id: str, factor: str, version: int, key: str | None) -> Call[v.CaseFigures]:
    return writing(
        _at("applications", case_id, "analyst-figures", "confirmation"),
        v.CaseFigures,
        {"factor": factor, "version": version},
        key=key,
    )


def override(
    case_id: str, notches: int, reason: str, note: str, key: str | None
) -> Call[v.Overridden]:
    body = {"notches": notches, "reason": reason, "note": note}
    return writing(_at("applications", case_id, "override"), v.Overridden, body, key=key)


def case_overrides(case_id: str) -> Call[v.CaseOverrides]:
    return reading(_at("applications", case_id, "overrides"), v.CaseOverrides)


def overrides_page(
    cursor: str | None, *, analyst: str | None, since: date | None, until: date | None
) -> Call[v.Page[v.Override]]:
    return reading(
        "/overrides",
        v.Page[v.Override],
        cursor=cursor,
        analyst=analyst,
        since=since,
        until=until,
    )


def override_report(
    *, analyst: str | None, since: date | None, until: date | None
) -> Call[v.OverrideReport]:
    return reading("/overrides/report", v.OverrideReport, analyst=analyst, since=since, until=until)


def customer_caps(customer_id: str) -> Call[v.CapsOf]:
    return reading(_at("customers", customer_id, "caps"), v.CapsOf)


def group_caps(group_id: str) -> Call[v.CapsOf]:
    return reading(_at("groups", group_id, "caps"), v.CapsOf)


def ask_customer_cap(customer_id: str, content: v.CapContent, key: str | None) -> Call[v.Cap]:
    return writing(_at("customers", customer_id, "caps"), v.Cap, content, key=key)


def ask_group_cap(group_id: str, content: v.CapContent, key: str | None) -> Call[v.Cap]:
    return writing(_at("groups", group_id, "caps"), v.Cap, content, key=key)


def caps_page(
    cursor: str | None, *, scope: str | None, owner_id: str | None, status: str | None
) -> Call[v.Page[v.Cap]]:
    return reading(
        "/caps", v.Page[v.Cap], cursor=cursor, scope=scope, owner_id=owner_id, status=status
    )


def idle_lines() -> Call[v.IdleLines]:
    return reading("/idle", v.IdleLines)


def reclaim_report(*, since: date | None, until: date | None) -> Call[v.ReclaimReport]:
    return reading("/idle/report", v.ReclaimReport, since=since, until=until)


def reclaims_page(cursor: str | None) -> Call[v.Page[v.Reclaim]]:
    return reading("/reclaims", v.Page[v.Reclaim], cursor=cursor)


def propose_reclaim(line_ids: Sequence[str], reason: str, key: str | None) -> Call[v.Reclaim]:
    content = {"line_ids": list(line_ids), "reason": reason}
    return writing("/reclaims", v.Reclaim, content, key=key)


def reclaim(reclaim_id: str) -> Call[v.ReclaimView]:
    return reading(_at("reclaims", reclaim_id), v.ReclaimView)


def leave_out(
    reclaim_id: str, line_ids: Sequence[str], reason: str, key: str | None
) -> Call[v.Reclaim]:
    content = {"line_ids": list(line_ids), "reason": reason}
    return writing(_at("reclaims", reclaim_id, "left-out"), v.Reclaim, content, key=key)


def moves_page(cursor: str | None, *, line_id: str | None) -> Call[v.Page[v.Move]]:
    return reading("/moves", v.Page[v.Move], cursor=cursor, line_id=line_id)


def ask_move(
    source_id: str, target_id: str, amount: v.Money, reason: str, key: str | None
) -> Call[v.Move]:
    content = {"source_id": source_id, "target_id": target_id, "amount": amount, "reason": reason}
    return writing("/moves", v.Move, content, key=key)


def limit_move(move_id: str) -> Call[v.MoveView]:
    return reading(_at("moves", move_id), v.MoveView)


def cap(cap_id: str) -> Call[v.CapView]:
    return reading(_at("caps", cap_id), v.CapView)


def ask_use(line_id: str, content: v.UseContent, key: str | None) -> Call[v.UseRecord]:
    body = {"line_id": line_id, **content.model_dump(mode="json")}
    return writing("/uses", v.UseRecord, body, key=key)


def uses_page(
    cursor: str | None, *, line_id: str | None, customer_id: str | None, status: str | None
) -> Call[v.Page[v.UseRecord]]:
    return reading(
        "/uses",
        v.Page[v.UseRecord],
        cursor=cursor,
        line_id=line_id,
        customer_id=customer_id,
        status=status,
    )


def use(use_id: str) -> Call[v.UseView]:
    return reading(_at("uses", use_id), v.UseView)


def withdraw_use(use_id: str, note: str) -> Call[v.UseRecord]:
    return writing(_at("uses", use_id, "withdraw"), v.UseRecord, {"note": note})


def review_use(
    use_id: str, act: str, checks: Sequence[v.ReleaseCheck], note: str
) -> Call[v.UseRecord]:
    said = [each.model_dump(mode="json") for each in checks]
    return writing(_at("uses", use_id, act), v.UseRecord, {"checks": said, "note": note})


def figures() -> Call[v.Figures]:
    return reading("/figures", v.Figures)


def investigations_page(cursor: str | None) -> Call[v.Page[v.Case]]:
    return reading("/investigations", v.Page[v.Case], cursor=cursor)


def investigation(case_id: str) -> Call[v.InvestigationView]:
    return reading(_at("applications", case_id, "investigation"), v.InvestigationView)


def investigate(
    case_id: str, part: str, content: object, key: str | None
) -> Call[v.InvestigationView]:
    path = _at("applications", case_id, "investigation", part)
    return writing(path, v.InvestigationView, content, key=key)


def products() -> Call[v.Items[v.Product]]:
    return reading("/products", v.Items[v.Product])


def tasks_page(
    cursor: str | None, *, case_id: str | None, status: str | None, mine: bool
) -> Call[v.Page[v.Task]]:
    return reading(
        "/tasks", v.Page[v.Task], cursor=cursor, case=case_id, status=status, mine=mine or None
    )


def task(task_id: str) -> Call[v.TaskPage]:
    return reading(_at("tasks", task_id), v.TaskPage)


def decide(
    task_id: str,
    verdict: str,
    key: str | None,
    *,
    note: str,
    fields_wanted: Sequence[str],
    limit: v.Money | None,
    content_hash: str,
    to_step: int | None,
    resume: str,
    term_months: int | None,
    conditions: Sequence[str | v.ConditionAsked],
    risks: Sequence[v.CitedRisk],
) -> Call[v.Decided]:
    body = {
        "verdict": verdict,
        "note": note,
        "fields_wanted": list(fields_wanted),
        "limit": limit,
        "content_hash": content_hash,
        "to_step": to_step,
        "resume": resume,
        "term_months": term_months,
        "conditions": list(conditions),
        "risks": list(risks),
    }
    return writing(_at("tasks", task_id, "decision"), v.Decided, body, key=key)


def decide_many(words: Sequence[Mapping[str, Any]], key: str | None) -> Call[v.Answers]:
    return writing("/tasks/decisions", v.Answers, {"items": list(words)}, key=key)


def act(
    task_id: str, action: str, key: str | None, *, to: str | None, placement: str | None, note: str
) -> Call[v.Done]:
    body = {"action": action, "to": to, "placement": placement, "note": note}
    return writing(_at("tasks", task_id, "acts"), v.Done, body, key=key)


def minutes(approval_id: str) -> Call[v.Minutes]:
    return reading(_at("approvals", approval_id, "minutes"), v.Minutes)


def meetings_page(cursor: str | None, *, body: str | None) -> Call[v.Page[v.MeetingStanding]]:
    return reading("/meetings", v.Page[v.MeetingStanding], cursor=cursor, body=body)


def meeting(meeting_no: str) -> Call[v.MeetingView]:
    return reading(_at("meetings", meeting_no), v.MeetingView)


def convene_meeting(
    body: str, held_at: datetime, place: str, chair: str, members: Sequence[str], key: str | None
) -> Call[v.Meeting]:
    content = {
        "body": body,
        "held_at": held_at.isoformat(),
        "place": place,
        "chair": chair,
        "members": list(members),
    }
    return writing("/meetings", v.Meeting, content, key=key)


def put_on_agenda(
    meeting_no: str,
    approval_id: str,
    presenter: str,
    attendants: Sequence[str],
    papers: Sequence[str],
    key: str | None,
) -> Call[v.AgendaItem]:
    content = {
        "approval_id": approval_id,
        "presenter": presenter,
        "attendants": list(attendants),
        "papers": list(papers),
    }
    return writing(_at("meetings", meeting_no, "items"), v.AgendaItem, content, key=key)


def close_meeting(meeting_no: str, key: str | None) -> Call[v.FrozenMinutes]:
    return writing(_at("meetings", meeting_no, "close"), v.FrozenMinutes, key=key)


def meeting_minutes(meeting_no: str) -> Call[v.FrozenMinutes]:
    return reading(_at("meetings", meeting_no, "minutes"), v.FrozenMinutes)


def meeting_document(meeting_no: str) -> Call[bytes]:
    return bytes_of(_at("meetings", meeting_no, "document"))


def task_token(task_id: str) -> Call[v.Token]:
    return writing(_at("tasks", task_id, "token"), v.Token)


def case_token(case_id: str) -> Call[v.Token]:
    return writing(_at("applications", case_id, "token"), v.Token)


def letter(letter_no: str) -> Call[v.Letter]:
    return reading(_at("letters", letter_no), v.Letter)


def letter_document(letter_no: str) -> Call[bytes]:
    return bytes_of(_at("letters", letter_no, "document"))


def questions(case_id: str) -> Call[v.OpenFile]:
    return reading(_at("applications", case_id, "questions"), v.OpenFile)


def replay_all() -> Call[v.ReplayedBook]:
    return writing("/replays", v.ReplayedBook)


def grants(person_id: str) -> Call[v.Items[v.Grant]]:
    return reading(_at("persons", person_id, "grants"), v.Items[v.Grant])


def record_grant(grant: v.Grant, key: str | None) -> Call[v.Grant]:
    return writing("/grants", v.Grant, grant, key=key)


def revoke_grant(grant_no: str, reason: str) -> Call[None]:
    return writing(_at("grants", grant_no, "revoke"), None, {"reason": reason})


def register_page(cursor: str | None) -> Call[v.Page[v.GrantStanding]]:
    return reading("/grants", v.Page[v.GrantStanding], cursor=cursor)


def grant(grant_no: str) -> Call[v.GrantStanding]:
    return reading(_at("grants", grant_no), v.GrantStanding)


def seats_page(cursor: str | None, *, of: str | None) -> Call[v.Page[v.Seat]]:
    return reading("/seats", v.Page[v.Seat], cursor=cursor, of=of)


def record_seat(content: v.SeatContent, key: str | None) -> Call[v.Seat]:
    return writing("/seats", v.Seat, content, key=key)


def end_seat(entry_id: str, reason: str, key: str | None) -> Call[v.Seat]:
    return writing(_at("seats", entry_id, "end"), v.Seat, {"reason": reason}, key=key)


def delegations_page(cursor: str | None, *, of: str | None) -> Call[v.Page[v.Delegation]]:
    return reading("/delegations", v.Page[v.Delegation], cursor=cursor, of=of)


def record_delegation(content: v.DelegationContent, key: str | None) -> Call[v.Delegation]:
    return writing("/delegations", v.Delegation, content, key=key)


def end_delegation(entry_id: str, reason: str, key: str | None) -> Call[v.Delegation]:
    return writing(_at("delegations", entry_id, "end"), v.Delegation, {"reason": reason}, key=key)


def certificates_page(cursor: str | None, *, of: str | None) -> Call[v.Page[v.Certificate]]:
    return reading("/certificates", v.Page[v.Certificate], cursor=cursor, of=of)


def record_certificate(content: v.CertificateContent, key: str | None) -> Call[v.Certificate]:
    return writing("/certificates", v.Certificate, content, key=key)


def end_certificate(entry_id: str, reason: str, key: str | None) -> Call[v.Certificate]:
    return writing(_at("certificates", entry_id, "end"), v.Certificate, {"reason": reason}, key=key)


def conflicts_page(cursor: str | None, *, of: str | None) -> Call[v.Page[v.InterestConflict]]:
    return reading("/conflicts", v.Page[v.InterestConflict], cursor=cursor, of=of)


def declare_conflict(customer_id: str, note: str, key: str | None) -> Call[v.InterestConflict]:
    body = {"customer_id": customer_id, "note": note}
    return writing("/conflicts", v.InterestConflict, body, key=key)


def end_conflict(entry_id: str, reason: str, key: str | None) -> Call[v.InterestConflict]:
    path = _at("conflicts", entry_id, "end")
    return writing(path, v.InterestConflict, {"reason": reason}, key=key)


def alarms(standing: bool) -> Call[v.Items[v.Alarm]]:
    return reading("/authority/alarms", v.Items[v.Alarm], standing=standing)


def register_events(page_size: int) -> Call[v.Items[v.RegisterEvent]]:
    return reading("/authority/events", v.Items[v.RegisterEvent], page_size=page_size)


def switch_automatic_lane(on: bool, reason: str) -> Call[None]:
    return writing("/automatic-lane", None, {"on": on, "reason": reason}, method="PUT")


# ── offers ───────────────────────────────────────────────────────────────────────────────────────


def offer(case_id: str) -> Call[v.OfferView]:
    return reading(_at("applications", case_id, "offer"), v.OfferView)


def answer_offer(case_id: str, accepts: bool, offer_hash: str, note: str) -> Call[v.OfferView]:
    body = {"accepts": accepts, "offer_hash": offer_hash, "note": note}
    return writing(_at("applications", case_id, "offer", "answer"), v.OfferView, body)


def offer_page(token: str) -> Call[v.OfferPage]:
    return reading(_at("offers", token), v.OfferPage)


def answer_offer_by_link(
    token: str, accepts: bool, offer_hash: str, note: str
) -> Call[v.OfferPage]:
    body = {"accepts": accepts, "offer_hash": offer_hash, "note": note}
    return writing(_at("offers", token, "answer"), v.OfferPage, body)


# ── contract and conditions ──────────────────────────────────────────────────────────────────────


def contract(case_id: str) -> Call[v.ContractView]:
    return reading(_at("applications", case_id, "contract"), v.ContractView)


def contract_document(case_id: str, of: str | None) -> Call[bytes]:
    path = _at("applications", case_id, "contract", "document")
    return bytes_of(f"{path}?of={quote(of, safe='')}" if of else path)


def signing_page(token: str) -> Call[v.SigningPage]:
    return reading(_at("signing", token), v.SigningPage)


def sign(token: str, signatory: str, capacity: str, authority: bytes | None) -> Call[v.SigningPage]:
    form = {"signatory": signatory, "capacity": capacity}
    files = None
    if authority is not None:
        files = {"authority": ("authority", authority, "application/octet-stream")}
    made: Call[v.SigningPage] = reading(_at("signing", token, "signature"), v.SigningPage)
    return Call("POST", made.path, made.read, form=form, files=files)


def refuse_to_sign(token: str, reason: str) -> Call[v.SigningPage]:
    return writing(_at("signing", token, "refusal"), v.SigningPage, {"reason": reason})


def conditions(case_id: str) -> Call[v.Items[v.Condition]]:
    return reading(_at("applications", case_id, "conditions"), v.Items[v.Condition])


def bring_evidence(
    case_id: str, code: str, evidence_hash: str, key: str | None
) -> Call[v.Condition]:
    path = _at("applications", case_id, "conditions", code, "evidence")
    return writing(path, v.Condition, {"evidence_hash": evidence_hash}, key=key)


def verify_condition(
    case_id: str, code: str, key: str | None, *, met: bool, note: str
) -> Call[v.Condition]:
    path = _at("applications", case_id, "conditions", code, "verification")
    return writing(path, v.Condition, {"met": met, "note": note}, key=key)


def issue_contract_again(case_id: str) -> Call[None]:
    return writing(_at("applications", case_id, "contract", "issue"), None, repeatable=False)


def signing_document(token: str) -> Call[bytes]:
    return bytes_of(_at("signing", token, "document"))


# ── lines and exposure ───────────────────────────────────────────────────────────────────────────


def lines_page(
    cursor: str | None, *, status: str | None, customer_id: str | None
) -> Call[v.Page[v.Line]]:
    return reading("/lines", v.Page[v.Line], cursor=cursor, status=status, customer_id=customer_id)


def line(line_id: str) -> Call[v.LineView]:
    return reading(_at("lines", line_id), v.LineView)


def line_cliffs(line_id: str, days: int) -> Call[v.LineCliffs]:
    return reading(_at("lines", line_id, "cliffs"), v.LineCliffs, days=days)


def cliffs(days: int, customer_id: str | None) -> Call[v.CliffBook]:
    return reading("/cliffs", v.CliffBook, days=days, customer_id=customer_id)


def entries_page(line_id: str, cursor: str | None) -> Call[v.Page[v.Entry]]:
    return reading(_at("lines", line_id, "entries"), v.Page[v.Entry], cursor=cursor, page_size=200)


# ── orders and holds ─────────────────────────────────────────────────────────────────────────────


def order(
    customer_id: str, content: v.OrderContent, key: str | None, *, quote_only: bool
) -> Call[v.OrderAnswer]:
    body = {"customer_id": customer_id, **content.model_dump(mode="json", exclude_none=True)}
    return writing("/orders/quotes" if quote_only else "/orders", v.OrderAnswer, body, key=key)


def act_on_order(order_id: str, act: str, content: object, key: str | None) -> Call[v.OrderAnswer]:
    return writing(_at("orders", order_id, act), v.OrderAnswer, content, key=key)


def orders_page(cursor: str | None, **filters: str | None) -> Call[v.Page[v.Order]]:
    return reading("/orders", v.Page[v.Order], cursor=cursor, **filters)


def order_counts(customer_id: str | None, line_id: str | None) -> Call[v.OrderCounts]:
    return reading("/orders/counts", v.OrderCounts, customer_id=customer_id, line_id=line_id)


def order_view(order_id: str) -> Call[v.OrderView]:
    return reading(_at("orders", order_id), v.OrderView)


def holds_page(cursor: str | None, **filters: Any) -> Call[v.Page[v.OrderHold]]:
    return reading("/holds", v.Page[v.OrderHold], cursor=cursor, **filters)


def hold_view(hold_id: str) -> Call[v.HoldView]:
    return reading(_at("holds", hold_id), v.HoldView)


def set_hold(
    holds: str, subject_id: str, reason_code: str, note: str, key: str | None
) -> Call[v.OrderHold]:
    body = {"holds": holds, "subject_id": subject_id, "reason_code": reason_code, "note": note}
    return writing("/holds", v.OrderHold, body, key=key)


def take_hold(hold_id: str, key: str | None) -> Call[v.OrderHold]:
    return writing(_at("holds", hold_id, "take"), v.OrderHold, key=key)


def lift_hold(hold_id: str, reason_code: str, note: str, key: str | None) -> Call[v.OrderHold]:
    body = {"reason_code": reason_code, "note": note}
    return writing(_at("holds", hold_id, "lift"), v.OrderHold, body, key=key)


def cure_hold(hold_id: str, kind: str, payment_no: str | None, key: str | None) -> Call[v.HoldView]:
    body = {"kind": kind, "payment_no": payment_no}
    return writing(_at("holds", hold_id, "cure"), v.HoldView, body, key=key)


def ask_release(
    hold_id: str, reason_code: str, note: str, content: Mapping[str, Any], key: str | None
) -> Call[v.HoldRelease]:
    body = {"reason_code": reason_code, "note": note, **content}
    return writing(_at("holds", hold_id, "releases"), v.HoldRelease, body, key=key)


def hold_release(release_id: str) -> Call[v.ReleaseView]:
    return reading(_at("hold-releases", release_id), v.ReleaseView)


def check(
    customer_id: str, amount: v.Money, key: str | None, terms: str | None, use: v.Use | None
) -> Call[v.Movement]:
    # A key here says "and reserve it": none may be made up.
    body = {
        "customer_id": customer_id,
        "amount": amount,
        "terms": terms,
        "use": use or v.Use(),
    }
    made: Call[v.Movement] = writing("/checks", v.Movement, body, key=key)
    if key is not None:
        return made
    headers = {"Content-Type": "application/json"}
    return Call(made.method, made.path, made.read, body=made.body, headers=headers)


def move(line_id: str, verb: str, content: Mapping[str, Any], key: str | None) -> Call[v.Movement]:
    return writing(_at("lines", line_id, verb), v.Movement, content, key=key)


def stand(
    line_id: str, verb: str, content: Mapping[str, Any], key: str | None
) -> Call[v.LineProgress]:
    return writing(_at("lines", line_id, verb), v.LineProgress, content, key=key)


def ask_review(line_id: str) -> Call[None]:
    return writing(_at("lines", line_id, "review"), None)


def verify_ledger() -> Call[v.Proof]:
    return writing("/ledger/verify", v.Proof)


def verify_ledger_on(place: Mapping[str, Any], seconds: float) -> Call[v.Verified]:
    return writing("/ledger/verify/step", v.Verified, {"place": place, "seconds": seconds})


def exchange_limit(
    line_id: str, source: str, target: str, amount: v.Money, key: str | None
) -> Call[v.Items[v.Balance]]:
    content = {"source": source, "target": target, "amount": amount}
    return writing(_at("lines", line_id, "exchange"), v.Items[v.Balance], content, key=key)


def balance(line_id: str, on: date, known_at: datetime | None) -> Call[v.AsOf]:
    return reading(_at("lines", line_id, "balance"), v.AsOf, on=on, known_at=known_at)


def reservations(line_id: str) -> Call[v.Items[v.Reservation]]:
    return reading(_at("lines", line_id, "reservations"), v.Items[v.Reservation])


def line_exposure(line_id: str) -> Call[v.LineExposure]:
    return reading(_at("lines", line_id, "exposure"), v.LineExposure)


def line_token(line_id: str, action: str) -> Call[v.Token]:
    return writing(_at("lines", line_id, "token"), v.Token, {"action": action})


# ── review, warning, collection, policy ──────────────────────────────────────────────────────────


def reviews_page(
    cursor: str | None, *, open_only: bool, customer_id: str | None
) -> Call[v.Page[v.Review]]:
    return reading(
        "/reviews",
        v.Page[v.Review],
        cursor=cursor,
        open_only=open_only or None,
        customer_id=customer_id,
    )


def warnings_page(
    cursor: str | None, *, status: str | None, level: str | None, customer_id: str | None
) -> Call[v.Page[v.RaisedWarning]]:
    return reading(
        "/warnings",
        v.Page[v.RaisedWarning],
        cursor=cursor,
        status=status,
        level=level,
        customer_id=customer_id,
    )


def look_at_book(customer_ids: Sequence[str]) -> Call[v.RunStarted]:
    return writing("/runs/monitoring", v.RunStarted, {"customer_ids": list(customer_ids)})


def monitoring_run(run_id: str) -> Call[v.MonitoringRun]:
    return reading(_at("runs", "monitoring", run_id), v.MonitoringRun)


def classify(as_of: date | None) -> Call[v.RunStarted]:
    return writing("/runs/classification", v.RunStarted, {"as_of": as_of})


def manual_classes(customer_id: str) -> Call[v.ManualClassView]:
    return reading(_at("customers", customer_id, "manual-classes"), v.ManualClassView)


def newest_manual_classes(page_size: int) -> Call[v.Items[v.ManualClass]]:
    return reading("/manual-classes", v.Items[v.ManualClass], page_size=page_size)


def set_class(
    customer_id: str,
    tier: str,
    reason: str,
    note: str,
    from_on: date,
    until_on: date,
    key: str | None,
) -> Call[v.ManualClass]:
    body = {
        "tier": tier,
        "reason": reason,
        "note": note,
        "from_on": from_on,
        "until_on": until_on,
    }
    path = _at("customers", customer_id, "manual-classes")
    return writing(path, v.ManualClass, body, key=key)


def decide_class(manual_id: str, verdict: str, note: str) -> Call[v.ManualClass]:
    body = {"verdict": verdict, "note": note}
    return writing(_at("manual-classes", manual_id, "decision"), v.ManualClass, body)


def take_class_back(manual_id: str, note: str) -> Call[v.ManualClass]:
    return writing(_at("manual-classes", manual_id, "reversal"), v.ManualClass, {"note": note})


def classification_runs(page_size: int) -> Call[v.Items[v.ClassificationRun]]:
    return reading("/runs/classification", v.Items[v.ClassificationRun], page_size=page_size)


def classification_run(run_id: str) -> Call[v.ClassificationRun]:
    return reading(_at("runs", "classification", run_id), v.ClassificationRun)


def classification_failures_page(
    cursor: str | None, run_id: str
) -> Call[v.Page[v.ClassificationFailure]]:
    path = _at("runs", "classification", run_id, "failures")
    return reading(path, v.Page[v.ClassificationFailure], cursor=cursor)


def classes_page(
    cursor: str | None, *, as_of: date | None, tier: str | None, stage: int | None
) -> Call[v.Page[v.ClassStanding]]:
    return reading(
        "/classes", v.Page[v.ClassStanding], cursor=cursor, as_of=as_of, tier=tier, stage=stage
    )


def class_figures(as_of: date | None) -> Call[v.ClassFigures]:
    return reading("/classes/figures", v.ClassFigures, as_of=as_of)


def customer_classes(customer_id: str) -> Call[v.CustomerClasses]:
    return reading(_at("customers", customer_id, "classes"), v.CustomerClasses)


def cohorts(by: str, as_of: date | None) -> Call[v.CohortTable]:
    return reading("/reports/cohorts", v.CohortTable, by=by, as_of=as_of)


def cohort_letters(
    by: str, as_of: date | None, month: str | None, key: str | None
) -> Call[v.Items[v.CohortLetter]]:
    return reading(
        "/reports/cohorts/letters",
        v.Items[v.CohortLetter],
        by=by,
        as_of=as_of,
        month=month,
        key=key,
    )


def case_clock(case_id: str, as_of: date | None) -> Call[v.CaseTime]:
    return reading(_at("applications", case_id, "clock"), v.CaseTime, as_of=as_of)


def turnaround(by: str, as_of: date | None, since: date | None) -> Call[v.TurnaroundTable]:
    return reading("/reports/turnaround", v.TurnaroundTable, by=by, as_of=as_of, since=since)


def late_tasks() -> Call[v.Items[v.TaskForecast]]:
    return reading("/reports/turnaround/late", v.Items[v.TaskForecast])


def event_log(form: str, since: date | None, until: date | None) -> Call[bytes]:
    given = {"format": form, "from": since, "until": until}
    query = {name: str(value) for name, value in given.items() if value is not None}
    return replace(bytes_of("/events"), query=query)


def collections_page(
    cursor: str | None, *, status: str | None, customer_id: str | None
) -> Call[v.Page[v.CollectionCase]]:
    return reading(
        "/collections",
        v.Page[v.CollectionCase],
        cursor=cursor,
        status=status,
        customer_id=customer_id,
    )


def promise(
    collection_id: str, promised_on: date, note: str, key: str | None
) -> Call[v.CollectionProgress]:
    body = {"promised_on": promised_on, "note": note}
    return writing(
        _at("collections", collection_id, "promise"), v.CollectionProgress, body, key=key
    )


def close_collection(
    collection_id: str, reason: str, key: str | None
) -> Call[v.CollectionProgress]:
    path = _at("collections", collection_id, "close")
    return writing(path, v.CollectionProgress, {"reason": reason}, key=key)


def tolerances(since: date | None, until: date | None) -> Call[v.TolerancesReport]:
    return reading("/reports/tolerances", v.TolerancesReport, since=since, until=until)


def splitting(as_of: date | None) -> Call[v.SplittingReport]:
    return reading("/reports/splitting", v.SplittingReport, as_of=as_of)


def above_eligible_page(
    cursor: str | None, *, since: date | None, until: date | None
) -> Call[v.Page[v.AboveEligibleGrant]]:
    return reading(
        "/reports/above-eligible",
        v.Page[v.AboveEligibleGrant],
        cursor=cursor,
        since=since,
        until=until,
    )


def against_opinion_page(
    cursor: str | None, *, since: date | None, until: date | None
) -> Call[v.Page[v.AgainstOpinion]]:
    return reading(
        "/reports/against-opinion",
        v.Page[v.AgainstOpinion],
        cursor=cursor,
        since=since,
        until=until,
    )


def related_page(cursor: str | None) -> Call[v.Page[v.RelatedStanding]]:
    return reading("/related-parties", v.Page[v.RelatedStanding], cursor=cursor)


def related(entry_id: str) -> Call[v.RelatedStanding]:
    return reading(_at("related-parties", entry_id), v.RelatedStanding)


def record_related(
    content: Mapping[str, Any], entry_id: str | None, key: str | None
) -> Call[v.RelatedStanding]:
    if entry_id is None:
        return writing("/related-parties", v.RelatedStanding, content, key=key)
    path = _at("related-parties", entry_id)
    return writing(path, v.RelatedStanding, content, key=key, method="PUT")


def check_related(
    entry_id: str, version: int, key: str | None, *, accepted: bool, note: str
) -> Call[v.RelatedStanding]:
    path = _at("related-parties", entry_id, "check")
    body = {"version": version, "accepted": accepted, "note": note}
    return writing(path, v.RelatedStanding, body, key=key)


def disclosure(as_of: date | None) -> Call[v.Disclosure]:
    return reading("/related-parties/disclosure", v.Disclosure, as_of=as_of)


def editions() -> Call[v.Items[v.PublishedEdition]]:
    return reading("/editions", v.Items[v.PublishedEdition])


def draft(toml: str, base_hash: str | None, key: str | None) -> Call[v.DraftView]:
    body = {"toml": toml, "base_hash": base_hash}
    return writing("/editions/drafts", v.DraftView, body, key=key)


def simulate(draft: str, most: int, key: str | None) -> Call[v.RecordedReport]:
    path = f"{_at('editions', 'drafts', draft, 'simulation')}?most={most}"
    return writing(path, v.RecordedReport, {}, key=key)


def publish(draft: str, note: str, key: str | None) -> Call[v.Published]:
    path = _at("editions", "drafts", draft, "publication")
    return writing(path, v.Published, {"note": note}, key=key)


def review(review_id: str) -> Call[v.ReviewView]:
    return reading(_at("reviews", review_id), v.ReviewView)


def reviews_of(line_id: str) -> Call[v.Items[v.Review]]:
    return reading(_at("lines", line_id, "reviews"), v.Items[v.Review])


def supplement_review(review_id: str) -> Call[v.Review]:
    return writing(_at("reviews", review_id, "supplemented"), v.Review)


def monitoring_runs(page_size: int) -> Call[v.Items[v.MonitoringRun]]:
    return reading("/runs/monitoring", v.Items[v.MonitoringRun], page_size=page_size)


def outlooks(edition_hash: str | None) -> Call[v.OutlookView]:
    return reading("/outlooks", v.OutlookView, edition=edition_hash)


def affected_page(industry: str, cursor: str | None) -> Call[v.Page[v.AffectedLine]]:
    return reading("/outlooks/lines", v.Page[v.AffectedLine], industry=industry, cursor=cursor)


def preview_rerating(industries: Sequence[str]) -> Call[v.RunStarted]:
    return writing("/runs/rerating", v.RunStarted, {"industries": list(industries)})


def reratings(page_size: int) -> Call[v.Items[v.Rerating]]:
    return reading("/runs/rerating", v.Items[v.Rerating], page_size=page_size)


def rerating(run_id: str) -> Call[v.Rerating]:
    return reading(_at("runs", "rerating", run_id), v.Rerating)


def rerating_effect(run_id: str) -> Call[v.RerateEffect]:
    return reading(_at("runs", "rerating", run_id, "effect"), v.RerateEffect)


def rerated_page(
    run_id: str, cursor: str | None, outcome: str | None, asks_review: bool | None
) -> Call[v.Page[v.Rerated]]:
    return reading(
        _at("runs", "rerating", run_id, "lines"),
        v.Page[v.Rerated],
        cursor=cursor,
        outcome=outcome,
        asks_review=asks_review,
    )


def rerating_preview(run_id: str) -> Call[bytes]:
    return bytes_of(_at("runs", "rerating", run_id, "preview"))


def apply_rerating(run_id: str, preview_hash: str) -> Call[v.RunStarted]:
    return writing(
        _at("runs", "rerating", run_id, "apply"), v.RunStarted, {"preview_hash": preview_hash}
    )


def collection(collection_id: str) -> Call[v.CollectionView]:
    return reading(_at("collections", collection_id), v.CollectionView)


def collection_token(collection_id: str) -> Call[v.Token]:
    return writing(_at("collections", collection_id, "token"), v.Token)


def edition_source(edition_hash: str) -> Call[str]:
    return text_of(_at("editions", edition_hash, "source"))


def check_edition(toml: str, base_hash: str | None) -> Call[v.CheckedEdition]:
    return writing("/editions/check", v.CheckedEdition, {"toml": toml, "base_hash": base_hash})


def compare_edition(
    toml: str, base_hash: str | None, against: str | None, against_toml: str | None
) -> Call[v.Compared]:
    body = {"toml": toml, "base_hash": base_hash, "against_toml": against_toml}
    path = f"/editions/diff?against={quote(against, safe='')}" if against else "/editions/diff"
    return writing(path, v.Compared, body)


def edition_schema() -> Call[Mapping[str, Any]]:
    return reading("/editions/schema", dict[str, Any])


def write_workbook(toml: str, base_hash: str | None) -> Call[bytes]:
    made: Call[bytes] = writing("/editions/xlsx", bytes, {"toml": toml, "base_hash": base_hash})
    return replace(made, read=bytes)


def read_workbook(content: bytes) -> Call[v.WorkbookRead]:
    return uploading(
        "/editions/from-xlsx", v.WorkbookRead, "edition.xlsx", content, "application/octet-stream"
    )


def drafts() -> Call[v.Items[v.DraftView]]:
    return reading("/editions/drafts", v.Items[v.DraftView])


def draft_view(draft: str) -> Call[v.DraftView]:
    return reading(_at("editions", "drafts", draft), v.DraftView)


def draft_source(draft: str) -> Call[str]:
    return text_of(_at("editions", "drafts", draft, "source"))


def draft_changes(draft: str) -> Call[v.Compared]:
    return reading(_at("editions", "drafts", draft, "diff"), v.Compared)


def simulation(draft: str) -> Call[v.RecordedReport]:
    return reading(_at("editions", "drafts", draft, "simulation"), v.RecordedReport)


def simulation_text(draft: str) -> Call[str]:
    return text_of(_at("editions", "drafts", draft, "simulation.md"))


def simulation_rows(draft: str) -> Call[str]:
    return text_of(_at("editions", "drafts", draft, "simulation.csv"))


def propose(draft: str) -> Call[v.DraftView]:
    return writing(_at("editions", "drafts", draft, "proposal"), v.DraftView)


# ── operations ───────────────────────────────────────────────────────────────────────────────────


def refusals_page(
    cursor: str | None, *, case_id: str | None, person_id: str | None
) -> Call[v.Page[v.Refusal]]:
    return reading("/refusals", v.Page[v.Refusal], cursor=cursor, case=case_id, person=person_id)


def outbox_page(
    cursor: str | None, *, channel: str | None, state: str | None
) -> Call[v.Page[v.Delivery]]:
    return reading("/outbox", v.Page[v.Delivery], cursor=cursor, channel=channel, state=state)


def verify_records() -> Call[v.AuditProof]:
    return writing("/audit/verify", v.AuditProof)


def audit_page(cursor: str | None, case_id: str | None) -> Call[v.Page[v.AuditEvent]]:
    return reading("/audit/events", v.Page[v.AuditEvent], cursor=cursor, case=case_id)


def resume_delivery(entry_no: int, key: str | None) -> Call[v.Delivery]:
    return writing(_at("outbox", str(entry_no), "resume"), v.Delivery, key=key)


def stuck(compare: bool) -> Call[v.StuckList]:
    return reading("/operations/stuck", v.StuckList, compare=compare)


def timeline(case_id: str) -> Call[v.Timeline]:
    return reading(_at("applications", case_id, "timeline"), v.Timeline)


def workflow(workflow_id: str) -> Call[v.WorkflowLook]:
    return reading("/operations/workflow", v.WorkflowLook, workflow_id=workflow_id)


def reset_plan(workflow_id: str, to: str) -> Call[v.ResetPlanned]:
    return reading("/operations/reset", v.ResetPlanned, workflow_id=workflow_id, to=to)


def repairs(workflow_id: str | None, waiting: bool) -> Call[v.Items[v.Repair]]:
    return reading("/repairs", v.Items[v.Repair], workflow_id=workflow_id, waiting=waiting)


def repair(repair_id: str) -> Call[v.Repair]:
    return reading(_at("repairs", repair_id), v.Repair)


def ask_repair(content: v.RepairContent, key: str | None) -> Call[v.Repair]:
    return writing("/repairs", v.Repair, content, key=key)


def decide_repair(repair_id: str, verdict: str, reason: str, key: str | None) -> Call[v.Repair]:
    body = {"verdict": verdict, "reason": reason}
    return writing(_at("repairs", repair_id, "decision"), v.Repair, body, key=key)


def mails(page_size: int) -> Call[v.Items[v.SentMail]]:
    return reading("/mails", v.Items[v.SentMail], page_size=page_size)


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────


def event_schemas() -> Call[v.Items[v.EventSchema]]:
    return reading("/webhooks/events", v.Items[v.EventSchema])


def webhooks() -> Call[v.Items[v.WebhookEndpoint]]:
    return reading("/webhooks", v.Items[v.WebhookEndpoint])


def webhook(endpoint_id: str) -> Call[v.WebhookEndpoint]:
    return reading(_at("webhooks", endpoint_id), v.WebhookEndpoint)


def record_webhook(url: str, kinds: Sequence[str], description: str) -> Call[v.WebhookEndpointMade]:
    # Each call makes another secret, so it must not be sent twice by itself.
    body = {"url": url, "kinds": kinds, "description": description}
    return writing("/webhooks", v.WebhookEndpointMade, body, repeatable=False)


def change_webhook(
    endpoint_id: str, url: str, kinds: Sequence[str], description: str, key: str | None
) -> Call[v.WebhookEndpoint]:
    body = {"url": url, "kinds": kinds, "description": description}
    return writing(_at("webhooks", endpoint_id), v.WebhookEndpoint, body, key=key)


def set_webhook_status(endpoint_id: str, status: str, key: str | None) -> Call[v.WebhookEndpoint]:
    path = _at("webhooks", endpoint_id, "status")
    return writing(path, v.WebhookEndpoint, {"status": status}, key=key)


def rotate_webhook_secret(endpoint_id: str, hours: int) -> Call[v.WebhookSecret]:
    path = _at("webhooks", endpoint_id, "secrets")
    return writing(path, v.WebhookSecret, {"hours": hours}, repeatable=False)


def send_test_event(endpoint_id: str, key: str | None) -> Call[v.WebhookEndpoint]:
    return writing(_at("webhooks", endpoint_id, "test"), v.WebhookEndpoint, key=key)


def webhook_deliveries_page(
    cursor: str | None, **filters: object
) -> Call[v.Page[v.WebhookDelivery]]:
    return reading("/webhooks/deliveries", v.Page[v.WebhookDelivery], cursor=cursor, **filters)


def webhook_changes_page(cursor: str | None, owner_id: str | None) -> Call[v.Page[v.WebhookChange]]:
    return reading("/webhooks/changes", v.Page[v.WebhookChange], cursor=cursor, of=owner_id)


def webhook_log(delivery_no: int) -> Call[v.WebhookLog]:
    return reading(_at("webhooks", "deliveries", str(delivery_no)), v.WebhookLog)


def redeliver(delivery_no: int, key: str | None) -> Call[v.WebhookDelivery]:
    path = _at("webhooks", "deliveries", str(delivery_no), "redelivery")
    return writing(path, v.WebhookDelivery, key=key)


def redeliver_range(
    endpoint_id: str, since: datetime, until: datetime, undelivered_only: bool, key: str | None
) -> Call[v.Redelivered]:
    body = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "undelivered_only": undelivered_only,
    }
    return writing(_at("webhooks", endpoint_id, "redeliveries"), v.Redelivered, body, key=key)


def hook_sources() -> Call[v.Items[v.HookSource]]:
    return reading("/hook-sources", v.Items[v.HookSource])


def record_hook_source(source_id: str, person_id: str, description: str) -> Call[v.HookSourceMade]:
    body = {"source_id": source_id, "person_id": person_id, "description": description}
    return writing("/hook-sources", v.HookSourceMade, body, repeatable=False)


def rotate_hook_secret(source_id: str, hours: int) -> Call[v.WebhookSecret]:
    path = _at("hook-sources", source_id, "secrets")
    return writing(path, v.WebhookSecret, {"hours": hours}, repeatable=False)


def set_hook_source_status(source_id: str, status: str, key: str | None) -> Call[v.HookSource]:
    path = _at("hook-sources", source_id, "status")
    return writing(path, v.HookSource, {"status": status}, key=key)
