"""What must be on record before anybody works, and what must run once they do.

    python -m creditflow.stack.provision records      tables, shipped editions, embedded users
    python -m creditflow.stack.provision workflows    the workflows that are always there

Both may run any number of times. Deployments run the same two steps.
"""

import sys

from settings import Settings, read_settings
from storage.migrations import upgrade


def provision_records(settings: Settings) -> None:
    """Tables first, then what every installation has."""
    upgrade(settings.database_url.get_secret_value())


def provision_workflows(settings: Settings) -> None:
    """The workflows nobody starts by hand."""


def main() -> None:
    steps = {"records": provision_records, "workflows": provision_workflows}
    if len(sys.argv) != 2 or sys.argv[1] not in steps:
        sys.exit("usage: python -m creditflow.stack.provision records|workflows")
    steps[sys.argv[1]](read_settings())


if __name__ == "__main__":
    main()
