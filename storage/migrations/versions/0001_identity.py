"""identity: people, keys, sessions, one-time tokens, refusals, and answers given before."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    op.execute(
        """
        CREATE TABLE person (
            person_id text NOT NULL,
            title text NOT NULL,
            roles text[] NOT NULL,
            branch text NOT NULL,
            mail text NOT NULL,
            language text NOT NULL,
            password_hash text,
            disabled_at timestamptz,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_person PRIMARY KEY (person_id),
            CONSTRAINT ck_person_language CHECK (language IN ('en', 'zh-CN')),
            CONSTRAINT ck_person_roles CHECK (cardinality(roles) > 0)
        )
        """
    )
    # By the name typed, known or not, so that a stranger cannot tell the two apart.
    op.execute(
        """
        CREATE TABLE sign_in_failure (
            name text NOT NULL,
            failures integer NOT NULL,
            failed_at timestamptz NOT NULL,
            locked_until timestamptz,
            CONSTRAINT pk_sign_in_failure PRIMARY KEY (name),
            CONSTRAINT ck_sign_in_failure_failures CHECK (failures > 0)
        )
        """
    )
    op.execute("CREATE INDEX ix_sign_in_failure_failed_at ON sign_in_failure (failed_at)")
    op.execute(
        """
        CREATE TABLE api_key (
            key_hash text NOT NULL,
            key_id text NOT NULL,
            person_id text NOT NULL,
            label text NOT NULL,
            shown text NOT NULL,
            last_used_at timestamptz,
            revoked_at timestamptz,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_api_key PRIMARY KEY (key_hash),
            CONSTRAINT uq_api_key_key_id UNIQUE (key_id),
            CONSTRAINT fk_api_key_person_id FOREIGN KEY (person_id) REFERENCES person (person_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_api_key_person_id ON api_key (person_id)")
    op.execute(
        """
        CREATE TABLE sign_in_session (
            token_hash text NOT NULL,
            person_id text NOT NULL,
            csrf_token text NOT NULL,
            expires_at timestamptz NOT NULL,
            ended_at timestamptz,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_sign_in_session PRIMARY KEY (token_hash),
            CONSTRAINT fk_sign_in_session_person_id
                FOREIGN KEY (person_id) REFERENCES person (person_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_sign_in_session_person_id ON sign_in_session (person_id)")
    op.execute("CREATE INDEX ix_sign_in_session_expires_at ON sign_in_session (expires_at)")
    op.execute(
        """
        CREATE TABLE action_token (
            token_hash text NOT NULL,
            person_id text NOT NULL,
            subject text NOT NULL,
            expires_at timestamptz NOT NULL,
            used_at timestamptz,
            message_id text,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_action_token PRIMARY KEY (token_hash),
            CONSTRAINT fk_action_token_person_id
                FOREIGN KEY (person_id) REFERENCES person (person_id),
            CONSTRAINT ck_action_token_used CHECK ((used_at IS NULL) = (message_id IS NULL))
        )
        """
    )
    op.execute(
        """
        CREATE TABLE refusal (
            refusal_no bigint GENERATED ALWAYS AS IDENTITY,
            message_key text NOT NULL,
            channel text NOT NULL,
            subject text NOT NULL,
            action text NOT NULL,
            person_id text,
            code text NOT NULL,
            detail text NOT NULL,
            case_id text,
            body_hash text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_refusal PRIMARY KEY (refusal_no),
            CONSTRAINT uq_refusal_message_key UNIQUE (message_key)
        )
        """
    )
    op.execute("CREATE INDEX ix_refusal_case_id ON refusal (case_id) WHERE case_id IS NOT NULL")
    op.execute("CREATE INDEX ix_refusal_person_id ON refusal (person_id, refusal_no)")
    op.execute(
        """
        CREATE TABLE answer (
            person_id text NOT NULL,
            route text NOT NULL,
            key text NOT NULL,
            body_hash text NOT NULL,
            status integer NOT NULL,
            body text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_answer PRIMARY KEY (person_id, route, key),
            CONSTRAINT ck_answer_status CHECK (status BETWEEN 200 AND 299)
        )
        """
    )
