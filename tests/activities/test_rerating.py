"""A book is re-rated by preview and then exactly that, each line once, whatever runs twice."""

import csv
import hashlib
import io
from datetime import date

import pytest
from sqlalchemy import text

from activities.rerating import ReratingActivities
from domain.customer import Identifier, IdentifierScheme
from domain.errors import SameHands, StaleContent
from domain.line import CreditLine
from domain.rerating import Outcome, Rerating, ReratingPage, ReratingProgress, RunStatus
from storage.approval import Letters
from storage.base import Records
from storage.customer import Customers
from storage.edition import Editions
from storage.line import Lines
from storage.outlook import IndustryLines
from storage.rerating import Reratings
from storage.statement import Statements
from tests.makers_monitoring import GRANTED_ON, LINE_ID, SHRUNKEN, a_book, noon
from tests.makers_policy import a_changed_edition, a_customer, a_statement, cny
from tests.storage.test_merge import decide, propose

ON = date(2026, 7, 6)
COPIES = tuple(f"line-1-{n}" for n in range(4))


@pytest.fixture
def book(records: Records) -> Records:
    """The ordinary line and four like it, and a bad year since they were granted."""
    line = a_book(records)
    with records.begin() as session:
        letter = Letters(session).read(line.letter_no)
        for number, line_id in enumerate(COPIES):
            named = {"case_id": f"case-1-{number}", "letter_no": f"{letter.letter_no}-{number}"}
            Letters(session).record(letter.model_copy(update=named), named["case_id"], "c-1")
            like_it = line.model_copy(update={"line_id": line_id, "version": 1, **named})
            Lines(session).open(like_it, GRANTED_ON)
        Statements(session).record(
            a_statement(2025, **SHRUNKEN), business_on=ON, recorded_by="manager"
        )
    return records


def a_page(run_id: str = "run-1", size: int = 2, **changed: str) -> ReratingPage:
    return ReratingPage(
        run_id=run_id,
        person_id=changed.get("person_id", "risk1"),
        preview_hash=changed.get("preview_hash"),
        page_size=size,
        at=noon(ON),
    )


def preview(records: Records, size: int = 2) -> ReratingProgress:
    steps = ReratingActivities(records)
    while not (progress := steps.preview_rerating(a_page(size=size))).done:
        pass
    return progress


def apply(records: Records, preview_hash: str, person_id: str = "risk2") -> ReratingProgress:
    steps = ReratingActivities(records)
    page = a_page(preview_hash=preview_hash, person_id=person_id)
    while not (progress := steps.apply_rerating(page)).done:
        pass
    return progress


def run_of(records: Records) -> Rerating:
    with records.begin() as session:
        return Reratings(session).read("run-1")


def file_of(records: Records) -> str:
    with records.begin() as session:
        return "".join(Reratings(session).preview_rows("run-1"))


def lines_of(records: Records) -> dict[str, CreditLine]:
    with records.begin() as session:
        return {each: Lines(session).read(each) for each in (LINE_ID, *COPIES)}


def owed(records: Records) -> list[str]:
    with records.begin() as session:
        rows = session.execute(
            text("SELECT recipient FROM outbox WHERE kind = 'signal_line_review' ORDER BY key")
        )
        return [recipient for (recipient,) in rows]


def test_a_preview_counts_every_line_once_and_changes_none(book: Records) -> None:
    before = lines_of(book)
    progress = preview(book)

    assert progress.status is RunStatus.PREVIEWED
    assert progress.counts.lines == 5
    assert progress.counts.moved == 5
    assert lines_of(book) == before
    assert owed(book) == []


def test_the_hash_is_of_the_file_that_is_read(book: Records) -> None:
    preview(book)
    written = file_of(book)
    rows = list(csv.DictReader(io.StringIO(written)))

    assert run_of(book).preview_hash == hashlib.sha256(written.encode()).hexdigest()
    assert [row["line_id"] for row in rows] == sorted([LINE_ID, *COPIES])
    assert {row["outcome"] for row in rows} == {"moved"}


