"""How do you feel? Asked on the hub's page beside a reading that a rule needs an answer for.

The answer is an observation like any other: of the device and user slot whose reading it answers,
so that whoever wears it has said it; spooled before anything else, judged by the local red path,
bound to a person by the core. A hub knows no name, and asks nobody else.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from urllib.parse import parse_qs

from rules.asking import Question
from rules.sentences import CONTEXT
from rules.vocabulary import DeviceRef, HubId, HubStamp, Observation, Origin, Vital

FINE = "ok"
LONGEST_ANSWER = 1024
"""Bytes of a form; a browser sends some 200."""

_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "zh": {
            "asked": "刚才用 {} 测量的人，现在感觉怎么样？有不舒服请按对应的一项：",
            "slot": "{}（用户{}）",
            "fine": "以上都没有，还好",
            "better": "吃过糖了，好多了",
        },
        "en": {
            "asked": "Whoever has just measured with {}: how do you feel? Press what you feel:",
            "slot": "{} (user {})",
            "fine": "None of these, all right",
            "better": "I have had sugar and feel better",
        },
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAsk:
    """A question to whoever measured with a device (one user slot of it)."""

    device: DeviceRef
    user_slot: int | None
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """One button: a symptom, or `FINE`; `session` is the radio session that nobody else has."""

    ask: HubAsk
    word: str

    def observation(self, hub: HubId, stamp: HubStamp, session: str) -> Observation:
        """The answer as it is spooled."""
        said = {"answer": FINE} if self.word == FINE else {"symptom": self.word}
        return Observation(
            device=self.ask.device,
            kind=Vital.SYMPTOM,
            quantities={},
            received=stamp,
            hub=hub,
            session=session,
            origin=Origin.PERSON,
            user_slot=self.ask.user_slot,
            context={**said, "by": "hub_word"},
            source="hub page",
        )


def forms(asks: Sequence[HubAsk], key: str, language: str) -> str:
    """The questions as HTML forms; `key` is what the answer must carry."""
    return "".join(_form(ask, key, language) for ask in asks)


def pressed(body: bytes, asks: Sequence[HubAsk], key: str) -> Pressed | None:
    """The button that a form says was pressed; None where nobody asks that (any more)."""
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=8, errors="strict")
    except ValueError:
        return None
    sent = {name: values[-1] for name, values in fields.items()}
    if not hmac.compare_digest(sent.get("key", "").encode(), key.encode()):
        return None
    ask = next((ask for ask in asks if _place(ask) == sent.get("of")), None)
    word = sent.get("said", "")
    if ask is None or (word != FINE and word not in ask.question.symptoms):
        return None
    return Pressed(ask=ask, word=word)


def _form(ask: HubAsk, key: str, language: str) -> str:
    texts = _TEXTS[language]
    device = escape(ask.device.key)
    who = device if ask.user_slot is None else texts["slot"].format(device, ask.user_slot)
    fine = texts["better"] if ask.question.waits else texts["fine"]
    words = [(word, CONTEXT[word].in_language(language)) for word in ask.question.symptoms]
    buttons = "".join(
        f'<button name="said" value="{word}">{escape(text)}</button>'
        for word, text in (*words, (FINE, fine))
    )
    return (
        f'<form method="post" action="/?lang={language}"><p>{texts["asked"].format(who)}</p>'
        f'<input type="hidden" name="key" value="{escape(key)}">'
        f'<input type="hidden" name="of" value="{escape(_place(ask))}">{buttons}</form>'
    )


def _place(ask: HubAsk) -> str:
    return f"{ask.device.key}#{'' if ask.user_slot is None else ask.user_slot}"
