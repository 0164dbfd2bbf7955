"""The arguments of `hearthwatch rules` actions that speak to a county's database."""

import argparse
from pathlib import Path
from typing import Protocol

from gateway.operator_settings import zone_named

WITH_DATABASE = {
    "changes": "list what is proposed, who agreed, and what became of it",
    "diff": "what a proposed pack changes of the one that holds, line by line",
    "propose": "propose a pack (it runs in shadow from now on), or a rule's rest with --rest",
    "approve": "agree to a proposal that is not your own",
    "sign": "sign every rule of a proposed pack, over numbers and both texts",
    "roll-out": "have the county run a proposal: two approvals, every rule signed",
    "roll-back": "have the county run a pack's former version again, at once",
    "withdraw": "try a proposal no longer",
    "review": "propose rest for every rule that leads to too little",
    "shadow": "what rules in shadow would have added and removed",
    "explain": "why an alert rang: replayed from its evidence, and the rules that were near",
}
"""Each in `changes.py`, `shadow.py` or `explain.py` of this package."""

_NUMBERED = ("approve", "sign", "roll-out", "withdraw")
_AS_SOMEBODY = ("propose", "roll-back", *_NUMBERED)


class Actions(Protocol):
    """What `ArgumentParser.add_subparsers` gives."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:  # noqa: A002 - argparse's word
        """A sub-command's parser."""
        ...


def add_actions(actions: Actions) -> None:
    """Declare them."""
    for name, summary in WITH_DATABASE.items():
        sub = actions.add_parser(name, help=summary, description=summary)
        sub.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")
        if name in _AS_SOMEBODY:
            sub.add_argument("--as", dest="login", required=True, help="your account's login")
            sub.add_argument(
                "--zone", type=zone_named, default="Asia/Shanghai", help="where days are counted"
            )
        if name in _NUMBERED:
            sub.add_argument("change", type=int, help="its number, as `rules changes` lists it")
        _own(name, sub)


def _own(name: str, sub: argparse.ArgumentParser) -> None:
    """What only one of them takes."""
    match name:
        case "propose":
            what = sub.add_mutually_exclusive_group(required=True)
            what.add_argument("file", nargs="?", type=Path, help="the pack's YAML file")
            what.add_argument("--rest", metavar="RULE", help="have this rule ring for nobody")
            what.add_argument("--wake", metavar="RULE", help="have this resting rule ring again")
            sub.add_argument("--why", required=True, help="one sentence for those who are to agree")
        case "diff":
            sub.add_argument("change", type=int, help="its number, as `rules changes` lists it")
        case "sign":
            sub.add_argument("--licence", required=True, help="number of the clinician's licence")
        case "roll-back":
            sub.add_argument("pack", help="the pack's name")
        case "shadow":
            sub.add_argument("--json", action="store_true", help="one JSON object")
            sub.add_argument(
                "--zone", type=zone_named, default="Asia/Shanghai", help="where days are counted"
            )
        case "explain":
            sub.add_argument("alert", help="the alert's id")
            sub.add_argument("--language", choices=["zh", "en"], default="zh")
            sub.add_argument("--evidence", action="store_true", help="print its evidence too")
        case _:
            return
