"""Sphinx extension: what every page says of itself in its head, and pages that need no exception for scripts.

A page has a description, a preview picture and, where the site's address is known, a canonical address. The
address is `html.baseurl` in _config.yml; when that is not set, the environment's BOOK_URL (the workflow that
publishes the book sets it). After the theme has made the pages, `settle` takes from them what they do not need and
moves their inline scripts into files, so that they work under a security policy without 'unsafe-inline' for
scripts.
"""

import hashlib
import html
import inspect
import os
import re
import shutil
from pathlib import Path

import pictures
import vendored
from docutils import nodes
from sphinx.util.osutil import relative_uri

PREVIEW = "_static/preview.jpg"
PREVIEW_ALT = "Four rows of eight faces: coarse and noisy ones, clean portraits, and drawn ones."
LONGEST = 200  # letters of a description
WITHOUT_TEXT = {  # pages that Sphinx makes: there is no paragraph to describe them with
    "search": "Search every chapter of the book, its glossary and the pages of its library.",
    "genindex": "Every term of the glossary and every name of the library, in alphabetical order.",
    "py-modindex": "The modules of the library under the book, in alphabetical order.",
}
ONCLICK = re.compile(r'onclick="(toggleFullScreen|window\.print)\(\)"')
INLINE = re.compile(r"<script(?: data-cfasync=\"false\")?>(.*?)</script>\s*", flags=re.DOTALL)
BLOCKING = re.compile(r"<script(?![^>]*\b(?:defer|async|type)\b)(?=[^>]*\bsrc=)")
FORMULAS = re.compile(r'<script defer(?:="defer")? src="([^"]*/mathjax/[^"]*)"></script>')
THEME = re.compile(r'<script defer src="([^"]*/scripts/(?:bootstrap|pydata-sphinx-theme)\.js[^"]*)"></script>')
SOON = re.compile(r'<link rel="preload" as="script" href="[^"]*/scripts/[^"]*" ?/?>\s*')
# The theme's script would find out what "auto" means, but later, and until then a page would have no colours
AUTO = """
if (document.documentElement.dataset.theme === "auto") {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}"""
ICONS = re.compile(r"\s*<!-- So that users can add custom icons -->\s*<script[^>]*fontawesome[^>]*></script>")
ICON_FONTS = re.compile(r"@font-face\{[^}]*vendor/fontawesome[^}]*\}")
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
MENDED = {  # slips of the theme that a screen reader would pass on
    '<summary><span class="toctree-': '<summary aria-label="Pages of this section"><span class="toctree-',
    'role="doc-biblioentry"': 'role="listitem"',
}
PLACE_OF_LIST = '<div class="vendored"></div>'
# Of what the theme puts into _static: its icons (icons.css has ours), translations, logos of notebook hosts
UNUSED = (
    "scripts/fontawesome.js*", "vendor/fontawesome", "locales", "images/logo_*", "*macros.html", "scripts/*.map",
    "styles/*.map",
)  # fmt: skip


def first_paragraph(doctree):
    """Give the text of a page's first paragraph that belongs to no figure, cell, table, note or signature."""
    outside = (nodes.figure, nodes.table, nodes.Admonition, nodes.container, nodes.list_item, nodes.definition)
    for paragraph in doctree.findall(nodes.paragraph):
        node = paragraph.parent
        while node is not None and not isinstance(node, outside):
            node = node.parent
        text = re.sub(r"\s+", " ", paragraph.astext()).strip()
        if node is None and text:
            return text
    return ""


