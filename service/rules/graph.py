"""Packs as a drawing: quantities, the rules that look at them, their families and priorities.

As text for Graphviz (`dot -Tsvg`) or Mermaid (drawn by many editors and code hosts).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules.pack import Pack
from rules.rule import Rule

_COLOURS = {"emergency": "#b3261e", "urgent": "#b25d00", "soon": "#8a6d00", "routine": "#2e6b4f"}


@dataclass(frozen=True, slots=True)
class _Edge:
    source: str
    target: str


def dot(packs: Sequence[Pack]) -> str:
    """The packs in the language of Graphviz, left to right."""
    lines = ["digraph rules {", "  rankdir=LR; node [shape=box, fontname=sans];"]
    for pack in packs:
        lines.append(f'  subgraph "cluster_{pack.name}" {{')
        lines.append(f'    label="{_quoted(f"{pack.name} {pack.version} ({pack.mode})")}";')
        lines += [f"    {_dot_rule(rule)}" for rule in pack.rules]
        lines.append("  }")
    for name, word in _ends(packs).items():
        lines.append(f'  "{name}" [label="{word}", shape=ellipse];')
    lines += [f'  "{edge.source}" -> "{edge.target}";' for edge in _edges(packs)]
    return "\n".join([*lines, "}"])


def mermaid(packs: Sequence[Pack]) -> str:
    """The packs as a Mermaid flow chart, left to right."""
    lines = ["flowchart LR"]
    for pack in packs:
        lines.append(f'  subgraph {pack.name}["{pack.name} {pack.version} ({pack.mode})"]')
        lines += [f'    {rule.id}["{rule.id} {_title(rule)}"]' for rule in pack.rules]
        lines.append("  end")
    lines += [f'  {name}(["{word}"])' for name, word in _ends(packs).items()]
    lines += [f"  {edge.source} --> {edge.target}" for edge in _edges(packs)]
    return "\n".join(lines)


def _ends(packs: Sequence[Pack]) -> dict[str, str]:
    """Names of vitals, families and priorities, each once."""
    found: dict[str, str] = {}
    for rule in (rule for pack in packs for rule in pack.rules):
        found |= {f"v_{vital.name.lower()}": vital.name.lower() for vital in sorted(rule.vitals)}
        found[_family(rule)] = _family(rule).removeprefix("f_")
        found[f"p_{rule.priority.word}"] = rule.priority.word
    return dict(sorted(found.items()))


def _edges(packs: Sequence[Pack]) -> list[_Edge]:
    """Vital to rule, rule to family, family to priority; each once, in order."""
    found: dict[_Edge, None] = {}
    for rule in (rule for pack in packs for rule in pack.rules):
        found |= dict.fromkeys(_edges_of(rule))
    return list(found)


def _edges_of(rule: Rule) -> Iterator[_Edge]:
    for vital in sorted(rule.vitals):
        yield _Edge(f"v_{vital.name.lower()}", rule.id)
    yield _Edge(rule.id, _family(rule))
    yield _Edge(_family(rule), f"p_{rule.priority.word}")


def _family(rule: Rule) -> str:
    return f"f_{rule.family.value if rule.family else 'of_point'}"


def _dot_rule(rule: Rule) -> str:
    style = "solid" if rule.signed else "dashed"
    colour = _COLOURS[rule.priority.word]
    label = _quoted(f"{rule.id} {_title(rule)}")
    return f'"{rule.id}" [label="{label}", color="{colour}", style={style}];'


def _title(rule: Rule) -> str:
    return rule.title.en.replace('"', "'")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
