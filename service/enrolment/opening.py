"""Enrolment from the service's settings: the desk for the routes, the keeper for the broker."""

from datetime import datetime

from gateway.clock import Clock
from service.credentials.authority import AuthorityError, HomeAuthority
from service.enrolment.broker_files import BrokerFolder
from service.enrolment.desk import Brokers, EnrolmentDesk, read_broker_authority
from service.enrolment.keeper import Keeper, own_listener
from service.settings import ServiceSettings
from service.store.database import Pool
from service.store.enrolments import Enrolments


def open_enrolment(settings: ServiceSettings, pool: Pool, now: datetime) -> EnrolmentDesk | None:
    """The desk, where the settings switch enrolment on.

    Raises:
        AuthorityError: a folder cannot be used.
    """
    if settings.enrol_folder is None or settings.enrol_certificates is None:
        return None
    try:
        county = read_broker_authority(settings.enrol_certificates)
    except OSError as error:
        raise AuthorityError(str(error)) from error
    brokers = Brokers(
        host=settings.enrol_public_host,
        hub_port=settings.enrol_hub_port,
        device_port=settings.enrol_device_port,
        authority=county,
    )
    authority = HomeAuthority.open(settings.enrol_folder, now)
    return EnrolmentDesk(Enrolments(pool, settings.county_zone), authority, brokers)


def open_folder(settings: ServiceSettings) -> BrokerFolder:
    """Where the broker's files go; only where enrolment is switched on."""
    assert settings.enrol_broker_folder is not None
    assert settings.enrol_certificates is not None
    assert settings.enrol_broker_acl is not None
    return BrokerFolder(
        folder=settings.enrol_broker_folder,
        certificates=settings.enrol_certificates,
        acl=settings.enrol_broker_acl,
    )


def open_keeper(settings: ServiceSettings, desk: EnrolmentDesk, clock: Clock) -> Keeper:
    """Who keeps the broker to the store of `desk`."""
    line = own_listener(
        settings.enrol_broker_host, settings.enrol_broker_port, str(settings.enrol_certificates)
    )
    refused = settings.enrol_refused_file
    return Keeper(desk.store, desk.authority, open_folder(settings), clock, line, refused)
