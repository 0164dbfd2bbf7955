"""Facts of the service and reports of hubs, applied in order in the core's transactions (D3)."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from gateway.anew import HEARD_ANEW, is_judged_otherwise
from gateway.cases import close
from gateway.commands import Asking, CommandBody, PairingOrder, Told, sign_command
from gateway.county import County, is_home
from gateway.facts import (
    BindingFact,
    ClinicFact,
    ClosingFact,
    DismissFact,
    Fact,
    FactError,
    HubFact,
    PairingFact,
    ToldFact,
    TurnFact,
)
from gateway.hub_questions import SHOWN_FOR, values_text
from gateway.hub_rules import HubRules
from gateway.hub_status import HubStatus, PairingReport
from gateway.intake import CLOCK_TOLERANCE
from gateway.series_marks import device_mark, drug_mark
from gateway.settling import dismiss
from gateway.store.core_store import CoreStore
from gateway.store.inbox_store import InboxStore, Pairing, StoredCommand
from rules.vocabulary import HubId, Profile, SubjectRef
from rules.wire import command_topic

HUB_CHANNEL = "hearthwatch_hub"
PAIRING_WINDOW = timedelta(seconds=120)
PAIRED = "paired"

_TOLD_KEPT = timedelta(days=1)
_MOST_TOLD = 50
_MOST_ASKED = 10

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger("core")

_BODIES = msgspec.json.Decoder(CommandBody)


@dataclass(frozen=True, slots=True)
class Publication:
    """A retained message that goes out after the commit."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Desk:
    """Applies facts within one batch and collects what must be published after its commit."""

    store: CoreStore
    county: County
    now: datetime
    rules: HubRules
    hubs_to_tell: set[HubId] = field(default_factory=set[HubId])

    async def apply(self, fact: Fact) -> None:
        """Write one fact.

        Raises:
            FactError: it names a hub, case or session that is not known; nothing was written.
        """
        inbox = self.store.inbox
        match fact:
            case Profile():
                before = await self.store.facts.profile(fact.subject)
                await inbox.set_profile(fact, self.now)
                await self.county.know(self.store, [fact.subject])
                mark = drug_mark(before, fact, self.county, self.now)
                await inbox.append_mark(mark, self.now)
                # what was known of them decides what the rules make of readings they have seen
                await self.store.states.look_closely([fact.subject])
                self.county.states.look_closely([fact.subject])
                if is_judged_otherwise(before, fact):
                    await self._wake(fact.subject)
                self._tell_home(fact.household)
            case BindingFact():
                await self.county.know(self.store, [fact.subject])
                mark = await device_mark(fact, self.county, inbox, self.now)
                await inbox.bind(fact)
                await inbox.append_mark(mark, self.now)
                worn_by = await self.store.facts.profile(fact.subject)
                self._tell_home(worn_by and worn_by.household)
            case HubFact():
                await inbox.set_hub(fact)
                self.hubs_to_tell.add(fact.hub)
            case ClosingFact() | ToldFact():
                await self._answered(fact)
            case PairingFact():
                await self._pairing(fact)
            case DismissFact() | ClinicFact() | TurnFact():
                await self._whose(fact)
            case _:
                # Readings go with their people, packs with the rules (`pack_desk.py`).
                raise FactError("it does not go over the desk")

    async def hear(self, status: HubStatus, body: str) -> None:
        """Keep a hub's report; bind the device when its pairing has succeeded.

        Raises:
            FactError: the hub is not known.
        """
        hub = HubId(status.hub)
        if hub not in self.county.hubs:
            raise FactError(f"hub: {hub!r} is not known")
        inbox = self.store.inbox
        await inbox.set_status(hub, self.now, body)
        if await inbox.acknowledge_command(hub, status.command_version) or (
            status.command_differs and await self._is_latest(hub, status.command_version)
        ):
            # The database was put back from a copy: what it says now counts, under a new number.
            version = status.command_version
            _log.warning("hub obeys a command of a lost database", hub=hub, version=version)
            self.hubs_to_tell.add(hub)
        if status.pairing is not None:
            await self._paired(hub, status.pairing)
        await self.store.notify([(HUB_CHANNEL, hub)])

    async def publications(self) -> list[Publication]:
        """Signed commands for every hub whose devices or pairing changed."""
        out: list[Publication] = []
        homes = await self.store.hubs()
        for hub in sorted(self.hubs_to_tell & homes.keys()):
            body = await self._body(self.store.inbox, hub)
            command = await self._write_command(hub, body)
            out.append(_signed(hub, command, homes[hub].secret))
        return out

    async def _body(self, inbox: InboxStore, hub: HubId) -> CommandBody:
        stored = await inbox.command(hub)
        body = CommandBody() if stored is None else _BODIES.decode(stored.body)
        known = tuple(await inbox.devices_of_hub(hub))
        asking = await self._asking(hub)
        limits = tuple(await inbox.limits_of_hub(hub))
        return msgspec.structs.replace(
            body, bindings_known=known, asking=asking, rules=self.rules, limits=limits
        )

    async def _asking(self, hub: HubId) -> tuple[Asking, ...]:
        points = await self.store.suspicions.asking(hub, self.now - SHOWN_FOR)
        return tuple(
            Asking(at=point.effective_at, values=values_text(point))
            for point in points[:_MOST_ASKED]
        )

    async def renew_rules(self) -> None:
        """Have every hub told whose command in force carries other rules than ours."""
        for hub in self.county.hubs:
            stored = await self.store.inbox.command(hub)
            if stored is not None and _BODIES.decode(stored.body).rules != self.rules:
                self.hubs_to_tell.add(hub)

    async def _is_latest(self, hub: HubId, version: int) -> bool:
        stored = await self.store.inbox.command(hub)
        return stored is not None and stored.version == version

    async def _write_command(self, hub: HubId, body: CommandBody) -> StoredCommand:
        command = StoredCommand(
            # A hub refuses what is not above the version that it obeys.
            version=await self.store.inbox.highest_version(hub) + 1,
            issued_at=self.now,
            body=msgspec.json.encode(body).decode(),
        )
        await self.store.inbox.set_command(hub, command)
        return command

    async def _wake(self, subject: SubjectRef) -> None:
        """Have what somebody has measured lately judged by what is known of them since."""
        states = self.county.states
        if (await self.store.windows({subject: self.now - HEARD_ANEW}))[subject]:
            await self.store.states.wake([subject], self.now)
            states.wakes_at(await self.store.states.next_wake_at(list(states.postponed())))

    async def _whose(self, fact: DismissFact | ClinicFact | TurnFact) -> None:
        if isinstance(fact, DismissFact):
            await dismiss(fact, self.store.settling)
            return
        home = self.county.hubs.get(fact.hub)
        if home is None:
            raise FactError(f"hub: {fact.hub!r} is not known")
        if isinstance(fact, ClinicFact):
            await self.store.inbox.set_clinic(fact)
            self.hubs_to_tell.add(fact.hub)
            return
        if home.clinic is None:
            raise FactError(f"hub: {fact.hub!r} stands in no clinic")
        if fact.subject is not None and not await self.store.facts.is_known(fact.subject):
            raise FactError(f"subject: {fact.subject!r} is not known")
        await self.store.inbox.begin_turn(fact)

    async def _answered(self, fact: ClosingFact | ToldFact) -> None:
        if isinstance(fact, ToldFact):
            await self._told(fact)
        else:
            await self._close(fact)

    async def _close(self, fact: ClosingFact) -> None:
        case = await self.store.case_by_id(fact.case_id)
        if case is None:
            raise FactError(f"case_id: {fact.case_id} is not known")
        await self.store.write_cases([close(case, outcome=fact.outcome, now=fact.at)])

    async def _pairing(self, fact: PairingFact) -> None:
        if fact.hub not in self.county.hubs:
            raise FactError(f"hub: {fact.hub!r} is not known")
        inbox = self.store.inbox
        pairing = await inbox.pairing(fact.session) or Pairing(
            session=fact.session,
            hub=fact.hub,
            subject=fact.subject,
            started_at=self.now,
            until=fact.until or self.now + PAIRING_WINDOW,
            state="searching",
        )
        if fact.action == "cancel":
            pairing = replace(pairing, state="cancelled")
        await inbox.set_pairing(pairing)
        order = PairingOrder(
            session=pairing.session,
            until=pairing.until,
            confirm=fact.address,
            passkey=fact.passkey,
        )
        body = await self._body(inbox, fact.hub)
        wanted = None if fact.action == "cancel" else order
        await self._write_command(fact.hub, msgspec.structs.replace(body, pairing=wanted))
        self.hubs_to_tell.add(fact.hub)

    async def _told(self, fact: ToldFact) -> None:
        told = Told(alert_id=fact.alert_id, at=fact.at)
        measured_at = await self.store.inbox.hubs_of_alert(fact.alert_id)
        for hub, home in self.county.hubs.items():
            if home.household != fact.household and hub not in measured_at:
                continue
            body = await self._body(self.store.inbox, hub)
            recent = [known for known in body.told if self.now - known.at < _TOLD_KEPT]
            if all(known.alert_id != told.alert_id for known in recent):
                kept = tuple([*recent, told][-_MOST_TOLD:])
                await self._write_command(hub, msgspec.structs.replace(body, told=kept))
                self.hubs_to_tell.add(hub)

    async def _paired(self, hub: HubId, report: PairingReport) -> None:
        inbox = self.store.inbox
        pairing = await inbox.pairing(report.session)
        if pairing is None or pairing.hub != hub or pairing.state == PAIRED:
            return
        label = report.device
        key = f"{label.manufacturer}/{label.model}/{label.serial}" if label else None
        await inbox.set_pairing(
            replace(pairing, state=report.state, device=key, cause=report.cause)
        )
        if report.state == PAIRED and key is not None and is_home(pairing.subject):
            self.hubs_to_tell.add(hub)  # a clinic's own device is worn by nobody
        elif report.state == PAIRED and key is not None:
            since = await self._worn_since(key, pairing.started_at)
            binding = BindingFact(device=key, subject=pairing.subject, valid_from=since)
            mark = await device_mark(binding, self.county, inbox, self.now)
            await inbox.bind(binding)
            await inbox.append_mark(mark, self.now)
            self.hubs_to_tell.add(hub)

    async def _worn_since(self, device: str, paired_at: datetime) -> datetime:
        """A device nobody has worn yet brings its memory; another's memory stays the other's."""
        if await self.store.facts.is_worn(device):
            return paired_at - CLOCK_TOLERANCE  # its clock may be that far behind
        return _BEGINNING

    def _tell_home(self, household: str | None) -> None:
        self.hubs_to_tell |= {
            hub
            for hub, home in self.county.hubs.items()
            if household is not None and home.household == household
        }


async def present_commands(store: CoreStore) -> list[Publication]:
    """Every hub's command in force, to publish again after a restart of core or broker."""
    out: list[Publication] = []
    for hub, home in sorted((await store.hubs()).items()):
        command = await store.inbox.command(hub)
        if command is not None:
            out.append(_signed(hub, command, home.secret))
    return out


def _signed(hub: HubId, command: StoredCommand, secret: bytes) -> Publication:
    payload = sign_command(
        hub=hub,
        version=command.version,
        issued_at=command.issued_at,
        body=_BODIES.decode(command.body),
        secret=secret,
    )
    return Publication(command_topic(hub), payload)
