"""`hearthwatch devices radio`: the adapter's self-test on the virtual radio."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble.device import Advertisement

from device_adapters.ble.link import LinkCause
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.radio_check import HealthDevice, RadioCheck, Verdict, check_radio
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.bleak_scanner import VirtualScanner
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, Glucometer
from service.cli import main
from service.radio_command import json_text, table
from tests.integration.virtual_bench import AT, RADIO, identity

pytestmark = pytest.mark.peer

LISTENING_S = 0.4


@asynccontextmanager
async def a_home() -> AsyncGenerator[VirtualRadio]:
    """A cuff and a meter that advertise ten times a second."""
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, identity(1), interval_ms=100) as cuff,
        Glucometer(link, identity(2), interval_ms=100) as meter,
    ):
        await cuff.pairing_mode(at=AT)
        await meter.pairing_mode(at=AT)
        yield radio


def radio_with(scanner: type[BaseBleakScanner], virtual: VirtualRadio) -> BleakRadio:
    return BleakRadio(scanner, virtual.client_backend)


@pytest.mark.row("O3")
async def test_a_good_adapter_says_what_it_hears() -> None:
    async with a_home() as virtual:
        check = await check_radio(radio_with(virtual.scanner_backend, virtual), LISTENING_S)
    assert check.fault is None
    assert check.devices == 2
    # Two devices, ten a second, for 0.4 s: fewer or, when the end of it comes late, more when busy.
    assert 4 <= check.advertisements <= 40
    assert check.per_s == check.advertisements / LISTENING_S
    assert check.strongest_dbm == check.weakest_dbm == -50  # the virtual link's only strength
    assert [(one.address, one.services) for one in check.health] == [
        (identity(1).address, ("1810",)),
        (identity(2).address, ("1808",)),
    ]
    assert check.verdict is Verdict.GOOD
    said = json.loads(json_text(check))
    assert said["verdict"] == "good"
    assert said["thresholds_dbm"] == {"good": -70, "weak": -85}
    assert said["next_step"]["zh"]
    assert said["next_step"]["en"] == "Go on and pair your devices."
    assert "(blood_pressure)" in table(check)


@pytest.mark.row("O3")
async def test_an_adapter_that_is_switched_off_is_named_with_one_next_step() -> None:
    virtual = VirtualRadio(VirtualLink(), RADIO)  # nobody switched it on
    check = await check_radio(radio_with(virtual.scanner_backend, virtual), LISTENING_S)
    assert (check.fault, check.verdict) == (LinkCause.ADAPTER_OFF, Verdict.UNUSABLE)
    assert check.advice.next_en == "Switch Bluetooth on at the hub, then start pairing again."
    assert table(check).startswith("adapter          adapter_off")


@pytest.mark.row("O3")
@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (BleakBluetoothNotAvailableReason.NO_BLUETOOTH, LinkCause.NO_ADAPTER),
        (BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM, LinkCause.NO_PERMISSION),
    ],
)
async def test_no_adapter_and_no_permission_are_named(
    reason: BleakBluetoothNotAvailableReason, cause: LinkCause
) -> None:
    class Refusing(VirtualScanner):
        async def start(self) -> None:
            raise BleakBluetoothNotAvailableError("as the system says", reason)

    virtual = VirtualRadio(VirtualLink(), RADIO)
    check = await check_radio(radio_with(Refusing, virtual), LISTENING_S)
    assert (check.fault, check.detail) == (cause, "as the system says")
    assert check.verdict is Verdict.UNUSABLE
    assert json.loads(json_text(check))["fault"] == cause.value


@pytest.mark.row("O3")
async def test_silence_is_told_from_a_weak_signal() -> None:
    async with VirtualRadio(VirtualLink(), RADIO) as virtual:
        silent = await check_radio(radio_with(virtual.scanner_backend, virtual), 0.1)
    assert (silent.devices, silent.verdict) == (0, Verdict.UNUSABLE)
    assert silent.advice.en == "The adapter works, but it heard no device at all."


@pytest.mark.row("O3")
async def test_a_distant_home_is_weak() -> None:
    async with a_home() as virtual:

        class Distant(VirtualScanner):
            central = virtual

            def _on_advertisement(self, advertisement: Advertisement) -> None:
                advertisement.rssi = -80
                super()._on_advertisement(advertisement)

        check = await check_radio(radio_with(Distant, virtual), LISTENING_S)
    assert (check.strongest_dbm, check.verdict) == (-80, Verdict.WEAK)


@pytest.mark.row("O3")
@pytest.mark.parametrize(
    ("health_dbm", "verdict"),
    [
        (-70, Verdict.GOOD),
        (-71, Verdict.WEAK),
        (-85, Verdict.WEAK),
        (-86, Verdict.UNUSABLE),
    ],
)
def test_the_bar_is_measured_at_the_nearest_health_device(
    health_dbm: int, verdict: Verdict
) -> None:
    cuff = HealthDevice(address="C0:00:00:00:00:01", name="", services=("1810",), rssi=health_dbm)
    check = RadioCheck(
        seconds=10, advertisements=50, devices=2, strongest_dbm=-40, weakest_dbm=-90, health=(cuff,)
    )
    assert check.verdict is verdict


def test_how_long_to_listen_must_make_sense(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "radio", "--seconds", "0"]) == 2
    assert "--seconds" in capsys.readouterr().err
