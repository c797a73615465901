"""How the tables came to be: one file a change in `versions/`, run in order, never downgraded.

A program that serves calls nothing here; the stack and the deploy step call `upgrade` before the
programs start.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData

FOLDER = Path(__file__).resolve().parent


def upgrade(database_url: str, to: str = "head") -> None:
    """Bring the tables to a revision; several at once wait for each other."""
    command.upgrade(config(database_url), to)


def config(database_url: str, metadata: MetaData | None = None) -> Config:
    """What alembic's own commands need; with `metadata`, `revision --autogenerate` can compare."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    settings.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    # Not a main option: a password may hold a percent sign.
    settings.attributes["database_url"] = database_url
    settings.attributes["metadata"] = metadata
    return settings