def shortened(text, longest=LONGEST):
    """Cut a text after the last sentence that fits, or after the last word if no sentence does."""
    if len(text) <= longest:
        return text
    sentences = re.match(rf"(.{{60,{longest - 1}}}[.?!])(?=\s)", text)
    return sentences[1] if sentences else text[: longest - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def head_tags(title, description, site, preview, address=""):
    """Give the `<meta>` elements with which a page describes itself to search engines and in previews."""
    properties = {
        "og:type": "article",
        "og:site_name": site,
        "og:title": title,
        "og:description": description,
        "og:url": address,
        "og:image": preview,
        "og:image:alt": PREVIEW_ALT,
    }
    tags = [("name", "description", description), ("name", "twitter:card", "summary_large_image")]
    tags += [("property", name, content) for name, content in properties.items() if content]
    return "".join(f'<meta {kind}="{name}" content="{html.escape(content)}" />\n' for kind, name, content in tags)


def describe(app, pagename, templatename, context, doctree):
    """Put title, description and preview picture into the head of a page."""
    site, base = app.config.html_title, app.config.html_baseurl
    title = html.unescape(re.sub(r"<[^>]+>", "", context.get("title") or site))
    text = first_paragraph(doctree) if doctree is not None else WITHOUT_TEXT.get(pagename)
    description = shortened(text or f"{title}: a page of {site}.")
    preview = base + PREVIEW if base else context["pathto"](PREVIEW, resource=True)
    tags = head_tags(title, description, site, preview, context.get("pageurl") or "")
    context["metatags"] = context.get("metatags", "") + tags
    if pagename == app.config.root_doc:
        context["docstitle"] = ""  # or the title of the first page would be said twice


def find_address(app, config):
    """Take the site's address from the configuration, or else from the environment; it ends with a slash."""
    address = config.html_baseurl or os.environ.get("BOOK_URL", "")
    config.html_baseurl = address.rstrip("/") + "/" if address else ""


def after_widgets(text):
    """Let the long scripts of a page, the theme's and at last that for formulas, wait for book.js to load them.

    It does so when the widgets in view are alive.
    """
    later = [found[1] for kind in (THEME, FORMULAS) for found in kind.finditer(text)]
    links = "".join(
        f'<link rel="preload" as="script" fetchpriority="low" href="{href}" data-later>\n' for href in later
    )
    return FORMULAS.sub("", THEME.sub("", SOON.sub("", text))).replace("</body>", f"{links}</body>")


def settled(text, page, file_script):
    """Give a page's HTML without inline scripts, unused scripts, scripts that hold up the page, and slips.

    `file_script(body)` keeps a script in a file and gives the file's address in the site.
    """
    late, early = [], ""
    for body in dict.fromkeys(body.strip() for body in INLINE.findall(text)):
        if "dataset.theme" in body:
            # Before the first paint: BLOCKING passes it by for its type
            address = relative_uri(page, file_script(body + AUTO))
            early = f'<script type="text/javascript" src="{address}"></script>\n'
        elif "DOCUMENTATION_OPTIONS.pagename" not in body:  # only a switcher of versions would read it
            late.append(body)
    for slip, mended in MENDED.items():
        text = text.replace(slip, mended)
    text = ONCLICK.sub(lambda found: f'data-press="{found[1]}"', INLINE.sub("", ICONS.sub("", text)))
    if page != "search.html":
        text = SEARCH.sub("", text)
    text = BLOCKING.sub("<script defer", text)
    if 'class="math' not in text:
        text = FORMULAS.sub("", text)
    if "data-live=" in text:
        text = after_widgets(text)
    if late:
        settings = f'<script defer src="{relative_uri(page, file_script(chr(10).join(late)))}"></script>\n'
        text = re.sub(r"(documentation_options\.js[^>]*></script>\s*)", rf"\g<1>{settings}", text, count=1)
    return text.replace("<noscript>", early + "<noscript>", 1)


def entrance(first, text):
    """Give the page at the site's root: it leads to the first page and describes itself as that one does."""
    head = re.findall(
        r'<title>.*?</title>|<meta (?:name="(?:description|twitter)|property=)[^>]*>|<link rel="canonical"[^>]*>',
        text,
    )
    return f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Refresh" content="0; url={first}" />
{chr(10).join(head).replace("../", "")}
</head>
<body><p><a href="{first}">To the first page of the book</a></p></body>
</html>
'''


def drop_unused(static):
    """Take out of `_static` what no page asks for, and out of style sheets the fonts that went with it."""
    for path in {path for pattern in UNUSED for path in static.glob(pattern)}:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in static.glob("styles/*.css"):
        path.write_text(ICON_FONTS.sub("", path.read_text("utf-8")), encoding="utf-8")


def list_vendored(site):
    """Put the licences beside the files under them, and the list of both into the page that asks for it."""
    static = site / "_static"
    vendored.write_licences(static)
    for path in site.glob("book/*.html"):
        text = path.read_text("utf-8")
        if PLACE_OF_LIST in text:
            path.write_text(text.replace(PLACE_OF_LIST, vendored.as_html(static, "../_static")), encoding="utf-8")


def settle(app, exception):
    """Settle all pages, leave out unused files, and list them in a sitemap if the site's address is known."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)

    def file_script(body):
        name = f"_static/inline/{hashlib.sha256(body.encode()).hexdigest()[:8]}.js"
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(body + "\n", encoding="utf-8")
        return name

    pages = sorted(path for path in site.rglob("*.html") if "_static" not in path.relative_to(site).parts)
    for path in pages:
        name = path.relative_to(site).as_posix()
        path.write_text(settled(path.read_text("utf-8"), name, file_script), encoding="utf-8")
    pictures.lighten_all(site, pages)
    drop_unused(site / "_static")
    list_vendored(site)
    first = f"{app.config.root_doc}.html"
    (site / "index.html").write_text(entrance(first, (site / first).read_text("utf-8")), encoding="utf-8")
    if base := app.config.html_baseurl:
        places = "".join(f"<url><loc>{base}{path.relative_to(site).as_posix()}</loc></url>\n" for path in pages)
        frame = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        (site / "sitemap.xml").write_text(f"{frame}{places}</urlset>\n", encoding="utf-8")


def own_signature(app, what, name, obj, options, signature, returns):
    """Give a widget's own signature, which traitlets hides behind (*args, **kwargs)."""
    if what != "class" or "*args" not in (signature or ""):
        return None
    own = inspect.signature(obj.__init__)
    kept = [parameter.replace(annotation=parameter.empty) for parameter in [*own.parameters.values()][1:]]
    shown = str(own.replace(parameters=kept, return_annotation=own.empty))
    return shown if "*args" not in shown else "(**settings)", returns


def leave_out_fields(app, what, name, obj, skipped, options):
    """Leave out the fields of a named tuple that Python itself describes: its own text has them."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None


def setup(app):
    app.connect("config-inited", find_address)
    app.connect("autodoc-process-signature", own_signature)
    app.connect("autodoc-skip-member", leave_out_fields)
    app.connect("html-page-context", describe)
    app.connect("build-finished", settle, priority=900)  # after the theme has written its last file
    return {"parallel_read_safe": True, "parallel_write_safe": True}
