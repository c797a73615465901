"""Three years of statements that tie to the unit, made from how strong a company is.

Each figure is drawn as a share of revenue or assets, in whole thousandths; what is left over falls
to cash or to short-term borrowings, so that both sides meet. A year before the first is made too,
for flows to start from, and left out.
"""

from dataclasses import dataclass
from datetime import date
from random import Random

YEARS = 3


@dataclass(frozen=True)
class Strength:
    """Ranges of a company's ratios, in thousandths."""

    gross_margin: tuple[int, int]
    expenses: tuple[int, int]  # of revenue
    growth: tuple[int, int]
    equity: tuple[int, int]  # of assets, in the year before the first
    receivable_days: tuple[int, int]
    inventory_days: tuple[int, int]
    borrowing_rate: int


STRENGTHS = {
    "strong": Strength((300, 360), (130, 160), (60, 160), (600, 680), (30, 45), (25, 40), 34),
    "sound": Strength((230, 280), (130, 150), (40, 110), (480, 560), (40, 60), (35, 55), 40),
    "fair": Strength((170, 200), (105, 120), (0, 60), (330, 400), (60, 85), (55, 75), 46),
    "weak": Strength((120, 150), (80, 92), (-30, 30), (260, 300), (80, 110), (75, 100), 52),
    "failing": Strength((60, 90), (110, 130), (-180, -80), (-80, -30), (100, 140), (100, 130), 60),
}


