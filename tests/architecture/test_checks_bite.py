"""A check that has never caught anything is a hope: plant one violation of each, see it named."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.architecture import house

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.slow

# (file, text, the check in tests/architecture/house.py that must name the file)
HOUSE_VIOLATIONS: list[tuple[str, str, Callable[[Path], list[str]]]] = [
    ("gateway/store/p.sql", "SELECT now();", house.sql_reads_no_clock),
    ("gateway/store/p.sql", "INSERT INTO t VALUES (CURRENT_TIMESTAMP);", house.sql_reads_no_clock),
    ("service/store/p.sql", "CREATE TABLE t (at date DEFAULT 'now');", house.sql_reads_no_clock),
    ("deploy/p.yml", "password" + ": 'correct-horse-battery'", house.no_secrets),
    ("service/p.py", 'TOKEN = "0123456789abcdef"', house.no_secrets),
    ("deploy/p.conf", "-----BEGIN RSA " + "PRIVATE KEY-----", house.no_secrets),
    ("docs/p.md", "see /wo" + "rk/main for it", house.no_machine_paths),
    ("docs/p.md", "see ../sha" + "red/design.md", house.no_machine_paths),
    ("Makefile", "\t@cat /ro" + "ot/notes\n", house.no_machine_paths),
    ("p.lock", "pkg @ https://files.example/p.whl", house.lock_files_without_addresses),
    ("requirements.lock", "--index-url=x", house.lock_files_without_addresses),
    ("rules/p/__init__.py", '"""Doc."""\nX = 1\n', house.package_files_are_docstrings),
    ("rules/p/__init__.py", "", house.package_files_are_docstrings),
    ("rules/r/q.py", "", house.every_package_has_an_init),
    (
        "service/store/migrations/12_p.sql",
        "SELECT 1;",
        house.migrations_have_numbers_of_their_own,
    ),
    (
        "gateway/store/migrations/9999_p.sql",
        "CREATE TABLE core.p (a int REFERENCES care.person (a));",
        house.foreign_keys_point_to_core,
    ),
    (
        "service/store/migrations/9999_p.sql",
        "CREATE TABLE care.p (\n  a int,\n  b int REFERENCES cdc.signal (b)\n);",
        house.foreign_keys_point_to_core,
    ),
    ("tests/unit/test_p.py", "def test_p(database): ...", house.unit_tests_start_no_peer),
]

LINTER_VIOLATIONS = {
    "unittest.mock": "from unittest.mock import Mock\n",
    "os.environ": "import os\n\nHOME = os.environ\n",
    "os.getenv": "import os\n\nHOME = os.getenv('HOME')\n",
    "typing.Any": "from typing import Any\n",
    "asyncio.create_task": "import asyncio\n\ntask = asyncio.create_task(work())\n",
    "asyncio.ensure_future": "import asyncio\n\ntask = asyncio.ensure_future(work())\n",
    "time.time": "import time\n\nNOW = time.time()\n",
    "datetime.datetime.now": "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n",
    "BLE001": "try:\n    work()\nexcept Exception:\n    pass\n",
    "TID252": "from . import clock\n",
    "D103": "def undocumented() -> None:\n    print\n",
    "DTZ001": "from datetime import datetime\n\nDAY = datetime(2026, 1, 1)\n",
    "C901": "def f(x):\n" + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(9)),
}

# everything that reaches out of a calculation, by what it would reach
RULES_MAY_NOT = (
    *("ctypes", "fcntl", "fileinput", "glob", "importlib", "io", "mmap", "os", "pathlib", "psutil"),
    *("shelve", "shutil", "signal", "sqlite3", "subprocess", "sys", "tempfile"),
    *("aiomqtt", "amqtt", "asyncpg", "bleak", "bumble", "dbus_fast", "fastapi", "http", "httpx2"),
    *("paho", "select", "selectors", "smtplib", "socket", "socketserver", "ssl", "starlette"),
    *("urllib", "uvicorn", "asyncio", "concurrent", "multiprocessing", "queue", "random"),
    *("secrets", "threading", "time", "logging", "numpy", "pydantic_settings", "rich", "river"),
    "structlog",
)

_RIVER = "One product file computes with river"
IMPORT_VIOLATIONS = {
    "rules/planted_io.py": (
        "\n".join(f"import {module}" for module in RULES_MAY_NOT),
        "The rules do no I/O",
    ),
    "rules/planted_up.py": ("import gateway.clock", "Packages point one way"),
    "device_adapters/planted_engine.py": ("import rules.engine", "Adapters know the words"),
    "firmware_sim/planted.py": ("import rules.codes", "The simulator is an independent witness"),
    "gateway/planted_sim.py": ("import firmware_sim.link", "Only service.lab knows the simulator"),
    "gateway/planted_ble.py": ("import bleak", "One file talks to bleak"),
    "device_adapters/ble/planted_bus.py": ("import dbus_fast", "One file talks to D-Bus"),
    "gateway/planted_river.py": ("import river.stats", _RIVER),
    "service/planted_river_too.py": ("import river", _RIVER),
    "service/planted_mqtt.py": ("import aiomqtt", "One file talks to the MQTT library"),
    "service/notify/planted_apprise.py": ("import apprise", "One file talks to apprise"),
    "service/web/planted_word.py": ("import docx", "One file sets Word, one sets PDF"),
    "service/web/planted_pdf.py": ("import weasyprint", "One file sets Word, one sets PDF"),
    "gateway/planted_sql.py": ("import asyncpg", "Only the two stores talk to asyncpg"),
    "gateway/planted_web.py": ("import fastapi", "The web framework stays in service"),
    "service/planted_a.py": ("import service.planted_b", "No import cycles anywhere"),
    "service/planted_b.py": ("import service.planted_a", "No import cycles anywhere"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The tree without its environment and data, to be spoilt."""
    ignored = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", "tests", ".*_cache")
    yield Path(shutil.copytree(ROOT, tmp_path / "tree", ignore=ignored))
    shutil.rmtree(tmp_path)


