"""Report."""

from pathlib import Path

from creditflow.model.validation import Findings


def write_report(folder: Path, name: str, data: str, found: Findings) -> None:
    """Write."""
