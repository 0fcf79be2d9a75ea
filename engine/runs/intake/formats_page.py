"""The reference page of import files."""

from __future__ import annotations

from engine.runs.intake.formats import FORMATS, SUFFIXES, TYPES, Column, Format


def _detail(column: Column) -> str:
    """What the reference page says of a column's values beyond the name of its type."""
    parts = [f"one of {', '.join(column.choices)}"] if column.choices else []
    if column.type in ("text", "lines"):
        parts += [f"at most {column.high} characters"] if column.high else []
    elif column.low is not None and column.high is not None:
        parts.append(f"{column.low} to {column.high}")
    elif column.low is not None:
        parts.append(f"at least {column.low}")
    if column.type == "decimal":
        parts.append(f"up to {column.before} digits before and {column.after} after the point")
    return "; ".join(parts)


def _never(form: Format) -> str:
    """What the reference page says of records that do not change."""
    if not form.correction:
        return ""
    what = f"{' and '.join(form.fixed)} never change" if form.fixed else "Its records never change"
    return f" {what[0].upper()}{what[1:]}; to correct one, {form.correction}."


def reference() -> str:
    """The reference page of import files, as Markdown."""
    text = [
        "# Import files",
        "",
        "`tollbook import DIR` reads every file of the folder whose name begins with a kind below and ends in "
        + ", ".join(f"`.{suffix}`" for suffix in SUFFIXES)
        + ": `usage.csv`, `usage-2026-01.parquet`. Text may be packed: `usage.csv.gz`. Kinds are loaded in the order of this page.",
        "",
        "The first line of a CSV file names the columns, in any order; values are separated by commas, text is UTF-8,"
        " and an empty value is an absent one. JSON lines have one object a line. Numbers in Parquet files are"
        " decimals, integers or text; floating point is refused. Blanks around a value do not count.",
        "",
        "A record is known by its key. The same row again changes nothing; another row with the same key makes a new"
        " version of the record, or is refused where records are never changed.",
        "",
        "## Types",
        "",
        *(f"- **{name}**: {words}" for name, words in TYPES.items()),
    ]
    for form in FORMATS.values():
        text += ["", f"## {form.kind}", "", f"{form.meaning} Key: {', '.join(form.key)}.{_never(form)}", ""]
        text += ["| column | type | required | default | meaning |", "|---|---|---|---|---|"]
        for column in form.columns:
            meaning = "; ".join(part for part in (column.meaning, _detail(column)) if part)
            default = f"`{column.default}`" if column.default else ""
            need = "yes" if column.required else ""
            text.append(f"| {column.name} | {column.type} | {need} | {default} | {meaning} |")
    return "\n".join(text) + "\n"
