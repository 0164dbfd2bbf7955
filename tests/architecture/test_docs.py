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


def rows(first_cell: str) -> dict[str, list[str]]:
    """Table rows of the safety page whose first cell matches: cell text to all its cells."""
    found: dict[str, list[str]] = {}
    for line in SAFETY.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(first_cell, cells[0]):
            found[cells[0]] = cells
    return found


def test_every_hazard_is_listed_with_a_guard_or_the_issue_that_owes_it() -> None:
    silencers, hazards = rows(r"0\.\d"), rows(r"\d+")
    assert list(silencers) == [f"0.{number}" for number in range(1, 9)]
    assert list(hazards) == [str(number) for number in range(1, 21)]
    for number, cells in silencers.items():
        assert re.search(r"issue \d|`tests/", cells[3]), number
    for number, cells in hazards.items():
        assert re.search(r"issue \d|`tests/", cells[4]), number


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
