//! Canvas of a page: the characters and areas that it paints, and which of the characters a reader sees.

use hayro_syntax::object::ObjectIdentifier;

use super::area::Area;
use super::budget::{Exhausted, Work, WorkBudget};
use super::glyph::Glyph;
use super::graphics::{Colour, Graphics, Path, Shape, alike};
use super::matrix::Matrix;

/// Maximum numbers of areas and rules that are remembered. Beyond the first, grounds are taken as unknown.
const AREAS: usize = 4096;
const RULES: usize = 8192;

/// Number of bands of a page in which its areas are looked up.
const BANDS: usize = 64;

/// Maximum height of a rule, in points.
const RULE: f64 = 3.0;

/// Maximum length by which a rule is longer than the text that it crosses out, on each side, in sizes of the text.
const OVERHANG: f64 = 1.1;

/// Appearance of a character.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// Its colours, where they are known. It is visible if one of them differs from its ground.
    pub(super) colours: [Option<Colour>; 2],
    /// Whether it is drawn without ink.
    pub(super) inkless: bool,
    /// Whether it cannot be seen wherever it stands.
    pub(super) hidden: bool,
}

/// Visibility of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Visible,
    Recognised,
    Hidden,
    Struck,
}

#[derive(Clone, Copy, Debug)]
enum Paint {
    /// Area of one colour that hides everything below it.
    Solid(Colour),
    /// Area whose colours are not known.
    Unknown,
    /// Image by its place in the list of images, and whether it hides everything below it.
    Image(usize, bool),
}

#[derive(Debug)]
struct Painted {
    area: Area,
    paint: Paint,
    /// Number of characters painted before.
    after: usize,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    left: f64,
    right: f64,
    up: f64,
}

/// Painted page.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    /// Visible area of the page.
    page: Option<Area>,
    glyphs: Vec<(Glyph, Look)>,
    painted: Vec<Painted>,
    /// Images with whether they are scans of recognised text.
    images: Vec<(Option<ObjectIdentifier>, bool)>,
    image_area: f64,
    rules: Vec<Rule>,
    /// Last diagonal, and whether it rises.
    diagonal: Option<(Area, bool)>,
    too_many: bool,
    /// Areas that a struck-out mark covers.
    strikes: Vec<Area>,
    /// Characters of no size or place.
    lost: bool,
}

/// Result of looking at a canvas.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Visible area of the page.
    pub(super) page: Option<Area>,
    /// Visible text in drawing order.
    pub(super) glyphs: Vec<Glyph>,
    /// Number of lines of hidden text.
    pub(super) hidden: u32,
    /// Number of lines of struck-out text.
    pub(super) struck: u32,
    /// Whether text is that of a scan.
    pub(super) recognised: bool,
    /// Images, other than the scans of recognised text.
    pub(super) images: Vec<Option<ObjectIdentifier>>,
}

impl Canvas {
    pub(super) fn new(page: Option<Area>) -> Self {
        Self { page, ..Self::default() }
    }

    /// Returns the smallest size of legible letters, in points: a page of less than 700 points is enlarged to read it.
    pub(super) fn legible(&self) -> f64 {
        const SMALLEST: f64 = 1.5;
        self.page.map_or(SMALLEST, |page| (page.height().max(page.width()) / 700.0).min(1.0) * SMALLEST)
    }

    /// Adds a character.
    pub(super) fn show(&mut self, glyph: Glyph, mut look: Look, clip: Option<Area>) {
        let middle = glyph.at(0.25);
        look.hidden |= self.page.is_some_and(|page| !page.widened(1.0).contains(middle))
            || clip.is_some_and(|clip| clip.is_empty() || !clip.widened(0.3 * glyph.size).contains(middle));
        self.glyphs.push((glyph, look));
    }

    /// Adds a character that has no size or place.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// Adds an area that a mark strikes out.
    pub(super) fn strike(&mut self, area: Area) {
        if self.strikes.len() < AREAS {
            self.strikes.push(area);
        }
    }

    /// Paints a path.
    pub(super) fn paint(
        &mut self,
        path: &Path,
        (fills, strokes): (bool, bool),
        graphics: &Graphics,
        matrix: Matrix,
    ) {
        let (across, down) = matrix.vector(graphics.line_width, 0.0);
        let pen = across.hypot(down);
        for (area, shape) in &path.shapes {
            let shown = graphics.clipped(*area);
            let is_line = matches!(shape, Shape::Line);
            if strokes && pen > RULE {
                self.area(graphics.clipped(area.widened(pen / 2.0)), Paint::Unknown);
            } else if strokes && is_line {
                self.rule(shown, f64::midpoint(area.bottom, area.top));
            }
            if let (Shape::Diagonal(rises), true) = (shape, strokes && pen <= RULE) {
                self.diagonal(shown, *rises);
            }
            if fills && !is_line {
                let flat = area.height() <= RULE && area.width() > area.height();
                if flat && matches!(shape, Shape::Rectangle) {
                    self.rule(shown, f64::midpoint(area.bottom, area.top));
                    continue;
                }
                let is_exact = matches!(shape, Shape::Rectangle) && graphics.clip_is_exact;
                let colour = graphics.fill.filter(|_| is_exact && graphics.is_opaque());
                if graphics.opacity > 0.01 {
                    self.area(shown, colour.map_or(Paint::Unknown, Paint::Solid));
                }
            }
        }
    }

