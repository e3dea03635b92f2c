//! Secrets from files.

use std::io::Write as _;

use super::*;

const TOKEN: &str = "abcdef.0123456789abcdef";

fn file(contents: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(contents).unwrap();
    file
}

fn told(secrets: Secrets<'_>) -> String {
    let failure = secrets.read().unwrap_err();
    format!("{}\nhint: {}", failure.chain().join(": "), failure.hints().join("; "))
}

#[test]
fn a_file_gives_the_secret_without_what_stands_around_it() {
    let (token, key) = (file(b"\n  abcdef.0123456789abcdef\r\n\n"), file(&[b'a'; 64]));
    let paths = [token.path().to_str(), key.path().to_str()];
    let secrets = Secrets { token_file: paths[0], certificate_key_file: paths[1], ..Secrets::default() };
    let (token, key) = secrets.read().unwrap();
    assert_eq!(token.unwrap().reveal(), TOKEN);
    assert_eq!(key.unwrap().reveal(), "a".repeat(64));
}

#[test]
fn what_is_on_the_command_line_stays_as_it_is() {
    let given = Secrets { token: Some(SecretText::from("half".to_owned())), ..Secrets::default() };
    assert!(!format!("{given:?}").contains("half"));
    let (token, key) = given.read().unwrap();
    assert_eq!((token.unwrap().reveal(), key), ("half", None));
}

#[test]
fn errors_name_file_and_fix_and_never_the_contents() {
    for (contents, why) in [
        (&b"abcdef.0123456789abcdeF"[..], "it is not of the form \"[a-z0-9]{6}.[a-z0-9]{16}\""),
        (b"token: abcdef.0123456789abcdef", "it is not of the form \"[a-z0-9]{6}.[a-z0-9]{16}\""),
        (b" \n", "it is empty"),
        (b"\xff\xfe", "it is not text"),
        (&[b'a'; 5000], "it is larger than 4096 bytes"),
    ] {
        let file = file(contents);
        let path = file.path().to_str().unwrap();
        let told = told(Secrets { token_file: Some(path), ..Secrets::default() });
        assert!(told.starts_with(&format!("cannot take the token from the file `{path}`: {why}\nhint: ")), "{told}");
        assert!(!told.contains("0123456789"), "{told}");
    }
    let told = told(Secrets { certificate_key_file: Some("/nowhere/key"), ..Secrets::default() });
    assert!(told.starts_with("cannot take the certificate-key from the file `/nowhere/key`: "), "{told}");
    assert!(told.ends_with("\nhint: name an existing, readable file"), "{told}");
}

#[test]
fn a_secret_comes_from_one_place() {
    let twice =
        Secrets { token: Some(SecretText::from(TOKEN.to_owned())), token_file: Some("/nowhere"), ..Secrets::default() };
    assert!(told(twice).starts_with("the token is given on the command line and by --token-file as well\n"));
    let stdin = Secrets { token_file: Some("-"), certificate_key_file: Some("-"), ..Secrets::default() };
    assert!(told(stdin).starts_with("--token-file and --certificate-key-file cannot both read standard input\n"));
}
