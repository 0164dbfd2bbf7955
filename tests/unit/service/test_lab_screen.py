"""The demo's terminal speaks of an alert in the words of the pages and of the glossary."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from rich.console import Console

from rules.vocabulary import Family, Priority
from service.lab.lab_store import Told
from service.lab.screen import Screen
from service.permissions import Role
from service.web.words import word

AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"


def shown(priority: Priority) -> str:
    output = io.StringIO()
    told = Told(
        delivery_id=UUID(int=1),
        alert_id=UUID(int=2),
        delivered_at=AT,
        raised_at=AT,
        login="chen",
        role=Role.FAMILY_DOCTOR,
        staff_name="陈志远",
        subject_name="王秀兰",
        priority=priority,
        family=Family.BLOOD_PRESSURE,
        rule_id="HW-02",
        stage="confirmed",
        dated=False,
    )
    Screen(Console(file=output, width=200)).alert([told])
    return output.getvalue().rstrip("\n")


@pytest.mark.parametrize("priority", Priority)
def test_a_priority_has_the_word_of_the_pages_and_of_the_glossary(priority: Priority) -> None:
    code = priority.name.lower()
    (row,) = re.findall(r"^\| priority \|.*$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    words = dict(re.findall(r"(\w+) (\w+)", row.split("|")[3]))
    assert words[code] == word("zh", "priority", code)
    line = f"11:00:00 {words[code]} {code} HW-02/confirmed 王秀兰 -> 陈志远(chen) (page)"
    assert shown(priority) == line
