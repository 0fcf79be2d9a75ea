"""An explanation as one page of HTML: a tree that opens and closes by itself, without a script and without other files."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.app import Explanation, Missed

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; }
h1 { font-size: 1.3rem; } h1 b { float: right; }
details { border-left: 3px solid #c9d3e0; margin: .5rem 0; padding: .2rem 0 .2rem 1rem; }
summary { cursor: pointer; } summary b { margin-right: .5rem; }
table { border-collapse: collapse; margin: .3rem 0; }
td { padding: .15rem 1rem .15rem 0; vertical-align: top; } td:first-child { color: #51607a; min-width: 8rem; overflow-wrap: anywhere; }
.applies { background: #e8f4e8; } .not { color: #7a5151; } footer { color: #51607a; margin-top: 2rem; }
@media print { details { break-inside: avoid; } }
"""


def page(found: Explanation, missed: Missed | None = None) -> str:
    """The page of an explanation, with why a rule did not answer where that was asked."""
    body = [f"<h1>{escape(found.subject)} <b>{escape(found.amount)}</b></h1>", f"<p>{escape(found.text)}</p>"]
    for answer in missed.answers if missed else ():
        head = f"<b>why not {escape(answer.rule)}</b> {escape(answer.reason)}: {escape(answer.text)}"
        rows = [
            ("met" if p.met else "not met", f"{p.text} ({p.facts})" + (f"; {p.near}" if p.near else ""), p.met)
            for p in answer.parts
        ]
        rows += [("answered by", answer.by, True)] if answer.by else []
        rows += [("asked", f"{answer.family} on {answer.on}, {answer.where}", True)]
        body.append(_details(head, [_row(label, text, "" if met else "not") for label, text, met in rows]))
    for step in found.steps:
        lines = [_row(label, text, _kind(text)) for label, text in step.details]
        body.append(_details(f"<b>{escape(step.name)}</b> {escape(step.text)}", lines))
    for finding in found.findings:
        body.append(f"<p class='not'>{escape(str(finding))}</p>")
    release = f"<footer>release {escape(found.release)}</footer>" if found.release else ""
    title = escape(found.subject)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(body) + f"\n{release}\n</body></html>\n"
    )


def _details(head: str, rows: list[str]) -> str:
    if not rows:
        return f"<details><summary>{head}</summary></details>"
    return f"<details open><summary>{head}</summary><table>{''.join(rows)}</table></details>"


def _row(label: str, text: str, kind: str) -> str:
    mark = f' class="{kind}"' if kind else ""
    return f"<tr{mark}><td>{escape(label)}</td><td>{escape(text)}</td></tr>"


def _kind(text: str) -> str:
    if " not: needs " in text:
        return "not"
    return "applies" if text.endswith(" applies") or " applies: " in text else ""
