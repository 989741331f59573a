//! PDF: forms, comments, visibility, raised and struck text, turned pages and damaged files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nexus_core::document::UnreadPart;
use nexus_core::document::parser::ParseReport;
use nexus_providers::documents::DocumentLimits;

use super::{parse, parse_within};

/// PDF of one page. Further objects have numbers from 6 on.
#[derive(Default)]
pub(super) struct Page<'a> {
    pub(super) content: String,
    pub(super) resources: &'a str,
    pub(super) entries: &'a str,
    pub(super) catalog: &'a str,
    pub(super) objects: Vec<String>,
}

impl Page<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self { content, resources, entries, catalog, objects } = self;
        let mut all = vec![
            format!("<</Type/Catalog/Pages 2 0 R{catalog}>>"),
            "<</Type/Pages/Kids[4 0 R]/Count 1>>".to_owned(),
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
            format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>{resources}>>\
                 /Contents 5 0 R{entries}>>"
            ),
            stream("", content),
        ];
        all.extend(objects.iter().cloned());
        file(&all)
    }

    #[track_caller]
    fn check(&self, expected: &[&str], unread: &[(UnreadPart, u32)]) -> ParseReport {
        self.check_within(DocumentLimits::default(), expected, unread)
    }

    #[track_caller]
    fn check_within(
        &self,
        limits: DocumentLimits,
        expected: &[&str],
        unread: &[(UnreadPart, u32)],
    ) -> ParseReport {
        let (blocks, report) = parse_within(limits, &self.bytes(), "a.pdf").unwrap();
        assert_eq!(blocks, expected);
        assert_eq!(report.unread, unread.iter().copied().collect::<BTreeMap<_, _>>());
        report
    }
}

pub(super) fn stream(dict: &str, content: &str) -> String {
    format!("<<{dict}/Length {}>>stream\n{content}\nendstream", content.len())
}

fn file(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", file.len()).unwrap();
        writeln!(file, "{} 0 obj{object}endobj", index + 1).unwrap();
    }
    let (start, size) = (file.len(), objects.len() + 1);
    write!(file, "{table}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF").unwrap();
    file.into_bytes()
}

/// Shows a text at a place.
pub(super) fn show(text: &str, x: i32, y: i32) -> String {
    sized(text, 12, x, y)
}

fn sized(text: &str, size: i32, x: i32, y: i32) -> String {
    format!("BT /F1 {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n")
}

/// Continues behind a text with a smaller one, raised by a distance.
fn raised(text: &str, script: &str, by: i32, rest: &str, y: i32) -> String {
    format!(
        "BT /F1 12 Tf 1 0 0 1 72 {y} Tm ({text}) Tj /F1 7 Tf {by} Ts ({script}) Tj /F1 12 Tf 0 Ts ({rest}) Tj ET\n"
    )
}

pub(super) const IMAGE: &str =
    "/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8";

