"""The README and the docs: links that lead somewhere, a README for newcomers, American spelling."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = {ROOT / "docs/knobs.md"}  # `scripts/knobs.py` makes it, tests/workflow holds it against the configs
README = ROOT / "README.md"
PAGES = sorted({README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*/*.md")})
BRITISH = re.compile(
    r"\b(?:\w*(?:normal|memor|material|initial|optim|regular|visual|local|recogn|organ)is(?:e|es|ed|ing|ation)"
    r"|cent(?:re|red|res)|\w*(?:label|model|cancel)l(?:ed|ing)|(?:neighb|col|behavi|fav)our\w*|licences?|tumours?|greys?"
    r"|analys(?:e|ed|ing)|metres?)\b",
    re.IGNORECASE,
)


def without_code(text):
    """Text without fenced and indented blocks and without code spans: what a name is called is not spelling."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE))


def anchors(text):
    """The anchors that GitHub gives the headings of a page."""
    titles = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), flags=re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken_links(page):
    """The relative links of a page that lead nowhere."""
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            leads_somewhere = target in GENERATED
        else:
            leads_somewhere = not anchor or anchor in anchors(target.read_text(encoding="utf-8"))
        if not leads_somewhere:
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page):
    assert list(broken_links(page)) == []


def test_a_wrong_link_and_a_wrong_anchor_are_found(tmp_path):
    (tmp_path / "b.md").write_text("# A title: of two parts\n")
    page = tmp_path / "a.md"
    page.write_text(
        "[x](b.md) [x](c.md) [x](b.md#a-title-of-two-parts) [x](b.md#title) [x](https://example.org/none)\n"
    )
    assert list(broken_links(page)) == ["c.md", "b.md#title"]


def test_the_readme_is_short_and_begins_with_one_command():
    lines = README.read_text(encoding="utf-8").splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("    "))
    assert len(lines) <= 90
    assert lines[first].split() == ["make", "demo"]
    assert lines[first + 1] == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_spelling_is_american(page):
    assert BRITISH.findall(without_code(page.read_text(encoding="utf-8"))) == []


def test_british_words_are_found_and_their_american_forms_are_not():
    british = "normalised centre labelled neighbours colour licence tumour grey behaviour analysed"
    assert len(BRITISH.findall(british)) == len(british.split())
    assert (
        BRITISH.findall("normalized center labeled neighbors color colors license tumor gray precise analysis promise")
        == []
    )
    assert BRITISH.findall(without_code("`centre_prior` and\n    --normalise slice\n")) == []


def test_code_and_configs_name_pages_that_exist():
    files = [
        ROOT / "pyproject.toml",
        *(path for folder in ("bundle", "configs", "scripts") for path in (ROOT / folder).rglob("*")),
    ]
    texts = [
        path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".json", ".yaml", ".toml", ".j2"}
    ]
    named = {ROOT / page for text in texts for page in re.findall(r"\bdocs/[\w/-]+\.md", text)}
    assert ROOT / "docs/README.md" in named
    assert {page for page in named - GENERATED if not page.exists()} == set()
