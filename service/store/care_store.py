"""The one object that pages, API and worker hold; its parts are the files named below."""

from service.store.canaries import Canaries
from service.store.clinic_pairing import ClinicPairing
from service.store.consent import Consents
from service.store.contacts import Contacts
from service.store.coverage import CoverageChecks
from service.store.deliveries import Deliveries
from service.store.doubts import Doubts
from service.store.factors import Factors
from service.store.follow_ups import FollowUps
from service.store.lives import Lives
from service.store.names import Names
from service.store.openid import OpenIdNames
from service.store.operations import Operations
from service.store.pages import CountyReads
from service.store.panel import Panel
from service.store.population import PopulationReads
from service.store.prompts import Prompts
from service.store.registry import Registry
from service.store.rounds import Rounds
from service.store.routes import Routes
from service.store.seals import Seals
from service.store.shadow_reads import ShadowReads
from service.store.symptoms import Symptoms
from service.store.usual import Usuals


class Store(
    Usuals,
    Lives,
    Rounds,
    Deliveries,
    Contacts,
    FollowUps,
    Routes,
    Canaries,
    Registry,
    Panel,
    CoverageChecks,
    Operations,
    CountyReads,
    PopulationReads,
    Doubts,
    ClinicPairing,
    Prompts,
    Symptoms,
    ShadowReads,
    Seals,
    Consents,
    Factors,
    OpenIdNames,
    Names,
):
    """Schema `care` and what the role hw_service may read of `core`.

    `sessions.py` sign-in, `reads.py` clinicians, `own.py` patients, `usual.py` what is
    usual for a person, `own_limits.py` a doctor's limits for them, `lives.py` answers,
    `rounds.py` the worker, `deliveries.py` what leaves, `contacts.py` to which
    addresses, `follow_ups.py` what came of it, `routes.py` why, `registry.py` and `contracts.py`
    people and contracts, `roster.py` and `imports.py` the same line by line, `rota.py` teams, leave
    and duty, `responsible.py` who answers for whom, `statuses.py` alive, away, dead,
    `merges.py` duplicates, `handovers.py` whose an open alert is, `coverage.py` the days to come,
    `panel.py` a clinician's people, `operations.py` administrators,
    `pages.py` the county's counts, `whose.py` measurements of unknown people, `doubts.py` those
    that may be another's, `clinic.py` a clinic's turns, `health.py` the machine itself,
    `canaries.py` its test measurements, `rule_changes.py` who wants other rules,
    `symptoms.py` how people feel, `prompts.py` what rules say at home,
    `shadow_reads.py` what those would have asked for, `consent.py` what people allow,
    `withdrawals.py` what ends where they do not any more.
    """
