"""Records that come twice, in another order, with gaps, or not as they were asked for."""

from collections.abc import Sequence
from dataclasses import replace

from firmware_sim.faults.frames import encoded, plain
from firmware_sim.faults.groups import (
    CGM,
    GLUCOSE,
    HR,
    HUB,
    MQTT,
    NO_MEMORY,
    NO_NUMBERS,
    NO_RACP,
    NO_RADIO,
    RACP,
    STORING,
    UNASKED,
)
from firmware_sim.faults.kind import FaultKind, Injection, Layer, Scene, WrongDeviceError, every
from firmware_sim.faults.on_link import measure_several
from firmware_sim.interference import AnyOperator
from firmware_sim.push_device import PushDevice
from firmware_sim.racp_device import RacpDevice
from firmware_sim.record_access import OpCode, Operator, Result
from firmware_sim.record_memory import SEQUENCES, Retention

_ROOM, _TOO_MANY = 5, 7
_LOST_NUMBERS = 4
_SLOW_S = 0.02

_NO_ASKING = every(RACP, "keeping its records and reporting them when asked is what it should do")
_IN_ORDER = {
    MQTT: "it publishes when it measures, order is kept to the broker",
    HUB: "its uplink is numbered and in order, see replayed",
}
_NO_STORE = {
    MQTT: "it keeps nothing, it publishes when it measures",
    HUB: "its spool deletes after the core's receipt only",
}


def device_with_memory(scene: Scene) -> PushDevice:
    """The device, if it keeps records.

    Raises:
        WrongDeviceError: It keeps none.
    """
    if not isinstance(scene.device, PushDevice):
        raise WrongDeviceError(f"{scene.device.identity.model} keeps no records")
    return scene.device


async def _twice(scene: Scene) -> None:
    frame = encoded(scene, plain(scene))
    for _ in range(2):
        scene.device.inject(frame)


async def _newest_first(scene: Scene) -> None:
    device_with_memory(scene).memory.newest_first = True
    await measure_several(scene)


def _stored_in(order: Sequence[int]) -> Injection:
    async def inject(scene: Scene) -> None:
        first = plain(scene).sequence
        frames: list[bytes] = []
        for minute in range(len(order)):
            moment = replace(scene, at=scene.minutes_later(minute))
            draft = replace(plain(moment), sequence=(first + minute) % SEQUENCES)
            frames.append(encoded(moment, draft))
        for number in order:
            scene.device.inject(frames[number])

    return inject


def _retaining(retention: Retention) -> Injection:
    async def inject(scene: Scene) -> None:
        device_with_memory(scene).memory.retention = retention
        await measure_several(scene, 2)

    return inject


async def _fill(scene: Scene) -> None:
    device_with_memory(scene).memory.capacity = _ROOM
    await measure_several(scene, _TOO_MANY)


def _refusing(op_code: OpCode, operator: int | None, result: Result, count: int = 1) -> Injection:
    async def inject(scene: Scene) -> None:
        scene.device.interference.refusals[op_code, operator] = result
        await measure_several(scene, count)

    return inject


async def _no_abort(scene: Scene) -> None:
    scene.device.interference.delay_s = _SLOW_S
    await _refusing(OpCode.ABORT, AnyOperator, Result.ABORT_UNSUCCESSFUL, 3)(scene)


async def _break_off(scene: Scene) -> None:
    scene.device.interference.break_off_after = 1
    await measure_several(scene)


async def _never_answer(scene: Scene) -> None:
    scene.device.interference.unanswered = True
    await measure_several(scene, 1)


async def _wrap(scene: Scene) -> None:
    device_with_memory(scene).memory.next_sequence = SEQUENCES - 2
    await measure_several(scene)


async def _start_again(scene: Scene) -> None:
    await measure_several(scene, 2)
    if not isinstance(scene.device, RacpDevice):
        raise WrongDeviceError(f"{scene.device.identity.model} numbers no records")
    scene.device.restart_numbering()
    await scene.device.measure_typical(scene.minutes_later(2))


async def _leave_a_gap(scene: Scene) -> None:
    memory = device_with_memory(scene).memory
    await scene.device.measure_typical(scene.at)
    memory.next_sequence += _LOST_NUMBERS
    await scene.device.measure_typical(scene.minutes_later(1 + _LOST_NUMBERS))


_NO_WRAP = {
    CGM: "its number is the session's minute, a session ends before minute 65535",
    MQTT: "its sequence has no width at which it would wrap",
    HUB: "its uplink numbers have no width at which they would wrap",
}

