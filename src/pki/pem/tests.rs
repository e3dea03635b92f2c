//! Leniency towards what operators put into PEM files.

use proptest::prelude::*;

use super::{blocks, encode};

#[test]
fn passes_over_text_headers_and_damage() {
    let text = "subject=CN = x\r\n\
        -----BEGIN A-----\r\nProc-Type: 4\r\n\r\nAQID\r\n-----END A-----\r\n\
        -----BEGIN B-----\n!!!\n-----END B-----\n\
        -----BEGIN C-----\nAQID\n-----END D-----\n\
        -----BEGIN E-----\nAQ\n-----BEGIN F-----\nBAUG\n-----END F-----\n\
        -----BEGIN G-----\nAQID\n";
    let found: Vec<_> =
        blocks(text.as_bytes()).into_iter().map(|block| (block.label, block.contents.to_vec())).collect();
    assert_eq!(found, [("A", vec![1, 2, 3]), ("F", vec![4, 5, 6])]);
}

#[test]
fn breaks_lines_after_64_characters() {
    let expected = format!("-----BEGIN X-----\n{}\n{}\n-----END X-----\n", "A".repeat(64), "AAAA");
    assert_eq!(*encode("X", &[0; 51]), expected);
}

proptest! {
    #![proptest_config(crate::fixture::proptest())]

    #[test]
    fn reads_back_what_it_wrote(contents in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = encode("X", &contents);
        let found = blocks(text.as_bytes());
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].contents.as_slice(), contents.as_slice());
    }

    #[test]
    fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        blocks(&bytes);
    }
}
