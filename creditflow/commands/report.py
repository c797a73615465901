"""`report`: a customer's agreement to be asked about, reports pulled under it, and the log; and what
agencies rate it (`rate`, `withdraw`, `ratings`, `mapping`)."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, Key, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table

report = typer.Typer(add_completion=False, no_args_is_help=True, help="External reports.")

Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")]
Day = Annotated[str, typer.Option(metavar="DATE")]


@report.command()
def authorise(
    customer: Customer,
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="HASH", help="The signed document on file.")
    ],
    signed_on: Day,
    valid_until: Day,
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put the customer's written agreement on file."""
    body = {"evidence_hash": evidence, "signed_on": signed_on, "valid_until": valid_until}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("customers", customer, "authorisations"), body, key).document
    text = facts(found, ("authorisation_id", "customer_id", "signed_on", "valid_until"))
    answer(found, as_json=as_json, text=text)


@report.command()
def pull(
    customer: Customer,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="As the policy names it: bureau.")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="TEXT")] = "credit assessment",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A report young enough to rely on: the one on file, or the first that a provider gives."""
    caller = Caller(as_user, as_json=as_json)
    body = {"kind": kind, "purpose": purpose}
    found = caller.send(place("customers", customer, "reports"), body, key).document
    text = facts(found["report"], ("report_id", "kind", "provider", "reported_on", "figures"))
    answer(found, as_json=as_json, text=text)


@report.command("list")
def list_reports(customer: Customer, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every report on the customer, with its source."""
    found = Caller(as_user, as_json=as_json).fetch(place("customers", customer, "reports"))
    columns = {"report_id": "report", "kind": "kind", "provider": "source"}
    columns |= {"reported_on": "of", "pulled_on": "pulled"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@report.command()
def authorisations(customer: Customer, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """The customer's written agreements, the one that holds longest first."""
    found = Caller(as_user, as_json=as_json).fetch(place("customers", customer, "authorisations"))
    columns = {"authorisation_id": "agreement", "signed_on": "signed", "valid_until": "until"}
    columns |= {"recorded_by": "by", "evidence_hash": "document"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@report.command()
def kinds(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Which reports the policy knows: whom they are asked of, and how old they may be."""
    found = Caller(as_user, as_json=as_json).fetch("/report-kinds")
    columns = {"kind": "kind", "providers": "asked in this order", "age_days_max": "days at most"}
    columns |= {"authorisation_needed": "agreement needed"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@report.command()
def queries(customer: Customer, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Who asked whom about the customer, and what came of it."""
    found = Caller(as_user, as_json=as_json).fetch(place("customers", customer, "report-queries"))
    columns = {"business_on": "on", "provider": "asked", "kind": "kind", "outcome": "outcome"}
    columns |= {"asked_by": "by", "purpose": "for"}
    answer(found, as_json=as_json, text=table(found["items"], columns))


@report.command()
def rate(
    customer: Customer,
    agency: Annotated[str, typer.Argument(metavar="AGENCY", help="As the policy names it.")],
    rating: Annotated[str, typer.Argument(metavar="RATING", help="As the agency writes it: BBB+.")],
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="HASH", help="The agency's document on file.")
    ],
    rated_on: Day,
    valid_until: Day,
    outlook: Annotated[str, typer.Option("--outlook", metavar="OUTLOOK")] = "unstated",
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Put an agency's rating of the customer on file."""
    body = {"agency": agency, "rating": rating, "outlook": outlook, "rated_on": rated_on}
    body |= {"valid_until": valid_until, "evidence_hash": evidence}
    caller = Caller(as_user, as_json=as_json)
    found = caller.send(place("customers", customer, "external-ratings"), body, key).document
    fields = ("agency", "rating", "rated_on", "valid_until", "standing", "grade")
    answer(found, as_json=as_json, text=facts(_rating(found), fields))


@report.command()
def withdraw(
    customer: Customer,
    agency: Annotated[str, typer.Argument(metavar="AGENCY")],
    withdrawn_on: Day,
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="HASH", help="The agency's document on file.")
    ],
    key: Key = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Say that an agency rates the customer no longer, from a day on."""
    body = {"agency": agency, "withdrawn_on": withdrawn_on, "evidence_hash": evidence}
    caller = Caller(as_user, as_json=as_json)
    path = place("customers", customer, "external-ratings", "withdrawals")
    found = caller.send(path, body, key).document
    text = facts({**found, **found["content"]}, ("report_id", "agency", "withdrawn_on"))
    answer(found, as_json=as_json, text=text)


@report.command()
def ratings(customer: Customer, as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Every agency's rating of the customer, and whether it counts today."""
    found = Caller(as_user, as_json=as_json).fetch(place("customers", customer, "external-ratings"))
    columns = {"agency": "agency", "rating": "rating", "rated_on": "of", "valid_until": "until"}
    columns |= {"standing": "standing", "grade": "our grade"}
    answer(found, as_json=as_json, text=table([_rating(each) for each in found["items"]], columns))


@report.command()
def mapping(as_user: AsUser = None, as_json: AsJson = False) -> None:
    """Which ratings of which agencies are which grade of ours, from when to when."""
    found = Caller(as_user, as_json=as_json).fetch("/external-ratings/mapping")
    columns = {"agency": "agency", "ratings": "ratings", "grade": "our grade"}
    columns |= {"effective_from": "from", "effective_until": "until"}
    answer(found, as_json=as_json, text=table(found["rows"], columns))


def _rating(found: Mapping[str, Any]) -> dict[str, Any]:
    """A rating, its standing and its grade on one level."""
    grade = found["grade"]
    return {
        **found["rating"],
        "standing": found["standing"],
        "grade": grade["grade"] if grade else "",
    }