def plant(folder: Path, name: str, text: str) -> None:
    """Append to a file, made when missing."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def outcome(
    folder: Path, program: str, *arguments: str, text: str | None = None
) -> tuple[int, str]:
    """Run one of the environment's tools in the spoilt tree: exit code and everything it said."""
    command: Sequence[str] = [str(BIN / program), *arguments]
    told = subprocess.run(  # noqa: S603 - our own tools
        command, cwd=folder, input=text, capture_output=True, text=True, check=False
    )
    return told.returncode, told.stdout + told.stderr


@pytest.mark.parametrize(("name", "text", "rule"), HOUSE_VIOLATIONS)
def test_house_rule_bites(
    tmp_path: Path, name: str, text: str, rule: Callable[[Path], list[str]]
) -> None:
    assert rule(tmp_path) == []
    plant(tmp_path, name, text)
    where = rule(tmp_path)
    folder = name.rpartition("/")[0]
    assert len(where) == 1
    assert where[0].startswith((name, folder))


def test_the_lease_is_the_only_sql_that_may_read_the_clock(tmp_path: Path) -> None:
    plant(tmp_path, house.LEASE, "SELECT now();")
    plant(tmp_path, "gateway/store/other.sql", "-- now() in a comment\nSELECT $1;")
    assert house.sql_reads_no_clock(tmp_path) == []


def test_the_check_command_reads_the_house_rules(copy: Path) -> None:
    """`make check` itself bites, not only the functions that it should call."""
    script = (ROOT / "deploy" / "check.sh").read_text(encoding="utf-8")
    line = re.search(r'^check "house rules" (.+)$', script, re.MULTILINE)
    assert line is not None
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text, _ in HOUSE_VIOLATIONS:
        plant(copy, name, text)
    # the rest of that file starts processes of its own and asks nothing of what was planted
    code, said = outcome(copy, *shlex.split(line.group(1)), "-k", "tree_keeps")
    assert code == 1
    for rule in house.RULES:
        assert (
            f"FAILED tests/architecture/test_house.py::test_the_tree_keeps[{rule.__name__}]" in said
        )


def test_a_migration_number_is_used_once_in_its_directory(tmp_path: Path) -> None:
    for name in ("gateway/store", "service/store"):
        plant(tmp_path, f"{name}/migrations/0007_one.sql", "SELECT 1;")
    assert house.migrations_have_numbers_of_their_own(tmp_path) == []
    again = "service/store/migrations/0007_two.timescale.sql"
    plant(tmp_path, again, "SELECT 1;")
    assert house.migrations_have_numbers_of_their_own(tmp_path) == [again]


