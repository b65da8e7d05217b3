"""A field type is one entry: a project with a new one is generated, clean, and passes its own tests."""

from __future__ import annotations

from pathlib import Path

from copies import Generate, clone_template, commit
from projects import run

ENTRY = """\
        FieldType(
            name="percentage",
            alias="Percentage",
            definition="Annotated[NonNegativeInt, Field(le=100), BeforeValidator(_number)]",
            column="sa.SmallInteger",
            example=40,
            parse=_integer,
            answer_example="40",
            imports=(("pydantic", "NonNegativeInt"),),
            accepted_by=("int",),
            limited_by="range",
            most=Decimal(100),
            in_openapi="int",
            blank=0,
        ),
"""

ANSWERS = {
    "project_name": "Shares",
    "concept": "Shares of things are written down.",
    "services": [
        {"name": "desk", "responsibility": "keeps shares", "publishes": ["share.taken on create Share"]},
        {
            "name": "post",
            "responsibility": "keeps notes",
            "subscribes": ["on share.taken: create Note(part: part, count: part)"],
        },
    ],
    "data_entities": [
        "desk.Share(part: percentage, rest: percentage(0..50) = 25, more: percentage?, parts: list[percentage]); "
        "list(part, rest, parts; sort part, rest)",
        "post.Note(part: percentage, count: int)",
    ],
    "storage_kind": "sqlite",
}


def test_a_new_field_type_is_one_entry(generate: Generate, tmp_path: Path) -> None:
    """All that is made of it comes from that entry: in models, tables, events, limits, lists and OpenAPI."""
    template = clone_template(tmp_path / "groundplan")
    registry = template / "extensions" / "groundplan" / "field_types.py"
    source = registry.read_text("utf-8")
    assert source.endswith("    )\n}\n")
    registry.write_text(source.removesuffix("    )\n}\n") + ENTRY + "    )\n}\n", "utf-8")
    commit(template, "v1.1.0")

    project = generate(ANSWERS, template)
    models = (project / "services" / "desk" / "models.py").read_text("utf-8")
    assert "rest: Annotated[common.Percentage, common.Limits(ge=0, le=50)] = 25" in models
    assert 'Literal["part", "-part", "rest", "-rest"]' in models
    assert "parts: common.Many[common.Percentage]" in models
    assert "percentage" in (project / "Planning" / "ServiceSpecifications" / "desk.md").read_text("utf-8")
    run(project, "ruff", "check", ".")
    run(project, "ruff", "format", "--check", ".")
    run(project, "mypy")
    run(project, "plan", "check", "--code")
    assert "passed" in run(project, "pytest", "-q", "-k", "Share or Note or share or migration")
