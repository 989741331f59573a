//! Fonts: the text of the codes in a string, and the advance of each code.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_font::{CMapResolverFn, FontCache, FontGlyph, FontQuery, FontResolverFn, GlyphId};
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, Name, Object, Rect};

use super::budget::{Exhausted, Work, WorkBudget};
use super::decode;

/// Maximum number of widths that a range of a composite font may set one by one. Its codes have two bytes.
const WIDTHS: u64 = 1 << 18;

/// Fonts of a document.
pub(super) struct Fonts<'a> {
    cache: FontCache<'a>,
    programs: FontResolverFn,
    cmaps: CMapResolverFn,
}

/// Text and advance of a code.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// Text of the code: empty if the code has none, [`None`] if the text is unknown.
    pub(super) text: Option<Rc<str>>,
    /// Advance for a size of one: across, and down for vertical fonts.
    pub(super) advance: (f64, f64),
}

/// Loaded font.
pub(super) struct Font<'a> {
    inner: Option<hayro_font::Font<'a>>,
    codes: RefCell<BTreeMap<u32, Shown>>,
    unicode: Option<Unicode>,
    composite: bool,
    /// Whether its letters are bold.
    pub(super) bold: bool,
    /// Height for a size of one.
    pub(super) height: f64,
}

/// Fallback mapping to Unicode for codes that the font itself does not map.
enum Unicode {
    /// The codes are UTF-16.
    Codes,
    /// Two maps: from codes to the characters of a collection, and from these to text.
    Collection(Box<CMap>, Box<CMap>),
}

impl<'a> Fonts<'a> {
    pub(super) fn new() -> Self {
        Self {
            cache: FontCache::new(),
            programs: Arc::new(|query| match query {
                FontQuery::Standard(font) => Some(font.get_font_data()),
                FontQuery::Fallback(query) => Some(query.pick_standard_font().get_font_data()),
            }),
            cmaps: Arc::new(load_embedded),
        }
    }

    /// Loads a font, after its work has been counted.
    pub(super) fn load(&self, dict: &Dict<'a>, budget: &mut WorkBudget) -> Result<Font<'a>, Exhausted> {
        let fits = check(dict, budget)?;
        let font = fits.then(|| self.cache.font(dict, &self.programs, &self.cmaps)).flatten();
        let composite = name(dict, keys::SUBTYPE).is_some_and(|name| name.as_ref() == b"Type0");
        let base =
            name(dict, keys::BASE_FONT).map(|name| name.as_str().to_ascii_lowercase()).unwrap_or_default();
        Ok(Font {
            unicode: if composite { unicode(dict, budget)? } else { None },
            bold: ["bold", "black", "heavy", "demi", "-medi", "cmbx"].iter().any(|word| base.contains(word)),
            height: height(dict),
            codes: RefCell::default(),
            inner: font,
            composite,
        })
    }
}

impl Font<'_> {
    /// Returns whether strings run down the page.
    pub(super) fn is_vertical(&self) -> bool {
        self.inner.as_ref().is_some_and(|font| !font.is_horizontal())
    }

    /// Returns the next code of a string and its length in bytes.
    pub(super) fn code(&self, bytes: &[u8], at: usize) -> (u32, usize) {
        match &self.inner {
            Some(font) if at < bytes.len() => font.read_code(bytes, at),
            None if self.composite => (0, 2),
            _ => (bytes.get(at).copied().unwrap_or_default().into(), 1),
        }
    }

    /// Returns the text and the advance of a code.
    pub(super) fn shown(&self, code: u32) -> Shown {
        if let Some(shown) = self.codes.borrow().get(&code) {
            return shown.clone();
        }
        let shown = self.find(code);
        self.codes.borrow_mut().insert(code, shown.clone());
        shown
    }

    fn find(&self, code: u32) -> Shown {
        let Some(font) = &self.inner else {
            let text = if self.composite { None } else { latin(code) };
            return Shown { text, advance: (0.5, 0.0) };
        };
        let advance = font.code_advance(code);
        let text = match font.glyph(GlyphId::NOTDEF, code) {
            FontGlyph::Outline(glyph) => glyph.as_unicode(),
            FontGlyph::Type3(glyph) => glyph.as_unicode(),
        };
        let text =
            text.map(string).or_else(|| self.unicode.as_ref()?.text(code)).filter(|text| is_text(text));
        let text = text.map(Rc::from).or_else(|| if self.composite { None } else { latin(code) });
        Shown { text, advance: (advance.x / 1000.0, advance.y / 1000.0) }
    }
}

impl Unicode {
    fn text(&self, code: u32) -> Option<String> {
        match self {
            Self::Codes => {
                let units = [u16::try_from(code >> 16).ok()?, u16::try_from(code & 0xFFFF).ok()?];
                let skip = usize::from(code <= 0xFFFF);
                String::from_utf16(units.get(skip..)?).ok()
            }
            Self::Collection(codes, text) => {
                let cid = (1..=4).find_map(|length| codes.lookup_cid_code(code, length))?;
                text.lookup_bf_string(cid).map(string)
            }
        }
    }
}

fn string(text: BfString) -> String {
    match text {
        BfString::Char(c) => c.to_string(),
        BfString::String(string) => string,
    }
}

/// Returns whether a string is text rather than control characters or the private characters of symbol fonts.
fn is_text(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .all(|c| (c.is_control() && !c.is_whitespace()) || ('\u{E000}'..='\u{F8FF}').contains(&c))
}

/// Returns the letter of a code in a font without an encoding.
fn latin(code: u32) -> Option<Rc<str>> {
    let byte = u8::try_from(code).ok().filter(|byte| *byte >= 32)?;
    let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
    Some(Rc::from(text.as_ref()))
}

