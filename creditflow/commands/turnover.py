"""`turnover`: what a customer's VAT invoices come to by month, and the figures made of them."""

from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller, place
from creditflow.commands.output import answer
from creditflow.commands.table import facts, table


def turnover(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Not today, but this day.")
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """A customer's invoices by month, void ones and red letters taken out, and every figure."""
    caller = Caller(as_user, as_json=as_json)
    found = caller.fetch(place("customers", customer, "turnover"), as_of=as_of)
    columns = {"month_on": "month", "sales": "sales", "purchases": "purchases"}
    columns |= {"sales_valid": "invoices", "sales_void": "void"}
    text = table(found["record"]["months"], columns)
    text += "\n\n" + facts(found["figures"], tuple(found["figures"]))
    answer(found, as_json=as_json, text=text)
