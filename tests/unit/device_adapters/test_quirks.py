"""Rows of the table of models change what decoders and sessions do; nothing asks for a name."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble import inflow
from device_adapters.ble.captures import shipped_captures
from device_adapters.ble.clocks import ClockSet, prove_bond
from device_adapters.ble.conversation import Conversation
from device_adapters.ble.decoders.glucose import settled
from device_adapters.ble.hand_over import digest_of
from device_adapters.ble.quirks import MODELS, NONE, Evidence, quirk_of
from device_adapters.ble.racp import REPORT_LAST
from device_adapters.ble.registry import decode
from device_adapters.ble.session import Remembered, SessionSetup, SessionSummary
from gateway.intake import Binding, Quarantined, admit
from rules.identity import observation_identity
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    QualityFlag,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)
from tests.fakes.memory_link import MemoryLink

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PACKAGE = Path(inflow.__file__).parent


def stamp() -> HubStamp:
    return HubStamp(boot_id="b", monotonic_s=1.0, wall=NOON, wall_trusted=True)


class Kept:
    """A listener that keeps what it takes."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.refused: list[Frame] = []

    async def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        del error
        self.refused.append(frame)

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        del address, sets
        return True

    async def on_session_end(self, summary: SessionSummary) -> None:
        del summary


async def talk(
    link: MemoryLink, since: int | None = None, newest: bytes | None = None
) -> tuple[Kept, SessionSummary]:
    kept = Kept()
    mark = None if since is None else Remembered(device=WORN, high_water=since, newest=newest)
    setup = SessionSetup(
        hub=HubId("h"),
        session="s",
        address="C0:00:00:00:00:01",
        zone=UTC,
        stamps=stamp,
        remembered=mark,
        first_wait_s=0.05,
        quiet_s=0.01,
        answer_s=1.0,
    )
    return kept, await Conversation(setup, kept).run(link)


WORN = DeviceRef(manufacturer="", model="DM30b", serial="1")


def named(model: str, maker: str = "") -> dict[str, bytes]:
    return {"2A24": model.encode(), "2A29": maker.encode(), "2A25": b"1"}


TIME = bytes.fromhex("ea070b15071e00")  # 2026-11-21 07:30:00


def glucose(sequence: int, mg_dl: int, *, follows: bool = False, minute: int = 30) -> bytes:
    flags = 0x12 if follows else 0x02
    head = bytes([flags]) + sequence.to_bytes(2, "little")
    at = TIME[:5] + bytes([minute]) + TIME[6:]
    return head + at + (0xB000 | mg_dl).to_bytes(2, "little") + b"\x11"


TABLES = {"quirks.py", "guidance.py"}
"""What a model does differently, and which of its buttons to hold: rows keyed by its name."""


@pytest.mark.row("O8")
def test_no_code_but_the_table_knows_a_models_or_a_makers_name() -> None:
    names = {*MODELS, *(model.maker.split()[0] for model in MODELS.values())}
    told = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))
    found = [
        f"{path.name}: {text}"
        for path in PACKAGE.rglob("*.py")
        if path.name not in TABLES
        for text in _literals(path)
        if told.search(text)
    ]
    assert found == []


