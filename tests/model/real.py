"""Real files to fit on, beside the project; tests that need them skip where they are not."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
US = DATA / "us_statements" / "us_firm_years_1999_2011.csv"
PL = DATA / "pl_statements" / "pl_statements.csv"
KZ = DATA / "kz_borrowers" / "kz_borrowers.csv"
COLUMNS = Path(__file__).parents[1] / "columns"

needs_real_data = pytest.mark.skipif(
    not US.exists(), reason="../shared/data is not beside the project"
)
