"""The twenty parts that companies play, so that every turn a case can take is seen.

Company `k` plays part `k % 20`; each round of twenty shows all of them.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """What a company is like, what is asked for it, and what people do about it.

    Amounts are in thousands of the currency. `expected` is what the standard edition makes of it:
    a lane, or the end it comes to without anybody deciding.
    """

    code: str
    asked: tuple[int, int]
    expected: str
    strength: str = "sound"
    temper: str = "prompt"
    segment: str = "medium"
    currency: str = "CNY"
    purpose: str = "monthly purchases on open account"
    product: str = "open_account"
    revenue_times: int = 30  # revenue over what is asked
    years: int = 3
    months_past_due: int = 0  # an old invoice nobody paid
    internal_code_only: bool = False
    documents: tuple[str, ...] = ()
    supplement: tuple[str, ...] = ()
    # approve, decline, return_once, lower (for less), late (only once the task is escalated)
    decision: str = "approve"
    screening: str = ""  # what a risk officer makes of a hit: clear or confirm
    listed: str = ""  # stop or suspend
    signing: str = "sign"  # sign, never, decline
    withdrawn: bool = False
    ledger: str = ""  # overdue found after activation: red or orange_cured
    follow_up: str = ""  # a further application on the line
    group: str = ""
    after_part: int | None = field(default=None)  # asked only when that part's line is active


LICENCE, ORDERS = "business_license", "purchase_contract"

PARTS = (
    Part("small and sound", (200, 600), "automatic", "strong", follow_up="decrease"),
    Part("branch", (4000, 6000), "branch", "strong", group="A", follow_up="renewal"),
    Part("region", (30000, 60000), "region", "strong", segment="large",
         product="project", purpose="the second works"),
    Part("head office", (150000, 190000), "head", "strong", segment="large",
         product="comprehensive"),
    Part("our own number only", (500, 900), "branch", "fair", "late", internal_code_only=True,
         decision="lower", signing="decline"),
    Part("weak", (5000, 9000), "region", "weak", "late", revenue_times=150),
    Part("equity gone", (500, 2000), "declined_by_policy", "failing", "late"),
    Part("long overdue", (500, 2000), "declined_by_policy", temper="very_late", months_past_due=5),
    Part("never completed", (300, 900), "incomplete", "fair", years=1),
    Part("completed later", (300, 900), "automatic", "strong", segment="small",
         supplement=(LICENCE,)),
    Part("stopped", (2000, 5000), "refused", "strong", listed="stop"),
    Part("suspended and cleared", (2000, 5000), "branch", "sound", "fair", listed="suspend",
         screening="clear", decision="late"),
    Part("returned once", (500, 900), "branch", "sound", "fair", currency="USD",
         decision="return_once", supplement=(ORDERS,), revenue_times=40),
    Part("well made, badly paid", (4000, 8000), "branch", "strong", "very_late",
         decision="decline"),
    Part("never signed", (2000, 6000), "branch", "sound", signing="never"),
    Part("red after the grant", (2000, 6000), "branch", "sound", "fair", ledger="red"),
    Part("orange and cured", (2000, 6000), "branch", "sound", "fair", ledger="orange_cured"),
    Part("two make one", (7000, 9000), "region", "strong", group="A", follow_up="increase",
         after_part=1),
    Part("season", (2000, 5000), "branch", "sound", "disputing",
         follow_up="temporary_increase"),
    Part("thought better of it", (2000, 6000), "branch", "sound", withdrawn=True),
)  # fmt: skip


def part_of(k: int) -> Part:
    """The part of company `k`."""
    return PARTS[k % len(PARTS)]
