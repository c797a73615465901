"""What is watched: `warnings` raised on customers, the `book` to look at, `runs` that looked."""

from storage.warning.book import Book
from storage.warning.runs import MonitoringRuns
from storage.warning.warnings import Warnings

__all__ = ["Book", "MonitoringRuns", "Warnings"]
