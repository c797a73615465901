"""The companies that ask, and the files that bring them in: real ones, and what those leave out."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
STATEMENTS = DATA / "us_statements" / "us_firm_years_1999_2011.csv"
INVOICES = DATA / "receivables" / "invoices.csv"

# The newest statements of those that ask end 2011 or 2010; on this day both still count.
BUSINESS_ON = "2012-06-30"
# Central parity of the renminbi, as announced by the People's Bank of China.
RATES = {"2012-06-29": "6.3249"}
_NEWEST_YEAR_MIN = 2010
LEDGERS = 100  # customers that the file of invoices has


@dataclass(frozen=True)
class Firm:
    """A listed company: its code, its last yearly sales in USD, and whether it failed after."""

    code: str
    ledger: str | None  # whose invoices are taken for its own
    sales: Decimal
    failed: bool


def choose_firms(count: int, seed: int) -> list[Firm]:
    """So many of those whose statements are fresh enough; the first hundred have a ledger."""
    years: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for row in _rows(STATEMENTS):
        years[row["company_id"]][int(row["fyear"])] = row
    fresh = sorted(
        code
        for code, found in years.items()
        if max(found) >= _NEWEST_YEAR_MIN and max(found) - 1 in found
    )
    chosen = Random(seed).sample(fresh, min(count, len(fresh)))
    ledgers = sorted({row["customerID"] for row in _rows(INVOICES)})
    firms = []
    for place, code in enumerate(chosen):
        last = years[code][max(years[code])]
        firms.append(
            Firm(
                code=code,
                ledger=ledgers[place] if place < len(ledgers) else None,
                sales=Decimal(last["total_revenue"]) * 1_000_000,
                failed=last["fail_1y"] == "1",
            )
        )
    return firms


def write_additions(firms: list[Firm], folder: Path) -> tuple[Path, Path]:
    """What the source leaves out: an address for mail and the ledger's own number; and rates."""
    customers, rates = folder / "additions.csv", folder / "rates.csv"
    _write(
        customers,
        [
            {
                "name": firm.code,
                "internal": ";".join(filter(None, (firm.code, firm.ledger))),
                "mail": f"treasury@{firm.code.lower()}.example",
            }
            for firm in firms
        ],
    )
    same = {"base": "USD", "quote": "CNY", "kind": "spot", "source": "central parity"}
    _write(rates, [{**same, "rate_on": day, "rate": rate} for day, rate in RATES.items()])
    return customers, rates


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
