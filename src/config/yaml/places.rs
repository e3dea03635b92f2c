//! Where the values of a document stand in its file.

use std::collections::BTreeMap;

/// The line of a value and of what is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub line: usize,
    pub inner: Inner,
}

/// The places inside a value.
#[derive(Debug, Clone, Default)]
pub(super) enum Inner {
    /// A scalar has none; neither has what an alias repeats, which stands where it is anchored.
    #[default]
    None,
    List(Vec<Place>),
    Map(BTreeMap<String, Place>),
}

impl Place {
    /// Makes the place of a scalar.
    pub fn at(line: usize) -> Self {
        Self { line, inner: Inner::None }
    }

    /// Returns the line of a path's value, or of the nearest value around it.
    pub fn nearest(&self, path: &str) -> usize {
        match &self.inner {
            Inner::None => None,
            Inner::List(list) => {
                path.strip_prefix('[').and_then(|rest| rest.split_once(']')).and_then(|(index, rest)| {
                    let place = list.get(index.parse::<usize>().ok()?)?;
                    Some(place.nearest(rest.strip_prefix('.').unwrap_or(rest)))
                })
            }
            Inner::Map(map) => {
                // Keys may have dots and brackets in them, so the longest one that fits is the one that is meant.
                let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[')).map(|(end, _)| end);
                let longest = ends.chain([path.len()]).filter(|end| map.contains_key(&path[..*end])).max();
                longest.and_then(|end| {
                    let rest = &path[end..];
                    Some(map.get(&path[..end])?.nearest(rest.strip_prefix('.').unwrap_or(rest)))
                })
            }
        }
        .unwrap_or(self.line)
    }
}
