"""Why something was refused, where the why carries figures: a code, its values, and both languages.

What `because` gives are the facts of a refusal (`raise OutOfOrder(**because("case_state", …))`): the
code for programs, and the words for people, which travel with it. A reason without figures needs no
more than its words in `domain/refusal_words.py`.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import ValidationError

from domain.errors import CreditError
from domain.refusal_words import FIELD_ZH, STATES, ZH

REASONS: Mapping[str, tuple[str, str]] = {
    "agreement_state": ("the agreement is {status}", "授信协议当前状态为“{status}”"),
    "authority_held": (
        "{asked} for {aggregate} on {on} is asked, held is {held}",
        "须在 {on} 具有 {aggregate} 的 {asked} 权限，实际持有：{held}",
    ),
    "calendar_unknown": ("there is no calendar {name}", "不存在名为 {name} 的工作日历"),
    "cards_count": (
        "{file} holds {count} scorecards, not one",
        "{file} 含 {count} 张评分卡，应为一张",
    ),
    "case_not_declined": (
        "the case is {status}; only a declined one is reconsidered",
        "案件状态为“{status}”，只有已否决的案件可以复议",
    ),
    "case_not_investigated": (
        "the case is {status}; it is not investigated now",
        "案件状态为“{status}”，当前不作贷前调查",
    ),
    "case_not_lapsed": (
        "the case is {status}; only a lapsed one is recovered",
        "案件状态为“{status}”，只有已失效的案件可以恢复",
    ),
    "case_no_conditions": (
        "the case is {status}; it does not wait for conditions",
        "案件状态为“{status}”，不在等待落实条件",
    ),
    "case_no_hit": (
        "the case is {status}; there is no hit to dispose of",
        "案件状态为“{status}”，没有待处置的命中",
    ),
    "case_takes_no": (
        "the case is {status}, which takes no {act}",
        "案件状态为“{status}”，不接受{act}",
    ),
    "cell_formula": (
        "a cell holds a formula ({sheets}); write the value itself",
        "单元格含有公式（{sheets}），请直接填写数值",
    ),
    "cell_kind": (
        "{where}: neither text, number nor date",
        "{where}：既不是文本，也不是数字或日期",
    ),
    "cell_twice": ("{where}: {path} is there in two ways", "{where}：{path} 以两种方式重复出现"),
    "cell_unfit": (
        "a cell holds what an edition cannot ({error})",
        "单元格内容不能写入政策版本（{error}）",
    ),
    "charged_up_to": (
        "late interest was charged up to {day}",
        "逾期利息已计收至 {day}",
    ),
    "checklists_count": (
        "{count} checklists for {segment}, {relation}",
        "{segment}、{relation} 对应 {count} 份尽职调查清单，应为一份",
    ),
    "condition_state": (
        "the condition {condition} is {status}",
        "前提条件 {condition} 当前状态为“{status}”",
    ),
    "entry_differs": (
        "the entry {entry_id} says something else",
        "分录 {entry_id} 的内容与此不同",
    ),
    "extended_often": (
        "the line was extended {times} times since it was granted or renewed, and may be {times_max}",
        "自批复或续授信以来已展期 {times} 次，最多 {times_max} 次",
    ),
    "form_cover_waits": (
        "the cover {item} is not on the register, or waits for its second person",
        "担保 {item} 未登记或尚待第二人复核",
    ),
    "form_day": (
        "{until} is not after {after} and up to {latest}",
        "{until} 不在 {after} 之后至 {latest} 之间",
    ),
    "form_kept": (
        "the line has {kept}, which this type keeps",
        "额度现为 {kept}，此类申请不作变更",
    ),
    "form_above": ("{asked} is above {most}", "{asked} 高于 {most}"),
    "form_not_of_line": ("{item} is not of the line", "额度中没有 {item}"),
    "form_own_debt": (
        "{item} is a guarantee of the customer's own, and nobody guarantees their own debt",
        "{item} 为客户自己出具的保证，不得为自己的债务提供担保",
    ),
    "form_same": ("the line has {item} already", "额度现已为 {item}"),
    "form_scheme": (
        "sub-line {product}: {fault} ({found}, {wanted})",
        "分项 {product}：{fault}（{found}，{wanted}）",
    ),
    "form_sound": (
        "nothing of the customer is overdue by {days} days or classed below normal",
        "客户无逾期达 {days} 天的款项，分类亦未低于正常",
    ),
    "form_term": (
        "{months} months are more than {months_max}",
        "{months} 个月超过 {months_max} 个月",
    ),
    "formula_none": ("not a formula: {text}", "不是公式：{text}"),
    "formula_part": (
        "a formula cannot contain this: {part}",
        "公式中不能包含：{part}",
    ),
    "key_length": (
        "a key has 1 to {length_max} characters",
        "幂等键长度为 1 至 {length_max} 个字符",
    ),
    "letter_declines": ("the letter {letter_no} declines", "批复 {letter_no} 为否决"),
    "line_not_idle": ("the line {line_id} is not idle", "额度 {line_id} 不属于闲置额度"),
    "line_on_list": (
        "the line {line_id} is on the list {reclaim_id}, which waits",
        "额度 {line_id} 已列入待决清单 {reclaim_id}",
    ),
    "line_takes": ("a line takes {acts}", "额度只接受以下操作：{acts}"),
    "merge_not_confirmed": ("the merge {merge_id} was not confirmed", "合并 {merge_id} 未经确认"),
    "release_too_long": (
        "a release is for {days} days at most",
        "放行有效期最长 {days} 天",
    ),
    "excess_dates_count": (
        "the plan has {steps} steps, and a date for each is asked for",
        "计划共 {steps} 步，须逐步给出日期",
    ),
    "excess_settled": (
        "the plan {excess} is settled",
        "超限压降计划 {excess} 已结清",
    ),
    "excess_too_long": (
        "no step may be later than {latest}",
        "任何一步均不得晚于 {latest}",
    ),
    "hold_state": ("the hold {hold} is {status}", "锁单 {hold} 当前状态为“{status}”"),
    "order_takes_no": (
        "the order {order} is {status}, which takes no {act}",
        "订单 {order} 当前状态为“{status}”，不接受{act}",
    ),
    "merge_waits": (
        "the merge {merge_id} waits for a decision",
        "合并 {merge_id} 尚待决定",
    ),
    "merged_since": (
        "{customer_id} was merged into another record since",
        "{customer_id} 此后已并入其他客户记录",
    ),
    "no_second_person": (
        "version {version} of {cover_id} asks for no second person",
        "{cover_id} 的第 {version} 版不需要第二人复核",
    ),
    "not_reversed": (
        "a {kind} is not reversed; a waiver is",
        "{kind}不能冲回，只有减免可以冲回",
    ),
    "one_position_of": ("one of {positions} is asked", "须由以下岗位之一办理：{positions}"),
    "promise_from": ("a promise is for a day from {day} on", "承诺日不得早于 {day}"),
    "reset_child": ("it belongs to {parent_id}, which waits for it", "它由 {parent_id} 启动并等待"),
    "reset_children": (
        "{children} began after it, and people would be asked a second time",
        "此后已启动 {children}，退回将重复询问相关人员",
    ),
    "reversed_already": (
        "the waiver {entry_id} was reversed already",
        "减免 {entry_id} 已冲回",
    ),
    "row_unknown": (
        "{where}: there is no row {row} in {path}",
        "{where}：{path} 中没有行 {row}",
    ),
    "scorecards_count": (
        "{count} scorecards for {traits}",
        "{traits} 对应 {count} 张评分卡，应为一张",
    ),
    "seal_impossible": ("cannot be signed ({error})", "无法签章（{error}）"),
    "sheet_unknown": ("{where}: there is no sheet {path}", "{where}：没有工作表 {path}"),
    "signature_fault": ("{seat} {fault}", "{seat}：{fault}"),
    "signed_by": ("signed by {found}", "签署方为：{found}"),
    "unreadable": ("unreadable ({error})", "无法读取（{error}）"),
}

_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")


def because(code: str, **values: Any) -> dict[str, str]:
    """The facts of a refusal that say why, in both languages."""
    english, chinese = REASONS[code]
    return {
        "reason_code": code,
        "reason": english.format_map(values),
        "reason_zh": chinese.format_map({name: _zh(value) for name, value in values.items()}),
    }


def of_field(
    error: ValidationError, prefix: str = "", steps_max: int | None = None
) -> dict[str, str]:
    """The facts that say what pydantic found first, and where; `prefix` comes before the place."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"][:steps_max])
    place = ": ".join(filter(None, (prefix, where))) or "the message"
    place_zh = "：".join(filter(None, (prefix, where))) or "消息"
    return {
        "reason_code": "field",
        "reason": f"{place}: {found_in(first, 'en')}"[:300],
        "reason_zh": f"{place_zh}：{found_in(first, 'zh')}"[:300],
    }


def of_toml(error: TOMLDecodeError, prefix: str = "") -> dict[str, str]:
    """The facts that say where a TOML text stops being one."""
    at = _PLACE.search(str(error))
    place = f"第 {at[1]} 行第 {at[2]} 列" if at and at[1] else "文末"
    return {
        "reason_code": "toml",
        "reason": ": ".join(filter(None, (prefix, str(error)))),
        "reason_zh": "：".join(filter(None, (prefix, f"TOML 语法有误（{place}）"))),
    }


def found_in(part: Mapping[str, Any], language: str) -> str:
    """What is wrong with one field, in a language, from what pydantic says of it."""
    cause = part.get("ctx", {}).get("error")
    if isinstance(cause, CreditError):
        return cause.detail(language)
    sentence = str(part["msg"]).removeprefix("Value error, ")
    if not language.startswith("zh"):
        return sentence
    return ZH.get(sentence) or FIELD_ZH.get(str(part["type"]), "内容不符合要求")


def _zh(value: Any) -> str:
    """A value as a Chinese sentence says it: states and acts in words, all else as it is."""
    if isinstance(value, StrEnum):
        return STATES.get(type(value).__name__, {}).get(value.value, value.value)
    return ZH.get(str(value), str(value))
