"""contract: agreements, how each ended, the customer's one-time link and what was done with it."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in _CONTRACT:
        op.execute(statement)


_CONTRACT = (
    """
    CREATE TABLE contract (
        contract_id text CONSTRAINT pk_contract PRIMARY KEY,
        case_id text NOT NULL,
        letter_no text NOT NULL CONSTRAINT uq_contract_letter_no UNIQUE,
        letter_hash text NOT NULL,
        terms jsonb NOT NULL,
        status text NOT NULL CONSTRAINT ck_contract_status CHECK (
            status IN ('sent', 'signed', 'declined', 'expired', 'withdrawn')),
        document_hash text NOT NULL CONSTRAINT fk_contract_document_hash REFERENCES attachment,
        signed_hash text CONSTRAINT fk_contract_signed_hash REFERENCES attachment,
        act_id text,
        sent_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_contract_ended CHECK ((status = 'sent') = (ended_at IS NULL)),
        CONSTRAINT ck_contract_signed CHECK ((status = 'signed') = (signed_hash IS NOT NULL)),
        CONSTRAINT ck_contract_act CHECK ((status IN ('signed', 'declined')) = (act_id IS NOT NULL))
    )
    """,
    "CREATE INDEX ix_contract_case_id ON contract (case_id)",
    """
    CREATE TABLE contract_event (
        contract_id text NOT NULL CONSTRAINT fk_contract_event_contract_id REFERENCES contract,
        status text NOT NULL,
        reason text NOT NULL DEFAULT '',
        at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_contract_event PRIMARY KEY (contract_id, status)
    )
    """,
    """
    CREATE TABLE signing_link (
        token_hash text CONSTRAINT pk_signing_link PRIMARY KEY,
        contract_id text NOT NULL CONSTRAINT uq_signing_link_contract_id UNIQUE
            CONSTRAINT fk_signing_link_contract_id REFERENCES contract,
        expires_at timestamptz NOT NULL,
        used_at timestamptz,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE customer_act (
        act_id text CONSTRAINT pk_customer_act PRIMARY KEY,
        contract_id text NOT NULL CONSTRAINT fk_customer_act_contract_id REFERENCES contract,
        kind text NOT NULL CONSTRAINT ck_customer_act_kind CHECK (kind IN ('sign', 'decline')),
        signatory text,
        capacity text,
        authority_hash text CONSTRAINT fk_customer_act_authority_hash REFERENCES attachment,
        reason text NOT NULL DEFAULT '',
        acted_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_customer_act_signatory CHECK (
            (kind = 'sign') = (signatory IS NOT NULL AND capacity IS NOT NULL)),
        CONSTRAINT ck_customer_act_authority CHECK (
            capacity IS DISTINCT FROM 'authorised_agent' OR authority_hash IS NOT NULL)
    )
    """,
    "CREATE INDEX ix_customer_act_contract_id ON customer_act (contract_id)",
    """
    ALTER TABLE contract ADD CONSTRAINT fk_contract_act_id
        FOREIGN KEY (act_id) REFERENCES customer_act
    """,
    # What was sent stays as it was sent, and an end is an end, whatever a program may believe.
    """
    CREATE FUNCTION contract_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR OLD.status <> 'sent' OR NEW.terms <> OLD.terms
            OR NEW.document_hash <> OLD.document_hash OR NEW.letter_no <> OLD.letter_no
            OR NEW.case_id <> OLD.case_id OR NEW.sent_at <> OLD.sent_at
            OR NEW.expires_at <> OLD.expires_at THEN
            RAISE EXCEPTION 'an agreement ends once and is not edited' USING ERRCODE = '23001';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER contract_ends_once BEFORE UPDATE OR DELETE ON contract
    FOR EACH ROW EXECUTE FUNCTION contract_ends_once()
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON contract_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON customer_act
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
