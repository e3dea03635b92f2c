//! Tables of text as Go's tabwriter aligns them with kubeadm's settings: columns at least ten wide, three blanks between.

/// The narrowest column, and what stands between two of them.
const NARROWEST: usize = 10;
const GAP: usize = 3;

/// The rows with their columns aligned, one a line; nothing stands behind the last cell of a row.
pub fn aligned<const N: usize>(rows: &[[&str; N]]) -> String {
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        (widest + GAP).max(NARROWEST)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < N {
                text.extend(std::iter::repeat_n(' ', widths[column] - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_ten_wide_or_wider() {
        let rows = [["COMPONENT", "NODE", "TARGET"], ["kube-controller-manager", "", "v1"], ["a", "node1", "v2"]];
        assert_eq!(
            aligned(&rows),
            "COMPONENT                 NODE      TARGET\nkube-controller-manager             v1\na                         node1     v2\n"
        );
    }
}
