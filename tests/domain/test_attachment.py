"""Is a file taken for what it is, whatever it is called?"""

import io
import zipfile

import pytest

from domain.attachment import attachment_of, media_type_of
from domain.errors import AttachmentTooLarge, AttachmentTypeRefused

TYPES = "[Content_Types].xml"


def an_office_file(*parts: str, types: str = "<Types/>") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(TYPES, types)
        for part in parts:
            archive.writestr(part, "<x/>")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"%PDF-1.7 ...", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        ("公司,金额\n甲,1".encode("gb18030"), "text/csv"),
        ("一段说明".encode(), "text/plain"),
    ],
)
def test_the_kind_is_read_from_the_content(content: bytes, media_type: str) -> None:
    assert media_type_of(content) == media_type


def test_sheets_and_documents_are_told_apart_by_their_parts() -> None:
    assert media_type_of(an_office_file("xl/workbook.xml")).endswith("spreadsheetml.sheet")
    assert media_type_of(an_office_file("word/document.xml")).endswith("wordprocessingml.document")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MZ\x90\x00",
        b"\x00\x01\x02",
        b"<html><script>1</script></html>",
        "\ufeff <svg/>".encode(),
        b"PK\x03\x04 cut short",
        an_office_file("xl/workbook.xml", "xl/vbaProject.bin"),
        an_office_file("xl/workbook.xml", "xl/embeddings/oleObject1.bin"),
        an_office_file("xl/workbook.xml", types="application/vnd.ms-excel.macroEnabled.main+xml"),
        an_office_file("xl/workbook.xml", types=" " * 2_000_000),
        an_office_file("readme.txt"),
    ],
)
def test_what_may_run_or_is_not_known_is_refused(content: bytes) -> None:
    with pytest.raises(AttachmentTypeRefused):
        media_type_of(content)


def test_a_file_above_the_cap_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(AttachmentTooLarge):
        attachment_of(b"%PDF-" + b"x" * 2048, "a.pdf", "manager", bytes_max=1024)


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\temp\\passwd", "pass\x00wd\n"])
def test_a_name_is_only_ever_its_last_part(name: str) -> None:
    assert attachment_of(b"%PDF-", name, "manager").name == "passwd"
