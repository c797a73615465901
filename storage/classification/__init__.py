"""Classification on record: `debtors` as they stand on a day, their `classes`, the `losses` posted
for them, the `runs` that did it, and classes set by hand (`manual`)."""

from storage.classification.classes import Classes
from storage.classification.debtors import Debtors
from storage.classification.losses import Losses
from storage.classification.manual import ManualClasses
from storage.classification.runs import ClassificationRuns

__all__ = ["Classes", "ClassificationRuns", "Debtors", "Losses", "ManualClasses"]
