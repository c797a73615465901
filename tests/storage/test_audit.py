"""Is what somebody changed past the programs found, and named?"""

import pytest
from sqlalchemy import text

from domain.audit import Altered
from storage.attachment import Attachments
from storage.audit import Seals
from storage.base import Records
from storage.edition import Editions, read_shipped, shipped_text


@pytest.fixture
def written(records: Records) -> str:
    with records.begin() as session:
        Editions(session).publish(read_shipped(), shipped_text("standard"), "system")
        kept = Attachments(session).record(b"some text", name="note.txt", recorded_by="manager")
    return kept.sha256


def altered(records: Records) -> list[Altered]:
    with records.begin() as session:
        seals = Seals(session)
        return [
            *seals.altered_files(),
            *seals.altered_receipts(),
            *seals.altered_editions(),
        ]


def test_what_nobody_changed_holds(records: Records, written: str) -> None:
    assert altered(records) == []
    with records.begin() as session:
        seals = Seals(session)
        assert (seals.count_files(), seals.count_receipts(), seals.count_editions()) == (1, 0, 1)


@pytest.mark.parametrize(
    ("table", "change", "kind"),
    [
        ("attachment", "UPDATE attachment SET content = 'other text'::bytea", "file"),
        ("policy_edition", "UPDATE policy_edition SET toml = 'name = \"x\"'", "edition"),
        (
            "policy_edition",
            "UPDATE policy_edition SET toml = replace(toml, 'lot = ', 'lot = 1')",
            "edition",
        ),
    ],
)
def test_what_was_changed_past_the_programs_is_named(
    records: Records, written: str, table: str, change: str, kind: str
) -> None:
    with records.begin() as session:
        session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_content"))
        session.execute(text(change))
    assert [each.kind for each in altered(records)] == [kind]
