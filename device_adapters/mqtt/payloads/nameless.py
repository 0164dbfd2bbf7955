"""Takes the person out of a document before it is kept: names live in the service alone (law 9).

FHIR and Open mHealth documents say whose reading it is, in more places than anybody lists: titles
of codes, extensions, the owner of a contained device, a whole Patient where a reading was expected.
So what is kept is listed, and every other text and number becomes `"…"`. One pass over the text and
not over a parsed document: what is broken, cut off or in another encoding holds names too. What
remains keeps its digits exactly as sent.
"""

import json
import re

_MASK = '"…"'

_STANDARD = """
    status system code unit comparator version namespace modality url profile
    effectiveDateTime effectiveInstant valueDateTime start end issued
    date_time start_date_time end_date_time creation_date_time source_creation_date_time
    descriptive_statistic body_posture measurement_location measurement_method specimen_source
    temporal_relationship_to_meal temporal_relationship_to_sleep
    temporal_relationship_to_physical_activity oxygen_therapy_mode_of_administration
    manufacturer modelNumber serialNumber
"""
_WHO = """
    subject performer note encounter focus identifier user_id patient owner contact telecom
    address name author recorder source_name
"""
_TEXTS = frozenset(_STANDARD.split())
"""Members whose texts are words of a standard, times, or a device's type label."""

_NUMBERS = frozenset({"value"})
_RESOURCES = frozenset({'"Observation"', '"Device"', '"Bundle"'})
_PERSONAL = frozenset(_WHO.split())
"""Members that tell who it was: nothing below them is kept, whatever it is called."""

_KEY = re.compile(r'"[A-Za-z_]{1,64}"', re.ASCII)
_UUID = re.compile(r'"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"', re.ASCII)
_TOKEN = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))
    | (?P<text>"(?:[^"\\]|\\.)*(?:"|\\?\Z))
    | (?P<open>[\[{]) | (?P<close>[\]}])
    | (?P<sign>[\s,:]+ | true|false|null | -?Infinity|NaN)
    | (?P<other>[^\s,:"\[\]{}]+)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?[0-9][0-9.eE+-]*", re.ASCII)
_FOREIGN_TOPICS = ("fhir/", "omh/")


def without_names(topic: str, payload: bytes) -> bytes:
    """What of a message may be kept: our own format and a scale's broadcast name nobody.

    A FHIR resource counts as one wherever it was published.
    """
    if topic.startswith(_FOREIGN_TOPICS) or b'"resourceType"' in payload:
        return nameless(payload)
    return payload


def nameless(payload: bytes) -> bytes:
    """`payload` as UTF-8 with every text and number masked that is not known to name nobody.

    Never fails; JSON stays JSON, and what is none is masked in the same way. Takes time in
    proportion to the length, whatever the depth.
    """
    text = payload.decode(json.detect_encoding(payload), "replace")
    scan = _Scan()
    return "".join(scan.kept(match) for match in _TOKEN.finditer(text)).encode()


class _Scan:
    """Where in a document we are: the keys that lead here, and since when it is about a person."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._key = ""
        self._hushed_at: int | None = None

    def kept(self, match: re.Match[str]) -> str:
        """What is written for a token."""
        said = match[0]
        match match.lastgroup:
            case "key":
                return self._enter(said)
            case "open":
                self._path.append(self._key)
                return said
            case "close":
                self._key = self._path.pop() if self._path else ""
                return said
            case "sign":
                return said
            case "text":
                return said if self._is_text_kept(said) else _MASK
            case _:
                return said if self._is_number_kept(said) else _MASK

    def _enter(self, said: str) -> str:
        depth = len(self._path)
        if self._hushed_at is not None and depth <= self._hushed_at:
            self._hushed_at = None
        is_plain = _KEY.fullmatch(said) is not None
        self._key = said[1:-1] if is_plain else ""
        schema = self._key == "name" and self._path[-1:] == ["schema_id"]
        personal = not is_plain or (self._key in _PERSONAL and not schema)
        if self._hushed_at is None and personal:
            self._hushed_at = depth
        return said if is_plain else _MASK

    def _is_text_kept(self, said: str) -> bool:
        if self._hushed_at is not None or not said.endswith('"'):
            return False
        match self._key:
            case "resourceType":
                return said in _RESOURCES
            case "id" | "uuid":
                return _UUID.fullmatch(said) is not None
            case "name":
                return True  # of a schema; any other is hushed
            case key:
                return key in _TEXTS

    def _is_number_kept(self, said: str) -> bool:
        known = self._key in _NUMBERS and self._hushed_at is None
        return known and _NUMBER.fullmatch(said) is not None
