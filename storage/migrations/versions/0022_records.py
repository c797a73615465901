"""records: two records of one customer merged, and a customer that supplies us too.

Nothing that was written under the id of the record that gave way is rewritten. Which ids are one
customer is said by `customer_alias` alone, and asked by three functions.
"""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_TABLES, *_READING, *_TRADE, *_EXPOSURE):
        op.execute(statement)
    for table in (
        "customer_merge",
        "customer_merge_act",
        "party_role",
        "payable",
        "payable_settlement",
        "set_off_agreement",
    ):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_TABLES = (
    """
    CREATE TABLE customer_merge (
        merge_id text CONSTRAINT pk_customer_merge PRIMARY KEY,
        losing_id text NOT NULL
            CONSTRAINT fk_customer_merge_losing_id REFERENCES customer (customer_id),
        surviving_id text NOT NULL
            CONSTRAINT fk_customer_merge_surviving_id REFERENCES customer (customer_id),
        reason text NOT NULL,
        likeness jsonb,
        proposed_by text NOT NULL,
        proposed_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_customer_merge_two CHECK (losing_id <> surviving_id),
        CONSTRAINT uq_customer_merge_proposed_by UNIQUE (merge_id, proposed_by)
    )
    """,
    "CREATE INDEX ix_customer_merge_losing_id ON customer_merge (losing_id)",
    "CREATE INDEX ix_customer_merge_surviving_id ON customer_merge (surviving_id)",
    # The proposer stands here again, so that a row can hold that two people did it.
    """
    CREATE TABLE customer_merge_act (
        merge_id text,
        act text,
        reason text NOT NULL,
        proposed_by text NOT NULL,
        acted_by text NOT NULL,
        acted_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_customer_merge_act PRIMARY KEY (merge_id, act),
        CONSTRAINT fk_customer_merge_act_merge_id FOREIGN KEY (merge_id, proposed_by)
            REFERENCES customer_merge (merge_id, proposed_by),
        CONSTRAINT ck_customer_merge_act_act
            CHECK (act IN ('confirmed', 'declined', 'taken_back')),
        CONSTRAINT ck_customer_merge_act_two_people
            CHECK (act <> 'confirmed' OR acted_by <> proposed_by)
    )
    """,
    """
    CREATE UNIQUE INDEX uq_customer_merge_act_decided
        ON customer_merge_act (merge_id) WHERE act IN ('confirmed', 'declined')
    """,
    # What the merges that stand come to: flat, so that no read follows a chain.
    """
    CREATE TABLE customer_alias (
        alias_id text CONSTRAINT pk_customer_alias PRIMARY KEY
            CONSTRAINT fk_customer_alias_alias_id REFERENCES customer (customer_id),
        customer_id text NOT NULL
            CONSTRAINT fk_customer_alias_customer_id REFERENCES customer (customer_id),
        merged_on date NOT NULL,
        CONSTRAINT ck_customer_alias_two CHECK (alias_id <> customer_id)
    )
    """,
    "CREATE INDEX ix_customer_alias_customer_id ON customer_alias (customer_id)",
    """
    CREATE FUNCTION customer_alias_flat() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM customer_alias a
            WHERE a.alias_id = NEW.customer_id OR a.customer_id = NEW.alias_id)
        THEN
            RAISE EXCEPTION 'customer % would be an alias of an alias', NEW.alias_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER customer_alias_flat BEFORE INSERT OR UPDATE ON customer_alias
    FOR EACH ROW EXECUTE FUNCTION customer_alias_flat()
    """,
)

_READING = (
    # The id that answers for this one: itself, unless it gave way to another.
    """
    CREATE FUNCTION customer_survivor(p_customer_id text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(
            (SELECT customer_id FROM customer_alias WHERE alias_id = p_customer_id), p_customer_id)
    $$
    """,
    # Every id of these customers, whichever of them was asked for.
    """
    CREATE FUNCTION customer_ids(VARIADIC p_customer_ids text[]) RETURNS text[]
    LANGUAGE sql STABLE AS $$
        WITH survivor AS (SELECT DISTINCT customer_survivor(id) AS id FROM unnest(p_customer_ids) id)
        SELECT coalesce(array_agg(id), '{}') FROM (
            SELECT id FROM survivor
            UNION ALL
            SELECT alias_id FROM customer_alias JOIN survivor ON customer_id = survivor.id
        ) one
    $$
    """,
    # Whose customer each id is; one that gave way belongs to whoever has the one that stayed.
    """
    CREATE VIEW customer_owner AS
        SELECT c.customer_id, c.manager_id FROM customer c
        WHERE NOT EXISTS (SELECT FROM customer_alias a WHERE a.alias_id = c.customer_id)
        UNION ALL
        SELECT a.alias_id, c.manager_id FROM customer_alias a JOIN customer c USING (customer_id)
    """,
    """
    CREATE FUNCTION invoice_paid(i invoice) RETURNS numeric LANGUAGE sql STABLE AS $$
        SELECT coalesce(sum(amount_minor), 0) FROM payment
        WHERE customer_id = i.customer_id AND invoice_no = i.invoice_no
    $$
    """,
    # The ids of customers that have more than one: few, so that a query of the whole book asks the
    # dearer question below of their invoices alone.
    """
    CREATE VIEW customer_of_many_ids AS
        SELECT alias_id AS customer_id FROM customer_alias
        UNION SELECT customer_id FROM customer_alias
    """,
    # An invoice that both records hold is counted once: as the one of the two on which more is
    # paid, then as that of the record that stayed.
    """
    CREATE FUNCTION invoice_counts(i invoice) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT NOT EXISTS (
            SELECT FROM invoice twin
            WHERE twin.customer_id = ANY (customer_ids(i.customer_id))
                AND twin.customer_id <> i.customer_id AND twin.invoice_no = i.invoice_no
                AND (twin.issued_on, twin.due_on, twin.amount_minor, twin.currency)
                    = (i.issued_on, i.due_on, i.amount_minor, i.currency)
                AND (invoice_paid(twin), twin.customer_id = customer_survivor(twin.customer_id),
                        twin.customer_id)
                    > (invoice_paid(i), i.customer_id = customer_survivor(i.customer_id),
                        i.customer_id)
        )
    $$
    """,
)

