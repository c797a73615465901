"""What a step does when it is taken again: so that going back can be told before it is done.

Every step is listed; `tests/house/test_steps.py` holds it. A step not known by its record is one that
looks at the records of now, and the two that judge do so anew.
"""

from collections.abc import Mapping

from domain.application import CaseChanged
from domain.notification import OutboxTally
from domain.operations import Repeat
from domain.value import Value

_ANSWERING = (
    "receive_application change_application withdraw_application dispose_hits override_grade"
    " end_case open_approval record_decision record_act act_on_silence issue_contract"
    " record_signature record_decline end_contract activate_line act_on_line act_on_collection"
    " conclude_review make_offer take_offer_answer end_offer seal_minutes"
)
_DUE = (
    "look_at_case take_report look_at_line open_review expire_reservations deliver_outbox"
    " monitor_customers classify_customers reprice_lines watch_insurance ask_accounts"
    " preview_rerating apply_rerating look_at_arrears recheck_orders"
)
_JUDGING = "assess_application reassess_line"
# A refused signal is kept under the run that refused it, and going back makes another run.
_ACTING = "record_refused_message"

REPEATS: Mapping[str, Repeat] = {
    step: repeat
    for steps, repeat in (
        (_ANSWERING, Repeat.ANSWERS),
        (_DUE, Repeat.DUE),
        (_JUDGING, Repeat.JUDGES),
        (_ACTING, Repeat.ACTS),
    )
    for step in steps.split()
}

# Only these may be answered for by hand: their answer tells what was looked at or delivered. Every
# other step writes what it answers in the same transaction; to answer for it would claim a record
# that is not there, or a decision that nobody made. With what each answers; one answers nothing.
ANSWERED_BY_HAND: Mapping[str, type[Value]] = {
    "look_at_case": CaseChanged,
    "record_refused_message": Value,
    "deliver_outbox": OutboxTally,
}

# Only these may be ended as failed by hand: somebody's message asked for them, gets a refusal, and
# may be sent again. A step of the road itself ends with its case, which is no operator's to end.
ENDED_BY_HAND = frozenset(
    {
        "act_on_collection",
        "act_on_line",
        "change_application",
        "dispose_hits",
        "override_grade",
        "record_act",
        "record_decision",
        "record_decline",
        "record_signature",
        "withdraw_application",
    }
)
