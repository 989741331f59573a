//! Text form of a filter.
//!
//! ```text
//! any      = all { "or" all }
//! all      = not { "and" not }
//! not      = "not" not | "(" any ")" | test
//! test     = field operator value | field "in" "(" value { "," value } ")" | field "exists"
//! operator = "=" | "!=" | "<" | "<=" | ">" | ">="
//! field    = word | "`" characters "`"
//! value    = JSON string | number | "true" | "false"
//! ```
//!
//! A word is letters, digits, `_`, `.` and `-`, not starting with a digit or `-`. Keywords are lower case and are
//! written in backticks when they name a field.

use std::fmt;

use serde_json::Number;

use super::{Expression, MAX_DEPTH, Operator, Scalar, invalid};
use crate::error::{Error, Result};

const KEYWORDS: [&str; 7] = ["and", "or", "not", "in", "exists", "true", "false"];

/// Parses a filter.
pub(super) fn parse(text: &str) -> Result<Expression> {
    let mut parser = Parser { text, rest: text, depth: 0 };
    let expression = parser.any()?;
    if parser.skip().is_empty() { Ok(expression) } else { Err(parser.expected("`and`, `or` or the end")) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expression> {
        let mut members = vec![self.all()?];
        while self.keyword("or") {
            members.push(self.all()?);
        }
        Ok(one_or(members, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression> {
        let mut members = vec![self.not()?];
        while self.keyword("and") {
            members.push(self.not()?);
        }
        Ok(one_or(members, Expression::All))
    }

    fn not(&mut self) -> Result<Expression> {
        self.depth += 1;
        if self.depth > 2 * MAX_DEPTH {
            return Err(invalid(format!("the filter nests deeper than {MAX_DEPTH} levels")));
        }
        let expression = if self.keyword("not") {
            Expression::Not(Box::new(self.not()?))
        } else if self.symbol("(") {
            let inner = self.any()?;
            self.close()?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn test(&mut self) -> Result<Expression> {
        let field = self.field()?;
        if self.keyword("exists") {
            return Ok(Expression::Exists { field });
        }
        if self.keyword("in") {
            return Ok(Expression::In { field, values: self.values()? });
        }
        let operator = self.operator()?;
        Ok(Expression::Compare { field, operator, value: self.value()? })
    }

    fn field(&mut self) -> Result<String> {
        if self.symbol("`") {
            let (name, rest) =
                self.rest.split_once('`').ok_or_else(|| self.expected("a closing backtick"))?;
            self.rest = rest;
            return Ok(name.to_owned());
        }
        let word = self.word();
        if word.is_empty() || KEYWORDS.contains(&word) {
            return Err(self.expected("the name of a field"));
        }
        self.advance(word.len());
        Ok(word.to_owned())
    }

    fn operator(&mut self) -> Result<Operator> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("!=", Operator::Ne),
            ("<=", Operator::Lte),
            (">=", Operator::Gte),
            ("=", Operator::Eq),
            ("<", Operator::Lt),
            (">", Operator::Gt),
        ];
        for (symbol, operator) in OPERATORS {
            if self.symbol(symbol) {
                return Ok(operator);
            }
        }
        Err(self.expected("`=`, `!=`, `<`, `<=`, `>`, `>=`, `in` or `exists`"))
    }

    fn values(&mut self) -> Result<Vec<Scalar>> {
        if !self.symbol("(") {
            return Err(self.expected("`(` and a list of values"));
        }
        let mut values = vec![self.value()?];
        while self.symbol(",") {
            values.push(self.value()?);
        }
        self.close()?;
        Ok(values)
    }

    fn value(&mut self) -> Result<Scalar> {
        if self.skip().starts_with('"') {
            return self.quoted().map(Scalar::Text);
        }
        if self.keyword("true") {
            return Ok(Scalar::Bool(true));
        }
        if self.keyword("false") {
            return Ok(Scalar::Bool(false));
        }
        let rest = self.skip();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len());
        let number = rest
            .get(..end)
            .and_then(number)
            .ok_or_else(|| self.expected("text in double quotes, a number, `true` or `false`"))?;
        self.advance(end);
        Ok(Scalar::Number(number))
    }

    fn quoted(&mut self) -> Result<String> {
        let mut stream = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        match stream.next() {
            Some(Ok(text)) => {
                let end = stream.byte_offset();
                self.advance(end);
                Ok(text)
            }
            _ => Err(self.expected("a closing double quote, and JSON escapes within")),
        }
    }

    fn close(&mut self) -> Result<()> {
        if self.symbol(")") { Ok(()) } else { Err(self.expected("`)`")) }
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let is_next = self.word() == keyword;
        if is_next {
            self.advance(keyword.len());
        }
        is_next
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let rest = self.skip().strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self) -> &'a str {
        let rest = self.skip();
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        rest.get(..end).filter(|word| is_bare(word)).unwrap_or_default()
    }

    fn skip(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn expected(&self, what: &str) -> Error {
        let read = self.text.len().saturating_sub(self.rest.len());
        let place = self.text.get(..read).map_or(0, |read| read.chars().count()) + 1;
        invalid(format!("cannot parse the filter at character {place}: expected {what}"))
    }
}

fn one_or(mut members: Vec<Expression>, form: fn(Vec<Expression>) -> Expression) -> Expression {
    match (members.pop(), members.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            members.extend(last);
            form(members)
        }
    }
}

/// Parses a JSON number. Integers stay exact; fractions are read to the nearest double.
fn number(text: &str) -> Option<Number> {
    let is_integer = text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    let parsed: Number = serde_json::from_str(text).ok()?;
    if is_integer { Some(parsed) } else { Number::from_f64(text.parse().ok()?) }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn is_bare(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && word.chars().all(is_word)
}

/// Prints a filter in the form that [`parse`] reads.
pub(super) fn print(expression: &Expression, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match expression {
        Expression::Compare { field, operator, value } => {
            print_field(field, f)?;
            write!(f, " {} ", symbol(*operator))?;
            print_value(value, f)
        }
        Expression::In { field, values } => {
            print_field(field, f)?;
            f.write_str(" in (")?;
            separated(values, ", ", f, print_value)?;
            f.write_str(")")
        }
        Expression::Exists { field } => {
            print_field(field, f)?;
            f.write_str(" exists")
        }
        Expression::All(members) => separated(members, " and ", f, print_nested),
        Expression::Any(members) => separated(members, " or ", f, print_nested),
        Expression::Not(member) => {
            f.write_str("not ")?;
            print_nested(member, f)
        }
    }
}

fn print_nested(expression: &Expression, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !matches!(expression, Expression::All(_) | Expression::Any(_)) {
        return print(expression, f);
    }
    f.write_str("(")?;
    print(expression, f)?;
    f.write_str(")")
}

fn print_field(field: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_bare(field) && !KEYWORDS.contains(&field) { f.write_str(field) } else { write!(f, "`{field}`") }
}

fn print_value(value: &Scalar, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", serde_json::Value::from(value))
}

fn separated<T>(
    items: &[T],
    separator: &str,
    f: &mut fmt::Formatter<'_>,
    print: fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            f.write_str(separator)?;
        }
        print(item, f)?;
    }
    Ok(())
}

fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "=",
        Operator::Ne => "!=",
        Operator::Lt => "<",
        Operator::Lte => "<=",
        Operator::Gt => ">",
        Operator::Gte => ">=",
    }
}
