"""Pairing a cuff in plain words: where it stands, what failed, and the one thing to do next."""

from dataclasses import dataclass
from datetime import datetime

from device_adapters.ble.pairing_causes import ADVICE, Cause
from gateway.hub_status import PairingReport, decode_status
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
_ADVICE = {cause.value: advice for cause, advice in ADVICE.items()}
_AGAIN = mark("Put the device beside the box and press Try again.")
_CHECK_BOX = mark("Check that the box has power and network, then press Try again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device to choose; with `wants_passkey` the digits on its display are asked for."""

    address: str
    name: str
    wants_passkey: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingView:
    """What `pairing.html` says."""

    hub: str | None
    state: str
    sentence: str
    next_step: str
    found: tuple[Found, ...]
    can_start: bool
    can_cancel: bool
    failed: bool
    devices: tuple[str, ...]


def pairing_view(state: PairingState, language: str, now: datetime) -> PairingView:
    """The view of a request and of the hub's own report about it."""
    report = _report(state)
    name = _state_name(state, report, now)
    sentence, next_step = _words(name, report, language)
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
    )


def _words(name: str, report: PairingReport | None, language: str) -> tuple[str, str]:
    """The sentence and the one next step; the hub's named cause speaks for itself."""
    cause = report.cause if report is not None and name in {"failed", "pairing"} else None
    advice = None if cause is None else _ADVICE.get(cause)
    if advice is not None:
        return (advice.zh, advice.next_zh) if language == "zh" else (advice.en, advice.next_en)
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
    if state.status is None or state.session is None:
        return None
    try:
        report = decode_status(state.status.encode()).pairing
    except WireError:
        return None
    return report if report is not None and report.session == state.session else None


def _state_name(state: PairingState, report: PairingReport | None, now: datetime) -> str:
    if report is not None and (report.state in {"paired", "failed"} or state.requested):
        return report.state if report.state in _SENTENCES else "searching"
    if not state.requested:
        return "idle"
    if state.until is not None and now > state.until:
        return "silent"
    return "requested"
