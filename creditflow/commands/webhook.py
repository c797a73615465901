"""`webhook`: who is told of events, what was sent to them, sending it again; and who may tell us."""

from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

webhook = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Events told to others, and hooks taken."
)

EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT")]
SourceId = Annotated[str, typer.Argument(metavar="SOURCE")]
DeliveryNo = Annotated[int, typer.Argument(metavar="NO", min=1)]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", metavar="KIND", help="Of all kinds, if not given.")
]
Described = Annotated[str, typer.Option("--description", metavar="TEXT")]
Hours = Annotated[
    int, typer.Option("--hours", min=0, help="How long the secret before it counts too.")
]
Since = Annotated[str | None, typer.Option("--since", metavar="INSTANT", help="With its zone.")]
Until = Annotated[str | None, typer.Option("--until", metavar="INSTANT")]
_ENDPOINT = ("endpoint_id", "url", "kinds", "status", "status_reason", "failing_since", "secrets")
_SOURCE = ("source_id", "person_id", "description", "status", "secrets")
_DELIVERY = {"delivery_no": "no", "endpoint_id": "to", "kind": "what", "subject": "about"}
_DELIVERY |= {"sequence": "seq", "status": "status", "attempts": "tries"}
_DELIVERY |= {"answer_status": "answered", "last_error": "error", "occurred_at": "at"}


@webhook.command("list")
def list_endpoints(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Who is told of events, the newest first."""
    found = Caller(as_user, as_json=as_json).fetch("/webhooks")
    answer(found, as_json=as_json, text=table(found["items"], {each: each for each in _ENDPOINT}))


@webhook.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL")],
    kind: Kinds = None,
    description: Described = "",
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Tell an address of events from now on; its secret is shown this once."""
    body = {"url": url, "kinds": kind or [], "description": description}
    made = Caller(as_user, as_json=as_json).send("/webhooks", body, repeatable=False).document
    text = facts(made["endpoint"], _ENDPOINT) + f"\n\n{made['secret']}"
    answer(made, as_json=as_json, text=text)


@webhook.command()
def change(
    endpoint_id: EndpointId,
    url: Annotated[str, typer.Argument(metavar="URL")],
    kind: Kinds = None,
    description: Described = "",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Give an endpoint another address, description or other kinds."""
    body = {"url": url, "kinds": kind or [], "description": description}
    _endpoint(as_user, as_json, place("webhooks", endpoint_id), body, key)


@webhook.command()
def start(
    endpoint_id: EndpointId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Send to an endpoint again; what waits for it goes out."""
    _status(as_user, as_json, endpoint_id, "active", key)


@webhook.command()
def pause(
    endpoint_id: EndpointId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Send nothing for now; what happens meanwhile waits."""
    _status(as_user, as_json, endpoint_id, "paused", key)


@webhook.command()
def disable(
    endpoint_id: EndpointId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Send nothing any more; what happens from now on is not owed."""
    _status(as_user, as_json, endpoint_id, "disabled", key)


@webhook.command()
def rotate(
    endpoint_id: EndpointId,
    hours: Hours = 24,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Make a further secret, shown this once."""
    _secret(as_user, as_json, place("webhooks", endpoint_id, "secrets"), hours)


@webhook.command("test")
def send_test(
    endpoint_id: EndpointId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Send an event that says nothing, to see that it arrives."""
    _endpoint(as_user, as_json, place("webhooks", endpoint_id, "test"), {}, key)


@webhook.command()
def deliveries(
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="ENDPOINT")] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="pending, delivered or given_up.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND")] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="ID", help="A case, line or customer.")
    ] = None,
    since: Since = None,
    until: Until = None,
    most: Annotated[int, typer.Option("--most", min=1)] = 50,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was owed to endpoints, the newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        "/webhooks/deliveries",
        most,
        endpoint=endpoint,
        status=status,
        kind=kind,
        subject=subject,
        since=since,
        until=until,
        page_size=min(most, 200),
    )
    rows = [each | {"subject": each["subject"]["id"]} for each in items]
    answer({"items": items}, as_json=as_json, text=table(rows, _DELIVERY))


