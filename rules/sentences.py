"""The words of an explanation, Chinese and English side by side; keys are what the engine says."""

from collections.abc import Mapping
from types import MappingProxyType

from rules.rule import Text
from rules.vocabulary import Bound, QuantityName, Stage


def _texts(pairs: dict[str, tuple[str, str]]) -> Mapping[str, Text]:
    return MappingProxyType({key: Text(zh=zh, en=en) for key, (zh, en) in pairs.items()})


MEASURED_AGAIN = "measured_again"

STAGES = _texts(
    {
        Stage.IMMEDIATE: ("单次读数即达立即报警水平", "one reading is enough at this level"),
        Stage.CONFIRMED: ("第二次有效读数已证实", "confirmed by a second valid reading"),
        Stage.UNCONFIRMED: ("未得到复测证实", "no second reading or answer came"),
        MEASURED_AGAIN: ("已复测，见所列读数", "measured again, see the readings"),
        Stage.CONDITION: ("多次读数一致", "several points agree"),
        Stage.ABSENCE: ("已超过本人测量习惯的间隔", "silent for longer than this person's habit"),
    }
)
"""How the rule fired; `MEASURED_AGAIN` in place of unconfirmed, where there are such readings."""

SENTENCES = _texts(
    {
        "unconfirmed": (
            "等待期内没有收到有效复测或回应。",
            "No valid second reading or answer came while waiting.",
        ),
        MEASURED_AGAIN: (
            "等待期内的读数已列出，均未达到规则的证实条件。",
            "What came while waiting is listed; none of it is a confirmation by the rule.",
        ),
        "person_uncertain": (
            "测量者身份未确认：请先确认是家中哪一位，勿给用药剂量建议。",
            "The person is not confirmed: find out who in this home it was; no dose advice yet.",
        ),
        "may_be_anothers": (
            "这次读数更像家中共用该设备的另一位的平时水平：请先确认是谁测的，勿给用药剂量建议。",
            "A reading fits another user of the device better: ask who it was; no dose advice yet.",
        ),
        "age_unknown": ("年龄未知，按成人处理。", "The age is unknown and taken as an adult's."),
        "drugs_unknown": (
            "用药未登记，按使用胰岛素或磺脲类处理。",
            "Medicines are not recorded; insulin or a sulfonylurea is assumed.",
        ),
        "conditions_unknown": ("诊断未登记。", "Diagnoses are not recorded."),
        "pregnancy_unknown": (
            "是否妊娠未知：请询问；妊娠期血压标准更严。",
            "Pregnancy is unknown: ask; limits are stricter in pregnancy.",
        ),
        "possible_repeat": (
            "设备没有时间和序号，这条记录可能是重复传送。",
            "The device gives neither time nor number: this record may have been sent before.",
        ),
        "flagged": (
            "设备提示测量可能受干扰，此读数不能作为证实。",
            "The device doubted a reading; it starts the clock but confirms nothing.",
        ),
        "time_from_arrival": (
            "设备时钟不可用，时间按收到时刻记录（误差不超过5分钟）。",
            "The device clock was unusable; the time is that of arrival (at most 5 minutes off).",
        ),
        "fact_wanted": (
            "缺少这条规则所需的信息：请询问患者或在档案中补充，之后才能判断。",
            "A fact that this rule needs is missing: please ask the patient, or record it.",
        ),
        "time_unknown": (
            "测量时间未知，最晚不晚于所示时间。",
            "The time of measurement is unknown; it was not later than shown.",
        ),
        "anchor_unconfirmed": (
            "个人参照值（首个有效周）尚未由医生确认。",
            "The personal anchor (first valid week) has not been confirmed by a doctor.",
        ),
        "target_unknown": (
            "医生未设个人目标值，采用规则包的默认目标。",
            "No doctor has set a personal target; the pack's target is used.",
        ),
        "rhythm_unknown": (
            "尚不了解本人的测量习惯，按固定间隔判断。",
            "This person's measuring habit is not known yet; a fixed interval is used.",
        ),
        "baseline_unknown": (
            "个人常态数据不足。",
            "There are too few readings to know what is usual for this person.",
        ),
    }
)
"""What was doubtful or unknown (`Decision.unknowns`)."""

