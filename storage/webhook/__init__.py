"""Webhooks on record: `endpoints` and `sources` with their secrets, and `deliveries`."""

from storage.webhook.changes import Changes
from storage.webhook.deliveries import Deliveries, Due, Mark
from storage.webhook.endpoints import Endpoints, SecretOwner, Secrets
from storage.webhook.sources import Sources

__all__ = ["Changes", "Deliveries", "Due", "Endpoints", "Mark", "SecretOwner", "Secrets", "Sources"]
