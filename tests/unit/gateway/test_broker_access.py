"""The broker's access table and MQTT's filter arithmetic (MQTT 3.1.1 §4.7)."""

import pytest

from device_adapters.mqtt.registry import FORMATS
from gateway.broker_access import access_of, covers, mosquitto_acl, mosquitto_password_line
from rules.wire import CANARY_TOPIC, CORE_TOPIC


@pytest.mark.parametrize(
    ("allowed", "asked", "answer"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/b/c", "a/b", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/+/c", "a/x/c", True),
        ("a/+/c", "a/+/c", True),
        ("a/x/c", "a/+/c", False),
        ("a/+/c", "a/#", False),
        ("a/+", "a/#", False),
        ("#", "#", True),
        ("a/#", "#", False),
        ("a/#", "+/b", False),
    ],
)
def test_a_filter_covers_another_only_when_it_matches_all_of_it(
    allowed: str, asked: str, answer: bool
) -> None:
    assert covers(allowed, asked) is answer


def test_a_user_of_no_kind_may_do_nothing() -> None:
    for user in (
        "",
        "root",
        "hub",
        "coreX",
        "device",
        "anonymous",
        "device-#",
        "device-+",
        "hub-a/#",
    ):
        access = access_of(user)
        assert (access.write, access.read) == ((), ()), user


def test_only_the_hubs_beside_the_broker_hear_devices() -> None:
    for pattern in FORMATS:
        for front in ("hub-front", "hub-ingest"):
            assert any(covers(topic, pattern) for topic in access_of(front).read)
        assert not any(covers(topic, pattern) for topic in access_of("hub-a").read)
    assert access_of("device-x").read == ()


def test_a_device_speaks_for_itself_and_a_bridge_for_all() -> None:
    for pattern in FORMATS:
        own, others = pattern.replace("+", "x", 1), pattern.replace("+", "y", 1)
        assert any(covers(topic, own) for topic in access_of("device-x").write)
        assert not any(covers(topic, others) for topic in access_of("device-x").write)
        assert any(covers(topic, pattern) for topic in access_of("bridge-sim").write)
    assert access_of("bridge-sim").read == ()


def test_a_monitor_hears_the_core_and_says_nothing() -> None:
    monitor = access_of("monitor-1")
    assert monitor.write == ()
    assert monitor.read == (CORE_TOPIC, CANARY_TOPIC)


def test_the_acl_file_has_one_block_a_user_with_that_users_topics() -> None:
    assert mosquitto_acl(["device-x", "hub-a"]) == (
        "user device-x\n"
        "topic write dev/1/x/#\n"
        "topic write omh/1/x/#\n"
        "topic write fhir/1/x/#\n"
        "topic write home/x/BTtoMQTT/#\n\n"
        "user hub-a\n"
        "topic write hw/1/up/hub-a/#\n"
        "topic write hw/1/status/hub-a\n"
        "topic read hw/1/receipt/hub-a/#\n"
        "topic read hw/1/command/hub-a\n"
        "topic read hw/1/core\n"
    )


def test_the_password_line_has_mosquittos_form_and_changes_with_salt_and_secret() -> None:
    line = mosquitto_password_line("core", "secret", b"0123456789ab")
    user, rest = line.split(":", 1)
    assert user == "core"
    assert rest.split("$")[1:3] == ["7", "101"]
    assert rest.split("$")[3] == "MDEyMzQ1Njc4OWFi"
    assert "secret" not in line
    assert line != mosquitto_password_line("core", "other", b"0123456789ab")
    assert line != mosquitto_password_line("core", "secret", b"0123456789ac")
