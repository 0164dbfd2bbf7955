"""MQTT 3.1.1 packets, byte for byte as the OASIS standard writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_adapters.mqtt import packets


def test_a_connect_has_the_fields_of_the_standard_in_its_order() -> None:
    """§3.1: protocol name and level, flags, keep-alive, client id, will, user, password."""
    data = packets.connect("a", keepalive_s=60, user="u", password="p", will=("t", b"w", True))
    flags = 0b1110_1110  # user, password, will retain, will QoS 1, will, clean
    body = b"\x00\x04MQTT\x04" + bytes((flags,)) + b"\x00\x3c" + b"\x00\x01a"
    body += b"\x00\x01t" + b"\x00\x01w" + b"\x00\x01u" + b"\x00\x01p"
    assert data == bytes((0x10, len(body))) + body


def test_a_subscription_asks_for_qos_1() -> None:
    """§3.8.3.1, example of figure 3.23, with QoS 1 throughout."""
    expected = b"\x82\x0e\x00\x0a\x00\x03a/b\x01\x00\x03c/d\x01"
    assert packets.subscribe(["a/b", "c/d"], 10) == expected


@pytest.mark.parametrize(
    ("length", "head"),
    [(125, b"\x7f"), (126, b"\x80\x01"), (16382, b"\x80\x80\x01"), (2097150, b"\x80\x80\x80\x01")],
)
def test_the_remaining_length_takes_one_to_four_bytes(length: int, head: bytes) -> None:
    """§2.2.3, table 2.4: 127, 128, 16384, 2097152; packet id and topic's length are 2 each."""
    payload = bytes(length - 2)
    data = packets.publish("", payload, 7, retain=False)
    assert data.startswith(b"\x32" + head + b"\x00\x00\x00\x07")
    (packet,) = packets.packets(data)
    assert (packet.kind, packet.end) == (packets.PUBLISH, len(data))
    assert packets.read_publish(data, packet) == ("", payload, 7)


@given(
    messages=st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=200)), max_size=5),
    cut=st.integers(0, 40),
)
def test_whatever_is_written_is_read_again_and_what_is_cut_off_waits(
    messages: list[tuple[str, bytes]], cut: int
) -> None:
    whole = [packets.publish(topic, body, 9, retain=True) for topic, body in messages]
    data = b"".join(whole)
    data = data[: max(0, len(data) - cut)]
    found = list(packets.packets(data))
    assert [packets.read_publish(data, packet)[:2] for packet in found] == messages[: len(found)]
    left = len(data) - (found[-1].end if found else 0)
    assert left < max((len(one) for one in whole), default=1)


@given(data=st.binary(max_size=60))
def test_nothing_but_its_own_error_is_raised(data: bytes) -> None:
    try:
        for packet in packets.packets(data):
            packets.read_publish(data, packet)
    except packets.PacketError:
        pass


def test_a_length_of_five_bytes_is_no_packet() -> None:
    with pytest.raises(packets.PacketError):
        list(packets.packets(b"\x30\xff\xff\xff\xff\x01"))
