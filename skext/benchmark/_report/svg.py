"""Matplotlib drawings turned into themed inline SVG.

A figure is drawn at one unit per CSS pixel with placeholder colours, which become
CSS variables in the SVG text. So the same drawing follows light mode, dark mode and
print, its labels are real text in the font of the page, and it needs no file beside
the page.
"""

import functools
import io
import re
import warnings
from xml.etree import ElementTree as ET

from skext.utils._optional import optional_import

# Placeholder colours: rare values that nothing else draws with. Each stands for the
# CSS variable of its name.
_NAMES = [
    *("ink", "muted", "grid", "better", "worse", "equal", "on-better", "on-worse"),
    *("on-equal", "band", "front", "skext", "peer", "baseline", "user"),
]
COLOR = {name: f"#07{i:02x}f{i % 10}" for i, name in enumerate(_NAMES, start=1)}
_VARIABLE = {value: f"var(--{name})" for name, value in COLOR.items()}
# What a drawing made elsewhere (the critical-difference display) may bring along.
_VARIABLE |= {"#000000": "var(--ink)", "#ffffff": "var(--surface)"}
_VARIABLE |= {"#808080": "var(--muted)"}


def styled(function):
    """Run a drawing function under our settings, whatever the user's are."""

    @functools.wraps(function)
    def drawing(*args, **kwargs):
        matplotlib = optional_import(
            "matplotlib", extra="bench", purpose="The benchmark report"
        )
        with matplotlib.rc_context(), warnings.catch_warnings():
            # Text is drawn by the browser: glyphs that matplotlib's font lacks
            # are none of our concern.
            warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(
                {
                    "svg.fonttype": "none",
                    "svg.hashsalt": "skext",
                    "text.parse_math": False,
                    "path.simplify": False,
                    "font.size": 12.5,
                    "text.color": COLOR["ink"],
                    "axes.edgecolor": COLOR["grid"],
                    "axes.labelcolor": COLOR["muted"],
                    "axes.labelsize": 12.5,
                    "xtick.color": COLOR["grid"],
                    "ytick.color": COLOR["grid"],
                    "xtick.labelcolor": COLOR["muted"],
                    "ytick.labelcolor": COLOR["muted"],
                    "xtick.labelsize": 12,
                    "ytick.labelsize": 12,
                    "lines.color": COLOR["ink"],
                    "patch.linewidth": 0,
                }
            )
            return function(*args, **kwargs)

    return drawing


class Canvas:
    """A drawing area measured in CSS pixels from the top left corner."""

    def __init__(self, key, width, height):
        from matplotlib.figure import Figure as MatplotlibFigure

        self.key, self.width, self.height = key, width, height
        self.figure = MatplotlibFigure(figsize=(width / 72, height / 72), dpi=72)
        self._titles = {}

    def axes(self, left, top, width, height):
        """Add bare axes: no frame, no ticks."""
        ax = self.figure.add_axes(
            (
                left / self.width,
                1 - (top + height) / self.height,
                width / self.width,
                height / self.height,
            )
        )
        ax.patch.set_visible(False)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, pad=7)
        ax.set_axisbelow(True)
        return ax

    def titled(self, artist, titles):
        """Give the marks of an artist their tooltips."""
        gid = f"t{len(self._titles)}"
        artist.set_gid(gid)
        self._titles[gid] = list(titles)
        return artist

    def points(self, ax, x, y, titles, *, color, marker="o", size=7.5, hollow=False):
        """Draw marks with tooltips."""
        (line,) = ax.plot(
            x,
            y,
            linestyle="none",
            marker=marker,
            markersize=size,
            markerfacecolor="none" if hollow else COLOR[color],
            markeredgecolor=COLOR[color],
            markeredgewidth=1.5 if hollow else 0.8,
            alpha=None if hollow else 0.85,
            clip_on=False,
        )
        return self.titled(line, titles)

    def svg(self, alt):
        """Finish: SVG text for an HTML page, labelled for screen readers."""
        return to_inline_svg(self.figure, self.key, alt, self._titles)


