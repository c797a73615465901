"""Every request of the API as a `Call`: where it goes and what its answer is.

One function each, so that `Client` and `AsyncClient` cannot say different things.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from creditflow.client import values as v
from creditflow.client.calls import Call, bytes_of, reading, uploading, writing


def _at(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


# ── oneself ──────────────────────────────────────────────────────────────────────────────────────


def me() -> Call[v.Me]:
    return reading("/me", v.Me)


def issue_key(person_id: str, label: str) -> Call[v.KeyIssued]:
    # Each call makes another key, so it must not be sent twice by itself.
    made: Call[v.KeyIssued] = writing(
        _at("persons", person_id, "keys"), v.KeyIssued, {"label": label}
    )
    return Call(
        made.method, made.path, made.read, body=made.body, headers=made.headers, repeatable=False
    )


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


# ── applications and approval ────────────────────────────────────────────────────────────────────


def submit(application: v.Application, key: str | None) -> Call[v.Submitted]:
    return writing("/applications", v.Submitted, application, key=key)


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


def figures() -> Call[v.Figures]:
    return reading("/figures", v.Figures)


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
) -> Call[v.Decided]:
    body = {
        "verdict": verdict,
        "note": note,
        "fields_wanted": list(fields_wanted),
        "limit": limit,
        "content_hash": content_hash,
    }
    return writing(_at("tasks", task_id, "decision"), v.Decided, body, key=key)


def task_token(task_id: str) -> Call[v.Token]:
    return writing(_at("tasks", task_id, "token"), v.Token)


def case_token(case_id: str) -> Call[v.Token]:
    return writing(_at("applications", case_id, "token"), v.Token)


def letter(letter_no: str) -> Call[v.Letter]:
    return reading(_at("letters", letter_no), v.Letter)


def letter_document(letter_no: str) -> Call[bytes]:
    return bytes_of(_at("letters", letter_no, "document"))


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


# ── lines and exposure ───────────────────────────────────────────────────────────────────────────


def lines_page(
    cursor: str | None, *, status: str | None, customer_id: str | None
) -> Call[v.Page[v.Line]]:
    return reading("/lines", v.Page[v.Line], cursor=cursor, status=status, customer_id=customer_id)


def line(line_id: str) -> Call[v.LineView]:
    return reading(_at("lines", line_id), v.LineView)


def entries_page(line_id: str, cursor: str | None) -> Call[v.Page[v.Entry]]:
    return reading(_at("lines", line_id, "entries"), v.Page[v.Entry], cursor=cursor, page_size=200)


def check(
    customer_id: str, amount: v.Money, key: str | None, terms: str | None
) -> Call[v.Movement]:
    # A key here says "and reserve it": none may be made up.
    body = {"customer_id": customer_id, "amount": amount, "terms": terms}
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