fn name<'a>(dict: &Dict<'a>, key: &[u8]) -> Option<Name<'a>> {
    dict.get::<Name<'_>>(key)
}

/// Returns the height of a font's letters. Only fonts whose letters are drawings declare it.
fn height(dict: &Dict<'_>) -> f64 {
    if name(dict, keys::SUBTYPE).is_none_or(|name| name.as_ref() != b"Type3") {
        return 1.0;
    }
    let scale = dict.get::<[f64; 6]>(keys::FONT_MATRIX).map_or(0.001, |[_, _, _, d, ..]| d.abs());
    let tall = dict.get::<Rect>(keys::FONT_BBOX).map_or(0.0, |bounds| bounds.height());
    if tall > 0.0 { tall * scale } else { 1000.0 * scale }
}

/// Returns the Unicode mapping of a composite font that has no table of its own.
fn unicode(dict: &Dict<'_>, budget: &mut WorkBudget) -> Result<Option<Unicode>, Exhausted> {
    if dict.contains_key(keys::TO_UNICODE) {
        return Ok(None);
    }
    let encoding = name(dict, keys::ENCODING);
    let encoding = encoding.as_ref().map(AsRef::as_ref).unwrap_or_default();
    if encoding.starts_with(b"Uni") {
        return Ok(Some(Unicode::Codes));
    }
    budget.spend(Work::Lookups, 100)?;
    let descendant =
        dict.get::<Array<'_>>(keys::DESCENDANT_FONTS).and_then(|fonts| fonts.iter::<Dict<'_>>().next());
    let system = descendant.and_then(|font| font.get::<Dict<'_>>(keys::CIDSYSTEMINFO));
    let text =
        |key: &[u8]| system.as_ref().and_then(|system| system.get::<hayro_syntax::object::String<'_>>(key));
    let (Some(registry), Some(ordering)) = (text(keys::REGISTRY), text(keys::ORDERING)) else {
        return Ok(None);
    };
    let family = CidFamily::from_registry_ordering(registry.as_bytes(), ordering.as_bytes());
    let load = |name| CMap::parse(load_embedded(name)?, load_embedded);
    let codes = match encoding {
        b"Identity-H" => Some(CMap::identity_h()),
        b"Identity-V" => Some(CMap::identity_v()),
        name => load(CMapName::from_bytes(name)),
    };
    let text = family.ucs2_cmap().and_then(load);
    Ok(codes.zip(text).map(|(codes, text)| Unicode::Collection(Box::new(codes), Box::new(text))))
}

/// Counts the work of loading the font. Returns whether the font may be loaded.
fn check(dict: &Dict<'_>, budget: &mut WorkBudget) -> Result<bool, Exhausted> {
    budget.bytes(dict.data().len())?;
    budget.spend(Work::Lookups, 20)?;
    let descendants = dict.get::<Array<'_>>(keys::DESCENDANT_FONTS);
    let descendant = descendants.and_then(|fonts| fonts.iter::<Dict<'_>>().next());
    let mut fits = dict.get::<i64>(keys::FIRST_CHAR).is_none_or(|first| (0..=255).contains(&first));
    for font in [Some(dict), descendant.as_ref()].into_iter().flatten() {
        if font.data() != dict.data() {
            budget.bytes(font.data().len())?;
        }
        for key in [keys::WIDTHS, keys::W, keys::W2] {
            if let Some(widths) = font.get::<Array<'_>>(key) {
                budget.bytes(widths.data().len())?;
                fits &= key == keys::WIDTHS || widths_fit(&widths, key == keys::W2);
            }
        }
        for key in [keys::TO_UNICODE, keys::ENCODING, keys::CID_TO_GID_MAP] {
            measure(font, key, budget)?;
        }
        if let Some(descriptor) = font.get::<Dict<'_>>(keys::FONT_DESC) {
            budget.bytes(descriptor.data().len())?;
            for key in [keys::FONT_FILE, keys::FONT_FILE2, keys::FONT_FILE3] {
                measure(&descriptor, key, budget)?;
            }
        }
        if let Some(letters) = font.get::<Dict<'_>>(keys::CHAR_PROCS) {
            budget.bytes(letters.data().len())?;
            budget.spend(Work::Lookups, u64::try_from(letters.len()).unwrap_or(u64::MAX))?;
        }
        if let Some(encoding) = font.get::<Dict<'_>>(keys::ENCODING) {
            budget.bytes(encoding.data().len())?;
        }
    }
    Ok(fits)
}

/// Counts the decoded size of a stream before the library decodes it.
fn measure(dict: &Dict<'_>, key: &[u8], budget: &mut WorkBudget) -> Result<(), Exhausted> {
    if let Some(Object::Stream(stream)) = dict.get::<Object<'_>>(key) {
        decode::decode(&stream, budget)?;
    }
    Ok(())
}

/// Returns whether the ranges of a width table fit its codes. The table is read as the library reads it.
fn widths_fit(widths: &Array<'_>, vertical: bool) -> bool {
    let mut set = 0_u64;
    let mut iter = widths.flex_iter();
    loop {
        let range = if iter.next::<(u32, Array<'_>)>().is_some() {
            None
        } else if vertical {
            let Some((first, last, ..)) = iter.next::<(u32, u32, f32, f32, f32)>() else { break };
            Some((first, last))
        } else {
            let Some((first, last, _)) = iter.next::<(u32, u32, f32)>() else { break };
            Some((first, last))
        };
        set += range.map_or(0, |(first, last)| u64::from(last.saturating_sub(first)));
        if set > WIDTHS {
            return false;
        }
    }
    true
}
