"""A simulation report as people take it away: Markdown in two languages, and CSV lists."""

import csv
import io
from collections.abc import Iterator, Mapping

from domain.draft import Outcome, RecordedReport, Section, Tried

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Simulation of policy draft {hash}", "政策草案 {hash} 试算报告"),
    "head": (
        "On {day}, against edition {in_force}; book {book}; report {report}; run by {by}.",
        "{day} 试算，对照版本 {in_force}；样本 {book}；报告 {report}；执行人 {by}。",
    ),
    "past": ("Past cases", "历史案件"),
    "live": ("Lines in force", "启用中的额度"),
    "cases": ("Cases", "案件数"),
    "unchanged": ("Unchanged", "结果不变"),
    "refused": ("Refused by the draft", "草案无法评估"),
    "flips": ("Lane", "审批通道变化"),
    "grades": ("Grade", "等级变化"),
    "moved": ("Limits moved", "额度变动"),
    "moved_row": (
        "{currency}: of {before}, {raised} higher and {lowered} lower",
        "{currency}：原 {before}，调增 {raised}，调减 {lowered}",
    ),
    "positions": ("Tasks by position", "各岗位待办"),
    "tiers": ("Steps by tier", "各层级节点"),
    "before_after": ("{before} before, {after} after", "原 {before}，现 {after}"),
    "spared": (
        "Would have been granted less, and went bad since: {count}",
        "草案将授予较低额度、且其后恶化的客户：{count}",
    ),
    "left_out": (
        "Lines in force that this report does not look at: {count}",
        "本报告未覆盖的启用额度：{count}",
    ),
    "none": ("none", "无"),
}
_COLUMNS = (
    "set case_id customer_id line_id grade_before grade_after lane_before lane_after"
    " limit_before limit_after currency row_before row_after refusal went_bad"
).split()


def markdown(recorded: RecordedReport, language: str) -> str:
    """The report for people, in `en` or `zh`."""
    report = recorded.report
    say = _Speaker(language)
    rows = [f"# {say('title', hash=report.edition_hash[:12])}", ""]
    rows.append(
        say(
            "head",
            day=report.business_on,
            in_force=report.in_force_hash[:12],
            book=report.book_hash[:12],
            report=recorded.report_hash[:12],
            by=recorded.run_by,
        )
    )
    for name, section in (("past", report.past), ("live", report.live)):
        rows += ["", f"## {say(name)}", "", *_section(section, say)]
    if report.lines_left_out:
        rows.append(f"- {say('left_out', count=report.lines_left_out)}")
    rows += ["", f"## {say('spared', count=len(report.spared))}", ""]
    rows += [f"- {_spared(each)}" for each in report.spared] or [say("none")]
    return "\n".join(rows) + "\n"


def csv_text(recorded: RecordedReport) -> str:
    """Every changed case, a row each, past cases before lines."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, section in (("past", recorded.report.past), ("live", recorded.report.live)):
        for each in section.changed:
            writer.writerow([name, *_cells(each)])
    return out.getvalue()


class _Speaker:
    def __init__(self, language: str) -> None:
        self._chinese = language.startswith("zh")

    def __call__(self, key: str, **facts: object) -> str:
        return _WORDS[key][self._chinese].format(**facts)


def _section(section: Section, say: _Speaker) -> Iterator[str]:
    yield f"- {say('cases')}: {section.cases}"
    yield f"- {say('unchanged')}: {section.unchanged}"
    yield f"- {say('refused')}: {section.refused}"
    yield f"- {say('flips')}: {_counts(section.flips, say)}"
    yield f"- {say('grades')}: {_counts(section.grades, say)}"
    for moved in section.moved:
        yield f"- {say('moved')}, " + say(
            "moved_row",
            currency=moved.currency,
            before=moved.before.text,
            raised=moved.raised.text,
            lowered=moved.lowered.text,
        )
    loads = (
        ("positions", section.positions_before, section.positions_after),
        ("tiers", section.tiers_before, section.tiers_after),
    )
    for name, before, after in loads:
        yield f"- {say(name)}:"
        for code in sorted(before.keys() | after.keys()):
            load = say("before_after", before=before.get(code, 0), after=after.get(code, 0))
            yield f"    - {code}: {load}"


def _counts(counts: Mapping[str, int], say: _Speaker) -> str:
    shown = (f"{code.replace('>', ' → ')} {count}" for code, count in counts.items())
    return ", ".join(shown) or say("none")


def _spared(each: Tried) -> str:
    after = each.after.limit.text if each.after else each.refusal
    return f"{each.case_id}: {each.before.limit.text} → {after} ({', '.join(each.went_bad)})"


def _cells(each: Tried) -> list[str]:
    before, after = each.before, each.after
    return [
        each.case_id,
        each.customer_id,
        each.line_id or "",
        before.grade,
        after.grade if after else "",
        before.lane,
        after.lane if after else "",
        _amount(before),
        _amount(after),
        before.limit.currency,
        before.row,
        after.row if after else "",
        each.refusal,
        " ".join(each.went_bad),
    ]


def _amount(outcome: Outcome | None) -> str:
    return "" if outcome is None else f"{outcome.limit.amount:f}"
