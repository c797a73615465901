"""From nothing running to the first page, against the bare start of what it cannot do without.

    python -m benchmarks.start [--json] [--full]

Ours is `creditflow up` until it returns and the sign-in page is served; warm on files that are
there, cold on an empty folder (installation of packages apart). The limit is both servers started
side by side on files that are there, and then the import of the web application.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.servers import started
from creditflow.stack.home import PROJECT


def _command(home: Path, *words: str) -> str:
    environment = {**os.environ, "CREDITFLOW_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "creditflow.cli", *words],
        env=environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _up(home: Path) -> None:
    _command(home, "up")
    where = json.loads((home / "stack.json").read_text())
    with urllib.request.urlopen(f"{where['web']}/sign-in", timeout=10) as page:
        assert page.status == 200


@contextmanager
def _stopped_after(home: Path) -> Iterator[None]:
    try:
        yield
    finally:
        _command(home, "down")


def _seconds(step: Callable[[], None]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _import_web() -> None:
    subprocess.run([sys.executable, "-c", "import web.app"], cwd=PROJECT, check=True)


def _bare(folder: Path) -> float:
    began = time.perf_counter()
    with started(folder, new=False):
        _import_web()
        return time.perf_counter() - began


def run(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="creditflow-start-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        home, bare = folder / "home", folder / "bare"
        with _stopped_after(home):
            cold = _seconds(lambda: _up(home))
        with started(bare, new=True):
            pass
        warm, limit = [], []
        for _ in range(rounds):
            limit.append(_bare(bare))
            with _stopped_after(home):
                warm.append(_seconds(lambda: _up(home)))
    ours, least = statistics.median(warm), statistics.median(limit)
    return {
        "name": "start",
        "ratio": round(least / ours, 3),
        "ours": round(ours, 2),
        "limit": round(least, 2),
        "unit": "s to the first page, warm",
        "detail": {
            "cold": {
                "ratio": round(least / cold, 3),
                "ours": round(cold, 2),
                "limit": round(least, 2),
                "unit": "s to the first page, from an empty folder",
            }
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--full", action="store_true", help="more rounds")
    options = parser.parse_args()
    result = run(5 if options.full else 3)
    if options.json:
        print(json.dumps(result))
        return
    for name, one in {"start": result, **result["detail"]}.items():
        print(f"{name:8} {one['ratio']:6.2f}   {one['ours']} of {one['limit']} {one['unit']}")


if __name__ == "__main__":
    main()
