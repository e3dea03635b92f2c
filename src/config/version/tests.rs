#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

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

proptest! {
    #[test]
    fn printed_versions_read_back(text in "v?[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(-[a-z]{1,5}\\.[0-9]{1,2})?(\\+[0-9a-f]{1,8})?") {
        if let Ok(version) = text.parse::<KubernetesVersion>() {
            let shown = version.to_string();
            prop_assert_eq!(shown.strip_prefix('v'), Some(text.strip_prefix('v').unwrap_or(&text)));
            prop_assert_eq!(shown.parse::<KubernetesVersion>(), Ok(version.clone()));
            prop_assert!(!version.image_tag().contains('+'));
        }
    }

    #[test]
    fn any_text_is_a_version_or_refused(text in "\\PC{0,30}|v?[0-9.+-]{0,30}") {
        let _ = (text.parse::<KubernetesVersion>(), loose(&text));
    }
}
