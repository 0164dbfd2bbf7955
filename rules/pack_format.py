"""The YAML form of a pack, before it is checked: what may stand where, and of which type.

`json_schema()` is published as `rules/schemas/pack-1.json`, so that an editor can help an author.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rules.rule import Age, Mode, OnUnknown, RunsOn
from rules.vocabulary import AlertKind, Family, QuantityName, Vital

FORMAT_VERSION = 1

Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
Span = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}[mhd]$")]
AT_ONCE = "0m"
Expression = Annotated[str, Field(min_length=1, max_length=1000)]


def _as_text(value: object) -> object:
    """A number written in YAML as the text it was written as (`3.0` stays `3.0`)."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


NumberText = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | float)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextFormat(_Strict):
    """The same words in both languages."""

    zh: Words
    en: Words


class SourceFormat(_Strict):
    """Where `numbers` come from. Access: R read, S secondary page, M memory, D own design."""

    guideline: Words
    section: Words
    certainty: Literal["high", "medium", "low"]
    access: Literal["R", "S", "M", "D"]
    numbers: tuple[NumberText, ...] = Field(min_length=1)


class SignatureFormat(_Strict):
    """A clinician's signature over the rule's hash: number and both texts (law 10)."""

    name: Words
    licence: Words
    day: Words
    rule_hash: Words


class PopulationFormat(_Strict):
    """For whom a rule runs; `not_known` leaves out who is known to be pregnant.

    `at_home` leaves out who is admitted, away, moved or dead.
    """

    age: Age
    pregnancy: Literal["any", "not_known"]
    status: Literal["any", "at_home"] = "any"


class ImmediateFormat(_Strict):
    """Fires on one reading."""

    when: Expression
    flagged: bool = False


class PendingFormat(_Strict):
    """Asks for a confirmation, and fires as unconfirmed without it."""

    when: Expression
    wait: Span
    unless: Expression
    then: Literal["unconfirmed"]


class PromptFormat(_Strict):
    """Asks at home, `after` a reading at the level: the person, and whoever may follow them."""

    after: Literal["0m"] | Span
    patient: TextFormat
    follower: TextFormat


class ClearFormat(_Strict):
    """When a case of the rule is over: an expression, one a limb, or `outcome_only`."""

    when: Expression | dict[str, Expression]
    text: TextFormat
    after_action: bool = False


class _RuleFields(_Strict):
    """What every version of the program has written of a rule.

    `beside: urgent_case`: it asks for a person only while a case of at least that level is open, to
    which its reading belongs.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z]{2,4}-[A-Z0-9]+[a-z]?$")]
    version: Annotated[int, Field(ge=1)]
    title: TextFormat
    family: Family | Literal["of_point"]
    kind: AlertKind
    priority: Literal["emergency", "urgent", "soon", "routine"]
    population: PopulationFormat
    vitals: tuple[str, ...] = Field(min_length=1)
    undampable: bool
    runs_on: RunsOn
    level: Expression | None = None
    immediate: ImmediateFormat | None = None
    condition: dict[str, Expression] = Field(default_factory=dict[str, str])
    absence: dict[str, Expression] = Field(default_factory=dict[str, str])
    stage: Literal["confirmed", "condition"] = "condition"
    pending: PendingFormat | None = None
    prompts: tuple[PromptFormat, ...] = ()
    nearly: Expression | None = None
    max_age: Span
    clear: ClearFormat
    rearm: Span | Literal["next_day", "at_closure"]
    deadband: Words
    confirm: TextFormat
    on_unknown: OnUnknown
    beside: Literal["urgent_case"] | None = None
    action: TextFormat
    patient: TextFormat
    source: tuple[SourceFormat, ...] = Field(min_length=1)
    signed: SignatureFormat | None


class RuleFormat(_RuleFields):
    """One rule. `owner` answers for it: whoever is asked when it rings too often, or not at all."""

    owner: TextFormat


class KeptRuleFormat(_RuleFields):
    """A rule as an alert or a hub's command has copied it; former versions named no owner."""

    owner: TextFormat | None = None


class TargetFormat(_Strict):
    """A limit that holds where no doctor has set one for the person (canonical unit)."""

    quantity: QuantityName
    value: Annotated[Decimal, Field(gt=0)]
    source: SourceFormat


class ExclusionFormat(_Strict):
    """Readings that teach no baseline."""

    when: Expression
    source: SourceFormat


class LearningFormat(_Strict):
    """What baselines must not learn."""

    excludes: tuple[ExclusionFormat, ...]


class SecondFamilyFormat(_Strict):
    """Within which time a new point of another family raises what rings `soon` by one level."""

    within: Span
    source: SourceFormat


class PackFormat(_Strict):
    """A whole pack; what all packs share stands in the first pack alone.

    That is `targets`, `learning`, `second_family` and `minor`.

    `mode`: a pack in shadow is judged beside the live ones and asks for nobody.
    """

    pack: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    version: Annotated[int, Field(ge=1)]
    mode: Mode = Mode.SHADOW
    title: TextFormat
    targets: tuple[TargetFormat, ...] = ()
    learning: LearningFormat = LearningFormat(excludes=())
    second_family: SecondFamilyFormat | None = None
    minor: RuleFormat | None = None
    rules: tuple[RuleFormat, ...] = Field(min_length=1)


def vital_of(word: str) -> Vital:
    """The vital that packs write as `word`, for example `blood_pressure`; KeyError for no vital."""
    return Vital[word.upper()]


def json_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a pack file of this version."""
    schema: dict[str, object] = PackFormat.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