def statements(
    revenue: int, strength: Strength, last_end_on: date, rng: Random, *, years: int = YEARS
) -> list[dict[str, str]]:
    """Rows in the import's own columns, oldest first; `revenue` is that of the last year."""
    growths = [rng.randint(*strength.growth) for _ in range(years)]
    sales = [revenue]
    for growth in reversed(growths):
        sales.insert(0, sales[0] * 1000 // (1000 + growth))
    year = _Year(sales[0], strength, None, rng)
    rows = []
    for place, amount in enumerate(sales[1:]):
        year = _Year(amount, strength, year, rng)
        end_on = date(last_end_on.year - years + 1 + place, last_end_on.month, last_end_on.day)
        rows.append(year.row(end_on))
    return rows


class _Year:
    """One year's books, after another's."""

    def __init__(
        self, revenue: int, strength: Strength, before: "_Year | None", rng: Random
    ) -> None:
        self._before = before
        self.revenue = revenue
        self.cost = revenue - _part(revenue, rng.randint(*strength.gross_margin))
        self._hold_assets(strength, rng)
        self.fixed_before = before.fixed if before else self.fixed
        self._earn(strength, rng)
        self._fund(strength, rng)

    def _hold_assets(self, strength: Strength, rng: Random) -> None:
        self.receivables = self.revenue * rng.randint(*strength.receivable_days) // 365
        self.inventory = self.cost * rng.randint(*strength.inventory_days) // 365
        self.prepayments = _part(self.cost, rng.randint(10, 25))
        self.other_current = _part(self.revenue, rng.randint(5, 15))
        self.fixed = _part(self.revenue, rng.randint(180, 260))
        self.intangible = _part(self.revenue, rng.randint(10, 30))
        self.other_non_current = _part(self.revenue, rng.randint(5, 15))

    def _earn(self, strength: Strength, rng: Random) -> None:
        self.expenses = _part(self.revenue, rng.randint(*strength.expenses))
        self.depreciation = _part(self.fixed_before, rng.randint(70, 100))
        owed = self._before.borrowed if self._before else _part(self.revenue, 80)
        self.interest = _part(owed, strength.borrowing_rate)
        self.ebitda = self.revenue - self.cost - self.expenses
        self.ebit = self.ebitda - self.depreciation
        self.before_tax = self.ebit - self.interest
        self.tax = self.before_tax // 4 if self.before_tax > 0 else 0
        self.net = self.before_tax - self.tax

    def _fund(self, strength: Strength, rng: Random) -> None:
        """Equity first, then what trade lends, then the bank; what is too much lies in cash."""
        before = self._before
        need = self._held + _part(self.revenue, 50)
        self.payables = self.cost * rng.randint(30, 50) // 365
        self.advances = _part(self.revenue, rng.randint(5, 20))
        self.other_liabilities = _part(self.revenue, rng.randint(10, 20))
        self.other_long = _part(self.revenue, rng.randint(0, 8))
        if before is None:
            equity = need * rng.randint(*strength.equity) // 1000
            self.capital = max(equity * 6 // 10, need // 20)
            self.retained, self.dividends = equity - self.capital, 0
        else:
            self.capital = before.capital
            self.dividends = max(0, self.net * 3 // 10)
            self.retained = before.retained + self.net - self.dividends
        rest = need - self.equity - self._trade
        self.long_term = max(0, rest * 4 // 10)
        self.short_term = max(0, rest - self.long_term)
        self.cash = self.equity + self._trade + self.borrowed - self._held

    @property
    def equity(self) -> int:
        return self.capital + self.retained

    @property
    def borrowed(self) -> int:
        return self.short_term + self.long_term

    @property
    def _trade(self) -> int:
        return self.payables + self.advances + self.other_liabilities + self.other_long

    @property
    def _held(self) -> int:
        """All assets but cash."""
        current = self.receivables + self.inventory + self.prepayments + self.other_current
        return current + self.fixed + self.intangible + self.other_non_current

    def row(self, end_on: date) -> dict[str, str]:
        """The year in the columns of the import."""
        figures = {**self._assets(), **self._liabilities(), **self._income(), **self._flows()}
        texts = {name: str(figure) for name, figure in figures.items()}
        return {"period_end_on": end_on.isoformat(), "audited": "yes", **texts}

    def _assets(self) -> dict[str, int]:
        non_current = self.fixed + self.intangible + self.other_non_current
        return {
            "cash": self.cash,
            "receivables": self.receivables,
            "inventory": self.inventory,
            "prepayments": self.prepayments,
            "other_current_assets": self.other_current,
            "current_assets": self.cash + self._held - non_current,
            "fixed_assets": self.fixed,
            "intangible_assets": self.intangible,
            "other_non_current_assets": self.other_non_current,
            "non_current_assets": non_current,
            "total_assets": self.cash + self._held,
        }

    def _liabilities(self) -> dict[str, int]:
        current = self.short_term + self.payables + self.advances + self.other_liabilities
        return {
            "short_term_borrowings": self.short_term,
            "payables": self.payables,
            "advances_received": self.advances,
            "other_current_liabilities": self.other_liabilities,
            "current_liabilities": current,
            "long_term_borrowings": self.long_term,
            "other_non_current_liabilities": self.other_long,
            "total_liabilities": current + self.long_term + self.other_long,
            "paid_in_capital": self.capital,
            "retained_earnings": self.retained,
            "equity": self.equity,
        }

    def _income(self) -> dict[str, int]:
        return {
            "revenue": self.revenue,
            "cost_of_sales": self.cost,
            "gross_profit": self.revenue - self.cost,
            "operating_expenses": self.expenses,
            "ebitda": self.ebitda,
            "depreciation_amortisation": self.depreciation,
            "ebit": self.ebit,
            "interest_expense": self.interest,
            "profit_before_tax": self.before_tax,
            "income_tax": self.tax,
            "net_income": self.net,
        }

    def _flows(self) -> dict[str, int]:
        """What moved since the year before; the three flows are exactly the change in cash."""
        before = self._before
        assert before is not None
        fixed = self.fixed + self.intangible + self.other_non_current
        fixed_before = before.fixed + before.intangible + before.other_non_current
        investing = -(fixed - fixed_before + self.depreciation)
        financing = self.borrowed - before.borrowed + self.capital - before.capital
        financing -= self.dividends
        return {
            "cash_opening": before.cash,
            "operating_cash_flow": self.cash - before.cash - investing - financing,
            "investing_cash_flow": investing,
            "financing_cash_flow": financing,
        }


def _part(whole: int, thousandths: int) -> int:
    return whole * thousandths // 1000
