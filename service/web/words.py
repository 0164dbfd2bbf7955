"""Codes of the store in the words of a page: one literal table a kind of code."""

from collections.abc import Mapping

from service.web.language import mark, say
from service.web.signal_terms import SIGNAL_WORDS

WORDS: Mapping[str, Mapping[str, str]] = {
    "priority": {
        "emergency": mark("Emergency"),
        "urgent": mark("Urgent"),
        "soon": mark("Soon"),
        "routine": mark("Routine"),
    },
    "kind": {"physiological": mark("Health"), "technical": mark("Equipment")},
    "family": {
        "blood_pressure": mark("Blood pressure"),
        "glucose": mark("Glucose"),
        "cardiac": mark("Heart"),
        "respiratory": mark("Breathing"),
        "weight": mark("Weight"),
        "temperature": mark("Temperature"),
        "adherence": mark("Measuring"),
        "data_quality": mark("Data quality"),
    },
    "cluster_reason": {
        "device": mark("the device or how it was used"),
        "chance": mark("they have nothing to do with each other"),
        "known_cause": mark("a cause that is known already"),
        "same_person": mark("it was one and the same person"),
        "not_reached": mark("nobody could be reached"),
    },
    "state": {
        "unacknowledged": mark("Nobody has answered"),
        "acknowledged": mark("Acknowledged"),
        "closed": mark("Closed"),
    },
    "answer": {
        "seen": mark("I take this over"),
        "contacted": mark("I have spoken to the patient"),
        "going": mark("I am on the way"),
        "cannot": mark("I cannot, ask the next one"),
    },
    "said": {
        "seen": mark("took it over"),
        "contacted": mark("has spoken to the patient"),
        "going": mark("is on the way"),
        "cannot": mark("cannot"),
    },
    "rule_change": {
        "pack": mark("Another version of a pack"),
        "rest": mark("A rule is to rest in shadow"),
        "wake": mark("A rule is to ring again"),
    },
    "change_state": {
        "open": mark("open"),
        "done": mark("told to the core"),
        "withdrawn": mark("withdrawn"),
    },
    "outcome": {
        "advice": mark("Advice given"),
        "medication_changed": mark("Medication changed"),
        "referred_up": mark("Referred to a higher hospital"),
        "visit": mark("Visited or seen at the clinic"),
        "technical": mark("Device or handling problem solved"),
        "not_needed": mark("No action needed"),
        "transferred": mark("Handed to emergency services"),
        "false_reading": mark("Reading was wrong"),
    },
    "condition": {
        "hypertension": mark("hypertension"),
        "diabetes_1": mark("type 1 diabetes"),
        "diabetes_2": mark("type 2 diabetes"),
        "atrial_fibrillation": mark("atrial fibrillation"),
        "heart_failure": mark("heart failure"),
        "coronary_disease": mark("coronary heart disease"),
        "stroke": mark("earlier stroke"),
        "kidney_disease": mark("chronic kidney disease"),
        "copd": mark("COPD"),
    },
    "drug": {
        "insulin": mark("insulin"),
        "sulfonylurea": mark("sulfonylurea"),
        "metformin": mark("metformin"),
        "sglt2": mark("SGLT2 inhibitor"),
        "ace_inhibitor": mark("ACE inhibitor"),
        "arb": mark("ARB"),
        "calcium_blocker": mark("calcium channel blocker"),
        "diuretic": mark("diuretic"),
        "beta_blocker": mark("beta blocker"),
        "anticoagulant": mark("anticoagulant"),
        "statin": mark("statin"),
    },
    "sex": {"female": mark("woman"), "male": mark("man"), "unknown": mark("sex not recorded")},
    "status": {
        "admitted": mark("in hospital"),
        "away": mark("away from home"),
        "moved": mark("moved away"),
        "deceased": mark("deceased"),
        "palliative": mark("palliative care"),
    },
    "role": {
        "patient": mark("Patient"),
        "village_doctor": mark("Village doctor"),
        "family_doctor": mark("Family doctor"),
        "county_duty": mark("County duty"),
        "cdc_officer": mark("CDC officer"),
        "administrator": mark("Administrator"),
    },
    "tier": {
        "village_doctor": mark("Village doctor"),
        "family_doctor": mark("Family doctor"),
        "both_doctors": mark("village and family doctor together"),
        "doctors_and_county": mark("patient, doctors and county duty together"),
        "township_duty": mark("township duty"),
        "county_duty": mark("County duty"),
        "administrator": mark("Administrator"),
    },
    "doubt": {
        "contract_expired": mark("The contract has expired: please settle who is responsible."),
        "no_contract": mark("Nobody has a contract with this person."),
        "unknown_person": mark("The person is not confirmed: find out who in this home it was."),
        "nobody_reachable": mark("Nobody on the ladder could be reached."),
    },
    "channel": {
        "page": mark("page"),
        "webhook": mark("external messenger"),
        "patient": mark("patient's page"),
    },
    "delivery": {
        "pending": mark("being sent"),
        "delivered": mark("delivered"),
        "failed": mark("failed, will be tried again"),
        "dead": mark("could not be delivered"),
    },
    "stage": {
        "immediate": mark("at once"),
        "confirmed": mark("confirmed by a second reading"),
        "unconfirmed": mark("not confirmed: no second reading came"),
        "absence": mark("silent for longer than this person's habit"),
        "condition": mark("several readings agree"),
    },
    "indicator": {
        "reporting": mark("People with a reading"),
        "systolic_160": mark("People with a day's mean systolic of 160 or more"),
    },
    "flag": {
        "body_movement": mark("body movement"),
        "cuff_too_loose": mark("cuff too loose"),
        "irregular_pulse": mark("irregular pulse"),
        "improper_position": mark("wrong position"),
        "battery_low": mark("battery low"),
        "result_too_low": mark("below the meter's range"),
        "result_too_high": mark("above the meter's range"),
        "clock_not_set": mark("clock not set"),
    },
    "device_state": {
        "ok": mark("in order"),
        "overdue": mark("silent for longer than usual"),
        "pair_again": mark("must be paired again"),
        "flat": mark("battery nearly empty"),
        "failing": mark("cannot be read"),
    },
    "radio": {
        "no_adapter": mark("no Bluetooth adapter"),
        "adapter_off": mark("Bluetooth is switched off"),
        "no_permission": mark("no permission to use Bluetooth"),
    },
    "trouble": {
        "core_down": mark("No core judges measurements"),
        "broker_lost": mark("The core has no broker"),
        "database_slow": mark("The store is slow or away"),
        "hubs_silent": mark("Hubs are silent"),
        "canary_late": mark("A canary has not arrived"),
    },
    "lane": {"live": mark("live"), "backlog": mark("backlog")},
    "down": {"core": mark("no core"), "broker": mark("no broker"), "hub": mark("hubs")},
    "confidence": {
        "good": mark("good"),
        "corrected": mark("corrected"),
        "arrival": mark("time of arrival"),
        "unknown": mark("unknown"),
    },
    **SIGNAL_WORDS,
}


def word(language: str, kind: str, code: object) -> str:
    """The word of `code` in `language`; a code without one stands as it is, never hidden."""
    text = WORDS[kind].get(str(code))
    return str(code) if text is None else say(language, text)