#[test]
fn form_fields_are_read_once_with_their_labels() {
    let widget = |entries: &str| format!("<</Type/Annot/Subtype/Widget{entries}>>");
    let appearance = "/Type/XObject/Subtype/Form/BBox[0 0 200 18]/Resources<</Font<</F1 3 0 R>>>>";
    let page = Page {
        content: show("Name of the applicant:", 72, 700) + &show("Approved?", 72, 500),
        entries: "/Annots[6 0 R 7 0 R 8 0 R 9 0 R 10 0 R 11 0 R 12 0 R 14 0 R 15 0 R 16 0 R 17 0 R 18 0 R]",
        catalog: "/AcroForm<</Fields[6 0 R 7 0 R 8 0 R 9 0 R 10 0 R 13 0 R 14 0 R]>>",
        objects: vec![
            widget("/FT/Tx/T(f1)/V(Wilhelmina Ostergaard)/Rect[220 696 400 712]"),
            widget("/FT/Tx/T(f2)/TU(Number plate)/V(KX-5520-ZP)/Rect[220 666 400 682]"),
            widget("/FT/Ch/T(colour)/V(r)/Opt[[(g)(Green)][(r)(Red)]]/Rect[0 0 1 1]"),
            widget("/FT/Btn/T(disabled)/V/Yes/AS/Yes/Rect[0 0 1 1]"),
            widget("/FT/Tx/T(vessel)/AP<</N 19 0 R>>/Rect[0 0 200 18]"),
            widget("/Parent 13 0 R/AS/Off/Rect[0 0 1 1]"),
            widget("/Parent 13 0 R/AS/large/Rect[9 0 10 1]"),
            "<</FT/Btn/Ff 32768/T(size)/V/large/Kids[11 0 R 12 0 R]>>".to_owned(),
            widget("/FT/Tx/Ff 8192/T(secret)/V(hunter2)/Rect[0 0 1 1]"),
            widget("/FT/Tx/F 2/T(unseen)/V(not for eyes)/Rect[0 0 1 1]"),
            widget("/FT/Btn/Ff 65536/T(send)/Rect[0 0 1 1]"),
            widget("/FT/Tx/T(empty)/Rect[0 0 1 1]"),
            widget("/FT/Sig/T(signed)/V<</Name(Ada Moss)>>/Rect[0 0 1 1]"),
            stream(appearance, "/Tx BMC BT /F1 12 Tf 4 4 Td (Sea Otter of Kinsale) Tj ET EMC"),
        ],
        ..Page::default()
    };
    page.check(
        &[
            "p@1 Name of the applicant:",
            "p@1 Approved?",
            "p@1 Name of the applicant: Wilhelmina Ostergaard",
            "p@1 Number plate: KX-5520-ZP",
            "p@1 colour: Red",
            "p@1 disabled: Yes",
            "p@1 vessel: Sea Otter of Kinsale",
            "p@1 size: large",
            "p@1 signed: signed by Ada Moss",
        ],
        &[(UnreadPart::FormField, 1), (UnreadPart::HiddenText, 1)],
    );
}

#[test]
fn values_of_an_xfa_form_are_read() {
    let packets = [
        "<xdp:xdp xmlns:xdp=\"x\"><template><field name=\"vessel\"><caption>Not a value</caption></field></template>",
        "<xfa:datasets><xfa:data><form><vessel>Sea Otter &amp; Co</vessel><crew><name>Ann</name><name>Bo</name></crew>\
         <note/></form></xfa:data></xfa:datasets>",
        "</xdp:xdp>",
    ];
    let page = Page {
        content: show("Please wait", 72, 700),
        catalog: "/AcroForm<</XFA[(preamble)6 0 R(datasets)7 0 R(postamble)8 0 R]>>",
        objects: packets.iter().map(|packet| stream("", packet)).collect(),
        ..Page::default()
    };
    page.check(&["p@1 Please wait", "p@1 vessel: Sea Otter & Co", "p@1 name: Ann", "p@1 name: Bo"], &[]);
}

#[test]
fn values_of_an_xfa_form_are_whole_and_unseen_ones_are_counted() {
    let template = "<xdp:xdp xmlns:xdp=\"x\"><config><data>setting</data></config><template>\
        <field name=\"pin\"><ui><passwordEdit/></ui></field><field name=\"trace\" presence=\"hidden\"/>\
        <subform name=\"office\" presence=\"invisible\"><field name=\"mark\"/></subform><field name=\"note\"/></template>";
    let data = "<xfa:datasets><xfa:data><form>Part <row>one</row> and rest<pin>4711</pin><trace>t-9</trace><mark>m-8</mark>\
        <note><body xmlns=\"h\"><p>Hello <b>big</b> world</p><p>Bye</p></body></note></form></xfa:data></xfa:datasets></xdp:xdp>";
    let page = Page {
        content: show("Please wait", 72, 700),
        catalog: "/AcroForm<</XFA[(template)6 0 R(datasets)7 0 R]>>",
        objects: [template, data].map(|packet| stream("", packet)).into(),
        ..Page::default()
    };
    let seen = ["p@1 Please wait", "p@1 form: Part", "p@1 row: one", "p@1 form: and rest"];
    let note = ["p@1 note: Hello big world\nBye"];
    page.check(&[&seen[..], &note].concat(), &[(UnreadPart::FormField, 1), (UnreadPart::HiddenText, 2)]);
    let limits = DocumentLimits { read_hidden: true, ..DocumentLimits::default() };
    let hidden = ["p@1 trace: t-9", "p@1 mark: m-8"];
    page.check_within(limits, &[&seen[..], &hidden, &note].concat(), &[(UnreadPart::FormField, 1)]);
}

