"""What each function and word of the rule language is called, Chinese and English side by side."""

from collections.abc import Mapping
from types import MappingProxyType

from rules.rule import Text
from rules.sentences import CONTEXT

IN_UNITS = frozenset(
    {
        "mean",
        "above_usual",
        "above_anchor",
        "mean_over_target",
        "usual_sd",
        "gain",
        "last",
        "ahead",
        "above_past",
        "mean_between",
        "usual",
    }
)
LISTED: Mapping[str, int] = MappingProxyType(
    {"has_symptom": 1, "takes_drug": 0, "has_condition": 0, "answered": 0, "first_since": 1}
)
"""Functions with a list at the end, and how many arguments stand before it."""


def _phrases(pairs: dict[str, tuple[str, str]]) -> Mapping[str, Text]:
    return MappingProxyType({name: Text(zh=zh, en=en) for name, (zh, en) in pairs.items()})


PHRASES = _phrases(
    {
        "ge": ("{0} ≥ {1}", "{0} is {1} or above"),
        "gt": ("{0} > {1}", "{0} is above {1}"),
        "le": ("{0} ≤ {1}", "{0} is {1} or below"),
        "lt": ("{0} < {1}", "{0} is below {1}"),
        "low": ("{0}显示 LO（低于量程）", "{0} shows LO (below range)"),
        "high": ("{0}显示 HI（高于量程）", "{0} shows HI (above range)"),
        "any_symptom": ("有任何危险症状", "there is any danger symptom"),
        "any_ge": ("{2}内有{0} ≥ {1}", "within {2} a {0} is {1} or above"),
        "any_lt": ("{2}内有{0} < {1}", "within {2} a {0} is below {1}"),
        "count_ge": ("{2}内{0} ≥ {1} 的次数", "the number of {0} readings of {1} or above in {2}"),
        "count_lt": ("{2}内{0} < {1} 的次数", "the number of {0} readings below {1} in {2}"),
        "readings": ("{1}内{0}的有效读数次数", "the number of valid {0} readings in {1}"),
        "reading_days": (
            "{1}内有{0}读数的天数（间隔至少8小时）",
            "the number of days with {0} readings in {1} (at least 8 hours apart)",
        ),
        "missing_for": ("{1}内没有{0}的有效读数", "there is no valid {0} reading for {1}"),
        "days_with": (
            "{3}内出现{0} {1} {2} 的天数（间隔至少{4}）",
            "the number of days in {3} with {0} {1} {2} (at least {4} apart)",
        ),
        "times_at_level": (
            "{1}内{level}的次数（间隔至少{0}）",
            "the number of times in {1} that {level} (at least {0} apart)",
        ),
        "times_at_own_level": (
            "{2}内{level}（医生为本人设了更高的{0}限值者以其为准）的次数（间隔至少{1}）",
            "the times in {2} that {level}, or a higher own {0} limit (at least {1} apart)",
        ),
        "pair_within": (
            "间隔{0}至{1}两次{level}且其间没有脱离该水平",
            "twice, {0} to {1} apart and with none out of it between, {level}",
        ),
        "level_left": ("随后的有效读数脱离该水平", "followed by a valid reading out of that level"),
        "retested": ("复测{0}", "followed by another {0} reading"),
        "answered": ("本人回应（{0}）", "answered by the person ({0})"),
        "has_symptom": ("前后{0}内有{1}", "within {0} there is one of: {1}"),
        "takes_drug": ("使用{0}", "the person takes one of: {0}"),
        "has_condition": ("患有{0}", "the person has one of: {0}"),
        "pregnant": (
            "妊娠或产后42天内（可能）",
            "a pregnancy or a birth within 42 days is possible",
        ),
        "known_pregnant": (
            "已知妊娠或产后42天内",
            "she is known to be pregnant or gave birth lately",
        ),
        "mean": ("{1}内{0}均值", "the mean {0} of {1}"),
        "mean_ge": ("{2}内{0}均值 ≥ {1}", "the mean {0} of {2} is {1} or above"),
        "mean_lt": ("{2}内{0}均值 < {1}", "the mean {0} of {2} is below {1}"),
        "settled_mean_ge": (
            "{2}内{0}均值（弃每次测量的首个读数） ≥ {1}",
            "the mean {0} of {2}, first reading of a session dropped, is {1} or above",
        ),
        "mean_over_target": (
            "{1}内{0}均值减去目标值",
            "the mean {0} of {1} minus the person's target",
        ),
        "above_usual": ("{1}内{0}均值与本人近期常态之差", "the mean {0} of {1} minus the usual"),
        "above_anchor": (
            "{1}内{0}均值与首周参照值之差",
            "the mean {0} of {1} minus the first week",
        ),
        "usual_sd": ("本人{0}标准差", "the usual spread (sd) of {0}"),
        "baseline_z": (
            "{1}内{0}均值高于本人近期常态的标准差倍数",
            "the mean {0} of {1} above the usual, in the person's own sd",
        ),
        "session_share_above": (
            "{2}内{0}高于常态 {1} 个标准差的测量所占比例",
            "the share of sessions in {2} with {0} over {1} sd above the usual",
        ),
        "history_days": ("{0}的记录天数", "the days since the first {0} reading"),
        "history_readings": ("{0}的历史读数次数", "the number of past {0} readings"),
        "greater": ("{0} 与 {1} 中较大者", "the greater of {0} and {1}"),
        "fired": ("报警时的参照值", "the reference that fired"),
        "elapsed": ("已过{0}", "{0} have gone by"),
        "later_day": (
            "已到之后的一天（间隔至少8小时）",
            "it is a later day (at least 8 hours on)",
        ),
        "quiet_days": (
            "{4}内{0} < {1} 且{2} < {3} 的连续天数（间隔至少8小时）",
            "the latest days in {4} with {0} below {1} and {2} below {3} (at least 8 hours apart)",
        ),
        "run_ge": (
            "{3}内最近连续{0} ≥ {1} 的次数（间隔至少{2}）",
            "the latest run in {3} of {0} at {1} or above (at least {2} apart)",
        ),
        "silent_for": (
            "{0}超过 {1} 天没有有效读数",
            "there has been no valid {0} reading for more than {1} days",
        ),
        "own_gap": ("本人{0}测量间隔中位数（天）", "the person's own median gap of {0} (days)"),
        "last": ("{1}内最近一次{0}", "the newest {0} of {1}"),
        "gain": ("{1}内{0}较此前最低值的增加", "the rise of {0} over its lowest in {1}"),
        "slope": ("{1}内{0}每天的变化", "the change of {0} a day over {1}"),
        "ahead": (
            "按{1}内的走势，{2}后的{0}预计值",
            "the {0} expected in {2}, going on as in the last {1}",
        ),
        "since": (
            "距{1}内最近一次有效{0}读数的天数",
            "the days since the newest valid {0} reading of {1}",
        ),
        "past_readings": (
            "{2}内、最近{1}以前的{0}读数次数",
            "the number of {0} readings in {2} before the last {1}",
        ),
        "above_past": (
            "最近{1}的{0}均值减去{2}内此前均值",
            "the mean {0} of the last {1} minus the mean before it in {2}",
        ),
        "readings_between": (
            "{3}内{1}点至{2}点的{0}读数次数",
            "the number of {0} readings in {3} between {1} and {2} o'clock",
        ),
        "mean_between": (
            "{3}内{1}点至{2}点的{0}均值",
            "the mean {0} of {3} between {1} and {2} o'clock",
        ),
        "times_with": (
            "{4}内{0} {1} {2} 的次数（间隔至少{3}）",
            "the number of times in {4} with {0} {1} {2} (at least {3} apart)",
        ),
        "times_of": (
            "{5}内{0}测得{1} {2} {3} 的次数（间隔至少{4}）",
            "the number of times in {5} that {0} showed {1} {2} {3} (at least {4} apart)",
        ),
        "lasts": (
            "{4}内{0}连续 {1} {2} 至少{3}",
            "in {4} {0} stays {1} {2} for at least {3} without a break",
        ),
        "meal_times": (
            "{5}内最近 {4} 次{0}{1}中 {2} {3} 的次数",
            "of the newest {4} {0} readings in {5}, the number with {1} {2} {3}",
        ),
        "meal_readings": ("{2}内{0}{1}的次数", "the number of {0} {1} readings in {2}"),
        "given": ("本次测量了{0}", "{0} was measured just now"),
        "first_of_day": ("当天首次{0}测量", "it is the first {0} reading of the day"),
        "first_since": (
            "自最近一个{1}起首次{0}测量",
            "it is the first {0} reading since the last {1}",
        ),
        "on_weekday": ("测量在{0}", "it was measured on a {0}"),
        "at_hours": ("测量在{0}点至{1}点", "it was measured between {0} and {1} o'clock"),
        "aged": ("年龄 ≥ {0} 岁", "the person is {0} years or older"),
        "target": (
            "医生为本人设定的{0}限值（未设时为 {1}）",
            "the doctor's {0} limit for this person (else {1})",
        ),
        "usual": ("本人近期{0}常态均值", "the person's usual {0}"),
        "flag_times": (
            "{2}内{1}读数带有“{0}”标记的次数",
            "the number of {1} readings in {2} marked '{0}'",
        ),
        "flag_of_last": (
            "{3}内最近 {2} 次{1}读数中带有“{0}”标记的次数",
            "of the newest {2} {1} readings in {3}, the number marked '{0}'",
        ),
        "flag_share": (
            "{2}内{1}读数中带有“{0}”标记的比例",
            "the share of {1} readings in {2} marked '{0}'",
        ),
        "seen": (
            "{1}内{0}读数次数（含受干扰的）",
            "the number of {0} readings in {1}, doubted ones too",
        ),
        "same_run": (
            "{1}内最长一段连续完全相同的{0}测量次数",
            "the longest run in {1} of equal {0} readings at different times",
        ),
        "unsettled_days": (
            "{2}内同次测量前两个{0}相差超过 {1} 的天数",
            "the number of days in {2} on which the first two {0} readings differ by over {1}",
        ),
        "typed": ("{1}内手工录入的{0}次数", "the number of {0} readings typed in {1}"),
        "round_share": (
            "{1}内手工录入的{0}末位为0或5的比例",
            "the share of typed {0} readings in {1} that end in 0 or 5",
        ),
    }
)
"""What each function of the language says, with its arguments in order."""

