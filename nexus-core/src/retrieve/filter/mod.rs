//! Filter language: restricts a search to documents by their metadata.
//!
//! A filter has two forms with one meaning. JSON, for programs:
//!
//! ```json
//! {"all": [{"eq": {"department": "finance"}}, {"gte": {"year": 2024}}]}
//! ```
//!
//! and text, for people: `department = "finance" and year >= 2024`. Operators: `eq ne in lt lte gt gte exists all any
//! not`, in text `= != in < <= > >= exists and or not`.
//!
//! # Meaning
//! - A field is looked up by its whole name first, then as a path: `a.b` is the member `b` of the object `a`.
//! - A field that is missing, `null` or an object matches no comparison, `!=` and `in` included. Only `exists` asks
//!   about presence (`null` is absent), and only `not` turns a miss into a match:
//!   `not (year = 2024)` keeps documents without a year, `year != 2024` does not.
//! - A list matches when one of its members does: `tags = "legal"`. `!=` is the exception: no member may be equal.
//! - Values of different types are neither equal nor in order: `"5"` is not `5`. Numbers compare by value, integers
//!   exactly; `false` is before `true`; text compares by code points, except that two RFC 3339 dates or times compare
//!   as points in time, a date being its midnight in UTC.
//!
//! Evaluation here is the definition; a store that translates a filter to its own query language must agree with it.

mod json;
mod text;
mod value;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use value::Scalar;

use crate::error::{Error, Result};

/// Upper bound on the nesting of `all`, `any` and `not`.
pub const MAX_DEPTH: usize = 16;
/// Upper bound on the comparisons and values in one filter.
pub const MAX_TERMS: usize = 512;
/// Upper bound on the length of a field name, in bytes.
pub const MAX_FIELD_BYTES: usize = 256;

/// Reserved fields: every document has them, and its own metadata cannot shadow them.
pub mod reserved {
    /// Id of the document.
    pub const ID: &str = "document.id";
    /// Name of the document.
    pub const NAME: &str = "document.name";
    /// Media type.
    pub const CONTENT_TYPE: &str = "document.content_type";
    /// Creation time, RFC 3339.
    pub const CREATED_AT: &str = "document.created_at";
    /// Time of the last change, RFC 3339.
    pub const UPDATED_AT: &str = "document.updated_at";
    /// Tags, a list of text.
    pub const TAGS: &str = "document.tags";
}

/// Comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Present and not equal.
    Ne,
    /// Less, or earlier.
    Lt,
    /// Not greater.
    Lte,
    /// Greater, or later.
    Gt,
    /// Not less.
    Gte,
}

/// Filter expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Comparison of a field with a value.
    Compare {
        /// The field.
        field: String,
        /// The operator.
        operator: Operator,
        /// The value.
        value: Scalar,
    },
    /// A field equal to one of several values.
    In {
        /// The field.
        field: String,
        /// The values.
        values: Vec<Scalar>,
    },
    /// A field that is present and not `null`.
    Exists {
        /// The field.
        field: String,
    },
    /// Every one of these.
    All(Vec<Expression>),
    /// At least one of these.
    Any(Vec<Expression>),
    /// Complement of this expression.
    Not(Box<Expression>),
}

/// Filter within the limits of this module. Serialises to its JSON form; [`Display`](fmt::Display) is its text form,
/// which [`Filter::parse`] reads back as the same filter.
///
/// ```
/// use nexus_core::retrieve::filter::Filter;
///
/// let filter = Filter::parse(r#"department = "finance" and (year >= 2024 or not draft = true)"#)?;
/// let document = serde_json::json!({"department": "finance", "year": 2025});
/// assert!(filter.matches(document.as_object().unwrap()));
/// assert_eq!(Filter::parse(&filter.to_string())?, filter);
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Filter(Expression);

impl Filter {
    /// Creates a filter from `expression`. An `all` or `any` of one member becomes that member.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the code `INVALID_FILTER` when the expression exceeds a
    /// limit, an `all`, `any` or `in` is empty, or a field name or number is not usable.
    pub fn new(expression: Expression) -> Result<Self> {
        let mut terms = 0;
        settle(expression, 0, &mut terms).map(Self)
    }

    /// Parses the text form.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the code `INVALID_FILTER`, naming the position.
    pub fn parse(text: &str) -> Result<Self> {
        Self::new(text::parse(text)?)
    }

    /// Parses the JSON form.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the code `INVALID_FILTER`, naming the expected form.
    pub fn parse_json(value: &Value) -> Result<Self> {
        Self::new(json::parse(value, 0)?)
    }

