"""Throws octets at every decoder: `python -m tests.contract.fuzz [FRAMES]` is the long form.

A third are noise, a third captured frames with octets changed, a third noise of the lengths that
frames have. Whatever comes, a decoder gives records or words, or raises its own error.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from device_adapters.adapter import DecodeError
from device_adapters.ble.captures import shipped_captures
from device_adapters.ble.quirks import MODELS
from device_adapters.ble.registry import DECODERS, FACTS, decode, decode_facts

LONG = 100_000
READERS = sorted([*DECODERS, *FACTS])

_VECTORS = Path(__file__).parents[1] / "vectors" / "ble_frames.json"
_LONGEST = 40
_BY_HAND = {"2AA8": ["00000011ffff"], "2A52": ["06000101", "0103010500", "0104020000"]}
_MODELS = [None, *MODELS]


def fuzz(characteristic: str, frames: int, seed: int) -> Counter[str]:
    """How many frames were read and refused; raises whatever a decoder raises wrongly."""
    chance = random.Random(f"{characteristic}/{seed}")  # noqa: S311 - noise, no secret
    known = _known(characteristic)
    seen = Counter[str]()
    for number in range(frames):
        payload = _frame(chance, known, number % 3)
        model = chance.choice(_MODELS)
        try:
            refusal = _refusal(characteristic, payload, model)
        except Exception as error:
            error.add_note(f"{characteristic} {payload.hex()} as {model}")
            raise
        seen["read" if refusal is None else "refused"] += 1
        if refusal is not None:
            assert 0 <= refusal.at_byte <= len(payload), (payload.hex(), str(refusal))
            assert str(refusal).startswith(f"{characteristic}: byte {refusal.at_byte}: ")
    return seen


def _refusal(characteristic: str, payload: bytes, model: str | None) -> DecodeError | None:
    try:
        if characteristic in DECODERS:
            assert decode(characteristic, payload, model), "neither records nor a refusal"
        else:
            decode_facts(characteristic, payload)
    except DecodeError as error:
        return error
    return None


def _known(characteristic: str) -> list[bytes]:
    rows = json.loads(_VECTORS.read_text())
    found = [row["hex"] for row in rows if row["characteristic"] == characteristic]
    found += _BY_HAND.get(characteristic, ())
    for capture in shipped_captures().values():
        found += [f.hex for f in capture.frames if f.characteristic == characteristic]
    return [bytes.fromhex(digits) for digits in found]


def _frame(chance: random.Random, known: Sequence[bytes], kind: int) -> bytes:
    if kind == 0 or not known:
        return chance.randbytes(chance.randrange(_LONGEST))
    payload = bytearray(chance.choice(known))
    if kind == 1:
        return chance.randbytes(len(payload))
    for _ in range(chance.randint(1, 3)):
        payload[chance.randrange(len(payload))] = chance.randrange(256)
    return bytes(payload)


def main() -> None:
    """Fuzz every decoder and print what was read and refused."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else LONG
    chance = random.SystemRandom()
    for characteristic in READERS:
        seen = fuzz(characteristic, frames, seed=chance.randrange(1 << 32))
        read, refused = seen["read"], seen["refused"]
        sys.stdout.write(f"{characteristic}  read {read:>8,}  refused {refused:>8,}\n")


if __name__ == "__main__":
    main()
