"""offers, reconsiderations: terms other than those asked for wait for the customer; conditions with a day of their own."""

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_WORDS, *_OFFERS, _RECONSIDERATION):
        op.execute(statement)
    for table in ("offer", "offer_act", "offer_end", "reconsideration"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_WORDS = (
    "ALTER TABLE decision ADD COLUMN term_months integer",
    """
    ALTER TABLE condition_precedent
        ADD COLUMN after_activation boolean NOT NULL DEFAULT false
    """,
)

_OFFERS = (
    """
    CREATE TABLE offer (
        letter_no text CONSTRAINT pk_offer PRIMARY KEY
            CONSTRAINT fk_offer_letter_no REFERENCES letter,
        case_id text NOT NULL CONSTRAINT uq_offer_case_id UNIQUE,
        customer_id text NOT NULL,
        offer_hash text NOT NULL,
        differences jsonb NOT NULL,
        deciders jsonb NOT NULL,
        token_hash text NOT NULL CONSTRAINT uq_offer_token_hash UNIQUE,
        made_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_offer_version UNIQUE (letter_no, offer_hash),
        CONSTRAINT uq_offer_expiry UNIQUE (letter_no, expires_at),
        CONSTRAINT ck_offer_expiry CHECK (expires_at > made_at)
    )
    """,
    # What was said about one version, by whoever holds the link or for the customer at a desk;
    # nobody who decided the letter says it.
    """
    CREATE TABLE offer_act (
        act_id text CONSTRAINT pk_offer_act PRIMARY KEY,
        letter_no text NOT NULL,
        offer_hash text NOT NULL,
        accepts boolean NOT NULL,
        person_id text NOT NULL,
        deciders jsonb NOT NULL,
        note text NOT NULL,
        acted_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_offer_act_says UNIQUE (act_id, letter_no, accepts),
        CONSTRAINT fk_offer_act_version
            FOREIGN KEY (letter_no, offer_hash) REFERENCES offer (letter_no, offer_hash),
        CONSTRAINT ck_offer_act_decider CHECK (NOT deciders ? person_id)
    )
    """,
    # An offer ends once. Silence has no act, and without an act there is no acceptance.
    """
    CREATE TABLE offer_end (
        letter_no text CONSTRAINT pk_offer_end PRIMARY KEY,
        expires_at timestamptz NOT NULL,
        outcome text NOT NULL CONSTRAINT ck_offer_end_outcome
            CHECK (outcome IN ('accepted', 'declined', 'lapsed', 'withdrawn')),
        act_id text,
        accepts boolean,
        ended_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_offer_end_offer
            FOREIGN KEY (letter_no, expires_at) REFERENCES offer (letter_no, expires_at),
        CONSTRAINT fk_offer_end_act
            FOREIGN KEY (act_id, letter_no, accepts)
            REFERENCES offer_act (act_id, letter_no, accepts),
        CONSTRAINT ck_offer_end_act CHECK (CASE outcome
            WHEN 'accepted' THEN act_id IS NOT NULL AND accepts IS TRUE AND ended_at < expires_at
            WHEN 'declined' THEN act_id IS NOT NULL AND accepts IS FALSE
            ELSE act_id IS NULL AND accepts IS NULL END)
    )
    """,
    # No agreement is made from what was offered and not accepted, whatever the program believes.
    """
    CREATE FUNCTION contract_of_accepted_offer() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM offer o WHERE o.letter_no = NEW.letter_no)
            AND NOT EXISTS (SELECT FROM offer_end e
                WHERE e.letter_no = NEW.letter_no AND e.outcome = 'accepted')
        THEN
            RAISE EXCEPTION 'the offer of % is not accepted', NEW.letter_no
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER contract_of_accepted_offer BEFORE INSERT ON contract
    FOR EACH ROW EXECUTE FUNCTION contract_of_accepted_offer()
    """,
)

# A decision is reconsidered once, and what came of that is not.
_RECONSIDERATION = """
    CREATE TABLE reconsideration (
        letter_no text CONSTRAINT pk_reconsideration PRIMARY KEY
            CONSTRAINT fk_reconsideration_letter_no REFERENCES letter,
        declined_case_id text NOT NULL CONSTRAINT uq_reconsideration_declined_case_id UNIQUE
            CONSTRAINT fk_reconsideration_declined_case_id REFERENCES application,
        case_id text NOT NULL CONSTRAINT uq_reconsideration_case_id UNIQUE
            CONSTRAINT fk_reconsideration_case_id REFERENCES intake,
        steps jsonb NOT NULL,
        evidence jsonb NOT NULL,
        grounds text NOT NULL CONSTRAINT ck_reconsideration_grounds CHECK (grounds <> ''),
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_reconsideration_evidence CHECK (evidence <> '{}'),
        CONSTRAINT ck_reconsideration_other CHECK (case_id <> declined_case_id)
    )
"""
