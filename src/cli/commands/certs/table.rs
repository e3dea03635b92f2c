//! Text in columns, as Go's tabwriter sets it for kubeadm: at least ten wide, three blanks between, and a block of columns
//! ends with a line without any.

/// The narrowest column, and what stands between two of them.
const NARROWEST: usize = 10;
const GAP: usize = 3;

/// One block. Nothing stands behind the last cell of a row.
pub fn block(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(|row| row.len().saturating_sub(1)).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column + 1 < row.len()).map(|row| row[column].chars().count() + GAP);
        cells.max().unwrap_or_default().max(NARROWEST)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let (last, cells) = row.split_last()?;
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        Some(cells.collect::<String>() + last + "\n")
    };
    rows.iter().filter_map(line).collect()
}
