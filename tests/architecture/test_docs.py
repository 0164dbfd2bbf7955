"""The documents keep their word: named tests exist, links lead somewhere, no hazard is missing."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), ROOT / "deploy/README.md"]
SAFETY = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")

_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)#]+?)(?:#[^)]*)?\)")
_FILE = re.compile(
    r"`((?:rules|device_adapters|gateway|service|firmware_sim|deploy|tests)/[\w./-]+)`"
)


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def guards(page: str) -> dict[str, str]:
    """The "guarded by" cell of every table row, by the row's first cell."""
    found: dict[str, str] = {}
    column: int | None = None
    for line in page.splitlines():
        # a row ends with "|", so the last piece is no cell; an empty last cell is one
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if "guarded by" in cells:
            column = cells.index("guarded by")
        elif not cells:
            column = None
        elif column is not None and not cells[0].startswith("-"):
            found[cells[0]] = cells[column]
    return found


def silent(page: str) -> list[str]:
    """Rows that neither name a test nor say in the agreed words that there is none."""
    return [
        row
        for row, cell in guards(page).items()
        if not re.search(r"`tests/[\w/]+\.py|\bnot guarded yet\b", cell)
    ]


def test_every_hazard_is_listed_with_a_guard_or_the_word_that_it_has_none() -> None:
    rows = list(guards(SAFETY))
    silencers = [f"0.{number}" for number in range(1, 9)]
    hazards = [str(number) for number in range(1, 21)]
    assert rows[: len(silencers) + len(hazards)] == silencers + hazards
    assert len(rows) > len(silencers) + len(hazards), "the last table is read as well"
    assert silent(SAFETY) == []


@pytest.mark.parametrize(
    ("cell", "accepted"),
    [
        ("`tests/unit/test_a.py::test_b`", True),
        ("not guarded yet", True),
        ("not guarded yet (`a_journey`)", True),
        ("`tests/unit/test_a.py::test_b`; symptoms: not guarded yet", True),
        ("", False),
        ("(`a_journey`)", False),
        ("issue 6", False),
        ("not guarded", False),
        ("tests", False),
    ],
)
def test_a_row_without_a_guard_must_say_so(cell: str, *, accepted: bool) -> None:
    page = f"| H | guarded by | what remains |\n|---|---|---|\n| 1 | {cell} | |\n"
    assert guards(page) == {"1": cell}
    assert (silent(page) == []) is accepted


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_points_at_an_issue_that_its_reader_cannot_open(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert re.findall(r"\bissues? #?\d+|\'s issue\b", text) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing: list[str] = []
    for name, function in _TEST.findall(text):
        path = ROOT / name
        if not path.exists() or (function and function not in functions_of(path)):
            missing.append(f"{name}::{function}")
    missing += [name for name in _FILE.findall(text) if not (ROOT / name).exists()]
    missing += [
        link
        for link in _LINK.findall(text)
        if "://" not in link and not (document.parent / link).exists()
    ]
    assert missing == []
