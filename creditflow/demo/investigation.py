"""Two people investigate a large case: the manager leads, the second manager goes along."""

from datetime import timedelta

from creditflow.client import Money
from creditflow.client import values as v
from creditflow.demo.office import Office

REPORT = "investigation_report"
LEAD, SECOND = "manager", "manager2"
SUB_LINES = ("open_account", "bank_acceptance")  # of a comprehensive facility
_FOUND = "Seen on the spot and in the books; as the customer told it."


async def investigate(office: Office, case: v.Case, key: str, *, conditional: bool) -> None:
    """Name the two, keep what they find, propose what was asked for, and have both sign.

    Each step says the same when it is done again, so one that was broken off goes on from there.
    """
    lead, second, case_id = office[LEAD], office[SECOND], case.case_id
    view = await office["risk"].assign_investigators(case_id, LEAD, SECOND, key=f"{key}/assigned")
    paper = await lead.attach("notes.txt", f"Notes on {key}\n".encode(), key=f"{key}/notes")
    picture = await second.attach("works.png", _PICTURE, key=f"{key}/picture")
    if view.checklist is None:
        return  # it is not asked any more
    for item in view.checklist.items:
        if item.required:
            shown = (paper.sha256,) if item.evidence else ()
            await lead.answer_item(
                case_id, item.code, _FOUND, evidence=shown, key=f"{key}/{item.code}"
            )
    for number in range(view.checklist.visits_min):
        await second.record_visit(
            case_id,
            case.business_on - timedelta(days=number + 1),
            "The works and the warehouse",
            "head of finance",
            "Machines at work, stock as booked.",
            photos=(picture.sha256,),
            key=f"{key}/visit-{number}",
        )
    for day in view.statements_on_file[-view.checklist.statements_min :]:
        await second.examine_statement(
            case_id, day, "Ties to the ledger and to the tax return.", key=f"{key}/{day}"
        )
    proposal = await _proposal(office, case, conditional=conditional)
    view = await lead.propose_scheme(case_id, proposal, key=f"{key}/proposal")
    if view.report_hash is not None and view.signed is None:
        for person, name in ((lead, LEAD), (second, SECOND)):
            await person.sign_report(case_id, view.report_hash, key=f"{key}/signed-{name}")


async def _proposal(office: Office, case: v.Case, *, conditional: bool) -> v.SchemeProposal:
    """All that was asked for, of each product as it is used at the longest."""
    asked = case.application
    products = {each.code: each for each in await office[LEAD].fetch_products()}
    whole = products[asked.product].comprehensive
    limit = Money.of(asked.limit_requested.amount, asked.limit_requested.currency)
    sub_lines = tuple(
        v.SubLine(
            product=code,
            limit=limit,
            tenor_months=products[code].tenor_months_max,
            deposit_share=products[code].deposit_min,
            covers=products[code].covers[:1],
        )
        for code in (SUB_LINES if whole else (asked.product,))
    )
    purpose = asked.purpose if products[asked.product].dedicated else ""
    by_name = Money.of(limit.amount * 3 / 2, limit.currency) if whole else None
    conclusion = "recommend_with_conditions" if conditional else "recommend"
    return v.SchemeProposal(
        scheme=v.FacilityScheme(
            limit=limit, sub_lines=sub_lines, purpose=purpose, nominal_limit=by_name
        ),
        conclusion=conclusion,
        conditions=("Quarterly statements within forty days.",) if conditional else (),
        opinion="Orders, stock and receivables carry the facility.",
    )


# One grey point, as small as a picture can be.
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636800000082008177cd72b60000000049454e44ae4260"
    "82"
)