NEAR = _texts(
    {
        "pending": ("正在等待复测", "waiting for a second reading"),
        "closed": ("随后的有效读数已降低或已回应", "a later valid reading or answer closed it"),
        "too_old": ("读数过旧，只入历史", "the reading is old and only history"),
        "unknown": ("缺少所需信息", "a fact it needs is missing"),
        "covered": ("同一读数已触发更高级别的规则", "a higher rule rings for the same reading"),
        "almost": ("接近但未达到", "close, but not reached"),
    }
)
"""Why a rule nearly fired (`NearMiss.reason`)."""

QUANTITIES = _texts(
    {
        QuantityName.SYSTOLIC: ("收缩压", "systolic"),
        QuantityName.DIASTOLIC: ("舒张压", "diastolic"),
        QuantityName.PULSE: ("脉搏", "pulse"),
        QuantityName.GLUCOSE: ("血糖", "glucose"),
        QuantityName.KETONE: ("血酮", "ketone"),
        QuantityName.SPO2: ("血氧饱和度", "SpO2"),
        QuantityName.TEMPERATURE: ("体温", "temperature"),
        QuantityName.WEIGHT: ("体重", "weight"),
    }
)
"""What a doctor calls a quantity; others go by their own name."""

CENSORED = _texts(
    {
        Bound.BELOW: ("LO（低于量程）", "LO (below range)"),
        Bound.ABOVE: ("HI（高于量程）", "HI (above range)"),
    }
)
"""What a meter showed instead of a number."""

CERTAINTY = _texts({"high": ("高", "high"), "medium": ("中", "medium"), "low": ("低", "low")})
"""How sure a source is."""

CONTEXT = _texts(
    {
        "needs_help": ("需要他人帮助", "needs help"),
        "confusion": ("意识模糊", "confusion"),
        "seizure": ("抽搐", "seizure"),
        "fainted": ("晕厥", "fainted"),
        "severe_headache": ("剧烈头痛", "severe headache"),
        "chest_pain": ("胸痛", "chest pain"),
        "blurred_vision": ("视物模糊", "blurred vision"),
        "dyspnoea": ("呼吸困难", "short of breath"),
        "dizziness": ("头晕", "dizziness"),
        "vomiting": ("呕吐", "vomiting"),
        "eye_pain": ("眼痛", "eye pain"),
        "palpitation": ("心悸", "palpitations"),
        "chest_tightness": ("胸闷", "tight chest"),
        "speech_or_limb_deficit": ("言语或肢体障碍", "trouble with speech or limbs"),
        "abdominal_pain": ("腹痛", "belly pain"),
        "deep_breathing": ("呼吸深快", "deep breathing"),
        "epigastric_pain": ("上腹痛", "upper belly pain"),
        "ok": ("本人回应“还好”", "answered: all right"),
        "own_word": ("本人自述", "in their own words"),
        "home_word": ("家人代述", "told by somebody at home"),
        "staff_word": ("医护人员代记", "noted by staff"),
        "hub_word": ("在家庭网关上选择", "chosen on the home's hub"),
    }
)
"""Symptom and answer words, and who told them; others go by their own name."""