def test_the_preview_is_the_same_whatever_its_pages(book: Records) -> None:
    preview(book, size=1)
    by_one = run_of(book).preview_hash
    with book.begin() as session:
        session.execute(text("DELETE FROM rerating_line"))
        session.execute(text("DELETE FROM rerating_run"))
    preview(book, size=100)

    assert run_of(book).preview_hash == by_one


def test_a_page_that_is_taken_again_after_the_end_changes_nothing(book: Records) -> None:
    done = preview(book)

    assert ReratingActivities(book).preview_rerating(a_page()) == done


def test_what_is_applied_is_what_was_previewed_and_fallen_lines_are_owed_a_review(
    book: Records,
) -> None:
    preview(book)
    wanted = {row["line_id"]: row["grade"] for row in csv.DictReader(io.StringIO(file_of(book)))}
    progress = apply(book, str(run_of(book).preview_hash))
    after = lines_of(book)

    assert progress.status is RunStatus.APPLIED
    assert progress.counts.model_dump() == {"moved": 5, "unmoved": 0, "failed": 0}
    assert {line_id: line.grade for line_id, line in after.items()} == wanted
    assert owed(book) == sorted([LINE_ID, *COPIES])
    with book.begin() as session:
        assert Reratings(session).find_rating_end(LINE_ID) == date(2027, 7, 6)


def test_applying_again_lands_nothing_twice(book: Records) -> None:
    preview(book)
    first = apply(book, str(run_of(book).preview_hash))
    versions = {line_id: line.version for line_id, line in lines_of(book).items()}

    assert apply(book, str(run_of(book).preview_hash)) == first
    assert {line_id: line.version for line_id, line in lines_of(book).items()} == versions
    assert len(owed(book)) == 5


def test_another_hash_and_the_same_hands_are_refused(book: Records) -> None:
    preview(book)
    with pytest.raises(StaleContent):
        apply(book, "0" * 64)
    with pytest.raises(SameHands):
        apply(book, str(run_of(book).preview_hash), person_id="risk1")

    assert run_of(book).status is RunStatus.PREVIEWED


def test_a_preview_that_was_tampered_with_is_not_applied(book: Records) -> None:
    preview(book)
    seen = str(run_of(book).preview_hash)
    with book.begin() as session:
        session.execute(text("UPDATE rerating_line SET grade = 'AAA' WHERE line_id = 'line-1'"))

    with pytest.raises(StaleContent):
        apply(book, seen)


def test_a_line_that_others_changed_meanwhile_keeps_what_they_made_of_it(book: Records) -> None:
    preview(book)
    with book.begin() as session:
        line = Lines(session).read(LINE_ID, for_update=True)
        Lines(session).write(line.model_copy(update={"grade": "AAA"}))
    progress = apply(book, str(run_of(book).preview_hash))

    assert progress.counts.model_dump() == {"moved": 4, "unmoved": 0, "failed": 1}
    assert lines_of(book)[LINE_ID].grade == "AAA"
    assert LINE_ID not in owed(book)


def test_a_line_that_cannot_be_judged_is_counted_and_names_why(book: Records) -> None:
    with book.begin() as session:
        session.execute(
            text(
                "UPDATE credit_line SET terms = jsonb_set(terms, '{product}', '\"lottery\"')"
                " WHERE line_id = 'line-1-0'"
            )
        )
    progress = preview(book)
    rows = {row["line_id"]: row for row in csv.DictReader(io.StringIO(file_of(book)))}

    assert progress.counts.model_dump() == {"moved": 4, "unmoved": 0, "failed": 1}
    assert rows["line-1-0"]["failure"] == "product_unknown"
    assert apply(book, str(run_of(book).preview_hash)).counts == progress.counts


# ── the market environment of an industry ────────────────────────────────────────────────────────


STRAINED = """
    effective_on = 2026-07-01
    [[limit.outlooks]]
    industry = "C"
    cap_share = 0.002
    """


