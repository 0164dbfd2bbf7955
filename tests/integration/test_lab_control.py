"""Orders reach the homes of a running demo, and nobody else's."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from service.cli import main
from service.lab.control import Order, OrderError, order, taking_orders
from service.lab.homes_settings import ControlAddress, read_control, write_control


async def obey(wanted: Order) -> tuple[str, ...]:
    if wanted.person != "wang":
        raise OrderError(f"nobody is called {wanted.person!r}")
    return (f"{wanted.do} {wanted.systolic}",)


async def test_an_order_is_carried_out_and_answered(tmp_path: Path) -> None:
    async with taking_orders(tmp_path, obey):
        said = await order(tmp_path, Order(do="measure", person="wang", systolic=230))
        assert said == ("measure 230.0",)
        with pytest.raises(OrderError, match="nobody is called 'nobody'"):
            await order(tmp_path, Order(do="measure", person="nobody"))
        assert stat.S_IMODE((tmp_path / "homes.control").stat().st_mode) == 0o600
    with pytest.raises(OrderError, match="no demo is running"):
        await order(tmp_path, Order(do="list"))


async def test_a_number_without_a_place_in_the_frame_is_refused_aloud(tmp_path: Path) -> None:
    async def cuff(wanted: Order) -> tuple[str, ...]:
        assert wanted.systolic is not None
        encode_blood_pressure(systolic=wanted.systolic, diastolic=80, mean=700)
        return ("measured",)

    async with taking_orders(tmp_path, cuff):
        with pytest.raises(OrderError, match=r"cannot be done: 2047\.0 has no exact SFLOAT"):
            await order(tmp_path, Order(do="measure", person="wang", systolic=2047))
        assert await order(tmp_path, Order(do="measure", systolic=204)) == ("measured",)


@pytest.mark.parametrize("option", ["--systolic", "--diastolic", "--pulse", "--glucose"])
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "NaN", "1e999", "high"])
def test_what_is_no_finite_number_is_refused_at_the_command_line(
    option: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sim", "measure", "--person", "wang", f"{option}={text}"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"argument {option}: '{text}' is not a" in said
    assert "number" in said


async def test_without_the_token_nothing_happens(tmp_path: Path) -> None:
    async with taking_orders(tmp_path, obey):
        known = read_control(tmp_path)
        write_control(tmp_path, ControlAddress(port=known.port, token="guessed"))
        with pytest.raises(OrderError, match="token"):
            await order(tmp_path, Order(do="measure", person="wang", systolic=230))


@pytest.mark.parametrize("line", [b"hello\n", b'{"do":"explode"}\n', b'{"do":"list","x":1}\n'])
async def test_what_is_no_order_is_refused(tmp_path: Path, line: bytes) -> None:
    async with taking_orders(tmp_path, obey):
        port = read_control(tmp_path).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line)
        answer = json.loads(await reader.readline())
        writer.close()
        assert answer["error"].startswith("not an order")