#[test]
fn a_word_that_the_end_of_a_page_cuts_stands_whole_on_it() {
    let page = |text: usize| {
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents {text} 0 R>>"
        )
    };
    let above = [show("The committee asked for a more", 72, 700), show("effi-", 72, 686)].concat();
    let below =
        [show("cient way to file the reports,", 72, 700), show("and it was given one.", 72, 686)].concat();
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[4 0 R 5 0 R]/Count 2>>".to_owned(),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
        page(6),
        page(7),
        stream("", &above),
        stream("", &below),
    ];
    let (blocks, _) = parse(&file(&objects), "a.pdf").unwrap();
    let expected = [
        "p@1 The committee asked for a more efficient",
        "p@2 way to file the reports, and it was given one.",
    ];
    assert_eq!(blocks, expected);
}

#[test]
fn a_form_that_only_xfa_describes_is_counted_and_named() {
    let page =
        Page { content: show("Please wait", 72, 700), catalog: "/AcroForm<</XFA 6 0 R>>", ..Page::default() };
    let report = page.check(&["p@1 Please wait"], &[(UnreadPart::FormField, 1)]);
    assert_eq!(report.warnings, ["the values of its form were not read: it is an XFA form"]);
}

#[test]
fn comments_are_read_and_attached_files_are_counted() {
    let page = Page {
        content: show("Body.", 72, 700),
        entries: "/Annots[<</Subtype/Text/T(Ada Moss)/Contents(Check this.)/Rect[0 0 9 9]>>\
               <</Subtype/Highlight/T(Bo Lund)/Contents(Is it so?)/Rect[0 0 9 9]>>\
               <</Subtype/Popup/Parent 9 0 R/Contents(Is it so?)>>\
               <</Subtype/FreeText/T(Ada Moss)/Contents(In a box)/Rect[0 0 9 9]>>\
               <</Subtype/Stamp/Name/Approved/Rect[0 0 9 9]>>\
               <</Subtype/Text/F 2/Contents(Unseen)/Rect[0 0 9 9]>>\
               <</Subtype/FileAttachment/FS 6 0 R/Rect[0 0 9 9]>>\
               <</Subtype/FileAttachment/FS 7 0 R/Rect[0 0 9 9]>>\
               <</Subtype/Sound/Rect[0 0 9 9]>><</Subtype/Link/Contents(a link)/Rect[0 0 9 9]>>]",
        catalog: "/Names<</EmbeddedFiles<</Names[(a.txt)6 0 R(b.txt)8 0 R]>>>>",
        objects: vec![
            "<</Type/Filespec/F(a)>>".into(),
            "<</Type/Filespec/F(c)>>".into(),
            "<</Type/Filespec/F(b)>>".into(),
        ],
        ..Page::default()
    };
    let unread = [(UnreadPart::Attachment, 3), (UnreadPart::HiddenText, 1), (UnreadPart::Media, 1)];
    let shown = ["p@1 Body.", "p@1 In a box", "p@1 Approved"];
    page.check(&[&shown[..], &["p@1 Comment: Check this.", "p@1 Comment: Is it so?"]].concat(), &unread);
    let limits = DocumentLimits { comment_authors: true, ..DocumentLimits::default() };
    let named = ["p@1 Comment by Ada Moss: Check this.", "p@1 Comment by Bo Lund: Is it so?"];
    page.check_within(limits, &[&shown[..], &named].concat(), &unread);
}

