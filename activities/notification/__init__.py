"""Delivering what is owed: `outbox` takes turns at a channel, `mail`, `temporal` and `webhook`
deliver."""

from activities.notification.mail import MailDelivery, MailTemplates, Smtp
from activities.notification.outbox import (
    Delivery,
    NotificationActivities,
    Undeliverable,
    Undelivered,
)
from activities.notification.temporal import TemporalDelivery
from activities.notification.webhook import WebhookDelivery

__all__ = [
    "Delivery",
    "MailDelivery",
    "MailTemplates",
    "NotificationActivities",
    "Smtp",
    "TemporalDelivery",
    "Undeliverable",
    "Undelivered",
    "WebhookDelivery",
]
