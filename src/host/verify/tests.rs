//! What is told of files that were promised.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::fixture::Place;

#[test]
fn each_file_that_is_not_as_promised_is_told() {
    let place = Place::new();
    for name in ["kept", "changed", "back"] {
        place.put(&format!("/etc/{name}"), name, 0o600);
    }
    std::fs::create_dir(place.at("/etc/directory")).unwrap();
    let promise = |name: &str, text: Option<&str>| Promise {
        phase: "one".into(),
        path: format!("/etc/{name}").into(),
        digest: text.map(|text| digest(text.as_bytes())),
    };
    let promised = [
        promise("kept", Some("kept")),
        promise("changed", Some("other")),
        promise("gone", Some("gone")),
        promise("back", None),
        promise("never", None),
        promise("directory", Some("file")),
    ];
    let broken = HostFiles::new(place.root()).broken(&promised).unwrap();
    let told: Vec<_> = broken.iter().map(|broken| (broken.path.as_str(), broken.damage)).collect();
    assert_eq!(
        told,
        [
            ("/etc/changed", Damage::Changed),
            ("/etc/gone", Damage::Gone),
            ("/etc/back", Damage::Back),
            ("/etc/directory", Damage::Changed),
        ]
    );
}
