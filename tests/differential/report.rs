//! The table of what was compared.

use std::fmt::Write as _;

use crate::{compare::Difference, release::Release};

/// What came of one case.
#[derive(Debug)]
pub(crate) struct Row {
    pub case: String,
    /// How many things were equal, differed only where it is meant, and differed.
    pub equal: usize,
    pub allowed: usize,
    pub different: usize,
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// Why the case could not be compared, or did not go as it says.
    pub trouble: Option<String>,
    /// What each side said when it refused: theirs, ours.
    pub complaints: Vec<(String, String)>,
}

impl Row {
    fn things(&self) -> usize {
        self.equal + self.allowed + self.different
    }

    fn failed(&self) -> bool {
        self.different > 0 || self.trouble.is_some()
    }
}

/// What came of all cases.
#[derive(Debug)]
pub struct Report {
    pub(crate) peer: String,
    pub(crate) release: Release,
    pub(crate) rows: Vec<Row>,
    /// Entries of the allow-list that allowed nothing.
    pub(crate) unused: Vec<String>,
}

impl Report {
    /// How many cases were as they should be.
    pub fn passed(&self) -> usize {
        self.rows.iter().filter(|row| !row.failed()).count()
    }

    /// How many cases were not, and entries of the allow-list that allow nothing.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.failed()).count() + self.unused.len()
    }

    /// The totals, in a line.
    pub fn summary(&self) -> String {
        let sum = |count: fn(&Row) -> usize| self.rows.iter().map(count).sum::<usize>();
        format!(
            "{} against {}: {} cases, {} things compared: {} equal, {} differ as intended, {} differ; {} cases failed, {} allowed differences unused",
            self.release,
            self.peer,
            self.rows.len(),
            sum(Row::things),
            sum(|row| row.equal),
            sum(|row| row.allowed),
            sum(|row| row.different),
            self.rows.iter().filter(|row| row.failed()).count(),
            self.unused.len(),
        )
    }

    /// The table, for a terminal.
    pub fn text(&self) -> String {
        let width = self.rows.iter().map(|row| row.case.len()).max().unwrap_or_default();
        let mut text = format!("{:width$}  things  equal  allowed  different\n", "case");
        for row in &self.rows {
            let (things, equal, allowed, different) = (row.things(), row.equal, row.allowed, row.different);
            let _ = writeln!(text, "{:width$}  {things:6}  {equal:5}  {allowed:7}  {different:9}", row.case);
        }
        text
    }

    /// What is wrong, a line each.
    pub fn troubles(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for row in &self.rows {
            lines.extend(row.trouble.iter().map(|trouble| format!("{}: {trouble}", row.case)));
            lines.extend(row.differences.iter().map(|difference| format!("{}: {difference}", row.case)));
            if row.failed() {
                let said = |who: &str, text: &str| format!("{}: {who} says: {text}", row.case);
                for (theirs, ours) in &row.complaints {
                    lines.extend(Some(said("kubeadm", theirs)).filter(|_| !theirs.is_empty()));
                    lines.extend(Some(said("kubewright", ours)).filter(|_| !ours.is_empty()));
                }
            }
        }
        lines.extend(self.unused.iter().map(|entry| format!("allowed.yaml: this allows nothing any more: {entry}")));
        lines
    }

    /// The table and what each side said when it refused, in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.summary());
        text += "| Case | Things | Equal | Allowed | Different |\n|---|---:|---:|---:|---:|\n";
        for row in &self.rows {
            let (things, equal, allowed, different) = (row.things(), row.equal, row.allowed, row.different);
            let _ = writeln!(text, "| {} | {things} | {equal} | {allowed} | {different} |", row.case);
        }
        let troubles = self.troubles();
        if !troubles.is_empty() {
            text += "\nWhat differs:\n\n";
            troubles.iter().for_each(|line| text += &format!("- {}\n", line.replace('\n', " ")));
        }
        let refused: Vec<&Row> = self.rows.iter().filter(|row| !row.complaints.is_empty()).collect();
        if !refused.is_empty() {
            text += "\nWhat was said where both refuse:\n\n| Case | kubeadm | kubewright |\n|---|---|---|\n";
        }
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        for row in refused {
            for (theirs, ours) in &row.complaints {
                let _ = writeln!(text, "| {} | {} | {} |", row.case, cell(theirs), cell(ours));
            }
        }
        text
    }
}
