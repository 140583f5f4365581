"""The constants and words that the extension shares with Python, as the file that it reads.

Under each module the constants that it declares, by their own names, so that a search finds both
ends. Written by `python -m convert rules`; a test holds that the file is up to date.
"""

from __future__ import annotations

import ast
import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from models import registry
from server.analysis.records import AnalysisOptions, Label, MediaLabel, Reason
from server.analysis.weighing import Rules

FILE = Path(__file__).parents[1] / "extension" / "src" / "local" / "rules.js"
MODULES = (
    "models.pyramid",
    "models.preprocess",
    "server.analysis.cascade",
    "server.analysis.faces",
    "server.analysis.crops",
    "server.analysis.cuts",
    "server.analysis.matching",
    "server.analysis.tracks",
    "server.analysis.evidence",
    "server.analysis.stability",
    "server.analysis.likelihood",
    "server.analysis.verdict",
)


HEAD = "// The constants and words of the service. Written by: python -m convert rules"


def text() -> str:
    """What FILE is to hold: a script, since Firefox gives no JSON module to a worker."""
    return f"{HEAD}\n\nexport default {json.dumps(rules(), indent=2)};\n"


def rules() -> dict[str, Any]:
    """The constants by the module's last name; beside them the choices and the labels."""
    rules = asdict(Rules())
    for threshold in ("fake_at", "real_at"):  # are each model's own
        del rules[threshold]
    del rules["likelihood"]
    options = asdict(AnalysisOptions())
    del options["model"]  # comes with its networks: convert/browser.py
    return {
        **{name.rpartition(".")[2]: constants(name) for name in MODULES},
        "options": options,
        "rates": asdict(rates) if (rates := registry.spec(AnalysisOptions().model).rates) else None,
        "rules": rules,
        "labels": [*get_args(Label)],
        "media_labels": [*get_args(MediaLabel)],
        "reasons": [*get_args(Reason)],
    }


def constants(module: str) -> dict[str, Any]:
    """What `module` itself declares in capitals and JSON can hold, by name."""
    loaded = import_module(module)
    tree = ast.parse(Path(str(loaded.__file__)).read_text(encoding="utf-8"))
    targets = [target for node in tree.body for target in _targets(node)]
    names = [name.id for target in targets for name in ast.walk(target)
             if isinstance(name, ast.Name)]  # fmt: skip
    found = {name: getattr(loaded, name) for name in names if name.isupper()}
    return {name: value for name, value in found.items() if _is_plain(value)}


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.AnnAssign):
        return [node.target]
    return node.targets if isinstance(node, ast.Assign) else []


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_plain(part) for part in value)
    return isinstance(value, (int, float, str))
