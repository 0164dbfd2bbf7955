"""What leaves the house in a message: how many, how urgent, and where to look. Pure.

No name, no value, no diagnosis and no rule: whoever reads over a shoulder, or runs the messenger,
learns that an alert waits (design law 9).
"""

from dataclasses import dataclass

from rules.vocabulary import Priority
from service.notify.notifier import Message

_STAFF_ZH = {
    Priority.EMERGENCY: "紧急",
    Priority.URGENT: "加急",
    Priority.SOON: "近日处理",
    Priority.ROUTINE: "常规",
}
_STAFF_EN = {
    Priority.EMERGENCY: "emergency",
    Priority.URGENT: "urgent",
    Priority.SOON: "soon",
    Priority.ROUTINE: "routine",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A subject line and the text under it."""

    title: str
    body: str


def for_staff(message: Message, link: str) -> Wording:
    """Asks for an answer: the numbers of each priority, the most urgent first, and the link."""
    counts: dict[Priority, int] = {}
    for item in message.items:
        counts[item.priority] = counts.get(item.priority, 0) + 1
    ordered = sorted(counts.items(), reverse=True)
    urgent = ordered[0][0] if ordered else Priority.SOON
    if message.language == "en":
        numbers = ", ".join(f"{number} {_STAFF_EN[priority]}" for priority, number in ordered)
        return Wording(
            title=f"Hearthwatch: {_STAFF_EN[urgent]}",
            body=f"Waiting for your answer: {numbers}. Look and answer: {link}",
        )
    numbers = "，".join(f"{_STAFF_ZH[priority]} {number} 条" for priority, number in ordered)
    return Wording(
        title=f"守望提醒：{_STAFF_ZH[urgent]}",
        body=f"等待您答复：{numbers}。查看并答复：{link}",
    )


def for_home(message: Message, link: str) -> Wording:
    """Tells somebody at home to look at their page, and not to wait."""
    if message.language == "en":
        return Wording(
            title="Hearthwatch: please look at your page",
            body=f"There is a message for you: {link} Do not wait: if somebody feels badly unwell, "
            "call 120 now.",
        )
    return Wording(
        title="守望：请查看您的页面",
        body=f"有一条给您的消息：{link} 请不要等待：如果有人感到严重不适，请马上拨打120。",
    )


def for_drill(language: str, link: str) -> Wording:
    """The monthly question whether somebody is there."""
    if language == "en":
        return Wording(
            title="Hearthwatch: monthly test",
            body=f"This is the monthly test that you can be reached. Please confirm: {link}",
        )
    return Wording(
        title="守望：每月联络测试",
        body=f"这是每月一次的联络测试，请确认您能收到：{link}",
    )