_TRADE = (
    """
    CREATE TABLE party_role (
        role_id text,
        version integer,
        customer_id text NOT NULL
            CONSTRAINT fk_party_role_customer_id REFERENCES customer (customer_id),
        role text NOT NULL,
        valid_from date NOT NULL,
        valid_until date,
        source text NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_party_role PRIMARY KEY (role_id, version),
        CONSTRAINT ck_party_role_role CHECK (role IN ('customer', 'supplier')),
        CONSTRAINT ck_party_role_dates CHECK (valid_until >= valid_from),
        CONSTRAINT ck_party_role_version CHECK (version >= 1)
    )
    """,
    "CREATE INDEX ix_party_role_customer_id ON party_role (customer_id)",
    """
    CREATE TABLE payable (
        customer_id text CONSTRAINT fk_payable_customer_id REFERENCES customer (customer_id),
        payable_no text,
        issued_on date NOT NULL,
        due_on date NOT NULL,
        amount_minor bigint NOT NULL,
        currency text NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_payable PRIMARY KEY (customer_id, payable_no),
        CONSTRAINT ck_payable_dates CHECK (due_on >= issued_on),
        CONSTRAINT ck_payable_amount CHECK (amount_minor > 0)
    )
    """,
    """
    CREATE TABLE payable_settlement (
        customer_id text,
        payable_no text,
        settlement_no text,
        settled_on date NOT NULL,
        amount_minor bigint NOT NULL,
        currency text NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_payable_settlement PRIMARY KEY (customer_id, payable_no, settlement_no),
        CONSTRAINT fk_payable_settlement_payable_no FOREIGN KEY (customer_id, payable_no)
            REFERENCES payable (customer_id, payable_no),
        CONSTRAINT ck_payable_settlement_amount CHECK (amount_minor > 0)
    )
    """,
    """
    CREATE TABLE set_off_agreement (
        agreement_id text CONSTRAINT pk_set_off_agreement PRIMARY KEY,
        customer_id text NOT NULL
            CONSTRAINT fk_set_off_agreement_customer_id REFERENCES customer (customer_id),
        evidence_hash text NOT NULL
            CONSTRAINT fk_set_off_agreement_evidence_hash REFERENCES attachment (sha256),
        signed_on date NOT NULL,
        valid_from date NOT NULL,
        valid_until date,
        most_minor bigint,
        currency text,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_set_off_agreement_dates CHECK (valid_until >= valid_from),
        CONSTRAINT ck_set_off_agreement_most CHECK ((most_minor IS NULL) = (currency IS NULL))
    )
    """,
    "CREATE INDEX ix_set_off_agreement_customer_id ON set_off_agreement (customer_id)",
)

# As in 0007, but that an order may name the customer by any of its ids, and that what is lent to
# the same party as a supplier is no line to sell on.
_EXPOSURE = (
    """
    CREATE OR REPLACE FUNCTION exposure_line_of(
        p_customer_id text, p_currency text, p_business_on date
    ) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT owner_id FROM exposure_account
        WHERE kind = 'line' AND customer_id = ANY (customer_ids(p_customer_id))
            AND currency = p_currency AND status IN ('active', 'frozen', 'collect_only')
            AND NOT EXISTS (SELECT FROM credit_line l
                WHERE l.line_id = owner_id AND l.terms ->> 'product' = 'prepayment')
        ORDER BY status = 'active' AND p_business_on BETWEEN starts_on AND last_draw_on DESC,
            status, account_no
        LIMIT 1
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION exposure_answered(
        p_key text, p_kinds text[], p_line_id text, p_customer_id text, p_currency text,
        p_amount bigint, p_reservation_id uuid
    ) RETURNS exposure_answer LANGUAGE plpgsql STABLE AS $$
    DECLARE
        first exposure_entry;
        account exposure_account;
        answer exposure_answer;
    BEGIN
        SELECT * INTO first FROM exposure_entry WHERE key = p_key;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        SELECT * INTO account FROM exposure_account WHERE account_no = first.account_no;
        answer.verdict := 'key_reused';
        answer.replayed := true;
        IF first.kind = ANY (p_kinds) AND account.kind = 'line'
            AND account.owner_id = coalesce(p_line_id, account.owner_id)
            AND (p_customer_id IS NULL
                OR account.customer_id = ANY (customer_ids(p_customer_id)))
            AND account.currency = coalesce(p_currency, account.currency)
            AND first.amount_minor = coalesce(p_amount, first.amount_minor)
            AND first.reservation_id IS NOT DISTINCT FROM p_reservation_id
        THEN
            answer.verdict := coalesce(first.reason, first.kind);
            answer.line_id := account.owner_id;
            answer.entry_id := first.entry_id;
            answer.reserved := first.reserved_after;
            answer.used := first.used_after;
            answer.headroom := first.headroom_minor;
            answer.binding := exposure_account_name(first.binding_no);
            answer.fact := exposure_date(account, first.reason);
            answer.expires_at := first.expires_at;
            answer.amount := first.amount_minor;
            answer.currency := account.currency;
        END IF;
        RETURN answer;
    END
    $$
    """,
)
