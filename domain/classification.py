"""Classification of claims: the five tiers (五级分类) and what is known of a claim to place it.

Where the boundaries lie is policy (`policies/classification.py`); how much is expected to be lost
is `policies/impairment.py`.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from domain.identity import Id
from domain.money import Money
from domain.value import Value


class FiveTier(StrEnum):
    """From best to worst; the last three are non-performing (不良)."""

    NORMAL = "normal"  # 正常
    SPECIAL_MENTION = "special_mention"  # 关注
    SUBSTANDARD = "substandard"  # 次级
    DOUBTFUL = "doubtful"  # 可疑
    LOSS = "loss"  # 损失

    @property
    def gravity(self) -> int:
        return _ORDER.index(self)

    @property
    def non_performing(self) -> bool:
        return self.gravity >= _ORDER.index(FiveTier.SUBSTANDARD)


_ORDER = tuple(FiveTier)


class ClaimSign(StrEnum):
    """What is known of a claim beside its days past due."""

    USE_CHANGED = "use_changed"  # 擅自改变资金用途
    NEW_FOR_OLD = "new_for_old"  # 借新还旧
    NON_PERFORMING_ELSEWHERE = "non_performing_elsewhere"  # 在其他银行不良
    CREDIT_IMPAIRED = "credit_impaired"  # 已发生信用减值
    RATING_CUT = "rating_cut"  # 外部评级大幅下调
    DEBT_EVADED = "debt_evaded"  # 逃废债务
    BANKRUPT = "bankrupt"  # 破产清算


class Claim(Value):
    """One claim on a debtor on the day looked at; cover is no part of it, as it does not help."""

    claim_id: Id
    amount: Money
    days_past_due: int = Field(default=0, ge=0)
    technical: bool = False  # late for an operational or technical reason
    signs: tuple[ClaimSign, ...] = ()
    loss_share: Decimal = Decimal(0)  # expected credit loss over the book value
    restructured_on: date | None = None
    tier_before: FiveTier | None = None
    regular_since: date | None = None  # arrears are paid, and payments regular from this day
    regular_payments: int = Field(default=0, ge=0)  # periods paid on time since then


class Classified(Value):
    """A claim's tier and the rules that put it there."""

    claim_id: Id
    tier: FiveTier
    reasons: tuple[str, ...] = ()
