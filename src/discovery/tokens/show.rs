//! Tokens as `token list` shows them. All of it holds the tokens' secrets: that is what the list is for.

use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use zeroize::Zeroizing;

use super::KnownToken;

const COLUMNS: [&str; 6] = ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"];
/// The narrowest column, and what stands between two of them.
const NARROWEST: usize = 10;
const GAP: usize = 3;

/// A table with a header, empty if there are no tokens. As in kubeadm the header is aligned with the first row only.
pub fn table(tokens: &[KnownToken], now: OffsetDateTime) -> Zeroizing<String> {
    // Large enough from the start, so that growing leaves no copy of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(1024 * (tokens.len() + 1)));
    for (index, token) in tokens.iter().enumerate() {
        let row = cells(token, now);
        let widths: Vec<usize> = (0..COLUMNS.len())
            .map(|column| {
                let header = if index == 0 { COLUMNS[column].len() } else { 0 };
                (row[column].chars().count().max(header) + GAP).max(NARROWEST)
            })
            .collect();
        if index == 0 {
            line(&mut text, &COLUMNS, &widths);
        }
        line(&mut text, &row.each_ref().map(|cell| cell.as_str()), &widths);
    }
    text
}

fn cells(token: &KnownToken, now: OffsetDateTime) -> [Zeroizing<String>; 6] {
    let (ttl, expires) = match token.expires {
        None => ("<forever>".to_owned(), "<never>".to_owned()),
        Some(moment) => (short_duration(moment - now), rfc3339(moment)),
    };
    let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    // A tab or a line end would tear the table apart, and an escape sequence the terminal.
    let plain: String = token.description.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    [
        token.token.reveal(),
        Zeroizing::new(format!("{ttl:<9}")),
        Zeroizing::new(expires),
        Zeroizing::new(format!("{:<22}", or_none(token.usages.join(",")))),
        Zeroizing::new(format!("{:<56}", or_none(plain))),
        Zeroizing::new(or_none(token.groups.join(","))),
    ]
}

/// Writes one line; nothing stands behind the last cell.
fn line(text: &mut String, cells: &[&str; 6], widths: &[usize]) {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        text.push_str(cell);
        if column + 1 < cells.len() {
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
    }
    text.push('\n');
}

/// A duration in one unit, cut off: `59s`, `12m`, `23h`, `6d`, `1y`; `<invalid>` for what is over. Kubernetes:
/// `ShortHumanDuration`.
pub fn short_duration(duration: time::Duration) -> String {
    let seconds = duration.whole_seconds();
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// The fields that a token is shown with as an object, in kubeadm's order. They hold the whole token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownToken<'a> {
    #[serde(serialize_with = "revealed")]
    token: Zeroizing<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    usages: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
}

impl<'a> From<&'a KnownToken> for ShownToken<'a> {
    fn from(known: &'a KnownToken) -> Self {
        Self {
            token: known.token.reveal(),
            description: &known.description,
            expires: known.expires.map(|moment| rfc3339(moment.to_offset(UtcOffset::UTC))),
            usages: &known.usages,
            groups: &known.groups,
        }
    }
}

fn revealed<S: serde::Serializer>(token: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token)
}

fn rfc3339(moment: OffsetDateTime) -> String {
    moment.truncate_to_second().format(&Rfc3339).unwrap_or_default()
}
