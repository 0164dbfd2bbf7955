"""The role table says what the design says, and a route without a word is found."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends
from pydantic import ValidationError

from service.auth import requires
from service.permissions import PERMISSIONS, Permission, Role, allows, public, route_permission
from service.settings import ServiceSettings
from service.store.records import Account

PERSONAL = {
    Permission.READ_WORKLIST,
    Permission.READ_ALERT,
    Permission.ANSWER_ALERT,
    Permission.CLOSE_ALERT,
    Permission.READ_OWN,
    Permission.CLAIM_OWN,
    Permission.SETTLE_READINGS,
    Permission.OPEN_TURN,
}


def test_every_role_is_in_the_table_and_every_permission_is_held_by_somebody() -> None:
    assert set(PERMISSIONS) == set(Role)
    held = frozenset[Permission]().union(*PERMISSIONS.values())
    # institutions' programs send counts by a credential of their own
    by_credential = {Permission.SEND_COUNTS, Permission.SEND_DISPENSINGS}
    assert held == set(Permission) - by_credential


@pytest.mark.parametrize("role", [Role.CDC_OFFICER, Role.ADMINISTRATOR])
def test_who_counts_and_who_runs_the_machine_reads_no_person(role: Role) -> None:
    assert not PERMISSIONS[role] & PERSONAL


def test_a_patient_answers_no_alert() -> None:
    assert not allows(Role.PATIENT, Permission.ANSWER_ALERT)
    assert allows(Role.PATIENT, Permission.READ_OWN)


def test_a_route_is_found_by_its_permission_its_marker_or_its_silence() -> None:
    router = APIRouter()

    @router.get("/named")
    async def named(  # pyright: ignore[reportUnusedFunction]
        account: Annotated[Account, Depends(requires(Permission.READ_ALERT))],
    ) -> str:
        return account.login

    @router.get("/open", dependencies=[Depends(public())])
    async def open_to_all() -> str:  # pyright: ignore[reportUnusedFunction]
        return ""

    @router.get("/silent")
    async def silent() -> str:  # pyright: ignore[reportUnusedFunction]
        return ""

    found = [route_permission(route) for route in router.routes]
    assert found == ["alert:read", "public", None]


def test_settings_have_no_secret_of_their_own_and_want_webhook_address_and_secret_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValidationError, match="dsn"):
        ServiceSettings.model_validate({})
    with pytest.raises(ValidationError, match="belong together"):
        ServiceSettings(dsn="postgresql://x", webhook_url="https://x.example")
    monkeypatch.setenv("HEARTHWATCH_PORT", "9999")
    settings = ServiceSettings(dsn="postgresql://x")
    assert settings.port == 9999
    assert settings.cookie_name == "__Host-hearthwatch"
    assert settings.forwarded_allow_ips == "127.0.0.1"
    assert all(field.description for field in ServiceSettings.model_fields.values())


@pytest.mark.parametrize("proxies", ["*", "0.0.0.0/0", "::/0", "proxy", "10.0.0.1/8", "", "::1,"])
def test_a_proxy_is_named_by_address_and_never_is_everybody(proxies: str) -> None:
    with pytest.raises(ValidationError, match="forwarded_allow_ips"):
        ServiceSettings(dsn="postgresql://x", forwarded_allow_ips=proxies)


@pytest.mark.parametrize("proxies", ["10.0.0.1", "10.0.0.1, 172.30.88.0/24,::1"])
def test_proxies_are_addresses_and_networks(proxies: str) -> None:
    settings = ServiceSettings(dsn="postgresql://x", forwarded_allow_ips=proxies)
    assert settings.forwarded_allow_ips == proxies
