//! How a moment stands in names of runs, upgrades and copies: so that they sort by time, and fit in a path.

use time::OffsetDateTime;
use time::macros::format_description;

/// Writes a moment to the second, in UTC: `20261129T170057Z`.
pub fn stamp(moment: OffsetDateTime) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    moment.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}
