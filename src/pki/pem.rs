//! PEM text to blocks and back, as lenient as what wrote the files of running clusters.
//!
//! Text around and between blocks, headers inside them and damaged blocks are passed over:
//! operators concatenate files, and OpenSSL puts parameters and comments beside keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One decoded block; its contents are wiped, since it may be a key.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    pub(crate) contents: Zeroizing<Vec<u8>>,
}

/// Reads all well-formed blocks in order.
pub(crate) fn blocks(bytes: &[u8]) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        // A line that is no text cannot belong to a block.
        let line = std::str::from_utf8(line).unwrap_or("").trim();
        if let Some(label) = marker(line, "-----BEGIN ") {
            open = Some((label, Vec::new()));
        } else if let Some(label) = marker(line, "-----END ") {
            let block = open.take().filter(|(begun, _)| *begun == label);
            if let Some(contents) = block.and_then(|(_, lines)| decode(&lines)) {
                found.push(Block { label, contents });
            }
        } else if let Some((_, lines)) = &mut open
            && !line.contains(':')
        {
            lines.push(line);
        }
    }
    found
}

fn decode(lines: &[&str]) -> Option<Zeroizing<Vec<u8>>> {
    // Sized up front: growing would leave copies of a key behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len()).sum()));
    lines.iter().for_each(|line| text.push_str(line));
    STANDARD.decode(text.as_bytes()).ok().map(Zeroizing::new)
}

/// Writes one block with lines of 64 characters.
pub(crate) fn encode(label: &str, contents: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(contents));
    // Sized up front, as above.
    let size = body.len() + body.len() / LINE + 2 * label.len() + 40;
    let mut text = Zeroizing::new(String::with_capacity(size));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

fn marker<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

const LINE: usize = 64;

#[cfg(test)]
mod tests;
