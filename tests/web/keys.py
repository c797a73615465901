"""Books with an API key for each of some people, and what those do with theirs."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from creditflow.cli import app as commands
from creditflow.client import Client
from creditflow.commands.output import Exit
from domain.edition import PolicyEdition
from storage.edition import Editions, shipped_text
from storage.identity import ApiKeys
from tests import servers
from tests.web.book import Book, opened


@contextmanager
def keyed_book(
    postgres_server: servers.Databases,
    tmp_path_factory: pytest.TempPathFactory,
    people: Iterable[str],
    edition: PolicyEdition | None = None,
) -> Iterator[Book]:
    """A book on a database of its own, under an edition where one is named."""
    name = postgres_server.copy()
    with opened(postgres_server.url(name), tmp_path_factory.mktemp("book")) as there:
        if edition is not None:
            publish(there, edition)
        with there.services.records.begin() as session:
            for person_id in people:
                ApiKeys(session).record_key(person_id, key_of(person_id))
        yield there
    postgres_server.drop(name)


def publish(book: Book, edition: PolicyEdition) -> None:
    with book.services.records.begin() as session:
        Editions(session).publish(edition, shipped_text("standard"), "risk")


def key_of(person_id: str) -> str:
    return f"cf_test_{person_id}"


def client(url: str, person_id: str) -> Client:
    return Client(url, key_of(person_id))


def types(url: str, person_id: str, *words: str) -> tuple[Exit, Any]:
    """A command with `--json` at somebody's terminal: its exit and its document."""
    environment = {"CREDITFLOW_URL": url, "CREDITFLOW_KEY": key_of(person_id)}
    result = CliRunner().invoke(commands, [*words, "--json"], env=environment)
    return Exit(result.exit_code), json.loads(result.stdout)
