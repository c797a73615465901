"""Files brought in: dry or for real, with what was wrong told by line."""

from typing import Annotated

from fastapi import Form, Response, UploadFile

from domain.imports import ImportKind, ImportMode, ImportReport
from domain.value import Value
from web.api.stage import stage
from web.api.writes import Writing
from web.callers import Caller
from web.problems import RowsRefused
from web.service.imports import BYTES_MAX, profiles

router = stage("imports")


class Profiles(Value):
    """Every profile, and the kinds of file it reads."""

    items: dict[str, tuple[ImportKind, ...]]


@router.get("/import-profiles")
def list_profiles(caller: Caller) -> Profiles:
    """Whose columns are known."""
    return Profiles(items=profiles())


@router.post("/imports/{kind}", response_model=ImportReport)
def import_csv(
    write: Writing,
    kind: ImportKind,
    file: UploadFile,
    profile: Annotated[str, Form(max_length=40)] = "standard",
    dry_run: Annotated[bool, Form()] = False,
    mode: Annotated[ImportMode, Form()] = ImportMode.ALL_OR_NOTHING,
) -> Response:
    """Bring in one CSV or XLSX file; the same file again changes nothing.

    A dry run answers what would become of each row. For real, one refused row refuses all of them
    unless `mode` is `per_row`; the problem then lists what was wrong by line.
    """
    content = file.file.read(BYTES_MAX + 1)

    def brought_in() -> ImportReport:
        report = write.asked.imports.import_csv(
            write.caller, kind, content, profile=profile, dry_run=dry_run, mode=mode
        )
        if report.refusal() is not None:
            raise RowsRefused(report)
        return report

    return write.once(200, [content, profile, dry_run, mode], brought_in)