/// Asserts that text is left out, counted, and read on request.
#[track_caller]
fn check_hidden(content: &str, resources: &str, catalog: &str) {
    let content = show("Seen.", 72, 740) + content;
    let page = Page {
        content,
        resources,
        catalog,
        objects: vec![stream(IMAGE, "x"), "<</Type/OCG/Name(off)>>".into()],
        ..Page::default()
    };
    page.check(&["p@1 Seen."], &[(UnreadPart::HiddenText, 1)]);
    let limits = DocumentLimits { read_hidden: true, ..DocumentLimits::default() };
    let (blocks, report) = parse_within(limits, &page.bytes(), "a.pdf").unwrap();
    assert!(blocks.iter().any(|block| block.contains("secret")), "{blocks:?}");
    assert!(report.unread.is_empty());
}

/// Asserts that text is kept.
#[track_caller]
fn check_shown(content: &str, images: u32) {
    let page = Page {
        content: content.to_owned(),
        resources: "/XObject<</I 6 0 R>>",
        objects: vec![stream(IMAGE, "x")],
        ..Page::default()
    };
    let unread = [(UnreadPart::Image, images)];
    page.check(&["p@1 A secret word"], if images > 0 { &unread } else { &[] });
}

#[test]
fn text_that_a_reader_does_not_see_is_left_out_and_counted() {
    let secret = show("A secret word", 72, 600);
    for hidden in [
        show("A secret word", 72, 2000),
        show("A secret word", -700, 600),
        format!("1 g {secret} 0 g"),
        format!("1 1 0.99 rg {secret}"),
        format!("0 0 0 0 k {secret}"),
        format!("1 Tr 1 G {secret} 0 Tr"),
        format!("0 0 1 rg 60 580 200 50 re f {secret}"),
        format!("0 g 60 580 200 50 re f {secret}"),
        format!("{secret} 0 g 60 580 m 260 580 l 260 630 l 60 630 l h f"),
        format!("3 Tr {secret} 0 Tr"),
        format!("q 7 Tr {secret} Q"),
        format!("0 Tz {secret} 100 Tz"),
        sized("A secret word", 1, 72, 600),
        format!("q 0 0 0 0 re W n {secret} Q"),
        format!("q 300 0 100 100 re W n {secret} Q"),
        "BT /F1 0 Tf 1 0 0 1 72 600 Tm (A secret word) Tj ET".to_owned(),
        "BT /F1 1 Tf 0.1 0 0 0.1 72 600 Tm (A secret word) Tj ET".to_owned(),
    ] {
        check_hidden(&hidden, "", "");
    }
    let layers = "/OCProperties<</OCGs[7 0 R]/D<</OFF[7 0 R]>>>>";
    check_hidden(&format!("/OC /L BDC {secret} EMC"), "/Properties<</L 7 0 R>>", layers);
    let base = "/OCProperties<</OCGs[7 0 R]/D<</BaseState/OFF>>>>";
    check_hidden(&format!("/OC /L BDC {secret} EMC"), "/Properties<</L<</Type/OCMD/OCGs[7 0 R]>>>>", base);
    check_hidden(&format!("/S gs {secret}"), "/ExtGState<</S<</ca 0>>>>", "");
}

