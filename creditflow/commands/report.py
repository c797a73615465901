"""`report`: a customer's agreement to be asked about, reports pulled under it, and the log."""

from typing import Annotated

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
