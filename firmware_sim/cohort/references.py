"""What was published about real people, as rows that a cohort can be put beside.

Sources disagree with one another; all that were found stand here, and `verdicts.py` judges against
the span of them. How each figure is taken from a cohort says `quantities.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

from firmware_sim.cohort.quantities import Quantity


class Certainty(StrEnum):
    """How the number came here."""

    READ = "read"
    COMPUTED = "computed"
    MEMORY = "from memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One published figure.

    Attributes:
        quantity: What it is about.
        value: The central figure, in the definition's unit.
        spread: Standard deviation between people where the source gives one.
        low: Lower end of what the source gives as a range, `value` when it gives none.
        high: Upper end, likewise.
        population: Whose figure it is.
        source: Authors or study, journal, year.
        certainty: READ in the abstract or text; COMPUTED by us from the source's data or figures
            (the source says how); MEMORY means nobody has looked it up yet.
    """

    quantity: Quantity
    value: float
    spread: float | None = None
    low: float
    high: float
    population: str
    source: str
    certainty: Certainty


def references(quantity: Quantity) -> tuple[Reference, ...]:
    """All published figures about one quantity, at least one."""
    return tuple(row for row in REFERENCES if row.quantity is quantity)


def _row(  # noqa: PLR0913 - a row of a table
    quantity: Quantity,
    value: float,
    population: str,
    source: str,
    *,
    spread: float | None = None,
    span: tuple[float, float] | None = None,
    certainty: Certainty = Certainty.READ,
) -> Reference:
    low, high = span or (value, value)
    return Reference(
        quantity=quantity,
        value=value,
        spread=spread,
        low=low,
        high=high,
        population=population,
        source=source,
        certainty=certainty,
    )


_HENAN = "Hu et al., Henan rural cohort, Front Public Health 2022;10:802195"
_OHASAMA = "Kato et al., Ohasama, Am J Hypertens 2010"
_HONEST = "HONEST, Hypertens Res 2013;36:177 (16 weeks)"
_JHOP = "Hoshide et al., J-HOP, Hypertension 2018;71:177"
_MDAS = "Asayama et al., MDAS, Hypertens Res 2020;43:1403"
_FINN = "Finn-Home study, 2,051 people (PubMed 16877957)"
_BEIJING = "Wang W. et al., agreement of home and clinic pressure in 200 Chinese"
_KOLLIAS = "Kollias et al., J Hypertens 2020;38:791 (meta-analysis)"
_TASSH = "TASSH trial, Ghana (CC0 data): computed, 547 hypertensives with three visits"
# TASSH: 757 Ghanaians with hypertension (58 years) at months 0, 6 and 12; of those with all three
# visits the sd of (month 12 - month 6) / sqrt 2, systolic 14.2, and Pearson's r of systolic and
# diastolic at month 12, 0.69. Month 0 is left out: who was high there was chosen for it.
_JI = "Ji et al., BMC Public Health 2013;13:602 (HbA1c as mean glucose by 1.59 x - 2.59)"
_MONNIER = "Monnier et al., Diabetes Care 2017;40:832 (continuous sensor)"
_DUNKLEY = "Dunkley et al., Diabetes Obes Metab 2019"
_HAT = "Khunti et al., global HAT, Diabetes Obes Metab 2016;18:907 (diaries)"
_UKHSG = "UK Hypoglycaemia Study Group, Diabetologia 2007;50:1140"
_TROMSO = "Vold et al., Tromso 5, BMC Pulm Med 2015;15:9"
_Q = Quantity

