"""Tables of a page that stand between `<!-- table: NAME -->` and `<!-- end -->`."""

import re

BLOCK = r"(<!-- table: {} -->\n).*?(<!-- end -->)"


def fill_blocks(page, texts, *, of):
    """Return the page with each block's text, by its name; a block that it lacks is refused."""
    for name, text in texts.items():
        pattern = re.compile(BLOCK.format(name), re.DOTALL)
        if not pattern.search(page):
            raise SystemExit(f"{of} has no table '{name}'")
        page = pattern.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)
    return page


def draw_table(header, cells):
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
