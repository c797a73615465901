"""The book of exposure: `accounts` are opened and limited by decisions, `movements` take and give
back at the speed of one statement, `proof` reads the whole book again."""

from storage.exposure.accounts import Accounts
from storage.exposure.movements import Exposure

__all__ = ["Accounts", "Exposure"]
