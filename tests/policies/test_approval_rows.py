"""The approval table over every dimension: total, by hand the same, and a cent to either side."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.application import ApplicationType
from domain.approval import StepMode
from domain.assessment import Dossier, PolicyException, RequestBeside
from domain.cover import Cover, CoverClass, CoverKind
from domain.edition import ApprovalRow, ApprovalStep, PolicyEdition
from domain.money import Money
from policies.authority import tier_moves
from policies.cover import class_of
from policies.edition import check
from policies.related import RELATED
from policies.routing import PRICE_EXCEPTION, facts_of, steps_for
from tests.makers_policy import (
    a_change,
    a_changed_edition,
    a_customer,
    a_dossier,
    an_application,
    an_edition,
    cny,
    judged,
    some_payments,
)

CENT = cny("0.01")
GRADES = an_edition().grades
PRODUCTS = tuple(an_edition().limit.products)
TIERS = ("branch", "region", "head")
CLASS_OF = {
    CoverKind.DEPOSIT: CoverClass.LOW_RISK,
    CoverKind.PLEDGE: CoverClass.COLLATERAL,
    CoverKind.MORTGAGE: CoverClass.COLLATERAL,
    CoverKind.GUARANTEE: CoverClass.GUARANTEE,
    CoverKind.INSURANCE: CoverClass.GUARANTEE,
    CoverKind.CREDIT_INSURANCE: CoverClass.GUARANTEE,
}
CATEGORIES: dict[str, tuple[str, ...]] = {
    "covers": tuple(CoverClass),
    "products": PRODUCTS,
    "application_types": tuple(ApplicationType),
}
FLAGS = ("exception", "price_exception", "related")
FACT_OF = {"covers": "cover", "products": "product", "application_types": "application_type"}


# ── drawn tables ─────────────────────────────────────────────────────────────────────────────────

Piece = dict[str, Any]


def with_rows(rows: tuple[ApprovalRow, ...]) -> PolicyEdition:
    """The standard edition with these rows, cover classified and no other body for related parties."""
    edition = an_edition()
    by_cover = any(row.covers for row in rows)
    covers = {
        kind: rule.model_copy(update={"counts_as": CLASS_OF[kind] if by_cover else None})
        for kind, rule in edition.limit.covers.items()
    }
    return edition.model_copy(
        update={
            "approval": edition.approval.model_copy(update={"rows": rows}),
            "limit": edition.limit.model_copy(update={"covers": covers}),
            "related": edition.related.model_copy(update={"body": None}),
        }
    )


def _split(draw: st.DrawFn, piece: Piece) -> tuple[Piece, Piece] | None:
    """Two pieces that are the whole of one, parted along one dimension."""
    along = draw(st.sampled_from(["grades", *["amount"] * 4, *CATEGORIES, *FLAGS]))
    if along == "amount":
        low, high = piece["above"], piece["up_to"]
        most = 200_000_000 if high is None else int(high) - 1
        if most <= low:
            return None
        cut = Decimal(draw(st.integers(int(low) + 1, most)))
        return piece | {"up_to": cut}, piece | {"above": cut}
    if along in FLAGS:
        if piece.get(along) is not None:
            return None
        return piece | {along: False}, piece | {along: True}
    whole = piece.get(along) or CATEGORIES[along]
    if len(whole) < 2:
        return None
    place = draw(st.integers(1, len(whole) - 1))
    return piece | {along: whole[:place]}, piece | {along: whole[place:]}


@st.composite
def partitions(draw: st.DrawFn) -> tuple[ApprovalRow, ...]:
    """Rows that hold for every case exactly once, made by parting one that holds for all."""
    pieces: list[Piece] = [{"grades": GRADES, "above": Decimal(0), "up_to": None}]
    for _ in range(draw(st.integers(1, 7))):
        place = draw(st.integers(0, len(pieces) - 1))
        parted = _split(draw, pieces[place])
        if parted is not None:
            pieces[place : place + 1] = parted
    return tuple(
        ApprovalRow.model_validate({"code": f"row_{n}", "steps": (_step(draw),), **piece})
        for n, piece in enumerate(draw(st.permutations(pieces)))
    )


def _step(draw: st.DrawFn) -> ApprovalStep:
    tier = draw(st.sampled_from(TIERS))
    return ApprovalStep(tier=tier, mode=StepMode.ONE, positions=(f"{tier}_head",))


cases = st.fixed_dictionaries(
    {
        "cover": st.sampled_from([each.value for each in CoverClass]),
        "product": st.sampled_from(PRODUCTS),
        "application_type": st.sampled_from([each.value for each in ApplicationType]),
        **dict.fromkeys(FLAGS, st.sampled_from(["no", "yes"])),
    }
)


def by_hand(
    rows: tuple[ApprovalRow, ...], aggregate: Decimal, grade: str, facts: Mapping[str, str]
) -> list[ApprovalRow]:
    """Every row whose every word fits, as somebody with the table on paper would find it."""
    found = []
    for row in rows:
        fits = grade in row.grades and row.above < aggregate
        fits = fits and (row.up_to is None or aggregate <= row.up_to)
        for name, fact in FACT_OF.items():
            fits = fits and (not getattr(row, name) or facts[fact] in getattr(row, name))
        for name in FLAGS:
            held = getattr(row, name)
            fits = fits and (held is None or held == (facts[name] == "yes"))
        if fits:
            found.append(row)
    return found


def level(row: ApprovalRow) -> int:
    return TIERS.index(row.steps[0].tier)


# ── total, over every dimension ──────────────────────────────────────────────────────────────────


def codes(edition: PolicyEdition) -> set[str]:
    return {each.code for each in check(edition) if each.path == "approval.rows"}


@settings(max_examples=60, deadline=None)
@given(partitions(), st.data())
def test_a_table_parted_along_any_dimensions_is_total_and_less_or_more_of_it_is_not(
    rows: tuple[ApprovalRow, ...], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    twice = rows[place].model_copy(update={"code": "again"})

    assert codes(with_rows(rows)) == set()
    assert "overlap" in codes(with_rows((*rows, twice)))
    if len(rows) > 1:
        assert "gap" in codes(with_rows(rows[:place] + rows[place + 1 :]))


def test_a_gap_is_named_with_every_dimension_that_rows_ask_about() -> None:
    first, *others = an_edition().approval.rows
    only = first.model_copy(update={"covers": (CoverClass.LOW_RISK,), "related": False})

    [said] = {
        finding.facts["where"]
        for finding in check(with_rows((only, *others)))
        if finding.code == "gap" and "grade=AAA" in finding.facts["where"]
        and "cover=unsecured" in finding.facts["where"]
        and "related=no" in finding.facts["where"]
        and "2000000" in finding.facts["where"].split(",")[0].split(" to ")[0]
    }  # fmt: skip

    assert said == "aggregate=2000000 to 10000000, grade=AAA, cover=unsecured, related=no"


def test_what_is_more_to_be_afraid_of_never_asks_a_lower_tier() -> None:
    first, *others = an_edition().approval.rows
    head = an_edition().approval.rows[2].steps
    wrong: dict[str, tuple[Any, Any]] = {
        "covers": ((CoverClass.LOW_RISK, CoverClass.COLLATERAL),
                   (CoverClass.GUARANTEE, CoverClass.UNSECURED)),
        "exception": (False, True),
        "price_exception": (False, True),
        "related": (False, True),
    }  # fmt: skip
    for name, (safer, worse) in wrong.items():
        falling = (
            first.model_copy(update={name: safer, "steps": head}),
            first.model_copy(update={name: worse, "code": "fallen"}),
        )
        rising = (
            first.model_copy(update={name: safer}),
            # By amount too nothing may fall: who is asked for the worse is asked by the region.
            first.model_copy(
                update={name: worse, "code": "risen", "steps": an_edition().approval.rows[1].steps}
            ),
        )
        found = {(each.path, each.code) for each in check(with_rows((*falling, *others)))}
        assert ("approval.rows.fallen", "order") in found, name
        assert check(with_rows((*rising, *others))) == [], name


def test_rows_name_products_that_exist_and_cover_that_is_classified() -> None:
    first, *others = an_edition().approval.rows
    parted = (
        first.model_copy(update={"products": ("moon_loan",)}),
        first.model_copy(update={"code": "rest", "products": PRODUCTS}),
    )
    found = {(each.path, each.code) for each in check(with_rows((*parted, *others)))}
    assert ("approval.rows", "unknown") in found

    by_cover = (
        first.model_copy(update={"covers": (CoverClass.LOW_RISK,)}),
        first.model_copy(update={"code": "rest", "covers": tuple(CoverClass)[1:]}),
    )
    classified = with_rows((*by_cover, *others))
    assert check(classified) == []
    plain = classified.model_copy(update={"limit": an_edition().limit})
    assert ("limit.covers.deposit.counts_as", "incomplete") in {
        (each.path, each.code) for each in check(plain)
    }
    idle = an_edition().model_copy(update={"limit": classified.limit})
    assert {each.code for each in check(idle)} == {"unread"}


def test_a_row_for_related_parties_is_not_read_where_they_have_their_own_body() -> None:
    first, *others = an_edition().approval.rows
    parted = (
        first.model_copy(update={"related": False}),
        first.model_copy(update={"code": "theirs", "related": True}),
    )
    edition = with_rows((*parted, *others))
    assert check(edition) == []
    both = edition.model_copy(update={"related": an_edition().related})
    assert {(each.path, each.code) for each in check(both)} == {
        (f"approval.rows.{row.code}.related", "unread") for row in parted
    }


# ── which row ────────────────────────────────────────────────────────────────────────────────────


def bounds(edition: PolicyEdition) -> list[Decimal]:
    rows = edition.approval.rows
    return sorted({each for row in rows for each in (row.above, row.up_to) if each})


def around(edition: PolicyEdition) -> list[Decimal]:
    """A cent under, at, and a cent over every threshold of an edition, and the ends."""
    found = [Decimal("0.01"), Decimal(10) ** 13]
    for bound in bounds(edition):
        found += [bound - CENT.amount, bound, bound + CENT.amount]
    return found


@settings(max_examples=80, deadline=None)
@given(partitions(), cases, st.sampled_from(GRADES))
def test_a_cent_to_either_side_of_every_threshold_the_table_says_who(
    rows: tuple[ApprovalRow, ...], facts: dict[str, str], grade: str
) -> None:
    edition = with_rows(rows)
    for aggregate in around(edition):
        [wanted] = by_hand(rows, aggregate, grade, facts)
        code, steps, ends = steps_for(Money.of(aggregate, "CNY"), grade, edition, facts)
        assert code == wanted.code
        assert [step.positions for step in steps] == [step.positions for step in wanted.steps]
        assert (None if ends is None else ends.amount) == wanted.up_to


@settings(max_examples=60, deadline=None)
@given(partitions(), cases, st.sampled_from(GRADES), st.data())
def test_where_a_fact_is_not_known_the_highest_row_that_may_hold_is_asked(
    rows: tuple[ApprovalRow, ...], facts: dict[str, str], grade: str, data: st.DataObject
) -> None:
    edition, unknown = with_rows(rows), data.draw(st.sets(st.sampled_from(sorted(facts))))
    known = {name: value for name, value in facts.items() if name not in unknown}
    for aggregate in around(edition):
        _, steps, _ = steps_for(Money.of(aggregate, "CNY"), grade, edition, known)
        [real] = by_hand(rows, aggregate, grade, facts)
        assert max(step.tier for step in steps) >= level(real) + 1


# ── the same request, however it comes to its sum ────────────────────────────────────────────────

_WEAK = some_payments(
    paid_late_share=Decimal("0.6"), days_late_mean=Decimal(31), days_past_due_max=20
)
WAYS = ("alone", "own", "group", "beside", "all")


def reaching(total: Money, way: str, **changed: Any) -> Dossier:
    """A dossier whose group would have this total, by one request or by several."""
    part = Money(minor=total.minor // 4, currency="CNY")
    if way == "alone":
        return a_dossier(application=an_application(total), **changed)
    held = part if way in ("own", "all") else cny(0)
    group = part + held if way in ("group", "all") else held
    waiting: tuple[RequestBeside, ...] = ()
    if way in ("beside", "all"):
        waiting = (RequestBeside(case_id="case-9", customer_id="c-9", limit=part),)
    rest = total - group - (part if waiting else cny(0))
    return a_dossier(
        application=an_application(rest),
        own_limits=held,
        group_limits=group,
        requests_beside=waiting,
        **changed,
    )


@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_requests_of_one_ring_route_as_their_sum_at_every_threshold_of_the_standard_edition(
    way: str, weak: bool
) -> None:
    """The company is large enough that all is granted; the daily volume plays no part in a row."""
    edition = a_changed_edition(
        "[approval.automatic]\nenabled = false\n[limit]\ncapital_net = 1000000000000\n"
        "[limit.methods.net_worth]\nfigure = 'equity'\nmissing = 'zero'\n"
        "share = { AAA = 1000, AA = 1000, A = 1000, BBB = 1000, BB = 1000, B = 1000, CCC = 0, D = 0 }\n"
        "[limit.grade_cap]\nAAA = 9000000000\nAA = 9000000000\nA = 9000000000\nBBB = 9000000000\n"
        "BB = 9000000000\nB = 9000000000\n"
        "[limit.products.open_account]\nmethods = ['net_worth']\ncombine = 'minimum'\n"
    )  # fmt: skip
    changed = {"payments": _WEAK} if weak else {}
    for bound in bounds(edition):
        for total in (cny(bound) - CENT, cny(bound), cny(bound) + CENT):
            receipt = judged(reaching(total, way, **changed), edition)
            assert receipt.route.aggregate == total
            [wanted] = by_hand(edition.approval.rows, total.amount, receipt.rating.grade, {})
            assert receipt.route.row == wanted.code
            assert (receipt.rating.grade in ("BB", "B")) is weak


# ── the facts of a case ──────────────────────────────────────────────────────────────────────────


def cover(number: int, kind: CoverKind, worth: int) -> Cover:
    return Cover(
        cover_id=f"cover-{number}", kind=kind, value=cny(worth), valued_on=a_dossier().business_on
    )


def classified() -> PolicyEdition:
    rows = an_edition().approval.rows
    by_cover = tuple(
        made
        for row in rows
        for made in (
            row.model_copy(update={"covers": (CoverClass.LOW_RISK,), "code": f"safe_{row.code}"}),
            row.model_copy(update={"covers": tuple(CoverClass)[1:]}),
        )
    )
    return with_rows(by_cover)


@pytest.mark.parametrize(
    ("covers", "limit", "found"),
    [
        ((), "1000000", CoverClass.UNSECURED),
        (((CoverKind.DEPOSIT, 1_000_000),), "1000000", CoverClass.LOW_RISK),
        (((CoverKind.DEPOSIT, 1_000_000),), "1000000.01", CoverClass.UNSECURED),
        # A pledge counts for nine tenths, a mortgage for six.
        (((CoverKind.PLEDGE, 1_000_000),), "900000", CoverClass.COLLATERAL),
        (((CoverKind.PLEDGE, 1_000_000),), "900000.01", CoverClass.UNSECURED),
        (
            ((CoverKind.DEPOSIT, 400_000), (CoverKind.MORTGAGE, 1_000_000)),
            "1000000",
            CoverClass.COLLATERAL,
        ),
        (
            ((CoverKind.DEPOSIT, 400_000), (CoverKind.GUARANTEE, 1_200_000)),
            "1000000",
            CoverClass.GUARANTEE,
        ),
        (
            ((CoverKind.DEPOSIT, 400_000), (CoverKind.GUARANTEE, 1_200_000)),
            "400000",
            CoverClass.LOW_RISK,
        ),
    ],
)  # fmt: skip
def test_a_limit_is_of_the_safest_class_that_carries_all_of_it(
    covers: tuple[tuple[CoverKind, int], ...], limit: str, found: CoverClass
) -> None:
    dossier = a_dossier(covers=tuple(cover(n, *each) for n, each in enumerate(covers)))
    assert class_of(dossier, cny(limit), classified()) is found


kinds = st.lists(st.tuples(st.sampled_from(list(CoverKind)), st.integers(1, 2_000_000)), max_size=5)


@given(
    kinds, st.sampled_from(list(CoverKind)), st.integers(1, 2_000_000), st.integers(1, 3 * 10**8)
)
def test_more_cover_or_a_smaller_limit_is_never_of_a_worse_class(
    held: list[tuple[CoverKind, int]], kind: CoverKind, worth: int, minor: int
) -> None:
    order, edition = list(CoverClass), classified()
    covers = tuple(cover(n, *each) for n, each in enumerate(held))
    limit = Money(minor=minor, currency="CNY")
    here = order.index(class_of(a_dossier(covers=covers), limit, edition))
    more = class_of(a_dossier(covers=(*covers, cover(99, kind, worth))), limit, edition)
    less = class_of(a_dossier(covers=covers), Money(minor=minor // 2 + 1, currency="CNY"), edition)

    assert order.index(more) <= here
    assert order.index(less) <= here or minor == 1


def test_a_route_keeps_the_row_and_each_fact_that_rows_ask_about_and_no_other() -> None:
    secured = a_dossier(
        application=an_application(cny(5_000_000), product="open_account"),
        covers=(cover(1, CoverKind.DEPOSIT, 5_000_000),),
    )
    plain = judged(secured).route
    by_cover = judged(secured, classified()).route

    assert (plain.row, plain.facts) == ("sound_branch", {})
    assert (by_cover.row, by_cover.facts) == ("safe_sound_branch", {"cover": "low_risk"})


def test_every_fact_is_told_of_the_case_as_it_is() -> None:
    asking = {
        "covers": tuple(CoverClass), "products": PRODUCTS,
        "application_types": tuple(ApplicationType),
        "exception": False, "price_exception": False, "related": False,
    }  # fmt: skip
    edition = with_rows((an_edition().approval.rows[0].model_copy(update=asking),))
    dossier = a_dossier(
        application=a_change(ApplicationType.INCREASE, cny(900_000), product="prepayment"),
        customer=a_customer(related_to_grantor=True),
        own_limits=cny(800_000),
    )
    passed = PolicyException(
        code="x", before=cny(0), after=cny(2), cap=cny(1), share_before=Decimal(0),
        share_after=Decimal(2), share_max=Decimal(1),
    )  # fmt: skip
    price = judged().price

    assert facts_of(dossier, price, cny(900_000), (passed,), edition) == {
        "cover": "unsecured",
        "product": "prepayment",
        "application_type": "increase",
        "exception": "yes",
        "price_exception": "no",
        "related": "yes",
    }
    below = price.model_copy(update={"below_minimum": True})
    assert facts_of(dossier, below, cny(900_000), (), edition)["price_exception"] == "yes"
    assert facts_of(dossier, below, cny(900_000), (), edition)["exception"] == "no"


def test_a_price_below_the_minimum_goes_before_the_rows_that_ask_about_it() -> None:
    cheap = "[price]\nrate_max = 0.025"
    assert judged(edition=a_changed_edition(cheap)).route.row == PRICE_EXCEPTION
    first, second, *others = an_edition().approval.rows
    rows = (
        first.model_copy(update={"price_exception": False}),
        first.model_copy(
            update={"price_exception": True, "code": "cheap_region", "steps": second.steps}
        ),
        second,
        *others,
    )
    edition = with_rows(rows)
    price = edition.price.model_copy(update={"rate_max": Decimal("0.025")})
    route = judged(edition=edition.model_copy(update={"price": price})).route

    assert check(edition) == []
    assert (route.row, route.facts) == ("cheap_region", {"price_exception": "yes"})
    assert "price_below_minimum" in route.reasons


def test_a_related_party_goes_by_a_row_where_it_has_no_body_of_its_own() -> None:
    first, second, *others = an_edition().approval.rows
    rows = (
        first.model_copy(update={"related": False}),
        first.model_copy(update={"related": True, "code": "theirs", "steps": second.steps}),
        second,
        *others,
    )
    dossier = a_dossier(
        customer=a_customer(related_to_grantor=True), application=an_application(cny(500_000))
    )
    route = judged(dossier, with_rows(rows)).route

    # Small enough for the automatic lane, it is still the row's people who are asked.
    assert judged(dossier).route.row == "related_party"
    assert (route.row, route.facts) == ("theirs", {"related": "yes"})
    assert RELATED in route.reasons


# ── what would move it ───────────────────────────────────────────────────────────────────────────


@settings(max_examples=120, deadline=None)
@given(partitions(), cases, st.sampled_from(GRADES), st.data())
def test_what_is_said_to_move_a_case_moves_it_and_nothing_nearer_does(
    rows: tuple[ApprovalRow, ...], facts: dict[str, str], grade: str, data: st.DataObject
) -> None:
    edition = with_rows(rows)
    aggregate = data.draw(st.sampled_from(around(edition)))
    if not any(row.covers for row in rows):
        facts = {name: value for name, value in facts.items() if name != "cover"}

    def at(amount: Decimal, of_grade: str = grade, **other: str) -> ApprovalRow:
        [row] = by_hand(rows, amount, of_grade, {"cover": "unsecured", **facts, **other})
        return row

    here = level(at(aggregate))
    moves = tier_moves(Money.of(aggregate, "CNY"), grade, edition, facts)
    told = {
        (move.up, "grade" if move.grade else "cover" if move.cover else "amount"): move
        for move in moves
    }
    assert len(told) == len(moves)

    # By amount: walk the thresholds away from the case until one is passed where the tier changes.
    up = next((b for b in [Decimal(0), *bounds(edition)] if b >= aggregate
               and level(at(b + CENT.amount)) > here), None)  # fmt: skip
    down = next((b for b in reversed(bounds(edition)) if b < aggregate and level(at(b)) < here),
                None)  # fmt: skip
    for way, bound, side in ((True, up, CENT.amount), (False, down, Decimal(0))):
        move = told.get((way, "amount"))
        assert (move.amount.amount if move and move.amount else None) == bound
        if move and bound is not None:
            assert move.row == at(bound + side).code

    for kind, ladder, now in (
        ("grade", GRADES, grade),
        ("cover", tuple(each.value for each in CoverClass), facts.get("cover")),
    ):
        if now is None:
            assert not {key for key in told if key[1] == "cover"}
            continue
        place = ladder.index(now)
        for way, others in ((True, ladder[place + 1 :]), (False, ladder[:place][::-1])):
            found = [
                (other, row.code)
                for other in others
                for row in [at(aggregate, other) if kind == "grade" else at(aggregate, cover=other)]
                if (level(row) > here if way else level(row) < here)
            ]
            move = told.get((way, kind))
            said = (getattr(move, kind), move.row) if move else None
            assert said == (found[0] if found else None)
