"""What must be on record before anybody works, and what must run once they do.

    python -m creditflow.stack.provision records      tables, shipped editions, embedded users
    python -m creditflow.stack.provision workflows    the workflows that are always there
    python -m creditflow.stack.provision release      the release that cases go on under

They may run any number of times; a deployment runs the first two, and the third where its workers
name their release. There the one user made is the
operator whose key the deployment sets; the embedded profile has a user for each role.
"""

import asyncio
import sys
from pathlib import Path

from creditflow.stack.home import PROJECT, home
from creditflow.stack.users import provision_users, seat_operator
from domain.edition import PolicyEdition
from domain.identity import SYSTEM
from policies.edition import refuse_unsound
from settings import Profile, Settings, read_settings
from storage.base import Records
from storage.edition import STANDARD, Editions, read_shipped, shipped_text
from storage.identity import Persons
from storage.migrations import upgrade
from workflows.codec import Codec, data_converter
from workflows.connection import connect
from workflows.releases import make_current
from workflows.schedules import ensure_outboxes, ensure_schedules


def provision_records(settings: Settings) -> None:
    """Tables first, then what every installation has."""
    url = settings.database_url.get_secret_value()
    upgrade(url)
    records = Records(url, connections_max=2)
    with records.begin() as session:
        Persons(session).record_person(SYSTEM)
    _publish_shipped(records)
    if operator_key := settings.operator_key.get_secret_value():
        seat_operator(records, operator_key)
    if settings.profile is Profile.EMBEDDED:
        provision_users(records, home().users_file, read_shipped().reporting_currency)
    records.close()


def _publish_shipped(records: Records) -> None:
    """Every shipped edition becomes a row; which family is in force is a setting."""
    names = {file.stem for file in _shipped_files()}
    with records.begin() as session:
        for name in [*sorted(names - {STANDARD}), STANDARD]:
            edition: PolicyEdition = read_shipped(name)
            refuse_unsound(edition)
            Editions(session).publish(edition, shipped_text(name), SYSTEM.person_id)


def _shipped_files() -> list[Path]:
    return sorted((PROJECT / "policies" / "editions").glob("*.toml"))


async def provision_workflows(settings: Settings) -> None:
    """What nobody starts by hand: an outbox for each channel, and the schedules."""
    codec = Codec(settings.codec_key_bytes, settings.codec_keys_retired_bytes)
    client = await connect(data_converter(codec), identity="provision")
    await ensure_outboxes(client)
    await ensure_schedules(client, settings.business_days_offset)
    # The SDK's runtime may crash a process that ends on the heels of its last call.
    await asyncio.sleep(0.1)


async def provision_release(settings: Settings) -> None:
    """Make the release that the settings name the current one, once a worker of it is there."""
    codec = Codec(settings.codec_key_bytes, settings.codec_keys_retired_bytes)
    client = await connect(data_converter(codec), identity="provision")
    await make_current(client, settings.release)
    await asyncio.sleep(0.1)


def main() -> None:
    match sys.argv[1:]:
        case ["records"]:
            provision_records(read_settings())
        case ["workflows"]:
            asyncio.run(provision_workflows(read_settings()))
        case ["release"]:
            asyncio.run(provision_release(read_settings()))
        case _:
            sys.exit("usage: python -m creditflow.stack.provision records|workflows|release")


if __name__ == "__main__":
    main()
