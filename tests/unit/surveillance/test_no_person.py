"""Numbers of somebody in what is written about a signal."""

import pytest

from service.surveillance.no_person import names_somebody


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("电话13800138000", True),
        ("138 0013 8000", True),
        ("138-0013-8000", True),
        ("11010519491231002X", True),
        ("110105 1949 1231 002x", True),
        ("１３８００１３８０００", True),
        ("门诊 21 例，药店 60 例", False),
        ("0871-6512 3458", True),
        ("2026-11-22: 34 of 120", False),
        ("2026-11-22 130 例", False),
        ("from 2026-11-19 to 2026-11-22", False),
        ("", False),
    ],
)
def test_telephone_and_identity_numbers_are_found_however_they_are_spaced(
    text: str, *, found: bool
) -> None:
    assert names_somebody(text) is found
    assert names_somebody("看一看", text) is found