def to_inline_svg(figure, key, alt, titles=None):
    """Turn a matplotlib figure into SVG that can stand in an HTML page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn at 72 dots per inch, so that one unit is one CSS pixel.
    key : str
        Prefix of all ids; unique in the page.
    alt : str
        What one sees, for those who do not.
    titles : dict of str to list of str, default=None
        Tooltips by group id of an artist, in the order of its marks.

    Returns
    -------
    svg : str
        Markup without namespaces, metadata, style sheets and fixed fonts.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    root = ET.fromstring(buffer.getvalue())
    _strip_namespaces(root)
    _add_titles(root, titles or {})
    used = _referenced(root)
    for node in root.iter():
        _clean_attributes(node, key, used)
    _drop_empty(root)
    width, height = root.get("viewBox").split()[2:]
    root.attrib = {
        "class": "chart",
        "viewBox": root.get("viewBox"),
        "width": f"{float(width):.0f}",
        "height": f"{float(height):.0f}",
        "role": "img",
        "aria-label": alt,
    }
    return ET.tostring(root, encoding="unicode", short_empty_elements=True)


def _strip_namespaces(root):
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
        node.attrib = {k.rpartition("}")[2]: v for k, v in node.attrib.items()}
        if not (node.text or "").strip():
            node.text = None
        node.tail = None


def _add_titles(root, titles):
    for group in root.iter("g"):
        wanted = titles.get(group.get("id"))
        if wanted is None:
            continue
        marks = list(group.iter("use"))
        if not marks:
            marks = [node for node in group if node.tag == "path"]
        for mark, text in zip(marks, wanted, strict=False):
            ET.SubElement(mark, "title").text = text


def _referenced(root):
    used = set()
    for node in root.iter():
        for name, value in node.attrib.items():
            if name == "href":
                used.add(value[1:])
            used.update(re.findall(r"url\(#([^)]+)\)", value))
    return used


_HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
_FONT = re.compile(r"font(-family)?:[^;]*'[^;]*;?\s*")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def _clean_attributes(node, key, used):
    if node.tag == "style":
        node.text = None
    if "id" in node.attrib:
        if node.get("id") in used:
            node.set("id", f"{key}-{node.get('id')}")
        else:
            del node.attrib["id"]
    if "href" in node.attrib:
        node.set("href", f"#{key}-{node.get('href')[1:]}")
    if "clip-path" in node.attrib:
        node.set("clip-path", node.get("clip-path").replace("(#", f"(#{key}-"))
    if "style" in node.attrib:
        style = _FONT.sub(_font_size, node.get("style"))
        style = _HEX.sub(lambda m: _VARIABLE.get(m[0].lower(), m[0]), style)
        node.set("style", style.strip().rstrip(";"))
    for name in ("d", "x", "y", "transform", "points"):
        if name in node.attrib:
            value = " ".join(node.get(name).split())
            value = _LONG_NUMBER.sub(lambda m: f"{float(m[0]):.2f}", value)
            node.set(name, re.sub(r"^rotate\(-?0 [^)]*\)$", "", value))
            if not node.get(name):
                del node.attrib[name]


def _font_size(match):
    """Keep size and weight of a font, drop its family."""
    size = re.search(r"([\d.]+)px", match[0])
    weight = re.search(r"\b(bold|[1-9]00)\b", match[0])
    kept = f"font-size: {size[1]}px; " if size else ""
    return kept + (f"font-weight: {weight[1]}; " if weight else "")


def _drop_empty(node):
    """Remove groups and style sheets without content, innermost first."""
    for child in list(node):
        _drop_empty(child)
        invisible = child.tag == "path" and child.get("style") == "fill: none"
        if invisible or (child.tag in ("g", "defs", "style") and not len(child)):
            node.remove(child)
