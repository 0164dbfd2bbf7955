import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.commands import CommandBody, CommandError, PairingOrder, sign_command, verify_command
from gateway.hub_status import HubStatus, PairingReport, decode_status, encode_status
from rules.vocabulary import HubId
from rules.wire import WireError

HUB = HubId("hub-1")
SECRET = bytes(range(32))
AT = datetime(2026, 9, 22, 7, 30, tzinfo=UTC)
BODY = CommandBody(
    bindings_known=("Acme/BP1/S1",),
    pairing=PairingOrder(session="p1", until=AT, confirm="C0:FF:EE:00:00:02", passkey="012345"),
)


def signed() -> bytes:
    return sign_command(hub=HUB, version=4, issued_at=AT, body=BODY, secret=SECRET)


def test_a_signed_command_is_read_back() -> None:
    command = verify_command(signed(), hub=HUB, secret=SECRET)
    assert (command.version, command.issued_at, command.body) == (4, AT, BODY)


def test_the_mac_is_hmac_sha256_of_the_sorted_message() -> None:
    members = json.loads(signed())
    mac = members.pop("mac")
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    assert mac == hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": 5}, "signature"),
        ({"mac": "00" * 32}, "signature"),
        ({"mac": None}, "signature"),
        ({"body": {"bindings_known": []}}, "signature"),
        ({"new_member": 1}, "signature"),
    ],
)
def test_every_change_breaks_the_signature(change: dict[str, object], complaint: str) -> None:
    tampered = json.dumps({**json.loads(signed()), **change}).encode()
    with pytest.raises(CommandError, match=complaint):
        verify_command(tampered, hub=HUB, secret=SECRET)


def test_another_hubs_command_is_refused() -> None:
    with pytest.raises(CommandError, match="meant for"):
        verify_command(signed(), hub=HubId("hub-2"), secret=SECRET)
    with pytest.raises(CommandError, match="signature"):
        verify_command(signed(), hub=HUB, secret=b"x" * 32)


def test_a_member_of_a_later_version_is_covered_and_ignored() -> None:
    members = json.loads(signed())
    members.pop("mac")
    members["body"]["hub_rules"] = ["HW-02"]
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    members["mac"] = hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()
    assert verify_command(json.dumps(members).encode(), hub=HUB, secret=SECRET).body == BODY


@given(st.text(max_size=80))
def test_whatever_stands_in_place_of_the_signature_is_refused_and_ends_no_hub(mac: str) -> None:
    forged = json.dumps({**json.loads(signed()), "mac": mac}).encode()
    with pytest.raises(CommandError):
        verify_command(forged, hub=HUB, secret=SECRET)


@given(st.binary(max_size=200))
def test_rubbish_is_refused_by_name(payload: bytes) -> None:
    with pytest.raises(CommandError):
        verify_command(payload, hub=HUB, secret=SECRET)


def test_status_round_trip_and_refusals() -> None:
    status = HubStatus(
        v=1,
        hub="hub-1",
        at=AT,
        online=True,
        command_version=4,
        pairing=PairingReport(session="p1", state="searching"),
    )
    assert decode_status(encode_status(status)) == status
    with pytest.raises(WireError, match="v: version 2"):
        decode_status(encode_status(status).replace(b'"v":1', b'"v":2'))
    with pytest.raises(WireError, match="online"):
        decode_status(b'{"v":1,"hub":"h","at":"2026-09-22T07:30:00Z"}')
