#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

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

proptest! {
    #[test]
    fn tokens_read_back(text in "[a-z0-9]{6}\\.[a-z0-9]{16}") {
        let token: BootstrapToken = text.parse().unwrap();
        let revealed = token.reveal();
        prop_assert_eq!(revealed.as_str(), text.as_str());
        prop_assert_eq!(token.secret_name(), format!("bootstrap-token-{}", &text[..6]));
        let shown = format!("{token:?}");
        prop_assert!(!shown.contains(&text[7..]));
    }

    #[test]
    fn generated_tokens_and_keys_are_valid(seed in any::<[u8; 32]>(), step in 1_u8..) {
        let mut round = 0_u8;
        let mut fill = |bytes: &mut [u8]| {
            round = round.wrapping_add(step);
            for (byte, seed) in bytes.iter_mut().zip(seed.iter().cycle()) {
                *byte = seed.wrapping_add(round);
            }
        };
        let token = BootstrapToken::generate(&mut fill);
        prop_assert_eq!(token.reveal().parse::<BootstrapToken>(), Ok(token));
        let key = CertificateKey::generate(&mut fill);
        prop_assert_eq!(key.reveal().parse::<CertificateKey>(), Ok(key));
    }

    #[test]
    fn any_text_is_a_secret_or_refused(text in "\\PC{0,70}|[a-zA-Z0-9.]{0,70}") {
        let _ = (text.parse::<BootstrapToken>(), text.parse::<CertificateKey>());
        let hidden = SecretText::from(text.clone());
        let shown = format!("{hidden:?}");
        prop_assert!(text.len() < 12 || !shown.contains(&text));
    }
}
