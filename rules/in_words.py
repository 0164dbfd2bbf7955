"""A rule as one sentence a doctor reads, generated from its fields in Chinese and English.

The same tree that the screen reads (`tree.py`) is told in words, so that what is written and what
runs cannot part. Every function of the language needs its two phrases here; a test asks for them.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rules.codes import QUANTITIES as CODES
from rules.conditions import FUNCTIONS
from rules.expression import Condition
from rules.phrases import IN_UNITS, LISTED, PHRASES, WORDS
from rules.rule import Age, Rule, Text
from rules.sentences import CERTAINTY, FRAME, QUANTITIES
from rules.tree import Tree
from rules.vocabulary import Priority, QuantityName, Vital
from rules.words import Parameter

_SPANS = {
    "m": ("分钟", " minute"),
    "h": ("小时", " hour"),
    "d": ("天", " day"),
}
_UNITS = {"mm[Hg]": "mmHg", "/min": "/min", "Cel": "°C"}
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}

_PRIORITIES: Mapping[Priority, Text] = MappingProxyType(
    {
        Priority.EMERGENCY: Text(zh="紧急", en="emergency"),
        Priority.URGENT: Text(zh="加急", en="urgent"),
        Priority.SOON: Text(zh="尽快", en="soon"),
        Priority.ROUTINE: Text(zh="常规", en="routine"),
    }
)


_AGES: Mapping[Age, Text] = MappingProxyType(
    {
        Age.MINOR: Text(zh="仅用于未满18岁者", en="for people under 18 only"),
        Age.ADULT_OR_UNKNOWN: Text(
            zh="用于成人及年龄未知者", en="for adults and people of unknown age"
        ),
    }
)
_NOT_PREGNANT = Text(
    zh="已知妊娠或产后42天内者除外",
    en="not for who is known to be pregnant or gave birth lately",
)
_AT_HOME = Text(zh="仅用于在家居住者", en="only while the person lives at home")
_SENSOR = Text(zh="只看动态血糖读数", en="only readings of a continuous sensor")
_DOUBTED = Text(zh="设备存疑的读数也算", en="one reading is enough also where the device doubts it")
_METER = Text(zh="血糖仪", en="a meter")


def rule_in_words(rule: Rule) -> Text:
    """When `rule` asks for a person, in one sentence a language."""
    return Text(zh=_Teller(rule, "zh").sentence(), en=_Teller(rule, "en").sentence())


def sources_in_words(rule: Rule, language: str) -> tuple[str, ...]:
    """Where the rule's numbers come from, and how sure that is; one line a source."""
    return tuple(
        f"{source.guideline}, {source.section} ("
        + FRAME["certainty"]
        .in_language(language)
        .format(certainty=CERTAINTY[source.certainty].in_language(language))
        + ")"
        for source in rule.sources
    )


def condition_in_words(condition: Condition, language: str, level: Condition | None = None) -> str:
    """One condition in words; `level` is the rule's danger level that it may speak of."""
    return _Words(language, level).of(condition.tree)


