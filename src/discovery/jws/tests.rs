//! Signatures: the one that is right, and its near misses.

use super::*;

fn token(text: &str) -> BootstrapToken {
    text.parse().unwrap()
}

/// Computed with another implementation.
const VECTOR: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiYzEyMyJ9..JFW7tWuROm63WyiQRXoUFMGlqtHlWMJvoU7Lv91ooCs";

#[test]
fn signs_and_verifies_as_the_controller_manager_does() {
    let token = token("abc123.0123456789abcdef");
    assert_eq!(sign(&token, "kubeconfig-bytes\n"), VECTOR);
    assert!(verify(&token, "kubeconfig-bytes\n", VECTOR));
}

#[test]
fn refuses_everything_else() {
    let good = token("abc123.0123456789abcdef");
    assert!(!verify(&good, "kubeconfig-bytes", VECTOR));
    assert!(!verify(&token("abc123.0123456789abcdee"), "kubeconfig-bytes\n", VECTOR));
    assert!(!verify(&token("abc124.0123456789abcdef"), "kubeconfig-bytes\n", VECTOR));
    // No algorithm but the one: a header that says `none` or lists its fields otherwise is another header.
    let none = BASE64.encode(r#"{"alg":"none","kid":"abc123"}"#);
    let (header, tag) = VECTOR.split_once("..").unwrap();
    for signature in [
        String::new(),
        "..".to_owned(),
        format!("{header}.."),
        format!("{none}.."),
        format!("{none}..{tag}"),
        format!("{header}.{tag}"),
        format!("{header}..{tag}="),
        format!("{header}..{tag} "),
        format!("{header}..{}", &tag[..40]),
        // The last character has bits that decode to nothing; set, they would be a second spelling.
        format!("{header}..{}t", &tag[..42]),
    ] {
        assert!(!verify(&good, "kubeconfig-bytes\n", &signature), "{signature}");
    }
}
