"""meetings: committees meet; four functions of a case are four people's, held by the database too.

A release before this one writes words without the function they were said in: opinions are told
apart by their verdict, and everything else is a decision.
"""

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    """Add this stage's tables; written without importing our code."""
    for statement in (*_FUNCTIONS, *_MEETINGS):
        op.execute(statement)
    for table in ("meeting", "meeting_item", "meeting_minutes", "meeting_document"):
        op.execute(
            f"""
            CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """
        )


_FUNCTIONS = (
    """
    ALTER TABLE decision
        ADD COLUMN function text
            CONSTRAINT ck_decision_function CHECK (function IN ('review', 'approval')),
        ADD COLUMN risks jsonb NOT NULL DEFAULT '[]'
    """,
    """
    ALTER TABLE approval_act
        ADD COLUMN function text
            CONSTRAINT ck_approval_act_function CHECK (function IN ('review', 'approval'))
    """,
    # Who has had which of the four functions of a case; the program reads it here too. What a row
    # says of its own is looked at first, so these come after it.
    """
    CREATE FUNCTION functions_of_case(of_case text)
    RETURNS TABLE (person_id text, function text) LANGUAGE sql STABLE AS $$
        SELECT held.person_id, held.function FROM (
            SELECT unnest(ARRAY[a.lead, a.second]) AS person_id, 'investigation' AS function
            FROM investigation_assignment a WHERE a.case_id = of_case
            UNION
            SELECT unnest(ARRAY[d.person_id, d.on_behalf_of]), coalesce(d.function,
                CASE WHEN d.verdict IN ('support', 'object') THEN 'review' ELSE 'approval' END)
            FROM decision d WHERE d.case_id = of_case
            UNION
            SELECT a.person_id, coalesce(a.function, 'approval')
            FROM approval_act a
            WHERE a.case_id = of_case AND a.action IN ('give_opinion', 'close_vote')
            UNION
            SELECT c.verified_by, 'release'
            FROM condition_precedent c WHERE c.case_id = of_case
        ) held WHERE held.person_id IS NOT NULL
    $$
    """,
    # One at a time for a case, so that two who come at once see each other.
    """
    CREATE FUNCTION refuse_second_function(of_case text, person text, own text)
    RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('functions/' || of_case, 0));
        IF EXISTS (
            SELECT FROM functions_of_case(of_case) held
            WHERE held.person_id = person AND held.function <> own
        ) THEN
            RAISE EXCEPTION '% has another function than % in %', person, own, of_case
                USING ERRCODE = 'check_violation';
        END IF;
    END
    $$
    """,
    """
    CREATE FUNCTION decision_functions_apart() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE own text := coalesce(NEW.function,
        CASE WHEN NEW.verdict IN ('support', 'object') THEN 'review' ELSE 'approval' END);
    BEGIN
        PERFORM refuse_second_function(NEW.case_id, NEW.person_id, own);
        IF NEW.on_behalf_of IS NOT NULL THEN
            PERFORM refuse_second_function(NEW.case_id, NEW.on_behalf_of, own);
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER functions_apart AFTER INSERT ON decision
    FOR EACH ROW EXECUTE FUNCTION decision_functions_apart()
    """,
    """
    CREATE FUNCTION act_functions_apart() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM refuse_second_function(
            NEW.case_id, NEW.person_id, coalesce(NEW.function, 'approval'));
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER functions_apart AFTER INSERT ON approval_act FOR EACH ROW
    WHEN (NEW.action IN ('give_opinion', 'close_vote'))
    EXECUTE FUNCTION act_functions_apart()
    """,
    """
    CREATE FUNCTION condition_functions_apart() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM refuse_second_function(NEW.case_id, NEW.verified_by, 'release');
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER functions_apart AFTER INSERT OR UPDATE OF verified_by ON condition_precedent
    FOR EACH ROW WHEN (NEW.verified_by IS NOT NULL)
    EXECUTE FUNCTION condition_functions_apart()
    """,
    """
    CREATE FUNCTION assignment_functions_apart() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM refuse_second_function(NEW.case_id, NEW.lead, 'investigation');
        PERFORM refuse_second_function(NEW.case_id, NEW.second, 'investigation');
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER functions_apart AFTER INSERT ON investigation_assignment
    FOR EACH ROW EXECUTE FUNCTION assignment_functions_apart()
    """,
)

