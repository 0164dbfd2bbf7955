"""The other Python interpreters of this machine, for what must be equal on all of them."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
_PLACES = ("/usr/bin", "/usr/local/bin")


def other_pythons(module: str, lent: str) -> list[tuple[str, str]]:
    """Interpreters from 3.11 on, without this one, that can import a module, with their path.

    Args:
        module: Ours or of a package.
        lent: A folder of packages for those that have none of their own.

    Returns:
        Each interpreter and the `PYTHONPATH` it needs, sorted; empty where there is no other.
    """
    places = [Path(place) for place in _PLACES]
    places += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    own = Path(sys.executable).resolve()
    found: dict[Path, tuple[str, str]] = {}
    for place in places:
        for python in sorted(place.glob("python3*")):
            if not re.fullmatch(r"python3(\.\d+)?", python.name) or python.resolve() == own:
                continue
            for path in (str(ROOT), f"{ROOT}:{lent}"):
                if python.resolve() not in found and _can_import(module, python, path):
                    found[python.resolve()] = (str(python), path)
    return sorted(found.values())


def output_of(python: str, program: str, *words: str, folder: Path, **environment: str) -> str:
    """What a program prints under an interpreter, in a folder, with these variables and no others.

    Raises:
        subprocess.CalledProcessError: It failed.
        subprocess.TimeoutExpired: It took over two minutes.
    """
    run = subprocess.run(  # noqa: S603 - an interpreter of this machine and our own text
        [python, "-B", "-W", "ignore", "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), **environment},
    )
    return run.stdout.strip()


def _can_import(module: str, python: Path, path: str) -> bool:
    probe = f"import sys; assert sys.version_info >= (3, 11); import {module}"
    run = subprocess.run(  # noqa: S603 - an interpreter of this machine
        [str(python), "-B", "-W", "ignore", "-c", probe],
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": path},
    )
    return run.returncode == 0
