"""How do you feel? The question after a reading, in buttons; and what was told lately, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from rules.asking import MOST_DANGEROUS_FIRST, Question
from service.store.symptoms import AtHome, Feeling, Told
from service.web.language import say
from service.web.words import word


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLine:
    """What was told, and by whom."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeelingView:
    """One question.

    `path` takes the answer, `form` names this showing of it. `is_open`: a rule would use an answer
    now; otherwise the buttons wait folded. `waits`: something rings soon unless they answer.
    """

    path: str
    form: UUID
    is_open: bool
    waits: bool
    symptoms: tuple[str, ...]
    told: tuple[ToldLine, ...]
    alarming: bool


def feeling_view(feeling: Feeling, path: str, language: str) -> FeelingView:
    """The question of `feeling`; symptoms that were told already are not offered again."""
    return _view(path, feeling.asked, feeling.told, language)


def home_views(items: Sequence[AtHome], language: str) -> list[FeelingView]:
    """The same about others of the home; every symptom is offered, for no value may be shown."""
    any_of_them = Question(symptoms=MOST_DANGEROUS_FIRST)
    return [
        _view(f"/patient/feeling/{item.alert_id}", any_of_them, item.told, language)
        for item in items
    ]


def _view(path: str, asked: Question, told: Sequence[Told], language: str) -> FeelingView:
    known = {symptom for each in told for symptom in each.symptoms}
    offered = asked.symptoms or MOST_DANGEROUS_FIRST
    return FeelingView(
        path=path,
        form=uuid4(),
        is_open=asked.is_open,
        waits=asked.waits,
        symptoms=tuple(symptom for symptom in offered if symptom not in known),
        told=tuple(ToldLine(at=each.at, text=_text(each, language)) for each in told),
        alarming=bool(known),
    )


def _text(told: Told, language: str) -> str:
    named = say(language, ", ").join(word(language, "symptom", each) for each in told.symptoms)
    what = named or say(language, "all right")
    return f"{what} ({word(language, 'teller', told.teller)})"
