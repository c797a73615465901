"""The sample book: made-up companies, their figures and accounts, and what is asked for them.

All of it follows from a seed and a day. Company `k` is the same in a book of any size, so that a
larger demonstration holds the smaller one. Nothing here is a real company or a person.
"""

from creditflow.sample.book import Book, generate
from creditflow.sample.files import load_plan, write

__all__ = ["Book", "generate", "load_plan", "write"]
