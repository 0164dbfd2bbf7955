"""Every ASVS item that we answer for names tests, and those tests are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTED = {
    *("2.4.1", "3.4.3", "3.5.1", "3.5.3", "6.2.1", "6.3.1", "6.3.3", "7.2.4", "7.3.1", "7.4.1"),
    *("8.2.2", "8.4.1", "10.4.4", "12.3.5", "14.2.6", "16.2.1", "16.2.5", "16.3.2", "16.4.2"),
}
"""OWASP ASVS 5.0: what a service with sessions, tenants, devices and a record has to show."""


def rows() -> dict[str, str]:
    """The last cell of each row of the table, by item."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = text.split("## ASVS 5.0", 1)[1].split("\n## ", 1)[0]
    found: dict[str, str] = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for item in re.findall(r"\d+\.\d+\.\d+", cells[0]):
            found[item] = cells[-1]
    return found


def test_no_item_is_missing_and_none_is_made_up() -> None:
    assert set(rows()) == WANTED


def test_each_item_has_tests_of_its_own() -> None:
    cells = list(rows().values())
    shared = {cell for cell in cells if cells.count(cell) > 1}
    assert shared == set()
    assert [cell for cell in cells if "::test_" not in cell] == []


@pytest.mark.parametrize("item", sorted(WANTED))
def test_each_item_names_a_test_that_is_there(item: str) -> None:
    named = re.findall(r"`([\w/]+\.py)?(?:::)?(test_\w+)?`", rows()[item])
    file, seen = "", 0
    for given, test in named:
        file = given or file
        found = next(iter((ROOT / "tests").rglob(Path(file).name)), None) if file else None
        assert found is not None, (item, file)
        seen += 1
        if test:
            assert f"def {test}(" in found.read_text(encoding="utf-8"), (item, test)
    assert seen, item
