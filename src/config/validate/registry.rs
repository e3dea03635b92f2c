//! Where images come from: registries, paths and tags.

use super::Check;

/// Longest tag that registries take.
const MAX_TAG: usize = 128;

impl Check<'_> {
    /// Checks the form of a registry with its path.
    pub fn image_repository(&mut self, field: &str, repository: &str) {
        if is_image_repository(repository) {
            return;
        }
        let fix = match repository.split_once("://") {
            Some((scheme, rest)) if is_image_repository(rest) => format!("leave out `{scheme}://`"),
            _ if is_image_repository(repository.trim_end_matches('/')) => "leave out the `/` at its end".to_owned(),
            _ => "for example registry.k8s.io or example.com:5000/path".to_owned(),
        };
        self.invalid(field, repository, "not a registry with a lower-case path", fix);
    }

    /// Checks the form of an image's tag.
    pub fn image_tag(&mut self, field: &str, tag: &str) {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let inner = |byte: u8| word(byte) || byte == b'.' || byte == b'-';
        let fits = tag.bytes().next().is_some_and(word) && tag.bytes().all(inner) && tag.len() <= MAX_TAG;
        if !fits {
            let reason =
                "not a tag: letters, digits, `_`, `.` and `-`, 128 at most, beginning with a letter, digit or `_`";
            let fix = match tag.rsplit_once(':') {
                Some((_, last)) => format!("write `{last}`"),
                None => "for example v1.14.2".to_owned(),
            };
            self.invalid(field, tag, reason, fix);
        }
    }
}

/// Tells whether `<repository>/name:tag` is a reference by the grammar of container registries.
pub(super) fn is_image_repository(repository: &str) -> bool {
    let (domain, path) = match repository.split_once('/') {
        Some((domain, path)) => (domain, Some(path)),
        None => (repository, None),
    };
    // Without a slash it may be a host or a path; with one, the part before it is a host only if it cannot be a path.
    let host = is_domain(domain);
    let first = host || is_path_part(domain);
    first && path.is_none_or(|path| path.split('/').all(is_path_part))
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let part = |part: &str| {
        let inner = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !part.is_empty() && inner && !part.starts_with('-') && !part.ends_with('-')
    };
    let ipv6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = match ipv6 {
        Some(ip) => !ip.is_empty() && ip.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':'),
        None => host.split('.').all(part),
    };
    name && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case words joined by one `.`, one or two `_`, or any number of `-`.
fn is_path_part(text: &str) -> bool {
    let mut rest = text;
    loop {
        let word = rest.bytes().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let separator = rest.bytes().take_while(|byte| b"._-".contains(byte)).count();
        let joined = &rest[..separator];
        let fits = matches!(joined, "." | "_" | "__") || (separator > 0 && joined.bytes().all(|byte| byte == b'-'));
        if !fits {
            return false;
        }
        rest = &rest[separator..];
    }
}
