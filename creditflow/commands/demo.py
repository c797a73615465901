"""`demo`: show a book of made-up companies being worked by everybody of this installation."""

from typing import Annotated

import typer

from creditflow.commands.caller import AsJson
from creditflow.demo import main
from creditflow.demo.show import COMPANIES, SEED


def demo(
    companies: Annotated[
        int, typer.Option("--companies", metavar="N", min=1, max=2000, help="Size of the book.")
    ] = COMPANIES,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another book.")] = SEED,
    as_json: AsJson = False,
) -> None:
    """Bring in the sample book and work it; a second time adds nothing.

    Under the edition `demo` (CREDITFLOW_POLICY=demo, as `./run` sets it) silences take seconds;
    under another, cases that nobody answers stay open.
    """
    wishes = ["--companies", str(companies), "--seed", str(seed)]
    raise SystemExit(int(main([*wishes, "--json"] if as_json else wishes)))
