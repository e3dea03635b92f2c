#![allow(clippy::unwrap_used)]

use super::*;

fn generated(text: &str) -> StoredComponent {
    let hash = config_hash([text.as_bytes()]);
    StoredComponent::of(text, Some(&hash), [text.as_bytes()])
}

#[test]
fn the_hash_tells_who_made_it() {
    assert!(generated("a").generated);
    assert!(!StoredComponent::of("a", None, [&b"a"[..]]).generated);
    assert!(!StoredComponent::of("a", Some("sha256:00"), [&b"a"[..]]).generated);
}
