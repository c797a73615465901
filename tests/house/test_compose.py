"""The deployed shape says nothing that the programs would not understand."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from creditflow.stack.temporal import NAMESPACE, SEARCH_ATTRIBUTES
from settings import COMMAND_VARIABLES, PREFIX, Settings

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "docker-compose.yml"
TEXT = FILE.read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]

SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields} | COMMAND_VARIABLES
# Read by the SDK's own loader, or by the Temporal UI.
TEMPORAL = {
    "TEMPORAL_ADDRESS",
    "TEMPORAL_API_KEY",
    "TEMPORAL_CODEC_ENDPOINT",
    "TEMPORAL_CORS_ORIGINS",
    "TEMPORAL_DEFAULT_NAMESPACE",
    "TEMPORAL_NAMESPACE",
    "TEMPORAL_TLS_CLIENT_CERT_PATH",
}


def test_the_file_has_the_form_of_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema"]
    schema = ["--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run([*check, *schema], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_services_that_exist_and_can_fulfil_the_wait(name: str) -> None:
    for awaited, terms in SERVICES[name].get("depends_on", {}).items():
        assert awaited in SERVICES
        if terms["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[awaited]
        else:
            assert SERVICES[awaited]["restart"] == "on-failure", "it runs to its end"


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_named_with_its_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+(\.\d+)?", image), image


def test_images_are_built_on_a_base_with_its_version() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text("utf-8")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)


def test_every_variable_is_one_that_somebody_reads() -> None:
    named = set(re.findall(r"\b(?:CREDITFLOW|TEMPORAL)_[A-Z][A-Z_]*\b", TEXT))
    assert named <= SETTINGS | TEMPORAL


def test_what_our_programs_are_told_are_settings_under_their_own_name() -> None:
    for service in SERVICES.values():
        for name in service.get("environment", {}):
            assert not name.startswith(PREFIX) or name in SETTINGS
    for name, source in COMPOSE["secrets"].items():
        assert name.upper() in SETTINGS
        assert source == {"environment": name.upper()}


def test_what_our_programs_need_they_are_told() -> None:
    needed = {name for name, field in Settings.model_fields.items() if field.is_required()}
    for name in ("deploy", "worker", "web"):
        service = SERVICES[name]
        told = {variable.removeprefix(PREFIX).lower() for variable in service["environment"]}
        told |= {secret.removeprefix(PREFIX.lower()) for secret in service["secrets"]}
        assert needed <= told, name


def test_volumes_and_files_that_are_mounted_are_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
        for config in service.get("configs", []):
            assert config["source"] in COMPOSE["configs"]
        for secret in service.get("secrets", []):
            assert secret in COMPOSE["secrets"]


def test_the_namespace_is_made_as_the_embedded_one_is() -> None:
    script = SERVICES["temporal-namespace"]["command"][0]
    registered = dict(re.findall(r"--name (\w+) --type (\w+)", script))
    assert registered == SEARCH_ATTRIBUTES
    assert f"namespace create --namespace {NAMESPACE}" in script


def test_every_folder_of_ours_is_in_the_image() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text("utf-8")
    packages = [path.parent.name for path in PROJECT.glob("*/__init__.py")]
    for package in {*packages, "templates"} - {"tests", "benchmarks"}:
        assert f"COPY {package} {package}/" in dockerfile
