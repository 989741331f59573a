#!/usr/bin/env python3
"""Writes the demo handbook's PDF and DOCX from examples/handbook-sources, with the standard library alone.

Run it after editing a source and commit what it writes; the same source gives the same bytes.
The sources use a small part of Markdown: `#` and `##` headings, paragraphs, `- ` items and `|` tables.
"""

import pathlib
import zipfile
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parent.parent / "examples"

# Advance widths of Helvetica, characters 32 to 126, in thousandths of the font size (Adobe's published metrics).
WIDTHS = [278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278] + [556] * 10 + [
    278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556,
    278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584]


def blocks(text):
    """Yields ("h1" | "h2" | "p" | "li", text) and ("table", rows)."""
    for part in text.strip().split("\n\n"):
        lines = part.split("\n")
        if lines[0].startswith("|"):
            yield "table", [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        elif lines[0].startswith("- "):
            yield from (("li", line[2:]) for line in lines)
        elif lines[0].startswith("#"):
            mark, title = lines[0].split(" ", 1)
            yield f"h{len(mark)}", title
        else:
            yield "p", " ".join(lines)


def wrap(text, size, width):
    """Breaks text into lines that fit the width."""
    lines, line = [], ""
    for word in text.split():
        candidate = f"{line} {word}".strip()
        if line and sum(WIDTHS[ord(c) - 32] for c in candidate) * size / 1000 > width:
            lines.append(line)
            candidate = word
        line = candidate
    return lines + [line]


class Pages:
    """Sets lines on A4 pages, from top to bottom."""

    LEFT, TOP, BOTTOM, WIDTH = 64, 770, 80, 467

    def __init__(self):
        self.pages, self.y = [[]], self.TOP

    def room(self, height):
        if self.y - height < self.BOTTOM:
            self.pages.append([])
            self.y = self.TOP

    def put(self, x, y, font, size, text):
        quoted = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self.pages[-1].append(f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm ({quoted}) Tj ET")

    def text(self, text, font="F1", size=11, before=0, after=7, indent=0):
        lines = wrap(text, size, self.WIDTH - indent)
        self.room(before + size * 1.35 * (len(lines) if font == "F1" else 4))
        self.y -= before
        for line in lines:
            self.room(size * 1.35)
            self.y = round(self.y - size * 1.35, 2)
            self.put(self.LEFT + indent, self.y, font, size, line)
        self.y -= after

    def table(self, rows):
        width = self.WIDTH / len(rows[0])
        for number, row in enumerate(rows):
            cells = [wrap(cell, 10, width - 12) for cell in row]
            height = 13 * max(map(len, cells)) + 5
            self.room(height)
            for column, lines in enumerate(cells):
                for n, line in enumerate(lines):
                    x, y = self.LEFT + column * width, self.y - 13 * (n + 1)
                    self.put(round(x, 2), round(y, 2), "F1" if number else "F2", 10, line)
            self.y = round(self.y - height, 2)
            self.pages[-1].append(f"0.5 w {self.LEFT} {self.y} m {self.LEFT + self.WIDTH} {self.y} l S")
        self.y -= 9


def pdf(source, title):
    pages = Pages()
    for kind, content in blocks(source):
        if kind == "table":
            pages.table(content)
        elif kind == "li":
            pages.text("- " + content, indent=12, after=3)
        else:
            size, before = {"h1": (20, 0), "h2": (14, 10), "p": (11, 0)}[kind]
            pages.text(content, "F1" if kind == "p" else "F2", size, before)
    count = len(pages.pages)
    widths = " ".join(map(str, WIDTHS))
    font = ("<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding "
            "/FirstChar 32 /LastChar 126 /Widths [{}] >>")
    objects = ["<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
               f"<< /Type /Pages /Count {count} /Kids [{' '.join(f'{6 + 2 * n} 0 R' for n in range(count))}] >>",
               font.format("Helvetica", widths), font.format("Helvetica-Bold", widths),
               f"<< /Title ({title}) /Author (Meridian Instruments) >>"]
    for n, lines in enumerate(pages.pages):
        foot = f"BT /F1 9 Tf 1 0 0 1 64 48 Tm (Meridian Instruments, page {n + 1} of {count}) Tj ET"
        stream = "\n".join([*lines, foot])
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {7 + 2 * n} 0 R "
                       "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>")
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, offsets = "%PDF-1.4\n", []
    for n, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{n} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


def docx(source, title):
    """Returns the parts of a Word document by name."""
    def paragraph(text, style=None):
        style = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f'<w:p>{style}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'

    def table(rows):
        cell = '<w:tc><w:tcPr><w:tcW w:w="3000" w:type="dxa"/></w:tcPr>{}</w:tc>'
        lines = "".join(f"<w:tr>{''.join(cell.format(paragraph(text)) for text in row)}</w:tr>" for row in rows)
        grid = '<w:gridCol w:w="3000"/>' * len(rows[0])
        head = f'<w:tblPr><w:tblStyle w:val="TableGrid"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
        return f'<w:tbl>{head}{lines}</w:tbl>{paragraph("")}'

    styles = {"h1": "Heading1", "h2": "Heading2", "li": "ListBullet", "p": None}
    body = "".join(table(content) if kind == "table" else paragraph(content, styles[kind])
                   for kind, content in blocks(source))
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    names = {"Heading1": ("paragraph", "heading 1"), "Heading2": ("paragraph", "heading 2"),
             "ListBullet": ("paragraph", "List Bullet"), "Normal": ("paragraph", "Normal"),
             "TableGrid": ("table", "Table Grid")}
    default = {"Normal": ' w:default="1"'}
    style = "".join(f'<w:style w:type="{kind}"{default.get(key, "")} w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
                    for key, (kind, name) in names.items())
    return {
        "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{kinds}.document.main+xml"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{kinds}.styles+xml"/>'
        f'<Override PartName="/docProps/core.xml" '
        f'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="word/document.xml"/><Relationship Id="rId2" '
        f'Type="{package}/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>',
        "docProps/core.xml": f'{head}<cp:coreProperties xmlns:cp="{package}/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title>'
        f'<dc:creator>Meridian Instruments</dc:creator></cp:coreProperties>',
        "word/_rels/document.xml.rels": f'{head}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "word/document.xml": f'{head}<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
        "word/styles.xml": f'{head}<w:styles xmlns:w="{word}">{style}</w:styles>',
    }


def main():
    sources, target = ROOT / "handbook-sources", ROOT / "handbook"
    text = (sources / "information-security.md").read_text(encoding="utf-8")
    (target / "information-security.pdf").write_bytes(pdf(text, "Information security policy"))
    text = (sources / "onboarding.md").read_text(encoding="utf-8")
    with zipfile.ZipFile(target / "onboarding.docx", "w", zipfile.ZIP_STORED) as archive:
        for name, content in docx(text, "Onboarding").items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)


main()
