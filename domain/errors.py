"""Every refusal, in one tree; each has a code, a sentence in both languages, and a place.

    CreditError
    ├── Malformed            the request cannot be read as what it claims to be
    ├── NotSignedIn          nobody we know is asking
    ├── NotPermitted         we know who asks, and they may not
    ├── NotFound             there is no such thing, or not for you
    ├── Conflict             it was true once, or is claimed by something else
    └── NotGranted           readable and permitted, and still refused by a rule of credit

Leaves are named for what happened and live here, grouped by branch, so that the tree can be read
in one place. They know nothing of HTTP (`web/problems.py` maps branches to statuses) and are never
retried. The sentence names ids and figures only, never a person.
"""

import re
from typing import Any, ClassVar

from domain.refusal_words import STATES, ZH


class CreditError(ValueError):
    """A request that cannot be granted. `code` is stable; `facts` fill the sentence.

    It is a `ValueError` so that a validator of a value may raise it and pydantic reports it at the
    field; `refusal_in` finds it again there.
    """

    sentence: ClassVar[str] = "The request was refused."
    sentence_zh: ClassVar[str] = "请求被拒绝。"

    def __init__(self, **facts: Any) -> None:
        # What was sent may hold half a character, which no answer can be written with.
        self.facts = {
            name: str(fact).encode("utf-8", "replace").decode() for name, fact in facts.items()
        }
        for name, fact in facts.items():
            word = STATES.get(type(fact).__name__, {}).get(self.facts[name])
            if word is not None:
                self.facts.setdefault(f"{name}_zh", word)
        super().__init__(self.detail("en"))

    @classmethod
    def code_name(cls) -> str:
        """`KeyReused` → `key_reused`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def code(self) -> str:
        return self.code_name()

    def detail(self, language: str = "en") -> str:
        """The sentence a person reads, in `en` or `zh`.

        In Chinese a fact is said by its `_zh` twin, or by its word in `domain/refusal_words.py`.
        """
        if not language.startswith("zh"):
            return self.sentence.format_map(_Facts(self.facts))
        said = {
            name: self.facts.get(f"{name}_zh") or ZH.get(fact, fact)
            for name, fact in self.facts.items()
        }
        return self.sentence_zh.format_map(_Facts(said))


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def refusal_in(error: Exception) -> CreditError | None:
    """The refusal a pydantic `ValidationError` carries, if one of its causes is ours."""
    for part in getattr(error, "errors", list)():
        cause = part.get("ctx", {}).get("error")
        if isinstance(cause, CreditError):
            return cause
    return error if isinstance(error, CreditError) else None


# ── Malformed ────────────────────────────────────────────────────────────────────────────────────


class Malformed(CreditError):
    sentence = "The request cannot be read: {reason}."
    sentence_zh = "无法识别请求内容：{reason}。"


class MalformedAmount(Malformed):
    sentence = (
        "{amount} is not an exact number of the currency's minor units, or is absurdly large."
    )
    sentence_zh = "{amount} 不是该币种最小单位的整数倍，或数值过大。"


class CurrencyUnknown(Malformed):
    sentence = "{currency} is not a currency of ISO 4217."
    sentence_zh = "{currency} 不是 ISO 4217 币种。"


class CurrencyMismatch(Malformed):
    sentence = "{first} and {second} cannot be added or compared without an exchange rate."
    sentence_zh = "没有汇率，不能直接比较或相加 {first} 与 {second}。"


class AmountNotPositive(Malformed):
    sentence = "{amount} is not above zero."
    sentence_zh = "{amount} 不大于零。"


class AmountMissing(Malformed):
    sentence = "What the customer has open on document {invoice_no} is not said."
    sentence_zh = "未说明客户账上单据 {invoice_no} 的未付金额。"


class DocumentUnlisted(Malformed):
    sentence = "Document {invoice_no} is not among those that are to be confirmed."
    sentence_zh = "单据 {invoice_no} 不在本次对账范围内。"


class DocumentListed(Malformed):
    sentence = (
        "Document {invoice_no} is among those that are to be confirmed; say what differs on it."
    )
    sentence_zh = "单据 {invoice_no} 已在本次对账范围内，请说明差异。"


class IdentifierInvalid(Malformed):
    sentence = "The {scheme} {value} fails its own check digit or form."
    sentence_zh = "{scheme} {value} 校验未通过。"


class IdentifierUnproven(Malformed):
    sentence = (
        "{value} is a number of our own and proves nothing; it is accepted from imports only."
    )
    sentence_zh = "{value} 是内部编号，不能证明身份，仅接受导入。"


class StatementUnbalanced(Malformed):
    sentence = "The statement of {period_end_on} does not tie: {identity} differs by {difference}."
    sentence_zh = "{period_end_on} 的报表不平：{identity} 相差 {difference}。"


class InvoiceUnbalanced(Malformed):
    sentence = (
        "Net {net} and tax {tax} make another sum than {gross}: the difference is {difference}."
    )
    sentence_zh = "金额 {net} 与税额 {tax} 之和不等于价税合计 {gross}，相差 {difference}。"


class StatementInFuture(Malformed):
    sentence = "The statement ends on {period_end_on}, which is after {business_on}."
    sentence_zh = "报表截止日 {period_end_on} 晚于业务日期 {business_on}。"


class FigureNegative(Malformed):
    sentence = "{item} cannot be negative: {figure}."
    sentence_zh = "{item} 不能为负：{figure}。"


class DateInFuture(Malformed):
    sentence = "{field} is {date}, which is after {business_on}."
    sentence_zh = "{field} 为 {date}，晚于业务日期 {business_on}。"


class DateNotToCome(Malformed):
    sentence = "{field} is {date}, which has to be after {business_on}."
    sentence_zh = "{field} 为 {date}，须晚于业务日期 {business_on}。"


class AttachmentTooLarge(Malformed):
    sentence = "The file is larger than {megabytes_max} MB."
    sentence_zh = "文件超过 {megabytes_max} MB。"


class AttachmentTypeRefused(Malformed):
    sentence = "Files of this kind are not accepted: {media_type}."
    sentence_zh = "不接受此类文件：{media_type}。"


class AuthorityMissing(Malformed):
    sentence = "Whoever signs as an agent must attach the power of attorney."
    sentence_zh = "授权代理人签署时须提交授权委托书。"


class EncodingUnknown(Malformed):
    sentence = "The file begins with {start}; it is neither UTF-8, GB18030 nor marked UTF-16 text."
    sentence_zh = "文件以 {start} 开头，编码既不是 UTF-8、GB18030，也不是带标记的 UTF-16。"


class SheetUnreadable(Malformed):
    sentence = "The file is no workbook that can be read ({reason}); save it as .xlsx or as CSV."
    sentence_zh = "无法读取该工作簿（{reason}），请另存为 .xlsx 或 CSV。"


class ImportRefused(Malformed):
    sentence = "{rows_refused} of {rows} rows were refused; nothing was imported."
    sentence_zh = "共 {rows} 行，{rows_refused} 行被拒绝；未导入任何数据。"


class ImportTooLarge(Malformed):
    sentence = "The file is larger than {megabytes_max} MB or {rows_max} rows; split it."
    sentence_zh = "文件超过 {megabytes_max} MB 或 {rows_max} 行，请拆分后再导入。"


class OverrideReasonUnknown(Malformed):
    sentence = "{reason} is no reason for an override; the edition lists {reasons}."
    sentence_zh = "{reason} 不是允许的评级推翻理由，政策版本列明：{reasons}。"


class ClassReasonUnknown(Malformed):
    sentence = "{given} is no reason to set a class by hand; the edition lists {reasons}."
    sentence_zh = "{given} 不是允许的人工认定理由，政策版本列明：{reasons}。"


class ProfileUnknown(Malformed):
    sentence = "There is no import profile {profile} for {kind}."
    sentence_zh = "{kind} 没有名为 {profile} 的导入方案。"


class ColumnMissing(Malformed):
    sentence = "The column {column} is missing."
    sentence_zh = "缺少列 {column}。"


class ColumnUnknown(Malformed):
    sentence = "The column {column} is not one that this import reads, or is there twice."
    sentence_zh = "列 {column} 不在导入范围内，或重复出现。"


class RowBroken(Malformed):
    sentence = "The row cannot be read: {reason}."
    sentence_zh = "无法读取该行：{reason_zh}。"


class FieldMissing(Malformed):
    sentence = "{column} is empty."
    sentence_zh = "{column} 为空。"


class FieldUnreadable(Malformed):
    sentence = "{column} is not {expected}."
    sentence_zh = "{column} 不是{expected_zh}。"

    def __init__(self, **facts: Any) -> None:
        super().__init__(**{"expected_zh": facts.get("expected", "?"), **facts})


class RowRepeated(Malformed):
    sentence = "The row is about the same thing as line {line}, with other content."
    sentence_zh = "该行与第 {line} 行指向同一对象，但内容不同。"


class FileEmpty(Malformed):
    sentence = "The file has no rows."
    sentence_zh = "文件没有数据行。"


class EditionInvalid(Malformed):
    sentence = "The policy edition is refused: {reason}."
    sentence_zh = "政策版本不合格：{reason}。"


class LabelOneSided(Malformed):
    sentence = "{good} good rows and {bad} bad ones are too few of one kind to fit a scorecard."
    sentence_zh = "好样本 {good} 条、坏样本 {bad} 条，其中一类过少，无法拟合评分卡。"


class TermsUneven(Malformed):
    sentence = "The parts of payment terms make {total}, not the whole."
    sentence_zh = "账期各部分合计为 {total}，不等于全部。"


class LinkUnfit(Malformed):
    sentence = "The link of {holder} with {subject} cannot be: {reason}."
    sentence_zh = "{holder} 与 {subject} 的关联不成立：{reason_zh}。"


class TermsUnreadable(Malformed):
    sentence = "{terms} is neither a code of payment terms nor terms such as net_days:30@invoice."
    sentence_zh = "{terms} 既不是账期代码，也不是 net_days:30@invoice 这样的账期。"


class PeriodReversed(Malformed):
    sentence = "{until} is before {since}."
    sentence_zh = "{until} 早于 {since}。"


class AddressRefused(Malformed):
    sentence = "Nothing is sent to {url}: {reason}."
    sentence_zh = "不向 {url} 发送：{reason}。"


class EventKindUnknown(Malformed):
    sentence = "There are no events of the kind {kind}."
    sentence_zh = "没有 {kind} 类事件。"


class HookUnsigned(Malformed):
    sentence = "The header {header} is missing or cannot be read."
    sentence_zh = "请求头 {header} 缺失或无法识别。"


class NoteMissing(Malformed):
    sentence = "A {verdict} needs its reason in the note."
    sentence_zh = "{verdict} 必须在意见中说明理由。"


class WordIllegal(Malformed):
    sentence = "A step of this kind ({mode}) takes no {verdict}."
    sentence_zh = "此类环节（{mode}）不接受“{verdict}”。"


class TargetIllegal(Malformed):
    sentence = "The approval cannot be returned to step {target}; it was not asked before this one."
    sentence_zh = "不能退回到第 {target} 个环节，该环节不在当前环节之前。"


class ConclusionUnclear(Malformed):
    sentence = (
        "The conclusion {conclusion} comes with {conditions} conditions; a recommendation with "
        "conditions states them, and no other conclusion does."
    )
    sentence_zh = (
        "结论 {conclusion} 附有 {conditions} 项条件；“有条件建议”必须列明条件，其他结论不得附条件。"
    )


class ReassignmentUnexplained(Malformed):
    sentence = "The investigators of the case {case_id} are changed with a reason only."
    sentence_zh = "更换案件 {case_id} 的调查人必须说明理由。"


class TermAboveRequest(Malformed):
    sentence = "{months} months are more than the {requested} that were asked for."
    sentence_zh = "{months} 个月超过申请的 {requested} 个月。"


class ApplicationTypeUnknown(Malformed):
    sentence = "{application_type} is no type of application; there are {types}."
    sentence_zh = "没有 {application_type} 这一申请类型，可选：{types}。"


class FormFieldMissing(Malformed):
    sentence = "An application of type {application_type} has to say {field}."
    sentence_zh = "“{application_type}”申请须填写 {field}。"


class FormFieldRefused(Malformed):
    sentence = "An application of type {application_type} does not take {field}."
    sentence_zh = "“{application_type}”申请不接受 {field}。"


class NoNewEvidence(Malformed):
    sentence = "A reconsideration needs evidence that the decision {letter_no} did not have."
    sentence_zh = "复议须提交原决定 {letter_no} 未见过的新证据。"


class LimitAboveProposal(Malformed):
    sentence = "{limit} is not between zero and the {proposed} that was put to approval."
    sentence_zh = "{limit} 不在零与提交审批的 {proposed} 之间。"


# ── NotSignedIn ──────────────────────────────────────────────────────────────────────────────────


class NotSignedIn(CreditError):
    sentence = "Sign in, or send a valid key."
    sentence_zh = "请登录或提供有效密钥。"


class Unauthenticated(NotSignedIn):
    sentence = "The message carries no token that was issued to this person for this task."
    sentence_zh = "消息未携带为此人和此待办签发的令牌。"


class HookSignatureWrong(NotSignedIn):
    sentence = "No valid secret of {source} signed exactly this message."
    sentence_zh = "来源 {source} 的有效密钥均未对此消息签名，或内容已被改动。"


class HookTooOld(NotSignedIn):
    sentence = "The message was signed {seconds} seconds ago; at most {most} are accepted."
    sentence_zh = "消息签名于 {seconds} 秒前，超过允许的 {most} 秒。"


class HookFromFuture(NotSignedIn):
    sentence = "The message is signed {seconds} seconds ahead of now; at most {most} are accepted."
    sentence_zh = "消息签名时间比现在晚 {seconds} 秒，超过允许的 {most} 秒。"


class LockedOut(NotSignedIn):
    sentence = "Too many failed attempts; try again in {minutes} minutes."
    sentence_zh = "失败次数过多，请 {minutes} 分钟后再试。"


# ── NotPermitted ─────────────────────────────────────────────────────────────────────────────────


class NotPermitted(CreditError):
    sentence = "Your role does not allow this: {action}."
    sentence_zh = "您的角色无权执行：{action}。"


class RequestForged(NotPermitted):
    sentence = "The request did not come from a page of this installation; open the page again."
    sentence_zh = "请求并非来自本系统页面，请重新打开页面后再试。"


class NoAuthority(NotPermitted):
    sentence = "This decision is outside your authority: {reason}."
    sentence_zh = "超出您的审批权限：{reason}。"


class HookSourceDisabled(NotPermitted):
    sentence = "Nothing is taken from {source}: it, or its service account, is disabled."
    sentence_zh = "不接受来源 {source} 的消息：该来源或其服务账户已停用。"


class AccountNotService(NotPermitted):
    sentence = "The account of {source} is somebody's who signs in; hooks act as programs alone."
    sentence_zh = "来源 {source} 的账户属于登录人员，签名消息只能以程序账户的身份处理。"


class DeadlineOver(NotPermitted):
    sentence = (
        "The deadline of {shipment_no} was {due_on} and is on record as missed; that it was met is"
        " put on record by who confirms insurance."
    )
    sentence_zh = "{shipment_no} 的期限为 {due_on}，已记为逾期；按期办理须由保险复核人登记。"


class OwnCase(NotPermitted):
    sentence = (
        "Whoever applied, last edited, overrode the grade or supplied a figure of {case_id} cannot "
        "decide on it."
    )
    sentence_zh = "申请人、最后编辑人、推翻其评级或补录其指标的人员不得审批 {case_id}。"


class OwnInvestigation(NotPermitted):
    sentence = (
        "Whoever investigated the case {case_id} neither approves, reviews nor releases on it."
    )
    sentence_zh = "案件 {case_id} 的调查人不得参与该案的审批、审查或放款审核。"


class FunctionsApart(NotPermitted):
    sentence = (
        "On the case {case_id} whoever had the {had} does not also have the {asked}: investigation,"
        " review, approval and release are four functions."
    )
    sentence_zh = "案件 {case_id}：承担{had}职责的人员不得再承担{asked}职责，调查、审查、审批、放款审核四职分离。"


class NotMember(NotPermitted):
    sentence = "{person_id} does not belong to the body {body} on {on}."
    sentence_zh = "{person_id} 在 {on} 不是 {body} 的成员。"


class NotChair(NotPermitted):
    sentence = "Only whoever chairs the meeting {meeting_no} closes it."
    sentence_zh = "会议 {meeting_no} 只能由其主任委员结束。"


class NotInvestigator(NotPermitted):
    sentence = "{person_id} does not investigate the case {case_id}."
    sentence_zh = "{person_id} 不是案件 {case_id} 的调查人。"


class Recused(NotPermitted):
    sentence = (
        "You are marked as related to the customer {customer_id} by entry {entry_id} of the "
        "register of related parties; others decide."
    )
    sentence_zh = (
        "关联方名录条目 {entry_id} 将您列为客户 {customer_id} 的关联人，须回避，由他人决定。"
    )


class RecusedOneself(NotPermitted):
    sentence = "You declared a conflict of interest on the case {case_id}; others decide."
    sentence_zh = "您已就案件 {case_id} 申报利益冲突并回避，由他人决定。"


class NotYourTask(NotPermitted):
    sentence = "The task {task_id} is in other hands by name."
    sentence_zh = "待办 {task_id} 已指定由他人处理。"


class ConflictOfInterest(NotPermitted):
    sentence = "You are tied to the customer {customer_id} ({tie}); others decide."
    sentence_zh = "您与客户 {customer_id} 存在利益冲突（{tie}），须回避，由他人决定。"


class StandInBarred(NotPermitted):
    sentence = (
        "By the delegation {entry_id} you stand in for somebody who may not decide on {case_id}; "
        "others decide."
    )
    sentence_zh = "根据委托 {entry_id}，您代理的人员不得审批 {case_id}，您须一并回避，由他人决定。"


class AwayNow(NotPermitted):
    sentence = "You are out of office by the delegation {entry_id}; end it to decide yourself."
    sentence_zh = "根据委托 {entry_id}，您目前不在岗；如需亲自审批，请先终止委托。"


class CertificateMissing(NotPermitted):
    sentence = (
        "The position {position} asks for the certificate {certificate}, and none is in force on "
        "{on}: the authority is zero."
    )
    sentence_zh = "岗位 {position} 要求资格证 {certificate}，{on} 无有效证书，审批权限为零。"


class SameHands(NotPermitted):
    sentence = "{first} and {second} must be done by two different people."
    sentence_zh = "{first}与{second}必须由不同人员完成。"


# ── NotFound ─────────────────────────────────────────────────────────────────────────────────────


class NotFound(CreditError):
    sentence = "There is no {kind} {id}."
    sentence_zh = "不存在{kind}：{id}。"


class LinkUnknown(NotFound):
    sentence = "This link is not valid, was used already, or has expired."
    sentence_zh = "链接无效、已使用或已过期。"


class CustomerUnknown(NotFound):
    sentence = "No customer has the {scheme} {value}."
    sentence_zh = "没有 {scheme} 为 {value} 的客户。"


class InvoiceUnknown(NotFound):
    sentence = "The customer has no invoice {invoice_no}."
    sentence_zh = "该客户没有发票 {invoice_no}。"


class RateMissing(NotFound):
    sentence = "There is no {kind} rate from {base} to {quote} on or before {date}."
    sentence_zh = "{date} 及以前没有 {base} 兑 {quote} 的{kind}汇率。"


class BenchmarkMissing(NotFound):
    sentence = (
        "There is no fixing of {benchmark} from {since} to {date}, where policy expects the newest."
    )
    sentence_zh = "{since} 至 {date} 之间没有 {benchmark} 的报价，按政策最新报价应在此期间。"


class GradeUnknown(NotFound):
    sentence = "The policy edition has no grade {grade}, which line {line_id} has."
    sentence_zh = "政策版本中没有额度 {line_id} 所持的信用等级 {grade}。"


# ── Conflict ─────────────────────────────────────────────────────────────────────────────────────


class Conflict(CreditError):
    sentence = "The request does not fit the present state: {reason}."
    sentence_zh = "请求与当前状态冲突：{reason}。"


class KeyReused(Conflict):
    sentence = "The key {key} was used before with other content."
    sentence_zh = "幂等键 {key} 已用于其他内容。"


class KeyInFlight(Conflict):
    sentence = "A request with the key {key} is still under way."
    sentence_zh = "幂等键 {key} 的请求仍在处理中。"


class AlreadyDecided(Conflict):
    sentence = "This was decided already: {verdict} by {decided_by} at {decided_at}."
    sentence_zh = "已由 {decided_by} 于 {decided_at} 作出决定：{verdict}。"


class OpinionAwaited(Conflict):
    sentence = "The opinion that was asked for on the task {task_id} has not come yet."
    sentence_zh = "待办 {task_id} 委派征求的意见尚未返回。"


class ActIllegal(Conflict):
    sentence = "This cannot be done now ({action}): {reason}."
    sentence_zh = "当前不能执行{action}：{reason}。"


class UrgedAlready(Conflict):
    sentence = "The holders were urged already; they can be urged again at {until}."
    sentence_zh = "已催办过，{until} 后可再次催办。"


class Withdrawn(Conflict):
    sentence = "The application {case_id} was withdrawn."
    sentence_zh = "申请 {case_id} 已撤销。"


class CaseClosed(Conflict):
    sentence = "The case {case_id} has ended: {status}."
    sentence_zh = "案件 {case_id} 已结束：{status}。"


class ContractEnded(Conflict):
    sentence = "The agreement {contract_id} is {status}; nothing more can be done on it."
    sentence_zh = "授信协议 {contract_id} 当前状态为{status}，不能再作任何操作。"


class AlreadyReconsidered(Conflict):
    sentence = "The decision {letter_no} is reconsidered once, by the case {case_id}."
    sentence_zh = "决定 {letter_no} 只能复议一次，已由案件 {case_id} 复议。"


class ReconsiderationClosed(Conflict):
    sentence = "{letter_no} of {decided_on} is not reconsidered: policy gives {days} days for it."
    sentence_zh = "{decided_on} 的 {letter_no} 不再复议：政策规定的期限为 {days} 日。"


class AlreadyRecovered(Conflict):
    sentence = "The lapse of {approval_id} was recovered already."
    sentence_zh = "审批 {approval_id} 的失效已经恢复。"


class RecoveryClosed(Conflict):
    sentence = (
        "{case_id} lapsed on {lapsed_on} and is not recovered: policy gives {days} days for it."
    )
    sentence_zh = "案件 {case_id} 已于 {lapsed_on} 失效，不再恢复：政策规定的期限为 {days} 日。"


class OfferEnded(Conflict):
    sentence = "The offer {letter_no} is {status}; nothing more can be done on it."
    sentence_zh = "要约 {letter_no} 当前状态为{status}，不能再作任何操作。"


class OfferNotAccepted(Conflict):
    sentence = "The customer has not accepted what the letter {letter_no} offers."
    sentence_zh = "客户尚未接受批复 {letter_no} 的要约。"


class OutOfOrder(Conflict):
    sentence = "This cannot be done now: {reason}."
    sentence_zh = "当前不能执行：{reason}。"


class AlreadyExists(Conflict):
    sentence = "There is already a {kind} with {id}."
    sentence_zh = "已存在{kind}：{id}。"


class CustomerMerged(Conflict):
    sentence = "The record {customer_id} was merged into {merged_into}; say it of that one."
    sentence_zh = "客户记录 {customer_id} 已并入 {merged_into}，请在后者上操作。"


class MergeCircular(Conflict):
    sentence = "{losing_id} and {surviving_id} are one record already."
    sentence_zh = "{losing_id} 与 {surviving_id} 已是同一客户记录。"


class MergeBuiltOn(Conflict):
    sentence = "The merge {merge_id} stands: {what} was decided on the merged record since."
    sentence_zh = "合并 {merge_id} 不能撤回：合并后的记录上已有新的{what}。"


class DocumentAnswered(Conflict):
    sentence = "Document {invoice_no} was answered already."
    sentence_zh = "单据 {invoice_no} 已有答复。"


class StaleContent(Conflict):
    sentence = "{id} has changed since you saw it; read it again before deciding."
    sentence_zh = "{id} 的内容已变更，请重新阅读后再作决定。"


class StepEnded(Conflict):
    sentence = "The step {step} failed and was ended by the operators; send the message again."
    sentence_zh = "步骤 {step} 执行失败，已由运维终止，请重新发送。"


class MeetingOver(Conflict):
    sentence = "The meeting {meeting_no} is over."
    sentence_zh = "会议 {meeting_no} 已结束。"


class AgendaTaken(Conflict):
    sentence = "The approval {approval_id} is on the agenda of {meeting_no}, which is not over."
    sentence_zh = "审批 {approval_id} 已列入尚未结束的会议 {meeting_no}。"


class OverridePending(Conflict):
    sentence = "The override {override_id} of the case {case_id} still waits for a second person."
    sentence_zh = "案件 {case_id} 的评级推翻 {override_id} 尚待第二人确认。"


class CapPending(Conflict):
    sentence = (
        "The cap {cap_id} on {owner_id} still waits for its approvers; one is decided at a time."
    )
    sentence_zh = "{owner_id} 的限额申请 {cap_id} 尚待审批，同一限额一次只能审批一项。"


class HoldReleasePending(Conflict):
    sentence = "The release {release_id} of the hold {hold_id} still waits for its approvers."
    sentence_zh = "锁单 {hold_id} 的放行申请 {release_id} 尚待审批。"


class UseSettled(Conflict):
    sentence = "The use {use_id} is {status}; nothing else becomes of it."
    sentence_zh = "用信申请 {use_id} {status}，不得再作处理。"


class UseHeld(Conflict):
    sentence = (
        "The reservation {reservation_id} is held by the use {use_id}: it is released or given "
        "back there."
    )
    sentence_zh = "预占 {reservation_id} 由用信申请 {use_id} 持有，须在该申请中放款或释放。"


class SimulationStale(Conflict):
    sentence = (
        "The edition {edition} has no simulation report of its own from the last {days} days "
        "over {cases} past cases or more; simulate it first."
    )
    sentence_zh = (
        "政策版本 {edition} 在最近 {days} 天内没有覆盖至少 {cases} 个历史案件的试算报告，请先试算。"
    )


class SignedTwice(Conflict):
    sentence = "{person_id} has signed the report {report_hash} already; the other one signs too."
    sentence_zh = "{person_id} 已签署报告 {report_hash}，须由另一调查人签署。"


class Draining(Conflict):
    sentence = "{id} is being carried over; send the message again in a moment."
    sentence_zh = "{id} 的记录正在结转，请稍后重发。"


# ── NotGranted ───────────────────────────────────────────────────────────────────────────────────


class NotGranted(CreditError):
    sentence = "The request is refused by a rule of credit: {reason}."
    sentence_zh = "不符合授信规则：{reason}。"


class BeyondGrant(NotGranted):
    sentence = "The sub-grant {grant_no} reaches beyond the grant {parent_no} in: {parts}."
    sentence_zh = "转授权 {grant_no} 超出授权书 {parent_no} 的范围：{parts}。"


class GrantNotHeld(NotGranted):
    sentence = "{granted_by} does not hold the grant {parent_no} on {on}, and grants nothing of it."
    sentence_zh = "{granted_by} 在 {on} 未持有授权书 {parent_no}，不得转授。"


class TypeNotOffered(NotGranted):
    sentence = "The policy edition {edition} takes no applications of type {application_type}."
    sentence_zh = "政策版本 {edition} 不受理“{application_type}”申请。"


class ChangeUnfit(NotGranted):
    sentence = "The {application_type} cannot be: {field}, {reason}."
    sentence_zh = "“{application_type}”不成立：{field}，{reason}。"


class OverLimit(NotGranted):
    sentence = "{amount} is more than the headroom of {headroom} on {binding}."
    sentence_zh = "{amount} 超过 {binding} 的可用额度 {headroom}。"


class LineNotActive(NotGranted):
    sentence = "The line {line_id} is {status}."
    sentence_zh = "额度 {line_id} 当前状态为{status}。"


class LineHeld(NotGranted):
    sentence = "The line {line_id} or its customer is on hold; who lifts it is told with the hold."
    sentence_zh = "额度 {line_id} 或其客户已锁单；由谁解除见锁单说明。"


class LineExpired(NotGranted):
    sentence = "The line {line_id} ended on {ended_on}."
    sentence_zh = "额度 {line_id} 已于 {ended_on} 到期。"


class LineNotStarted(NotGranted):
    sentence = "The line {line_id} starts on {starts_on}."
    sentence_zh = "额度 {line_id} 自 {starts_on} 起生效。"


class DrawsOver(NotGranted):
    sentence = "The last day to draw on the line {line_id} was {last_draw_on}."
    sentence_zh = "额度 {line_id} 的提用期已于 {last_draw_on} 结束。"


class ProductMissing(NotGranted):
    sentence = "The line {line_id} is one of several products: a use of it says of which."
    sentence_zh = "额度 {line_id} 为综合授信，用信须注明额度品种。"


class ProductRefused(NotGranted):
    sentence = "The line {line_id} was not granted for {product}."
    sentence_zh = "额度 {line_id} 不含额度品种“{product}”。"


class PurposeRefused(NotGranted):
    sentence = "The line {line_id} is dedicated: it is for {purpose} and nothing else."
    sentence_zh = "额度 {line_id} 为专项额度，只限用于“{purpose}”。"


class TenorExceeded(NotGranted):
    sentence = "A use of the line {line_id} is due within {months_max} months at the latest."
    sentence_zh = "额度 {line_id} 项下单笔用信期限最长 {months_max} 个月。"


class MaturesLate(NotGranted):
    sentence = "A use of the line {line_id} is due on {latest_on} at the latest."
    sentence_zh = "额度 {line_id} 项下用信最迟于 {latest_on} 到期。"


class UseNeedsApproval(NotGranted):
    sentence = (
        "A use of {product} of {amount} is approved first (row {row}): ask for it on the line "
        "{line_id} at {where}."
    )
    sentence_zh = "“{product}”用信 {amount} 须先经用信审批（政策行 {row}）：请在 {where} 就额度 {line_id} 提出申请。"


class UseUnmarked(NotGranted):
    sentence = "A use of {product} of {amount} needs no approval: reserve it on the line {line_id}."
    sentence_zh = "“{product}”用信 {amount} 无须用信审批，请直接在额度 {line_id} 上预占。"


class ReleaseOpen(NotGranted):
    sentence = "The release review of the use {use_id} does not hold yet: {items}."
    sentence_zh = "用信申请 {use_id} 的放款审核尚未落实：{items}。"


class ExchangeRefused(NotGranted):
    sentence = "No limit moves to or from {product}: {reason}."
    sentence_zh = "“{product}”的额度不得调剂：{reason}。"


class MoreThanDeposited(NotGranted):
    sentence = "{amount} is more than the {deposited} that deposits cover."
    sentence_zh = "{amount} 超过保证金所覆盖的 {deposited}。"


class DepositTooLow(NotGranted):
    sentence = "A use of the line {line_id} brings a deposit of {share} % at least."
    sentence_zh = "额度 {line_id} 项下用信保证金比例不得低于 {share}%。"


class OverNominal(NotGranted):
    sentence = "The line {line_id} has {headroom} left of what may be lent by name."
    sentence_zh = "额度 {line_id} 的名义金额仅余 {headroom}。"


class TermsExceeded(NotGranted):
    sentence = (
        "The terms {asked} come to {asked_days} days (rank {asked_rank}); the line {line_id} is"
        " approved for {approved}, up to {approved_days} days (rank {approved_rank})."
    )
    sentence_zh = (
        "账期 {asked} 折合 {asked_days} 天（第 {asked_rank} 级），额度 {line_id} 批准的账期为"
        " {approved}，最长 {approved_days} 天（第 {approved_rank} 级）。"
    )


class ReservationClosed(NotGranted):
    sentence = "The reservation {reservation_id} is {status}."
    sentence_zh = "预占 {reservation_id} 已{status}。"


class MoreThanCharged(NotGranted):
    sentence = "{amount} is more than the {left} still owed of the charge {entry_id}."
    sentence_zh = "{amount} 超过计息分录 {entry_id} 未付余额 {left}。"


class MoreThanInvoiced(NotGranted):
    sentence = "{amount} is more than the {open} still open on invoice {invoice_no}."
    sentence_zh = "{amount} 超过发票 {invoice_no} 未付金额 {open}。"


class CreditNoteNotReversible(NotGranted):
    sentence = (
        "Credit note {credit_note_no} of invoice {invoice_no} is reversed once, whole, and not"
        " before its own day; it is not on record, is a reversal itself, is reversed, or says else."
    )
    sentence_zh = (
        "发票 {invoice_no} 的贷项通知 {credit_note_no} 只能在其开具日或之后全额冲回一次；"
        "该通知未登记、本身为冲回、已被冲回，或金额、日期不符。"
    )


class MoreThanOrdered(NotGranted):
    sentence = "{amount} is more than the {left} that the order leaves for it."
    sentence_zh = "{amount} 超过订单可用于此的 {left}。"


class CheckRefused(NotGranted):
    sentence = "The check refuses the order: {rules}."
    sentence_zh = "信用检查拒绝该订单：{rules}。"


class DeliveryRefused(NotGranted):
    sentence = "Nothing was delivered, as the book refused it: {code}."
    sentence_zh = "台账拒绝占用，未作发货登记：{code}。"


class NotReleasable(NotGranted):
    sentence = "No release goes past {rules}; what stands behind it has to change."
    sentence_zh = "放行不能越过 {rules}，须先消除其原因。"


class MoreThanReserved(NotGranted):
    sentence = "{amount} is more than the {reserved} still reserved."
    sentence_zh = "{amount} 超过剩余预占 {reserved}。"


class MoreThanUsed(NotGranted):
    sentence = "{amount} is more than the {used} that is used."
    sentence_zh = "{amount} 超过已用 {used}。"


class CoverOverused(NotGranted):
    sentence = "The cover {cover_id} is free for {free}; {asked} is to be secured by it."
    sentence_zh = "风险缓释 {cover_id} 可用于担保的价值为 {free}，拟担保 {asked}。"


class ModelExtraMissing(NotGranted):
    sentence = "Fitting needs scikit-learn; install it with pip install -r requirements-model.lock."
    sentence_zh = "拟合需要 scikit-learn，请执行 pip install -r requirements-model.lock 安装。"


class ClassPeriodUnfit(NotGranted):
    sentence = (
        "A class from {from_on} to {until_on} is asked on {today}; it begins today or later, and from"
        " then on it ends from {earliest} to {latest}."
    )
    sentence_zh = (
        "{today} 申请的分类期间为 {from_on} 至 {until_on}；起始日不得早于当日，"
        "且截止日须在 {earliest} 至 {latest} 之间。"
    )


class ClassUnchanged(NotGranted):
    sentence = "The customer stands in {tier} already, by rule."
    sentence_zh = "该客户按规则已为{tier}。"


class ClassBarred(NotGranted):
    sentence = "The class cannot be set to {tier}: by rule it is {ruled}, and at best {least}."
    sentence_zh = "分类不能认定为{tier}：按规则为{ruled}，最好为{least}。"


class NotByHand(NotGranted):
    sentence = "The step {step} is not to be settled by hand ({act}); mend its cause and retry it."
    sentence_zh = "步骤 {step} 不得人工处理（{act}），请排除原因后重试。"


class ResetBarred(NotGranted):
    sentence = "{workflow_id} cannot go back to event {event_id}: {reason}."
    sentence_zh = "{workflow_id} 不能退回到事件 {event_id}：{reason}。"


class OverrideOutOfBound(NotGranted):
    sentence = (
        "An override by {notches} is asked; "
        "from {grade} at most {up} up and {down} down are allowed."
    )
    sentence_zh = "申请推翻 {notches} 级；自 {grade} 起最多上调 {up} 级、下调 {down} 级。"


class OverrideBarred(NotGranted):
    sentence = "The grade {grade} cannot be lifted to {asked}: the rule {rule} holds it."
    sentence_zh = "等级 {grade} 不能上调至 {asked}：受规则 {rule} 限制。"


class AgendaClosed(NotGranted):
    sentence = "Papers of the meeting {meeting_no} are due by {until}: this case comes too late."
    sentence_zh = "会议 {meeting_no} 的材料须于 {until} 前提交，该案逾期，不得上会。"


class NotForCommittee(NotGranted):
    sentence = "The approval {approval_id} is not before a committee."
    sentence_zh = "审批 {approval_id} 无需贷审会表决，或已过该环节。"


class BodyShort(NotGranted):
    sentence = "The members invited to {meeting_no} fill {seats} seats of the committee; its quorum is {quorum}."
    sentence_zh = "会议 {meeting_no} 的委员仅能就 {seats} 个席位表决，法定人数为 {quorum}。"


class NotLendable(NotGranted):
    sentence = "To the grade {grade} nothing is lent, and no override lifts it."
    sentence_zh = "等级 {grade} 不予授信，不得通过推翻上调。"


class ProductUnknown(NotGranted):
    sentence = "The policy edition grants no credit of the kind {product}."
    sentence_zh = "政策版本中没有该额度品种：{product}。"


class NoSupplier(NotGranted):
    sentence = (
        "The customer {customer_id} was no supplier of ours on {date}; record the role first."
    )
    sentence_zh = "客户 {customer_id} 在 {date} 不是我方供应商，请先登记其供应商角色。"


class RelatedTerms(NotGranted):
    sentence = "A related party of the grantor pays what its grade asks: {asked}, not {rate}."
    sentence_zh = "授信方关联方须按其等级要求的利率 {asked} 执行，不得为 {rate}。"


class NoLine(NotGranted):
    sentence = "The customer {customer_id} has no active line in {currency}."
    sentence_zh = "客户 {customer_id} 没有启用中的 {currency} 额度。"


class Incomplete(NotGranted):
    sentence = "Still missing: {items}."
    sentence_zh = "尚缺：{items}。"


class InvestigationNotAsked(NotGranted):
    sentence = "The policy edition asks no investigation of the case {case_id}."
    sentence_zh = "政策版本不要求对案件 {case_id} 进行贷前调查。"


class InvestigationOpen(NotGranted):
    sentence = "The report cannot be signed yet; still open: {items}."
    sentence_zh = "报告尚不能签署，未完成：{items}。"


class EvidenceMissing(NotGranted):
    sentence = "There is no file on record as evidence of: {items}."
    sentence_zh = "以下事项缺少佐证文件：{items}。"


class SchemeRefused(NotGranted):
    sentence = "The facility scheme does not fit what may be granted: {findings}."
    sentence_zh = "授信方案不符合品种目录或申请：{findings}。"


class ContractDiffers(NotGranted):
    sentence = (
        "The contract differs from the approval letter in {field}: {contract} is not {letter}."
    )
    sentence_zh = "协议与批复在 {field} 上不一致：{contract} 与 {letter}。"


class ScreeningStale(NotGranted):
    sentence = "The screening of {screened_on} is too old for activation, or has an open hit."
    sentence_zh = "{screened_on} 的筛查已过期，或有未处置的命中。"


class MergeIdentifiersDiffer(NotGranted):
    sentence = "The records have different codes of {scheme}: {first} is not {second}."
    sentence_zh = "两个客户记录的 {scheme} 不同：{first} 与 {second}。"


class MergeCasesOpen(NotGranted):
    sentence = "Both records have an open case: {first} and {second}; end one of them first."
    sentence_zh = "两个客户记录均有未结案件：{first} 与 {second}，请先结束其中之一。"


class MergeGroupsDiffer(NotGranted):
    sentence = (
        "The record that gives way is of the group {group_id}, and the one that stays is not."
    )
    sentence_zh = "被并入的记录属于集团 {group_id}，而保留的记录不属于该集团。"


class AuthorisationMissing(NotGranted):
    sentence = "There is no written authorisation of the customer {customer_id} in force on {date}."
    sentence_zh = "客户 {customer_id} 没有在 {date} 有效的书面授权。"


class AgencyUnknown(NotGranted):
    sentence = "Ratings of {agency} do not count under the policy; these do: {agencies}."
    sentence_zh = "政策不采用 {agency} 的评级；采用的评级机构为：{agencies}。"


class AgencyRatingUnknown(NotGranted):
    sentence = "No row of the policy maps the rating {rating} of {agency} on {date}: {ratings}."
    sentence_zh = "{date} 的政策没有 {agency} 评级 {rating} 的映射；有映射的评级为：{ratings}。"


class FigureOutOfBounds(NotGranted):
    sentence = "{value} is not from {at_least} to {at_most}, which {factor} may be supplied within."
    sentence_zh = "{value} 不在 {factor} 可补录的范围 {at_least} 至 {at_most} 内。"


class ReportStale(NotGranted):
    sentence = "The newest {kind} report is of {reported_on}, older than {age_days_max} days."
    sentence_zh = "最近的 {kind} 报告日期为 {reported_on}，已超过 {age_days_max} 天。"


class ReportUnavailable(NotGranted):
    sentence = "No provider gave a {kind} report: {tried}."
    sentence_zh = "没有机构提供 {kind} 报告：{tried}。"


class LetterLapsed(NotGranted):
    sentence = "The approval letter {letter_no} was valid until {valid_until}."
    sentence_zh = "批复 {letter_no} 有效期至 {valid_until}。"


class RatingExpired(NotGranted):
    sentence = "The rating counted until {valid_until}; no more is lent on it."
    sentence_zh = "评级有效期至 {valid_until}，不得据以增加授信。"


class SignatureInvalid(NotGranted):
    sentence = "The signature on the contract does not verify: {reason}."
    sentence_zh = "协议签名校验未通过：{reason}。"


class GlyphMissing(NotGranted):
    sentence = "The font has no glyph for: {characters}."
    sentence_zh = "字体缺少字形：{characters}。"
