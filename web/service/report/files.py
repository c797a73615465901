"""A provider that is a folder: reports laid down as files by whoever may fetch them.

`<folder>/<provider>/<kind>/<code>.json` is one company's report: `reported_on` and any figures.
`<folder>/<provider>/<kind>.csv` is many, a row a company: `code`, `reported_on`, and a column a
figure. A code is a company's own, as the customer has it on record.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.customer import Customer
from domain.report import ProviderUnavailable, ReportContent, ReportProvider

BYTES_MAX = 16 * 1024 * 1024


class FolderProvider:
    """The reports of one provider's folder; a folder that is gone is an outage."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch_report(self, customer: Customer, kind: str) -> ReportContent | None:
        """The newest report under one of the customer's codes."""
        if not self._folder.is_dir():
            raise ProviderUnavailable(f"{self._folder.name} is not there")
        codes = {code.value for code in customer.identifiers if code.value.isalnum()}
        try:
            found = [*self._of_files(kind, codes), *self._of_table(kind, codes)]
        except (OSError, ValueError, csv.Error) as broken:  # pydantic's is a ValueError too
            raise ProviderUnavailable(f"{self._folder.name}: {type(broken).__name__}") from broken
        return max(found, key=lambda each: each.reported_on, default=None)

    def _of_files(self, kind: str, codes: set[str]) -> Iterator[ReportContent]:
        for code in sorted(codes):
            path = self._folder / kind / f"{code}.json"
            if path.is_file():
                text = _text(path)
                document = json.loads(text, parse_float=str, parse_int=str)
                if not isinstance(document, dict):
                    raise ValueError("a report is an object")
                yield _content(document, text)

    def _of_table(self, kind: str, codes: set[str]) -> Iterator[ReportContent]:
        path = self._folder / f"{kind}.csv"
        if path.is_file():
            for row in csv.DictReader(_text(path).splitlines(), strict=True):
                if row.get("code") in codes:
                    yield _content(row, "")


def folder_providers(folder: Path | None) -> Mapping[str, ReportProvider]:
    """A provider for each folder inside, by its name; none where there is no folder."""
    if folder is None or not folder.is_dir():
        return {}
    return {each.name: FolderProvider(each) for each in sorted(folder.iterdir()) if each.is_dir()}


def _text(path: Path) -> str:
    if path.stat().st_size > BYTES_MAX:
        raise ValueError("the file is too large")
    return path.read_text("utf-8-sig")


def _content(document: Mapping[str, Any], text: str) -> ReportContent:
    figures = {
        name: value
        for name, value in document.items()
        if name not in ("code", "reported_on") and isinstance(value, str)
    }
    try:
        return ReportContent(reported_on=document["reported_on"], figures=figures, text=text)
    except (KeyError, ValidationError) as broken:
        raise ValueError("the report has no day, or more than can be kept") from broken
