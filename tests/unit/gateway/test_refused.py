"""A refusal can carry any text: it must not be what the spool or a text column fails on."""

from hypothesis import given
from hypothesis import strategies as st

from device_adapters.plain_text import is_plain
from gateway.refused import Refused, decode_refused, encode_refused
from rules.wire import MAX_MESSAGE_BYTES

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_unsafe_characters_are_written_out() -> None:
    refused = Refused(source="dev/1/a\0", reason="is \ud800", field="x\ny", raw=b"\0\xff")
    assert decode_refused(encode_refused(refused)) == Refused(
        source="dev/1/a\\x00", reason="is \\ud800", field="x\\x0ay", raw=b"\0\xff"
    )


@given(source=ANY_TEXT, reason=ANY_TEXT, field=ANY_TEXT)
def test_any_text_can_be_sent_and_stored(source: str, reason: str, field: str) -> None:
    body = encode_refused(Refused(source=source, reason=reason, field=field, raw=b""))
    seen = decode_refused(body)
    assert seen is not None
    assert all(map(is_plain, (seen.source, seen.reason, seen.field)))


def test_the_longest_refusal_of_unsafe_text_fits_into_a_message() -> None:
    text = "\ud800" * 20_000
    body = encode_refused(Refused(source=text, reason=text, field=text, raw=bytes(20_000)))
    assert len(body) < MAX_MESSAGE_BYTES


def test_what_another_hub_sends_is_made_plain_at_the_core() -> None:
    body = b'{"v":1,"refused":{"source":"a\\u0000","reason":"b\\n","field":"","raw_hex":""}}'
    assert decode_refused(body) == Refused(source="a\\x00", reason="b\\x0a", field="", raw=b"")
