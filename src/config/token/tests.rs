#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn generated_tokens_read_back_and_hide_their_secret() {
    let mut next = 0_u8;
    let token = BootstrapToken::generate(&mut |bytes| {
        bytes.fill_with(|| {
            next = next.wrapping_add(41);
            next
        });
    });
    assert_eq!(token.reveal().parse::<BootstrapToken>().unwrap(), token);
    assert!(!format!("{token:?}").contains(token.secret()));
    assert_eq!(token.reveal().len(), 23);
}

#[test]
fn bytes_that_favour_some_characters_are_not_used() {
    let mut calls = 0_u8;
    let token = BootstrapToken::generate(&mut |bytes| {
        bytes.fill(if calls == 0 { 255 } else { 1 });
        calls += 1;
    });
    assert_eq!(token.reveal().as_str(), "bbbbbb.bbbbbbbbbbbbbbbb");
    assert_eq!(calls, 2);
}

#[test]
fn rejects_what_is_no_token() {
    for text in ["", "abcdef", "abcdef.0123456789abcde", "ABCDEF.0123456789abcdef", "abcdef.0123456789abcdef0"] {
        assert!(text.parse::<BootstrapToken>().is_err(), "{text}");
    }
}

#[test]
fn certificate_keys_have_32_bytes() {
    let key: CertificateKey = "ab".repeat(32).parse().unwrap();
    assert_eq!(key.as_bytes(), &[0xab; 32]);
    assert_eq!(key.reveal().as_str(), "ab".repeat(32));
    assert!(!format!("{key:?}").contains("ab"));
    for text in ["", "ab", "zz"] {
        assert!(text.repeat(31).parse::<CertificateKey>().is_err());
    }
}
