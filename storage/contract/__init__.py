"""Agreements on record: sent once, ended once, and what the customer did through the link.

`contracts` keeps the agreements, `acts` what customers did, `links` the one-time links they did it
through. The documents themselves are attachments, named by their hash.
"""

from storage.contract.acts import CustomerActs
from storage.contract.contracts import Contracts
from storage.contract.links import SigningLinks

__all__ = ["Contracts", "CustomerActs", "SigningLinks"]
