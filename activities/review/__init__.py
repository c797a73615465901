"""Review (复审): `judging` a line on the newest records, `concluding` what follows from it."""

from activities.review.concluding import EXIT_REASON
from activities.review.steps import ReviewActivities

__all__ = ["EXIT_REASON", "ReviewActivities"]