WORDS: Mapping[str, Text] = MappingProxyType(
    {
        **CONTEXT,
        **_phrases(
            {
                "insulin": ("胰岛素", "insulin"),
                "sulfonylurea": ("磺脲类", "a sulfonylurea"),
                "glinide": ("格列奈类", "a glinide"),
                "metformin": ("二甲双胍", "metformin"),
                "sglt2": ("SGLT2抑制剂", "an SGLT2 inhibitor"),
                "glp1": ("GLP-1受体激动剂", "a GLP-1 agonist"),
                "dpp4": ("DPP-4抑制剂", "a DPP-4 inhibitor"),
                "acarbose": ("阿卡波糖", "acarbose"),
                "beta_blocker": ("β受体阻滞剂", "a beta blocker"),
                "ace_inhibitor": ("ACE抑制剂", "an ACE inhibitor"),
                "arb": ("沙坦类", "an ARB"),
                "calcium_blocker": ("钙通道阻滞剂", "a calcium channel blocker"),
                "diuretic": ("利尿剂", "a diuretic"),
                "anticoagulant": ("抗凝药", "an anticoagulant"),
                "statin": ("他汀类", "a statin"),
                "other": ("其他", "another one"),
                "hypertension": ("高血压", "hypertension"),
                "diabetes_1": ("1型糖尿病", "type 1 diabetes"),
                "diabetes_2": ("2型糖尿病", "type 2 diabetes"),
                "heart_failure": ("心力衰竭", "heart failure"),
                "atrial_fibrillation": ("心房颤动", "atrial fibrillation"),
                "copd": ("慢阻肺", "COPD"),
                "stroke": ("脑卒中", "a stroke"),
                "kidney_disease": ("慢性肾病", "kidney disease"),
                "coronary_disease": ("冠心病", "coronary disease"),
                "body_movement": ("身体移动", "body movement"),
                "cuff_too_loose": ("袖带过松", "cuff too loose"),
                "irregular_pulse": ("脉搏不规则", "irregular pulse"),
                "pulse_rate_above": ("脉率超上限", "pulse rate above range"),
                "pulse_rate_below": ("脉率低于下限", "pulse rate below range"),
                "improper_position": ("测量姿势不当", "improper position"),
                "battery_low": ("电量低", "battery low"),
                "sensor_malfunction": ("传感器故障", "sensor malfunction"),
                "sample_insufficient": ("血样不足", "sample insufficient"),
                "strip_insertion_error": ("试纸插入错误", "strip insertion error"),
                "strip_type_incorrect": ("试纸类型错误", "wrong strip"),
                "result_too_high": ("结果过高", "result too high"),
                "result_too_low": ("结果过低", "result too low"),
                "temperature_too_high": ("环境温度过高", "too warm to measure"),
                "temperature_too_low": ("环境温度过低", "too cold to measure"),
                "read_interrupted": ("测量中断", "reading interrupted"),
                "device_fault": ("设备故障", "device fault"),
                "control_solution": ("质控液", "control solution"),
                "preprandial": ("餐前", "pre-meal"),
                "postprandial": ("餐后", "after-meal"),
                "fasting": ("空腹", "fasting"),
                "casual": ("随机", "casual"),
                "bedtime": ("睡前", "bedtime"),
                "monday": ("周一", "Monday"),
                "tuesday": ("周二", "Tuesday"),
                "wednesday": ("周三", "Wednesday"),
                "thursday": ("周四", "Thursday"),
                "friday": ("周五", "Friday"),
                "saturday": ("周六", "Saturday"),
                "sunday": ("周日", "Sunday"),
                "blood_pressure": ("血压计", "a cuff"),
                "glucose_plasma": ("血糖仪（血浆）", "a meter (plasma)"),
                "glucose_cgm": ("动态血糖仪", "a continuous sensor"),
                "respiratory_rate": ("呼吸频率", "breathing rate"),
                "heart_rate": ("心率", "heart rate"),
                "symptom": ("本人所述", "the person"),
            }
        ),
    }
)
"""Symptoms, answers, drug classes and conditions; `words.WORDS` says which there are."""
