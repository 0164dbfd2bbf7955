"""What the witness sees of a meter's context records."""

from firmware_sim.faults.table import FAULTS
from tests.integration.faults.bench import CONTEXT, MEASUREMENT, Bench
from tests.integration.faults.octets import GLUCOSE
from tests.integration.faults.pairing import Exercise

_VALUE, _CONTEXT_FOLLOWS = MEASUREMENT[GLUCOSE], 0x10
_FASTING = b"\x02\x00\x00\x03"  # flags meal, sequence 0, fasting


async def missing(b: Bench) -> None:
    await b.do(FAULTS["context-missing"])
    seen = await b.listen()
    (frame,) = b.frames(seen)
    assert frame[0] & _CONTEXT_FOLLOWS
    assert seen.of(CONTEXT) == []


async def first(b: Bench) -> None:
    await b.do(FAULTS["context-first"])
    seen = await b.listen()
    (context, measurement) = seen.arrived[:2]
    assert context == (CONTEXT, _FASTING)
    assert measurement[0] == _VALUE
    assert measurement[1][:3] == b"\x1e\x00\x00"


async def late(b: Bench) -> None:
    await b.do(FAULTS["context-late"])
    seen = await b.listen()
    assert [number for number, _octets in seen.arrived[:3]] == [_VALUE, _VALUE, CONTEXT]
    assert seen.arrived[0][1][1:3] == seen.arrived[2][1][1:3] == b"\0\0"
    assert seen.arrived[1][1][1:3] == b"\1\0"


async def ketone(b: Bench) -> None:
    await b.do(FAULTS["ketone-as-meal-6"])
    seen = await b.listen()
    (frame,) = b.frames(seen)
    assert frame[0] == 0x1A  # kg/L
    assert frame[10:12].hex() == "0cb0"  # 12 x 10^-5 kg/L
    assert seen.of(CONTEXT) == [b"\x02\x00\x00\x06"]


EXERCISES: dict[str, Exercise] = {
    "context-missing": missing,
    "context-first": first,
    "context-late": late,
    "ketone-as-meal-6": ketone,
}
