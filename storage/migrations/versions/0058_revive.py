"""ledger: what repaid a line and came to nothing is used again, above the limit if need be; and what
of an invoice frees its order."""

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    """Add the movement; written without importing our code."""
    op.execute(_FREED)
    op.execute(_OVER_AFTER)
    op.execute(_REVIVE)


# What of an invoice is owed no more, so that its order uses the line no more for it: paid, credited,
# by a bill that was honoured or passed on for good, and by one that has repaid its line already.
_FREED = """
    CREATE VIEW invoice_freed AS
        SELECT customer_id, invoice_no, amount_minor FROM payment
        UNION ALL
        SELECT customer_id, invoice_no, amount_minor FROM credit_note
        UNION ALL
        SELECT p.customer_id, p.invoice_no, p.amount_minor FROM bill_part p
        WHERE EXISTS (SELECT FROM bill_event e WHERE e.bill_id = p.bill_id AND (e.kind = 'honoured'
                OR e.kind IN ('endorsed', 'discounted') AND NOT e.recourse))
            OR EXISTS (SELECT FROM exposure_entry e
                WHERE e.key = 'bill/' || p.bill_id AND e.kind = 'repay'
                    AND NOT EXISTS (SELECT FROM exposure_entry r WHERE r.key = e.key || '/revived'))
"""

# What stands above the limit of a day with so much more on the account.
_OVER_AFTER = """
    CREATE FUNCTION exposure_over_after(a exposure_account, p_more bigint, p_on date)
    RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN a.limit_kind = 'unlimited' THEN 0
            ELSE greatest(a.reserved_minor + a.used_minor + a.spent_minor + p_more
                - CASE WHEN a.parts IS NULL THEN a.limit_minor
                    ELSE exposure_limit_on(a.limit_minor, a.parts, p_on) END, 0) END
    $$
"""

