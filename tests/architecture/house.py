"""The house rules that no linter knows; each function returns the violations below a folder."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

PACKAGES = ("rules", "device_adapters", "gateway", "service", "firmware_sim")
LEASE = "gateway/store/lease.sql"

_NOT_OURS = {".git", ".venv", "var", "node_modules", "build", "dist", "__pycache__"}
_TEXT = {".py", ".sql", ".toml", ".yaml", ".yml", ".md", ".sh", ".conf", ".html", ".js", ".css"}
_TEXT_NAMES = {"Makefile", "Dockerfile", "acl", "run", "LICENSE"}

_SQL_CLOCK = re.compile(
    r"\bnow\s*\(|\bcurrent_(timestamp|date|time)\b|\blocaltime(stamp)?\b"
    r"|\b(clock|statement|transaction)_timestamp\b|'now'",
    re.IGNORECASE,
)
_SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bwhsec_[A-Za-z0-9+/]{16,}"
    r"|\b(?:password|passwd|secret|token|api_key)\b[\"']?\s*[:=]\s*[\"'][^\"'$<{\s]{8,}[\"']",
    re.IGNORECASE,
)
# the bracketed letters keep this file from containing what it looks for
_MACHINE = re.compile(
    r"/w[o]rk/|\.\./shar[e]d|/opt/(?:pyp[i]|whee[l]s)|/hom[e]/(?!hearthwatch\b)[a-z]+/|/ro[o]t/\S"
    r"|pythonh[o]sted|pypi\.o[r]g|registry\.npm[j]s|deb\.debian\.o[r]g"
)
_ADDRESS = re.compile(r"[a-z+]+://|@ file|--(?:extra-)?index-url|--find-links")
_TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)\.", re.IGNORECASE)
_REFERENCE = re.compile(r"\bREFERENCES\s+(\w+)\.", re.IGNORECASE)
# who may point at whom: only to the left
_SCHEMAS = ("core", "care", "cdc")


def files_below(root: Path) -> Iterator[Path]:
    """Yield our own text files."""
    for path in sorted(root.rglob("*")):
        ours = _NOT_OURS.isdisjoint(path.relative_to(root).parts)
        text = path.suffix in _TEXT or path.suffix == ".lock" or path.name in _TEXT_NAMES
        if ours and text and path.is_file():
            yield path


def sql_reads_no_clock(root: Path) -> list[str]:
    """Time comes in as a parameter (decision D4); only the lease lives on the database's clock."""
    found: list[str] = []
    for path in files_below(root):
        if path.suffix == ".sql" and path.relative_to(root).as_posix() != LEASE:
            text = _SQL_COMMENT.sub("", path.read_text(encoding="utf-8"))
            found += [
                f"{path.relative_to(root)}: {hit.group(0)}" for hit in _SQL_CLOCK.finditer(text)
            ]
    return found


def no_secrets(root: Path) -> list[str]:
    """No key, token or password stands in a file; tests may name the ones they make up."""
    return [
        where
        for where in _hits(root, _SECRET, lambda path: path.suffix != ".lock")
        if not where.startswith("tests/")
    ]


def no_machine_paths(root: Path) -> list[str]:
    """Nothing names the machine it was written on, nor where packages came from."""
    return _hits(root, _MACHINE, lambda path: path.suffix != ".lock")


def lock_files_without_addresses(root: Path) -> list[str]:
    """A lock file holds versions and hashes; which index serves them is the machine's business."""
    # uv.lock is never committed
    return _hits(root, _ADDRESS, lambda path: path.suffix == ".lock" and path.name != "uv.lock")


def package_files_are_docstrings(root: Path) -> list[str]:
    """`__init__.py` says what the package is for, and holds no code."""
    found: list[str] = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("__init__.py")):
            body = ast.parse(path.read_text(encoding="utf-8")).body
            documented = len(body) == 1 and isinstance(body[0], ast.Expr)
            if not (documented and ast.get_docstring(ast.Module(body=body, type_ignores=[]))):
                found.append(str(path.relative_to(root)))
    return found


def every_package_has_an_init(root: Path) -> list[str]:
    """A folder with code is a package with a docstring, not a namespace by accident."""
    folders = {path.parent for package in PACKAGES for path in (root / package).rglob("*.py")}
    return [
        str(folder.relative_to(root))
        for folder in sorted(folders)
        if not (folder / "__init__.py").exists()
    ]


def foreign_keys_point_to_core(root: Path) -> list[str]:
    """`core` knows nobody, `care` knows `core`, `cdc` knows both (decision D3)."""
    found: list[str] = []
    for path in files_below(root):
        if path.suffix != ".sql" or "migrations" not in path.parts:
            continue
        text = _SQL_COMMENT.sub("", path.read_text(encoding="utf-8"))
        for statement in text.split(";"):
            table = _TABLE.search(statement)
            for reference in _REFERENCE.finditer(statement):
                if table is None:
                    continue
                source, target = table.group(1).lower(), reference.group(1).lower()
                if _SCHEMAS.index(target) > _SCHEMAS.index(source):
                    found.append(f"{path.relative_to(root)}: {source} -> {target}")
    return found


def migrations_have_numbers_of_their_own(root: Path) -> list[str]:
    """Two of one number would be applied in the order of their names, and one may come late."""
    found: list[str] = []
    taken: dict[tuple[Path, str], Path] = {}
    for path in sorted(files_below(root)):
        if path.suffix != ".sql" or path.parent.name != "migrations":
            continue
        number = re.match(r"(\d{4})_", path.name)
        place = (path.parent, number.group(1) if number else path.name)
        if number is None or place in taken:
            found.append(str(path.relative_to(root)))
        taken[place] = path
    return found


def unit_tests_start_no_peer(root: Path) -> list[str]:
    """`pytest tests/unit` needs nothing but Python: no database, broker or browser."""
    peers = {"postgres", "database", "migrated_template", "broker", "chromium"}
    found: list[str] = []
    for path in sorted((root / "tests" / "unit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                asked = peers & {argument.arg for argument in node.args.args}
                found += [f"{path.relative_to(root)}: {node.name}({name})" for name in asked]
    return found


RULES: tuple[Callable[[Path], list[str]], ...] = (
    sql_reads_no_clock,
    no_secrets,
    no_machine_paths,
    lock_files_without_addresses,
    package_files_are_docstrings,
    every_package_has_an_init,
    foreign_keys_point_to_core,
    migrations_have_numbers_of_their_own,
    unit_tests_start_no_peer,
)
"""Every rule of this file, for the test that applies them and the one that sees them bite."""


def _hits(root: Path, pattern: re.Pattern[str], wanted: Callable[[Path], bool]) -> list[str]:
    found: list[str] = []
    for path in files_below(root):
        if wanted(path):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                hit = pattern.search(line)
                if hit is not None:
                    found.append(f"{path.relative_to(root)}:{number}: {hit.group(0)}")
    return found
