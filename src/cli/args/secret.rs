//! Flags that take a secret: on the command line as in kubeadm, where every process of the machine can read it, or from a
//! file or standard input. `Debug` shows none of them.

use std::convert::Infallible;
use std::fmt::Display;
use std::str::FromStr;

use kubewright_config::{BootstrapToken, CertificateKey, SecretText};
use kubewright_engine::{Failure, FailureContext};

use crate::given::{STDIN, read_secret};

/// Parses a flag's value into a text that `Debug` does not show.
pub fn secret_text(text: &str) -> Result<SecretText, Infallible> {
    Ok(SecretText::from(text.to_owned()))
}

/// The secrets of a command, as they were given.
#[derive(Debug, Default)]
pub struct Secrets<'a> {
    /// The token on the command line.
    pub token: Option<SecretText>,
    /// `--token-file`.
    pub token_file: Option<&'a str>,
    /// `--certificate-key`.
    pub certificate_key: Option<SecretText>,
    /// `--certificate-key-file`.
    pub certificate_key_file: Option<&'a str>,
}

impl Secrets<'_> {
    /// Reads those that are in files: the token, and the certificate key.
    ///
    /// # Errors
    /// One is given twice, a file cannot be read, or holds something else.
    pub fn read(self) -> Result<(Option<SecretText>, Option<SecretText>), Failure> {
        if self.token_file == Some(STDIN) && self.certificate_key_file == Some(STDIN) {
            let failure = Failure::new("--token-file and --certificate-key-file cannot both read standard input");
            return Err(failure.hint("put one of the two into a file, and name it"));
        }
        let token = one::<BootstrapToken>("token", self.token, self.token_file)?;
        let key = one::<CertificateKey>("certificate-key", self.certificate_key, self.certificate_key_file)?;
        Ok((token, key))
    }
}

/// The secret from the one place that it is given in. What is in a file is checked here, where the file is known.
fn one<T: FromStr<Err: Display>>(
    name: &str,
    given: Option<SecretText>,
    file: Option<&str>,
) -> Result<Option<SecretText>, Failure> {
    let flag = format!("--{name}-file");
    match (given, file) {
        (given, None) => Ok(given),
        (Some(_), Some(_)) => {
            let failure = Failure::new(format!("the {name} is given on the command line and by {flag} as well"));
            Err(failure.hint("leave one of the two out"))
        }
        (None, Some(path)) => {
            let doing = || format!("cannot take the {name} from {}", place(path));
            let text = read_secret(path).context(doing())?;
            match text.reveal().parse::<T>() {
                Ok(_) => Ok(Some(text)),
                // The error of either says the form and never repeats the text.
                Err(error) => Err(Failure::new(format!("it is {error}")).context(doing())).hint(format!(
                    "{flag} names a file with the {name} and nothing else, or is `-` for standard input"
                )),
            }
        }
    }
}

fn place(path: &str) -> String {
    if path == STDIN { "standard input".to_owned() } else { format!("the file `{path}`") }
}

#[cfg(test)]
mod tests;
