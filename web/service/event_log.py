"""The event log of every case as a file that process mining reads, written as it is read.

People stand in it under pseudonyms that only this installation's key can make, and of an event's
facts only codes: no note, no amount, no name. The same events give the same bytes.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from xml.sax.saxutils import quoteattr

from domain.calendar import day_begins_at
from domain.event_log import LogFormat, LoggedEvent
from domain.identity import Person
from storage.base import Records
from storage.turnaround import Histories
from web.service.classification import past_day
from web.service.clock import Clock
from web.service.permissions import Action, permit

# Who acted where no person did, and facts that are codes of ours.
_NOBODY = frozenset({"", "system", "customer", "automatic"})
_CODES = ("position", "grade", "lane", "status", "step", "level", "code", "binding", "item")
_ROLE = "position"
_NOT_XML = re.compile(r"[^\u0009\u000a\u000d\u0020-\ud7ff\ue000-\ufffd]")


class EventLogService:
    """The event log, over one memory."""

    def __init__(self, records: Records, clock: Clock, pseudonym: Callable[[str], str]) -> None:
        self._records = records
        self._clock = clock
        self._pseudonym = pseudonym

    def export(
        self,
        person: Person,
        form: LogFormat = LogFormat.XES,
        since: date | None = None,
        until: date | None = None,
    ) -> Iterator[str]:
        """The log in parts, of what happened from one business day to another, both included.

        Refuses `DateInFuture` before anything is written. What happens while it is written is not
        in it.
        """
        permit(person, Action.EVENTS_READ)
        offset = self._clock.offset_days
        begins = day_begins_at(since, offset) if since is not None else None
        ends = None
        if until is not None:
            ends = day_begins_at(past_day(until, self._clock) + timedelta(days=1), offset)
        with self._records.begin() as session:
            newest = Histories(session).newest_event()
        events = self._events(newest, begins, ends)
        return xes(events) if form is LogFormat.XES else ocel(events)

    def _events(
        self, newest: int, since: datetime | None, before: datetime | None
    ) -> Iterator[LoggedEvent]:
        """A page at a time, each in a transaction of its own: whoever reads slowly holds nothing."""
        after: tuple[str, int] | None = None
        while True:
            with self._records.begin() as session:
                page = Histories(session).events_page(
                    after, newest=newest, since=since, before=before
                )
            if not page:
                return
            for event in page:
                yield event.model_copy(
                    update={"person": self._named(event.person), "facts": _coded(event.facts)}
                )
            after = page[-1].case_id, page[-1].event_no

    def _named(self, person_id: str) -> str:
        return person_id if person_id in _NOBODY else f"p-{self._pseudonym(person_id)}"


def _coded(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: facts[name] for name in _CODES if facts.get(name)}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


# ── XES: IEEE 1849-2023, with the standard extensions ────────────────────────────────────────────


_XES_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2023" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
<global scope="trace"><string key="concept:name" value=""/></global>
<global scope="event"><string key="concept:name" value=""/>\
<date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/>\
<string key="lifecycle:transition" value="complete"/></global>
<classifier name="Activity" keys="concept:name"/>
<string key="concept:name" value="creditflow"/>
<string key="lifecycle:model" value="standard"/>
"""


def xes(events: Iterable[LoggedEvent]) -> Iterator[str]:
    """One trace a case."""
    yield _XES_HEAD
    for case_id, of_case in groupby(events, key=lambda event: event.case_id):
        whole = list(of_case)
        trace = {"concept:name": case_id}
        trace |= {"case_type": whole[0].case_type, "customer_id": whole[0].customer_id}
        yield f"<trace>\n{_strings(trace)}\n"
        for event in whole:
            yield f"{_xes_event(event)}\n"
        yield "</trace>\n"
    yield "</log>\n"


def _xes_event(event: LoggedEvent) -> str:
    told = {"concept:name": event.kind, "lifecycle:transition": "complete"}
    told |= {"org:resource": event.person, "org:role": event.facts.get(_ROLE, "")}
    told |= {name: code for name, code in event.facts.items() if name != _ROLE}
    at = f'<date key="time:timestamp" value="{_time(event.at)}"/>'
    number = f'<int key="event_no" value="{event.event_no}"/>'
    return f"<event>{_strings(told)}{at}{number}</event>"


def _strings(values: Mapping[str, str]) -> str:
    return "".join(
        f"<string key={quoteattr(name)} value={quoteattr(_NOT_XML.sub('', value))}/>"
        for name, value in values.items()
        if value
    )


# ── OCEL 2.0 ─────────────────────────────────────────────────────────────────────────────────────


def ocel(events: Iterable[LoggedEvent]) -> Iterator[str]:
    """Events first; the objects they were about and the types of both as they have been seen."""
    kinds: set[str] = set()
    cases: dict[str, LoggedEvent] = {}
    people: set[str] = set()
    yield '{"events":['
    for number, event in enumerate(events):
        kinds.add(event.kind)
        cases.setdefault(event.case_id, event)
        people |= {event.person} - _NOBODY
        yield ("," if number else "") + "\n" + _json(_ocel_event(event))
    yield '\n],"objects":['
    for number, thing in enumerate(_ocel_objects(cases, people)):
        yield ("," if number else "") + "\n" + _json(thing)
    types = [
        {"name": kind, "attributes": [{"name": code, "type": "string"} for code in _CODES]}
        for kind in sorted(kinds)
    ]
    yield f'\n],"eventTypes":{_json(types)},"objectTypes":{_json(_OBJECT_TYPES)}}}\n'


_OBJECT_TYPES = [
    {"name": "case", "attributes": [{"name": "case_type", "type": "string"}]},
    {"name": "customer", "attributes": []},
    {"name": "person", "attributes": []},
]


def _ocel_event(event: LoggedEvent) -> dict[str, object]:
    related = [{"objectId": f"case/{event.case_id}", "qualifier": "of"}]
    if event.customer_id:
        related.append({"objectId": f"customer/{event.customer_id}", "qualifier": "about"})
    if event.person not in _NOBODY:
        related.append({"objectId": f"person/{event.person}", "qualifier": "by"})
    return {
        "id": f"e-{event.event_no}",
        "type": event.kind,
        "time": _time(event.at),
        "attributes": [{"name": name, "value": code} for name, code in event.facts.items()],
        "relationships": related,
    }


def _ocel_objects(
    cases: Mapping[str, LoggedEvent], people: Iterable[str]
) -> Iterator[dict[str, object]]:
    for case_id, first in sorted(cases.items()):
        said = {"name": "case_type", "value": first.case_type, "time": _time(first.at)}
        related = [{"objectId": f"customer/{first.customer_id}", "qualifier": "of"}]
        yield {
            "id": f"case/{case_id}",
            "type": "case",
            "attributes": [said] if first.case_type else [],
            "relationships": related if first.customer_id else [],
        }
    customers = {event.customer_id for event in cases.values()} - {""}
    for kind, names in (("customer", customers), ("person", people)):
        for name in sorted(names):
            yield {"id": f"{kind}/{name}", "type": kind, "attributes": [], "relationships": []}


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
