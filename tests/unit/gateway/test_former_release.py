"""What hubs and cores of the first release wrote is read by those of today, and vice versa."""

import json
from pathlib import Path

from gateway.commands import CommandBody, sign_command, verify_command
from gateway.hub_status import decode_status
from rules.vocabulary import HubId
from rules.wire import Lane, decode_envelope
from tests.unit.gateway.observations import START, blood_pressure

FORMER: dict[str, str] = json.loads(
    Path(__file__).parents[2].joinpath("vectors", "wire_of_0_1.json").read_text("utf-8")
)
HUB = HubId("hub-1")
SECRET = bytes(range(32))


def test_a_core_of_today_reads_a_former_hub() -> None:
    envelope = decode_envelope(FORMER["envelope"].encode())
    assert (envelope.lane, envelope.sequence, envelope.age_s) == (Lane.LIVE, 7, None)
    assert envelope.observation == blood_pressure(1)
    status = decode_status(FORMER["status"].encode())
    assert (status.command_version, status.devices, status.software) == (3, (), "")


def test_a_hub_of_today_obeys_a_former_core() -> None:
    command = verify_command(FORMER["command"].encode(), hub=HUB, secret=SECRET)
    assert command.body.bindings_known == ("Acme/BP-1/SN1",)
    assert (command.body.told, command.body.rules) == ((), None)


def test_a_member_that_only_a_later_release_knows_is_passed_over() -> None:
    members = {**json.loads(FORMER["envelope"]), "invented_later": [1, 2]}
    assert decode_envelope(json.dumps(members).encode()).sequence == 7


def test_a_former_hub_verifies_what_a_core_of_today_signs() -> None:
    """It checks the signature over all members, the unknown ones included."""
    signed = sign_command(
        hub=HUB, version=4, issued_at=START, body=CommandBody(bindings_known=("d",)), secret=SECRET
    )
    members = json.loads(signed)
    assert {"told", "rules"} <= members["body"].keys()
    assert verify_command(signed, hub=HUB, secret=SECRET).version == 4
