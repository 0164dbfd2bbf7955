"""The pairing state machine: every walk, every refusal of a walk, and the sentences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_adapters.ble.link import LinkCause, Seen, full_uuid, short_number
from device_adapters.ble.pairing import (
    NEARBY_DBM,
    Bonded,
    Candidate,
    Confirmed,
    Event,
    Failed,
    Heard,
    HeardUnreadable,
    Identified,
    Opened,
    PairingState,
    PasskeyAsked,
    Phase,
    WindowClosed,
    advance,
    candidate_in,
    waits_unread,
)
from device_adapters.ble.pairing_causes import ADVICE, Cause, cause_of
from rules.vocabulary import DeviceRef, Vital

CUFF = Candidate(
    address="C0:01", name="Cuff", services=("1810",), rssi=-50, kind=Vital.BLOOD_PRESSURE
)
REF = DeviceRef(manufacturer="A", model="B", serial="C")


def walk(*events: Event) -> PairingState:
    state = PairingState()
    for event in events:
        state = advance(state, event)
    return state


def test_the_good_walk() -> None:
    state = walk(Opened(), Heard(CUFF), Confirmed("C0:01"), PasskeyAsked())
    assert (state.phase, state.cause) == (Phase.PAIRING, Cause.PASSKEY_WANTED)
    state = advance(advance(state, Bonded()), Identified(REF))
    assert state == PairingState(
        phase=Phase.PAIRED, candidates=(CUFF,), address="C0:01", device=REF
    )


def test_a_window_that_closes_says_what_was_missing_and_leaves_a_running_pairing_alone() -> None:
    assert walk(Opened(), WindowClosed()).cause is Cause.NOT_IN_PAIRING_MODE
    assert walk(Opened(), Heard(CUFF), WindowClosed()).cause is Cause.WINDOW_MISSED
    assert walk(Opened(), Heard(CUFF), Confirmed("C0:01"), WindowClosed()).phase is Phase.PAIRING


def test_nothing_begins_after_the_window_and_what_is_under_way_goes_on() -> None:
    missed = walk(Opened(), Heard(CUFF), WindowClosed(), Confirmed("C0:01"))
    assert (missed.phase, missed.cause) == (Phase.FAILED, Cause.WINDOW_MISSED)
    late = walk(Opened(), WindowClosed(), Heard(CUFF), Confirmed("C0:01"))
    assert (late.phase, late.cause) == (Phase.FAILED, Cause.NOT_IN_PAIRING_MODE)
    under_way = walk(Opened(), Heard(CUFF), Confirmed("C0:01"), WindowClosed())
    assert advance(advance(under_way, Bonded()), Identified(REF)).phase is Phase.PAIRED
    wrong = advance(under_way, Failed(Cause.PASSKEY_WRONG))
    again = advance(wrong, Confirmed("C0:01"))
    assert (again.phase, again.cause) == (Phase.FAILED, Cause.PASSKEY_WRONG)
    opened = advance(again, Opened())
    assert advance(advance(opened, Heard(CUFF)), Confirmed("C0:01")).phase is Phase.PAIRING


@pytest.mark.parametrize(
    ("services", "discoverable", "rssi", "waits"),
    [
        (("1816",), True, -50, True),
        ((), True, NEARBY_DBM, True),
        (("1816",), True, NEARBY_DBM - 1, False),  # a neighbour's
        (("1816",), False, -50, False),
        (("1816",), None, -50, False),  # the system keeps it to itself: nothing is known
        (("1816", "1810"), True, -50, False),
    ],
)
def test_a_device_that_waits_and_is_not_read_is_near_and_says_so(
    services: tuple[str, ...],
    discoverable: bool | None,
    rssi: int,
    waits: bool,
) -> None:
    seen = Seen(address="C0:02", name="TV", services=services, rssi=rssi, discoverable=discoverable)
    assert waits_unread(seen) is waits


def test_a_window_with_an_unreadable_device_says_that_and_a_readable_one_goes_first() -> None:
    assert walk(Opened(), HeardUnreadable(), WindowClosed()).cause is Cause.NOT_SUPPORTED
    both = walk(Opened(), HeardUnreadable(), Heard(CUFF), WindowClosed())
    assert both.cause is Cause.WINDOW_MISSED
    assert walk(HeardUnreadable()) == PairingState()


def test_a_failed_pairing_may_be_confirmed_again_and_a_stranger_never() -> None:
    failed = walk(Opened(), Heard(CUFF), Confirmed("C0:01"), Failed(Cause.PASSKEY_WRONG))
    assert (failed.phase, failed.cause) == (Phase.FAILED, Cause.PASSKEY_WRONG)
    again = advance(failed, Confirmed("C0:01"))
    assert (again.phase, again.cause) == (Phase.PAIRING, None)
    assert walk(Opened(), Heard(CUFF), Confirmed("C0:99")).phase is Phase.FOUND


def test_a_repeated_advertisement_is_no_news_and_a_name_is() -> None:
    found = walk(Opened(), Heard(CUFF))
    louder = Candidate(address="C0:01", name="Cuff", services=("1810",), rssi=-40, kind=CUFF.kind)
    assert advance(found, Heard(louder)) is found
    named = Candidate(address="C0:01", name="New", services=("1810",), rssi=-40, kind=CUFF.kind)
    assert advance(found, Heard(named)).candidates == (named,)


EVENTS = st.sampled_from(
    [
        Opened(),
        Heard(CUFF),
        HeardUnreadable(),
        Confirmed("C0:01"),
        Confirmed("C0:99"),
        PasskeyAsked(),
        Bonded(),
        Identified(REF),
        Failed(Cause.RADIO_FAILED),
        WindowClosed(),
    ]
)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(EVENTS, max_size=12))
def test_no_order_of_events_pairs_what_nobody_confirmed(events: list[Event]) -> None:
    state = walk(*events)
    if state.phase is Phase.PAIRED:
        assert Confirmed("C0:01") in events
        assert state.address == "C0:01"
        assert state.device == REF
    assert (state.cause is not None) or state.phase is not Phase.FAILED
    assert state.cause in {None, Cause.PASSKEY_WANTED} or state.phase is Phase.FAILED


def test_every_cause_has_a_sentence_and_a_next_step_in_both_languages() -> None:
    assert set(ADVICE) == set(Cause)
    for advice in ADVICE.values():
        assert advice.zh.endswith("。")
        assert advice.next_zh.endswith("。")
        assert advice.en.endswith(".")
        assert advice.next_en.endswith(".")


@pytest.mark.parametrize("link", list(LinkCause))
def test_every_failure_of_the_link_has_a_cause(link: LinkCause) -> None:
    assert cause_of(link) in Cause.__members__.values()


def test_who_lost_the_bond_and_which_passkey() -> None:
    assert cause_of(LinkCause.BOND_REFUSED) is Cause.BOND_REFUSED
    assert cause_of(LinkCause.BOND_REFUSED, known=True) is Cause.BOND_LOST_HERE
    assert cause_of(LinkCause.NOT_AUTHENTICATED) is Cause.PASSKEY_WANTED
    assert cause_of(LinkCause.NOT_AUTHENTICATED, passkey_given=True) is Cause.PASSKEY_WRONG


def test_a_device_without_a_service_of_ours_is_no_candidate() -> None:
    seen = Seen(address="C0:02", name="Lamp", services=("180F",), rssi=-60)
    assert candidate_in(seen) is None


def test_numbers_and_uuids() -> None:
    assert full_uuid("2A35") == "00002a35-0000-1000-8000-00805f9b34fb"
    assert short_number("00002A35-0000-1000-8000-00805F9B34FB") == "2A35"
    assert short_number("6e400001-b5a3-f393-e0a9-e50e24dcca9e") is None
