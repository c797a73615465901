"""Which uses policy marks, who decides on one, and what its release review takes for shown."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.approval import StepMode
from domain.contract import Contract, ContractStatus
from domain.cover import CoverContent, CoverKind
from domain.edition import ApprovalStep, PolicyEdition, UseRow
from domain.errors import EditionInvalid
from domain.line import ConditionPrecedent, ConditionStatus, CreditLine, LineStatus
from domain.use import ReleaseCheck, ReleaseItem, UseRequest
from policies.edition import check
from policies.use import marked, on_record, reviewed, route_of_use, rows_for
from tests.makers_line import NOW, TODAY, a_letter, a_line, cny
from tests.makers_policy import a_changed_edition, an_edition

LOAN, ACCEPTANCE = "working_capital_loan", "bank_acceptance"
HASH = "a" * 64


def a_row(code: str = "row", **fields: Any) -> UseRow:
    return UseRow.model_validate({"code": code, **fields})


def a_use(**fields: Any) -> UseRequest:
    return UseRequest.model_validate(
        {
            "product": ACCEPTANCE,
            "amount": cny(10_000_000),
            "deposit": cny(3_000_000),
            "purpose": "steel for the orders of the year",
            "payee": "Example Steel Co., Ltd.",
            "use_id": "use-1",
            "line_id": "line-1",
            "customer_id": "customer-1",
            "exposure": cny(7_000_000),
            "row": "acceptance",
            "review": tuple(ReleaseItem),
            "edition_hash": "e" * 64,
            "wait_until": NOW + timedelta(days=15),
            "asked_by": "manager",
            "asked_at": NOW,
            "asked_on": TODAY,
            **fields,
        }
    )


def standard_row(product: str, amount: int | str, edition: PolicyEdition) -> str | None:
    row = marked(rows_for(product, edition), cny(amount), first=False)
    return row.code if row is not None else None


# ── which uses ───────────────────────────────────────────────────────────────────────────────────


def test_the_standard_edition_marks_large_loans_every_acceptance_and_nothing_else() -> None:
    edition = an_edition()

    assert standard_row(LOAN, "4999999.99", edition) is None
    assert standard_row(LOAN, 5_000_000, edition) == "large_loan"
    assert standard_row(ACCEPTANCE, "0.01", edition) == "acceptance"
    others = edition.limit.products.keys() - {LOAN, ACCEPTANCE}
    assert others
    assert {standard_row(each, 10**9, edition) for each in others} == {None}


def test_a_first_use_is_marked_as_long_as_nothing_was_used() -> None:
    rows = (a_row("first", first_use=True), a_row("large", from_amount=100))

    def code(amount: int, *, first: bool) -> str | None:
        row = marked(rows, cny(amount), first=first)
        return row.code if row is not None else None

    assert [code(99, first=True), code(99, first=False)] == ["first", None]
    assert code(100, first=False) == "large"


def test_a_row_of_no_product_is_of_every_product() -> None:
    edition = a_changed_edition('[uses]\nrows = [{ code = "all", from_amount = 7 }]\n')

    assert standard_row("factoring", 7, edition) == "all"
    assert standard_row("factoring", 6, edition) is None


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('[{ code = "a", products = ["barter"] }]', "unknown"),
        ('[{ code = "a", from_amount = 1 }, { code = "a" }]', "repeated"),
        ('[{ code = "a" }, { code = "b", products = ["factoring"] }]', "overlap"),
        (
            '[{ code = "a", step = { tier = "clan", mode = "one", positions = ["x"] } }]',
            "unknown",
        ),
    ],
)
def test_rows_that_cannot_hold_are_found_before_they_are_published(rows: str, code: str) -> None:
    assert code in {each.code for each in check(a_changed_edition(f"[uses]\nrows = {rows}\n"))}


def test_a_wait_has_an_end() -> None:
    with pytest.raises(EditionInvalid):
        a_changed_edition("[uses]\nwait_days = 0\n")


# ── who decides ──────────────────────────────────────────────────────────────────────────────────


def test_who_decides_goes_by_the_amount_by_name_and_the_grade() -> None:
    edition = an_edition()
    use, row = a_use(), a_row()

    low = route_of_use(use, row, cny(10_000_000), "BBB", edition)
    high = route_of_use(use, row, cny("10000000.01"), "BBB", edition)

    assert (low.row, high.row) == ("sound_branch", "sound_region")
    assert low.aggregate == cny(10_000_000)


def test_a_row_may_name_a_body_of_its_own() -> None:
    step = ApprovalStep(tier="head", mode=StepMode.ALL, positions=("head_one", "head_two"))

    route = route_of_use(a_use(), a_row("own", step=step), cny(1), "BBB", an_edition())

    assert route.row == "own"
    assert [each.positions for each in route.steps] == [("head_one", "head_two")]


# ── the release review ───────────────────────────────────────────────────────────────────────────


def a_contract(status: ContractStatus = ContractStatus.SIGNED) -> Contract:
    letter = a_letter()
    return Contract(
        contract_id=letter.case_id,
        case_id=letter.case_id,
        letter_no=letter.letter_no,
        terms=letter.terms,  # type: ignore[arg-type]
        status=status,
        document_hash=HASH,
        signed_hash=HASH,
        sent_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )


def a_cover(ends_on: date | None = None) -> CoverContent:
    return CoverContent(
        kind=CoverKind.PLEDGE, owner="party-1", value=cny(1), source="register", ends_on=ends_on
    )


def open_items(
    line: CreditLine | None = None,
    contract: Contract | None = None,
    conditions: tuple[ConditionPrecedent, ...] = (),
    covers: tuple[tuple[str, CoverContent | None, bool], ...] = (),
    on: date = TODAY,
) -> set[str]:
    shown = on_record(
        a_use(),
        line or a_line(a_letter()),
        contract or a_contract(),
        conditions,
        covers,
        on,
    )
    return {each.item.value for each in shown if not each.held}


def test_records_that_hold_leave_nothing_open() -> None:
    met = ConditionPrecedent(case_id="c", code="x", owner="m", status=ConditionStatus.MET)

    assert open_items(conditions=(met,), covers=(("cover-1", a_cover(), False),)) == set()


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        ({"contract": a_contract(ContractStatus.SENT)}, "contract"),
        ({"line": a_line(a_letter(), status=LineStatus.FROZEN)}, "contract"),
        ({"on": date(2027, 1, 31)}, "contract"),
        ({"on": date(2026, 3, 1)}, "contract"),
        ({"conditions": (ConditionPrecedent(case_id="c", code="x", owner="m"),)}, "conditions"),
        ({"covers": (("cover-1", a_cover(), True),)}, "cover"),
        ({"covers": (("cover-1", None, False),)}, "cover"),
        ({"covers": (("cover-1", a_cover(date(2026, 3, 1)), False),)}, "cover"),
    ],
)
def test_what_the_records_do_not_show_is_open(fields: dict[str, Any], item: str) -> None:
    assert open_items(**fields) == {item}


def held(*brought: ReleaseCheck, use: UseRequest | None = None, shown: bool = True) -> set[str]:
    request = use or a_use()
    records = [
        ReleaseCheck(item=item, held=shown)
        for item in (ReleaseItem.CONTRACT, ReleaseItem.CONDITIONS, ReleaseItem.COVER)
    ]
    return {each.item.value for each in reviewed(request, records, brought) if each.held}


def seen(item: str, evidence: str = "", evidence_hash: str | None = None) -> ReleaseCheck:
    return ReleaseCheck.model_validate(
        {"item": item, "held": True, "evidence": evidence, "evidence_hash": evidence_hash}
    )


def test_each_item_is_seen_by_whoever_releases_and_evidenced() -> None:
    assert held() == set()
    assert held(seen("contract")) == {"contract"}
    assert held(seen("contract"), shown=False) == set()
    assert held(seen("purpose"), seen("payee"), seen("deposit")) == set()
    assert held(seen("purpose", "in the drawer")) == set()  # a purpose is evidenced by a file
    assert held(seen("purpose", "", HASH)) == {"purpose"}
    assert held(seen("purpose"), use=a_use(evidence_hash=HASH)) == {"purpose"}
    assert held(seen("payee", "contract of sale 7"), seen("deposit", "receipt 12")) == {
        "payee",
        "deposit",
    }


def test_without_a_deposit_none_is_asked_for() -> None:
    assert held(use=a_use(deposit=None)) == {"deposit"}


def test_a_word_of_whoever_releases_may_still_say_no() -> None:
    said = ReleaseCheck(item=ReleaseItem.CONTRACT, held=False, evidence="another signatory")

    assert held(said) == set()
