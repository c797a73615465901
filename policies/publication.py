"""Who puts a draft in force: one of those whom policy asks for exceptions, or a risk officer."""

from domain.approval import RouteStep, StepMode
from domain.draft import RISK_OFFICER
from domain.edition import PolicyEdition
from policies.routing import silence_levels


def publication_step(in_force: PolicyEdition) -> RouteStep:
    """One word from the body that decides exceptions from policy, or from another risk officer.

    Whoever may decide against the policy may decide on it; the edition in force says who that is,
    and the clock of its tier counts.
    """
    step = in_force.approval.price_exception
    tier = in_force.approval.tiers[step.tier]
    return RouteStep(
        step_id=f"1.{step.tier}",
        tier=tier.level,
        mode=StepMode.ANY,
        positions=(RISK_OFFICER, *step.positions),
        remind_hours=tier.remind_hours,
        deadline_hours=tier.deadline_hours,
        lapse_hours=tier.lapse_hours,
        escalate_to=tier.escalate_to,
        levels=silence_levels(tier),
    )
