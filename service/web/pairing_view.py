"""Pairing a cuff in plain words: where it stands, what failed, and the one thing to do next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from device_adapters.ble.guidance import choices, guide_of, quirk_of_choice
from device_adapters.ble.pairing_causes import ADVICE, Advice, Cause, as_model
from gateway.hub_status import HubStatus, PairingReport, decode_status
from rules.wire import WireError
from service.store.records import PairingState
from service.web.language import mark, say

_RUNNING = frozenset({"requested", "searching", "found", "pairing", "reading_first"})

_SENTENCES = {
    "idle": mark("Press Start, then hold the Bluetooth button of your device until it blinks."),
    "requested": mark("Asking the box in your home to look for your device…"),
    "searching": mark("Looking for your device… Keep it close to the box."),
    "found": mark("Found it. Is this your device?"),
    "pairing": mark("Connecting…"),
    "reading_first": mark("Connected. Reading the first value…"),
    "paired": mark("Done. Measure now; the value appears above by itself."),
    "failed": mark("It did not work this time."),
    "silent": mark("The box in your home is not answering."),
}
_GUIDED = frozenset({"requested", "searching", "failed"})
_CAUSES = {cause.value: cause for cause in Cause}
_AGAIN = mark("Put the device beside the box and press Try again.")
_CHECK_BOX = mark("Check that the box has power and network, then press Try again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device to choose; with `wants_passkey` the digits on its display are asked for."""

    address: str
    name: str
    wants_passkey: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A paired device that cannot be read: why, and the one thing to do next."""

    device: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingView:
    """What `pairing.html` says; `guide` is how the chosen `model` ("": another) gets ready."""

    hub: str | None
    state: str
    sentence: str
    next_step: str
    found: tuple[Found, ...]
    can_start: bool
    can_cancel: bool
    failed: bool
    devices: tuple[str, ...]
    troubles: tuple[Trouble, ...]
    choices: tuple[tuple[str, str], ...]
    model: str
    guide: str


def pairing_view(state: PairingState, language: str, now: datetime) -> PairingView:
    """The view of a request and of the hub's own report about it."""
    report = _report(state)
    name = _state_name(state, report, now)
    sentence, next_step = _words(name, report, state.model, language)
    guide = guide_of(state.model)
    running = name in _RUNNING
    return PairingView(
        hub=state.hub,
        state=name,
        sentence=sentence,
        next_step=next_step,
        found=_found(name, report),
        can_start=not running,
        can_cancel=running,
        failed=name in {"failed", "silent"},
        devices=tuple(device.replace("/", " ") for device in state.devices),
        troubles=tuple(_troubles(state, language)),
        choices=choices(),
        model=state.model or "",
        guide=(guide.zh if language == "zh" else guide.en) if name in _GUIDED else "",
    )


def _troubles(state: PairingState, language: str) -> Iterator[Trouble]:
    status = _status(state)
    for one in () if status is None else status.devices:
        label = one.device
        key = f"{label.manufacturer}/{label.model}/{label.serial}"
        cause = None if one.cause is None else _CAUSES.get(one.cause)
        if cause is not None and key in state.devices:
            sentence, next_step = _advised(ADVICE[cause], language)
            yield Trouble(device=key.replace("/", " "), sentence=sentence, next_step=next_step)


def _advised(advice: Advice, language: str) -> tuple[str, str]:
    return (advice.zh, advice.next_zh) if language == "zh" else (advice.en, advice.next_en)


def _words(
    name: str, report: PairingReport | None, model: str | None, language: str
) -> tuple[str, str]:
    """The sentence and the one next step; the hub's named cause speaks for itself."""
    cause = report.cause if report is not None and name in {"failed", "pairing"} else None
    known = None if cause is None else _CAUSES.get(cause)
    if known is not None:
        return _advised(ADVICE[as_model(known, quirk_of_choice(model))], language)
    sentence = say(language, _SENTENCES.get(name) or name)
    following = {"failed": _AGAIN, "silent": _CHECK_BOX}.get(name)
    return sentence, "" if following is None else say(language, following)


def _found(name: str, report: PairingReport | None) -> tuple[Found, ...]:
    if report is None:
        return ()
    if name == "found":
        return tuple(
            Found(address=each.address, name=each.name or each.address, wants_passkey=False)
            for each in report.candidates
        )
    if (
        name == "pairing"
        and report.cause == Cause.PASSKEY_WANTED.value
        and report.address is not None
    ):
        names = {each.address: each.name for each in report.candidates}
        shown = names.get(report.address) or report.address
        return (Found(address=report.address, name=shown, wants_passkey=True),)
    return ()


def _report(state: PairingState) -> PairingReport | None:
    """The hub's report about this very session; one about an older session says nothing."""
    status = None if state.session is None else _status(state)
    report = None if status is None else status.pairing
    return report if report is not None and report.session == state.session else None


def _status(state: PairingState) -> HubStatus | None:
    if state.status is None:
        return None
    try:
        return decode_status(state.status.encode())
    except WireError:
        return None


def _state_name(state: PairingState, report: PairingReport | None, now: datetime) -> str:
    if report is not None and (report.state in {"paired", "failed"} or state.requested):
        return report.state if report.state in _SENTENCES else "searching"
    if not state.requested:
        return "idle"
    if state.until is not None and now > state.until:
        return "silent"
    return "requested"
