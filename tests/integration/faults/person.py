"""What the witness sees of shared devices that say the wrong user, none, or one nobody knows."""

from firmware_sim.faults.table import FAULTS
from tests.integration.faults.bench import Bench
from tests.integration.faults.octets import TIME, USER, USER_FLAG
from tests.integration.faults.pairing import Exercise


def says(name: str, user: int) -> Exercise:
    async def exercise(b: Bench) -> None:
        await b.do(FAULTS[name])
        (frame,) = await b.told()
        assert frame[0] & USER_FLAG[b.profile]
        assert frame[USER[b.profile]] == user

    return exercise


async def nobody(b: Bench) -> None:
    await b.do(FAULTS["user-missing"])
    (frame,) = await b.told()
    assert not frame[0] & USER_FLAG[b.profile]


async def several(b: Bench) -> None:
    await b.do(FAULTS["several-users"])
    frames = await b.told()
    time = TIME[b.profile]
    # a cuff's typical record has no pulse less than the unremarkable one: the user is found alike
    assert [frame[USER[b.profile]] for frame in frames] == [1, 2, 1]
    assert len({frame[time] for frame in frames}) == 3


async def byte_without_flag(b: Bench) -> None:
    await b.do(FAULTS["user-byte-without-flag"])
    (frame,) = await b.told()
    assert not frame[0] & USER_FLAG[b.profile]
    # flags, three pressures, time, pulse, status: 18 octets, and one that no flag speaks of
    assert len(frame) == 19
    assert frame[USER[b.profile]] == 1


EXERCISES: dict[str, Exercise] = {
    "wrong-user": says("wrong-user", 7),
    "user-unknown": says("user-unknown", 255),
    "user-missing": nobody,
    "several-users": several,
    "user-byte-without-flag": byte_without_flag,
}
