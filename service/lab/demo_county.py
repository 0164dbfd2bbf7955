"""The names of the demo county. All are invented: no such people, villages or clinics exist.

The simulator knows places and people as `t1`, `t1-v2` and `p001`; here they get names, a home, a
doctor. Which number bears which name depends on nothing but the number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from firmware_sim.county import Resident, build_county
from firmware_sim.identity import Identity
from firmware_sim.physiology import person as simulated
from rules.vocabulary import DeviceRef, Sex, SubjectRef
from service.people import Area, Contract, Household, Institution, Person, Staff
from service.permissions import Role

COUNTY = "county"
FRONT_HOUSEHOLD = "h-front"
"""The hub beside the broker stands in no home; what it cannot attribute is the county desk's."""

_NAMESPACE = uuid5(NAMESPACE_URL, "https://hearthwatch.invalid/demo")
_CONTRACT_AGE = timedelta(days=400)

TOWNSHIPS = {
    "t1": ("云岭镇", ("松坡村", "柏树村", "云下村")),
    "t2": ("石桥镇", ("桥头村", "石磨村", "柳湾村")),
    "t3": ("青山镇", ("青竹村", "前山村", "后山村")),
}
"""Township id: name and the names of its villages `-v1`, `-v2`, `-v3`."""

_DRUGS = {
    "calcium_channel_blocker": "calcium_blocker",
    "angiotensin_receptor_blocker": "arb",
}
"""The simulator's words for drug classes, where ours differ."""

_NAMED = {"p001": ("王秀兰", "wang"), "p002": ("李国强", "li"), "p003": ("张美华", "zhang")}
_SURNAMES = (
    "赵孙周吴郑冯陈褚卫蒋沈韩杨朱秦尤许何吕施曹严金魏陶姜谢邹喻苏潘葛范彭鲁韦马苗方俞任袁柳鲍史"
)
_WOMEN = "桂英 玉珍 秀英 凤兰 淑珍 春梅 玉兰 素芳 桂香 月娥 彩云 腊梅 金凤 爱莲 惠芳 冬梅 兰芝"
_MEN = "建国 志明 德福 永康 大勇 国华 长根 福生 树林 庆余 克勤 有田 守义 文海 贵山 成林 宝山"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who gets an account: staff or a patient; `shown` ones stand in the demo's table."""

    login: str
    role: Role
    name: str
    staff_id: str | None = None
    person_id: UUID | None = None
    shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wearer:
    """Who wears which device since the county began."""

    person: Person
    device: DeviceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home with a hub and Bluetooth devices: its own, and a spare one nobody has paired."""

    hub: str
    household: str
    area: str
    resident: Resident
    spare: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCounty:
    """Everything that seeding writes, in the order in which it must be written."""

    areas: tuple[Area, ...]
    institutions: tuple[Institution, ...]
    staff: tuple[Staff, ...]
    households: tuple[Household, ...]
    wearers: tuple[Wearer, ...]
    contracts: tuple[Contract, ...]
    logins: tuple[Login, ...]
    homes: tuple[Home, ...]


def demo_county(*, seed: int, today: date) -> DemoCounty:
    """The county of a seed, its contracts more than a year old on `today`."""
    simulated_county = build_county(seed=seed)
    residents = simulated_county.residents
    people = {one.person.id: _person(one.person) for one in residents}
    at_home = [one for one in residents if one.transport == "ble"]
    return DemoCounty(
        areas=_areas(),
        institutions=_institutions(),
        staff=_staff(),
        households=_households(residents),
        wearers=tuple(
            Wearer(person=people[one.person.id], device=_device(one.device)) for one in residents
        ),
        contracts=tuple(_contract(one.person, today) for one in residents),
        logins=(*_staff_logins(), *_patient_logins(at_home)),
        homes=tuple(_home(one, simulated_county.spare) for one in at_home),
    )


def person_id(number: str) -> UUID:
    """The registry's id of a simulated person, for example of `p001`."""
    return uuid5(_NAMESPACE, number)


def subject_of(number: str) -> SubjectRef:
    """The opaque id under which everything outside the registry knows a simulated person."""
    return SubjectRef(f"s-{uuid5(_NAMESPACE, 'subject ' + number).hex[:16]}")


def hub_of(login: str) -> str:
    """The hub in the home of the patient with this login."""
    return f"hub-{login}"


def login_of(number: str) -> str:
    """The login of one of the patients with Bluetooth devices."""
    return _NAMED[number][1]


def _areas() -> tuple[Area, ...]:
    areas = [Area(area_id=COUNTY, parent_id=None, level="county", name="云溪县")]
    for township, (name, villages) in TOWNSHIPS.items():
        areas.append(Area(area_id=township, parent_id=COUNTY, level="township", name=name))
        areas += [
            Area(area_id=f"{township}-v{number}", parent_id=township, level="village", name=village)
            for number, village in enumerate(villages, 1)
        ]
    return tuple(areas)


def _institutions() -> tuple[Institution, ...]:
    found = [
        _institution("i-county", "county", "云溪县人民医院", None, COUNTY),
        _institution("i-cdc", "county", "云溪县疾病预防控制中心", None, COUNTY),
    ]
    for township, (name, villages) in TOWNSHIPS.items():
        found.append(
            _institution(f"i-{township}", "township", f"{name}卫生院", "i-county", township)
        )
        for number, village in enumerate(villages, 1):
            area = f"{township}-v{number}"
            clinic = f"{village}卫生室"
            found.append(_institution(f"i-{area}", "village", clinic, f"i-{township}", area))
    return tuple(found)


