"""Record the histories anew: `python -m tests.replay.record [SCENARIO ...]`.

To be run when a workflow is new or takes a further road. What a release has recorded stays: a change
that its histories do not survive goes behind `workflow.patched`, and is recorded beside them.
"""

import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from tests.replay.files import FOLDER, names
from tests.replay.scenarios import SCENARIOS
from tests.replay.tape import studio


async def record(wanted: list[str]) -> set[str]:
    """Play each scenario on records of its own; the names of what they kept."""
    kept: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="creditflow-replay-") as folder:
        async with studio(Path(folder)) as installation:
            for name in wanted:
                begun = time.monotonic()
                short = name.startswith("short")
                async with installation(name, short_histories=short) as tape:
                    await SCENARIOS[name](tape)
                kept |= {path.stem for path in tape.kept}
                files = ", ".join(path.name for path in tape.kept)
                sys.stderr.write(f"{name} ({time.monotonic() - begun:.1f} s): {files}\n")
    return kept


def main(wanted: list[str]) -> int:
    unknown = sorted(set(wanted) - SCENARIOS.keys())
    if unknown:
        sys.stderr.write(f"unknown: {', '.join(unknown)}; known: {', '.join(SCENARIOS)}\n")
        return 2
    # Each installation ends in the middle of its work, which its worker would complain of.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    quiet = LoggingConfig(TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    FOLDER.mkdir(exist_ok=True)
    kept = asyncio.run(record(wanted or list(SCENARIOS)))
    for name in [] if wanted else sorted(set(names()) - kept):
        sys.stderr.write(f"{name}.json is made by no scenario\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
