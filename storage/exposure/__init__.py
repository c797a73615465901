"""The book of exposure: `accounts` are opened and limited by decisions, `chains` put lines under
those of customers and groups, `movements` take and give back at the speed of one statement, `past`
says what was on an earlier day, `buckets` what a line's exposure is made of, `proof` reads the whole
book again."""

from storage.exposure.accounts import Accounts
from storage.exposure.buckets import ExposureParts
from storage.exposure.chains import Chains
from storage.exposure.movements import Exposure
from storage.exposure.past import PastExposure

__all__ = ["Accounts", "Chains", "Exposure", "ExposureParts", "PastExposure"]
