"""A made book of firms: each a few years of statements, the weak ones failing in their last."""

import csv
from pathlib import Path

import numpy as np

COLUMNS = """firm = "firm"
time = "year"

[items]
total_assets = "assets"
total_liabilities = "debts"
current_assets = "current"
current_liabilities = "short"
net_income = "income"
revenue = "sales"
"""


def a_book(folder: Path, firms: int = 400) -> tuple[Path, Path]:
    """A file of such firms and its columns file; the same in every run."""
    chance = np.random.default_rng(5)
    data, columns = folder / "firms.csv", folder / "firms.toml"
    columns.write_text(COLUMNS, "utf-8")
    with data.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("firm year assets debts current short income sales bad note".split())
        for firm in range(firms):
            writer.writerows(_years(firm, chance))
    return data, columns


def _years(firm: int, chance: np.random.Generator) -> list[list[object]]:
    health = chance.normal()
    fails = bool(chance.random() < 1 / (1 + np.exp(2.5 + 1.8 * health)))
    last = 2000 + int(chance.integers(2, 9))
    rows: list[list[object]] = []
    for year in range(last - 2, last + 1):
        assets = 100 * np.exp(chance.normal(0, 1))
        weak = 0.25 if fails and year == last else 0.0
        debts = assets * float(
            np.clip(0.5 - 0.12 * health + weak + chance.normal(0, 0.08), 0.02, 2)
        )
        income = assets * (0.03 + 0.05 * health - weak / 2 + chance.normal(0, 0.04))
        current, short = assets * 0.5, debts * 0.6
        figures = [f"{each:.2f}" for each in (assets, debts, current, short, income, assets * 1.2)]
        rows.append([f"F{firm:04}", year, *figures, int(fails and year == last), "备注, kept"])
    return rows
