//! JSON form of a filter.

use serde_json::{Map, Value, json};

use super::{Expression, MAX_DEPTH, Operator, Scalar, invalid};
use crate::error::Result;

/// Parses a filter: an object with one member, named after the operator.
pub(super) fn parse(value: &Value, depth: usize) -> Result<Expression> {
    if depth > MAX_DEPTH {
        return Err(invalid(format!("the filter nests deeper than {MAX_DEPTH} levels")));
    }
    let (name, argument) = single(value, "a filter is an object with one operator")?;
    match name {
        "all" => Ok(Expression::All(members(name, argument, depth)?)),
        "any" => Ok(Expression::Any(members(name, argument, depth)?)),
        "not" => Ok(Expression::Not(Box::new(parse(argument, depth + 1)?))),
        "exists" => {
            let field = argument.as_str().ok_or_else(|| invalid("`exists` takes the name of a field"))?;
            Ok(Expression::Exists { field: field.to_owned() })
        }
        "in" => {
            let (field, values) =
                single(argument, "`in` takes an object with one field and its list of values")?;
            Ok(Expression::In { field: field.to_owned(), values: list(field, values)? })
        }
        _ => compare(name, argument),
    }
}

/// Prints a filter in the form that [`parse`] reads.
pub(super) fn print(expression: &Expression) -> Value {
    match expression {
        Expression::Compare { field, operator, value } => {
            json!({ name(*operator): { field: Value::from(value) } })
        }
        Expression::In { field, values } => {
            json!({ "in": { field: values.iter().map(Value::from).collect::<Vec<_>>() } })
        }
        Expression::Exists { field } => json!({ "exists": field }),
        Expression::All(members) => json!({ "all": members.iter().map(print).collect::<Vec<_>>() }),
        Expression::Any(members) => json!({ "any": members.iter().map(print).collect::<Vec<_>>() }),
        Expression::Not(member) => json!({ "not": print(member) }),
    }
}

fn compare(name: &str, argument: &Value) -> Result<Expression> {
    let operator = match name {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "lt" => Operator::Lt,
        "lte" => Operator::Lte,
        "gt" => Operator::Gt,
        "gte" => Operator::Gte,
        _ => return Err(invalid("the filter has an unknown operator").with("operator", name)),
    };
    let (field, value) = single(argument, "a comparison takes an object with one field and its value")?;
    Ok(Expression::Compare { field: field.to_owned(), operator, value: scalar(field, value)? })
}

fn name(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "eq",
        Operator::Ne => "ne",
        Operator::Lt => "lt",
        Operator::Lte => "lte",
        Operator::Gt => "gt",
        Operator::Gte => "gte",
    }
}

fn single<'a>(value: &'a Value, expected: &'static str) -> Result<(&'a str, &'a Value)> {
    let mut entries = value.as_object().into_iter().flat_map(Map::iter);
    match (entries.next(), entries.next()) {
        (Some((name, argument)), None) => Ok((name, argument)),
        _ => Err(invalid(expected)),
    }
}

fn members(name: &str, argument: &Value, depth: usize) -> Result<Vec<Expression>> {
    let members = argument.as_array().ok_or_else(|| invalid(format!("`{name}` takes a list of filters")))?;
    members.iter().map(|member| parse(member, depth + 1)).collect()
}

fn list(field: &str, values: &Value) -> Result<Vec<Scalar>> {
    let values = values.as_array().ok_or_else(|| invalid("`in` takes a list of values"))?;
    values.iter().map(|value| scalar(field, value)).collect()
}

fn scalar(field: &str, value: &Value) -> Result<Scalar> {
    match value {
        Value::Bool(value) => Ok(Scalar::Bool(*value)),
        Value::Number(value) => Ok(Scalar::Number(value.clone())),
        Value::String(value) => Ok(Scalar::Text(value.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(invalid(
            "a filter compares with text, numbers, true or false; `exists` tests whether a field is present",
        )
        .with("field", field)),
    }
}
