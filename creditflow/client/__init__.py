"""Creditflow for Python programs, typed, sync and async.

from creditflow.client import Application, Client, Money

with Client("http://127.0.0.1:8080", key) as client:
    submitted = client.submit(
        Application(customer_id=…, limit_requested=Money.of("500000.00", "CNY"))
    )
    for task in client.list_tasks(case_id=submitted.case_id):
        ...
"""

from creditflow.client import values
from creditflow.client.asynchronous import AsyncClient
from creditflow.client.errors import (
    Conflict,
    CreditflowError,
    FieldError,
    Malformed,
    NotFound,
    NotPermitted,
    NotSignedIn,
    Refused,
    Unreached,
)
from creditflow.client.sync import Client
from creditflow.client.values import Application, CoverContent, CoverUse, Invoice, Money, Payment
from creditflow.retrying import Retrying

__all__ = [
    "Application",
    "AsyncClient",
    "Client",
    "Conflict",
    "CoverContent",
    "CoverUse",
    "CreditflowError",
    "FieldError",
    "Invoice",
    "Malformed",
    "Money",
    "NotFound",
    "NotPermitted",
    "NotSignedIn",
    "Payment",
    "Refused",
    "Retrying",
    "Unreached",
    "values",
]