@webhook.command()
def attempts(delivery_no: DeliveryNo, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every attempt at a delivery: status, duration, and the first of the answer."""
    found = Caller(as_user, as_json=as_json).fetch(
        place("webhooks", "deliveries", str(delivery_no))
    )
    columns = {"attempted_at": "at", "answer_status": "status", "duration_ms": "ms"}
    columns |= {"error": "error", "answer": "answer"}
    answer(found, as_json=as_json, text=table(found["attempts"], columns))


@webhook.command()
def changes(
    of: Annotated[
        str | None, typer.Option("--of", metavar="ID", help="An endpoint or a source.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1)] = 50,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """What was done to endpoints and sources and by whom, the newest first."""
    items = Caller(as_user, as_json=as_json).fetch_all(
        "/webhooks/changes", most, of=of, page_size=min(most, 200)
    )
    columns = {"recorded_at": "at", "owner_id": "of", "act": "done", "person_id": "by"}
    answer({"items": items}, as_json=as_json, text=table(items, columns | {"content": "what"}))


@webhook.command()
def redeliver(
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="ENDPOINT", help="With a range of time.")
    ] = None,
    no: Annotated[int | None, typer.Option("--no", metavar="NO", help="One delivery.")] = None,
    since: Since = None,
    until: Until = None,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Leave out what was taken.")
    ] = False,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Send one event, or what happened in a range of time, again under the same ids."""
    caller = Caller(as_user, as_json=as_json)
    if no is not None and endpoint is None:
        path = place("webhooks", "deliveries", str(no), "redelivery")
        document = caller.send(path, {}, key).document
        answer(document, as_json=as_json, text=facts(document, tuple(_DELIVERY)))
        return
    if no is not None or endpoint is None or since is None or until is None:
        raise typer.BadParameter("--no, or --endpoint with --since and --until")
    body = {"since": since, "until": until, "undelivered_only": undelivered}
    document = caller.send(place("webhooks", endpoint, "redeliveries"), body, key).document
    answer(document, as_json=as_json, text=facts(document, ("endpoint_id", "events")))


@webhook.command()
def kinds(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every kind of event; with --json, with the schema of its content."""
    found = Caller(as_user, as_json=as_json).fetch("/webhooks/events")
    columns = {"type": "kind", "subject": "about a", "about": "says"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@webhook.command()
def sources(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Systems that may send hooks to us."""
    found = Caller(as_user, as_json=as_json).fetch("/hook-sources")
    answer(found, as_json=as_json, text=table(found["items"], {each: each for each in _SOURCE}))


@webhook.command("source-add")
def source_add(
    source_id: SourceId,
    person_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whom its hooks act as.")],
    description: Described = "",
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Let a system send hooks as a service account; its secret is shown this once."""
    body = {"source_id": source_id, "person_id": person_id, "description": description}
    made = Caller(as_user, as_json=as_json).send("/hook-sources", body, repeatable=False).document
    text = facts(made["source"], _SOURCE) + f"\n\n{made['secret']}"
    answer(made, as_json=as_json, text=text)


@webhook.command("source-rotate")
def source_rotate(
    source_id: SourceId, hours: Hours = 24, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Make a further secret of a source, shown this once."""
    _secret(as_user, as_json, place("hook-sources", source_id, "secrets"), hours)


@webhook.command("source-disable")
def source_disable(
    source_id: SourceId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Take nothing of a source any more."""
    _source(as_user, as_json, source_id, "disabled", key)


@webhook.command("source-enable")
def source_enable(
    source_id: SourceId, key: Key = None, as_user: AsUser = None, as_json: AsJson = False
) -> None:
    """Take hooks of a source again."""
    _source(as_user, as_json, source_id, "active", key)


def _status(
    as_user: str | None, as_json: bool, endpoint_id: str, status: str, key: str | None
) -> None:
    _endpoint(as_user, as_json, place("webhooks", endpoint_id, "status"), {"status": status}, key)


def _endpoint(
    as_user: str | None, as_json: bool, path: str, body: dict[str, Any], key: str | None
) -> None:
    document = Caller(as_user, as_json=as_json).send(path, body, key).document
    answer(document, as_json=as_json, text=facts(document, _ENDPOINT))


def _source(
    as_user: str | None, as_json: bool, source_id: str, status: str, key: str | None
) -> None:
    path = place("hook-sources", source_id, "status")
    document = Caller(as_user, as_json=as_json).send(path, {"status": status}, key).document
    answer(document, as_json=as_json, text=facts(document, _SOURCE))


def _secret(as_user: str | None, as_json: bool, path: str, hours: int) -> None:
    made = Caller(as_user, as_json=as_json).send(path, {"hours": hours}, repeatable=False).document
    answer(made, as_json=as_json, text=facts(made, ("owner_id", "secret", "before_until")))
