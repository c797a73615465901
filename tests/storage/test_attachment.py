"""Is a file kept once, under what it is, and given back as it came?"""

import hashlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import AttachmentTypeRefused, NotFound
from storage.attachment import Attachments
from storage.base import Records

PDF = b"%PDF-1.7 a page"


def test_the_same_bytes_are_one_file_under_its_first_name(records: Records) -> None:
    with records.begin() as session:
        store = Attachments(session)
        first = store.record(PDF, name="licence.pdf", recorded_by="manager")
        again = store.record(PDF, name="other.pdf", recorded_by="legal")
        assert first == again
        assert first.sha256 == hashlib.sha256(PDF).hexdigest()
        assert store.read_content(first.sha256) == PDF
        assert (first.name, first.media_type, first.size_bytes) == (
            "licence.pdf",
            "application/pdf",
            len(PDF),
        )


def test_what_is_not_there_is_not_found_and_what_is_refused_is_not_kept(records: Records) -> None:
    with records.begin() as session:
        store = Attachments(session)
        with pytest.raises(NotFound):
            store.read("0" * 64)
        with pytest.raises(NotFound):
            store.read_content("0" * 64)
        with pytest.raises(AttachmentTypeRefused):
            store.record(b"MZ\x00", name="a.pdf", recorded_by="manager")
        assert session.scalar(text("SELECT count(*) FROM attachment")) == 0


def test_a_file_under_a_hash_that_is_not_its_own_is_refused_by_the_database(
    records: Records,
) -> None:
    with pytest.raises(DBAPIError, match="ck_attachment_content"), records.begin() as session:
        session.execute(
            text(
                "INSERT INTO attachment (sha256, media_type, size_bytes, name, content, recorded_by)"
                " VALUES (:hash, 'text/plain', 1, '', 'x', 'manager')"
            ),
            {"hash": "0" * 64},
        )
