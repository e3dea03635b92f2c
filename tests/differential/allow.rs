//! The differences that are meant, as `allowed.yaml` has them. One that allows nothing any more is an error.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde::Deserialize;

use crate::{
    compare::Difference,
    error::{DifferentialError, Result},
    release::Release,
};

/// One kind of difference that is meant. Patterns may hold `*`, which stands for anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowed {
    /// Which things.
    pub thing: String,
    /// Where in them.
    #[serde(default)]
    pub path: String,
    /// In which cases; in all when left out.
    #[serde(default)]
    pub cases: Vec<String>,
    /// In which of them not.
    #[serde(default)]
    pub except: Vec<String>,
    /// For which minors, `1.20` or `1.36`; for all when left out.
    #[serde(default)]
    pub only: Vec<String>,
    /// What kubeadm has there, as JSON; anything when left out.
    pub theirs: Option<String>,
    /// What kubewright has there, as JSON; anything when left out.
    pub ours: Option<String>,
    /// Why it is meant.
    pub reason: String,
    /// A piece of the row of docs/parity.md that tells users of it.
    pub parity: String,
    #[serde(skip)]
    used: AtomicUsize,
}

/// All that is allowed.
#[derive(Debug)]
pub(crate) struct AllowList {
    entries: Vec<Allowed>,
}

impl AllowList {
    /// Reads the list; every entry must be known to docs/parity.md.
    pub(crate) fn load(file: &Path, parity: &Path, release: Release) -> Result<Self> {
        let read = |path: &Path| fs::read_to_string(path).map_err(DifferentialError::file("read", path));
        let told = read(parity)?;
        let wrong = |why: String| DifferentialError::data(file.display().to_string(), why);
        let list = Self::parse(&read(file)?, release).map_err(|error| wrong(error.to_string()))?;
        for entry in &list.entries {
            entry.explained(&told).map_err(|why| wrong(format!("`{}` ({}) {why}", entry.thing, entry.path)))?;
        }
        Ok(list)
    }

    fn parse(text: &str, release: Release) -> Result<Self, serde_saphyr::Error> {
        let mut entries: Vec<Allowed> = serde_saphyr::from_str(text)?;
        entries.retain(|entry| release.is_among(&entry.only));
        Ok(Self { entries })
    }

    /// Whether the difference is meant; remembers what meant it.
    pub(crate) fn allows(&self, case: &str, difference: &Difference) -> bool {
        let found = self.entries.iter().find(|entry| entry.covers(case, difference));
        if let Some(entry) = found {
            entry.used.fetch_add(1, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// The entries that allowed nothing.
    pub(crate) fn unused(&self) -> Vec<String> {
        let idle = self.entries.iter().filter(|entry| entry.used.load(Ordering::Relaxed) == 0);
        idle.map(|entry| format!("{} at `{}` ({})", entry.thing, entry.path, entry.reason)).collect()
    }
}

impl Allowed {
    /// Whether it has a reason, and users are told of it in that text.
    fn explained(&self, parity: &str) -> std::result::Result<(), String> {
        match (self.reason.trim(), self.parity.trim()) {
            ("", _) => Err("has no reason".into()),
            (_, "") => Err("names no row of docs/parity.md".into()),
            (_, row) if !parity.contains(row) => Err(format!("names a row that docs/parity.md has not: `{row}`")),
            _ => Ok(()),
        }
    }

    fn covers(&self, case: &str, difference: &Difference) -> bool {
        let holds = |pattern: &Option<String>, value: &Option<serde_json::Value>| {
            let text = value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            pattern.as_ref().is_none_or(|pattern| fits(pattern, &text))
        };
        let among = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, case));
        (self.cases.is_empty() || among(&self.cases))
            && !among(&self.except)
            && fits(&self.thing, &difference.thing)
            && fits(&self.path, &difference.path)
            && holds(&self.theirs, &difference.theirs)
            && holds(&self.ours, &difference.ours)
    }
}

/// Whether the text is of that pattern, in which `*` stands for any text.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RELEASE: Release = Release { minor: 20, patch: 2 };

    #[test]
    fn patterns_hold_where_they_should() {
        for (pattern, text, holds) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*", "", true),
            ("ab*b", "ab", false),
        ] {
            assert_eq!(fits(pattern, text), holds, "{pattern} on {text}");
        }
    }

    #[test]
    fn only_what_is_listed_is_allowed_and_idle_entries_are_told() {
        let list = "[{thing: 'dry *.crt', path: holds.hours, theirs: '8760', except: ['rsa/*'], reason: r, parity: p},
            {thing: x, reason: idle, parity: p}, {thing: y, only: ['1.36'], reason: r, parity: p}]";
        let list = AllowList::parse(list, RELEASE).unwrap();
        let mut difference = Difference {
            thing: "dry ca.crt".into(),
            path: "holds.hours".into(),
            theirs: Some(json!(8760)),
            ours: None,
        };
        assert!(list.allows("any", &difference));
        assert!(!list.allows("rsa/x", &difference));
        difference.theirs = Some(json!(1));
        assert!(!list.allows("any", &difference));
        assert_eq!(list.unused(), ["x at `` (idle)"]);
    }

    #[test]
    fn every_entry_has_a_reason_and_a_row_for_users() {
        let explained = |reason: &str, parity: &str| {
            let list = format!("[{{thing: x, reason: '{reason}', parity: '{parity}'}}]");
            AllowList::parse(&list, RELEASE).unwrap().entries[0].explained("| a row |")
        };
        assert_eq!(explained("r", "a row"), Ok(()));
        for (reason, parity) in [("", "a row"), ("r", ""), ("r", " "), ("r", "other")] {
            assert!(explained(reason, parity).is_err(), "{reason}, {parity}");
        }
    }
}
