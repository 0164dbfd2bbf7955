"""Pairing in plain words, for every state and cause that a hub can report."""

from datetime import UTC, datetime, timedelta

import pytest

from device_adapters.ble.pairing_causes import ADVICE, Cause
from gateway.hub_status import Candidate, HubStatus, PairingReport, encode_status
from service.store.records import PairingState
from service.web.pairing_view import PairingView, pairing_view

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
CUFF = Candidate(address="C4:D3:6A:00:11:22", name="Omron", kind="blood_pressure")


def view(
    report: PairingReport | None = None,
    *,
    requested: bool = True,
    hub: str | None = "hub-home",
    status: str | None = None,
    until: timedelta = timedelta(minutes=2),
    language: str = "en",
) -> PairingView:
    if report is not None:
        hub_status = HubStatus(
            v=1, hub="hub-home", at=NOW, online=True, command_version=1, pairing=report
        )
        status = encode_status(hub_status).decode()
    state = PairingState(
        hub=hub,
        requested=requested,
        session="s1" if requested else None,
        until=NOW + until,
        reported_at=NOW,
        status=status,
        devices=("Omron/HEM/1",),
    )
    return pairing_view(state, language, NOW)


def test_before_anything_there_is_one_button() -> None:
    shown = view(requested=False)
    assert (shown.state, shown.can_start, shown.can_cancel) == ("idle", True, False)
    assert shown.devices == ("Omron HEM 1",)


def test_a_request_without_a_report_waits_and_then_says_that_the_box_is_silent() -> None:
    assert view().state == "requested"
    late = view(until=timedelta(minutes=-1))
    assert (late.state, late.failed, late.can_start) == ("silent", True, True)
    assert "power" in late.next_step


def test_a_report_about_an_older_session_says_nothing() -> None:
    assert view(PairingReport(session="older", state="paired")).state == "requested"


def test_an_unreadable_status_says_nothing() -> None:
    assert view(status='{"v": 9}').state == "requested"


def test_what_was_found_is_offered_by_name_or_address() -> None:
    nameless = Candidate(address="AA:BB", name="", kind="")
    shown = view(PairingReport(session="s1", state="found", candidates=(CUFF, nameless)))
    assert [each.name for each in shown.found] == ["Omron", "AA:BB"]
    assert not any(each.wants_passkey for each in shown.found)
    assert view(PairingReport(session="s1", state="searching", candidates=(CUFF,))).found == ()


def test_digits_are_asked_for_the_device_that_was_chosen() -> None:
    shown = view(
        PairingReport(
            session="s1",
            state="pairing",
            cause="passkey_wanted",
            address=CUFF.address,
            candidates=(CUFF,),
        )
    )
    assert [(each.name, each.wants_passkey) for each in shown.found] == [("Omron", True)]
    assert shown.sentence == ADVICE[Cause.PASSKEY_WANTED].en


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_failure_has_its_sentence_and_one_next_step(cause: Cause, language: str) -> None:
    report = PairingReport(session="s1", state="failed", cause=cause.value)
    shown = view(report, language=language)
    advice = ADVICE[cause]
    wanted = (advice.zh, advice.next_zh) if language == "zh" else (advice.en, advice.next_en)
    assert (shown.sentence, shown.next_step) == wanted
    assert (shown.failed, shown.can_start) == (True, True)


def test_a_cause_without_a_name_still_leads_on() -> None:
    shown = view(PairingReport(session="s1", state="failed", cause="solar flare"))
    assert shown.sentence == "It did not work this time."
    assert shown.next_step


def test_a_success_is_said_even_when_the_window_is_over() -> None:
    report = PairingReport(session="s1", state="paired")
    assert view(report, until=timedelta(minutes=-1)).state == "paired"
