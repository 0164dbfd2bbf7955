"""A time zone that a command is told by name."""

import pytest

from service.cli import main

_COMMANDS = (
    *("rules shadow", "rules roll-back first --as duty", "rules approve 1 --as duty", "shadow"),
    *("db verify", "coverage check", "canary register hub-1", "population"),
    *("people export people x.csv", "surveillance release", "surveillance duty list"),
    *("surveillance sources list", "surveillance series --area a --purpose p"),
)


@pytest.mark.parametrize("command", _COMMANDS)
@pytest.mark.parametrize("zone", ["Mars", "", "../etc", "Asia"])
def test_an_unknown_zone_is_told_as_any_wrong_argument(
    capsys: pytest.CaptureFixture[str], command: str, zone: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--zone", zone])
    assert ended.value.code == 2
    assert f"no time zone {zone!r}, as Asia/Shanghai is" in capsys.readouterr().err
