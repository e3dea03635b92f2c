#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

#[test]
fn reads_and_writes_as_go_does() {
    for (text, written) in [
        ("0", "0s"),
        ("-0s", "0s"),
        ("4m0s", "4m0s"),
        ("4m", "4m0s"),
        ("240s", "4m0s"),
        ("24h", "24h0m0s"),
        ("87600h", "87600h0m0s"),
        ("1.5h", "1h30m0s"),
        (".5s", "500ms"),
        ("1h0.001s", "1h0m0.001s"),
        ("1500us", "1.5ms"),
        ("15ns", "15ns"),
    ] {
        assert_eq!(format(parse(text).unwrap()), written, "{text}");
    }
}

#[test]
fn refuses_what_go_refuses_and_negatives() {
    for text in ["", "4", "m", "4 m", "1d", "1h1", ".s", "1..s", "--1s", "1.2.3s"] {
        assert_eq!(parse(text), Err(DurationError::Form), "{text}");
    }
    assert_eq!(parse("-1s"), Err(DurationError::Negative));
    assert_eq!(parse("2600000h"), Err(DurationError::TooLong));
}

proptest! {
    #[test]
    fn written_durations_read_back(nanos in 0..=i64::MAX as u64) {
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(parse(&format(duration)), Ok(duration));
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = parse(&text);
    }
}
