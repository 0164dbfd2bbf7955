"""`hearthwatch rules`: check packs, live through their worked cases, agree on other rules.

`check` prints every fault with file and line; `test` runs `NAME.cases.yaml` beside each pack in
virtual time; `show` tells each rule in a sentence a doctor reads; `graph` draws them. Without files
they take the packs that come with the program. What speaks to a county is in `service/rules/`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

import rules.packs
from gateway.packs import is_pack_file, load_shipped
from rules.cases import (
    CaseFormat,
    CasesError,
    differences,
    lines_of_cases,
    live_through,
    load_cases,
)
from rules.in_words import rule_in_words, sources_in_words
from rules.loose import loose_limits, loose_words
from rules.pack import Pack, PackError
from rules.pack_format import json_schema
from service.cli import CommandModule
from service.rules.arguments import WITH_DATABASE, add_actions
from service.rules.graph import dot, mermaid
from service.rules.pack_file import pack_text

_CASES = ".cases.yaml"
_OWN_MODULES = {"shadow": "service.rules.shadow", "explain": "service.rules.explain"}
_ELSEWHERE = {name: _OWN_MODULES.get(name, "service.rules.changes") for name in WITH_DATABASE}
"""What speaks to a database is imported only when it is called."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`check`, `test` and `schema`; the first two take pack files."""
    actions = parser.add_subparsers(dest="action", required=True)
    for action, summary in (
        ("check", "refuse what a pack may not say, with file and line"),
        ("test", "run the worked cases beside each pack, in virtual time"),
    ):
        sub = actions.add_parser(action, help=summary, description=summary)
        sub.add_argument("packs", nargs="*", type=Path, help="pack files (default: ours)")
        if action == "test":
            told = "fail too for a limit or a listed word that no case holds"
            sub.add_argument("--limits", action="store_true", help=told)
    show = actions.add_parser(
        "show", help="say in Chinese and English when each rule of the packs rings"
    )
    show.add_argument("packs", nargs="*", type=Path, help="pack files (default: ours)")
    graph = actions.add_parser("graph", help="draw quantities, rules, families and priorities")
    graph.add_argument("packs", nargs="*", type=Path, help="pack files (default: ours)")
    graph.add_argument("--format", choices=["dot", "mermaid"], default="dot")
    actions.add_parser("schema", help="print the JSON Schema of a pack")
    add_actions(actions)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when all is well, 1 when a pack or a case fails, 2 for a file that is not there."""
    module = _ELSEWHERE.get(arguments.action)
    if module is not None:
        return cast("CommandModule", import_module(module)).run(arguments)
    if arguments.action == "schema":
        sys.stdout.write(schema_text() + "\n")
        return 0
    given: Sequence[Path] = arguments.packs
    paths = list(given) or own_packs()
    missing = [path for path in paths if not path.is_file()]
    if missing:
        _say(f"no such pack: {', '.join(map(str, missing))}", error=True)
        return 2
    if arguments.action == "graph":
        return _graph(paths, arguments.format)
    test = partial(_test, limits=bool(getattr(arguments, "limits", False)))
    action = {"check": _check, "test": test, "show": _show}[arguments.action]
    return max(action(path) for path in paths)


def own_packs() -> list[Path]:
    """The packs that come with the program, in order of name."""
    folder = Path(next(iter(rules.packs.__path__)))
    found = folder.glob("*.yaml")
    return sorted(path for path in found if is_pack_file(path.name))


def beside_ours(path: Path) -> Pack:
    """The pack of a file, checked beside our other packs.

    Raises:
        rules.pack.PackError: every fault, with file and line.
        OSError: the file cannot be read.
    """
    return load_shipped().checked(pack_text(path), path.name)


def schema_text() -> str:
    """The JSON Schema of a pack, as it stands in `rules/schemas/pack-1.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False)


def _check(path: Path) -> int:
    pack = _load(path)
    if pack is None:
        return 1
    for rule in pack.rules:
        state = f"{pack.mode}, signed" if rule.signed else f"{pack.mode}, unsigned"
        _say(f"{path.name}: {rule.id} v{rule.version} {rule.rule_hash[:12]} {state}")
    return 0


def _show(path: Path) -> int:
    pack = _load(path)
    if pack is None:
        return 1
    for rule in pack.rules:
        told = rule_in_words(rule)
        _say(f"{rule.id} v{rule.version}\n  {told.zh}\n  {told.en}")
        _say(f"  {rule.action.zh}\n  {rule.action.en}\n  {rule.patient.zh}\n  {rule.patient.en}")
        if rule.owner is not None:
            _say(f"  {rule.owner.zh} / {rule.owner.en}")
        for source in sources_in_words(rule, "en"):
            _say(f"  {source}")
    return 0


def _graph(paths: Sequence[Path], form: str) -> int:
    packs = [_load(path) for path in paths]
    known = [pack for pack in packs if pack is not None]
    _say(dot(known) if form == "dot" else mermaid(known))
    return 1 if len(known) < len(packs) else 0


def _test(path: Path, *, limits: bool) -> int:
    pack = _load(path)
    if pack is None:
        return 1
    beside = path.with_name(path.stem + _CASES)
    try:
        text = pack_text(beside)
        cases = load_cases(text, name=beside.name)
        placed = zip(cases, lines_of_cases(text), strict=True)
        faults = [fault for case, line in placed for fault in _faults(pack, case, line)]
        if limits:
            for one in pack.rules:
                loose = loose_limits(pack, cases, one) + loose_words(pack, cases, one)
                faults += [f" {fault}" for fault in loose]
    except OSError as error:
        _say(f"{beside}: {error.strerror}", error=True)
        return 1
    except (PackError, CasesError) as error:
        _say(str(error), error=True)
        return 1
    for fault in faults:
        _say(f"{beside.name}:{fault}", error=True)
    _say(f"{beside.name}: {len(cases)} cases, {len(faults)} faults")
    return 1 if faults else 0


def _faults(pack: Pack, case: CaseFormat, line: int) -> list[str]:
    """What does not hold of a case, or why it cannot be lived through, each with its line."""
    try:
        return [f"{line}: {fault}" for fault in differences(case, live_through(pack, case))]
    except CasesError as error:
        return [f"{line}: {case.name}: {error}"]


def _load(path: Path) -> Pack | None:
    try:
        return beside_ours(path)
    except PackError as error:
        _say(str(error), error=True)
    except OSError as error:
        _say(f"{path}: {error.strerror}", error=True)
    return None


def _say(line: str, *, error: bool = False) -> None:
    (sys.stderr if error else sys.stdout).write(line + "\n")
