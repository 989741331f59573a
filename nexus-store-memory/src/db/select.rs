//! [`Select`]: a `SELECT` statement with exactly the conditions that a query names: an optional condition would keep SQLite from
//! using an index.

use rusqlite::ToSql;

use crate::convert::limit;

/// Statement under construction, with its values.
pub(crate) struct Select {
    statement: String,
    values: Vec<Box<dyn ToSql>>,
    has_conditions: bool,
}

impl Select {
    /// Begins a statement with its columns and tables.
    pub(crate) fn new(source: &str) -> Self {
        Self { statement: source.to_owned(), values: Vec::new(), has_conditions: false }
    }

    /// Adds a condition without a value.
    pub(crate) fn and(&mut self, condition: &str) -> &mut Self {
        self.statement.push_str(if self.has_conditions { " AND " } else { " WHERE " });
        self.has_conditions = true;
        self.statement.push_str(condition);
        self
    }

    /// Adds the condition that a column equals a value.
    pub(crate) fn equal(&mut self, column: &str, value: &str) -> &mut Self {
        self.compare(column, "=", value.to_owned())
    }

    /// Adds a comparison of a column with a value.
    pub(crate) fn compare(
        &mut self,
        column: &str,
        comparison: &str,
        value: impl ToSql + 'static,
    ) -> &mut Self {
        self.and(&format!("{column} {comparison} ?"));
        self.values.push(Box::new(value));
        self
    }

    /// Adds the condition that two columns come before two values in their order; the first column bounds an index.
    pub(crate) fn before(
        &mut self,
        [first, second]: [&str; 2],
        value: impl ToSql + Copy + 'static,
        then: impl ToSql + 'static,
    ) -> &mut Self {
        self.compare(first, "<=", value).and(&format!("({first}, {second}) < (?, ?)"));
        self.values.push(Box::new(value));
        self.values.push(Box::new(then));
        self
    }

    /// Adds an alternative to the last condition, with a value.
    pub(crate) fn or(&mut self, condition: &str, value: impl ToSql + 'static) -> &mut Self {
        self.statement.push_str(" OR ");
        self.statement.push_str(condition);
        self.values.push(Box::new(value));
        self
    }

    /// Returns the statement in this order, with its values, for callers that stop reading early.
    pub(crate) fn in_order(mut self, order: &str) -> (String, Vec<Box<dyn ToSql>>) {
        self.statement.push_str(" ORDER BY ");
        self.statement.push_str(order);
        (self.statement, self.values)
    }

    /// Returns the statement in this order, with its values, limited to `at_most` rows.
    pub(crate) fn ordered(mut self, order: &str, at_most: usize) -> (String, Vec<Box<dyn ToSql>>) {
        self.statement.push_str(" ORDER BY ");
        self.statement.push_str(order);
        self.statement.push_str(" LIMIT ?");
        self.values.push(Box::new(limit(at_most)));
        (self.statement, self.values)
    }

    /// Returns the statement without an order, with its values.
    pub(crate) fn unordered(self) -> (String, Vec<Box<dyn ToSql>>) {
        (self.statement, self.values)
    }
}
