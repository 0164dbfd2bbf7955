"""Pairing a cuff in plain words: where it stands, what failed, and the one thing to do next."""

from dataclasses import dataclass
from datetime import datetime

from gateway.hub_status import Candidate, PairingReport, decode_status
from rules.wire import WireError
from service.store.records import PairingState
from service.web.language import mark, say

_RUNNING = frozenset({"searching", "found", "pairing", "reading_first"})

_SENTENCES = {
    "idle": mark("Press Start, then wrap the cuff and hold its Bluetooth button until it blinks."),
    "requested": mark("Asking the box in your home to look for your device…"),
    "searching": mark("Looking for your device… Keep it close to the box."),
    "found": mark("Found it. Is this your device?"),
    "pairing": mark("Connecting…"),
    "reading_first": mark("Connected. Reading the first value…"),
    "paired": mark("Done. Measure now; the value appears above by itself."),
    "failed": mark("It did not work this time."),
    "silent": mark("The box in your home is not answering."),
}
_SILENT_NEXT = mark("Check that the box has power and network, then press Try again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingView:
    """What `pairing.html` says."""

    hub: str | None
    state: str
    sentence: str
    next_step: str
    candidates: tuple[Candidate, ...]
    wants_passkey: bool
    can_start: bool
    can_cancel: bool
    failed: bool
    devices: tuple[str, ...]


def pairing_view(state: PairingState, language: str, now: datetime) -> PairingView:
    """The view of a request and of the hub's own report about it."""
    report = _report(state)
    name = _state_name(state, report, now)
    failed = name in {"failed", "silent"}
    running = name == "requested" or name in _RUNNING
    sentence, next_step = say(language, _SENTENCES[name]), ""
    if name == "failed" and report is not None and report.cause is not None:
        sentence, next_step = _failure(report.cause, language)
    elif name == "silent":
        next_step = say(language, _SILENT_NEXT)
    return PairingView(
        hub=state.hub,
        state=name,
        sentence=sentence,
        next_step=next_step,
        candidates=report.candidates if report is not None and name == "found" else (),
        wants_passkey=report is not None and report.cause == "passkey_wanted",
        can_start=not running,
        can_cancel=running,
        failed=failed,
        devices=tuple(device.replace("/", " ") for device in state.devices),
    )


def _failure(cause: str, language: str) -> tuple[str, str]:
    return say(language, _SENTENCES["failed"]), say(language, _SILENT_NEXT)


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
