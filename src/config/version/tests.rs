#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn reads_what_people_write() {
    for (text, shown) in [
        ("v1.36.2", "v1.36.2"),
        ("1.20.2", "v1.20.2"),
        ("v1.37.0-rc.1", "v1.37.0-rc.1"),
        ("v1.30.1+abc", "v1.30.1+abc"),
    ] {
        assert_eq!(text.parse::<KubernetesVersion>().unwrap().to_string(), shown);
    }
    for text in ["", "v1", "1.36", "stable-1", "v1.2.3.4", "v01.2.3", "vv1.2.3"] {
        assert!(text.parse::<KubernetesVersion>().is_err(), "{text}");
    }
}

#[test]
fn writes_image_tags() {
    let version: KubernetesVersion = "v1.30.1-alpha.2+abc.3".parse().unwrap();
    assert_eq!(version.image_tag(), "v1.30.1-alpha.2_abc.3");
}

#[test]
fn reads_versions_from_tags() {
    assert_eq!(loose("3.6.8-0"), Some(Version::new(3, 6, 8)));
    assert_eq!(loose("v3.5"), Some(Version::new(3, 5, 0)));
    assert_eq!(loose("latest"), None);
    assert_eq!(loose("3"), None);
}