FRAME = _texts(
    {
        "dated": (
            "这是一条旧记录或无日期记录：列为当日任务，不是正在发生的急症呼叫。",
            "An old or undated record: a task for this day, not a call about this moment.",
        ),
        "raised": (
            "另一类指标近日也有新情况（{rule}）：级别上调一级。",
            "Another family has new points within days ({rule}): raised by one level.",
        ),
        "usual": (
            "本人常态{name} {mean} ± {sd} {unit}（{readings}次测量）；{told}。",
            "Usual for this person: {name} {mean} ± {sd} {unit} ({readings} readings); {told}.",
        ),
        "usual_part": (
            "本人{part}常态{name} {mean} ± {sd} {unit}（{readings}次测量）；{told}。",
            "Usual {part}: {name} {mean} ± {sd} {unit} ({readings} readings); {told}.",
        ),
        "your_usual": (
            "您平时的{name}：{mean} ± {sd} {unit}（{readings}次测量）；{told}。",
            "Your usual {name} is {mean} ± {sd} {unit} ({readings} readings); {told}.",
        ),
        "your_usual_part": (
            "您平时{part}的{name}：{mean} ± {sd} {unit}（{readings}次测量）；{told}。",
            "Your usual {name}, {part}, is {mean} ± {sd} {unit} ({readings} readings); {told}.",
        ),
        "now": ("本次 {now}", "now {now}"),
        "then": ("{day}测得 {now}", "{now} on {day}"),
        "cold_start": (
            "本人测量尚少：预计 {mean} ± {sd} {unit}，其中{weight}%依据人群资料（{group}）。",
            "Few own readings yet: expect {mean} ± {sd} {unit}, {weight} % of it from {group}.",
        ),
        "stratum_only": (
            "尚无本人数据；{group}的{name}通常为 {mean} ± {sd} {unit}（人群资料，非本人）。",
            "Nothing known of this person yet; {group}: {name} {mean} ± {sd} {unit} (a group).",
        ),
        "marked_device": (
            "自{day}起使用另一台设备；此后{days}天的平均 {fast}。",
            "Another device since {day}; mean of the {days} days since: {fast}.",
        ),
        "marked_drug": (
            "自{day}起调整用药；此后{days}天的平均 {fast}。",
            "Medicines changed on {day}; mean of the {days} days since: {fast}.",
        ),
        "marked_device_new": (
            "自{day}起使用另一台设备，尚无足够数据。",
            "Another device since {day}; too few days with it yet.",
        ),
        "marked_drug_new": (
            "自{day}起调整用药，尚无足够数据。",
            "Medicines changed on {day}; too few days since.",
        ),
        "above_target": (
            "本人常态已高于目标值 {target}。",
            "What is usual for this person lies above the target of {target}.",
        ),
        "your_above_target": (
            "您平时的数值高于目标值 {target}，请与医生商量。",
            "What is usual for you lies above your target of {target}: talk to your doctor.",
        ),
        "target": ("目标值 {target}。", "Target {target}."),
        "anchor": ("首周参照值 {anchor}。", "First week {anchor}."),
        "anchor_unconfirmed": (
            "首周参照值 {anchor}（未经医生确认）。",
            "First week {anchor} (not confirmed by a doctor).",
        ),
        "no_usual": ("尚无足够数据说明本人常态。", "Not enough readings yet to say what is usual."),
        "unsigned": ("未经医师签署，仅供演示", "not signed by a clinician, demo only"),
        "signed": ("已由医师签署", "signed by a clinician"),
        "certainty": ("证据确定性 {certainty}", "certainty {certainty}"),
        "flagged": ("设备提示受干扰", "doubted by the device"),
        "half": (
            "一半读数在 {low} 与 {high} 之间，中位数 {middle}。",
            "Half of all readings lie between {low} and {high}, the middle one at {middle}.",
        ),
        "last_before": ("此前最后一次：", "Last before the silence: "),
        "silent": ("{name}已 {days} 天没有有效读数。", "{name}: no valid reading for {days} days."),
        "own_gap": ("本人通常每 {gap} 天测量一次。", "Usually measures every {gap} days."),
    }
)
"""The sentences around the numbers."""

PARTS = _texts(
    {
        "morning": ("早晨", "mornings"),
        "evening": ("晚间", "evenings"),
        "fasting": ("空腹", "fasting"),
        "postprandial": ("餐后", "after meals"),
    }
)
"""The parts of a day or of meals (`rules/parts.py`)."""
