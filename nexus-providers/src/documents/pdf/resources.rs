//! Resources of pages and forms: fonts, graphics states, colour spaces, forms and images, each looked up once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, Name, Object, ObjectIdentifier, Rect, Stream};

use super::budget::{Exhausted, Work, WorkBudget};
use super::font::Font;
use super::graphics::Space;
use super::matrix::Matrix;
use super::page::Reader;
use super::tree::MaybeRefDict;

type Found<T> = RefCell<BTreeMap<Vec<u8>, T>>;

/// Resources with a cache of their look-ups.
pub(super) struct Resources<'a> {
    fonts: Dict<'a>,
    objects: Dict<'a>,
    states: Dict<'a>,
    spaces: Dict<'a>,
    /// Properties of marked content.
    pub(super) properties: Dict<'a>,
    found_fonts: Found<Option<Rc<Font<'a>>>>,
    found_objects: Found<Option<Drawn<'a>>>,
    found_states: Found<Rc<Dict<'a>>>,
    found_spaces: Found<Space>,
}

/// Object that `Do` draws.
#[derive(Clone)]
pub(super) enum Drawn<'a> {
    /// Content with resources of its own.
    Form(Rc<Form<'a>>),
    /// Image.
    Image {
        /// Number of its object.
        id: ObjectIdentifier,
        /// Whether it has no transparent points.
        opaque: bool,
        /// Whether its layer is off.
        hidden: bool,
    },
}

/// Content that is drawn as one object.
pub(super) struct Form<'a> {
    pub(super) stream: Stream<'a>,
    pub(super) matrix: Matrix,
    pub(super) bounds: Option<Rect>,
    pub(super) resources: Option<Rc<Resources<'a>>>,
    /// Whether its layer is off.
    pub(super) hidden: bool,
}

impl<'a> Resources<'a> {
    pub(super) fn of(dict: &Dict<'a>, budget: &mut WorkBudget) -> Result<Self, Exhausted> {
        budget.bytes(dict.data().len())?;
        let mut part = |key: &[u8]| {
            let part = dict.get::<Dict<'_>>(key).unwrap_or_default();
            budget.bytes(part.data().len()).map(|()| part)
        };
        Ok(Self {
            fonts: part(keys::FONT)?,
            objects: part(keys::XOBJECT)?,
            states: part(b"ExtGState")?,
            spaces: part(b"ColorSpace")?,
            properties: part(keys::PROPERTIES)?,
            found_fonts: RefCell::default(),
            found_objects: RefCell::default(),
            found_states: RefCell::default(),
            found_spaces: RefCell::default(),
        })
    }

    /// Returns a graphics state, which is empty where it is missing.
    pub(super) fn state(&self, name: &[u8], budget: &mut WorkBudget) -> Result<Rc<Dict<'a>>, Exhausted> {
        if let Some(found) = self.found_states.borrow().get(name) {
            return Ok(Rc::clone(found));
        }
        budget.spend(Work::Lookups, 1)?;
        let state = Rc::new(self.states.get::<Dict<'_>>(name).unwrap_or_default());
        budget.bytes(state.data().len())?;
        self.found_states.borrow_mut().insert(name.to_vec(), Rc::clone(&state));
        Ok(state)
    }

    /// Returns a colour space.
    pub(super) fn space(&self, name: &[u8], budget: &mut WorkBudget) -> Result<Space, Exhausted> {
        if matches!(name, b"DeviceGray" | b"DeviceRGB" | b"DeviceCMYK" | b"G" | b"RGB" | b"CMYK") {
            return Ok(Space::Additive);
        }
        if let Some(found) = self.found_spaces.borrow().get(name) {
            return Ok(*found);
        }
        budget.spend(Work::Lookups, 1)?;
        let family = match self.spaces.get::<Object<'_>>(name) {
            Some(Object::Array(array)) => array.iter::<Object<'_>>().next().and_then(Object::into_name),
            Some(Object::Name(name)) => Some(name),
            _ => None,
        };
        let space = match family.as_ref().map(AsRef::as_ref) {
            Some(b"ICCBased" | b"CalRGB" | b"CalGray" | b"DeviceGray" | b"DeviceRGB" | b"DeviceCMYK") => {
                Space::Additive
            }
            _ => Space::Other,
        };
        self.found_spaces.borrow_mut().insert(name.to_vec(), space);
        Ok(space)
    }
}

