"""Elements of SVG and HTML, escaped: names of files and channels come from strangers."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

# what XML 1.0 cannot hold, even escaped
_FORBIDDEN = {code: None for code in range(32) if chr(code) not in "\t\n\r"}
_CLOSED = {"line", "path", "rect", "circle", "image", "use"}  # written without an end tag

Content = str | Markup | Iterable[str | Markup]


def element(tag: str, content: Content = "", **attributes: object) -> Markup:
    """Return an element with its attributes, `content` escaped unless it is markup already.

    `class_` is written `class`, and `stroke_width` as `stroke-width`; None leaves an attribute out,
    and numbers keep one decimal.
    """
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_show(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = join([content] if isinstance(content, str) else content)
    if not inner and tag in _CLOSED:
        return Markup(f"<{tag}{told}/>")  # nosec B704
    return Markup(f"<{tag}{told}>{inner}</{tag}>")  # nosec B704


def drawing(
    content: Iterable[Markup],
    *,
    name: str,
    title: str,
    description: str,
    size: tuple[float, float],
    **attributes: object,
) -> Markup:
    """Return an SVG of a width and height, which its title and description say to a reader.

    `name` tells them from those of other figures on the page.
    """
    told = [
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
    ]
    return element(
        "svg",
        [*told, *content],
        viewBox=f"0 0 {size[0]:.0f} {size[1]:.0f}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        **attributes,
    )


def join(parts: Iterable[str | Markup]) -> Markup:
    """Return parts one after the other, escaped unless they are markup."""
    return Markup("").join(clean(part) for part in parts)


def clean(text: str | Markup) -> str | Markup:
    """Return text without the control characters that no page may hold."""
    return text if isinstance(text, Markup) else str(text).translate(_FORBIDDEN)


def _show(value: object) -> str | Markup:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return clean(value if isinstance(value, str) else str(value))
