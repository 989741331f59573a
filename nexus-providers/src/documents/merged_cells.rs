//! Tables with merged cells. The text of a merged cell is repeated in every position that it covers, so that each row
//! is readable by itself; a long text is written once. Positions share their text in memory.

use std::rc::Rc;

use nexus_core::Result;

use super::budget::{Budget, REPEATED_CELL_BYTES};

/// Maximum width of a table and maximum rows of a cell. Larger values are mistakes or attacks.
pub(super) const FURTHEST: usize = 256;

/// Cell with its column and row span.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// Text of one position, shared between the positions of a merged cell.
pub(super) type Text = Rc<str>;

/// Merged cell from above that still covers a column, and its remaining rows.
#[derive(Clone, Debug)]
struct Above {
    text: Text,
    rows: usize,
}

/// Lays rows of cells out in columns.
pub(super) fn lay_out(rows: Vec<Vec<Cell>>, budget: &Budget) -> Result<Vec<Vec<Text>>> {
    let mut hanging: Vec<Above> = Vec::new();
    rows.into_iter().map(|cells| lay_out_row(cells, &mut hanging, budget)).collect()
}

/// Returns the text for the further positions of a cell.
pub(super) fn repeated(text: &Text) -> Text {
    if text.len() > REPEATED_CELL_BYTES { Text::from("") } else { Rc::clone(text) }
}

/// Lays out one row. `hanging` holds the merged cell from above for each column.
fn lay_out_row(cells: Vec<Cell>, hanging: &mut Vec<Above>, budget: &Budget) -> Result<Vec<Text>> {
    if let [cell] = cells.as_slice()
        && cell.rows <= 1
        && hanging.iter().all(|above| above.rows == 0)
    {
        // A row of one cell that spans the whole table is written once.
        return Ok(vec![cell.text.as_str().into()]);
    }
    let mut row = Vec::new();
    for cell in cells {
        let rows = cell.rows.clamp(1, FURTHEST);
        hang(&mut row, hanging, budget)?;
        let first = Text::from(cell.text);
        let further = repeated(&first);
        for column in 0..cell.columns.clamp(1, FURTHEST) {
            if row.len() >= FURTHEST && cell.columns > 1 {
                break;
            }
            let above = Above { text: Rc::clone(&further), rows: rows - 1 };
            match hanging.get_mut(row.len()) {
                Some(place) => *place = above,
                None => hanging.push(above),
            }
            place(&mut row, if column == 0 { &first } else { &further }, budget)?;
        }
    }
    hang(&mut row, hanging, budget)?;
    Ok(row)
}

/// Fills the next positions of a row that cells from above cover.
fn hang(row: &mut Vec<Text>, hanging: &mut [Above], budget: &Budget) -> Result<()> {
    while let Some(above) = hanging.get_mut(row.len()).filter(|above| above.rows > 0) {
        above.rows -= 1;
        place(row, &above.text, budget)?;
    }
    Ok(())
}

/// Adds a position. Each one is charged for its memory here and for the text that it becomes.
fn place(row: &mut Vec<Text>, text: &Text, budget: &Budget) -> Result<()> {
    budget.work(1);
    budget.copy(size_of::<Text>() + text.len())?;
    row.push(Rc::clone(text));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::DocumentLimits;
    use super::*;

    fn cell(text: &str, columns: usize, rows: usize) -> Cell {
        Cell { text: text.into(), columns, rows }
    }

    fn laid_out(rows: Vec<Vec<Cell>>) -> Vec<Vec<String>> {
        let rows = lay_out(rows, &Budget::new(&DocumentLimits::default(), 0)).unwrap();
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn a_merged_cell_stands_in_every_place_it_covers() {
        let rows = vec![
            vec![cell("a", 1, 3), cell("b", 2, 1)],
            vec![cell("c", 1, 1), cell("d", 1, 2)],
            vec![cell("e", 1, 1)],
            vec![cell("f", 1, 1)],
        ];
        assert_eq!(
            laid_out(rows),
            [vec!["a", "b", "b"], vec!["a", "c", "d"], vec!["a", "e", "d"], vec!["f"]]
        );
    }

    #[test]
    fn a_line_across_the_table_is_said_once() {
        let rows = vec![vec![cell("a", 3, 1)], vec![cell("b", 1, 1), cell("c", 2, 1)]];
        assert_eq!(laid_out(rows), [vec!["a"], vec!["b", "c", "c"]]);
    }

    #[test]
    fn a_cell_cannot_cover_the_world() {
        let laid_out = laid_out(vec![vec![cell("a", usize::MAX, usize::MAX)], vec![]]);
        assert_eq!(laid_out[1].len(), FURTHEST);
    }

    #[test]
    fn a_long_text_stands_in_the_first_of_its_places_only() {
        let long = "x".repeat(REPEATED_CELL_BYTES + 1);
        let rows = vec![vec![cell(&long, 2, 2), cell("b", 1, 1)], vec![cell("c", 1, 1)]];
        assert_eq!(laid_out(rows), [vec![long.as_str(), "", "b"], vec!["", "", "c"]]);
    }

    #[test]
    fn places_are_charged_to_the_budget() {
        let limits = DocumentLimits { amplification_from: 100_000, ..DocumentLimits::default() };
        let mut rows = vec![vec![cell("", 256, 256)]];
        rows.resize(100, Vec::new());
        assert!(lay_out(rows, &Budget::new(&limits, 0)).is_err());
    }
}
