"""The page's text from its templates, which stand beside this file: they loop and print, `views` has decided."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from edgecomp import __version__, readable
from edgecomp.page import comparison
from edgecomp.page.documents import Document
from edgecomp.page.views import view


def render(documents: Sequence[Document]) -> str:
    """One page about one or more documents, the first of which the others are compared with."""
    folder = Path(__file__).resolve().parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "count": readable.count,
        "compact": readable.compact,
        "size": readable.size,
        "ratio": readable.ratio,
        "percent": readable.percent,
        "decibel": readable.decibel,
        "signed": readable.signed,
        "change": comparison.change_text,
        "breakable": breakable,
    }
    return environment.get_template("page.html.jinja").render(page=view(documents), version=__version__)


def breakable(name: str) -> Markup:
    """A name that may be broken behind a slash, dot, underscore or plus."""
    pieces = re.split(r"(?<=[/._+])", name)
    return Markup("<wbr>").join(escape(piece) for piece in pieces)