    /// Paints the visible area with colours that are not known.
    pub(super) fn shade(&mut self, graphics: &Graphics) {
        if let Some(area) = graphics.clip.or(self.page) {
            self.area(area, Paint::Unknown);
        }
    }

    /// Paints an image. `opaque` tells that all of its points are.
    pub(super) fn image(
        &mut self,
        id: Option<ObjectIdentifier>,
        opaque: bool,
        graphics: &Graphics,
        matrix: Matrix,
    ) {
        let (area, exact) = Area::of(matrix, [0.0, 0.0, 1.0, 1.0]);
        let mut area = graphics.clipped(area);
        if let Some(page) = self.page {
            area = page.within(area);
        }
        if !area.is_finite() || area.width() < 1.0 || area.height() < 1.0 || graphics.opacity < 0.01 {
            return;
        }
        let opaque = opaque && exact && graphics.clip_is_exact && graphics.is_opaque();
        self.image_area += area.width() * area.height();
        self.area(area, Paint::Image(self.images.len(), opaque));
        self.images.push((id, false));
    }

    /// Adds a diagonal. Two of them that cross strike out what is between their ends.
    fn diagonal(&mut self, area: Area, rises: bool) {
        const NEAR: f64 = 3.0;
        const HIGHEST: f64 = 150.0;
        let is_same = |other: &Area| {
            [
                (area.left, other.left),
                (area.right, other.right),
                (area.bottom, other.bottom),
                (area.top, other.top),
            ]
            .iter()
            .all(|(one, other)| (one - other).abs() < NEAR)
        };
        let crossed =
            self.diagonal.is_some_and(|(other, other_rises)| other_rises != rises && is_same(&other));
        self.diagonal = Some((area, rises)).filter(|_| !crossed);
        if crossed && area.height() <= HIGHEST {
            self.strike(area);
        }
    }

    fn rule(&mut self, area: Area, up: f64) {
        if area.width() > 0.0 && self.rules.len() < RULES {
            self.rules.push(Rule { left: area.left, right: area.right, up });
        }
    }

    fn area(&mut self, area: Area, paint: Paint) {
        if area.width() <= 0.0 || area.height() <= 0.0 {
            return;
        }
        if self.painted.len() < AREAS {
            self.painted.push(Painted { area, paint, after: self.glyphs.len() });
        } else {
            self.too_many = true;
        }
    }

    /// Returns what a reader of the page sees. With `all`, hidden text is returned too.
    pub(super) fn look(mut self, all: bool, budget: &mut WorkBudget) -> Result<Seen, Exhausted> {
        let bands = self.bands();
        self.rules.sort_by(|a, b| a.up.total_cmp(&b.up));
        let mut sights = Vec::with_capacity(self.glyphs.len());
        let mut scanned = Vec::new();
        for (place, (glyph, look)) in self.glyphs.iter().enumerate() {
            let (sight, scan) = self.sight(place, glyph, look, &bands, budget)?;
            scanned.extend(scan);
            sights.push(sight);
        }
        for scan in scanned {
            if let Some((_, recognised)) = self.images.get_mut(scan) {
                *recognised = true;
            }
        }
        self.cross_out(&mut sights, budget)?;
        Ok(self.result(&sights, all))
    }

    fn result(self, sights: &[Sight], all: bool) -> Seen {
        let mut seen = Seen { page: self.page, hidden: u32::from(self.lost && !all), ..Seen::default() };
        let mut last: Option<(Sight, Glyph)> = None;
        for ((glyph, _), sight) in self.glyphs.into_iter().zip(sights) {
            let is_blank = glyph.text.chars().all(char::is_whitespace);
            let sight = if all && *sight == Sight::Hidden { Sight::Visible } else { *sight };
            let count = match sight {
                Sight::Visible | Sight::Recognised => {
                    seen.recognised |= sight == Sight::Recognised && !is_blank;
                    seen.glyphs.push(glyph);
                    if !is_blank {
                        last = None;
                    }
                    continue;
                }
                Sight::Hidden => &mut seen.hidden,
                Sight::Struck => &mut seen.struck,
            };
            if is_blank {
                continue;
            }
            let continues =
                last.as_ref().is_some_and(|(before, above)| *before == sight && above.is_beside(&glyph));
            *count = count.saturating_add(u32::from(!continues));
            last = Some((sight, glyph));
        }
        seen.images =
            self.images.into_iter().filter_map(|(id, recognised)| (!recognised).then_some(id)).collect();
        seen
    }