def _literals(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = list(ast.walk(tree))
    comments = {ast.get_docstring(n, clean=False) for n in nodes if isinstance(n, documented)}
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    yield from texts - comments


@pytest.mark.row("O7")
def test_every_model_says_how_it_is_known_and_captured_means_that_octets_are_there() -> None:
    captured = {n for n, model in MODELS.items() if model.level is Evidence.CAPTURED_FRAMES}
    assert captured <= shipped_captures().keys() <= MODELS.keys()
    assert {n for n, model in MODELS.items() if model.level is Evidence.SPECIFICATION}.isdisjoint(
        shipped_captures()
    )
    for model in MODELS.values():
        assert len(model.evidence) > 40
        assert model.maker
        assert model.kind


def test_a_model_is_known_by_its_string_and_else_by_its_maker() -> None:
    assert quirk_of("BM85").user_byte_always
    assert quirk_of(" BM85 ").user_byte_always
    assert quirk_of("UA-651BLE ").clock == "2A08"  # the text of the real device ends in a space
    assert quirk_of("TD-4277", "TaiDoc Technology").sequence_unreliable
    assert quirk_of("TD-4277", "TaiDoc Technology").range is None  # another meter, other limits
    assert quirk_of("929", "Roche").clock == "2A08"
    assert quirk_of("BM54", "Beurer GmbH") is NONE
    assert quirk_of(None) is NONE
    assert quirk_of("", "") is NONE


@pytest.mark.row("P13")
def test_a_mean_of_zero_of_that_cuff_is_none() -> None:
    octets = bytes.fromhex("566a0047000000ea07080b121f00003f000000")
    (record,) = decode("2A35", octets, "BM85")
    assert QuantityName.MEAN not in record.quantities
    other = bytes.fromhex("006a0047000000")
    (record,) = decode("2A35", other)
    assert record.quantities[QuantityName.MEAN].value == 0


async def test_numbers_that_move_are_no_sequence_and_everything_is_fetched_each_time() -> None:
    first = MemoryLink(values=named("DM30b"), records=[("2A18", glucose(0, 111))])
    kept, summary = await talk(first, since=7)
    assert first.written == [("2A52", bytes([1, 1]))]
    assert summary.high_water is None
    (early,) = kept.observations
    assert (early.sequence, early.context["sequence_as_sent"]) == (None, "0")
    # The next test takes number 0 and moves the first one to number 1: it stays the same reading.
    second = MemoryLink(
        values=named("DM30b"),
        records=[("2A18", glucose(0, 95, minute=45)), ("2A18", glucose(1, 111))],
    )
    kept, _ = await talk(second)
    identities = [observation_identity(observation) for observation in kept.observations]
    assert observation_identity(early) in identities
    assert len(set(identities)) == 2


async def test_the_same_numbers_of_another_meter_are_two_readings() -> None:
    records = [("2A18", glucose(0, 111)), ("2A18", glucose(1, 111))]
    kept, summary = await talk(MemoryLink(values=named("X"), records=records))
    assert len({observation_identity(observation) for observation in kept.observations}) == 2
    assert summary.high_water == 1


KETONE = bytes.fromhex("02040006")


async def test_a_ketone_test_is_no_glucose_of_six_mg_dl() -> None:
    records = [("2A18", glucose(4, 6, follows=True)), ("2A34", KETONE)]
    kept, _ = await talk(MemoryLink(values=named("CareSens Dual"), records=records))
    (observation,) = kept.observations
    assert observation.kind is Vital.KETONE
    assert observation.quantities == {
        QuantityName.KETONE: Quantity(value=Decimal("0.6"), unit="mmol/L")
    }
    assert observation.context["meal"] == "ketone_test"


async def test_a_reading_whose_context_never_came_says_that_it_may_be_a_ketone() -> None:
    records = [("2A18", glucose(4, 6, follows=True))]
    kept, _ = await talk(MemoryLink(values=named("CareSens Dual"), records=records))
    (observation,) = kept.observations
    assert observation.quantities[QuantityName.GLUCOSE].censored is Bound.BELOW
    assert observation.context["may_be_ketone"] == "true"


async def test_the_same_octets_of_another_meter_stay_glucose() -> None:
    records = [("2A18", glucose(4, 60, follows=True)), ("2A34", KETONE)]
    kept, _ = await talk(MemoryLink(values=named("X"), records=records))
    (observation,) = kept.observations
    assert observation.kind is Vital.GLUCOSE
    assert observation.context["meal"] == "reserved(6)"


class AnswersFrom(MemoryLink):
    """A meter that is asked from a number on, and for its last record."""

    def _report(self, request: bytes) -> None:
        told = self.records[-2:] if request == REPORT_LAST else self.records
        for characteristic, payload in told:
            self._takers[characteristic](payload)
        self._takers["2A52"](bytes([6, 0, 1, 1]))


@pytest.mark.parametrize("model", ["CareSens Dual", "X"])
async def test_the_context_of_the_record_under_our_mark_joins_no_other_of_its_number(
    model: str,
) -> None:
    old, new = glucose(7, 12, follows=True), glucose(7, 40, follows=True, minute=45)
    meals = [bytes.fromhex(f"020700{meal:02x}") for meal in (6, 3)]
    records = [("2A18", old), ("2A34", meals[0]), ("2A18", new), ("2A34", meals[1])]
    link = AnswersFrom(values=named(model), records=records)
    kept, _ = await talk(link, since=7, newest=digest_of(old))
    (observation,) = kept.observations
    assert observation.raw == new
    assert observation.kind is Vital.GLUCOSE
    assert observation.context["meal"] == "fasting"


def test_a_ketone_in_an_unseen_unit_keeps_its_number_without_a_unit() -> None:
    quirk = quirk_of("CareSens Dual")
    mol = bytes.fromhex("16 0400 ea070b15071e00 06c0 11")
    (record,) = decode("2A18", mol, "CareSens Dual")
    said = settled(record, {"meal": "ketone_test"}, quirk).quantities[QuantityName.KETONE]
    assert said == Quantity(value=Decimal("0.0006"), unit=None)


@pytest.mark.row("P13")
@pytest.mark.parametrize(
    ("model", "mg_dl", "censored"),
    [
        ("Accu-Chek Guide", 9, Bound.BELOW),
        ("Accu-Chek Guide", 10, None),
        ("Accu-Chek Guide", 600, None),
        ("Accu-Chek Guide", 601, Bound.ABOVE),
        ("CareSens Dual", 19, Bound.BELOW),
        ("CareSens Dual", 20, None),
        ("X", 9, None),
    ],
)
def test_a_number_beyond_the_meters_own_limits_is_its_lo_or_hi(
    model: str, mg_dl: int, censored: Bound | None
) -> None:
    (record,) = decode("2A18", glucose(1, mg_dl), model)
    said = record.quantities[QuantityName.GLUCOSE]
    assert said.censored is censored
    assert (said.value is None) == (censored is not None)


@pytest.mark.parametrize(("raw", "censored"), [("0bc0", None), ("0ac0", Bound.BELOW)])
def test_the_limit_of_a_meter_in_mmol_is_that_of_its_display(
    raw: str, censored: Bound | None
) -> None:
    # 1.1 mmol/L is 19.8 mg/dL: below 20, and yet no LO on a meter that shows mmol/L.
    octets = bytes.fromhex(f"06 0100 ea070b15071e00 {raw} 11")
    (record,) = decode("2A18", octets, "CareSens Dual")
    assert record.quantities[QuantityName.GLUCOSE].censored is censored


async def test_a_reading_that_waited_for_its_context_meets_the_limits_too() -> None:
    fasting = bytes.fromhex("02040003")
    records = [("2A18", glucose(4, 19, follows=True)), ("2A34", fasting)]
    kept, _ = await talk(MemoryLink(values=named("CareSens Dual"), records=records))
    (observation,) = kept.observations
    assert observation.quantities == {
        QuantityName.GLUCOSE: Quantity(unit="kg/L", censored=Bound.BELOW)
    }


async def test_control_solution_is_kept_and_marked() -> None:
    control = glucose(1, 100)[:-1] + b"\x1a"
    kept, _ = await talk(MemoryLink(values=named("X"), records=[("2A18", control)]))
    (observation,) = kept.observations
    assert QualityFlag.CONTROL_SOLUTION in observation.flags
    assert observation.raw == control
    binding = Binding(
        device=observation.device.key, user_slot=None, subject=SubjectRef("p"), valid_from=NOON
    )
    admitted = admit(observation, [binding], UTC, NOON)
    assert not isinstance(admitted, Quarantined) or admitted.point is not None
    point = admitted.point
    assert point is not None
    assert (point.valid, point.usable) == (False, False)  # in no baseline, average or rule


LATE = bytes.fromhex("ea070b150b1e00")  # 11:30, half an hour behind


async def test_a_bond_is_proven_without_changing_what_dated_the_memory() -> None:
    link = MemoryLink(values={**named("Accu-Chek Guide"), "2A08": LATE})
    await prove_bond(link, stamp, UTC, quirk=quirk_of("Accu-Chek Guide"))
    assert link.written == [("2A08", LATE)]
    never_set = MemoryLink(values={**named("Accu-Chek Guide"), "2A08": bytes(7)})
    await prove_bond(never_set, stamp, UTC, quirk=quirk_of("Accu-Chek Guide"))
    assert never_set.written == [("2A08", bytes.fromhex("ea070b150c0000"))]


async def test_nothing_is_written_to_a_device_whose_clock_no_service_defines() -> None:
    link = MemoryLink(values={**named("DM30b"), "2A08": LATE, "2A2B": LATE + b"\x06\0\0"})
    await prove_bond(link, stamp, UTC, quirk=quirk_of("DM30b"))
    assert link.written == []
    await prove_bond(link, stamp, UTC)
    assert [number for number, _ in link.written] == ["2A2B"]


@pytest.mark.parametrize(("model", "taken"), [("X4 Smart", 5), ("X", 3)])
async def test_a_device_that_deletes_what_it_sent_is_never_cut_off(
    monkeypatch: pytest.MonkeyPatch, model: str, taken: int
) -> None:
    monkeypatch.setattr(inflow, "QUEUE_LIMIT", 3)
    frames = [bytes.fromhex("02e60082009600") + TIME[:6] + bytes([n]) for n in range(5)]
    kept, _ = await talk(MemoryLink(values=named(model), indicated={"2A35": frames}))
    assert len(kept.observations) == taken


async def test_a_scale_without_weight_service_says_its_weight_in_its_body_composition() -> None:
    halves = [bytes.fromhex("0210c500ea070b15071e00"), bytes.fromhex("0014c500b036")]
    kept, summary = await talk(MemoryLink(values=named("X"), indicated={"2A9C": halves}))
    (observation,) = kept.observations
    assert observation.quantities[QuantityName.WEIGHT].value == 70
    assert (observation.context, summary.refused) == ({"body_fat_percent": "19.7"}, 0)


async def test_a_battery_that_says_nonsense_costs_no_reading() -> None:
    frame = bytes.fromhex("02e60082009600") + TIME
    link = MemoryLink(values={**named("X"), "2A19": b"\xff"}, indicated={"2A35": [frame]})
    kept, summary = await talk(link)
    assert (len(kept.observations), summary.battery_percent) == (1, None)
