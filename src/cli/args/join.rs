//! `join` and its phases.

use clap::{ArgAction, Args, Command};
use kubewright_config::{JoinFlags, SecretText};
use kubewright_engine::Failure;

use super::phases;
use super::run::{DryRun, RunArgs};
use super::secret::{Secrets, secret_text};
use crate::workflows;

/// kubeadm's flags of `join`, and ours. Those without a default say nothing unless they are given.
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// Any API server of the cluster
    #[arg(value_name = "api-server-endpoint")]
    pub endpoint: Option<String>,
    /// If the node should host a new control plane instance, the IP address the API Server will advertise it's listening on. If not set the default network interface will be used
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// If the node should host a new control plane instance, the port for the API Server to bind to [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<i32>,
    /// Use this key to decrypt the certificate secrets uploaded by init: 32 bytes in hex
    #[arg(long, value_name = "KEY", value_parser = secret_text)]
    pub certificate_key: Option<SecretText>,
    /// Read the certificate key from this file, or from standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    pub certificate_key_file: Option<String>,
    /// Create a new control plane instance on this node
    #[arg(long)]
    pub control_plane: bool,
    /// Path to the CRI socket to connect. If empty it is detected
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// For file-based discovery, a file or URL from which to load cluster information
    #[arg(long, value_name = "FILE|URL")]
    pub discovery_file: Option<String>,
    /// For token-based discovery, the token used to validate cluster information fetched from the API server
    #[arg(long, value_name = "TOKEN", value_parser = secret_text)]
    pub discovery_token: Option<SecretText>,
    /// For token-based discovery, validate that the root CA public key matches this hash (format: "<type>:<value>")
    #[arg(long, value_name = "HASHES", value_delimiter = ',', action = ArgAction::Append)]
    pub discovery_token_ca_cert_hash: Vec<String>,
    /// For token-based discovery, allow joining without --discovery-token-ca-cert-hash pinning
    #[arg(long)]
    pub discovery_token_unsafe_skip_ca_verification: bool,
    /// Specify the node name
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// Path to a directory that contains files named "target[suffix][+patchtype].extension"
    #[arg(long, alias = "experimental-patches", value_name = "DIR")]
    pub patches: Option<String>,
    /// Specify the token used to temporarily authenticate with the Kubernetes Control Plane while joining the node
    #[arg(long, value_name = "TOKEN", value_parser = secret_text)]
    pub tls_bootstrap_token: Option<SecretText>,
    /// Use this token for both discovery-token and tls-bootstrap-token when those values are not provided
    #[arg(long, value_name = "TOKEN", value_parser = secret_text)]
    pub token: Option<SecretText>,
    /// Read the token from this file, or from standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<String>,
    /// What all workflows take.
    #[command(flatten)]
    pub run: RunArgs,
}

impl JoinArgs {
    /// Puts the secrets of files in the place of those on the command line. To be called once: standard input ends.
    ///
    /// # Errors
    /// One is given twice, a file cannot be read, or holds something else.
    pub fn read_secrets(&mut self) -> Result<(), Failure> {
        let secrets = Secrets {
            token: self.token.take(),
            token_file: self.token_file.as_deref(),
            certificate_key: self.certificate_key.take(),
            certificate_key_file: self.certificate_key_file.as_deref(),
        };
        (self.token, self.certificate_key) = secrets.read()?;
        Ok(())
    }

    /// The flags in the configuration's terms.
    pub fn flags(&self) -> JoinFlags {
        JoinFlags {
            endpoint: self.endpoint.clone(),
            apiserver_advertise_address: self.apiserver_advertise_address.clone(),
            apiserver_bind_port: self.apiserver_bind_port,
            certificate_key: self.certificate_key.clone(),
            control_plane: self.control_plane,
            cri_socket: self.cri_socket.clone(),
            discovery_file: self.discovery_file.clone(),
            discovery_token: self.discovery_token.clone(),
            discovery_token_ca_cert_hash: self.discovery_token_ca_cert_hash.clone(),
            discovery_token_unsafe_skip_ca_verification: self.discovery_token_unsafe_skip_ca_verification,
            dry_run: self.run.dry_run.map(|dry_run| dry_run != DryRun::No),
            ignore_preflight_errors: self.run.ignore_preflight_errors.clone(),
            node_name: self.node_name.clone(),
            patches: self.patches.clone(),
            tls_bootstrap_token: self.tls_bootstrap_token.clone(),
            token: self.token.clone(),
            skip_cri_detection: false,
            strict: self.run.strict,
        }
    }
}

const ABOUT: &str = "Run this on any machine you wish to join an existing cluster";

/// Builds `join` with its phases.
pub fn command() -> Command {
    Command::new("join").about(ABOUT).defer(|command| {
        let tree = workflows::join().tree();
        let command = JoinArgs::augment_args(command)
            .about(ABOUT)
            .long_about(phases::describe("join", ABOUT, &tree))
            .subcommand(phases::command(&tree, JoinArgs::augment_args));
        super::like_pflag(command)
    })
}
