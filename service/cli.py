"""`hearthwatch`: a table of sub-commands, each imported only when it is called.

A command module has `add_arguments(parser)` and `run(arguments) -> int`. Hub commands must not load
FastAPI or asyncpg, which is why nothing is imported before the command is known.
"""

import argparse
import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from service.one_thread import use_one_thread


@dataclass(frozen=True, slots=True)
class Command:
    """Where a sub-command lives and what it does, in one line."""

    module: str
    summary: str


class CommandModule(Protocol):
    """What every command module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit status."""
        ...


COMMANDS = {
    "demo": Command("service.lab.demo_command", "everything in one command, with simulated homes"),
    "hub": Command("gateway.hub_command", "a home's or village clinic's hub"),
    "hub enrol": Command("gateway.hub_enrol_command", "let this hub into a county"),
    "hub renew": Command("gateway.hub_renew_command", "fetch this hub's next certificate"),
    "hub revoke": Command("service.revoke_command", "shut a hub out of the county"),
    "authority": Command("service.authority_command", "make what a county's broker starts with"),
    "core": Command("gateway.core_command", "the streaming core of a county"),
    "evaluate swaps": Command("service.lab.evaluate_swaps", "was this you? asked how rightly"),
    "evaluate population": Command(
        "service.lab.evaluate_population", "what the models over many people find, and miss"
    ),
    "population": Command("gateway.population_command", "models over many people, beside the core"),
    "service": Command("service.service_command", "pages, routing and delivery"),
    "ingest": Command("service.ingest_command", "take readings over HTTP, answer after the commit"),
    "ingest token": Command("service.ingest_token_command", "who may post as which device"),
    "evaluate shift": Command(
        "service.lab.evaluate_shift", "the personal shift beside fixed limits and random alerts"
    ),
    "evaluate surveillance": Command(
        "service.lab.evaluate_surveillance", "outbreaks found and false signals, by detector"
    ),
    "sim": Command("service.lab.sim_command", "drive simulated homes and devices"),
    "decode": Command("service.decode_command", "print what a device's frame says"),
    "devices": Command("service.devices_command", "known models, and replay of captured frames"),
    "quarantine": Command("gateway.quarantine_command", "list what was kept aside, and why"),
    "rules": Command("service.rules_command", "check, test and show rule packs"),
    "rules backtest": Command("service.backtest_command", "what rules would have cost last year"),
    "shadow": Command("gateway.shadow_command", "rules in shadow, in a process beside the core"),
    "status": Command("service.status_command", "how the machine is: lag, queues, canaries"),
    "route": Command("service.route_command", "who is told of an alert, and why or why not"),
    "canary": Command("service.canary_command", "expect test measurements of a hub"),
    "db": Command("service.db_command", "migrate, back up, restore, verify the database"),
    "coverage": Command("service.coverage_command", "check that nobody will be without an owner"),
    "people": Command("service.people_command", "import and export people, contracts and rota"),
    "clinic": Command("service.clinic_command", "say that a hub stands in a clinic"),
    "audit": Command("service.audit_command", "hand the sealed record out, prove it unaltered"),
    "keys": Command("service.keys_command", "make, change and retire the county's data keys"),
    "openid": Command("service.openid_command", "whom the OpenID provider's names stand for"),
    "doors": Command("service.doors_command", "every route with who may use it"),
    "surveillance": Command("service.surveillance_command", "detectors over a file of counts"),
    "surveillance areas": Command(
        "service.surveillance_areas_command", "areas with their validity and outlines, from a file"
    ),
    "surveillance sources": Command(
        "service.surveillance_sources_command", "institutions that send counts, and their files"
    ),
    "surveillance series": Command(
        "service.surveillance_series_command", "an area's counts as they were known then, logged"
    ),
    "surveillance duty": Command(
        "service.surveillance_duty_command", "who may ask for true counts of open signals"
    ),
    "surveillance above": Command(
        "service.surveillance_above_command", "a prefecture's view of its counties' released counts"
    ),
    "surveillance release": Command(
        "service.surveillance_release_command", "what the CDC's next tables show, and make them"
    ),
    "bench": Command("service.lab.bench_command", "measure the walk on this machine"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit status (2 for unusable arguments)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if " ".join(words[:2]) in COMMANDS:
        words[:2] = [" ".join(words[:2])]
    if not words or words[0] not in COMMANDS:
        asked_for_help = not words or words[0] in {"-h", "--help"}
        (sys.stdout if asked_for_help else sys.stderr).write(_overview() + "\n")
        return 0 if asked_for_help else 2
    name = words[0]
    use_one_thread(" ".join(words))
    module = _imported(COMMANDS[name].module, own_process=argv is None)
    parser = argparse.ArgumentParser(prog=f"hearthwatch {name}", description=COMMANDS[name].summary)
    module.add_arguments(parser)
    return module.run(parser.parse_args(words[1:]))


def _imported(name: str, *, own_process: bool) -> CommandModule:
    """The command's module; in a process of its own the collector passes over what it brought.

    Looking through half-imported libraries was a third of the service's start, and what stays for
    good need not be looked through again while it serves.
    """
    if not own_process:
        return cast("CommandModule", import_module(name))
    gc.disable()
    module = import_module(name)
    gc.collect()
    gc.freeze()
    gc.enable()
    return cast("CommandModule", module)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "usage: hearthwatch COMMAND ...\n\n" + "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
