"""Each model of the simulator behaves as its evidence says, on the wire."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from bumble.hci import Address

from firmware_sim.central import Central, hang_up
from firmware_sim.cuff import BloodPressureCuff
from firmware_sim.glucometer import Glucometer
from firmware_sim.options import MODEL_PASSKEY
from firmware_sim.profiles.fields import Special
from firmware_sim.profiles.names import Profile
from firmware_sim.quirks.models import MODELS
from tests.integration.faults.bench import AT, CONTEXT, LOCAL, Bench, bench
from tests.integration.faults.pairing import REFUSED

pytestmark = pytest.mark.peer

_NOT_HEARD_S = 0.04


def cuff_of(b: Bench) -> BloodPressureCuff:
    assert isinstance(b.device, BloodPressureCuff)
    return b.device


def meter_of(b: Bench) -> Glucometer:
    assert isinstance(b.device, Glucometer)
    return b.device


async def measured(b: Bench, count: int = 3) -> list[bytes]:
    return [
        await b.device.measure_typical(b.scene.minutes_later(minute)) for minute in range(count)
    ]


async def sends_all_again(b: Bench) -> None:
    old = await measured(b, 2)
    assert await b.told() == old
    new = await b.device.measure_typical(b.scene.minutes_later(9))
    assert await b.told() == [*old, new]  # the oldest first


async def deletes(b: Bench) -> None:
    old = await measured(b, 2)
    assert await b.told() == old
    assert b.device.memory.records == ()  # it is gone, not only marked as sent
    new = await b.device.measure_typical(b.scene.minutes_later(9))
    assert await b.told() == [new]


async def is_heard_for_a_moment(b: Bench) -> None:
    model = b.device.quirk
    assert b.device.window_s == model.window_s == 30.0
    b.device.window_s = 0.02
    await b.device.measure_typical(AT)
    await asyncio.sleep(0.04)
    assert await b.hear(_NOT_HEARD_S) == {}
    b.device.window_s = None
    await b.device.measure_typical(b.scene.minutes_later(1))
    assert len(await b.told()) == 2


async def bm85(b: Bench) -> None:
    at = datetime(2026, 8, 11, 10, 31, tzinfo=UTC)  # 18:31 in China
    await cuff_of(b).measure(systolic=106, diastolic=71, pulse=63, at=at)
    (frame,) = await b.told()
    # captured: blood-pressure-monitor-fl, ble_measurement_data_test.dart at 17aba3d
    assert frame.hex() == "566a0047000000ea07080b121f00003f000000"
    b.device.memory.clear()
    await sends_all_again(b)


async def sbm69(b: Bench) -> None:
    assert b.device.displayed == MODEL_PASSKEY
    await sends_all_again(b)


async def hem7322t(b: Bench) -> None:
    await b.radio.forget(b.device.identity.address)
    await b.device.measure_typical(AT)
    assert "pairing failed" in (await b.listen(pair=True)).error
    await b.bond()
    async with Central(b.scene.link, address="C0:FF:EE:00:00:09") as phone:
        await b.device.pairing_mode(at=AT)
        other = await phone.connect(Address(b.device.identity.address), timeout_s=2)
        await other.pair()
        await hang_up(other)
    assert "key missing" in (await b.listen()).error
    b.device.memory.clear()
    await b.bond()
    await is_heard_for_a_moment(b)


async def ua651(b: Bench) -> None:
    shown = await clocks_while_measuring(b)
    assert shown == {"1810/2a08": LOCAL}
    await b.told()
    await deletes(b)
    await b.device.forget_bonds()
    await b.radio.forget(b.device.identity.address)
    await b.device.measure_typical(b.scene.minutes_later(20))
    seen = await b.listen()
    assert seen.hung_up
    assert await b.hear(_NOT_HEARD_S) == {}


async def clocks_while_measuring(b: Bench) -> dict[str, bytes]:
    await b.device.measure_typical(AT)
    return await b.clocks()


async def boso(b: Bench) -> None:
    at = datetime(2024, 6, 23, 6, 35, 10, tzinfo=UTC)  # 14:35:10 in China
    nothing = Special.NAN
    await cuff_of(b).measure(systolic=nothing, diastolic=nothing, pulse=nothing, at=at)
    # captured: blood-pressure-monitor-fl issue 80
    assert [frame.hex() for frame in await b.told()] == ["16ff07ff07ff07e80706170e230aff070000"]


async def nordic(b: Bench) -> None:
    await cuff_of(b).measure(systolic=138, diastolic=88, mean=120, pulse=60, at=AT, status=39)
    (frame,) = await b.told()
    # the vector of the Nordic library, but for its day, its time and its user 1
    assert frame.hex() == "1e8a0058007800" + "00" * 7 + "3c00" + "ff" + "2700"


async def dm30b(b: Bench) -> None:
    meter = meter_of(b)
    for hour, value in enumerate((5.1, 6.2, 7.3)):
        at = b.scene.minutes_later(60 * hour)
        await meter.measure(glucose_mmol=value, at=at, meal="fasting")
    assert await b.clocks() == {}
    seen = await b.listen()
    assert [frame[1:3] for frame in b.frames(seen)] == [b"\0\0", b"\1\0", b"\2\0"]
    assert [frame[10] for frame in b.frames(seen)] == [73, 62, 51]  # x 10^-4 mol/L, newest first
    assert seen.of(CONTEXT) == []


async def caresens(b: Bench) -> None:
    await meter_of(b).measure_ketone(ketone_mmol=1.2, at=AT)
    assert await b.clocks() == {}
    seen = await b.listen()
    (frame,) = b.frames(seen)
    assert (frame[0], frame[10:12].hex()) == (0x1A, "0cb0")  # 12 x 10^-5 kg/L: 12 mg/dL
    assert seen.of(CONTEXT) == [b"\x02\x00\x00\x06"]


async def accu_chek(b: Bench) -> None:
    assert b.device.displayed == MODEL_PASSKEY
    assert await clocks_while_measuring(b) == {"1808/2a08": LOCAL}
    b.radio.passkey = None
    await b.device.forget_bonds()
    await b.radio.forget(b.device.identity.address)
    await b.device.pairing_mode(at=AT)
    error = (await b.listen(pair=True)).error
    assert REFUSED in error or "pairing failed" in error


async def contour(b: Bench) -> None:
    meter = meter_of(b)
    meter.patience_s = 0.4  # record 0 stays untold: it waits for more requests
    for hour in range(3):
        at = b.scene.minutes_later(60 * hour)
        await meter.measure(glucose_mmol=6.1, at=at, sample_type=10 if hour == 2 else 1)
    seen = await b.listen(request=b"\x01\x03\x01\x01\x00")  # number 1 and above
    assert [frame[1] for frame in b.frames(seen)] == [1, 2]
    assert [frame[12] & 0x0F for frame in b.frames(seen)] == [1, 10]


EXERCISES: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "BM85": bm85,
    "BM57": sends_all_again,
    "BU550": sends_all_again,
    "BM48": is_heard_for_a_moment,
    "BM59": sends_all_again,
    "SBM69": sbm69,
    "X4 Smart": deletes,
    "HEM-7322T": hem7322t,
    "UA-651BLE": ua651,
    "boso medicus": boso,
    "nRF BPS": nordic,
    "DM30b": dm30b,
    "CareSens Dual": caresens,
    "Accu-Chek Guide": accu_chek,
    "Contour Next One": contour,
}


@pytest.mark.row("S7")
@pytest.mark.parametrize("model", MODELS)
async def test_a_model_behaves_as_its_evidence_says(model: str) -> None:
    quirk = MODELS[model]
    async with bench(
        quirk.profile, typed=MODEL_PASSKEY if quirk.passkey else None, quirk=quirk
    ) as b:
        await EXERCISES[model](b)


def test_every_row_has_its_evidence_and_its_exercise() -> None:
    assert set(EXERCISES) == set(MODELS)
    for model, quirk in MODELS.items():
        assert quirk.model == model
        assert len(quirk.evidence) > 30
        assert quirk.profile in {Profile.BLOOD_PRESSURE, Profile.GLUCOSE}


async def test_a_model_without_ketones_measures_none() -> None:
    async with bench(Profile.GLUCOSE, quirk=MODELS["DM30b"]) as b:
        with pytest.raises(ValueError, match="no ketones"):
            await meter_of(b).measure_ketone(ketone_mmol=1.2, at=AT)
