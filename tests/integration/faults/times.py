"""What the witness sees of clocks that are wrong, reset, never set or absent."""

from firmware_sim.faults.table import FAULTS
from tests.integration.faults.bench import Bench
from tests.integration.faults.octets import GLUCOSE, PLX, TIME, TIME_FLAG
from tests.integration.faults.pairing import Exercise

_CLOCK_NOT_SET = 0x10


def shows(name: str, time_field: str) -> Exercise:
    async def exercise(b: Bench) -> None:
        await b.do(FAULTS[name])
        (frame,) = await b.told()
        assert frame[TIME[b.profile]].hex() == time_field
        if b.profile is PLX:
            never = name == "clock-never-set"
            assert bool(frame[0] & _CLOCK_NOT_SET) is never

    return exercise


async def absent(b: Bench) -> None:
    await b.do(FAULTS["clock-absent"])
    (frame,) = await b.told()
    assert not frame[0] & TIME_FLAG[b.profile]
    assert bytes.fromhex("ea070b15") not in frame


async def session_start(b: Bench, name: str) -> bytes:
    await b.do(FAULTS[name])
    seen = await b.listen()
    (frame,) = b.frames(seen)
    assert seen.error == ""
    return seen.session_start[:7] + frame[4:6]


async def session_wrong(b: Bench) -> None:
    told = await session_start(b, "session-start-wrong")
    assert told.hex() == "ea070b15001e00" + "0500"


async def session_unknown(b: Bench) -> None:
    told = await session_start(b, "session-start-unknown")
    assert told.hex() == "00000000000000" + "0500"


async def session_restarted(b: Bench) -> None:
    told = await session_start(b, "session-restarted")
    assert told.hex() == "ea070b15072800" + "0200"  # 07:40, two minutes ago


async def offset(b: Bench) -> None:
    assert b.profile is GLUCOSE
    await b.do(FAULTS["time-offset"])
    (frame,) = await b.told()
    assert frame[0] & 0x01
    assert frame[TIME[GLUCOSE]].hex() == "ea070b15071e00"
    assert frame[10:12] == (-90).to_bytes(2, "little", signed=True)


EXERCISES: dict[str, Exercise] = {
    "clock-wrong": shows("clock-wrong", "ea070b15001e00"),  # 00:30 instead of 07:30
    "clock-reset": shows("clock-reset", "d0070101000000"),
    "clock-never-set": shows("clock-never-set", "00000000000000"),
    "clock-absent": absent,
    "clock-future": shows("clock-future", "ec070404071e00"),  # 2028-04-04, 500 days later
    "clock-dst": shows("clock-dst", "ea070b15081e00"),
    "clock-drift": shows("clock-drift", "ea070b15080000"),  # 60 days x 30 s = half an hour
    "clock-impossible": shows("clock-impossible", "ea070d20193d00"),
    "session-start-wrong": session_wrong,
    "session-start-unknown": session_unknown,
    "session-restarted": session_restarted,
    "time-offset": offset,
}
