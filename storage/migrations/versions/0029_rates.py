"""rates: fixings of benchmarks, rates of lines day by day, repricing dates left open; conditions of a
scheme in their own words.

Lines on record get the rates of their letters from the days these took effect. A release before this
one adds none, and a reader takes such a line's rate from its newest letter.
"""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_FIXINGS, *_RATES, *_KEPT, _FILL, *_CONDITIONS):
        op.execute(statement)


_FIXINGS = (
    """
    CREATE TABLE benchmark_fixing (
        benchmark text NOT NULL,
        fixed_on date NOT NULL,
        version integer NOT NULL CONSTRAINT ck_benchmark_fixing_version CHECK (version >= 1),
        rate numeric(12, 10) NOT NULL,
        source text NOT NULL,
        reason text NOT NULL,
        recorded_by text NOT NULL,
        corrects_by text,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_benchmark_fixing PRIMARY KEY (benchmark, fixed_on, version),
        CONSTRAINT ck_benchmark_fixing_correction CHECK (
            (version = 1) = (corrects_by IS NULL) AND (version = 1) = (reason = '')),
        -- Whoever enters a figure does not also correct it, whatever the program believes.
        CONSTRAINT ck_benchmark_fixing_hands CHECK (corrects_by <> recorded_by)
    )
    """,
)

_RATES = (
    """
    CREATE TABLE line_rate (
        line_id text NOT NULL CONSTRAINT fk_line_rate_line_id REFERENCES credit_line,
        key text NOT NULL,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        from_on date NOT NULL,
        rate_annual numeric NOT NULL CONSTRAINT ck_line_rate_rate CHECK (rate_annual >= 0),
        cause text NOT NULL CONSTRAINT ck_line_rate_cause CHECK (cause IN ('letter', 'repricing')),
        letter_no text NOT NULL,
        due_on date,
        benchmark text,
        fixing numeric,
        fixed_on date,
        fixing_version integer,
        spread_bp numeric,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_line_rate PRIMARY KEY (line_id, key),
        CONSTRAINT ck_line_rate_repricing CHECK (
            (cause = 'repricing') = (due_on IS NOT NULL)
            AND (cause = 'letter' OR benchmark IS NOT NULL)),
        CONSTRAINT ck_line_rate_fixing CHECK (
            num_nonnulls(benchmark, fixing, fixed_on, fixing_version, spread_bp) IN (0, 5))
    )
    """,
    "CREATE INDEX ix_line_rate_day ON line_rate (line_id, from_on, seq)",
    """
    CREATE TABLE line_rate_finding (
        line_id text NOT NULL CONSTRAINT fk_line_rate_finding_line_id REFERENCES credit_line,
        due_on date NOT NULL,
        benchmark text NOT NULL,
        found_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_line_rate_finding PRIMARY KEY (line_id, due_on)
    )
    """,
    """
    CREATE FUNCTION line_rate_on(l credit_line, p_on date) RETURNS numeric LANGUAGE sql STABLE AS $$
        SELECT coalesce(
            (SELECT r.rate_annual FROM line_rate r
             WHERE r.line_id = l.line_id AND r.from_on <= p_on
             ORDER BY r.from_on DESC, r.seq DESC LIMIT 1),
            (l.terms ->> 'rate_annual')::numeric)
    $$
    """,
    """
    CREATE INDEX ix_credit_line_floating ON credit_line (line_id)
        WHERE terms -> 'floating' <> 'null'
    """,
)

_KEPT = tuple(
    f"""
    CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """
    for table in ("benchmark_fixing", "line_rate", "line_rate_finding")
)

# What two investigators asked for stands in their words, with its day.
_CONDITIONS = (
    "ALTER TABLE condition_precedent ADD COLUMN text text NOT NULL DEFAULT ''",
    "ALTER TABLE condition_precedent ADD COLUMN due_on date",
)

_FILL = """
    INSERT INTO line_rate (line_id, key, from_on, rate_annual, cause, letter_no)
    SELECT a.line_id, a.letter_no, a.business_on,
        (letter.body #>> '{terms,rate_annual}')::numeric, 'letter', a.letter_no
    FROM line_activation a JOIN letter ON letter.letter_no = a.letter_no
    WHERE a.kind <> 'temporary_increase' AND letter.body #> '{terms,rate_annual}' IS NOT NULL
    ORDER BY a.business_on, a.activated_at, a.letter_no
"""
