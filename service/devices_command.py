"""`hearthwatch devices list|table|check [FRAMES.json ...]`: which models are known, and how well.

`devices radio` listens with this machine's own Bluetooth adapter (`radio_command.py`).
`check` replays captured frames of a model and reports frame by frame what passed and why not;
without a file it replays those that come with the program. Exit status: 0 all passed, 1 a frame
failed, 2 a file cannot be used. `--json` prints one JSON object a file.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import msgspec

from device_adapters.ble.captures import Capture, CaptureError, read_capture, shipped_captures
from device_adapters.ble.conformance import FrameReport, readable, replay
from device_adapters.ble.quirks import MODELS, Evidence
from device_adapters.plain_text import escaped
from service.devices_page import devices_page, quirk_words
from service.radio_command import listen

_LONGEST_S = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare list, table and check."""
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="every known model with its evidence")
    actions.add_parser("table", help="print docs/devices.md")
    checking = actions.add_parser("check", help="replay captured frames")
    checking.add_argument(
        "files", nargs="*", type=Path, metavar="FRAMES.json", help="default: the shipped ones"
    )
    radio = actions.add_parser("radio", help="test this machine's Bluetooth adapter")
    radio.add_argument("--seconds", type=float, default=10.0, help="how long to listen")
    for parsed in (listing, checking, radio):
        parsed.add_argument("--json", action="store_true", help="print JSON, one object a line")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; see the module for the exit status."""
    action = cast("str", arguments.action)
    if action == "table":
        sys.stdout.write(devices_page())
        return 0
    as_json = cast("bool", arguments.json)
    if action == "radio":
        return _radio(cast("float", arguments.seconds), as_json=as_json)
    if action == "list":
        _list(as_json=as_json)
        return 0
    return _check(cast("list[Path]", arguments.files), as_json=as_json)


def _radio(seconds: float, *, as_json: bool) -> int:
    if not 0 < seconds <= _LONGEST_S:
        sys.stderr.write(f"--seconds: between 0 and {_LONGEST_S:g}\n")
        return 2
    return listen(seconds, as_json=as_json)


def _list(*, as_json: bool) -> None:
    captures = shipped_captures()
    for name, model in MODELS.items():
        frames = len(captures[name].frames) if name in captures else 0
        departs = quirk_words(model.quirk)
        if as_json:
            row = {
                "model": name,
                "maker": model.maker,
                "kind": model.kind,
                "evidence": model.level.value,
                "frames": frames,
                "departs": departs,
            }
            sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
            continue
        sys.stdout.write(
            f"{name:<17}{model.maker:<14}{model.kind:<25}{model.level.value:<17}"
            f"{frames or 'no'} frame{'s' * (frames != 1)}\n"
        )


def _check(paths: Sequence[Path], *, as_json: bool) -> int:
    try:
        captures = [_read(path) for path in paths] or list(shipped_captures().values())
    except CaptureError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    worst = 0
    for capture in captures:
        reports = replay(capture)
        worst = max(worst, 0 if all(report.passed for report in reports) else 1)
        sys.stdout.write(_json(capture, reports) if as_json else _told(capture, reports))
    return worst


def _read(path: Path) -> Capture:
    try:
        capture = read_capture(path.read_bytes())
        for place, frame in enumerate(capture.frames):
            if not readable(frame.characteristic):
                named = repr(escaped(frame.characteristic))
                raise CaptureError(f"frames[{place}].characteristic", f"nothing reads {named}")
    except OSError as error:
        raise CaptureError(str(path), error.strerror or str(error)) from error
    except CaptureError as error:
        field = f"{path}: {error.field}" if error.field else str(path)
        raise CaptureError(field, error.reason) from error
    return capture


def _level(capture: Capture) -> str:
    row = MODELS.get(capture.model)
    return "no row: read as the specification says" if row is None else row.level.value


def _told(capture: Capture, reports: Sequence[FrameReport]) -> str:
    passed = sum(report.passed for report in reports)
    lines = [f"{escaped(capture.model)} ({escaped(capture.maker)}), evidence: {_level(capture)}"]
    for report in reports:
        word = "passed" if report.passed else "FAILED"
        lines.append(f"  {word}  frames[{report.place}]  {report.characteristic}  {report.hex}")
        for check in report.checks:
            mark = "" if check.passed else "not: "
            if check.reason or not check.passed:
                lines.append(f"          {mark}{check.name}: {escaped(check.reason)}")
    lines.append(f"  {passed} of {len(reports)} frames passed\n")
    return "\n".join(lines)


def _json(capture: Capture, reports: Sequence[FrameReport]) -> str:
    row = MODELS.get(capture.model)
    said = {
        "model": capture.model,
        "maker": capture.maker,
        "evidence": (Evidence.SPECIFICATION if row is None else row.level).value,
        "row": row is not None,
        "passed": sum(report.passed for report in reports),
        "failed": sum(not report.passed for report in reports),
        "frames": reports,
    }
    return msgspec.json.encode(said).decode() + "\n"