# Takes back one repayment, the whole of it and once, so that an account is used by no more than it
# had been: nothing is lent anew here, and what stands above the limit is told by `over_minor`.
_REVIVE = """
    CREATE PROCEDURE exposure_revive(
        p_entry_id uuid, p_line_id text, p_repaid text, p_business_on date, p_posted_by text,
        INOUT verdict text, INOUT reserved bigint, INOUT used bigint, INOUT headroom bigint,
        INOUT binding text, INOUT more jsonb
    ) LANGUAGE plpgsql AS $$
    DECLARE
        line exposure_account;
        sub exposure_account;
        customer exposure_account;
        parent exposure_account;
        account exposure_account;
        repaid exposure_entry;
        first exposure_entry;
        answer exposure_answer;
        more_named bigint;
        above_no bigint;
        cover_seqs bigint[];
        binding_no bigint;
        room bigint;
    BEGIN
        SELECT * INTO line FROM exposure_account a
        WHERE a.kind = 'line' AND a.owner_id = p_line_id FOR NO KEY UPDATE;
        SELECT * INTO repaid FROM exposure_entry e
        WHERE e.key = p_repaid AND e.kind = 'repay' AND e.account_no = line.account_no;
        SELECT * INTO first FROM exposure_entry e WHERE e.key = p_repaid || '/revived';
        answer.line_id := p_line_id;
        answer.replayed := first.entry_id IS NOT NULL;
        answer.amount := repaid.amount_minor;
        answer.currency := line.currency;
        answer.verdict := CASE WHEN line.account_no IS NULL THEN 'no_line'
            WHEN repaid.entry_id IS NULL THEN 'no_repayment'
            WHEN first.entry_id IS NOT NULL THEN 'revive' END;
        IF answer.verdict IS NOT NULL THEN
            answer.entry_id := first.entry_id;
            answer.reserved := first.reserved_after;
            answer.used := first.used_after;
            answer.headroom := first.headroom_minor;
            answer.binding := exposure_account_name(first.binding_no);
            verdict := answer.verdict;
            more := to_jsonb(answer);
            -- The first answer may still be on its way to the disk.
            PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
            RETURN;
        END IF;
        IF repaid.sub_no IS NOT NULL THEN
            SELECT * INTO sub FROM exposure_account a
            WHERE a.account_no = repaid.sub_no FOR NO KEY UPDATE;
        END IF;
        more_named := -coalesce(repaid.nominal_minor, repaid.used_minor);
        UPDATE exposure_account a
        SET used_minor = a.used_minor + answer.amount,
            nominal_minor = a.nominal_minor + more_named,
            spent_minor = a.spent_minor - CASE WHEN a.revolving THEN 0 ELSE answer.amount END,
            over_minor = exposure_over_after(a,
                CASE WHEN a.revolving THEN answer.amount ELSE 0 END, p_business_on),
            entries = a.entries + 1, moved_on = p_business_on
        WHERE a.account_no = line.account_no RETURNING a.* INTO line;
        IF sub.account_no IS NOT NULL THEN
            UPDATE exposure_account a
            SET used_minor = a.used_minor + answer.amount,
                nominal_minor = a.nominal_minor + more_named,
                spent_minor = a.spent_minor - CASE WHEN a.revolving THEN 0 ELSE answer.amount END,
                over_minor = exposure_over_after(a,
                    CASE WHEN a.revolving THEN answer.amount ELSE 0 END, p_business_on),
                entries = a.entries + 1, moved_on = p_business_on
            WHERE a.account_no = sub.account_no RETURNING a.* INTO sub;
        END IF;
        answer.headroom := least(exposure_headroom(line, p_business_on),
            exposure_headroom(sub, p_business_on));
        binding_no := CASE answer.headroom
            WHEN exposure_headroom(line, p_business_on) THEN line.account_no
            WHEN exposure_headroom(sub, p_business_on) THEN sub.account_no END;
        FOREACH above_no IN ARRAY line.customer_no || coalesce(line.cover_nos, '{}')
            || line.parent_no
        LOOP
            CONTINUE WHEN above_no IS NULL;
            UPDATE exposure_account a
            SET used_minor = a.used_minor + answer.amount,
                over_minor = exposure_over_after(a, answer.amount, p_business_on),
                entries = a.entries + 1, moved_on = p_business_on
            WHERE a.account_no = above_no RETURNING a.* INTO account;
            IF above_no = line.customer_no THEN
                customer := account;
            ELSIF above_no = line.parent_no THEN
                parent := account;
            ELSE
                cover_seqs := cover_seqs || account.entries;
            END IF;
            room := exposure_headroom(account, p_business_on);
            IF room < answer.headroom OR answer.headroom IS NULL AND room IS NOT NULL THEN
                answer.headroom := room;
                binding_no := above_no;
            END IF;
        END LOOP;
        answer.binding := exposure_account_name(binding_no);
        answer.verdict := 'revive';
        answer.entry_id := p_entry_id;
        answer.reserved := line.reserved_minor;
        answer.used := line.used_minor;
        INSERT INTO exposure_entry (entry_id, key, kind, account_no, seq, sub_no, sub_seq,
            customer_no, customer_seq, cover_nos, cover_seqs, group_no, group_seq, amount_minor,
            reserved_minor, used_minor, reserved_after, used_after, headroom_minor, binding_no,
            reason, business_on, posted_by, nominal_minor)
        VALUES (p_entry_id, p_repaid || '/revived', 'revive', line.account_no, line.entries,
            sub.account_no, sub.entries, customer.account_no, customer.entries, line.cover_nos,
            cover_seqs, parent.account_no, parent.entries, answer.amount, 0, answer.amount,
            answer.reserved, answer.used, answer.headroom, binding_no,
            'revives ' || repaid.entry_id, p_business_on, p_posted_by,
            nullif(more_named, answer.amount));
        verdict := answer.verdict;
        more := to_jsonb(answer);
        PERFORM set_config('synchronous_commit', 'off', true);
        COMMIT;
        PERFORM pg_logical_emit_message(false, 'creditflow', '', true);
    END
    $$
"""
