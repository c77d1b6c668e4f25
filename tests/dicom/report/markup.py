"""What a page is made of, told by parsers that know nothing of how it was made."""

from __future__ import annotations

from html.parser import HTMLParser

from lxml import html as lxml_html

TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "header",
        "section",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "dl",
        "dt",
        "dd",
        "ul",
        "li",
        "bdi",
        "small",
        "span",
        "a",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "svg",
        "rect",
    ]
)
"""Elements of which pages are made."""
ATTRIBUTES = frozenset(
    [
        "lang",
        "charset",
        "name",
        "content",
        "class",
        "id",
        "href",
        "scope",
        "width",
        "height",
        "fill",
        "role",
        "aria-label",
    ]
)


class _Skeleton(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", ()))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", ()))

    def unknown_decl(self, data: str) -> None:
        self.found.append(("declaration", ()))


def skeleton(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every tag of a page with the names of its attributes, in order."""
    parser = _Skeleton()
    parser.feed(page)
    parser.close()
    return parser.found


def require_plain(page: str) -> None:
    """Fail where a page has elements, attributes or URLs that could do something."""
    for tag, names in skeleton(page):
        assert tag.lstrip("/") in TAGS, tag
        assert set(names) <= ATTRIBUTES, (tag, names)
    tree = lxml_html.document_fromstring(page.encode("utf-8"))
    for element in tree.iter():
        assert element.tag in TAGS, element.tag
        for name, told in element.attrib.items():
            assert name in ATTRIBUTES, name
            assert name != "href" or str(told).startswith(("http://here/", "#item-")), told


def words(page: str) -> str:
    """The text of a page."""
    tree = lxml_html.document_fromstring(page.encode("utf-8"))
    body = tree.find("body")
    assert body is not None
    return "".join(map(str, body.itertext()))
