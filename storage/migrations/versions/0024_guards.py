"""guards: the book by product and use, the largest, what letters add, the register of related parties.

The sums of the book get a product and what is used beside the limit; a release before this one
writes them without, which reads as before.
"""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_BOOK, *_LETTERS, *_RELATED):
        op.execute(statement)


_BOOK = (
    "ALTER TABLE book_share ADD COLUMN product text NOT NULL DEFAULT ''",
    "ALTER TABLE book_share ADD COLUMN used_minor bigint NOT NULL DEFAULT 0",
    "ALTER TABLE book_share DROP CONSTRAINT pk_book_share",
    """
    ALTER TABLE book_share
        ADD CONSTRAINT pk_book_share PRIMARY KEY (scope, name, currency, product)
    """,
    "ALTER TABLE book_share DROP CONSTRAINT ck_book_share_scope",
    """
    ALTER TABLE book_share ADD CONSTRAINT ck_book_share_scope CHECK (
        scope IN ('total', 'industry', 'region', 'grade', 'unit', 'unit_grade'))
    """,
    # The customers that are the largest by limits, by loans or by exposure, each with its parts.
    """
    CREATE TABLE book_largest (
        customer_id text NOT NULL,
        product text NOT NULL,
        currency text NOT NULL,
        limit_minor bigint NOT NULL,
        used_minor bigint NOT NULL,
        place integer NOT NULL,
        as_of date NOT NULL,
        CONSTRAINT pk_book_largest PRIMARY KEY (customer_id, product, currency)
    )
    """,
)

_LETTERS = (
    # What an approved letter grants, of which so much is new, and what was eligible for it.
    """
    CREATE TABLE letter_limit (
        letter_no text CONSTRAINT pk_letter_limit PRIMARY KEY
            CONSTRAINT fk_letter_limit_letter_no REFERENCES letter,
        customer_id text NOT NULL,
        unit text NOT NULL,
        decided_on date NOT NULL,
        currency text NOT NULL,
        limit_minor bigint NOT NULL,
        eligible_minor bigint NOT NULL,
        added_minor bigint NOT NULL CONSTRAINT ck_letter_limit_added CHECK (added_minor >= 0),
        route_row text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # The letters of the releases before, from their receipts; an amount is written with all the
    # decimals of its currency. What a change replaced counts where it was in the same currency.
    """
    INSERT INTO letter_limit (letter_no, customer_id, unit, decided_on, currency, limit_minor,
        eligible_minor, added_minor, route_row)
    SELECT l.letter_no, l.customer_id, coalesce(p.branch, ''), l.decided_on, l.currency,
        l.limit_minor,
        CASE WHEN r.proposed ->> 'currency' = l.currency
            THEN replace(r.proposed ->> 'amount', '.', '')::bigint ELSE l.limit_minor END,
        CASE r.kind WHEN 'pre_approval' THEN 0 WHEN 'new_line' THEN l.limit_minor
            ELSE greatest(0, l.limit_minor
                - CASE WHEN r.replaced ->> 'currency' = l.currency
                    THEN replace(r.replaced ->> 'amount', '.', '')::bigint ELSE l.limit_minor END)
        END,
        r.route_row
    FROM letter l
    JOIN LATERAL (
        SELECT a.receipt -> 'limit' -> 'limit_proposed' AS proposed,
            a.receipt -> 'dossier' -> 'application' ->> 'application_type' AS kind,
            coalesce(
                nullif(a.receipt -> 'dossier' -> 'holdings' -> 'line_limit', 'null'::jsonb),
                a.receipt -> 'dossier' -> 'holdings' -> 'own_limits') AS replaced,
            a.receipt -> 'route' ->> 'row' AS route_row
        FROM assessment a WHERE a.subject_id = l.subject_id ORDER BY a.n DESC LIMIT 1
    ) r ON true
    LEFT JOIN customer c ON c.customer_id = l.customer_id
    LEFT JOIN person p ON p.person_id = c.manager_id
    WHERE l.approved AND l.limit_minor IS NOT NULL
    """,
    "CREATE INDEX ix_application_business_on ON application (business_on)",
    "CREATE INDEX ix_letter_limit_decided_on ON letter_limit (decided_on, unit)",
    """
    CREATE INDEX ix_letter_limit_above ON letter_limit (decided_on, letter_no)
        WHERE limit_minor > eligible_minor
    """,
    """
    CREATE TRIGGER letter_limit_append_only BEFORE UPDATE OR DELETE ON letter_limit
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)

_RELATED = (
    """
    CREATE TABLE related_entry (
        entry_id text NOT NULL,
        version integer NOT NULL CONSTRAINT ck_related_entry_version CHECK (version >= 1),
        subject text NOT NULL,
        content jsonb NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_related_entry PRIMARY KEY (entry_id, version),
        CONSTRAINT uq_related_entry_recorded_by UNIQUE (entry_id, version, recorded_by)
    )
    """,
    "CREATE INDEX ix_related_entry_subject ON related_entry (subject)",
    # A second person's word on a version; without it the version counts for nothing.
    """
    CREATE TABLE related_check (
        entry_id text NOT NULL,
        version integer NOT NULL,
        recorded_by text NOT NULL,
        accepted boolean NOT NULL,
        checked_by text NOT NULL,
        note text NOT NULL DEFAULT '',
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_related_check PRIMARY KEY (entry_id, version),
        CONSTRAINT fk_related_check_entry_id FOREIGN KEY (entry_id, version, recorded_by)
            REFERENCES related_entry (entry_id, version, recorded_by),
        -- Whoever makes an entry does not also check it, whatever the program believes.
        CONSTRAINT ck_related_check_hands CHECK (checked_by <> recorded_by)
    )
    """,
    """
    CREATE INDEX ix_customer_related ON customer (customer_id)
        WHERE content @> '{"related_to_grantor": true}'
    """,
    *(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
        """
        for table in ("related_entry", "related_check")
    ),
)
