"""Who acts, how they prove it, and what they were refused.

`persons` keeps people and programs, `proofs` their passwords, keys and sessions, `tokens` the
one-time tokens of messages that do not come through the service, `refusals` what was refused to
whom, `answers` what was answered under an idempotency key. What a person may do is decided in
`web/service/permissions.py`.
"""

from storage.identity.answers import Answer, Answers
from storage.identity.persons import Persons
from storage.identity.proofs import (
    KEY_PREFIX,
    ApiKeys,
    Sessions,
    SignInFailures,
    fits_password,
    hash_of,
    make_key,
    make_token,
    password_hash_of,
)
from storage.identity.refusals import Refusals
from storage.identity.tokens import ActionTokens

__all__ = [
    "KEY_PREFIX",
    "ActionTokens",
    "Answer",
    "Answers",
    "ApiKeys",
    "Persons",
    "Refusals",
    "Sessions",
    "SignInFailures",
    "fits_password",
    "hash_of",
    "make_key",
    "make_token",
    "password_hash_of",
]
