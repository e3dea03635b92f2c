//! The texts that `init` ends with: how to use the cluster, and how to join it.

use askama::Template;
use kubewright_config::{BootstrapToken, CertificateKey, ClusterConfiguration, VersionFacts};
use zeroize::Zeroizing;

use crate::ManifestError;

/// Stands for a secret that the user asked not to print.
const WITHHELD: &str = "<value withheld>";

/// A secret for a text, or the wish not to print it.
#[derive(Debug)]
pub enum Told<'a, T> {
    /// Print it.
    Shown(&'a T),
    /// Print that it is withheld.
    Withheld,
}

impl<T> Clone for Told<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Told<'_, T> {}

impl<'a, T> Told<'a, T> {
    fn reveal(self, how: impl FnOnce(&'a T) -> Zeroizing<String>) -> Zeroizing<String> {
        match self {
            Self::Shown(secret) => how(secret),
            Self::Withheld => Zeroizing::new(WITHHELD.to_owned()),
        }
    }
}

/// What the joining node is to be.
#[derive(Debug, Clone, Copy)]
pub enum Role<'a> {
    /// A worker.
    Worker,
    /// A control-plane node, with the key of the uploaded certificates if there is one.
    ControlPlane(Option<Told<'a, CertificateKey>>),
}

/// What a join command says.
#[derive(Debug, Clone, Copy)]
pub struct JoinCommand<'a> {
    /// Name of the program to run: `kubeadm`, or ours.
    pub program: &'a str,
    /// The server of `admin.conf`, as URL or as host and port.
    pub server: &'a str,
    /// The bootstrap token.
    pub token: Told<'a, BootstrapToken>,
    /// Pins of the authorities, each `sha256:<hex>`.
    pub ca_cert_hashes: &'a [String],
    /// What the node is to be.
    pub role: Role<'a>,
    /// Facts of the cluster's version.
    pub facts: &'a VersionFacts,
}

/// Writes a join command, without a line end. Trailing blanks are kubeadm's, and scripts have learnt them.
///
/// # Errors
/// Only where the template is broken.
pub fn join_command(command: &JoinCommand<'_>) -> Result<Zeroizing<String>, ManifestError> {
    let (control_plane, key) = match command.role {
        Role::Worker => (false, None),
        Role::ControlPlane(key) => (true, key),
    };
    let token = command.token.reveal(BootstrapToken::reveal);
    let key = key.map(|key| key.reveal(CertificateKey::reveal));
    fill(
        "the join command",
        &Command {
            program: command.program,
            server: &command.server.replace("https://", ""),
            token: &token,
            hashes: command.ca_cert_hashes,
            indent: &command.facts.messages.join_indent,
            control_plane,
            key: key.as_ref().map(|key| key.as_str()),
        },
    )
}

/// What the last text of `init` says.
#[derive(Debug, Clone, Copy)]
pub struct InitDone<'a> {
    /// Path of the administrator's kubeconfig.
    pub kubeconfig: &'a str,
    /// Settings of the cluster.
    pub cluster: &'a ClusterConfiguration,
    /// Whether the certificates were uploaded in this run.
    pub upload_certs: bool,
    /// The join command of a worker; the one of control-plane nodes differs only in its role.
    pub join: JoinCommand<'a>,
    /// Key of the uploaded certificates.
    pub certificate_key: Option<Told<'a, CertificateKey>>,
}

/// Writes the last text of `init` for one token. It starts with an empty line and ends with a line end.
///
/// # Errors
/// Only where the template is broken.
pub fn init_done(done: &InitDone<'_>) -> Result<Zeroizing<String>, ManifestError> {
    let control_plane = JoinCommand { role: Role::ControlPlane(done.certificate_key), ..done.join };
    let worker = JoinCommand { role: Role::Worker, ..done.join };
    fill(
        "the last text of init",
        &Text {
            kubeconfig: done.kubeconfig,
            program: done.join.program,
            stable_endpoint: done.cluster.control_plane_endpoint.is_some(),
            upload_certs: done.upload_certs,
            control_plane: &join_command(&control_plane)?,
            worker: &join_command(&worker)?,
        },
    )
}

fn fill(what: &'static str, template: &impl Template) -> Result<Zeroizing<String>, ManifestError> {
    // Large enough from the start, so that growing leaves no copy of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
    template.render_into(&mut *text).map_err(|source| ManifestError::Fill { what, source })?;
    Ok(text)
}

#[derive(Template)]
#[template(path = "messages/join-command.txt")]
struct Command<'a> {
    program: &'a str,
    server: &'a str,
    token: &'a str,
    hashes: &'a [String],
    indent: &'a str,
    control_plane: bool,
    key: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "messages/init-done.txt")]
struct Text<'a> {
    kubeconfig: &'a str,
    program: &'a str,
    stable_endpoint: bool,
    upload_certs: bool,
    control_plane: &'a str,
    worker: &'a str,
}

#[cfg(test)]
mod tests;