    /// Returns the painted areas of each band of the page, in the order of painting.
    fn bands(&self) -> Vec<Vec<usize>> {
        let mut bands = vec![Vec::new(); BANDS];
        for (place, painted) in self.painted.iter().enumerate() {
            let (first, last) = (self.band(painted.area.bottom), self.band(painted.area.top));
            for band in bands.get_mut(first..=last).into_iter().flatten() {
                band.push(place);
            }
        }
        bands
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "it is kept within the bands"
    )]
    fn band(&self, up: f64) -> usize {
        let page = self.page.unwrap_or(Area { left: 0.0, bottom: 0.0, right: 1000.0, top: 1000.0 });
        let share = (up - page.bottom) / page.height().max(1.0);
        ((share.clamp(0.0, 1.0) * BANDS as f64) as usize).min(BANDS - 1)
    }

    /// Returns how a character is seen, and the scan that it was recognised in.
    fn sight(
        &self,
        place: usize,
        glyph: &Glyph,
        look: &Look,
        bands: &[Vec<usize>],
        budget: &mut WorkBudget,
    ) -> Result<(Sight, Option<usize>), Exhausted> {
        if look.hidden {
            return Ok((Sight::Hidden, None));
        }
        let (low, middle, high) = (glyph.at(0.05), glyph.at(0.25), glyph.at(0.5));
        let (mut ground, mut scan, mut covered) = (Paint::Solid([1.0; 3]), None, false);
        let band = bands.get(self.band(middle.1)).map(Vec::as_slice).unwrap_or_default();
        budget.spend(Work::Operators, u64::try_from(band.len() / 32).unwrap_or_default())?;
        for painted in band.iter().filter_map(|place| self.painted.get(*place)) {
            if !painted.area.contains(middle) {
                continue;
            }
            let whole = painted.area.contains(low) && painted.area.contains(high);
            let below = painted.after <= place;
            match painted.paint {
                Paint::Solid(_) if !whole => {}
                Paint::Solid(_) if !below => covered = true,
                Paint::Image(image, opaque) => {
                    if below || opaque {
                        scan = Some(image);
                    }
                    covered |= !below && opaque;
                    ground = if below { painted.paint } else { ground };
                }
                Paint::Solid(_) | Paint::Unknown => ground = if below { painted.paint } else { ground },
            }
        }
        let scan = scan.filter(|_| self.is_scan());
        if look.inkless || covered {
            return Ok((if scan.is_some() { Sight::Recognised } else { Sight::Hidden }, scan));
        }
        let seen = match ground {
            Paint::Solid(ground) if !self.too_many => {
                look.colours.iter().any(|colour| colour.is_none_or(|colour| !alike(colour, ground)))
            }
            Paint::Solid(_) | Paint::Unknown | Paint::Image(..) => true,
        };
        let blank = glyph.text.chars().all(char::is_whitespace);
        Ok((if seen || blank { Sight::Visible } else { Sight::Hidden }, None))
    }

    /// Returns whether images cover most of the page.
    fn is_scan(&self) -> bool {
        self.page.is_some_and(|page| self.image_area >= 0.5 * page.width() * page.height())
    }

    /// Marks the characters that a rule or a mark crosses out. A rule counts if it is as long as the text that it
    /// crosses.
    fn cross_out(&self, sights: &mut [Sight], budget: &mut WorkBudget) -> Result<(), Exhausted> {
        if self.rules.is_empty() && self.strikes.is_empty() {
            return Ok(());
        }
        let mut crossed: Vec<(f64, f64, Vec<usize>)> =
            vec![(f64::MAX, f64::MIN, Vec::new()); self.rules.len()];
        for (place, (glyph, _)) in self.glyphs.iter().enumerate() {
            let middle = glyph.at(0.25);
            let marks = u64::try_from(self.strikes.len() / 16).unwrap_or_default();
            budget.spend(Work::Operators, marks)?;
            if self.strikes.iter().any(|area| area.contains(middle))
                && let Some(sight) = sights.get_mut(place).filter(|sight| **sight != Sight::Hidden)
            {
                *sight = Sight::Struck;
            }
            let low = self.rules.partition_point(|rule| rule.up < glyph.y + 0.17 * glyph.size);
            let near = self.rules.iter().zip(&mut crossed).skip(low);
            let (left, right) = (glyph.x, glyph.x + glyph.advance.0);
            for (rule, (start, end, places)) in
                near.take_while(|(rule, _)| rule.up < glyph.y + 0.42 * glyph.size)
            {
                budget.spend(Work::Operators, 1)?;
                if glyph.direction.0 > 0.99 && (rule.left..=rule.right).contains(&middle.0) {
                    *start = start.min(left - OVERHANG * glyph.size);
                    *end = end.max(right + OVERHANG * glyph.size);
                    places.push(place);
                }
            }
        }
        for (rule, (start, end, places)) in self.rules.iter().zip(crossed) {
            if rule.left >= start && rule.right <= end {
                for place in places {
                    if let Some(sight) = sights.get_mut(place).filter(|sight| **sight != Sight::Hidden) {
                        *sight = Sight::Struck;
                    }
                }
            }
        }
        Ok(())
    }
}