#[test]
fn text_that_differs_from_its_ground_is_kept() {
    let secret = show("A secret word", 72, 600);
    for shown in [
        format!("0 0 1 rg 60 580 200 50 re f 1 g {secret}"),
        format!("0 g 60 580 m 260 580 l 260 630 l 60 630 l h f 1 g {secret}"),
        format!("0 g 60 580 m 300 600 l 100 660 l h f 1 g {secret}"),
        format!("20 w 60 604 m 300 604 l S 1 g {secret}"),
        format!("1 g 60 580 200 50 re f 0 g {secret}"),
        format!("0.8 g {secret}"),
        format!("/Pattern cs /P scn {secret}"),
        format!("0 Tr {secret} 0 g 60 598 200 1 re f"),
        format!("1 g 1 1 1 RG 60 580 200 50 re n 0 g {secret}"),
    ] {
        check_shown(&shown, 0);
    }
    let sheer = "/Subtype/Form/BBox[0 0 600 800]";
    let page = Page {
        content: format!("{secret} /S gs /X Do"),
        resources: "/XObject<</X 6 0 R>>/ExtGState<</S<</ca 0.3>>/T<</ca 1>>>>",
        objects: vec![stream(sheer, "/T gs 1 0 0 rg 60 580 200 50 re f")],
        ..Page::default()
    };
    page.check(&["p@1 A secret word"], &[]);
    check_shown(&format!("q 200 0 0 50 60 580 cm /I Do Q 1 g {secret}"), 1);
}

#[test]
fn recognised_text_of_a_scan_is_kept_and_its_page_is_named() {
    let page = |image: &str, text: &str| Page {
        content: format!("{image} {text}"),
        resources: "/XObject<</I 6 0 R>>",
        objects: vec![stream(IMAGE, "x")],
        ..Page::default()
    };
    let text = format!("3 Tr {} 0 Tr", show("Read by a machine.", 72, 600));
    let scan = "q 612 0 0 792 0 0 cm /I Do Q";
    assert_eq!(page(scan, &text).check(&["p@1 Read by a machine."], &[]).ocr_text, [1]);
    assert_eq!(page(&text, scan).check(&["p@1 Read by a machine."], &[]).ocr_text, [1]);
    let logo = format!("q 60 0 0 60 400 700 cm /I Do Q {}", show("Seen.", 72, 700));
    let unread = [(UnreadPart::HiddenText, 1), (UnreadPart::Image, 1)];
    assert!(page(&logo, &text).check(&["p@1 Seen."], &unread).ocr_text.is_empty());
}

#[test]
fn each_painted_image_counts_once() {
    let paint = |name: &str, x: i32| format!("q 50 0 0 50 {x} 100 cm /{name} Do Q\n");
    let inline = "q 50 0 0 50 400 100 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI Q\n";
    let page = Page {
        content: show("Seen.", 72, 700) + &paint("I", 72) + &paint("I", 200) + &paint("K", 300) + inline,
        resources: "/XObject<</I 6 0 R/J 7 0 R/K 8 0 R>>",
        objects: vec![stream(IMAGE, "x"), stream(IMAGE, "y"), stream(IMAGE, "z")],
        ..Page::default()
    };
    page.check(&["p@1 Seen."], &[(UnreadPart::Image, 3)]);
}

#[test]
fn images_with_a_description_are_read() {
    let page = Page {
        content: "/Figure <</MCID 0>> BDC q 50 0 0 50 72 100 cm /I Do Q EMC \
                  /Figure <</Alt(A lighthouse)>> BDC q 50 0 0 50 200 100 cm /J Do Q EMC \
                  q 50 0 0 50 300 100 cm /K Do Q"
            .to_owned(),
        resources: "/XObject<</I 6 0 R/J 7 0 R/K 8 0 R>>",
        catalog: "/StructTreeRoot<</K<</S/Document/K[9 0 R]>>>>",
        objects: vec![
            stream(IMAGE, "x"),
            stream(IMAGE, "y"),
            stream(IMAGE, "z"),
            "<</S/Figure/Alt(A map of the harbour)/Pg 4 0 R/K 0>>".to_owned(),
        ],
        ..Page::default()
    };
    let descriptions = ["p@1 [Image: A map of the harbour]", "p@1 [Image: A lighthouse]"];
    page.check(&descriptions, &[(UnreadPart::Image, 1)]);
}