@pytest.mark.parametrize("complaint", LINTER_VIOLATIONS)
def test_linter_bites(complaint: str) -> None:
    code, said = outcome(
        ROOT,
        "ruff",
        "check",
        "--no-cache",
        "--output-format=concise",
        "--stdin-filename=gateway/planted.py",
        "-",
        text=f'"""Planted."""\n\n{LINTER_VIOLATIONS[complaint]}',
    )
    assert code == 1
    assert complaint in said


def test_formatter_bites(copy: Path) -> None:
    plant(copy, "gateway/planted.py", "x=1\n")
    code, said = outcome(copy, "ruff", "format", "--check", "--no-cache", ".")
    assert code == 1
    assert "would be reformatted" in said
    assert "gateway/planted.py" in said


def section(said: str, contract: str) -> str:
    """What the import checker says about one broken contract."""
    lines = said.partition("Broken contracts")[2].splitlines()
    heads = [at - 1 for at, line in enumerate(lines) if at and re.fullmatch("-{3,}", line)]
    start = next(at for at in heads if lines[at].startswith(contract))
    return "\n".join(lines[start : min((at for at in heads if at > start), default=None)])


def test_every_import_contract_bites(copy: Path) -> None:
    for name, (text, _) in IMPORT_VIOLATIONS.items():
        plant(copy, name, f'"""Planted."""\n\n{text}\n')
    code, said = outcome(copy, "lint-imports", "--no-cache", "--no-logo")
    assert code == 1
    for name, (text, contract) in IMPORT_VIOLATIONS.items():
        verdict = [line for line in said.splitlines() if line.startswith(contract)][:1]
        assert verdict, f"{contract}: no such contract"
        assert "BROKEN" in verdict[0], verdict
        report = section(said, contract)
        module = name.removesuffix(".py").replace("/", ".")
        # a library counts as one thing, our own modules by their full name
        wanted = [
            f"{module} -> {imported.removesuffix('.stats')} ("
            for imported in re.findall(r"import (\S+)", text)
        ]
        missing = [line for line in wanted if line not in report]
        # of a cycle the checker names the one import whose removal would end it
        cycle = re.search(r"\.planted_[ab] -> \.planted_[ab] \(1 import\)", report)
        assert missing == [] or cycle, f"{contract}: {missing}"
    kept = [line for line in said.splitlines() if " KEPT" in line]
    assert kept == [], "a contract without a planted violation"


def test_dependency_check_bites(copy: Path) -> None:
    plant(copy, "gateway/planted.py", '"""Planted."""\n\nimport undeclared_thing\n')
    project = copy / "pyproject.toml"
    declared = project.read_text(encoding="utf-8")
    project.write_text(
        declared.replace('"amqtt",', '"amqtt",\n    "never-used",'), encoding="utf-8"
    )
    code, said = outcome(copy, "deptry", ".", "--no-ansi")
    assert code == 1
    assert "'undeclared_thing' imported but missing" in said
    assert "'never-used' defined as a dependency but not used" in said


def test_compose_check_bites(copy: Path) -> None:
    compose = copy / "docker-compose.yml"
    schema = ("--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert outcome(copy, "check-jsonschema", *schema)[0] == 0
    good = compose.read_text(encoding="utf-8")
    compose.write_text(good.replace("ports:", "prots:", 1), encoding="utf-8")
    code, said = outcome(copy, "check-jsonschema", *schema)
    assert code == 1
    assert "prots" in said


def test_type_check_bites(copy: Path) -> None:
    plant(copy, "gateway/planted.py", '"""Planted."""\n\n\ndef double(x):\n    return x * 2\n')
    plant(copy, "gateway/planted_call.py", '"""Planted."""\n\nLIMIT: int = "many"\n')
    driver = shutil.which("node") or os.fspath(next(BIN.parent.rglob("playwright/driver/node")))
    told = subprocess.run(  # noqa: S603 - our own tools
        [
            str(BIN / "pyright"),
            "--pythonpath",
            sys.executable,
            "gateway/planted.py",
            "gateway/planted_call.py",
        ],
        cwd=copy,
        env={"PATH": f"{BIN}:/usr/bin:/bin:{Path(driver).parent}", "HOME": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1, told.stdout + told.stderr
    assert "reportMissingParameterType" in told.stdout
    assert "reportAssignmentType" in told.stdout
