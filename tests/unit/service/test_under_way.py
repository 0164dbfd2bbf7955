"""One message is under way at a time, and nothing more urgent waits for a receiver that hangs."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary import Priority
from service.notify import under_way as module
from service.notify.notifier import Channel, Outcome, Result
from service.notify.under_way import GAVE_WAY, Turns, UnderWay

TAKEN = Outcome(result=Result.DELIVERED, detail="taken")
WAYS: tuple[Channel, ...] = (Channel.WEBHOOK, Channel.WECOM, Channel.SMS, Channel.EMAIL)


async def hangs() -> Outcome:
    await asyncio.Event().wait()
    return TAKEN


async def yes() -> bool:
    return True


async def test_two_messages_are_never_under_way_together() -> None:
    out, inside, most = UnderWay(), 0, 0

    async def send() -> Outcome:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return TAKEN

    async def leave() -> None:
        async with out.turn():
            assert await out.attempt(send, yes) is TAKEN

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(leave())
    assert most == 1


async def test_a_receiver_that_hangs_gives_way_only_to_what_is_more_urgent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not before it had its own time, which is longer the oftener it was tried."""
    monkeypatch.setattr(module, "SHORTEST_S", 0.1)
    asked: list[float] = []
    loop = asyncio.get_running_loop()

    async def at_the_third_look() -> bool:
        asked.append(loop.time())
        return len(asked) >= 3

    for number, least_s in ((1, 0.1), (3, 0.3), (9, 0.3)):
        asked.clear()
        began_s = loop.time()
        assert await UnderWay().attempt(hangs, at_the_third_look, number=number) is GAVE_WAY
        assert asked[0] - began_s >= least_s
    assert GAVE_WAY.result is Result.RETRY_LATER


async def test_an_answer_in_time_is_the_outcome_however_urgent_the_next_one_is() -> None:
    async def soon() -> Outcome:
        await asyncio.sleep(0.05)
        return TAKEN

    assert await UnderWay().attempt(soon, yes) is TAKEN


def test_emergencies_go_first_and_a_way_that_hangs_last() -> None:
    turns = Turns(WAYS)
    due = dict.fromkeys(WAYS, Priority.SOON)
    assert turns.choose(due) is Channel.WEBHOOK
    turns.note(Channel.WEBHOOK, 10.0)  # it hung
    assert turns.choose(due) is Channel.WECOM
    assert turns.choose({**due, Channel.WEBHOOK: Priority.EMERGENCY}) is Channel.WEBHOOK
    every = dict.fromkeys(WAYS, Priority.EMERGENCY)
    assert turns.choose(every) is Channel.WECOM


@given(
    takes=st.dictionaries(
        st.sampled_from(WAYS), st.floats(min_value=0.01, max_value=10.0), min_size=2
    ),
    rounds=st.integers(min_value=50, max_value=200),
)
def test_no_way_waits_for_ever_and_none_gets_more_time_than_another(
    takes: dict[Channel, float], rounds: int
) -> None:
    """With something due on every way all the time, their shares differ by two messages at most."""
    turns = Turns(WAYS)
    used = dict.fromkeys(takes, 0.0)
    for _ in range(rounds):
        chosen = turns.choose(dict.fromkeys(takes, Priority.SOON))
        turns.note(chosen, takes[chosen])
        used[chosen] += takes[chosen]
    assert max(used.values()) - min(used.values()) <= 2 * max(takes.values())