#[test]
fn fields_that_stand_on_no_page_are_counted() {
    let page = Page {
        content: show("Body.", 72, 700),
        catalog: "/AcroForm<</Fields[6 0 R 7 0 R]>>",
        objects: vec![
            "<</FT/Tx/T(loose)/V(Nowhere)>>".to_owned(),
            "<</T(group)/Kids[8 0 R 6 0 R]>>".to_owned(),
            "<</FT/Tx/T(empty)/Parent 7 0 R>>".to_owned(),
        ],
        ..Page::default()
    };
    page.check(&["p@1 Body."], &[(UnreadPart::FormField, 1)]);
}

#[test]
fn a_pdf_behind_other_bytes_is_read_as_one() {
    let page = Page { content: show("Seen.", 72, 740), ..Page::default() };
    for before in [b"HTTP/1.1 200 OK\r\n".repeat(300), vec![0x81; 1500]] {
        let (blocks, report) = parse(&[before, page.bytes()].concat(), "a.pdf").unwrap();
        assert_eq!((blocks, report.content_type.as_str()), (vec!["p@1 Seen.".to_owned()], "application/pdf"));
    }
}

#[test]
fn struck_text_is_left_out_and_counted() {
    let content = show("The fee is", 72, 700) + &show("400", 132, 700) + &show("450 euros.", 158, 700);
    let struck = [(UnreadPart::StruckText, 1)];
    let page = |drawn: &str, annotations| Page {
        content: content.clone() + drawn,
        entries: annotations,
        ..Page::default()
    };
    let mark =
        "/Annots[<</Subtype/StrikeOut/Rect[131 698 153 712]/QuadPoints[131 712 153 712 131 698 153 698]>>]";
    page("", mark).check(&["p@1 The fee is 450 euros."], &struck);
    page("131 703.5 22 0.7 re f", "").check(&["p@1 The fee is 450 euros."], &struck);
    page("0.7 w 131 704 m 153 704 l S", "").check(&["p@1 The fee is 450 euros."], &struck);
    let whole = format!("{} 0.7 w 62 604 m 139 604 l S", show("Free for all", 72, 600));
    page(&whole, "").check(&["p@1 The fee is 400 450 euros."], &struck);
    page("0.7 w 131 699 m 153 710 l S 131 710 m 153 699 l S", "")
        .check(&["p@1 The fee is 450 euros."], &struck);
    page("0.7 w 131 699 m 153 710 l S 131 699 m 153 710 l S", "")
        .check(&["p@1 The fee is 400 450 euros."], &[]);
    page("0.7 w 131 698 m 153 698 l S 0.7 w 20 704 m 600 704 l S", "")
        .check(&["p@1 The fee is 400 450 euros."], &[]);
}

#[test]
fn raised_and_lowered_text_keeps_its_meaning() {
    let check = |content: String, expected: &str| {
        Page { content, ..Page::default() }.check(&[&format!("p@1 {expected}")], &[]);
    };
    check(raised("It is x", "2", 5, " wide.", 700), "It is x² wide.");
    check(raised("It has 40 m", "2", 5, " in all.", 700), "It has 40 m² in all.");
    check(raised("It is CO", "2", -3, " in the air.", 700), "It is CO₂ in the air.");
    check(raised("There are 10", "6", 5, " of them.", 700), "There are 10⁶ of them.");
    check(raised("It costs 1,200", "3", 5, " euros.", 700), "It costs 1,200[3] euros.");
    check(raised("It is sold.", "12", 5, " Since then.", 700), "It is sold.[12] Since then.");
    check(raised("On the 1", "st", 5, " of May.", 700), "On the 1st of May.");
    check(raised("It is e", "ix", 5, " here.", 700), "It is eⁱˣ here.");
    check(raised("It is e", "2/3", 5, " here.", 700), "It is e^(2/3) here.");
}