_MEETINGS = (
    "CREATE SEQUENCE meeting_serial",
    """
    CREATE TABLE meeting (
        meeting_no text CONSTRAINT pk_meeting PRIMARY KEY,
        body text NOT NULL,
        held_at timestamptz NOT NULL,
        held_on date NOT NULL,
        agenda_until date NOT NULL,
        place text NOT NULL,
        chair text NOT NULL,
        members jsonb NOT NULL,
        convened_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_meeting_chair UNIQUE (meeting_no, chair),
        CONSTRAINT ck_meeting_chair CHECK (members ? chair),
        CONSTRAINT ck_meeting_agenda CHECK (agenda_until <= held_on)
    )
    """,
    "CREATE INDEX ix_meeting_body ON meeting (body, held_at)",
    """
    CREATE TABLE meeting_item (
        meeting_no text NOT NULL CONSTRAINT fk_meeting_item_meeting_no REFERENCES meeting,
        item_no integer NOT NULL CONSTRAINT ck_meeting_item_no CHECK (item_no >= 1),
        approval_id text NOT NULL CONSTRAINT fk_meeting_item_approval_id REFERENCES approval,
        case_id text NOT NULL,
        customer_id text NOT NULL,
        presenter text NOT NULL,
        attendants jsonb NOT NULL,
        papers jsonb NOT NULL,
        content_hash text NOT NULL,
        step_index integer NOT NULL,
        round integer NOT NULL,
        deferred_from text CONSTRAINT fk_meeting_item_deferred_from REFERENCES meeting,
        put_on_by text NOT NULL,
        put_on_on date NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_meeting_item PRIMARY KEY (meeting_no, item_no),
        CONSTRAINT uq_meeting_item_approval_id UNIQUE (meeting_no, approval_id),
        CONSTRAINT ck_meeting_item_presenter CHECK (NOT attendants ? presenter),
        CONSTRAINT ck_meeting_item_deferred CHECK (deferred_from <> meeting_no)
    )
    """,
    "CREATE INDEX ix_meeting_item_approval_id ON meeting_item (approval_id)",
    # One document a meeting, frozen by the chair and by nobody else.
    """
    CREATE TABLE meeting_minutes (
        meeting_no text CONSTRAINT pk_meeting_minutes PRIMARY KEY,
        minutes_hash text NOT NULL
            CONSTRAINT ck_meeting_minutes_hash CHECK (minutes_hash ~ '^[0-9a-f]{64}$'),
        body jsonb NOT NULL,
        closed_by text NOT NULL,
        closed_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT fk_meeting_minutes_chair FOREIGN KEY (meeting_no, closed_by)
            REFERENCES meeting (meeting_no, chair)
    )
    """,
    # The same as a sealed PDF, once the worker that holds the seal has set it.
    """
    CREATE TABLE meeting_document (
        meeting_no text CONSTRAINT pk_meeting_document PRIMARY KEY
            CONSTRAINT fk_meeting_document_meeting_no REFERENCES meeting_minutes,
        document_hash text NOT NULL
            CONSTRAINT ck_meeting_document_hash CHECK (document_hash ~ '^[0-9a-f]{64}$'),
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # Nothing is put on a meeting that is over, and no presenter or attendant is a member.
    """
    CREATE FUNCTION meeting_item_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM meeting_minutes WHERE meeting_no = NEW.meeting_no) THEN
            RAISE EXCEPTION 'meeting % is over', NEW.meeting_no USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (
            SELECT FROM meeting m WHERE m.meeting_no = NEW.meeting_no
                AND (m.members ? NEW.presenter OR EXISTS (
                    SELECT FROM jsonb_array_elements_text(NEW.attendants) a WHERE m.members ? a))
        ) THEN
            RAISE EXCEPTION 'a member of meeting % presents or attends', NEW.meeting_no
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER meeting_item_in_order BEFORE INSERT ON meeting_item
    FOR EACH ROW EXECUTE FUNCTION meeting_item_in_order()
    """,
    # Whoever presents a case to a meeting, or attends its item, has no vote on it.
    """
    CREATE FUNCTION decision_not_by_presenter() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.function = 'approval' AND EXISTS (
            SELECT FROM meeting_item i WHERE i.approval_id = NEW.approval_id
                AND (i.presenter IN (NEW.person_id, NEW.on_behalf_of) OR i.attendants ? NEW.person_id
                    OR i.attendants ? coalesce(NEW.on_behalf_of, ''))
        ) THEN
            RAISE EXCEPTION '% presents or attends %', NEW.person_id, NEW.approval_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER decision_not_by_presenter BEFORE INSERT ON decision
    FOR EACH ROW EXECUTE FUNCTION decision_not_by_presenter()
    """,
)
