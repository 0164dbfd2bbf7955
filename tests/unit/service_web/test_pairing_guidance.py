"""What the pairing panel says of a model, of a refusal by that model, and of a device it lost."""

from datetime import UTC, datetime

import pytest

from device_adapters.ble.guidance import ANY_DEVICE, GUIDES, choices, guide_of, quirk_of_choice
from device_adapters.ble.link import LinkCause
from device_adapters.ble.pairing_causes import (
    ADVICE,
    Cause,
    as_model,
    cause_of_loss,
    is_battery,
)
from device_adapters.ble.quirks import MODELS, NONE, Quirk, quirk_of
from gateway.hub_status import (
    DeviceLabel,
    DeviceReport,
    HubStatus,
    PairingReport,
    encode_status,
)
from service.store.records import PairingState
from service.web.pairing_view import pairing_view

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def state(
    *,
    model: str | None = None,
    pairing: PairingReport | None = None,
    devices: tuple[DeviceReport, ...] = (),
    own: tuple[str, ...] = (),
) -> PairingState:
    status = HubStatus(
        v=1,
        hub="hub-home",
        at=NOW,
        online=True,
        command_version=1,
        pairing=pairing,
        devices=devices,
    )
    return PairingState(
        hub="hub-home",
        requested=pairing is not None,
        session="p1",
        until=NOW,
        reported_at=NOW,
        status=encode_status(status).decode(),
        devices=own,
        model=model,
    )


def lost(serial: str, cause: str) -> DeviceReport:
    label = DeviceLabel(manufacturer="Acme", model="BP", serial=serial)
    return DeviceReport(device=label, address=f"C0:00:00:00:00:{serial}", cause=cause)


@pytest.mark.row("P2")
def test_every_guided_model_is_a_known_one_and_says_how_we_know() -> None:
    assert set(GUIDES) <= set(MODELS)
    assert all(guide.evidence and guide.zh and guide.en for guide in GUIDES.values())
    assert [name for _, name in choices()] == sorted(name for _, name in choices())
    assert guide_of("no such model") is guide_of(None) is ANY_DEVICE
    assert quirk_of_choice(None) is NONE


@pytest.mark.row("P2")
def test_the_panel_tells_how_the_chosen_model_gets_ready() -> None:
    searching = PairingReport(session="p1", state="searching")
    chosen = pairing_view(state(model="HEM-7322T", pairing=searching), "zh", NOW)
    assert "-P-" in chosen.guide
    assert chosen.model == "HEM-7322T"
    other = pairing_view(state(pairing=searching), "en", NOW)
    assert other.guide == ANY_DEVICE.en
    assert ("HEM-7322T", "Omron HEM-7322T") in other.choices


@pytest.mark.row("P6")
def test_a_refusal_by_a_model_that_keeps_one_bond_has_its_reason() -> None:
    refused = PairingReport(session="p1", state="failed", cause="bond_refused")
    known = pairing_view(state(model="HEM-7322T", pairing=refused), "en", NOW)
    assert known.sentence == ADVICE[Cause.PAIRED_ELSEWHERE].en
    assert known.next_step == ADVICE[Cause.PAIRED_ELSEWHERE].next_en
    other = pairing_view(state(pairing=refused), "zh", NOW)
    assert other.sentence == ADVICE[Cause.BOND_REFUSED].zh


@pytest.mark.row("P6")
def test_slots_are_full_where_a_model_keeps_several_bonds() -> None:
    assert as_model(Cause.BOND_REFUSED, Quirk(bonds=4)) is Cause.SLOTS_FULL
    assert as_model(Cause.BOND_REFUSED, Quirk(bonds=1)) is Cause.PAIRED_ELSEWHERE
    assert as_model(Cause.BOND_REFUSED, NONE) is Cause.BOND_REFUSED
    assert as_model(Cause.OUT_OF_RANGE, Quirk(bonds=1)) is Cause.OUT_OF_RANGE


@pytest.mark.row("P6")
def test_an_own_device_that_lost_its_bond_is_named_and_a_neighbours_is_not() -> None:
    devices = (lost("01", "bond_lost_on_device"), lost("02", "battery_low"))
    view = pairing_view(state(devices=devices, own=("Acme/BP/01",)), "en", NOW)
    (trouble,) = view.troubles
    assert trouble.device == "Acme BP 01"
    assert trouble.sentence == ADVICE[Cause.BOND_LOST_ON_DEVICE].en
    assert trouble.next_step == ADVICE[Cause.BOND_LOST_ON_DEVICE].next_en


@pytest.mark.row("P6")
@pytest.mark.parametrize(
    ("link", "model", "cause"),
    [
        (LinkCause.BOND_LOST_ON_DEVICE, "", Cause.BOND_LOST_ON_DEVICE),
        (LinkCause.DROPPED, "", Cause.BOND_LOST_ON_DEVICE),
        (LinkCause.BOND_LOST_ON_DEVICE, "HEM-7322T", Cause.PAIRED_ELSEWHERE),
        (LinkCause.BOND_REFUSED, "", Cause.BOND_LOST_HERE),
        (LinkCause.NOT_AUTHENTICATED, "HEM-7322T", Cause.BOND_LOST_HERE),
    ],
)
def test_why_a_bond_is_gone(link: LinkCause, model: str, cause: Cause) -> None:
    assert cause_of_loss(link, quirk_of(model)) is cause


@pytest.mark.row("P6")
@pytest.mark.parametrize(
    ("link", "percent", "expected"),
    [
        (LinkCause.LOST, 10, True),
        (LinkCause.LOST, 11, False),
        (LinkCause.NO_ANSWER, 0, True),
        (LinkCause.LOST, None, False),
        (LinkCause.BOND_REFUSED, 3, False),
    ],
)
def test_a_broken_link_of_an_empty_device_is_its_battery(
    link: LinkCause, percent: int | None, *, expected: bool
) -> None:
    assert is_battery(link, percent) is expected
