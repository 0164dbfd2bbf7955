"""What the patient is told: who was contacted, whether anybody answered, and not to wait.

Pure. It never says that help is coming before a named person has answered, and never that a doctor
"knows" (hazard H19). The rule's own instruction stands beside it on the page; this is about people.

No text holds a name: where one stands there is `WHO`, and whoever shows the text puts in the names
(`in_chinese`, `in_english`). So what is kept of a message names nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rules.vocabulary import Family, Priority
from service.alerts.lifecycle import Answer


class MessageKind(StrEnum):
    """Which of the three things the patient is told."""

    CONTACTED = "contacted"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"


WHO = "{who}"
"""Where the names stand in a text that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientText:
    """One message in both languages, with `WHO` where names stand."""

    kind: MessageKind
    zh: str
    en: str


_DANGER_ZH = "胸痛、气短、一侧手脚无力、说话不清、看不清、剧烈头痛、意识不清或抽搐"
_DANGER_EN = (
    "chest pain, short breath, weakness on one side, slurred speech, trouble seeing, "
    "a very bad headache, confusion or a seizure"
)
_LOW_SUGAR_ZH = "意识不清、叫不醒、抽搐或不能吞咽"
_LOW_SUGAR_EN = "confusion, being hard to wake, a seizure or trouble swallowing"

_ANSWERS_ZH = {
    Answer.SEEN: "已看到您的测量结果",
    Answer.CONTACTED: "表示已与您联系",
    Answer.GOING: "表示正在去您那里",
}
_ANSWERS_EN = {
    Answer.SEEN: "has looked at your reading",
    Answer.CONTACTED: "says they have contacted you",
    Answer.GOING: "says they are on the way to you",
}


_AT_HOME_ZH = {
    Answer.SEEN: "已看到测量结果",
    Answer.CONTACTED: "表示已与本人联系",
    Answer.GOING: "表示正在去您家",
}
_AT_HOME_EN = {
    Answer.SEEN: "has looked at it",
    Answer.CONTACTED: "says they have contacted the person",
    Answer.GOING: "says they are on the way to your home",
}


def is_told(priority: Priority, *, dated: bool) -> bool:
    """Whether the patient hears of this alert at all: from urgent up, and not of an old point."""
    return priority >= Priority.URGENT and not dated


def in_chinese(text: str, names: Sequence[str]) -> str:
    """A kept text as it is read; without a name that is still known it says *your doctor*."""
    return text.replace(WHO, "、".join(names) or "您的医生")


def in_english(text: str, names: Sequence[str]) -> str:
    """The same in English."""
    return text.replace(WHO, ", ".join(names) or "your doctor")


def told(*, reached: bool, step: int, family: Family) -> PatientText:
    """After a tier was told: `WHO` were contacted, nobody has answered yet; `step` from 0.

    Without `reached` nobody was.
    """
    kind = MessageKind.CONTACTED if step == 0 else MessageKind.UNANSWERED
    if reached:
        again_zh, again_en = ("已经通知", "have") if step == 0 else ("又通知了", "have now also")
        zh = f"我们{again_zh}：{WHO}。目前还没有人回应。"
        en = f"We {again_en} contacted: {WHO}. Nobody has answered yet. "
    else:
        zh = "目前没有联系到任何医生。"
        en = "No doctor has been reached so far. "
    return PatientText(kind=kind, zh=zh + _now_zh(family), en=en + _now_en(family))


def told_at_home(*, reached: bool, step: int, family: Family) -> PatientText:
    """The same for somebody else of the home: a measurement at home needs looking after."""
    text = told(reached=reached, step=step, family=family)
    return PatientText(
        kind=text.kind,
        zh=f"您家里有一次测量需要马上关注，请看看家人是否安好。{text.zh}",
        en="A measurement in your home needs attention now: please look after your family. "
        + text.en,
    )


def answered(said: Answer, family: Family) -> PatientText:
    """After `WHO` has answered with `said` (which is not `cannot`)."""
    return PatientText(
        kind=MessageKind.ANSWERED,
        zh=f"{WHO}{_ANSWERS_ZH[said]}。{_now_zh(family)}",
        en=f"{WHO} {_ANSWERS_EN[said]}. {_now_en(family)}",
    )


def answered_at_home(said: Answer, family: Family) -> PatientText:
    """The same for somebody else of the home, who was told that nobody had answered."""
    return PatientText(
        kind=MessageKind.ANSWERED,
        zh=f"关于您家里的那次测量：{WHO}{_AT_HOME_ZH[said]}。{_now_zh(family)}",
        en=f"About the measurement in your home: {WHO} {_AT_HOME_EN[said]}. {_now_en(family)}",
    )


def _now_zh(family: Family) -> str:
    signs = _LOW_SUGAR_ZH if family is Family.GLUCOSE else _DANGER_ZH
    return f"请不要等待：如果出现{signs}，请马上拨打120。"


def _now_en(family: Family) -> str:
    signs = _LOW_SUGAR_EN if family is Family.GLUCOSE else _DANGER_EN
    return f"Do not wait: if there is {signs}, call 120 now."
