"""Workflow ids, queues and message names: made here and nowhere else."""

CASES_QUEUE = "cases"  # people wait on these
PORTFOLIO_QUEUE = "portfolio"  # batches, so that a batch never delays a person

NAMESPACE = "credit"
DEPLOYMENT = "creditflow"  # of which every named release of the worker is a version

CLASSIFICATION_SCHEDULE = "classification"
INSURANCE_SCHEDULE = "insurance"
CONFIRMATION_SCHEDULE = "confirmation"
MONITORING_SCHEDULE = "monitoring"
RECHECK_SCHEDULE = "recheck"
REPRICING_SCHEDULE = "repricing"
RESERVATION_EXPIRY_SCHEDULE = "reservation_expiry"


def application_id(case_id: str) -> str:
    return f"application/{case_id}"


def approval_id(subject: str, n: int) -> str:
    """`subject` is the id of what is decided on; `n` counts its approvals from 1."""
    return f"approval/{subject}/{n}"


def contract_id(case_id: str) -> str:
    return f"contract/{case_id}"


def minutes_id(meeting_no: str) -> str:
    return f"minutes/{meeting_no}"


def line_id(line: str) -> str:
    return f"line/{line}"


def review_id(line: str, n: int) -> str:
    return f"review/{line}/{n}"


def collection_id(collection: str) -> str:
    return f"collection/{collection}"


def outbox_id(channel: str) -> str:
    return f"outbox/{channel}"


def rerating_id(run: str, phase: str) -> str:
    """A phase of a re-rating: preview, or apply."""
    return f"runs/rerating/{run}/{phase}"


def monitoring_id(run: str = "") -> str:
    """`run` tells looks on demand apart; a scheduled one is told apart by Temporal."""
    return f"runs/monitoring/{run}" if run else "runs/monitoring"


def classification_id(run: str = "") -> str:
    """`run` tells runs on demand apart; a scheduled one is told apart by Temporal."""
    return f"runs/classification/{run}" if run else "runs/classification"


def confirmation_id(run: str = "") -> str:
    """`run` tells runs on demand apart; a scheduled one is told apart by Temporal."""
    return f"runs/confirmation/{run}" if run else "runs/confirmation"


def repricing_id(run: str = "") -> str:
    """`run` tells runs on demand apart; a scheduled one is told apart by Temporal."""
    return f"runs/repricing/{run}" if run else "runs/repricing"


def insurance_id(run: str = "") -> str:
    """`run` tells runs on demand apart; a scheduled one is told apart by Temporal."""
    return f"runs/insurance/{run}" if run else "runs/insurance"


def recheck_id(run: str = "") -> str:
    """`run` tells looks for a cause apart; a scheduled one is told apart by Temporal."""
    return f"runs/recheck/{run}" if run else "runs/recheck"


def reservation_expiry_id() -> str:
    return "runs/reservation_expiry"
