"""The county's compose file: it says nothing that our programs do not understand, and no secret."""

import re
from pathlib import Path
from typing import cast

import yaml

from gateway.broker_access import FRONTS, Access, access_of, covers
from gateway.core_settings import CoreSettings
from gateway.operator_settings import OperatorSettings
from service.cli import COMMANDS
from service.ingest_settings import IngestSettings
from service.key_settings import KeySettings
from service.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

SETTINGS = {
    "core": CoreSettings,
    "service": ServiceSettings,
    "authority": ServiceSettings,
    "migrate": OperatorSettings,
    "ingest": IngestSettings,
}


def services() -> dict[str, dict[str, object]]:
    loaded = cast("dict[str, dict[str, dict[str, object]]]", yaml.safe_load(TEXT))
    return loaded["services"]


def test_our_programs_know_every_variable_they_are_given() -> None:
    for name, settings in SETTINGS.items():
        prefix = str(settings.model_config.get("env_prefix"))
        given = cast("dict[str, str]", services()[name]["environment"])
        known = {f"{prefix}{field}".upper() for field in settings.model_fields}
        required = {
            f"{prefix}{field}".upper()
            for field, info in settings.model_fields.items()
            if info.is_required()
        }
        if name == "service":  # whoever opens the store reads it
            known |= {f"HEARTHWATCH_{field}".upper() for field in KeySettings.model_fields}
        assert set(given) <= known, name
        assert required <= set(given), name


def test_the_service_believes_the_proxy_that_reaches_it_over_the_containers_network() -> None:
    loaded = cast("dict[str, dict[str, dict[str, object]]]", yaml.safe_load(TEXT))
    ipam = cast("dict[str, list[dict[str, str]]]", loaded["networks"]["default"]["ipam"])
    given = cast("dict[str, str]", services()["service"]["environment"])
    assert given["HEARTHWATCH_FORWARDED_ALLOW_IPS"] == ipam["config"][0]["subnet"]


def test_names_are_sealed_with_keys_from_outside_the_database() -> None:
    given = cast("dict[str, str]", services()["service"]["environment"])
    mounted = cast("list[str]", services()["service"]["volumes"])
    folder = given["HEARTHWATCH_KEY_FILE"].rpartition("/")[0]
    assert [each for each in mounted if each.endswith(f":{folder}:ro")]
    elsewhere = cast("list[str]", services()["database"]["volumes"])
    assert not [each for each in elsewhere if "HEARTHWATCH_KEYS" in each]


def test_our_programs_know_the_commands() -> None:
    for name in SETTINGS:
        command = cast("list[str]", services()[name]["command"])
        assert command[0] in COMMANDS


def test_whatever_comes_from_outside_has_no_default_and_a_reason() -> None:
    taken = re.findall(r"\$\{([^}]*)\}", TEXT)
    assert len(taken) >= 5
    for variable in taken:
        assert re.fullmatch(r"HEARTHWATCH_\w+:\?\S.+", variable), variable
    for line in TEXT.splitlines():
        if re.search(r"PASSWORD:", line):
            assert "${HEARTHWATCH_" in line


def test_the_readme_names_every_variable() -> None:
    told = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    for variable in re.findall(r"\$\{(\w+)", TEXT):
        assert f"`{variable}`" in told


def county_access(user: str) -> Access:
    """What deploy/acl lets `user` do."""
    granted: dict[str, list[str]] = {"write": [], "read": []}
    section = ""
    for line in (ROOT / "deploy" / "acl").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "user":
            section = words[1]
        elif words[0] == "pattern" or section == user:
            kinds = ("write", "read") if words[1] == "readwrite" else (words[1],)
            for kind in kinds:
                granted[kind].append(words[2].replace("%u", user))
    return Access(write=tuple(granted["write"]), read=tuple(granted["read"]))


def test_the_county_grants_what_the_demo_grants() -> None:
    # a device's user name in the county is its key alone: its certificate's CN
    users = {"core": "core", "hub-a": "hub-a", "device-x": "x"}
    users |= {front: front for front in FRONTS}
    for user, name in users.items():
        demo, county = access_of(user), county_access(name)
        for wanted, given in ((demo.write, county.write), (demo.read, county.read)):
            assert [topic for topic in wanted if not any(covers(g, topic) for g in given)] == []


def test_a_home_hub_gets_nothing_more_than_its_own_topics_in_a_county() -> None:
    county = county_access("hub-a")
    for topic in (*county.write, *county.read):
        assert "/hub-a" in topic or topic == "hw/1/core"


def test_only_the_broker_listens_beyond_loopback() -> None:
    outside = {("broker", "8883:8883"), ("broker", "8884:8884")}
    for name, service in services().items():
        for port in cast("list[str]", service.get("ports", [])):
            assert port.startswith("127.0.0.1:") or (name, port) in outside


def test_the_readme_makes_every_key_and_lets_its_program_read_it() -> None:
    told = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    config = (ROOT / "deploy" / "mosquitto.conf").read_text(encoding="utf-8")
    # the keeper derives the service's own file from the folder
    named = {"service", *re.findall(r"/certs/([\w-]+)\.key", TEXT + config)}
    assert {"broker", "core", "hub-ingest"} <= named
    readable = re.search(r"chown \S+ certs/\{([^}]*)\}\.key", told)
    assert readable is not None
    assert set(readable[1].split(",")) == named
    for name in named:
        assert f"deploy/make-certificate.sh certs {name}" in told


def test_somebody_takes_in_what_devices_publish() -> None:
    given = cast("dict[str, str]", services()["ingest"]["environment"])
    assert given["HEARTHWATCH_INGEST_MQTT_DEVICES"] == "true"
