"""Who may do what: the literal role table, and the permission that every route must name."""

from collections.abc import Iterator
from enum import StrEnum

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles


class Role(StrEnum):
    """What an account is; exactly one for each account."""

    PATIENT = "patient"
    VILLAGE_DOCTOR = "village_doctor"
    FAMILY_DOCTOR = "family_doctor"
    COUNTY_DUTY = "county_duty"
    CDC_OFFICER = "cdc_officer"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One thing an account may be allowed to do; whose data it concerns is bound in the SQL."""

    READ_WORKLIST = "worklist:read"
    READ_ALERT = "alert:read"
    READ_USUAL = "usual:read"  # what is usual for a person
    SET_ANCHOR = "anchor:set"  # confirm or move it, mark a change, set limits for one person
    ANSWER_ALERT = "alert:answer"
    TELL_SYMPTOMS = "symptoms:tell"  # what a patient says on the phone
    CLOSE_ALERT = "alert:close"
    READ_OWN = "own:read"
    PAIR_OWN = "own:pair"
    CONSENT_OWN = "own:consent"  # allow, take back, see who has read
    BREAK_GLASS = "glass:break"  # read without being responsible, for a reason
    CLAIM_OWN = "own:claim"  # say that an unknown measurement of the home was the own
    SETTLE_READINGS = "readings:settle"  # say whose it was
    OPEN_TURN = "turn:open"  # at the own clinic
    READ_PEOPLE = "people:read"  # of the own contracts, teams and leave: not their readings
    CHANGE_PEOPLE = "people:change"  # notes, what was looked through, state, duplicates
    PLAN_DUTY = "duty:plan"  # leave and shifts: the own, an administrator's below the own place
    MANAGE_PEOPLE = "people:manage"  # coverage, and tables in and out
    TELL_OWN = "own:tell"  # how one feels, or somebody at home
    PAUSE_OWN = "own:pause"  # say that one is away, or back
    REST_OWN = "own:rest"  # measure with guidance: sit, then twice
    READ_COUNTS = "counts:read"
    ANSWER_CLUSTERS = "clusters:answer"  # several people of a home or village of the own clinic
    SEND_COUNTS = "counts:send"  # an institution's program, by its credential; no role holds it
    SEND_DISPENSINGS = (
        "dispensings:send"  # the same, where the operator allowed it; no role holds it
    )
    READ_SIGNALS = "signals:read"  # warning signals of townships, as far as they may be known
    WORK_SIGNALS = "signals:work"  # triage to closing, in the own county
    VERIFY_SIGNALS = "signals:verify"  # answer the CDC's question about the own township
    READ_QUARANTINE = "quarantine:read"
    READ_ACCOUNTS = "accounts:read"
    READ_HUBS = "hubs:read"
    READ_STATUS = "status:read"  # of the machine; counts and durations
    ENROL = "hubs:enrol"  # let hubs and devices in, and shut them out
    READ_RULES = "rules:read"  # packs, what they would cost, who agreed; no person
    PROPOSE_RULES = "rules:propose"
    APPROVE_RULES = "rules:approve"  # two people, never of the own proposal
    SIGN_RULES = "rules:sign"  # a clinician, over numbers and both texts
    ROLL_OUT_RULES = "rules:roll_out"  # and back
    FOLLOW_EVENTS = "events:follow"
    USE_ACCOUNT = "account:use"  # sign out, choose a language, land on the own first page


_EVERYBODY = frozenset({Permission.FOLLOW_EVENTS, Permission.USE_ACCOUNT})
_CLINICIAN = _EVERYBODY | {
    Permission.READ_RULES,
    Permission.READ_WORKLIST,
    Permission.READ_ALERT,
    Permission.READ_USUAL,
    Permission.BREAK_GLASS,
    Permission.ANSWER_ALERT,
    Permission.TELL_SYMPTOMS,
    Permission.CLOSE_ALERT,
    Permission.PLAN_DUTY,
}
_CONTRACTED = _CLINICIAN | {
    Permission.READ_PEOPLE,
    Permission.CHANGE_PEOPLE,
    Permission.ANSWER_CLUSTERS,
    Permission.SETTLE_READINGS,
    Permission.OPEN_TURN,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.PATIENT: _EVERYBODY
    | {
        Permission.READ_OWN,
        Permission.PAIR_OWN,
        Permission.CLAIM_OWN,
        Permission.CONSENT_OWN,
        Permission.TELL_OWN,
        Permission.PAUSE_OWN,
        Permission.REST_OWN,
    },
    Role.VILLAGE_DOCTOR: _CONTRACTED,
    Role.FAMILY_DOCTOR: _CONTRACTED
    | {
        Permission.SET_ANCHOR,
        Permission.PROPOSE_RULES,
        Permission.APPROVE_RULES,
        Permission.SIGN_RULES,
        Permission.VERIFY_SIGNALS,
    },
    Role.COUNTY_DUTY: _CLINICIAN
    | {Permission.PROPOSE_RULES, Permission.APPROVE_RULES, Permission.ROLL_OUT_RULES},
    Role.CDC_OFFICER: _EVERYBODY
    | {Permission.READ_COUNTS, Permission.READ_SIGNALS, Permission.WORK_SIGNALS},
    Role.ADMINISTRATOR: _EVERYBODY
    | {
        Permission.PLAN_DUTY,
        Permission.MANAGE_PEOPLE,
        Permission.READ_QUARANTINE,
        Permission.READ_ACCOUNTS,
        Permission.READ_HUBS,
        Permission.READ_STATUS,
        Permission.ENROL,
        Permission.READ_RULES,
        Permission.PROPOSE_RULES,
        Permission.APPROVE_RULES,
        Permission.ROLL_OUT_RULES,
    },
}
"""Administrators run the machine and read no patient; the CDC reads counts, no person (law 8)."""


def allows(role: Role, permission: Permission) -> bool:
    """Whether `role` holds `permission`."""
    return permission in PERMISSIONS[role]


class Guard:
    """A dependency that states what a route needs; None says the route is public on purpose."""

    permission: Permission | None = None


class Public(Guard):
    """Marks a route that anybody may call: the log-in page, static files, the health check."""

    def __call__(self) -> None:
        """Lets everybody through."""


def public() -> Public:
    """The marker for a route without a permission: `dependencies=[Depends(public())]`."""
    return Public()


def route_guards(route: BaseRoute) -> list[Guard]:
    """Every guard among the dependencies of `route`, outermost first; empty where none is named."""
    if not isinstance(route, APIRoute):
        return []
    return [d.call for d in _dependants(route.dependant) if isinstance(d.call, Guard)]


def route_permission(route: BaseRoute) -> str | None:
    """The permission that `route` names, `public` where marked so, None where it names nothing."""
    if isinstance(route, Mount) and isinstance(route.app, StaticFiles):
        return "public"
    for guard in route_guards(route):
        return guard.permission.value if guard.permission else "public"
    return None


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    for child in dependant.dependencies:
        yield child
        yield from _dependants(child)
