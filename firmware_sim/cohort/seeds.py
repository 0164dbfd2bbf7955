"""Where chance comes from: a stream of its own for every person and topic.

Adding a person, or a topic, changes nobody else. The purpose is part of both the entropy and the
subject id, so people on whom something was tuned can never be among those it is reported on,
whatever the seed numbers are.
"""

import hashlib
import re
from enum import StrEnum

import numpy as np

EVERYBODY = 0
"""The person number of streams that belong to the cohort and to no person; people count from 1."""

_SUBJECT = re.compile(r"([tr])(0|[1-9][0-9]*)-([0-9]{5,})")


class Purpose(StrEnum):
    """What a cohort may be used for."""

    TUNING = "tuning"
    REPORTING = "reporting"


def subject_id(purpose: Purpose, seed: int, number: int) -> str:
    """The opaque id of a person, for example "t7-00001": purpose, seed, number (from 1)."""
    return f"{purpose.value[0]}{seed}-{number:05d}"


def purpose_of(subject: str) -> Purpose:
    """The purpose written in a subject id.

    Raises:
        ValueError: When no cohort writes such an id.
    """
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        raise ValueError(f"{subject!r} is no subject of a cohort")
    return Purpose.TUNING if match[1] == "t" else Purpose.REPORTING


def stream(purpose: Purpose, seed: int, person_number: int, topic: str) -> np.random.Generator:
    """A PCG64 generator that belongs to this person and topic alone.

    The four words are joined unambiguously and hashed (BLAKE2b, 128 bits), so equal words give
    equal numbers on every machine and different words give independent ones.

    Raises:
        ValueError: For a negative seed or number.
    """
    if seed < 0 or person_number < 0:
        raise ValueError("seed and person number count from 0")
    words = f"hearthwatch cohort/{purpose.value}/{seed}/{person_number}/{topic}".encode()
    entropy = int.from_bytes(hashlib.blake2b(words, digest_size=16).digest(), "big")
    return np.random.Generator(np.random.PCG64(entropy))