KINDS = (
    FaultKind(
        name="duplicate-record",
        says="the same record comes twice",
        layer=Layer.TRANSFER,
        injected="one frame is stored twice; over MQTT the same document is published twice",
        expects=every((*STORING, MQTT), "stored_once"),
        absent={
            HR: "two equal packets are two heart rates",
            HUB: "its numbered envelopes repeat as a whole, see replayed",
        },
        inject=_twice,
    ),
    FaultKind(
        name="reversed-order",
        says="the newest record comes first",
        layer=Layer.TRANSFER,
        injected="the memory of three records is sent from its end",
        expects=every(STORING, "stored"),
        absent=NO_MEMORY | _IN_ORDER,
        inject=_newest_first,
    ),
    FaultKind(
        name="shuffled-order",
        says="records come in no order at all",
        layer=Layer.TRANSFER,
        injected="three records are stored as third, first, second",
        expects=every(STORING, "stored"),
        absent=NO_MEMORY | _IN_ORDER,
        inject=_stored_in((2, 0, 1)),
    ),
    FaultKind(
        name="deletes-after-transfer",
        says="a record that was sent is gone for ever",
        layer=Layer.TRANSFER,
        injected="the memory deletes what a central has taken",
        expects=every(STORING, "stored"),
        absent=NO_MEMORY | _NO_STORE,
        inject=_retaining(Retention.DELETE),
    ),
    FaultKind(
        name="resends-everything",
        says="every session brings all records again",
        layer=Layer.TRANSFER,
        injected="the memory keeps what a central has taken and sends it to the next subscription",
        expects=every(UNASKED, "stored_once"),
        absent=_NO_ASKING | NO_MEMORY | _NO_STORE,
        inject=_retaining(Retention.RESEND),
    ),
    FaultKind(
        name="memory-full",
        says="the memory is full and the oldest records gave way unsent",
        layer=Layer.TRANSFER,
        injected=f"{_TOO_MANY} measurements in a memory for {_ROOM}",
        expects=every(STORING, "stored") | {GLUCOSE: "gap_reported"},
        absent=NO_MEMORY
        | {
            MQTT: "it keeps nothing, it publishes when it measures",
            HUB: "its spool holds thirty days and says so before it is full",
        },
        inject=_fill,
    ),
    FaultKind(
        name="racp-no-records",
        says="it answers that it has no records, though it has",
        layer=Layer.TRANSFER,
        injected="every report request is answered with result 6",
        expects=every(RACP, "stored_later"),
        absent=NO_RACP | NO_RADIO,
        inject=_refusing(OpCode.REPORT, AnyOperator, Result.NO_RECORDS),
    ),
    FaultKind(
        name="racp-operator-unsupported",
        says="it cannot report from a number on, only everything",
        layer=Layer.TRANSFER,
        injected="a report request with operator 3 (at least) is answered with result 4",
        expects=every(RACP, "stored"),
        absent=NO_RACP | NO_RADIO,
        inject=_refusing(OpCode.REPORT, Operator.AT_LEAST, Result.OPERATOR_NOT_SUPPORTED),
    ),
    FaultKind(
        name="racp-not-completed",
        says="it breaks a report off and says so",
        layer=Layer.TRANSFER,
        injected="after one of three records the answer is result 8",
        expects=every(RACP, "stored_later"),
        absent=NO_RACP | NO_RADIO,
        inject=_break_off,
    ),
    FaultKind(
        name="racp-unanswered",
        says="it accepts a request and never answers",
        layer=Layer.TRANSFER,
        injected="requests are confirmed and nothing comes of them",
        expects=every(RACP, "stored_later"),
        absent=NO_RACP | NO_RADIO,
        inject=_never_answer,
    ),
    FaultKind(
        name="racp-abort-unsuccessful",
        says="it cannot end a report that is under way",
        layer=Layer.TRANSFER,
        injected="an abort is answered with result 7 and the slow report goes on",
        expects=every(RACP, "stored"),
        absent=NO_RACP | NO_RADIO,
        inject=_no_abort,
    ),
    FaultKind(
        name="sequence-wrap",
        says="record numbers run over 65535 and go on with 0",
        layer=Layer.TRANSFER,
        injected="the next of three records has number 65534",
        expects={GLUCOSE: "stored"},
        absent=NO_NUMBERS | _NO_WRAP,
        inject=_wrap,
    ),
    FaultKind(
        name="sequence-reset",
        says="record numbers begin again with 0",
        layer=Layer.TRANSFER,
        injected="numbering restarts after two of three records",
        expects={GLUCOSE: "stored", MQTT: "stored"},
        absent=NO_NUMBERS
        | {
            CGM: "a new session counts its minutes from 0 by design, see session-restarted",
            HUB: "a new numbering is a new epoch, see new-sd-card",
        },
        inject=_start_again,
    ),
    FaultKind(
        name="sequence-gap",
        says="record numbers are missing",
        layer=Layer.TRANSFER,
        injected=f"{_LOST_NUMBERS} numbers between two records are never used",
        # A sensor's numbers are minutes, and it measures in some of them only; what publishes by
        # itself is asked for nothing, so nothing can have been left out of an answer.
        expects={GLUCOSE: "gap_reported", CGM: "stored", MQTT: "stored"},
        absent=NO_NUMBERS | {HUB: "the core's mark does not pass a missing number, see replayed"},
        inject=_leave_a_gap,
    ),
)
