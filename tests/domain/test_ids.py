"""Do ids sort as they were made, and name nobody?"""

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import uuid7, uuid7_in_order

CHANCE = st.binary(min_size=10, max_size=10)
INSTANTS = st.integers(0, int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 10**9)


@given(INSTANTS, CHANCE, CHANCE)
def test_what_is_made_a_quarter_of_a_microsecond_later_sorts_later(
    at: int, first: bytes, second: bytes
) -> None:
    assert uuid7_in_order(at, first) < uuid7_in_order(at + 250, second)


@given(INSTANTS, CHANCE)
def test_an_id_is_a_uuid_of_version_seven_with_its_millisecond(at: int, chance: bytes) -> None:
    made = uuid.UUID(uuid7_in_order(at, chance))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == at // 1_000_000
    assert str(made)[:13] == uuid7(at // 1_000_000, chance)[:13]
