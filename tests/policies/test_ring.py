"""The ring: who belongs to it, by which way, and what one owns through others."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.edition import RingPolicy
from domain.money import Money
from domain.party import Link, LinkKind
from policies.ring import controlled_by, effective_shares, ring_of

ON = date(2026, 6, 30)
POLICY = RingPolicy()


def owns(holder: str, subject: str, share: str | None = None, **more: object) -> Link:
    return Link.model_validate(
        {
            "link_id": f"{holder}-{subject}",
            "kind": "owns",
            "holder": holder,
            "subject": subject,
            "share": share,
            "source": "register",
            **more,
        }
    )


def guarantees(holder: str, subject: str) -> Link:
    return owns(holder, subject, kind="guarantees", amount=Money.of(1, "CNY"))


def members(party: str, *links: Link) -> dict[str, bool]:
    return {each.party_id: each.counts for each in ring_of(party, links, ON, POLICY)}


def test_those_under_one_control_count_and_others_are_shown() -> None:
    links = (
        owns("a", "b", "0.6"),
        owns("b", "c", "0.25"),
        guarantees("d", "b"),
        owns("e", "f", "1"),
    )

    assert members("a", *links) == {"b": True, "c": False, "d": False}
    assert members("b", *links) == {"a": True, "c": False, "d": False}
    assert members("d", *links) == {"b": False, "a": False, "c": False}


def test_two_owners_of_one_company_are_not_one_risk() -> None:
    assert members("a", owns("a", "b", "0.5"), owns("c", "b", "0.5")) == {"b": False, "c": False}


def test_a_share_below_the_least_links_nobody_and_one_that_nobody_knows_does() -> None:
    assert members("a", owns("a", "b", "0.249999")) == {}
    assert members("a", owns("a", "b", "0.25")) == {"b": False}
    assert members("a", owns("a", "b")) == {"b": False}


def test_small_shares_that_make_a_majority_together_count() -> None:
    """The parent holds a fifth, and three companies that it controls another fifth each."""
    links = [owns("a", f"s{n}", "0.9") for n in (1, 2)]
    links += [owns(holder, "x", "0.2") for holder in ("a", "s1", "s2")]

    assert controlled_by("a", links, POLICY) == {"s1", "s2", "x"}
    assert members("x", *links) == {"a": True, "s1": True, "s2": True}
    assert controlled_by("a", links[:-1], POLICY) == {"s1", "s2"}


def test_half_is_not_more_than_half() -> None:
    assert controlled_by("a", [owns("a", "b", "0.5")], POLICY) == frozenset()
    assert controlled_by("a", [owns("a", "b", "0.500001")], POLICY) == {"b"}


def test_a_link_counts_from_its_first_day_to_its_last() -> None:
    link = owns("a", "b", "0.6", valid_from=date(2026, 1, 1), valid_until=date(2026, 6, 30))

    days = {date(2025, 12, 31): [], date(2026, 1, 1): ["b"], ON: ["b"], date(2026, 7, 1): []}
    for day, expected in days.items():
        assert [each.party_id for each in ring_of("a", [link], day, POLICY)] == expected


def test_the_way_is_the_shortest_and_names_each_link() -> None:
    links = [owns("a", "b", "1"), owns("b", "c", "1"), owns("c", "d", "1"), owns("a", "d", "0.3")]
    way = {each.party_id: each.path for each in ring_of("a", links, ON, POLICY)}

    assert [step.link_id for step in way["d"]] == ["a-d"]
    assert [(step.holder, step.subject, step.share) for step in way["c"]] == [
        ("a", "b", Decimal(1)),
        ("b", "c", Decimal(1)),
    ]


def test_shares_multiply_along_a_way_and_add_over_ways() -> None:
    links = [owns("a", "b", "0.5"), owns("b", "c", "0.5"), owns("a", "c", "0.5")]

    assert effective_shares("a", links, ON) == {"b": Decimal("0.5"), "c": Decimal("0.75")}


def test_shares_held_in_a_circle_come_to_their_limit() -> None:
    """b and c hold half of each other: b = 0.4 + c/2, c = b/2, so b is 8/15."""
    links = [owns("a", "b", "0.4"), owns("b", "c", "0.5"), owns("c", "b", "0.5")]

    assert effective_shares("a", links, ON) == {
        "b": Decimal("0.533333"),
        "c": Decimal("0.266667"),
    }


parties = st.sampled_from("abcdefgh")
shares = st.integers(1, 100).map(lambda percent: str(Decimal(percent) / 100))


@st.composite
def graphs(draw: st.DrawFn) -> list[Link]:
    pairs = draw(st.sets(st.tuples(parties, parties).filter(lambda pair: pair[0] != pair[1])))
    kinds = st.sampled_from(list(LinkKind))
    links = []
    for holder, subject in sorted(pairs):
        kind = draw(kinds)
        share = draw(shares) if kind is LinkKind.OWNS else None
        links.append(owns(holder, subject, share, kind=kind))
    return links


@given(graphs(), parties)
def test_a_ring_ends_and_each_way_leads_from_the_party_to_its_member(
    links: list[Link], party: str
) -> None:
    for member in ring_of(party, links, ON, POLICY):
        at = party
        for step in member.path:
            assert at in (step.holder, step.subject)
            at = step.subject if at == step.holder else step.holder
        assert at == member.party_id
        assert len(member.path) < len("abcdefgh")


@given(graphs(), parties, parties)
def test_whoever_counts_for_one_counts_for_the_other(
    links: list[Link], one: str, other: str
) -> None:
    of_one = {each.party_id for each in ring_of(one, links, ON, POLICY) if each.counts}
    of_other = {each.party_id for each in ring_of(other, links, ON, POLICY) if each.counts}

    assert (other in of_one) == (one in of_other)


@given(st.lists(shares, min_size=1, max_size=6))
def test_a_chain_owns_the_product_of_its_shares(chain: list[str]) -> None:
    links = [owns(f"p{n}", f"p{n + 1}", share) for n, share in enumerate(chain)]
    product = Fraction(1)
    for share in chain:
        product *= Fraction(share)

    last = effective_shares("p0", links, ON).get(f"p{len(chain)}", Decimal(0))
    assert abs(Fraction(last) - product) <= Fraction(1, 10**6)
