"""What an account is told of what cannot be seen right now: calm sentences, nobody's data.

Clinicians hear of the county and of silent hubs where their patients live; the CDC of townships
only, and from the county's floor of silent hubs on (design law 8): a small number could be known
homes; administrators of everything; patients of nothing here (their own hub tells them what to do).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.blind import Board, Trouble, TroubleKind
from service.permissions import Permission, Role, allows
from service.store.records import Account
from service.web.language import mark


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindLine:
    """One sentence with the places `since` and `lasting`, which the page fills, and `values`."""

    text: str
    since: datetime
    values: Mapping[str, object] = field(default_factory=dict[str, object])


_CLINICAL = {
    TroubleKind.CORE_DOWN: mark(
        "New measurements have not been judged since %(since)s (%(lasting)s). They are kept in the "
        "homes, where the hub still warns of the most dangerous values, and are judged when this "
        "is over."
    ),
    TroubleKind.BROKER_LOST: mark(
        "No measurement has reached the county since %(since)s (%(lasting)s). They are kept in the "
        "homes, where the hub still warns of the most dangerous values, and come when this is over."
    ),
    TroubleKind.DATABASE_SLOW: mark(
        "The county's data have been slow to reach since %(since)s (%(lasting)s). What you see may "
        "be late."
    ),
    TroubleKind.CANARY_LATE: mark(
        "A test alert has not reached a doctor's page since %(since)s (%(lasting)s). Real alerts "
        "may be late, too: please call patients you worry about."
    ),
}
_COUNTS = {
    TroubleKind.CORE_DOWN: mark(
        "The county has taken in no measurements since %(since)s (%(lasting)s). Counts of these "
        "days come late."
    ),
    TroubleKind.BROKER_LOST: mark(
        "The county has taken in no measurements since %(since)s (%(lasting)s). Counts of these "
        "days come late."
    ),
    TroubleKind.DATABASE_SLOW: _CLINICAL[TroubleKind.DATABASE_SLOW],
    TroubleKind.CANARY_LATE: mark(
        "Alerts to doctors may have been late since %(since)s (%(lasting)s). Counts are not "
        "affected."
    ),
}
_HUBS = mark(
    "%(silent)s of %(hubs)s hubs in %(place)s have not been heard since %(since)s (%(lasting)s). "
    "No news from there is not good news."
)
_TOWNSHIP = mark(
    "Homes in %(place)s have not been heard since %(since)s (%(lasting)s). Counts from there will "
    "be too low."
)


def blind_lines(board: Board, account: Account | None, floor: int) -> list[BlindLine]:
    """The sentences for this account, the oldest trouble first; none for patients or nobody.

    Fewer silent hubs than `floor` are not named to the CDC.
    """
    if account is None or account.role is Role.PATIENT:
        return []
    clinical = not allows(account.role, Permission.READ_COUNTS)
    texts = _CLINICAL if clinical else _COUNTS
    county = [
        BlindLine(text=texts[trouble.kind], since=trouble.since)
        for trouble in board.troubles
        if trouble.kind in texts
    ]
    hubs = _for_clinicians(board, account) if clinical else _for_the_cdc(board, floor)
    return _once(sorted((*county, *hubs), key=lambda line: line.since))


def _silent(board: Board) -> list[Trouble]:
    return [one for one in board.troubles if one.kind is TroubleKind.HUBS_SILENT]


def _for_clinicians(board: Board, account: Account) -> Iterable[BlindLine]:
    everywhere = account.role in {Role.ADMINISTRATOR, Role.COUNTY_DUTY}
    for trouble in _silent(board):
        place = board.places.get(trouble.place)
        if everywhere or (place is not None and account.account_id in place.accounts):
            name = trouble.place if place is None else place.name
            values = {"silent": trouble.silent, "hubs": trouble.hubs, "place": name}
            yield BlindLine(text=_HUBS, since=trouble.since, values=values)


def _for_the_cdc(board: Board, floor: int) -> Iterable[BlindLine]:
    townships: dict[str, list[Trouble]] = {}
    for trouble in _silent(board):
        place = board.places.get(trouble.place)
        if place is not None and place.township is not None:
            townships.setdefault(place.township, []).append(trouble)
    for name, troubles in townships.items():
        if sum(trouble.silent for trouble in troubles) >= floor:
            since = min(trouble.since for trouble in troubles)
            yield BlindLine(text=_TOWNSHIP, since=since, values={"place": name})


def _once(lines: Iterable[BlindLine]) -> list[BlindLine]:
    """Two causes with the same words are one sentence, as old as the older."""
    said: dict[tuple[str, str], BlindLine] = {}
    for line in lines:
        said.setdefault((line.text, str(line.values)), line)
    return list(said.values())
