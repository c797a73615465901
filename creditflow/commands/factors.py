"""`factors`: the factor table of the book, one row a customer, as `model fit` reads it."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson, AsUser, Caller
from creditflow.commands.output import Exit, answer, refuse
from creditflow.commands.table import facts

_FIRST = ("customer_id", "as_of", "segment", "industry", "edition_hash")
_PAGE_SIZE = 200


def factors(
    out: Annotated[Path, typer.Option("--out", metavar="CSV", help="Where the table goes.")],
    columns: Annotated[
        Path | None,
        typer.Option("--columns", metavar="FILE.toml", help="Where its columns file goes."),
    ] = None,
    as_user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Every customer's figures as of today; add a column of outcomes and fit a scorecard on it."""
    rows = Caller(as_user, as_json=as_json).fetch_all("/factors", page_size=_PAGE_SIZE)
    figures = list(dict.fromkeys(code for row in rows for code in row["figures"]))
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*_FIRST, *figures])
            for row in rows:
                values = (row["figures"].get(code) for code in figures)
                written = ("" if value is None else value for value in values)
                writer.writerow([*(row[name] for name in _FIRST), *written])
        if columns is not None:
            named = "".join(f'{code} = "{code}"\n' for code in figures)
            columns.write_text(
                f'firm = "customer_id"\ntime = "as_of"\n\n[factors]\n{named}', "utf-8"
            )
    except OSError as unwritten:
        refuse("file_unwritable", str(unwritten), as_json=as_json, status=Exit.USAGE)
    told = {"out": str(out), "customers": len(rows), "figures": len(figures)}
    answer(told, as_json=as_json, text=facts(told, tuple(told)))
