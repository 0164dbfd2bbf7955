"""Which sets of rules are lived through beside the live ones, and under which name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway.pack_book import StoredPack, candidates, present
from rules.pack import Pack, PackError
from rules.pack_set import PackSet

IN_SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Rules that run together. `name` begins with what it is, and ends with the rules' hash.

    `versions` tells which packs are in it; `digest` which candidate, empty for the packs in shadow.
    """

    name: str
    pack: Pack
    versions: Mapping[str, int]
    digest: str = ""


def variants(
    shipped: PackSet, stored: Sequence[StoredPack], resting: Collection[str] = ()
) -> list[Variant]:
    """All rules in shadow together, if there are any, and each candidate in its pack's place.

    A candidate that cannot run with what holds now is left out.

    Raises:
        PackError: the packs that hold cannot run together.
    """
    packs = present(shipped, stored, resting)
    versions = {pack.name: pack.version for pack in packs.packs}
    found: list[Variant] = []
    if packs.has_shadow:
        pack = packs.beside
        found.append(Variant(name=_name(IN_SHADOW, pack), pack=pack, versions=versions))
    for one in candidates(stored):
        try:
            tried = packs.trial({f"{one.name}.yaml": one.text})
        except PackError:
            continue
        live = {name: versions[name] for name in tried.name.split("+") if name in versions}
        found.append(
            Variant(
                name=_name(one.name, tried),
                pack=tried,
                versions=live | {one.name: one.version},
                digest=one.digest,
            )
        )
    return found


def _name(what: str, pack: Pack) -> str:
    told = [*(rule.rule_hash for rule in pack.rules), *(item.source for item in pack.excludes)]
    return f"{what}-{sha256(chr(10).join(told).encode()).hexdigest()[:12]}"