class _Teller:
    """One rule in one language."""

    def __init__(self, rule: Rule, language: str) -> None:
        self._rule = rule
        self._zh = language == "zh"
        self._language = language

    def sentence(self) -> str:
        parts = [*self._for_whom(), *self._limbs(), *self._waits(), *self._beside()]
        parts += self._prompts()
        title = self._rule.title.in_language(self._language)
        priority = _PRIORITIES[self._rule.priority].in_language(self._language)
        joint = "；" if self._zh else "; "
        if self._zh:
            return f"{title}（{priority}）：{joint.join(parts)}。"
        return f"{title} ({priority}): {joint.join(parts)}."

    def _for_whom(self) -> list[str]:
        """Of whom and of which readings it speaks, where that is not everybody and all of them."""
        rule, who = self._rule, self._rule.population
        said = [_AGES[who.age]] if who.age in _AGES else []
        said += [] if who.pregnancy else [_NOT_PREGNANT]
        said += [_AT_HOME] if who.at_home else []
        said += [_SENSOR] if rule.vitals == frozenset({Vital.GLUCOSE_CGM}) else []
        said += [_DOUBTED] if rule.immediate is not None and rule.immediate.flagged else []
        return [text.in_language(self._language) for text in said]

    def _words(self, condition: Condition) -> str:
        return condition_in_words(condition, self._language, self._rule.level)

    def _limbs(self) -> list[str]:
        rule = self._rule
        alone = [] if rule.immediate is None else [self._words(rule.immediate.when)]
        together = [self._words(limb) for limb in rule.limbs.values()]
        absent = [self._words(limb) for limb in rule.absences.values()]
        if self._zh:
            told = [f"单次读数{words}即报警" for words in alone]
            return told + [f"{words}时报警" for words in together + absent]
        told = [f"rings on one reading when {words}" for words in alone]
        return told + [f"rings when {words}" for words in together + absent]

    def _waits(self) -> list[str]:
        pending = self._rule.pending
        if pending is None:
            return []
        when, ends = self._words(pending.when), pending.unless.tree
        rings_on = ends.kind == "sign" and ends.text == "!" and ends.parts[0].kind == "call"
        told = _Words(self._language, self._rule.level).of(ends.parts[0] if rings_on else ends)
        minutes = int(pending.wait.total_seconds()) // 60
        wait = minutes_in_words(minutes, self._language)
        if self._zh:
            return [f"若{when}，{wait}内{'' if rings_on else '没有'}{told}，按“未证实”报警"]
        some = "" if rings_on else "not "
        return [f"when {when} and within {wait} {some}{told}, it rings as unconfirmed"]

    def _beside(self) -> list[str]:
        if not self._rule.needs_urgent_case:
            return []
        zh, en = (
            "仅在该读数所属的加急病例仍未结案时",
            "only while the urgent case of that reading is open",
        )
        return [zh if self._zh else en]

    def _prompts(self) -> list[str]:
        rule = self._rule
        if not rule.prompts or rule.level is None:
            return []
        when = [
            minutes_in_words(minutes, self._language) if minutes else ""
            for minutes in (int(one.after.total_seconds()) // 60 for one in rule.prompts)
        ]
        level = self._words(rule.level)
        if self._zh:
            times = "、".join(f"{text}后" if text else "即刻" for text in when)
            return [f"{level}时，{times}提示本人及其同意的家人"]
        times = " and ".join(f"after {text}" if text else "at once" for text in when)
        told = "the person and the relatives they allow are told"
        return [f"when {level}, {told} {times}"]


class _Words:
    """One tree in one language."""

    def __init__(self, language: str, level: Condition | None) -> None:
        self._language = language
        self._zh = language == "zh"
        self._level = level

    def of(self, tree: Tree, *, inside: bool = False) -> str:
        """The words of a node; `inside` another one, a joined one stands in brackets."""
        if tree.kind == "call":
            return self._call(tree)
        if tree.kind in {"number", "string"}:
            return tree.text
        if tree.text in {"&&", "||"}:
            return self._joined(tree, inside=inside)
        if tree.text in _SIGNS:
            return self._compared(tree)
        if len(tree.parts) == 1:
            return self._turned(tree, inside=inside)
        left, right = (self.of(part, inside=True) for part in tree.parts)
        return f"{left} {tree.text.replace('*', '×')} {right}"

    def _joined(self, tree: Tree, *, inside: bool) -> str:
        word = {("&&", True): "且", ("||", True): "或", ("&&", False): " and "}
        joint = word.get((tree.text, self._zh), " or ")
        parts = [self.of(part, inside=True) for part in _flat(tree, tree.text)]
        text = joint.join(parts)
        if not inside:
            return text
        return f"（{text}）" if self._zh else f"({text})"

    def _turned(self, tree: Tree, *, inside: bool) -> str:
        inner = self.of(tree.parts[0], inside=True)
        if tree.text == "-":
            return f"-{inner}"
        text = f"不是{inner}" if self._zh else f"it is not so that {inner}"
        if not inside:
            return text
        return f"（{text}）" if self._zh else f"({text})"

    def _compared(self, tree: Tree) -> str:
        left, right = (self.of(part, inside=True) for part in tree.parts)
        unit = _unit_of(tree.parts[0])
        return f"{left} {_SIGNS[tree.text]} {right}{unit}".rstrip()

    def _call(self, tree: Tree) -> str:
        if tree.text == "at_level":
            return self._at_level()
        phrase = PHRASES[tree.text]
        template = phrase.in_language(self._language)
        return template.format(*self._arguments(tree), level=self._at_level())

    def _at_level(self) -> str:
        if self._level is None:
            return "达到危险水平" if self._zh else "the danger level is reached"
        return _Words(self._language, None).of(self._level.tree, inside=True)

    def _arguments(self, tree: Tree) -> list[str]:
        if tree.text in LISTED:
            fixed = LISTED[tree.text]
            words = [self._argument(part) for part in tree.parts]
            rest = ("、" if self._zh else ", ").join(words[fixed:])
            return [*words[:fixed], rest]
        told = [self._argument(part) for part in tree.parts]
        takes = FUNCTIONS[tree.text].takes
        if takes[:1] == (Parameter.KIND,) and tree.parts[0].text == QuantityName.GLUCOSE:
            told[0] = _METER.in_language(self._language)  # not the quantity of that name
        return told

    def _argument(self, tree: Tree) -> str:
        if tree.kind != "string":
            return self.of(tree, inside=True)
        if tree.text[:1].isdigit():
            return span_in_words(tree.text, self._language)
        word = QUANTITIES.get(tree.text) or WORDS.get(tree.text)
        return word.in_language(self._language) if word else _SIGNS.get(tree.text, tree.text)


def span_in_words(span: str, language: str) -> str:
    """`30m` as 30分钟 or 30 minutes."""
    zh, en = _SPANS[span[-1]]
    number = span[:-1]
    if language == "zh":
        return f"{number}{zh}"
    return f"{number}{en}" if number == "1" else f"{number}{en}s"


def minutes_in_words(minutes: int, language: str) -> str:
    """20 as 20分钟 or 20 minutes, 120 as 2小时 or 2 hours."""
    return span_in_words(f"{minutes}m" if minutes % 60 else f"{minutes // 60}h", language)


def _flat(tree: Tree, sign: str) -> Sequence[Tree]:
    if tree.kind == "sign" and tree.text == sign:
        return [leaf for part in tree.parts for leaf in _flat(part, sign)]
    return [tree]


def _unit_of(tree: Tree) -> str:
    """The unit of what a numeric function gives; counts and days name theirs in the phrase."""
    if tree.kind != "call" or tree.text not in IN_UNITS:
        return ""
    unit = CODES[QuantityName(tree.parts[0].text)].unit
    return " " + _UNITS.get(unit, unit)
