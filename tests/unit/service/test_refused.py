"""Lines of mosquitto about those who spoke under another's name, as counts by hour."""

from datetime import UTC, datetime

from service.enrolment.refused import MOST, refused_in

AT = 1_788_000_000  # 2026-08-29 10:40 UTC


def denied(at: int, client: str, topic: str) -> str:
    return f"{at}: Denied PUBLISH from {client} (d0, q1, r0, m7, '{topic}', ... (7 bytes))"


def test_attempts_are_counted_by_client_place_and_hour() -> None:
    lines = [
        denied(AT, "hub-a", "hw/1/up/hub-b/e/live/1"),
        denied(AT + 60, "hub-a", "hw/1/up/hub-b/e/live/2"),
        denied(AT + 3600, "hub-a", "hw/1/up/hub-b/e/live/3"),
        denied(AT + 5, "Acme~M1~1", "dev/1/Acme~M1~2/reading"),
        f"{AT}: New client connected from 127.0.0.1 as hub-a",
        "Denied PUBLISH from nobody (d0, q1, r0, m7, 'x', ... (7 bytes))",
    ]
    found = refused_in(lines)
    assert [(one.client, one.claimed, one.times) for one in found] == [
        ("hub-a", "hw/1/up/hub-b", 1),
        ("hub-a", "hw/1/up/hub-b", 2),
        ("Acme~M1~1", "dev/1/Acme~M1~2/reading", 1),
    ]
    assert found[1].hour == datetime(2026, 8, 29, 10, tzinfo=UTC)
    assert found[1].last_at == datetime.fromtimestamp(AT + 60, UTC)


def test_a_topic_that_looks_like_a_line_is_a_topic() -> None:
    odd = f"x', ... ({AT}: Denied PUBLISH from hub-z (d0, q0, r0, m1, 'hw/1/core"
    (one,) = refused_in([denied(AT, "hub-a", odd)])
    assert one.client == "hub-a"


def test_a_flood_of_topics_leaves_the_newest() -> None:
    found = refused_in(denied(AT + n, "hub-a", f"hw/1/up/hub-{n}/x") for n in range(3 * MOST))
    assert len(found) == MOST
    assert found[0].claimed == f"hw/1/up/hub-{3 * MOST - 1}"
