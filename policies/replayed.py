"""What a fresh judgement says otherwise than a receipt: each field with both values, in both languages."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain.money import Money
from domain.value import Value
from policies.difference_words import WORDS


class Contrast(Value):
    """One field that differs, by its path: `rating.factors.2.points`; None is nothing there."""

    path: str
    recorded: str | None = None
    recomputed: str | None = None

    def sentence(self, language: str = "en") -> str:
        chinese = language.startswith("zh")
        template = _SENTENCE[chinese]
        values = (_NOTHING[chinese] if each is None else each for each in self.values)
        before, after = values
        return template.format(where=_where(self.path, chinese=chinese), before=before, after=after)

    @property
    def values(self) -> tuple[str | None, str | None]:
        return self.recorded, self.recomputed


_SENTENCE = (
    "{where}: recorded {before}, recomputed {after}",
    "{where}：记录为 {before}，重算为 {after}",
)
_NOTHING = ("nothing", "无")


def contrasts(first: Any, second: Any, path: str = "") -> Iterator[Contrast]:
    """Where the second value says other than the first.

    Fields that the first does not state are passed over: a receipt of an earlier release says
    nothing about what releases after it have added.
    """
    if isinstance(first, Money) and isinstance(second, Money):
        if first.amount != second.amount:
            yield _contrast(f"{path}.amount".lstrip("."), first, second)
        if first.currency != second.currency:
            yield _contrast(f"{path}.currency".lstrip("."), first.currency, second.currency)
        return
    if isinstance(first, Value) and isinstance(second, Value):
        stated = [name for name in type(first).model_fields if name in first.model_fields_set]
        parts = [(name, getattr(first, name), getattr(second, name, None)) for name in stated]
    elif isinstance(first, dict) and isinstance(second, dict):
        names = dict.fromkeys([*first, *second])
        parts = [(name, first.get(name), second.get(name)) for name in names]
    elif isinstance(first, frozenset) and isinstance(second, frozenset):
        parts = []
        if first != second:
            yield _contrast(path, first, second)
    elif isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        parts = [(str(place), one, other) for place, (one, other) in pairs]
    else:
        parts = []
        # By their text: a number that comes back from JSON where text may stand too is text.
        if (first is None) != (second is None) or str(first) != str(second):
            yield _contrast(path, first, second)
    for name, one, other in parts:
        yield from contrasts(one, other, f"{path}.{name}".lstrip("."))


def _contrast(path: str, first: Any, second: Any) -> Contrast:
    recorded, recomputed = _said(first), _said(second)
    if recorded == recomputed:  # people read them alike; the receipt does not
        recorded, recomputed = str(first), str(second)
    return Contrast(path=path, recorded=recorded, recomputed=recomputed)


def _said(value: Any) -> str | None:
    """A value as people read it: money with its currency, days as dates, parts by their names."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Value) and not isinstance(value, Money):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        parts = {name: _said(part) for name, part in value.items()}
        return "{" + ", ".join(f"{name}: {part}" for name, part in parts.items() if part) + "}"
    if isinstance(value, frozenset):
        value = tuple(sorted(value, key=str))
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_said(part) or "-" for part in value) + "]"
    return str(value)


def _where(path: str, *, chinese: bool) -> str:
    if not chinese:
        return path
    return " › ".join(map(_word, path.split(".")))


def _word(part: str) -> str:
    """A part of a path in Chinese; places count from one, a code nobody named is as it is written."""
    if part.isdecimal():
        return f"第 {int(part) + 1} 项"
    return _ZH.get(part) or (WORDS[part][1] if part in WORDS else part)


_ZH: Mapping[str, str] = {
    "receipt_hash": "凭证哈希",
    "edition": "政策版本",
    "edition_hash": "政策版本哈希",
    "case_id": "案件",
    "dossier": "评估资料",
    "application": "授信申请",
    "customer": "客户",
    "rating": "评级",
    "score": "评分",
    "grade": "信用等级",
    "grade_model": "模型等级",
    "pd": "违约概率",
    "caps": "等级上限",
    "override": "人工调整",
    "value": "取值",
    "treatment": "缺失处理",
    "weight": "权重",
    "limit": "额度",
    "limit_proposed": "测算额度",
    "limit_recommended": "建议额度",
    "limit_requested": "申请额度",
    "limit_reviewed": "复审额度",
    "limit_requested_reporting": "申请额度（记账币种）",
    "binding": "约束限额",
    "steps": "步骤",
    "amount": "金额",
    "currency": "币种",
    "price": "定价",
    "rate_annual": "年利率",
    "rate_minimum": "最低年利率",
    "below_minimum": "低于最低价",
    "route": "审批路径",
    "row": "路径行",
    "lane": "审批通道",
    "aggregate": "集团敞口合计",
    "positions": "岗位",
    "tier": "审批层级",
    "mode": "表决方式",
    "reasons": "原因",
    "exceptions": "例外",
    "facts": "依据",
    "business_on": "业务日期",
    "valid_until": "有效期至",
    "automatic_spent": "自动通道已用额",
    "sampled": "抽样",
    "doubts": "疑点",
    "tolerances": "容差",
}
