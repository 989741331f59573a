//! Builders of small files in many formats.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Returns a zip archive of these files.
pub(super) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    archive_of_bytes(&files.iter().map(|(name, content)| (*name, content.as_bytes())).collect::<Vec<_>>())
}

/// Returns a zip archive of these files, which need not be text.
pub(super) fn archive_of_bytes(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Returns an archive with one file, which is a symbolic link.
pub(super) fn archive_with_link(name: &str, target: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Returns a DOCX with this body.
pub(super) fn docx(body: &str) -> Vec<u8> {
    docx_with(body, &[])
}

/// Returns a DOCX with this body and further parts.
pub(super) fn docx_with(body: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let document =
        format!(r#"<w:document xmlns:w="w" xmlns:m="m" xmlns:mc="mc"><w:body>{body}</w:body></w:document>"#);
    let mut files = vec![
        (
            "_rels/.rels",
            r#"<Relationships><Relationship Id="r1" Type="x/officeDocument" Target="word/document.xml"/></Relationships>"#,
        ),
        (
            "word/_rels/document.xml.rels",
            r#"<Relationships><Relationship Id="r1" Type="x/styles" Target="styles.xml"/>
               <Relationship Id="r2" Type="x/footnotes" Target="/word/footnotes.xml"/></Relationships>"#,
        ),
        ("word/document.xml", document.as_str()),
    ];
    files.extend_from_slice(parts);
    archive(&files)
}

/// Returns a DOCX with this body and parts that it relates to: type, file name and content. Relationships are called
/// `r0`, `r1` and so on.
pub(super) fn docx_related(body: &str, parts: &[(&str, &str, &str)]) -> Vec<u8> {
    let document = format!("<w:document><w:body>{body}</w:body></w:document>");
    let mut relations = String::new();
    for (index, (kind, file, _)) in parts.iter().enumerate() {
        write!(relations, r#"<Relationship Id="r{index}" Type="x/{kind}" Target="{file}"/>"#).unwrap();
    }
    let relations = format!("<Relationships>{relations}</Relationships>");
    let names: Vec<String> = parts.iter().map(|(_, file, _)| format!("word/{file}")).collect();
    let mut files =
        vec![("word/document.xml", document.as_str()), ("word/_rels/document.xml.rels", &relations)];
    files.extend(names.iter().map(String::as_str).zip(parts.iter().map(|(_, _, content)| *content)));
    archive(&files)
}

/// Returns a paragraph of a DOCX with properties.
pub(super) fn paragraph(properties: &str, text: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// Returns a PPTX with these slides, in this order.
pub(super) fn pptx(slides: &[&str], parts: &[(&str, &str)]) -> Vec<u8> {
    let (mut ids, mut relations) = (String::new(), String::new());
    let mut files = Vec::new();
    for (index, slide) in slides.iter().enumerate() {
        // The order of the files is not that of the slides.
        let file = slides.len() - index;
        write!(ids, r#"<p:sldId id="{}" r:id="r{index}"/>"#, 256 + index).unwrap();
        write!(relations, r#"<Relationship Id="r{index}" Type="x/slide" Target="slides/slide{file}.xml"/>"#)
            .unwrap();
        files.push((
            format!("ppt/slides/slide{file}.xml"),
            format!("<p:sld><p:cSld>{slide}</p:cSld></p:sld>"),
        ));
    }
    files.push((
        "ppt/presentation.xml".into(),
        format!("<p:presentation><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"),
    ));
    files.push((
        "ppt/_rels/presentation.xml.rels".into(),
        format!("<Relationships>{relations}</Relationships>"),
    ));
    files.extend(parts.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())));
    archive(&files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect::<Vec<_>>())
}

/// Returns an XLSX with these sheets: names, and elements of which the rows are the last.
pub(super) fn xlsx(sheets: &[(&str, &str)]) -> Vec<u8> {
    xlsx_with(sheets, &[])
}

/// Returns an XLSX with these sheets and further parts.
pub(super) fn xlsx_with(sheets: &[(&str, &str)], parts: &[(&str, &str)]) -> Vec<u8> {
    let (mut entries, mut relations, mut files) = (String::new(), String::new(), Vec::new());
    for (index, (name, rows)) in sheets.iter().enumerate() {
        write!(entries, r#"<sheet name="{name}" sheetId="{index}" r:id="r{index}"/>"#).unwrap();
        write!(
            relations,
            r#"<Relationship Id="r{index}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{index}.xml"/>"#
        )
        .unwrap();
        let (before, rows) =
            rows.split_once("/>\n").map_or((String::new(), *rows), |(tag, rows)| (format!("{tag}/>"), rows));
        let sheet = format!(r#"<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData></worksheet>"#);
        files.push((format!("xl/worksheets/sheet{index}.xml"), sheet));
    }
    let workbook =
        format!(r#"<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{entries}</sheets></workbook>"#);
    let namespace = "http://schemas.openxmlformats.org/package/2006/relationships";
    let root = format!(r#"<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>"#);
    files.push((
        "_rels/.rels".into(),
        format!(r#"<Relationships xmlns="{namespace}">{root}</Relationships>"#),
    ));
    files.push(("xl/workbook.xml".into(), workbook));
    files.push((
        "xl/_rels/workbook.xml.rels".into(),
        format!(r#"<Relationships xmlns="{namespace}">{relations}</Relationships>"#),
    ));
    files.extend(parts.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())));
    archive(&files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect::<Vec<_>>())
}

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// Returns a cell of an XLSX: a number, or else a text.
pub(super) fn cell(place: &str, value: &str) -> String {
    if value.parse::<f64>().is_ok() {
        return format!(r#"<c r="{place}"><v>{value}</v></c>"#);
    }
    format!(r#"<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>"#)
}

/// Returns a PDF whose pages hold these lines of text each.
pub(super) fn pdf(pages: &[&[&str]]) -> Vec<u8> {
    let contents = pages.iter().map(|lines| {
        let show = |line: &&str| format!("({line}) Tj 0 -40 Td ");
        format!("BT /F1 12 Tf 72 700 Td {}ET", lines.iter().map(show).collect::<String>())
    });
    pdf_of(&contents.collect::<Vec<_>>(), "")
}

/// Returns a PDF with these content streams as pages, and additional entries in its trailer.
pub(super) fn pdf_of(contents: &[String], trailer: &str) -> Vec<u8> {
    let mut objects = vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned(), String::new()];
    objects.push("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".into());
    let mut kids = String::new();
    for content in contents {
        let page = objects.len() + 1;
        write!(kids, "{page} 0 R ").unwrap();
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents {} 0 R>>",
            page + 1
        ));
        objects.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    }
    objects[1] = format!("<</Type/Pages/Kids[{kids}]/Count {}>>", contents.len());
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", file.len()).unwrap();
        file.extend_from_slice(format!("{} 0 obj{object}endobj\n", index + 1).as_bytes());
    }
    let start = file.len();
    let size = objects.len() + 1;
    file.extend_from_slice(
        format!("{table}trailer<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF").as_bytes(),
    );
    file
}

/// Returns a compound file whose directory names these streams.
pub(super) fn compound(streams: &[&str]) -> Vec<u8> {
    let mut file = vec![0; 512];
    file[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    file[30] = 9;
    for stream in streams {
        let mut entry: Vec<u8> = stream.encode_utf16().flat_map(u16::to_le_bytes).collect();
        entry.resize(128, 0);
        file.extend(entry);
    }
    file.resize(2048, 0);
    file
}

/// Returns an XLS with one sheet: texts and numbers at row and column.
pub(super) fn xls(cells: &[(u16, u16, &str)]) -> Vec<u8> {
    let records = cells.iter().map(|(row, column, value)| xls_cell(*row, *column, 0, value));
    xls_of(&[], &records.collect::<Vec<_>>())
}

/// Returns a cell of an XLS with a style: a number, or else a text.
pub(super) fn xls_cell(row: u16, column: u16, style: u16, value: &str) -> Vec<u8> {
    let place = words(&[row, column, style]);
    let number = |number: f64| record(0x0203, &[place.as_slice(), &number.to_le_bytes()].concat());
    let length = words(&[u16::try_from(value.len()).unwrap()]);
    let text = || record(0x0204, &[place.as_slice(), &length, &[0], value.as_bytes()].concat());
    value.parse().map_or_else(|_| text(), number)
}

/// Returns an XLS of one sheet with these global records and records of the sheet.
pub(super) fn xls_of(globals: &[Vec<u8>], sheet: &[Vec<u8>]) -> Vec<u8> {
    let begin = |kind: u16| record(0x0809, &[words(&[0x0600, kind, 0, 0]), vec![0; 8]].concat());
    let globals = globals.concat();
    let sheet_at = u32::try_from(20 + 4 + 8 + 5 + 4 + globals.len()).unwrap();
    let name = [u32::to_le_bytes(sheet_at).as_slice(), &[0, 0, 5, 0], b"Costs"].concat();
    let mut stream = [begin(5), globals, record(0x0085, &name), record(0x000A, &[]), begin(16)].concat();
    stream.extend(sheet.concat());
    stream.extend(record(0x000A, &[]));
    stream.resize(4096, 0);
    workbook_file(&stream)
}

/// Returns words in the order of an XLS.
pub(super) fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Returns a record of an XLS.
pub(super) fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    [words(&[kind, u16::try_from(data.len()).unwrap()]), data.to_vec()].concat()
}

/// Returns a compound file of 512-byte sectors: allocation table, directory, and eight of the stream.
fn workbook_file(stream: &[u8]) -> Vec<u8> {
    const END: u32 = 0xFFFF_FFFE;
    const FREE: u32 = 0xFFFF_FFFF;
    let longs = |longs: &[u32]| longs.iter().flat_map(|long| long.to_le_bytes()).collect::<Vec<u8>>();
    let mut header = compound(&[])[..512].to_vec();
    header[24..34].copy_from_slice(&words(&[0x3E, 3, 0xFFFE, 9, 6]));
    header[44..80].copy_from_slice(&longs(&[1, 1, 0, 4096, END, 0, END, 0, 0]));
    header[80..].fill(0xFF);
    let mut table = vec![0xFFFF_FFFD, END, 3, 4, 5, 6, 7, 8, 9, END];
    table.resize(128, FREE);
    let entry = |name: &str, kind: u8, child: u32, start: u32, size: u32| {
        let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u8::try_from(entry.len() + 2).unwrap();
        entry.resize(128, 0);
        (entry[64], entry[66], entry[67]) = (length, kind, 1);
        entry[68..80].copy_from_slice(&longs(&[FREE, FREE, child]));
        entry[116..124].copy_from_slice(&longs(&[start, size]));
        entry
    };
    let mut directory = [entry("Root Entry", 5, 1, END, 0), entry("Workbook", 2, FREE, 2, 4096)].concat();
    directory.resize(512, 0);
    [header, longs(&table), directory, stream.to_vec()].concat()
}
