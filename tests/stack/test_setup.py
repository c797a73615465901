"""What `run` and `test` install is pinned by content, and the one serves for the other."""

import json
import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def pinned(lock: str) -> dict[str, str]:
    """What a lock names, with its version; each must carry a hash."""
    text = (PROJECT / lock).read_text("utf-8").replace("\\\n", " ")
    rows = [row for row in text.splitlines() if row and not row.lstrip().startswith("#")]
    assert all("--hash=sha256:" in row for row in rows)
    pins = (re.split(" ;| --hash=", row, maxsplit=1)[0].strip() for row in rows)
    return {pin.partition("==")[0]: pin for pin in pins}


def test_an_environment_for_tests_can_run_the_programs() -> None:
    assert pinned("requirements.lock").items() <= pinned("requirements-dev.lock").items()


def test_packages_for_browsers_are_pinned_by_content_and_come_from_nowhere_named() -> None:
    wanted = json.loads((PROJECT / "package.json").read_text("utf-8"))["dependencies"]
    text = (PROJECT / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]

    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in package for path, package in packages.items() if path)
    assert "http" not in text


def test_the_commands_are_plain_shell() -> None:
    for script in ("run", "test", "creditflow/stack/setup.sh"):
        subprocess.run(["sh", "-n", script], cwd=PROJECT, check=True)
    for command in ("run", "test", ".ci/run"):
        assert (PROJECT / command).stat().st_mode & 0o111
