"""A program with wrong settings ends at its first line, and its last words give nothing away."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from settings import Profile, SettingsRefused, load_settings

SECRET = "cHJpdmF0ZQ-do-not-repeat"
WHOLE = {
    "CREDITFLOW_PROFILE": "embedded",
    "CREDITFLOW_DATABASE_URL": f"postgresql+psycopg2://creditflow:{SECRET}@127.0.0.1/creditflow",
    "CREDITFLOW_CODEC_KEY": base64.b64encode(bytes(32)).decode(),
    "CREDITFLOW_PUBLIC_URL": "http://127.0.0.1:8080",
    "CREDITFLOW_DATA_DIR": "/tmp",
}


@pytest.fixture(autouse=True)
def whole_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CREDITFLOW_SECRETS_DIR", raising=False)


def test_whole_settings_are_read() -> None:
    settings = load_settings()

    assert settings.profile is Profile.EMBEDDED
    assert settings.codec_key_bytes == bytes(32)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("name", WHOLE)
def test_a_missing_setting_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(SettingsRefused, match=f"^{name} is missing$"):
        load_settings()


def test_a_misspelt_setting_does_not_pass_for_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITFLOW_BUSINESS_DAY_OFFSET", SECRET)

    with pytest.raises(SettingsRefused, match="BUSINESS_DAY_OFFSET is not a setting") as refused:
        load_settings()
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CREDITFLOW_DATABASE_URL", f"postgresql://{SECRET}"),
        ("CREDITFLOW_CODEC_KEY", SECRET),
        ("CREDITFLOW_CODEC_KEY", base64.b64encode(SECRET.encode()).decode()),
        ("CREDITFLOW_CODEC_KEYS_RETIRED", SECRET),
        ("CREDITFLOW_OPERATOR_KEY", SECRET),
        ("CREDITFLOW_PROFILE", SECRET),
        ("CREDITFLOW_WEB_PORT", SECRET),
        ("CREDITFLOW_PUBLIC_URL", f"ftp://{SECRET}"),
        ("CREDITFLOW_LANGUAGE", SECRET),
    ],
)
def test_a_wrong_value_is_named_and_never_repeated(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsRefused, match=name) as refused:
        load_settings()
    assert value not in str(refused.value)
    assert value not in repr(refused.value.__context__)


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDITFLOW_PROFILE")
    monkeypatch.setenv("CREDITFLOW_WEB_PORT", "eighty")
    monkeypatch.setenv("CREDITFLOW_COLOUR", "red")

    with pytest.raises(SettingsRefused, match=r"COLOUR.*PROFILE.*WEB_PORT"):
        load_settings()


def test_production_runs_on_the_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITFLOW_PROFILE", "production")
    monkeypatch.setenv("CREDITFLOW_BUSINESS_DAYS_OFFSET", "-1")

    with pytest.raises(SettingsRefused, match="production"):
        load_settings()


def test_secrets_may_lie_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDITFLOW_CODEC_KEY")
    (tmp_path / "creditflow_codec_key").write_text(base64.b64encode(bytes(range(32))).decode())
    monkeypatch.setenv("CREDITFLOW_SECRETS_DIR", str(tmp_path))

    assert load_settings().codec_key_bytes == bytes(range(32))

    (tmp_path / "creditflow_codeckey").write_text(SECRET)
    with pytest.raises(SettingsRefused, match="creditflow_codeckey is not a setting"):
        load_settings()


@pytest.mark.parametrize("program", [["worker.py"], ["-m", "web.app"]], ids=["worker", "web"])
def test_a_program_with_a_wrong_setting_ends_with_one_line(
    program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITFLOW_CODEC_KEY", SECRET)

    ended = subprocess.run([sys.executable, *program], capture_output=True, text=True)

    assert ended.returncode == 2
    assert ended.stderr == "creditflow: CREDITFLOW_CODEC_KEY: must be base64\n"
