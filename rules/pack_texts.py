"""What the texts of a pack may not say, or leave unsaid, although they have a form.

Response times come from the priority (`packs/priorities.yaml`): a text that names one would be read
to a doctor long after the table has changed.
"""

import re
from collections.abc import Collection, Iterator

from rules.pack_format import PackFormat, RuleFormat, TextFormat

Path = tuple[str | int, ...]
Problem = tuple[Path, str]

_ZH_AMOUNT = r"[0-9０-９一二三四五六七八九十百两半数几]+(?:\.[0-9]+)?"
_ZH_UNIT = r"(?:分钟?|小时|钟头|刻钟?|天|日|周|星期|min|h|d)"
_EN_AMOUNT = (
    r"(?:[0-9]+(?:\.[0-9]+)?|half|an?|the|next|few|couple|of|one|two|three|four|five|six|seven"
    r"|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|sixty|seventy|ninety)"
)
_EN_UNIT = r"(?:min|h\b|hrs?\b|hour|day|week)"
_RESPONSE_TIME = re.compile(
    rf"{_ZH_AMOUNT}\s*个?半?\s*{_ZH_UNIT}\s*(?:之内|以内|内)"
    r"|当日|当天|[今本][日天晚周]\s*(?:之内|以内|内)"
    rf"|\b(?:with)?in\s+(?:{_EN_AMOUNT}[\s-]*)+{_EN_UNIT}|\bsame[- ]day\b",
    re.IGNORECASE,
)
_WINDOW = re.compile(r"within a (day|week)\Z", re.IGNORECASE)
_WINDOW_SPAN = {"day": "1d", "week": "7d"}
_CLAUSE_END = re.compile(r"[;；。,，.\n]")
_MEASURING = re.compile(r"测|读数|称重|measur|reading|repeat|retest|recheck|weigh", re.IGNORECASE)

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN = re.compile("[A-Za-z]")


def response_times(text: TextFormat, path: Path) -> Iterator[Problem]:
    """Each language of `text` that says within what time somebody acts."""
    for language, words in (("zh", text.zh), ("en", text.en)):
        found = _RESPONSE_TIME.search(words)
        if found:
            yield (*path, language), _told(found)


def title_times(rule: RuleFormat, path: Path, spans: Collection[str]) -> Iterator[Problem]:
    """The same of the title, which may name the rule's own window: twice "within a week" (`7d`)."""
    for place, problem in response_times(rule.title, (*path, "title")):
        found = _RESPONSE_TIME.search(rule.title.en)
        window = _WINDOW.match(found[0]) if found and place[-1] == "en" else None
        if not (window and _WINDOW_SPAN[window[1].lower()] in spans):
            yield place, problem


def confirm_times(rule: RuleFormat, path: Path) -> Iterator[Problem]:
    """The same of what the patient is asked, but for when to measure again."""
    for language, words in (("zh", rule.confirm.zh), ("en", rule.confirm.en)):
        for clause in _CLAUSE_END.split(words):
            found = _RESPONSE_TIME.search(clause)
            if found and not _MEASURING.search(clause):
                yield (*path, "confirm", language), _told(found)


def missing_words(form: PackFormat) -> Iterator[Problem]:
    """Each text that has no Chinese character in `zh`, or no letter in `en`."""
    texts: list[tuple[Path, TextFormat]] = [(("title",), form.title)]
    rules: list[tuple[Path, RuleFormat]] = [(("minor",), form.minor)] if form.minor else []
    rules += [(("rules", index), rule) for index, rule in enumerate(form.rules)]
    texts += [found for path, rule in rules for found in _texts(rule, path)]
    for path, text in texts:
        if not _CHINESE.search(text.zh):
            yield (*path, "zh"), "says nothing in Chinese"
        if not _LATIN.search(text.en):
            yield (*path, "en"), "says nothing in English"


def _texts(rule: RuleFormat, path: Path) -> Iterator[tuple[Path, TextFormat]]:
    fields = ("title", "confirm", "action", "patient", "owner")
    told = (rule.title, rule.confirm, rule.action, rule.patient, rule.owner)
    yield from (((*path, field), text) for field, text in zip(fields, told, strict=True))
    yield (*path, "clear", "text"), rule.clear.text
    for index, prompt in enumerate(rule.prompts):
        yield (*path, "prompts", index, "patient"), prompt.patient
        yield (*path, "prompts", index, "follower"), prompt.follower


def _told(found: re.Match[str]) -> str:
    return f"{found[0]!r} is a response time: those come from the priority"
