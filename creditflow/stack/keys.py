"""The secrets the embedded stack makes for itself, once, in files only their owner reads."""

import base64
import secrets

from creditflow.stack.home import Home, write_private
from creditflow.stack.postgres import Passwords, Postgres


def database_passwords(home: Home) -> Passwords:
    """The passwords of PostgreSQL's superuser and of the owner of our tables."""
    return Passwords(home.secret("postgres_superuser"), home.secret("postgres_owner"))


def write_secrets(home: Home, postgres: Postgres) -> None:
    """What the programs read as settings: the key made once, the address as it is now."""
    home.secret("creditflow_codec_key", base64.b64encode(secrets.token_bytes(32)).decode())
    address = postgres.url().replace("postgresql://", "postgresql+psycopg2://", 1)
    write_private(home.secrets / "creditflow_database_url", address)
