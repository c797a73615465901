"""ledger: what takes nothing of a limit is taken on any line, also on one that stands above its limit;
a refusal for what is lent by name says what is left.

A use that its deposit covers wholly takes nothing. On an account above its limit the update found no
room for it and the verdict no reason against it, and the procedure asked both for ever. Whatever else
the two might come to differ in now ends with an error, and nothing is taken. What is left by name was
told as nothing where no sub-line caps it, and a refusal asked for again could not be told at all.
"""

from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    """Written without importing our code."""
    connection = op.get_bind()
    for name, changed in _CHANGED.items():
        source: str = connection.exec_driver_sql(
            f"SELECT pg_get_functiondef('{name}'::regproc)"
        ).scalar_one()
        for before, after, times in changed:
            assert source.count(before) == times, before
            source = source.replace(before, after)
        op.execute(source)


_LIMIT = """CASE WHEN a.parts IS NULL THEN a.limit_minor
                    ELSE exposure_limit_on(a.limit_minor, a.parts, p_business_on) END"""
_ROOM = f"{_LIMIT} - a.reserved_minor - a.used_minor - a.spent_minor"
_RESERVE = (
    # Of the line, its sub-line, and the accounts above: customer, cover, group.
    (f"p_amount <= {_ROOM}", f"p_amount = 0 OR p_amount <= {_ROOM}", 5),
    (f"'unlimited' THEN {_ROOM} END", f"'unlimited' THEN greatest({_ROOM}, 0) END", 5),
    (
        "SET reserved_minor = a.reserved_minor + p_amount, entries = a.entries + 1,",
        "SET reserved_minor = a.reserved_minor + p_amount, entries = a.entries + 1,\n"
        "                over_minor = CASE p_amount WHEN 0\n"
        "                    THEN exposure_over(a, 0, p_business_on) ELSE a.over_minor END,",
        5,
    ),
    (
        "        LOOP\n            UPDATE",
        "        FOR asked IN 1 .. 1000 LOOP\n            UPDATE",
        1,
    ),
    (
        "        END LOOP;\n        PERFORM set_config",
        "        END LOOP;\n        IF verdict IS NULL THEN\n"
        "            RAISE EXCEPTION 'line % is neither taken from nor refused', wanted;\n"
        "        END IF;\n        PERFORM set_config",
        1,
    ),
)
# By name is looked at last: where both are too little, what is left of the limit is the answer.
_VERDICT = (
    (
        """            exposure_misfit(line, p_business_on, p_purpose, p_due_on, p_nominal,
                p_deposit),
            exposure_misfit(sub, p_business_on, p_purpose, p_due_on, p_nominal, p_deposit),
            CASE WHEN p_amount > answer.headroom THEN 'over_limit' END);
""",
        """            nullif(exposure_misfit(line, p_business_on, p_purpose, p_due_on, p_nominal,
                p_deposit), 'over_nominal'),
            nullif(exposure_misfit(sub, p_business_on, p_purpose, p_due_on, p_nominal,
                p_deposit), 'over_nominal'),
            CASE WHEN p_amount > answer.headroom THEN 'over_limit' END,
            exposure_misfit(line, p_business_on, p_purpose, p_due_on, p_nominal, p_deposit),
            exposure_misfit(sub, p_business_on, p_purpose, p_due_on, p_nominal, p_deposit));
""",
        1,
    ),
    (
        """            WHEN 'over_nominal' THEN least(
                greatest(line.nominal_limit_minor - line.nominal_minor, 0),
                greatest(sub.nominal_limit_minor - sub.nominal_minor, 0))::text
""",
        "",
        1,
    ),
)
_DATE = (
    (
        "WHEN 'product' THEN a.product END",
        "WHEN 'product' THEN a.product\n"
        "            WHEN 'over_nominal' THEN CASE WHEN a.nominal_limit_minor IS NOT NULL\n"
        "                THEN greatest(a.nominal_limit_minor - a.nominal_minor, 0)::text END END",
        1,
    ),
)
_CHANGED = {
    "exposure_reserve": _RESERVE,
    "exposure_verdict": _VERDICT,
    "exposure_date": _DATE,
}
