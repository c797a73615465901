"""Decision tables: compiled look-ups agree with reading the rows one by one."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from policies.table import Categories, Cell, Interval, Steps, Table

_ends = st.none() | st.integers(0, 8).map(Decimal)
_intervals = st.builds(Interval, _ends, _ends)
_names = st.none() | st.frozensets(st.sampled_from("abc"), min_size=1)
_rows = st.lists(st.tuples(_intervals, _names), min_size=1, max_size=6)


def holds(interval: Interval, value: Decimal, *, upper_closed: bool) -> bool:
    low, high = interval.low, interval.high
    if upper_closed:
        return (low is None or low < value) and (high is None or value <= high)
    return (low is None or low <= value) and (high is None or value < high)


def table_of(rows: list[tuple[Interval, Cell]], *, upper_closed: bool) -> Table:
    return Table(
        {
            "amount": Steps([amount for amount, _ in rows], upper_closed=upper_closed),
            "name": Categories([name for _, name in rows]),
        },
        len(rows),
    )


@given(
    _rows,
    st.decimals(-1, 9, places=1, allow_nan=False) | st.integers(0, 8).map(Decimal),
    st.sampled_from("abcd"),
    st.booleans(),
)
def test_a_look_up_is_the_first_row_that_holds(
    rows: list[tuple[Interval, Cell]], value: Decimal, name: str, upper_closed: bool
) -> None:
    by_hand = [
        place
        for place, (amount, names) in enumerate(rows)
        if holds(amount, value, upper_closed=upper_closed)
        and (names is None or (isinstance(names, frozenset) and name in names))
    ]
    table = table_of(rows, upper_closed=upper_closed)
    values: dict[str, Decimal | str] = {"amount": value, "name": name}

    assert table.every(values) == tuple(by_hand)
    assert table.find(values) == (by_hand[0] if by_hand else None)


@given(_rows)
def test_a_table_without_gaps_has_an_answer_for_every_value(
    rows: list[tuple[Interval, Cell]],
) -> None:
    table = table_of(rows, upper_closed=False)
    gaps = [where for where, held in table.regions() if not held]
    answers = [
        table.find({"amount": Decimal(tenth) / 10, "name": name})
        for tenth in range(-10, 100, 5)
        for name in "abcd"
    ]

    assert (not gaps) <= all(answer is not None for answer in answers)


def test_regions_name_their_segments() -> None:
    table = table_of([(Interval(None, Decimal(5)), frozenset("a"))], upper_closed=True)

    assert [where for where, held in table.regions() if held] == [
        {"amount": ".. to 5", "name": "a"}
    ]


def test_a_cell_for_the_rest_takes_nothing_another_names() -> None:
    column = Categories([frozenset("a"), None], rest=True)
    table = Table({"name": column}, 2)

    assert table.every({"name": "a"}) == (0,)
    assert table.every({"name": "z"}) == (1,)
