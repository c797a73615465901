"""Classification on record: `debtors` as they stand on a day, their `classes`, the `losses` posted
for them, and the `runs` that did it."""

from storage.classification.classes import Classes
from storage.classification.debtors import Debtors
from storage.classification.losses import Losses
from storage.classification.runs import ClassificationRuns

__all__ = ["Classes", "ClassificationRuns", "Debtors", "Losses"]
