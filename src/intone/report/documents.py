"""One Markdown text -> PDF (pandoc, then Typst), DOCX and HTML (pandoc) in one style; no system packages."""

import os
import re
import subprocess
import zipfile
from importlib.resources import files
from pathlib import Path

import matplotlib
import pypandoc
import typst

from intone.cache import write_whole
from intone.errors import IntoneError

NAME = "intone-report"
FORMAT = "markdown+fenced_divs+pipe_tables+link_attributes-yaml_metadata_block"
STYLE = Path(str(files("intone.report") / "style"))


def write_documents(text: str, out: Path, title: str, subtitle: str, edition: str = "") -> list[Path]:
    """Write NAME.md, .html, .docx and .pdf into `out`, where figures/ lies; the paths of the last three. `edition` is a
    line below the title that says what they were made of."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / f"{NAME}.md", text.encode())
    metadata = [f"--metadata=title:{title}", f"--metadata=subtitle:{subtitle}", "--metadata=lang:en-GB"]
    metadata += [f"--metadata=date:{edition}"] if edition else []
    wide = [f"--lua-filter={STYLE / 'blocks.lua'}", f"--resource-path={out}", "--columns=10000", *metadata]
    html, docx, pdf = (out / f"{NAME}.{ending}" for ending in ("html", "docx", "pdf"))
    page = ["--standalone", "--embed-resources", f"--css={STYLE / 'page.css'}", "--toc", "--toc-depth=2"]
    _pandoc(text, "html5", html, [*wide, *page, "--default-image-extension=svg"])
    reference = _reference(out / "reference.docx")
    _pandoc(
        text,
        "docx",
        docx,
        [*wide, f"--reference-doc={reference}", "--default-image-extension=png"],
    )
    reference.unlink()
    _set_tables(docx)
    typeset = [*wide, f"--template={STYLE / 'paper.typ'}", "--default-image-extension=svg"]
    source = out / f"{NAME}.typ"
    _pandoc(text, "typst", source, typeset)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    # Tags for screen readers would be more than half of the file: the HTML serves those.
    typst.compile(str(source), output=str(pdf), root=str(out), font_paths=[str(fonts)], pdf_tags=False)
    source.unlink()
    return [pdf, docx, html]


def _pandoc(text: str, to: str, path: Path, options: list[str]) -> None:
    """Runs pandoc itself, with a fixed clock: the same text gives the same bytes, in the DOCX too."""
    command = [pypandoc.get_pandoc_path(), "--from", FORMAT, "--to", to, "--output", str(path), *options]
    clock = {**os.environ, "SOURCE_DATE_EPOCH": "1735689600"}
    done = subprocess.run(command, input=text.encode(), env=clock, capture_output=True, check=False)
    if done.returncode:
        raise IntoneError(f"{path} could not be made: {done.stderr.decode().strip()}")


PANDOC_WIDTH, TEXT_WIDTH = 7920, 9638
"""Width of a page's text in twentieths of a point: what pandoc takes for it in every document, and ours."""

MANY = 14
"""Columns of a table from which on its letters are small."""


def _set_tables(path: Path) -> None:
    """Give a DOCX's tables columns for our page, and styles of their own in place of those of lists."""
    with zipfile.ZipFile(path) as old:
        parts = {info: old.read(info.filename) for info in old.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for info, data in parts.items():
            if info.filename == "word/document.xml":
                data = re.sub(r"<w:tbl>.*?</w:tbl>", _set_table, data.decode(), flags=re.DOTALL).encode()
            new.writestr(zipfile.ZipInfo(info.filename, info.date_time), data, zipfile.ZIP_DEFLATED)


def _set_table(found: re.Match[str]) -> str:
    """The XML of one table."""
    table = found[0]
    style = "TableSmall" if table.count("<w:gridCol ") > MANY else "TableText"
    table = table.replace('<w:pStyle w:val="Compact" />', f'<w:pStyle w:val="{style}" />')

    def scaled(column: re.Match[str]) -> str:
        return f'<w:gridCol w:w="{int(column[1]) * TEXT_WIDTH // PANDOC_WIDTH}" />'

    return re.sub(r'<w:gridCol w:w="(\d+)" />', scaled, table)


PAGE = (
    '<w:sectPr><w:pgSz w:w="11906" w:h="16838" /><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" '
    'w:header="567" w:footer="567" w:gutter="0" /></w:sectPr>'
)
"""A4 with margins of 2 cm, in twentieths of a point."""


def _reference(path: Path) -> Path:
    """Pandoc's own reference document with the report's page and the styles of style/word.xml."""
    command = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.docx"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name).decode() for name in old.namelist()}
    parts["word/styles.xml"] = _restyled(parts["word/styles.xml"])
    body = re.sub(r"<w:sectPr>.*?</w:sectPr>", PAGE, parts["word/document.xml"], flags=re.DOTALL)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, text in {**parts, "word/document.xml": body}.items():
            new.writestr(zipfile.ZipInfo(name), text)
    return path


def _restyled(styles: str) -> str:
    """Each style of style/word.xml in the place of the one with its styleId, or before the end."""
    for style in re.findall(r"<w:style .*?</w:style>", (STYLE / "word.xml").read_text(), flags=re.DOTALL):
        name = re.search(r'w:styleId="(\w+)"', style)[1]  # type: ignore[index]
        own = re.compile(rf'<w:style [^>]*w:styleId="{name}".*?</w:style>', re.DOTALL)
        before, after = (own if own.search(styles) else re.compile("(?=</w:styles>)")).split(styles, maxsplit=1)
        styles = before + style + after
    return styles
