"""One line of a table as it came from a spreadsheet, read into what it says. Pure.

`TABLES` is the literal list of what can be imported and exported: for each kind its columns, with
the heading in English and in Chinese. A cell that cannot be read refuses its line by name; nothing
is guessed. Instants stand in the county's time, days are calendar days, both ends included.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from rules.words import WORDS, Parameter

_Word = TypeVar("_Word", bound=StrEnum)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_YES = frozenset({"yes", "true", "1", "是", "y"})
_NO = frozenset({"no", "false", "0", "否", "n", ""})


class Kind(StrEnum):
    """What a table's lines are; in the order in which a new county is filled."""

    INSTITUTIONS = "institutions"
    STAFF = "staff"
    HOUSEHOLDS = "households"
    PEOPLE = "people"
    TEAMS = "teams"
    TEAM_MEMBERS = "team_members"
    CONTRACTS = "contracts"
    LEAVES = "leaves"
    SHIFTS = "shifts"
    REFERRALS = "referrals"
    STATUSES = "statuses"
    DEVICES = "devices"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in files, its Chinese heading, and whether it must be filled."""

    name: str
    zh: str
    needed: bool = True


def _columns(*words: str) -> tuple[Column, ...]:
    """Columns from `name 名称`, with a `?` after what may be empty."""
    made: list[Column] = []
    for each in words:
        name, _, zh = each.partition(" ")
        made.append(Column(name.rstrip("?"), zh, needed=not name.endswith("?")))
    return tuple(made)


TABLES: Mapping[Kind, tuple[Column, ...]] = {
    Kind.INSTITUTIONS: _columns(
        "institution 机构", "level 级别", "name 名称", "parent? 上级机构", "area 区域"
    ),
    Kind.STAFF: _columns(
        "staff 工号",
        "name 姓名",
        "role 角色",
        "institution 机构",
        "phone? 电话",
        "duty_desk? 值班台",
    ),
    Kind.HOUSEHOLDS: _columns("household 家庭", "area 区域", "address? 地址"),
    Kind.PEOPLE: _columns(
        *("person 居民", "name 姓名", "birth_year? 出生年", "sex? 性别", "phone? 电话"),
        *(
            "household? 家庭",
            "area? 区域",
            "conditions? 疾病",
            "drug_classes? 用药",
            "pregnant? 妊娠",
        ),
    ),
    Kind.TEAMS: _columns("team 团队", "name 名称", "institution 机构"),
    Kind.TEAM_MEMBERS: _columns(
        "team 团队", "staff 工号", "part 职责", "first_day 开始日期", "last_day? 结束日期"
    ),
    Kind.CONTRACTS: _columns(
        *("person 居民", "family_doctor 家庭医生", "village_doctor? 村医", "institution 机构"),
        *("team? 团队", "first_day 开始日期", "last_day? 结束日期"),
    ),
    Kind.LEAVES: _columns(
        "staff 工号", "first_day 开始日期", "last_day 结束日期", "deputy? 代班人"
    ),
    Kind.SHIFTS: _columns(
        "institution 机构", "staff 工号", "starts_at 开始时间", "ends_at 结束时间"
    ),
    Kind.REFERRALS: _columns(
        *("from_institution 转出机构", "to_institution 转入机构", "direction 方向"),
        *("first_day 开始日期", "last_day? 结束日期"),
    ),
    Kind.STATUSES: _columns(
        "person 居民", "status 状态", "starts_at 开始时间", "expires_at? 到期时间", "source 来源"
    ),
    Kind.DEVICES: _columns("person 居民", "device 设备", "worn_from 佩戴起始", "slot? 用户号"),
}


class LineError(ValueError):
    """A cell cannot be read; `column` names it."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class HeadingError(ValueError):
    """The first line lacks columns that are needed; the text names them."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one line by column; each reader refuses what it cannot read.

    Every method raises `LineError` with the column's name.
    """

    values: Mapping[str, str]
    zone: ZoneInfo

    def text(self, column: str) -> str:
        """A text that is there, of at most 300 letters."""
        value = self.values.get(column, "")
        if not value or len(value) > 300 or not value.isprintable():  # noqa: PLR2004
            raise LineError(column)
        return value

    def maybe(self, column: str) -> str | None:
        """A text, None where the cell is empty."""
        return self.text(column) if self.values.get(column, "") else None

    def day(self, column: str) -> date:
        """A calendar day, 2026-09-01 or 2026/9/1; a spreadsheet writes midnight behind it."""
        value = self.text(column).replace("/", "-").removesuffix(" 00:00:00")
        try:
            year, month, number = (int(part) for part in value.split("-"))
            return date(year, month, number)
        except ValueError as error:
            raise LineError(column) from error

    def maybe_day(self, column: str) -> date | None:
        """A calendar day, None where the cell is empty."""
        return self.day(column) if self.values.get(column, "") else None

    def instant(self, column: str) -> datetime:
        """An instant in the county's time, 2026-09-01 08:00; an offset may be given."""
        try:
            at = datetime.fromisoformat(self.text(column).replace("/", "-"))
        except ValueError as error:
            raise LineError(column) from error
        return at if at.tzinfo is not None else at.replace(tzinfo=self.zone)

    def maybe_instant(self, column: str) -> datetime | None:
        """An instant, None where the cell is empty."""
        return self.instant(column) if self.values.get(column, "") else None

    def number(self, column: str, least: int, most: int) -> int | None:
        """A whole number within bounds, None where the cell is empty."""
        value = self.maybe(column)
        if value is None:
            return None
        try:
            number = int(value.removesuffix(".0"))
        except ValueError as error:
            raise LineError(column) from error
        if not least <= number <= most:
            raise LineError(column)
        return number

    def yes(self, column: str) -> bool:
        """Yes or no, in either language; an empty cell is no."""
        value = self.values.get(column, "").lower()
        if value not in _YES | _NO:
            raise LineError(column)
        return value in _YES

    def word(
        self, column: str, words: Callable[[str], _Word], default: _Word | None = None
    ) -> _Word:
        """One of the words of an enumeration; `default` for an empty cell."""
        value = self.values.get(column, "")
        if not value and default is not None:
            return default
        try:
            return words(value.lower())
        except ValueError as error:
            raise LineError(column) from error

    def codes(self, column: str, kind: Parameter) -> frozenset[str] | None:
        """Codes divided by `;`; None for an empty cell (nobody knows), `-` for none at all.

        A word that no rule knows is refused: kept, it would make a list that looks complete.
        """
        value = self.maybe(column)
        if value is None:
            return None
        if value == "-":
            return frozenset()
        found = frozenset(part.strip().casefold() for part in value.replace("；", ";").split(";"))
        if not found <= WORDS[kind]:
            raise LineError(column)
        return found