REFERENCES = (
    _row(_Q.HYPERTENSION_60_79, 44.5, "16,785 rural Chinese, 60-79", _HENAN),
    _row(_Q.HYPERTENSION_60_79, 47.2, "rural Chinese elderly", "CHARLS 2015, PeerJ 2019;7:e8015"),
    _row(
        _Q.HYPERTENSION_60_79,
        56,
        "Chinese, 65-74",
        "Wang et al., CHS 2012-15, Circulation 2018;137:2344",
        certainty=Certainty.MEMORY,
    ),
    _row(
        _Q.TREATED_60_79,
        82.5,
        "rural Chinese, 60-79, who know it: 4,009 of 4,858",
        _HENAN,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.TREATED_60_79,
        82.9,
        "Chinese adults who know it",
        "Li et al., Int J Cardiol 2017;227:516",
    ),
    _row(
        _Q.DIABETES_60,
        11.0,
        "1,601 rural Chinese, 60 and over",
        "BMC Public Health 2023, s12889-023-15527-9",
    ),
    _row(
        _Q.DIABETES_60,
        8.7,
        "215,041 Chinese elderly, self-reported",
        "Front Public Health 2022;10:1051445",
    ),
    _row(
        _Q.FIBRILLATION_75,
        5.1,
        "Chinese, 75 and over: 5.4 men, 4.9 women",
        "Du et al., Heart 2021;107:535",
        span=(4.9, 5.4),
    ),
    _row(_Q.SYSTOLIC_TREATED, 135.0, "Japan, treated, mornings", _HONEST, spread=13.7),
    _row(_Q.SYSTOLIC_TREATED, 134.2, "Japan, 65 years, 79 % treated", _JHOP, spread=14.3),
    _row(_Q.SYSTOLIC_TREATED, 129.7, "Japan, treated, evenings", _HONEST, spread=13.8),
    _row(_Q.DIASTOLIC_TREATED, 78.8, "Japan, treated, mornings", _HONEST, spread=9.9),
    _row(_Q.DIASTOLIC_TREATED, 74.7, "Japan, treated, evenings", _HONEST, spread=10.1),
    _row(
        _Q.SYSTOLIC_OTHERS,
        117.3,
        "rural Japan, untreated, 46 years",
        "Imai et al., Ohasama, J Hypertens 1993;11:1441",
        spread=13.4,
    ),
    _row(_Q.SYSTOLIC_OTHERS, 123.4, "rural Japan, all, 62 years", _OHASAMA, spread=15.1),
    _row(_Q.DAY_TO_DAY_SYSTOLIC, 8.6, "rural Japan, 62 years, one a morning", _OHASAMA, spread=3.1),
    _row(_Q.DAY_TO_DAY_DIASTOLIC, 5.8, "rural Japan, 62 years", _OHASAMA, spread=2.0),
    _row(
        _Q.YEAR_APART_SYSTOLIC,
        7.7,
        "287 treated Japanese outpatients",
        "Asayama et al., J Hypertens 2022;40:398",
    ),
    _row(
        _Q.VISIT_TO_VISIT_SYSTOLIC,
        14.2,
        "month 6 and month 12; pressure was falling until month 6",
        _TASSH,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.VISIT_TO_VISIT_SYSTOLIC,
        10.8,
        "Japan, office, a year apart: sd of difference 15.3 / sqrt 2",
        "Asayama et al., J Hypertens 2022;40:398",
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.SYSTOLIC_DIASTOLIC,
        0.69,
        "month 12, at the clinic",
        _TASSH,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.CONTROLLED,
        36.9,
        "rural Chinese, 60-79, treated: 1,478 of 4,009",
        _HENAN,
        certainty=Certainty.COMPUTED,
    ),
    _row(_Q.CONTROLLED, 34.6, "Chinese adults, treated", "Li et al., Int J Cardiol 2017;227:516"),
    _row(
        _Q.MISSED_DOSES,
        10,
        "4,783 patients with electronic pill boxes",
        "Vrijens et al., BMJ 2008;336:1114",
        span=(10, 15),
        certainty=Certainty.MEMORY,
    ),
    _row(_Q.MORNING_EVENING_SYSTOLIC, 5.7, "Japan, untreated women", _MDAS, span=(5.3, 6.8)),
    _row(_Q.MORNING_EVENING_SYSTOLIC, 7.3, "Japan, untreated men", _MDAS, span=(6.4, 8.5)),
    _row(
        _Q.MORNING_EVENING_SYSTOLIC,
        5.3,
        "Japan, treated: 135.0 - 129.7",
        _HONEST,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.MORNING_EVENING_SYSTOLIC,
        6.1,
        "3,303 treated Japanese, 66 years",
        "J-HOME, Blood Press Monit 2009 (Ovid 00126097-200908000)",
        spread=10.8,
    ),
    _row(_Q.MORNING_EVENING_SYSTOLIC, -0.5, "Finland, treated", _FINN),
    _row(_Q.MORNING_EVENING_SYSTOLIC, 0.0, "Beijing: no difference, figure not given", _BEIJING),
    _row(
        _Q.WINTER_SUMMER_SYSTOLIC, 6.1, "nine studies of home pressure", _KOLLIAS, span=(5.1, 7.0)
    ),
    _row(
        _Q.WINTER_SUMMER_SYSTOLIC,
        5.0,
        "consensus, all methods",
        "Stergiou et al., J Hypertens 2020;38:1235",
        certainty=Certainty.MEMORY,
    ),
    _row(_Q.WINTER_SUMMER_DIASTOLIC, 3.1, "nine studies", _KOLLIAS, span=(2.6, 3.5)),
    _row(_Q.CLINIC_HOME_SYSTOLIC, 6.2, "Beijing, hypertensives", _BEIJING),
    _row(_Q.CLINIC_HOME_SYSTOLIC, 7.7, "Finland, 45-74 years, all", _FINN),
    _row(
        _Q.CLINIC_HOME_SYSTOLIC,
        3.0,
        "70 and over, 165.5 - 162.5 before a trial",
        "Cushman et al., J Am Soc Hypertens 2012;6:210",
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.CLINIC_HOME_SYSTOLIC,
        0.6,
        "Japan, treated: 135.6 - 135.0 (mornings)",
        _HONEST,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.FIRST_DAY_SYSTOLIC,
        2.8,
        "2,122 people, Finland, Greece, UK",
        "European home-monitoring database, J Hypertens 2022 (phc.ox.ac.uk 1266257)",
    ),
    _row(
        _Q.FIRST_DAY_SYSTOLIC,
        1.1,
        "225 patients, day 1 against day 2",
        "Morris et al., TASMINH4",
        span=(0.4, 1.8),
    ),
    _row(
        _Q.FIRST_SECOND_SYSTOLIC,
        2.5,
        "population and patients",
        "Finn-Home and HONEST; the abstracts say only that the second is lower",
        span=(1.5, 3.5),
        certainty=Certainty.MEMORY,
    ),
    _row(
        _Q.MONDAY_WEEKEND_SYSTOLIC,
        1.4,
        "Finland, 44-74 years: 130.4 - 129.0",
        "Juhanoja et al., Blood Press Monit 2016;21:63",
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.MONDAY_WEEKEND_SYSTOLIC,
        0.8,
        "Finland, not employed",
        "Juhanoja et al., Blood Press Monit 2016;21:63",
    ),
    _row(
        _Q.PULSE,
        79,
        "512,000 Chinese, at the survey clinic",
        "China Kadoorie Biobank (ndph.ox.ac.uk 1260663)",
        spread=12,
    ),
    _row(
        _Q.PULSE,
        69.8,
        "Chinese, 35-59, ECG: 67.9 men, 71.6 women",
        "PRC-USA study (PubMed 20021933)",
        span=(67.9, 71.6),
    ),
    _row(_Q.EVENING_MORNING_PULSE, 2.4, "Japan, women", _MDAS, span=(1.5, 3.7)),
    _row(_Q.EVENING_MORNING_PULSE, 5.6, "Japan, men", _MDAS, span=(4.6, 6.6)),
    _row(
        _Q.SIX_READINGS_A_WEEK,
        73,
        "US trial with a pharmacist calling, 24 weeks",
        "Kerby et al., J Clin Hypertens 2012;14:668",
    ),
    _row(
        _Q.SIX_READINGS_A_WEEK,
        27.5,
        "2,272 Chinese hypertensives: at least weekly",
        "BMC Public Health 2020, s12889-020-09901-0",
    ),
    _row(
        _Q.GLUCOSE_TABLETS,
        9.6,
        "157,212 Chinese outpatients, HbA1c 7.67 (1.58) %",
        _JI,
        spread=2.5,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.GLUCOSE_INSULIN,
        10.5,
        "80,973 Chinese outpatients, HbA1c 8.21 (1.91) %",
        _JI,
        spread=3.0,
        certainty=Certainty.COMPUTED,
    ),
    _row(_Q.GLUCOSE_CV_TABLETS, 18.1, "France, diet or metformin", _MONNIER, span=(15.2, 23.9)),
    _row(
        _Q.GLUCOSE_CV_TABLETS,
        33,
        "Shanghai: upper limit, no insulin and no secretagogue",
        "Mo et al., J Diabetes Investig 2021;12:1025",
        span=(20, 33),
    ),
    _row(
        _Q.GLUCOSE_CV_INSULIN,
        28,
        "type 2, insulin (19 % lie above 36 %)",
        _MONNIER,
        span=(23, 36),
        certainty=Certainty.MEMORY,
    ),
    # Blood (not sensor) glucose every 15 minutes over 14 days; mean of five personal sd / mean, the
    # lowest and the highest of them.
    _row(
        _Q.GLUCOSE_CV_INSULIN,
        31.5,
        "five UVa/Padova adults (type 1), 14 days, missed and double boluses",
        "own run of simglucose: computed (time in range 85.9 %)",
        span=(28.2, 35.7),
        certainty=Certainty.COMPUTED,
    ),
    _row(_Q.UNSTABLE_INSULIN, 19.0, "79 French with type 2", _MONNIER),
    _row(_Q.LOWS_INSULIN, 19.3, "19,563 with type 2 in 24 countries", _HAT),
    _row(_Q.LOWS_INSULIN, 4.39, "UK primary care, type 2", _DUNKLEY),
    _row(_Q.LOWS_INSULIN, 4.0, "UK, insulin for less than two years, mild", _UKHSG),
    _row(_Q.LOWS_SULFONYLUREA, 2.34, "UK primary care, type 2", _DUNKLEY),
    _row(
        _Q.SATURATION_COPD,
        92.1,
        "20 patients, daytime rest, continuous",
        "Buekers et al., JMIR mHealth 2019;7:e12866",
        spread=2.9,
    ),
    _row(
        _Q.SATURATION_COPD,
        96,
        "271 with COPD in the population: median 96 or more",
        _TROMSO,
        certainty=Certainty.COMPUTED,
    ),
    _row(_Q.SATURATION_OTHERS_96, 89.4, "4,883 without COPD, 66 years", _TROMSO),
    _row(
        _Q.TEMPERATURE,
        36.57,
        "oral: 35.73-37.41 is mean and two sd",
        "Geneva et al., OFID 2019;6:ofz032",
        spread=0.42,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.TEMPERATURE,
        35.97,
        "axillary: 35.01-36.93 is mean and two sd",
        "Geneva et al., OFID 2019;6:ofz032",
        spread=0.48,
        certainty=Certainty.COMPUTED,
    ),
    _row(
        _Q.GAIN_2_KG_IN_3_DAYS,
        21,
        "28 decompensations in 87 patients",
        "HeartPhone, Eur J Heart Fail 2013",
    ),
    _row(
        _Q.HOUSEHOLD_ATTACK,
        14.5,
        "1,589 contacts, influenza-like illness",
        "Carcione et al., Euro Surveill 2011;16(3)",
        span=(12.9, 16.4),
    ),
    _row(
        _Q.HOUSEHOLD_ATTACK,
        20,
        "20 studies of H1N1-2009, febrile illness",
        "Lau et al., Epidemiology 2012;23:531 (span; middle of it)",
        span=(4, 37),
    ),
    _row(
        _Q.SERIAL_INTERVAL,
        3.6,
        "Hong Kong households, influenza",
        "Cowling et al., Epidemiology 2009;20:344",
        spread=1.6,
        span=(2.9, 4.3),
    ),
)
