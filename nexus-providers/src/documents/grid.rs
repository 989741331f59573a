//! Tables with merged cells: what a cell says is repeated in every place it covers, so that each row reads by itself.

/// The widest table and the most rows that one cell covers; more is a mistake or an attack.
const FURTHEST: usize = 256;

/// A cell and how many columns and rows it covers.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// Lays rows of cells out in columns.
pub(super) fn lay_out(rows: Vec<Vec<Cell>>) -> Vec<Vec<String>> {
    let mut hanging: Vec<Cell> = Vec::new();
    rows.into_iter().map(|cells| lay_out_row(cells, &mut hanging)).collect()
}

/// `hanging` holds, for each column, the cell from above that still covers it, with the rows it has left.
fn lay_out_row(cells: Vec<Cell>, hanging: &mut Vec<Cell>) -> Vec<String> {
    if let [cell] = cells.as_slice()
        && cell.rows <= 1
        && hanging.iter().all(|above| above.rows == 0)
    {
        // A line across the whole table says its text once.
        return vec![cell.text.clone()];
    }
    let mut row = Vec::new();
    for cell in cells {
        let rows = cell.rows.clamp(1, FURTHEST);
        hang(&mut row, hanging);
        for _ in 0..cell.columns.clamp(1, FURTHEST) {
            if row.len() >= FURTHEST && cell.columns > 1 {
                break;
            }
            if let Some(above) = hanging.get_mut(row.len()) {
                *above = Cell { rows: rows - 1, ..cell.clone() };
            } else {
                hanging.push(Cell { rows: rows - 1, ..cell.clone() });
            }
            row.push(cell.text.clone());
        }
    }
    hang(&mut row, hanging);
    row
}

/// Fills the next places of a row that cells from above cover.
fn hang(row: &mut Vec<String>, hanging: &mut [Cell]) {
    while let Some(above) = hanging.get_mut(row.len()).filter(|above| above.rows > 0) {
        above.rows -= 1;
        row.push(above.text.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str, columns: usize, rows: usize) -> Cell {
        Cell { text: text.into(), columns, rows }
    }

    #[test]
    fn a_merged_cell_stands_in_every_place_it_covers() {
        let rows = vec![
            vec![cell("a", 1, 3), cell("b", 2, 1)],
            vec![cell("c", 1, 1), cell("d", 1, 2)],
            vec![cell("e", 1, 1)],
            vec![cell("f", 1, 1)],
        ];
        assert_eq!(lay_out(rows), [vec!["a", "b", "b"], vec!["a", "c", "d"], vec!["a", "e", "d"], vec!["f"]]);
    }

    #[test]
    fn a_line_across_the_table_is_said_once() {
        let rows = vec![vec![cell("a", 3, 1)], vec![cell("b", 1, 1), cell("c", 2, 1)]];
        assert_eq!(lay_out(rows), [vec!["a"], vec!["b", "c", "c"]]);
    }

    #[test]
    fn a_cell_cannot_cover_the_world() {
        let laid_out = lay_out(vec![vec![cell("a", usize::MAX, usize::MAX)], vec![]]);
        assert_eq!(laid_out[1].len(), FURTHEST);
    }
}
