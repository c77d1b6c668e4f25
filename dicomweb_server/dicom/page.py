"""Pages for people: one shell and one style for all of them, everything in them escaped.

A page has no script, loads nothing and names nothing that could run. Its style is one element,
whose hash a Content-Security-Policy can name (`style_source`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from html import escape as html_escape

from dicomweb_server.dicom.wording import clean

MEDIA_TYPE = "text/html"

_STYLE = """
:root{color-scheme:light dark;--soft:#5a6572;--line:#c9d2dc;--head:#0b4a6f;--warn:#8a3b00}
@media (prefers-color-scheme:dark){
:root{--soft:#a3afbb;--line:#46525e;--head:#8cc8ee;--warn:#ffb37a}}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:52rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0;color:var(--head)}
h2,h3,h4,h5,h6{font-size:1.05rem;line-height:1.3;margin:1.1rem 0 .3rem;color:var(--head)}
h2{font-size:1.3rem;border-bottom:1px solid var(--line)}
h3{font-size:1.15rem}
header p{margin:.2rem 0;color:var(--soft)}
dl{display:grid;grid-template-columns:minmax(5rem,9rem) 1fr;gap:.1rem 1rem;margin:.6rem 0}
dt,li .name,p.name{color:var(--soft)}
dd{margin:0}
ul,ol{margin:.2rem 0;padding-left:1.2rem}
li{margin:.15rem 0}
.value{white-space:pre-wrap}
.number{font-weight:600}
small{color:var(--soft);font-size:.75em;font-weight:normal}
section section section section{border-left:2px solid var(--line);padding-left:.6rem}
.warning{color:var(--warn);border:1px solid;border-radius:.3rem;padding:.4rem .6rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;border-bottom:1px solid var(--line);padding:.15rem .5rem}
th{color:var(--soft);font-weight:normal}
.swatch{display:inline-block;width:1em;height:1em;vertical-align:-.1em;
outline:1px solid var(--line)}
footer{margin-top:1.5rem;border-top:1px solid var(--line);color:var(--soft);font-size:.8rem}
@media (max-width:20rem){dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .3rem}}
@media print{body{font-size:11pt}main{max-width:none;padding:0}
h1,h2,h3,h4,h5,h6{break-after:avoid}li,tr{break-inside:avoid}a{color:inherit;text-decoration:none}}
"""


_HTML_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
)
_XML_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head>'
    '<meta name="viewport" content="width=device-width,initial-scale=1"/>'
)
_NO_XML = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
"""Characters that XML has not, and what stands for them."""


def escape(text: str) -> str:
    """A text as it may stand between tags and in quoted attributes, without control characters."""
    return html_escape(clean(text), quote=True)


def element(name: str, text: str, kind: str = "") -> str:
    """An element with a text in it; `kind` is its class and comes from this program alone."""
    start = f'<{name} class="{kind}">' if kind else f"<{name}>"
    return f"{start}{escape(text)}</{name}>"


def value(text: str, kind: str = "value") -> str:
    """A value from outside: its direction of writing is its own (UAX 9)."""
    return f'<bdi class="{kind}">{escape(text)}</bdi>'


def definitions(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names with their values; nothing where there are none."""
    rows = [f"{element('dt', name)}<dd>{value(text)}</dd>" for name, text in pairs]
    if rows:
        yield f"<dl>{''.join(rows)}</dl>"


def page(title: str, body: Iterable[str], language: str = "") -> str:
    """A whole page.

    Args:
        title: What the window says; no patient data, as browsers remember it.
        body: HTML, everything from outside already escaped.
        language: Language of the content (RFC 5646), checked; the words around it are English.
    """
    inner = f' lang="{language}"' if language else ""
    pieces = [
        f"{_HTML_HEAD}{element('title', title)}<style>{_STYLE}</style></head>\n"
        f"<body><main{inner}>\n",
        *body,
        "\n</main></body></html>\n",
    ]
    return "".join(pieces)


def as_xml(text: str) -> str:
    """A page as XML (XHTML): its elements are closed all but those of its head.

    Args:
        text: What `page` gave.
    """
    return text.replace(_HTML_HEAD, _XML_HEAD, 1).translate(_NO_XML)


@cache
def style_source() -> str:
    """What allows the style of the pages in a Content-Security-Policy: 'sha256-...'."""
    digest = b64encode(sha256(_STYLE.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