#[test]
fn a_number_that_a_footnote_explains_is_a_mark() {
    let note = "BT /F1 6 Tf 1 0 0 1 72 80 Tm 3 Ts (3) Tj /F1 9 Tf 0 Ts ( Without tax.) Tj ET\n";
    let content = raised("The toll is 40", "3", 5, " euros.", 700) + note;
    Page { content, ..Page::default() }.check(&["p@1 The toll is 40[3] euros.", "p@1 [3] Without tax."], &[]);
}

#[test]
fn spaced_and_repeated_letters_are_one_word() {
    let mut content = String::new();
    for (index, letter) in "Assembly point".chars().enumerate() {
        let x = 72.0 + 8.0 * f64::from(u32::try_from(index).unwrap());
        for shift in [0.0, 0.3] {
            writeln!(content, "BT /F1 11 Tf 1 0 0 1 {} 700 Tm ({letter}) Tj ET", x + shift).unwrap();
        }
    }
    content += "BT /F1 12 Tf 5 Tc 1 0 0 1 72 660 Tm (FIRE PLAN) Tj 0 Tc ET\n";
    content += &show("A s s e m b l y   h a l l", 72, 620);
    content += &show("The points a b c d are on a line.", 72, 580);
    let (blocks, _) = parse(&Page { content, ..Page::default() }.bytes(), "a.pdf").unwrap();
    let texts: Vec<&str> = blocks.iter().filter_map(|block| Some(block.split_once(' ')?.1)).collect();
    assert_eq!(texts, ["Assembly point", "FIRE PLAN", "Assembly hall", "The points a b c d are on a line."]);
}

#[test]
fn hyphens_of_words_stay_at_the_ends_of_lines() {
    let lines = [
        "The surcharge depends on the price-",
        "determining factors of the offer. The regu-",
        "lation on refrigeration applies to all trans-",
        "port by sea. Use the emergency shut-",
        "off valve marked RV-",
        "2041 in the pump room.",
    ];
    let content = (700..).step_by(14).zip(lines.iter().rev()).map(|(y, line)| show(line, 60, y)).collect();
    Page { content, ..Page::default() }.check(
        &["p@1 The surcharge depends on the price-determining factors of the offer. The regulation on refrigeration \
           applies to all transport by sea. Use the emergency shut-off valve marked RV-2041 in the pump room."],
        &[],
    );
}

#[test]
fn headers_and_footers_of_pages_are_read_once_without_the_numbers_of_pages() {
    let page = |number: u32| {
        show("Annual plan", 72, 760)
            + &show(&format!("Body of page {number} with words."), 72, 600)
            + &show(&format!("It has line {number}."), 72, 586)
            + &show("Confidential", 72, 40)
            + &show(&format!("Page {number} of 3"), 500, 24)
            + &show(&format!("Part {number} of 3 parts"), 72, 24)
    };
    let file = super::build::pdf_of(&[page(1), page(2), page(3)], "");
    let (blocks, _) = parse(&file, "a.pdf").unwrap();
    let text = blocks.join("\n");
    assert_eq!(text.matches("Annual plan").count(), 1, "{text}");
    assert_eq!(text.matches("Confidential").count(), 1, "{text}");
    assert!(!text.contains("Page 2") && text.matches("of 3 parts").count() == 1, "{text}");
    assert!(
        (1..=3).all(|number| text.contains(&format!("@{number} Body of page {number} with words."))),
        "{text}"
    );
}

