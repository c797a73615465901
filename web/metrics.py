"""What the web process counts, as Prometheus reads it: requests by route and answer, and how long.

Routes and not addresses, so that neither an id nor a one-time token becomes a label.
"""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

REQUESTS = Counter("creditflow_requests", "Requests answered", ("method", "route", "status"))
SECONDS = Histogram(
    "creditflow_request_seconds",
    "Seconds until a request was answered",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def count(method: str, route: str, status: int, seconds: float) -> None:
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


def page() -> tuple[bytes, str]:
    """The page a collector reads, and its media type."""
    return generate_latest(), CONTENT_TYPE_LATEST
