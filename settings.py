"""Every setting, read once by programs and handed inwards as arguments; no layer reads it.

Variables begin with `CREDITFLOW_`; a secret may lie in a file of `CREDITFLOW_SECRETS_DIR` instead
(`creditflow_database_url`, `creditflow_codec_key`). How Temporal is reached is not here: the SDK
reads its own `TEMPORAL_*` variables and profiles (`temporalio.envconfig`).
"""

import base64
import binascii
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CREDITFLOW_"

# Read by the commands people type (`creditflow …`), never by a program of the stack.
COMMAND_VARIABLES = frozenset(
    {
        "CREDITFLOW_HOME",  # where the embedded stack keeps its files
        "CREDITFLOW_KEY",  # the API key a command signs in with
        "CREDITFLOW_URL",  # the installation a command talks to
        "CREDITFLOW_POSTGRES_BIN",  # a folder with `postgres` and `initdb`
        "CREDITFLOW_TEMPORAL_BIN",  # a `temporal` executable
        "CREDITFLOW_SECRETS_DIR",  # read here, before the settings themselves
    }
)


class Profile(StrEnum):
    """How seriously the installation is meant."""

    EMBEDDED = "embedded"  # one machine, started by `creditflow up`
    PRODUCTION = "production"


class SettingsRefused(ValueError):
    """Settings are missing, unknown or wrong; names them and never repeats a value."""


class Settings(BaseSettings):
    """What a program of the stack has to be told before it starts."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_ignore_empty=False,
    )

    profile: Profile
    database_url: SecretStr
    codec_key: SecretStr  # 32 bytes in base64: encrypts what Temporal stores
    codec_keys_retired: SecretStr = SecretStr("")  # older keys, comma separated, to read with
    public_url: Annotated[
        str, Field(pattern=r"^https?://[^\s/]+$")
    ]  # as people's browsers reach us
    data_dir: Path

    # Signs in the first operator of a deployment, who seats everybody else.
    operator_key: SecretStr = SecretStr("")

    language: Literal["en", "zh-CN"] = "zh-CN"
    grantor_name: str = "Creditflow 示范授信机构"
    grantor_name_en: str = "Creditflow Demonstration Grantor"
    seal_dir: Path | None = None  # key and certificate that seal contracts; else made in data_dir

    web_host: str = "127.0.0.1"
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    temporal_ui_url: str = ""
    session_hours: Annotated[int, Field(ge=1, le=72)] = 12

    smtp_host: str = "127.0.0.1"
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 25
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    mail_from: str = "creditflow@localhost"
    # Whether webhooks may go to addresses inside, which whoever keeps the register can then reach.
    webhook_private_addresses: bool = False
    mail_dir: Path | None = None  # where the embedded mail sink keeps what was sent

    # A folder for each provider of external reports that is served from files.
    reports_dir: Path | None = None

    # The family of policy editions in force (its newest edition judges new cases).
    policy: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = "standard"

    # Days from the calendar to the business date; `up --as-of` sets it.
    business_days_offset: int = 0

    # Names the worker's release to Temporal; empty: one release at a time, and no say in it.
    release: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,79})?$")] = ""

    worker_threads: Annotated[int, Field(ge=1, le=200)] = 20
    log_format: Literal["text", "json"] = "text"

    @field_validator("database_url")
    @classmethod
    def _driver_named(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith("postgresql+psycopg2://"):
            raise ValueError("must start with postgresql+psycopg2://")
        return url

    @field_validator("codec_key")
    @classmethod
    def _key_length(cls, key: SecretStr) -> SecretStr:
        _key_bytes(key.get_secret_value())
        return key

    @field_validator("operator_key")
    @classmethod
    def _operator_key_hard_to_guess(cls, key: SecretStr) -> SecretStr:
        text = key.get_secret_value()
        if text and not (text.startswith("cf_") and len(text) >= 40):
            raise ValueError("must begin with cf_ and have 40 characters or more")
        return key

    @field_validator("codec_keys_retired")
    @classmethod
    def _retired_key_lengths(cls, keys: SecretStr) -> SecretStr:
        for key in filter(None, keys.get_secret_value().split(",")):
            _key_bytes(key)
        return keys

    @model_validator(mode="after")
    def _production_runs_on_the_calendar(self) -> "Settings":
        if self.profile is Profile.PRODUCTION and self.business_days_offset != 0:
            raise ValueError("business_days_offset must be 0 in the production profile")
        return self

    @property
    def codec_key_bytes(self) -> bytes:
        """The key payloads are encrypted with."""
        return _key_bytes(self.codec_key.get_secret_value())

    @property
    def codec_keys_retired_bytes(self) -> tuple[bytes, ...]:
        """Keys that only decrypt."""
        keys = self.codec_keys_retired.get_secret_value().split(",")
        return tuple(_key_bytes(key) for key in keys if key)


def _key_bytes(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        # `from None`, or the traceback would carry the text.
        raise ValueError("must be base64") from None
    if len(key) != 32:
        raise ValueError("must be 32 bytes")
    return key


def load_settings() -> Settings:
    """The settings of this process, or `SettingsRefused` with every fault named at once."""
    secrets_dir = os.environ.get("CREDITFLOW_SECRETS_DIR")
    faults = [f"{name} is not a setting" for name in _unknown(secrets_dir)]
    settings: Settings | None = None
    try:
        settings = Settings(_secrets_dir=secrets_dir)
    except ValidationError as refusal:
        faults += [_fault(error) for error in refusal.errors(include_input=False)]
    if settings is None or faults:
        raise SettingsRefused("; ".join(faults))
    return settings


def read_settings() -> Settings:
    """The settings of this process; a program that lacks one ends here, at its first line."""
    try:
        return load_settings()
    except SettingsRefused as refusal:
        stop(str(refusal))


def stop(sentence: str) -> NoReturn:
    """End the program as wrong usage, with one line on stderr."""
    sys.stderr.write(f"creditflow: {sentence}\n")
    raise SystemExit(2)


def unknown_variables() -> list[str]:
    """Variables of ours that nothing reads: a misspelt setting must not pass for its default."""
    known = {PREFIX + field.upper() for field in Settings.model_fields} | COMMAND_VARIABLES
    return sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def _unknown(secrets_dir: str | None) -> list[str]:
    known = {(PREFIX + field).lower() for field in Settings.model_fields}
    folder = Path(secrets_dir) if secrets_dir else None
    files = folder.iterdir() if folder and folder.is_dir() else ()
    secrets = sorted(file.name for file in files if file.name.lower().startswith(PREFIX.lower()))
    return unknown_variables() + [name for name in secrets if name.lower() not in known]


def _fault(error: object) -> str:
    assert isinstance(error, dict)
    place = "_".join(str(part) for part in error["loc"])
    name = (PREFIX + place).upper() if place else "CREDITFLOW settings"
    if error["type"] == "missing":
        return f"{name} is missing"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"