def heading(kind: Kind, first_line: list[str]) -> list[str]:
    """The columns' names in the order of a file's first line; unknown columns are passed over.

    Raises:
        HeadingError: a needed column is not there.
    """
    known = {column.name: column.name for column in TABLES[kind]}
    known |= {column.zh: column.name for column in TABLES[kind]}
    names = [known.get(cell.strip().strip("\ufeff"), "") for cell in first_line]
    missing = [c.name for c in TABLES[kind] if c.needed and c.name not in names]
    if missing:
        raise HeadingError(", ".join(missing))
    return names


def cells(names: list[str], line: list[str], zone: ZoneInfo) -> Cells:
    """The cells of a line under their columns; what a spreadsheet escaped is itself again."""
    values = {
        name: unescaped(value.strip()) for name, value in zip(names, line, strict=False) if name
    }
    return Cells(values, zone)


def escaped(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def unescaped(text: str) -> str:
    """The cell as it was before `escaped`."""
    inner = text.removeprefix("'")
    return inner if inner != text and inner.startswith(_DANGEROUS) else text


def id_of(*parts: object) -> UUID:
    """The id of an imported row, the same for the same line: a repeat changes nothing."""
    return uuid5(NAMESPACE_OID, "hearthwatch import " + "/".join(map(str, parts)))
