#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

#[test]
fn labels_and_versions_resolve_without_a_network() {
    let newest = versions::default_version().to_string();
    for (text, version, ci, label) in [
        ("v1.36.1", "v1.36.1", false, false),
        ("1.36.1", "v1.36.1", false, false),
        ("release/v1.36.1", "v1.36.1", false, false),
        ("v1.36.2+k3s1", "v1.36.2+k3s1", false, false),
        ("v1.37.0-alpha.1.10+0123456789abcd", "v1.37.0-alpha.1.10+0123456789abcd", false, false),
        ("ci/v1.37.0-alpha.1.10+0123456789abcd", "v1.37.0-alpha.1.10+0123456789abcd", true, false),
        ("stable", &newest, false, true),
        ("stable-1", &newest, false, true),
        ("release/stable-1", &newest, false, true),
        ("latest", &newest, false, true),
        ("latest-1", &newest, false, true),
        ("stable-1.20", "v1.20.15", false, true),
        ("release/latest-1.20", "v1.20.15", false, true),
    ] {
        let asked = resolve(text).unwrap();
        assert_eq!((asked.version.to_string().as_str(), asked.ci, asked.label), (version, ci, label), "{text}");
    }
}

#[test]
fn everything_else_is_refused_with_a_fix() {
    for (text, fix) in [
        ("", "for example"),
        ("newest", "for example"),
        ("stable-2", "for example"),
        ("stable-1.", "for example"),
        ("stable-1.036", "for example"),
        ("stable-1.99", "for example"),
        ("stable1", "for example"),
        ("Stable-1", "for example"),
        ("v1.36", "write v1.36.2, or stable-1.36"),
        ("1.20", "write v1.20.15, or stable-1.20"),
        ("v1.36.x", "for example"),
        ("mirror/v1.36.2", "for example"),
        ("ci/latest", "name the build"),
        ("ci/stable-1.36", "name the build"),
    ] {
        let (_, found) = resolve(text).unwrap_err();
        assert!(found.contains(fix), "{text}: {found}");
    }
}

proptest! {
    #[test]
    fn any_text_resolves_or_is_refused(text in "(ci/|release/)?(v|stable|latest)?-?[0-9.]{0,8}\\PC{0,8}") {
        if let Ok(asked) = resolve(&text) {
            let again = resolve(&asked.version.to_string()).unwrap();
            prop_assert_eq!(again.version, asked.version);
        }
    }
}
