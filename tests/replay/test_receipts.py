"""Do decided cases still replay as they were decided, whatever has been released since?"""

import pytest

from domain.assessment import Assessment
from domain.edition import PolicyEdition
from policies.assessment import replay
from tests.replay.receipts import Kept, kept, reads_as_written

KEPT = list(kept())


def test_receipts_of_a_release_are_on_file() -> None:
    assert len(KEPT) >= 10


@pytest.mark.parametrize("each", KEPT, ids=lambda each: f"{each.edition_hash[:8]} {each.name}")
def test_a_receipt_of_any_release_reads_and_replays_as_it_was_written(each: Kept) -> None:
    assert reads_as_written(each)
    receipt = Assessment.model_validate_json(each.content)
    assert replay(receipt, PolicyEdition.of_toml(each.toml)) == []