#[test]
fn turned_pages_and_sideways_tables_are_read_in_order() {
    let rows = [("Parts", "Hours", "Cost"), ("Body", "2", "300"), ("Paint", "1.5", "225")];
    let table =
        "table@1 | Parts | Hours | Cost |\n| --- | --- | --- |\n| Body | 2 | 300 |\n| Paint | 1.5 | 225 |";
    for (turn, entries) in [
        ("0 1 -1 0", "/Rotate 90"),
        ("-1 0 0 -1", "/Rotate 180"),
        ("0 -1 1 0", "/Rotate 270"),
        ("0 1 -1 0", ""),
        ("0 -1 1 0", ""),
    ] {
        let mut content = String::new();
        for ((name, hours, cost), down) in rows.iter().zip((0..).step_by(16)) {
            for (cell, along) in [name, hours, cost].into_iter().zip((0..).step_by(100)) {
                let (x, y) = match turn {
                    "0 1 -1 0" => (200 + down, 100 + along),
                    "-1 0 0 -1" => (500 - along, 200 + down),
                    _ => (400 - down, 600 - along),
                };
                writeln!(content, "BT /F1 12 Tf {turn} {x} {y} Tm ({cell}) Tj ET").unwrap();
            }
        }
        Page { content, entries, ..Page::default() }.check(&[table], &[]);
    }
}

#[test]
fn a_header_of_two_lines_becomes_one() {
    let lines = [
        [(72, "Region"), (228, "Sales"), (400, "Staff")].as_slice(),
        &[(200, "2023"), (260, "2024"), (402, "2024")],
        &[(72, "North"), (204, "10"), (264, "12"), (406, "3")],
        &[(72, "South"), (204, "20"), (264, "22"), (406, "4")],
    ];
    let mut content = String::new();
    for (line, y) in lines.iter().rev().zip((600..).step_by(16)) {
        line.iter().for_each(|(x, cell)| content += &show(cell, *x, y));
    }
    let header = "| Region | Sales 2023 | Sales 2024 | Staff 2024 |\n| --- | --- | --- | --- |";
    let rows = "| North | 10 | 12 | 3 |\n| South | 20 | 22 | 4 |";
    Page { content, ..Page::default() }.check(&[&format!("table@1 {header}\n{rows}")], &[]);
}

#[test]
fn titles_above_columns_are_no_names_of_columns() {
    let lines = [
        [(120, "Customer"), (370, "Vehicle")].as_slice(),
        &[(72, "Name"), (160, "Ada Moss"), (320, "Year"), (420, "2022")],
        &[(72, "Phone"), (160, "555 1111"), (320, "Make"), (420, "Volvo")],
        &[(72, "Place"), (160, "Corbridge"), (320, "Colour"), (420, "White")],
    ];
    let mut content = String::new();
    for (index, (line, y)) in lines.iter().rev().zip((600..).step_by(16)).enumerate() {
        let font = if index == 3 { "/F2" } else { "/F1" };
        line.iter().for_each(|(x, cell)| content += &show(cell, *x, y).replace("/F1", font));
    }
    let resources = "/Font<</F1 3 0 R/F2 6 0 R>>";
    let bold = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>".to_owned();
    let rows = "| Name | Ada Moss | Year | 2022 |\n| Phone | 555 1111 | Make | Volvo |\n| Place | Corbridge | Colour | White |";
    let expected = format!("table@1 | Customer |  | Vehicle |  |\n| --- | --- | --- | --- |\n{rows}");
    Page { content, resources, objects: vec![bold], ..Page::default() }.check(&[&expected], &[]);
}

#[test]
fn pages_behind_the_end_of_a_cut_file_are_named() {
    let mut objects = vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned(), String::new()];
    objects.push("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned());
    let mut kids = String::new();
    for page in 0..20 {
        write!(kids, "{} 0 R ", 4 + page).unwrap();
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents {} 0 R>>",
            24 + page
        ));
    }
    objects[1] = format!("<</Type/Pages/Kids[{kids}]/Count 20>>");
    objects.extend((1..=20).map(|page| stream("", &show(&format!("This is page {page}."), 72, 700))));
    let whole = file(&objects);
    let cut = whole.windows(10).position(|window| window == b"35 0 obj<<").unwrap();
    let (blocks, report) = parse(&whole[..cut + 20], "a.pdf").unwrap();
    assert_eq!((blocks.len(), report.pages), (11, Some(20)));
    assert_eq!(report.warnings, ["pages 12 to 20 could not be read: the file is cut off"]);
}