impl<'a> Reader<'a, '_> {
    /// Returns the resources of a page or form.
    pub(super) fn resources(&mut self, found: &MaybeRefDict<'a>) -> Result<Rc<Resources<'a>>, Exhausted> {
        self.budget.spend(Work::Lookups, 1)?;
        match found {
            MaybeRefDict::Ref(id) => {
                if let Some(resources) = self.shared_resources.get(id) {
                    return Ok(Rc::clone(resources));
                }
                let dict = self.pdf.xref().get::<Dict<'_>>(*id).unwrap_or_default();
                let resources = Rc::new(Resources::of(&dict, self.budget)?);
                self.shared_resources.insert(*id, Rc::clone(&resources));
                Ok(resources)
            }
            MaybeRefDict::Dict(direct) => {
                let (dict, read) = direct.as_ref();
                if let Some(resources) = read.get() {
                    return Ok(Rc::clone(resources));
                }
                let resources = Rc::new(Resources::of(dict, self.budget)?);
                Ok(Rc::clone(read.get_or_init(|| resources)))
            }
        }
    }

    /// Returns the font of a name.
    pub(super) fn font(
        &mut self,
        name: &[u8],
        resources: &Resources<'a>,
    ) -> Result<Option<Rc<Font<'a>>>, Exhausted> {
        if let Some(found) = resources.found_fonts.borrow().get(name) {
            return Ok(found.clone());
        }
        self.budget.spend(Work::Lookups, 1)?;
        let id = resources.fonts.get_ref(name).map(ObjectIdentifier::from);
        let shared = id.and_then(|id| self.shared_fonts.get(&id).map(Rc::clone));
        let font = match (shared, resources.fonts.get::<Dict<'_>>(name)) {
            (Some(font), _) => Some(font),
            (None, Some(dict)) => {
                let font = Rc::new(self.fonts.load(&dict, self.budget)?);
                if let Some(id) = id {
                    self.shared_fonts.insert(id, Rc::clone(&font));
                }
                Some(font)
            }
            (None, None) => None,
        };
        resources.found_fonts.borrow_mut().insert(name.to_vec(), font.clone());
        Ok(font)
    }

    /// Returns the form or image of a name.
    pub(super) fn drawn(
        &mut self,
        name: &[u8],
        resources: &Resources<'a>,
    ) -> Result<Option<Drawn<'a>>, Exhausted> {
        if let Some(found) = resources.found_objects.borrow().get(name) {
            return Ok(found.clone());
        }
        self.budget.spend(Work::Lookups, 1)?;
        let drawn = match resources.objects.get::<Stream<'_>>(name) {
            Some(stream) => self.object(stream)?,
            None => None,
        };
        resources.found_objects.borrow_mut().insert(name.to_vec(), drawn.clone());
        Ok(drawn)
    }

    fn object(&mut self, stream: Stream<'a>) -> Result<Option<Drawn<'a>>, Exhausted> {
        let kind = stream.dict().get::<Name<'_>>(keys::SUBTYPE);
        Ok(match kind.as_ref().map(AsRef::as_ref) {
            Some(b"Form") => Some(Drawn::Form(Rc::new(self.form(stream)?))),
            Some(b"Image") => {
                let dict = stream.dict();
                self.budget.bytes(dict.data().len())?;
                let opaque = [b"SMask".as_slice(), b"Mask"].into_iter().all(|key| !dict.contains_key(key))
                    && dict.get::<bool>(b"ImageMask") != Some(true);
                let hidden = self.layers.hide(dict, b"OC", self.budget)?;
                Some(Drawn::Image { id: stream.obj_id(), opaque, hidden })
            }
            _ => None,
        })
    }

    /// Returns a form with its resources.
    pub(super) fn form(&mut self, stream: Stream<'a>) -> Result<Form<'a>, Exhausted> {
        let dict = stream.dict();
        self.budget.bytes(dict.data().len())?;
        let own = MaybeRefDict::of(dict, keys::RESOURCES);
        let resources = own.map(|own| self.resources(&own)).transpose()?;
        Ok(Form {
            matrix: dict.get::<[f64; 6]>(keys::MATRIX).map_or(Matrix::IDENTITY, Matrix),
            bounds: dict.get::<Rect>(b"BBox"),
            hidden: self.layers.hide(dict, b"OC", self.budget)?,
            resources,
            stream,
        })
    }
}
