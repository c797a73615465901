"""What the standard edition's own scorecard is worth on companies that were listed."""

from datetime import date
from decimal import localcontext

import numpy as np

from creditflow.model.columns import Columns, FirmYear
from creditflow.model.statistics import auc
from creditflow.model.study import Selection, read_sample
from domain.statement import Item, Statement
from policies.formula import EXACT
from policies.spreading import Scope
from policies.tables import tables_of
from tests.makers_policy import MILLION, a_customer, an_edition
from tests.model.real import COLUMNS, US, needs_real_data


def a_filed(row: FirmYear) -> Statement:
    """A row of the file as a statement on record."""
    return Statement(
        customer_id="c-1",
        period_end_on=date(int(row.time), 12, 31),
        currency="USD",
        items={Item(name): figure * MILLION for name, figure in row.items.items()},
    )


@needs_real_data
def test_statements_alone_tell_failing_companies_from_others() -> None:
    columns = Columns.of_file(COLUMNS / "us_statements_private.toml")
    sample = read_sample(Selection(data=US, columns=columns, label="fail_1y", after="2005"))
    [table], edition, scores = tables_of(an_edition()).cards, an_edition(), []
    with localcontext(EXACT):
        for row in sample.rows:
            filed = [a_filed(each) for each in (row.before, row) if each is not None]
            scope = Scope(edition, a_customer(), filed, date(int(row.time) + 1, 6, 30))
            scores.append(float(table.score(scope.value)))

    assert auc(-np.array(scores), sample.bad) >= 0.84
