"""Several packs that run together: the live ones, and those in shadow beside them.

What all packs share (targets, what teaches no baseline, the rule for minors) stands in the first
pack. Rule ids are unique over packs; families reach over them, so a higher rule of one pack covers
a lower one of another, and they extend one case.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from rules.pack import Pack, PackError, Standing, load
from rules.pack_lint import FIRST
from rules.rule import Mode, Rule

_FIRST_FILE = f"{FIRST}.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSet:
    """Checked packs, the first pack first and the others by name.

    `standings` is what a county has decided beside their texts, by file name. `retired` are rules
    of former versions, by which open cases of theirs are still cleared. `resting` rules of live
    packs ring for nobody: they are in shadow one by one. `former` are all rules of versions that
    ever held: alerts name them by id and version.
    """

    packs: tuple[Pack, ...]
    standings: Mapping[str, Standing] = field(default_factory=dict[str, Standing])
    retired: tuple[Rule, ...] = ()
    resting: frozenset[str] = frozenset()
    former: tuple[Rule, ...] = ()

    @property
    def first(self) -> Pack:
        """The pack that holds what all share."""
        return self.packs[0]

    @property
    def live(self) -> Pack:
        """All rules of live packs, signed or not, as one pack."""
        return self.ringing(unsigned=True)

    def ringing(self, *, unsigned: bool) -> Pack:
        """All rules that ring, as one pack; without `unsigned` only those that somebody signed.

        What nobody signed is in shadow then, as a resting rule is (law 10).
        """
        live = [self._awake(pack) for pack in self.packs if pack.mode is Mode.LIVE]
        if not unsigned:
            live = [replace(p, rules=tuple(r for r in p.rules if r.signed)) for p in live]
        return _joined(live, self._others(live))

    @property
    def beside(self) -> Pack:
        """All rules, as one pack: what would ring if every pack in shadow were live."""
        return _joined(self.packs, self._others(self.packs))

    def trial(self, files: Mapping[str, str]) -> Pack:
        """All rules that would ring, as one pack, were these packs live in the place of theirs.

        `files` is YAML text by the file name that faults name.

        Raises:
            PackError: every fault of the first one that has any, with file and line; two of one
                name, or with a rule of one id, have one.
        """
        tried: dict[str, Pack] = {}
        base = self
        for name, text in sorted(files.items(), key=lambda item: not _is_first(item[1], item[0])):
            pack = base._checked(text, name, tried=tried)
            tried[pack.name] = pack
            if pack.name == FIRST:  # the others' rules rest on its targets
                packs = load_set(self.files() | {_FIRST_FILE: text}, self.standings).packs
                base = replace(self, packs=packs)
        rest = [p for p in base.packs if p.mode is Mode.LIVE and p.name not in tried]
        known = {pack.name: pack for pack in (*rest, *tried.values())}
        first = known.pop(FIRST)
        live = [base._awake(pack) for pack in (first, *known.values())]  # noqa: SLF001
        return _joined(live, base._others(live))  # noqa: SLF001

    def checked(self, text: str, name: str, *, shall_run: bool = False) -> Pack:
        """The pack in `text`, checked beside the others; `name` is the file that faults name.

        Of one that `shall_run` a rule that differs from the present one has a higher version too,
        and another than each that ever held: alerts name their rule by it.

        Raises:
            PackError: every fault of it, with file and line.
        """
        return self._checked(text, name, shall_run=shall_run)

    def _checked(
        self,
        text: str,
        name: str,
        *,
        shall_run: bool = False,
        tried: Mapping[str, Pack] = MappingProxyType({}),
    ) -> Pack:
        """The pack in `text`, beside the others and those `tried` with it in the place of some."""
        alone = load(text, name=name, first=self.first)
        if alone.name in tried:
            line = _line_of_name(text)
            raise PackError([f"{name}:{line}: pack: another candidate is {alone.name} already"])
        beside = {pack.name: pack for pack in self.packs} | dict(tried)
        elsewhere = {
            rule.id: pack.name
            for pack in beside.values()
            if pack.name != alone.name
            for rule in pack.rules
        }
        known = {rule.id: rule for pack in self.packs for rule in pack.rules} if shall_run else {}
        former = self.former if shall_run else ()
        return load(
            text, name=name, first=self.first, elsewhere=elsewhere, known=known, former=former
        )

    @property
    def shadows(self) -> tuple[Pack, ...]:
        """The packs that ring for nobody."""
        return tuple(pack for pack in self.packs if pack.mode is Mode.SHADOW)

    @property
    def has_shadow(self) -> bool:
        """Whether any rule is looked at beside those that ring."""
        return bool(self.shadows or self.resting)

    def pack_of(self, rule_id: str) -> Pack:
        """The pack that holds a rule; raises KeyError when none does."""
        for pack in self.packs:
            if any(rule.id == rule_id for rule in pack.rules):
                return pack
        raise KeyError(rule_id)

    def files(self) -> dict[str, str]:
        """The YAML text of each pack by a file name, from which `load_set` makes the same set."""
        return {f"{pack.name}.yaml": pack.text for pack in self.packs}

    def _awake(self, pack: Pack) -> Pack:
        """The pack without its resting rules."""
        rules = tuple(rule for rule in pack.rules if rule.id not in self.resting)
        return pack if len(rules) == len(pack.rules) else replace(pack, rules=rules)

    def _others(self, present: Sequence[Pack]) -> tuple[Rule, ...]:
        """Rules that are not among the present ones, each once."""
        ids = {rule.id for pack in present for rule in pack.rules}
        rest = [*(rule for pack in self.packs for rule in pack.rules), *self.retired]
        return tuple({rule.id: rule for rule in reversed(rest) if rule.id not in ids}.values())


def load_set(files: Mapping[str, str], standings: Mapping[str, Standing] | None = None) -> PackSet:
    """The packs written in `files`, YAML text by file name.

    One of them is `pack: first`; the others may come in any order. `standings` says by file name
    what holds beside a text.

    Raises:
        PackError: every fault of every file, with file and line; then no pack is of use.
    """
    faults: list[str] = []
    packs: dict[str, Pack] = {}
    owners: dict[str, str] = {}
    for name in sorted(files, key=lambda name: (not _is_first(files[name], name), name)):
        try:
            pack = load(
                files[name],
                name=name,
                first=packs.get(FIRST),
                elsewhere=owners,
                standing=(standings or {}).get(name),
            )
        except PackError as error:
            faults += error.faults
            continue
        if pack.name in packs:
            faults.append(f"{name}:1: the pack {pack.name} is written twice")
        packs[pack.name] = pack
        owners |= {rule.id: pack.name for rule in pack.rules}
    if FIRST not in packs and not faults:
        faults.append(f"{_FIRST_FILE}:1: there is no pack {FIRST}")
    if not faults and packs[FIRST].mode is not Mode.LIVE:
        faults.append(f"{_FIRST_FILE}:1: the first pack holds what all share and is always live")
    if faults:
        raise PackError(faults)
    return PackSet(packs=tuple(packs.values()), standings=standings or {})


def _line_of_name(text: str) -> int:
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if line.startswith("pack:")), 1)


def _is_first(text: str, name: str) -> bool:
    stated = any(line.split("#")[0].split() == ["pack:", FIRST] for line in text.splitlines())
    return stated or name == _FIRST_FILE


def _joined(packs: Iterable[Pack], retired: tuple[Rule, ...]) -> Pack:
    """One pack of all rules in their order; it bears the name of each, and the first's version."""
    first, *others = packs
    rules = tuple(rule for pack in (first, *others) for rule in pack.rules)
    name = "+".join(pack.name for pack in (first, *others))
    text = "" if others else first.text
    return replace(first, name=name, rules=rules, text=text, retired=retired)
