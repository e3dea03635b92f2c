use super::*;

#[test]
fn a_long_wait_is_told_seldom_and_a_short_one_not_at_all() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut plain = Plain::new(&mut out, &mut err);
    let mut wait = |what: &str, seconds: u64| {
        let kind = EventKind::Waiting {
            phase: "mark-control-plane".into(),
            what: what.into(),
            waited_ms: seconds * 1000,
            limit_ms: 240_000,
            cause: Some("not there yet".into()),
        };
        plain.event(&Event { seq: 0, elapsed_ms: 0, kind }).unwrap();
    };
    (0..=9).for_each(|seconds| wait("the first", seconds));
    (0..=90).for_each(|seconds| wait("the Node", seconds));
    let told: Vec<String> = String::from_utf8(err).unwrap().lines().map(str::to_owned).collect();
    let line = |seconds| format!("[mark-control-plane] Still waiting for the Node ({seconds} of 240 s): not there yet");
    assert_eq!(told, [10, 20, 40, 80].map(line));
    assert!(out.is_empty(), "standard output is for who reads what it did");
}