def _institution(
    institution_id: str, level: str, name: str, parent_id: str | None, area: str
) -> Institution:
    return Institution(
        institution_id=institution_id, level=level, name=name, parent_id=parent_id, area=area
    )


_FAMILY_DOCTORS = {"t1": ("陈志远", "chen"), "t2": ("刘文静", "liu"), "t3": ("高明", "gao")}
_VILLAGE_DOCTORS = {
    "t1": (("杨小梅", "yang"), ("徐立", "xu"), ("胡春生", "hu")),
    "t2": (("林芳", "lin"), ("郭大海", "guo"), ("罗玉", "luo")),
    "t3": (("梁晓东", "liang"), ("宋兰", "song"), ("唐平", "tang")),
}
_COUNTY_STAFF = (
    ("duty", "县值班医生 孟庆", Role.COUNTY_DUTY, "i-county", True),
    ("cdc", "疾控值班员 罗敏", Role.CDC_OFFICER, "i-cdc", False),
    ("admin", "系统管理员 白杰", Role.ADMINISTRATOR, "i-county", False),
)
_SHOWN_STAFF = frozenset({"yang", "chen", "duty", "cdc", "admin"})


def _staff() -> tuple[Staff, ...]:
    found = [
        Staff(staff_id=f"s-{login}", name=name, role=role, institution_id=place, duty_desk=desk)
        for login, name, role, place, desk in _COUNTY_STAFF
    ]
    for township, (name, login) in _FAMILY_DOCTORS.items():
        found.append(_doctor(login, name, Role.FAMILY_DOCTOR, f"i-{township}", desk=True))
        for number, (villager, villager_login) in enumerate(_VILLAGE_DOCTORS[township], 1):
            clinic = f"i-{township}-v{number}"
            found.append(_doctor(villager_login, villager, Role.VILLAGE_DOCTOR, clinic, desk=False))
    return tuple(found)


def _doctor(login: str, name: str, role: Role, institution_id: str, *, desk: bool) -> Staff:
    return Staff(
        staff_id=f"s-{login}",
        name=name,
        role=role,
        institution_id=institution_id,
        phone=f"000-{uuid5(_NAMESPACE, login).int % 10**8:08d}",
        duty_desk=desk,
    )


def _staff_logins() -> list[Login]:
    return [
        Login(
            login=staff.staff_id.removeprefix("s-"),
            role=staff.role,
            name=staff.name,
            staff_id=staff.staff_id,
            shown=staff.staff_id.removeprefix("s-") in _SHOWN_STAFF,
        )
        for staff in _staff()
    ]


def _patient_logins(residents: list[Resident]) -> list[Login]:
    return [
        Login(
            login=login_of(one.person.id),
            role=Role.PATIENT,
            name=_name(one.person),
            person_id=person_id(one.person.id),
            shown=True,
        )
        for one in residents
    ]


def _households(residents: tuple[Resident, ...]) -> tuple[Household, ...]:
    homes = {one.person.household: one.person for one in residents}
    front = Household(household_id=FRONT_HOUSEHOLD, area=COUNTY, address="县人民医院信息科")
    return (
        front,
        *(
            Household(
                household_id=household, area=person.village, address=f"{int(household[1:])}号"
            )
            for household, person in homes.items()
        ),
    )


def _person(person: simulated.Person) -> Person:
    return Person(
        person_id=person_id(person.id),
        subject=subject_of(person.id),
        name=_name(person),
        birth_year=person.birth_year,
        sex=Sex(person.sex.value),
        phone=f"000-{uuid5(_NAMESPACE, person.id).int % 10**8:08d}",
        household=person.household,
        area=person.village,
        conditions=frozenset(person.diagnoses),
        drug_classes=our_drugs(person.drug_classes),
    )


def our_drugs(classes: Iterable[str]) -> frozenset[str]:
    """The simulator's drug classes in the words that rules know."""
    return frozenset(_DRUGS.get(drug, drug) for drug in classes)


def _name(person: simulated.Person) -> str:
    if person.id in _NAMED:
        return _NAMED[person.id][0]
    number = int(person.id[1:])
    given = (_WOMEN if person.sex is simulated.Sex.FEMALE else _MEN).split()
    return _SURNAMES[number % len(_SURNAMES)] + given[number % len(given)]


def _device(identity: Identity) -> DeviceRef:
    return DeviceRef(
        manufacturer=identity.manufacturer, model=identity.model, serial=identity.serial
    )


def _contract(person: simulated.Person, today: date) -> Contract:
    _, _, number = person.village.rpartition("-v")
    _, village_doctor = _VILLAGE_DOCTORS[person.township][int(number) - 1]
    return Contract(
        contract_id=uuid5(_NAMESPACE, f"contract {person.id}"),
        person_id=person_id(person.id),
        family_doctor=f"s-{_FAMILY_DOCTORS[person.township][1]}",
        village_doctor=f"s-{village_doctor}",
        institution_id=f"i-{person.township}",
        valid_from=today - _CONTRACT_AGE,
    )


def _home(resident: Resident, spare: Identity) -> Home:
    number = int(resident.person.id[1:])
    return Home(
        hub=hub_of(login_of(resident.person.id)),
        household=resident.person.household,
        area=resident.person.village,
        resident=resident,
        spare=Identity(
            manufacturer=spare.manufacturer,
            model=spare.model,
            serial=f"{spare.serial}-{number}",
            address=f"{spare.address[:-2]}9{number}",
            name=f"{spare.name[:-1]}{number}",
        ),
    )
