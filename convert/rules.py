"""The constants and terms that the extension shares with Python, as the files that it reads.

In RULES under each module the constants that it declares, by their own names, so that a search
finds both ends; in LABELS what server/terms.py has of labels. `make contract` writes them, and
`python -m convert rules`; a test holds that they are up to date.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from models import registry
from server import terms, words
from server.analysis.weighing import Rules
from server.terms import AnalysisOptions, Label, Level, MediaLabel

SOURCE = Path(__file__).parents[1] / "extension" / "src"
RULES = SOURCE / "local" / "rules.js"
ORIGIN = SOURCE / "origin" / "names.js"
LANGUAGES = SOURCE / "view" / "languages.js"
LABELS = SOURCE / "verdict" / "labels.js"
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
ORIGIN_MODULES = (
    "server.analysis.provenance.terms",
    "server.analysis.provenance.records",
    "server.analysis.provenance.marks",
    "server.analysis.provenance.exif",
    "server.analysis.provenance.xmp",
    "server.analysis.provenance.pieces",
    "server.analysis.video.tiff",
)
HEAD = "// Written by `make contract`, from what Python declares.\n\n"
TYPES = {"FaceLabel": Label, "MediaLabel": MediaLabel, "Level": Level}


def texts() -> dict[Path, str]:
    """What the files are to hold: scripts, since Firefox gives no JSON module to a worker."""
    return {
        RULES: f"{HEAD}export default {json.dumps(rules(), indent=2)};\n",
        ORIGIN: f"{HEAD}export default {json.dumps(origin(), indent=2)};\n",
        LANGUAGES: f"{HEAD}export default {json.dumps(words.LANGUAGES)};\n",
        LABELS: f"{HEAD}{labels()}",
    }


def labels() -> str:
    """The types and constants that server/terms.py has of labels, as a module's text."""
    types = (f"@typedef {{{'|'.join(map(_quoted, get_args(of)))}}} {name}"
             for name, of in TYPES.items())  # fmt: skip
    lines = "\n".join(f" * {line}" for line in types)
    return f"""/**
{lines}
 */

/**
 * Shape and words carry the meaning; colour only repeats it.
 * @type {{Record<Level|MediaLabel, string>}}
 */
export const SHAPES = {_quoted(terms.SHAPES)};

/** @type {{(Level|MediaLabel)[]}} */
export const WORST_FIRST = {_quoted(terms.WORST_FIRST)};

/** Reasons that lie in the picture: the face is evidence neither way. */
export const UNJUDGED = {_quoted(sorted(terms.UNJUDGED))};

/** What a person may do next, by the level and by each reason. @type {{Record<string, string>}} */
export const NEXT_OF_LEVEL = {_quoted(terms.NEXT_OF_LEVEL)};

/** @type {{Record<string, string>}} */
export const NEXT_OF_REASON = {_quoted(terms.NEXT_OF_REASON)};

/** Where to look for a picture: only ever opened by a click. @type {{Record<string, string>}} */
export const SEARCHES = {_quoted(terms.SEARCHES)};

/** How many of 100 such videos are fake: rare, as on the web; and half of them. */
export const PRIORS = {_quoted(terms.PRIORS)};

/** How many of 100 videos untrained people judge rightly. */
export const UNTRAINED_RIGHT = {terms.UNTRAINED_RIGHT};
"""


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def rules() -> dict[str, Any]:
    """The constants by the module's last name; beside them the choices."""
    rules = asdict(Rules())
    for threshold in ("fake_at", "real_at"):  # are each model's own
        del rules[threshold]
    del rules["likelihood"]
    options = asdict(AnalysisOptions())
    del options["model"]  # comes with its networks: convert/browser.py
    return {
        **_by_module(MODULES, _is_plain),
        "options": options,
        "measured": measured(AnalysisOptions().model),
        "rules": rules,
    }


def origin() -> dict[str, Any]:
    """The names by which a file's declarations are found, and how much of it is read."""
    return _by_module(ORIGIN_MODULES, _is_name)


def measured(model: str) -> dict[str, Any]:
    """What a classifier looks for, and how often it was right; None and empty where unknown."""
    spec = registry.spec(model)
    scope = spec.likelihood
    return {
        "covers": list(scope.covers) if scope else [],
        "blind_to": list(scope.blind_to) if scope else [],
        "rates": asdict(spec.rates) if spec.rates else None,
    }


def _by_module(
    modules: Iterable[str], is_wanted: Callable[[Any], bool]
) -> dict[str, dict[str, Any]]:
    return {name.rpartition(".")[2]: constants(name, is_wanted) for name in modules}


def constants(module: str, is_wanted: Callable[[Any], bool]) -> dict[str, Any]:
    """What `module` itself declares in capitals and is wanted, by name, as JSON can hold it."""
    loaded = import_module(module)
    tree = ast.parse(Path(str(loaded.__file__)).read_text(encoding="utf-8"))
    targets = [target for node in tree.body for target in _targets(node)]
    names = [name.id for target in targets for name in ast.walk(target)
             if isinstance(name, ast.Name)]  # fmt: skip
    found = {name: getattr(loaded, name) for name in names if name.isupper()}
    return {name: _as_json(value) for name, value in found.items() if is_wanted(value)}


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.AnnAssign):
        return [node.target]
    return node.targets if isinstance(node, ast.Assign) else []


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_plain(part) for part in value)
    return isinstance(value, (int, float, str))


def _is_name(value: Any) -> bool:
    return _is_plain(value) or isinstance(value, (dict, frozenset, bytes, re.Pattern))


def _as_json(value: Any) -> Any:
    """A set as a list, bytes as a text of one sign each, a pattern as its text."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value.pattern if isinstance(value, re.Pattern) else value
