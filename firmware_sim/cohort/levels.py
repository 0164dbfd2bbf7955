"""A person's own levels of pressure and pulse, drawn once.

Home blood pressure of treated patients averages 130 to 135 mmHg in Japan with a standard deviation
of 14 between people [HONEST, Hypertens Res 2013;36:177; J-HOP, Hypertension 2018;71:177]; ours is
set a little higher, for a county with less control. Without treatment it is 117 (13) at 46 years
and 123 (15) at 62, and scatters by 8.6 (3.1) from morning to morning [Ohasama: J Hypertens
1993;11:1441 and Kato T et al., Am J Hypertens 2010]; systolic and diastolic go together with r 0.69
[TASSH trial's open data, month 12, computed]. Mornings lie 6.1 (10.8) above evenings [J-HOME, Blood
Press Monit 2009: 3,303 treated], in Beijing and Finland not at all: ours is between;
a drug at standard dose lowers systolic pressure by 9.1 mmHg, two and three drugs by more but less
than in proportion [Law MR et al., BMJ 2009;338:b1665, from memory]; the winter is some 5 to 10 mmHg
above the summer [Stergiou G et al., J Hypertens 2020;38:1235; Lewington S et al., J Hypertens
2012;30:1383, from memory]. Everything else is ours.
"""

import numpy as np

from firmware_sim.cohort.people import CohortSex, Levels

PRESSURE_CLASSES = ("ace_inhibitor", "arb", "beta_blocker", "calcium_blocker", "diuretic")
"""Drug classes that lower the pressure."""

_EFFECT = (0.0, 9.1, 15.0, 20.0)
_MOST = 2.8  # nobody is further from the mean than so many standard deviations
_POOR_ADHERENCE = 0.26
_WANDER = 3.0  # set to the difference of a year [Asayama K et al., J Hypertens 2022;40:398]


def drug_effect(drugs: tuple[str, ...]) -> float:
    """MmHg systolic that the prescribed pressure drugs take away when taken every day."""
    count = sum(1 for drug in drugs if drug in PRESSURE_CLASSES)
    return _EFFECT[min(count, len(_EFFECT) - 1)]


def draw_levels(
    chance: np.random.Generator,
    sex: CohortSex,
    age: int,
    diagnoses: tuple[str, ...],
    drugs: tuple[str, ...],
) -> Levels:
    """Levels as they are under the prescribed treatment; a fixed number of draws."""
    z = np.clip(chance.standard_normal(12), -_MOST, _MOST).tolist()
    u = chance.random(2).tolist()
    older, woman = age - 60, sex is CohortSex.FEMALE
    if "hypertension" in diagnoses:
        high = 12.5 * z[0]
        systolic = 145.5 + 0.2 * older + high
        diastolic = 86.0 - 0.25 * older + 0.48 * high + 6.0 * z[1]
    else:
        high = 10.0 * z[0]
        systolic = 121.5 + 0.25 * older + high - (4.0 if woman and age < 50 else 0.0)  # noqa: PLR2004
        diastolic = 74.0 - 0.1 * older + 0.4 * high + 5.0 * z[1]
    effect = drug_effect(drugs)
    slow = 7.0 if "beta_blocker" in drugs else 0.0
    poor = u[0] < _POOR_ADHERENCE
    return Levels(
        systolic=_fine(max(90.0, systolic - effect)),
        diastolic=_fine(min(max(50.0, diastolic - 0.6 * effect), systolic - effect - 18)),
        pulse=_fine(max(48.0, (73.5 if woman else 71.0) + 8.0 * z[2] - slow)),
        white_coat=_fine(max(0.0, 8.0 + 7.0 * z[3])),
        salt=_fine(max(0.0, 4.0 + 2.5 * z[4])),
        season=_fine(max(0.0, 3.2 + 1.5 * z[5])),
        morning_rise=_fine(4.5 + 8.0 * z[6]),
        day_sd=_fine(max(2.5, 6.5 + 2.8 * z[7])),
        reading_sd=_fine(max(2.0, 4.4 + 1.0 * z[8])),
        wander=_WANDER,
        cuff_bias=_fine(2.0 * z[9]),
        dose_minute=_fine(450.0 + 35.0 * z[10]),
        adherence=_fine(0.55 + 0.3 * u[1] if poor else 0.92 + 0.075 * u[1]),
    )


def _fine(value: float) -> float:
    return float(np.round(value, 6))
