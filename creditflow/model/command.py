"""`model`: fit a scorecard on a file, see what it is worth, score a file with it. No stack needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from creditflow.commands.caller import AsJson
from creditflow.commands.output import Exit, answer, refuse, tell
from creditflow.commands.table import facts, table
from creditflow.model.columns import Columns
from creditflow.model.file import file_text, read_card
from creditflow.model.report import write_report
from creditflow.model.scoring import csv_text
from creditflow.model.study import (
    Selection,
    fit_card,
    score_file,
    validate_card,
    validate_folds,
)
from creditflow.model.validation import Findings
from domain.errors import CreditError

model = typer.Typer(add_completion=False, no_args_is_help=True, help="Scorecards from data.")

Data = Annotated[Path, typer.Option("--data", metavar="CSV", help="One row a company and year.")]
ColumnsFile = Annotated[
    Path, typer.Option("--columns", metavar="FILE.toml", help="Which column is which item.")
]
Label = Annotated[str, typer.Option("--label", metavar="COLUMN", help="1 where it went bad.")]
Firm = Annotated[str, typer.Option("--firm", metavar="COLUMN", help="Tells companies apart.")]
Time = Annotated[str, typer.Option("--time", metavar="COLUMN", help="Tells years apart.")]
Where = Annotated[
    list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Only these rows.")
]
Until = Annotated[
    str, typer.Option("--until", metavar="TIME", help="Only firms whose last time is up to it.")
]
After = Annotated[
    str, typer.Option("--after", metavar="TIME", help="Only firms whose last time is after it.")
]
Rate = Annotated[
    str, typer.Option("--portfolio-rate", metavar="R", help="The mean PD wanted: 0.02 is 2 %.")
]
CardFile = Annotated[Path, typer.Option("--scorecard", metavar="FILE.toml")]


@model.command()
def fit(
    data: Data,
    columns: ColumnsFile,
    label: Label,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.toml", help="The scorecard.")],
    firm: Firm = "",
    time: Time = "",
    where: Where = None,
    until: Until = "",
    after: After = "",
    portfolio_rate: Rate = "",
    as_json: AsJson = False,
) -> None:
    """Fit a scorecard; a firm is never on both sides of a comparison. Needs the extra `model`."""
    with _refusals(as_json):
        selection = _selection(
            data, columns, label=label, firm=firm, time=time, where=where, until=until, after=after,
            as_json=as_json,
        )  # fmt: skip
        code = _code(out.stem)
        card, spreading = fit_card(selection, code, _rate(portfolio_rate, as_json))
        out.write_text(file_text(code, card, spreading), "utf-8")
    assert card.fit is not None
    told = {"out": str(out), "model": f"{card.model} {card.version}", "factors": len(card.factors)}
    told |= card.fit.model_dump(mode="json", exclude={"score_cuts", "score_shares"})
    answer(told, as_json=as_json, text=facts(told, tuple(told)))


@model.command()
def validate(
    data: Data,
    columns: ColumnsFile,
    label: Label,
    scorecard: Annotated[
        Path | None,
        typer.Option("--scorecard", metavar="FILE.toml", help="Not the method, but this one."),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=2, max=20, metavar="K")] = 5,
    firm: Firm = "",
    time: Time = "",
    where: Where = None,
    until: Until = "",
    after: After = "",
    portfolio_rate: Rate = "",
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FOLDER", help="Findings with pictures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How well a scorecard, or the method in K folds, tells the bad from the good."""
    with _refusals(as_json):
        selection = _selection(
            data, columns, label=label, firm=firm, time=time, where=where, until=until, after=after,
            as_json=as_json,
        )  # fmt: skip
        if scorecard is not None:
            name = scorecard.stem
            rate = _rate(portfolio_rate, as_json)
            found = validate_card(selection, *read_card(scorecard), rate)
        else:
            name = f"{folds} folds"
            found = validate_folds(selection, folds, _rate(portfolio_rate, as_json))
        if report is not None:
            write_report(report, name, data.name, found)
            tell(f"{report}/report.md")
    answer(found.document(), as_json=as_json, text=_told(found))


@model.command()
def score(
    scorecard: CardFile,
    data: Data,
    columns: ColumnsFile,
    out: Annotated[Path, typer.Option("--out", metavar="CSV", help="Score, PD and grade added.")],
    firm: Firm = "",
    time: Time = "",
    as_json: AsJson = False,
) -> None:
    """Score every row of a file, in its order."""
    with _refusals(as_json):
        selection = _selection(data, columns, firm=firm, time=time, as_json=as_json)
        book, scored = score_file(selection, *read_card(scorecard))
        out.write_text(csv_text(book, scored), "utf-8")
    told = {"out": str(out), "rows": len(scored)}
    answer(told, as_json=as_json, text=facts(told, tuple(told)))


@contextmanager
def _refusals(as_json: bool) -> Iterator[None]:
    try:
        yield
    except CreditError as refused:
        refuse(refused.code, refused.detail(), as_json=as_json)
    except OSError as unread:
        refuse("file_unreadable", str(unread), as_json=as_json, status=Exit.USAGE)


def _selection(
    data: Path,
    columns: Path,
    *,
    as_json: bool,
    label: str = "",
    firm: str = "",
    time: str = "",
    where: list[str] | None = None,
    until: str = "",
    after: str = "",
) -> Selection:
    pairs = [each.partition("=") for each in where or ()]
    if any(not equals for _, equals, _ in pairs):
        refuse("malformed", "--where is COLUMN=VALUE", as_json=as_json, status=Exit.USAGE)
    return Selection(
        data=data,
        columns=Columns.of_file(columns),
        label=label,
        firm=firm,
        time=time,
        where=tuple((name.strip(), value.strip()) for name, _, value in pairs),
        until=until,
        after=after,
    )


def _rate(text: str, as_json: bool) -> Decimal | None:
    if not text:
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or not 0 < rate < 1:
        refuse(
            "malformed", "--portfolio-rate is between 0 and 1", as_json=as_json, status=Exit.USAGE
        )
    return rate


def _code(stem: str) -> str:
    """A file's name as the code of a scorecard."""
    plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in stem.lower())
    return plain[:50] if plain[:1].isalpha() else f"card_{plain}"[:50]


def _told(found: Findings) -> str:
    head = facts(found.document(), ("rows", "bad", "auc", "ks", "gini", "psi"))
    columns = {name: name for name in ("part", "rows", "bad", "rate", "pd_mean", "interval")}
    shown = f"{head}\n\n{table(found.deciles, columns)}"
    if found.factors:
        names = {name: name for name in ("factor", "iv", "strength", "missing", "missing_bad")}
        shown += f"\n\n{table(found.factors, names)}"
    return shown