    /// Returns the JSON form.
    pub fn to_json(&self) -> Value {
        json::print(&self.0)
    }

    /// Returns the expression, for a store that translates it.
    pub fn expression(&self) -> &Expression {
        &self.0
    }

    /// Returns whether a document with these `fields` passes: its metadata, with the [`reserved`] fields under their
    /// whole names.
    pub fn matches(&self, fields: &Map<String, Value>) -> bool {
        self.0.matches(fields)
    }
}

impl Expression {
    fn matches(&self, fields: &Map<String, Value>) -> bool {
        match self {
            Self::Compare { field, operator: Operator::Ne, value } => {
                is_comparable(find(fields, field))
                    && !any_member(find(fields, field), |found| value.equals(found))
            }
            Self::Compare { field, operator, value } => {
                any_member(find(fields, field), |found| value.holds(*operator, found))
            }
            Self::In { field, values } => {
                any_member(find(fields, field), |found| values.iter().any(|value| value.equals(found)))
            }
            Self::Exists { field } => find(fields, field).is_some(),
            Self::All(members) => members.iter().all(|member| member.matches(fields)),
            Self::Any(members) => members.iter().any(|member| member.matches(fields)),
            Self::Not(member) => !member.matches(fields),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::print(&self.0, f)
    }
}

impl std::str::FromStr for Filter {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<Value> for Filter {
    type Error = Error;
    fn try_from(value: Value) -> Result<Self> {
        Self::parse_json(&value)
    }
}

impl From<Filter> for Value {
    fn from(filter: Filter) -> Self {
        filter.to_json()
    }
}

/// Returns the value of `field`, unless it is missing or `null`.
fn find<'a>(fields: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let found = fields.get(field).or_else(|| {
        let (first, rest) = field.split_once('.')?;
        find(fields.get(first)?.as_object()?, rest)
    });
    found.filter(|value| !value.is_null())
}

fn is_comparable(found: Option<&Value>) -> bool {
    found.is_some_and(|value| !value.is_object())
}

fn any_member(found: Option<&Value>, test: impl Fn(&Value) -> bool) -> bool {
    match found {
        Some(Value::Array(members)) => members.iter().any(test),
        Some(value) => test(value),
        None => false,
    }
}

/// Checks the limits and removes groups of one, from the leaves up.
fn settle(expression: Expression, depth: usize, terms: &mut usize) -> Result<Expression> {
    if depth > MAX_DEPTH {
        return Err(invalid(format!("the filter nests deeper than {MAX_DEPTH} levels")));
    }
    match expression {
        Expression::All(members) => group(members, depth, terms, Expression::All),
        Expression::Any(members) => group(members, depth, terms, Expression::Any),
        Expression::Not(member) => Ok(Expression::Not(Box::new(settle(*member, depth + 1, terms)?))),
        Expression::In { ref field, ref values } => {
            if values.is_empty() {
                return Err(invalid("`in` needs at least one value"));
            }
            count(terms, values.len())?;
            check_field(field).map(|()| expression)
        }
        Expression::Compare { ref field, .. } | Expression::Exists { ref field } => {
            count(terms, 1)?;
            check_field(field).map(|()| expression)
        }
    }
}

fn group(
    members: Vec<Expression>,
    depth: usize,
    terms: &mut usize,
    form: fn(Vec<Expression>) -> Expression,
) -> Result<Expression> {
    let mut settled = Vec::with_capacity(members.len().min(MAX_TERMS));
    for member in members {
        settled.push(settle(member, depth + 1, terms)?);
    }
    match settled.len() {
        0 => Err(invalid("`all` and `any` need at least one member")),
        1 => settled.pop().ok_or_else(|| invalid("`all` and `any` need at least one member")),
        _ => Ok(form(settled)),
    }
}

fn count(terms: &mut usize, more: usize) -> Result<()> {
    *terms = terms.saturating_add(more);
    if *terms > MAX_TERMS {
        return Err(invalid(format!("the filter has more than {MAX_TERMS} comparisons and values")));
    }
    Ok(())
}

fn check_field(field: &str) -> Result<()> {
    let refused = |c: char| c == '`' || crate::escape::is_refused(c);
    if field.is_empty() || field.len() > MAX_FIELD_BYTES || field.contains(refused) {
        return Err(invalid("a field name is empty, too long, or contains a refused character"));
    }
    Ok(())
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message)
        .with_code("INVALID_FILTER")
        .with_hint("write it like `department = \"finance\" and year >= 2024`, or as JSON like `{\"gte\": {\"year\": 2024}}`")
}

#[cfg(test)]
mod tests;
