"""A template and its facts become a page in the reader's language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.permissions import Permission, allows
from service.services import services_of
from service.store.records import Account
from service.web.blind_view import blind_lines
from service.web.language import LOCALES, known_language, say
from service.web.words import word

LANGUAGE_COOKIE = "hearthwatch_language"
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tab:
    path: str
    text: str


def language_of(request: Request, account: Account | None) -> str:
    """The account's language; before log-in the cookie's, else the county's."""
    if account is not None:
        return known_language(account.language)
    default = services_of(request).settings.language
    return known_language(request.cookies.get(LANGUAGE_COOKIE), default)


def render(
    request: Request,
    account: Account | None,
    template: str,
    facts: Mapping[str, object],
    *,
    status: int = 200,
) -> HTMLResponse:
    """The page `template` filled with `facts`; never kept by a cache, people's data is in it."""
    services = services_of(request)
    language = language_of(request, account)
    page = environment(language, services.settings.county_zone).get_template(template)
    text = page.render(
        **facts,
        account=account,
        demo=services.settings.demo,
        now=services.clock.now(),
        tabs=_tabs(account, language),
        here=request.url.path,
        blind=blind_lines(services.board, account, services.settings.release_floor),
        floor=services.settings.release_floor,
    )
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})


def first_page(account: Account) -> str:
    """The path where this role's work begins."""
    for permission, path in (
        (Permission.READ_WORKLIST, "/doctor"),
        (Permission.READ_OWN, "/patient"),
        (Permission.READ_SIGNALS, "/signals"),
        (Permission.READ_QUARANTINE, "/admin"),
    ):
        if allows(account.role, permission):
            return path
    return "/login"


@cache
def environment(language: str, zone: ZoneInfo) -> Environment:
    """The template environment of one language and county zone; escapes everything."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    writer = _Filters(language=language, zone=zone)
    # jinja2 annotates both tables with the exact types of its own entries.
    names = cast("dict[str, object]", made.globals)
    names["_"] = writer.sentence
    names["language"] = language
    names["language_tag"] = LOCALES[language].replace("_", "-")
    filters = cast("dict[str, Callable[..., str]]", made.filters)
    filters["moment"] = writer.moment
    filters["clock"] = writer.clock
    filters["day"] = writer.day
    filters["since"] = writer.since
    filters["lasting"] = writer.lasting
    filters["word"] = writer.word
    filters["local"] = writer.local
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filters:
    """How a page writes a sentence, an instant, a day and a code."""

    language: str
    zone: ZoneInfo

    def sentence(self, text: str, **values: object) -> str:
        """The sentence in the page's language, with its `%(name)s` places filled."""
        translated = say(self.language, text)
        return translated % values if values else translated

    def moment(self, at: datetime) -> str:
        """Day and minute in the county's zone."""
        pattern = "M月d日 HH:mm" if self.language == "zh" else "d MMM HH:mm"
        return self._format(at, pattern)

    def clock(self, at: datetime) -> str:
        """Hour and minute in the county's zone."""
        return self._format(at, "HH:mm")

    def day(self, at: datetime) -> str:
        """A calendar day, written short."""
        pattern = "M月d日" if self.language == "zh" else "d MMM"
        return format_date(at, pattern, locale=LOCALES[self.language])

    def local(self, at: datetime) -> str:
        """What a `datetime-local` field wants: county time without a zone."""
        return at.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")

    def since(self, at: datetime, now: datetime) -> str:
        """How long ago in whole minutes, hours or days."""
        minutes = max(0, int((now - at) / timedelta(minutes=1)))
        if minutes < 60:  # noqa: PLR2004 -- minutes in an hour
            return say(self.language, "%(n)s min ago") % {"n": minutes}
        if minutes < 48 * 60:
            return say(self.language, "%(n)s h ago") % {"n": minutes // 60}
        return say(self.language, "%(n)s days ago") % {"n": minutes // 1440}

    def lasting(self, at: datetime, now: datetime) -> str:
        """How long it has lasted, in whole minutes, hours or days."""
        minutes = max(0, int((now - at) / timedelta(minutes=1)))
        if minutes < 1:
            return say(self.language, "less than a minute")
        if minutes < 120:  # noqa: PLR2004 -- two hours, in minutes
            return say(self.language, "%(n)s min") % {"n": minutes}
        if minutes < 48 * 60:
            return say(self.language, "%(n)s h") % {"n": minutes // 60}
        return say(self.language, "%(n)s days") % {"n": minutes // 1440}

    def word(self, code: object, kind: str) -> str:
        """The word of a code; see `service.web.words`."""
        return word(self.language, kind, code)

    def _format(self, at: datetime, pattern: str) -> str:
        return format_datetime(at, pattern, tzinfo=self.zone, locale=LOCALES[self.language])


def _tabs(account: Account | None, language: str) -> list[_Tab]:
    if account is None:
        return []
    names = (
        (Permission.READ_WORKLIST, "/doctor", say(language, "Worklist")),
        (Permission.SETTLE_READINGS, "/whose", say(language, "Whose is this?")),
        (Permission.OPEN_TURN, "/clinic", say(language, "Clinic")),
        (Permission.ANSWER_CLUSTERS, "/clusters", say(language, "Together")),
        (Permission.READ_PEOPLE, "/people", say(language, "My people")),
        (Permission.READ_OWN, "/patient", say(language, "My readings")),
        (Permission.CONSENT_OWN, "/patient/privacy", say(language, "My privacy")),
        (Permission.BREAK_GLASS, "/doctor/glass", say(language, "Break the glass")),
        (Permission.READ_SIGNALS, "/signals", say(language, "Warning signals")),
        (Permission.READ_COUNTS, "/cdc", say(language, "Townships")),
        (Permission.VERIFY_SIGNALS, "/verify", say(language, "Questions of the CDC")),
        (Permission.READ_RULES, "/rules", say(language, "Rules")),
        (Permission.PLAN_DUTY, "/duty", say(language, "Duty")),
        (Permission.READ_QUARANTINE, "/admin", say(language, "Operation")),
        (Permission.MANAGE_PEOPLE, "/manage", say(language, "Coverage")),
        (Permission.MANAGE_PEOPLE, "/alarms", say(language, "Alarms")),
        (Permission.ENROL, "/enrol", say(language, "Let in")),
    )
    return [
        _Tab(path=path, text=text)
        for permission, path, text in names
        if allows(account.role, permission)
    ]
