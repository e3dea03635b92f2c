//! Spans of validity and what a renewal keeps.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;

use super::{LeafSpec, Validity};
use crate::fixture::{self, NOW, YEAR};
use crate::{Conventions, SanSet};

#[test]
fn counts_whole_seconds_of_utc() {
    let now = datetime!(2030-01-02 05:04:05.999 +02:00);
    let validity = Validity::lasting(now, Duration::from_secs(60), Duration::from_secs(300));
    assert_eq!(validity.not_before(), datetime!(2030-01-02 02:59:05 UTC));
    assert_eq!(validity.not_after(), datetime!(2030-01-02 03:05:05 UTC));
    assert!(validity.not_before().offset().is_utc());
}

#[test]
fn stops_at_the_end_of_time() {
    for now in [NOW, datetime!(2030-01-02 0:00 -12:00), datetime!(2030-01-02 0:00 +12:00)] {
        let validity = Validity::lasting(now, Duration::MAX, Duration::MAX);
        assert_eq!((validity.not_before().year(), validity.not_after().year()), (-9999, 9999));
    }
}

#[test]
fn renews_with_the_same_words() {
    let authority = fixture::authority(fixture::P256_PKCS8);
    let names = SanSet::new(["b", "a"], ["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
    let mut spec = fixture::leaf(names);
    spec.organizations = vec!["x".to_owned(), "y".to_owned()];
    let sign = |spec: &LeafSpec, now: OffsetDateTime| {
        authority.sign(spec, &fixture::key(fixture::P384), Validity::lasting(now, YEAR, Duration::ZERO)).unwrap()
    };
    let old = sign(&spec, NOW);
    let renewing = LeafSpec::renewing(&old, &Conventions::default());
    assert_eq!(renewing, spec);
    let new = sign(&renewing, NOW + YEAR);
    assert_ne!(new.serial(), old.serial());
    assert_eq!(new.not_after(), old.not_after() + YEAR);
}