def test_a_run_over_an_industry_judges_its_lines_alone_and_moves_no_limit(records: Records) -> None:
    line = a_book(records)
    elsewhere = a_line_of(records, line, "c-2", "line-2", industry="D")
    strained(records)
    before = {each: line_of(records, each) for each in (LINE_ID, elsewhere)}

    preview_of(records, ("C",))
    with records.begin() as session:
        [judging] = Reratings(session).find_judged("run-1")
        effect = Reratings(session).effect("run-1")
        run = Reratings(session).read("run-1")
    assert (judging.line_id, judging.outcome) == (LINE_ID, Outcome.UNMOVED)
    assert (judging.binding, judging.asks_review) == ("outlook_cap", True)
    assert judging.limit_supported == cny(600_000)
    assert run.industries == ("C",)
    assert (effect.lines, effect.limits_before) == (1, (cny(1_000_000),))
    assert (effect.limits_supported, effect.exposure) == ((cny(600_000),), (cny(0),))

    apply(records, str(run.preview_hash))
    after = {each: line_of(records, each) for each in before}
    assert {each.limit for each in after.values()} == {each.limit for each in before.values()}
    assert owed(records) == [LINE_ID]


def test_a_line_of_a_merged_record_is_of_the_industry_of_whom_it_belongs_to_now(
    records: Records,
) -> None:
    line = a_book(records)
    merged = a_line_of(records, line, "c-2", "line-2", industry="D")
    strained(records)
    decide(records, propose(records, "c-2", "c-1"))

    preview_of(records, ("C",))
    with records.begin() as session:
        judged = Reratings(session).find_judged("run-1")
        book = IndustryLines(session).sums(("C", "D"))
        lines = IndustryLines(session).find_page(("C", "D"))
    assert {each.line_id for each in judged} == {LINE_ID, merged}
    assert {each.customer_id for each in lines} == {"c-1"}
    assert (book["C"].customers, book["C"].lines) == (1, 2)
    assert book["C"].limits == (cny(2_000_000),)
    assert "D" not in book


def test_a_run_over_an_industry_without_lines_is_complete_and_empty(records: Records) -> None:
    a_book(records)

    assert preview_of(records, ("K",)).counts.lines == 0


def strained(records: Records) -> None:
    with records.begin() as session:
        edition = a_changed_edition(STRAINED)
        Editions(session).publish(edition, STRAINED, "test")


def preview_of(records: Records, industries: tuple[str, ...]) -> ReratingProgress:
    steps = ReratingActivities(records)
    page = a_page(size=1).model_copy(update={"industries": industries})
    while not (progress := steps.preview_rerating(page)).done:
        pass
    return progress


def line_of(records: Records, line_id: str) -> CreditLine:
    with records.begin() as session:
        return Lines(session).read(line_id)


def a_line_of(
    records: Records, like: CreditLine, customer_id: str, line_id: str, *, industry: str
) -> str:
    """Another company with a line like this one."""
    with records.begin() as session:
        Customers(session).record(
            a_customer(
                customer_id=customer_id,
                industry=industry,
                identifiers=(Identifier(scheme=IdentifierScheme.INTERNAL, value=customer_id),),
            ),
            business_on=GRANTED_ON,
            source="test",
            recorded_by="manager",
        )
        for year in (2023, 2024):
            Statements(session).record(
                a_statement(year).model_copy(update={"customer_id": customer_id}),
                business_on=GRANTED_ON,
                recorded_by="manager",
            )
        letter = Letters(session).read(like.letter_no)
        named = {"case_id": f"case-{line_id}", "letter_no": f"{letter.letter_no}-{line_id}"}
        Letters(session).record(letter.model_copy(update=named), named["case_id"], customer_id)
        other = {"line_id": line_id, "customer_id": customer_id, "version": 1, **named}
        Lines(session).open(like.model_copy(update=other), GRANTED_ON)
    return line_id
