//! `init` and its phases.

use clap::{ArgAction, Args, Command};
use kubewright_config::{InitFlags, SecretText};
use kubewright_engine::Failure;
use kubewright_phases::paths;

use super::phases;
use super::run::{DryRun, RunArgs};
use super::secret::{Secrets, secret_text};
use crate::workflows;

/// What kubeadm says of each flag that it wants to be rid of.
const DEPRECATED: &[(&str, &str)] = &[
    ("apiserver-extra-args", "apiServer"),
    ("controller-manager-extra-args", "controllerManager"),
    ("scheduler-extra-args", "scheduler"),
];

/// kubeadm's flags of `init`, and ours. Those without a default say nothing unless they are given.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The IP address the API Server will advertise it's listening on. If not set the default network interface will be used
    #[arg(long, value_name = "IP")]
    pub apiserver_advertise_address: Option<String>,
    /// Port for the API Server to bind to [default: 6443]
    #[arg(long, value_name = "PORT")]
    pub apiserver_bind_port: Option<i32>,
    /// Optional extra Subject Alternative Names (SANs) to use for the API Server serving certificate. Can be both IP addresses and DNS names
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub apiserver_cert_extra_sans: Option<Vec<String>>,
    /// The path where to save and store the certificates [default: /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// Key used to encrypt the control-plane certificates in the kubeadm-certs Secret: 32 bytes in hex
    #[arg(long, value_name = "KEY", value_parser = secret_text)]
    pub certificate_key: Option<SecretText>,
    /// Read the certificate key from this file, or from standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    pub certificate_key_file: Option<String>,
    /// Specify a stable IP address or DNS name for the control plane
    #[arg(long, value_name = "HOST[:PORT]")]
    pub control_plane_endpoint: Option<String>,
    /// Path to the CRI socket to connect. If empty it is detected
    #[arg(long, value_name = "SOCKET")]
    pub cri_socket: Option<String>,
    /// A set of key=value pairs that describe feature gates for various features
    #[arg(long, value_name = "GATES")]
    pub feature_gates: Option<String>,
    /// Choose a container registry to pull control plane images from
    #[arg(long, value_name = "REPOSITORY")]
    pub image_repository: Option<String>,
    /// The kubeconfig file to use when talking to the cluster
    #[arg(long, value_name = "FILE", default_value = paths::ADMIN_CONF)]
    pub kubeconfig: String,
    /// The path where to save the kubeconfig file
    #[arg(long, value_name = "DIR", default_value = paths::KUBERNETES_DIR)]
    pub kubeconfig_dir: String,
    /// Choose a specific Kubernetes version for the control plane
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// Specify the node name
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// Path to a directory that contains files named "target[suffix][+patchtype].extension"
    #[arg(long, alias = "experimental-patches", value_name = "DIR")]
    pub patches: Option<String>,
    /// Specify range of IP addresses for the pod network. If set, the control plane will automatically allocate CIDRs for every node
    #[arg(long, value_name = "CIDR")]
    pub pod_network_cidr: Option<String>,
    /// Print the addon manifests to STDOUT instead of installing them
    #[arg(long)]
    pub print_manifest: bool,
    /// Use alternative range of IP address for service VIPs [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    pub service_cidr: Option<String>,
    /// Use alternative domain for services, e.g. "myorg.internal" [default: cluster.local]
    #[arg(long, value_name = "DOMAIN")]
    pub service_dns_domain: Option<String>,
    /// Don't print the key used to encrypt the control-plane certificates
    #[arg(long)]
    pub skip_certificate_key_print: bool,
    /// Skip printing of the default bootstrap token
    #[arg(long)]
    pub skip_token_print: bool,
    /// The token to use for establishing bidirectional trust between nodes and control-plane nodes: [a-z0-9]{6}.[a-z0-9]{16}
    #[arg(long, value_name = "TOKEN", value_parser = secret_text)]
    pub token: Option<SecretText>,
    /// Read the token from this file, or from standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<String>,
    /// The duration before the token is automatically deleted (e.g. 1s, 2m, 3h). If set to '0', the token will never expire [default: 24h0m0s]
    #[arg(long, value_name = "DURATION")]
    pub token_ttl: Option<String>,
    /// Upload control-plane certificates to the kubeadm-certs Secret
    #[arg(long)]
    pub upload_certs: bool,
    /// A set of extra flags to pass to the API Server or override default ones in form of <flagname>=<value>
    #[arg(long, value_name = "ARGS", hide = true, action = ArgAction::Append)]
    pub apiserver_extra_args: Vec<String>,
    /// A set of extra flags to pass to the Controller Manager or override default ones in form of <flagname>=<value>
    #[arg(long, value_name = "ARGS", hide = true, action = ArgAction::Append)]
    pub controller_manager_extra_args: Vec<String>,
    /// A set of extra flags to pass to the Scheduler or override default ones in form of <flagname>=<value>
    #[arg(long, value_name = "ARGS", hide = true, action = ArgAction::Append)]
    pub scheduler_extra_args: Vec<String>,
    /// What all workflows take.
    #[command(flatten)]
    pub run: RunArgs,
}

impl InitArgs {
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
    pub fn flags(&self) -> InitFlags {
        InitFlags {
            apiserver_advertise_address: self.apiserver_advertise_address.clone(),
            apiserver_bind_port: self.apiserver_bind_port,
            apiserver_cert_extra_sans: self.apiserver_cert_extra_sans.clone(),
            cert_dir: self.cert_dir.clone(),
            certificate_key: self.certificate_key.clone(),
            control_plane_endpoint: self.control_plane_endpoint.clone(),
            cri_socket: self.cri_socket.clone(),
            dry_run: self.run.dry_run.map(|dry_run| dry_run != DryRun::No),
            feature_gates: self.feature_gates.clone(),
            ignore_preflight_errors: self.run.ignore_preflight_errors.clone(),
            image_repository: self.image_repository.clone(),
            kubernetes_version: self.kubernetes_version.clone(),
            node_name: self.node_name.clone(),
            patches: self.patches.clone(),
            pod_network_cidr: self.pod_network_cidr.clone(),
            service_cidr: self.service_cidr.clone(),
            service_dns_domain: self.service_dns_domain.clone(),
            token: self.token.clone(),
            token_ttl: self.token_ttl.clone(),
            apiserver_extra_args: self.apiserver_extra_args.clone(),
            controller_manager_extra_args: self.controller_manager_extra_args.clone(),
            scheduler_extra_args: self.scheduler_extra_args.clone(),
            other_excluded: Vec::new(),
            skip_cri_detection: false,
            strict: self.run.strict,
        }
    }
}

/// What is said of deprecated flags that were given, in kubeadm's words.
pub fn notices(flags: &[String]) -> impl Iterator<Item = String> {
    DEPRECATED.iter().filter(|(flag, _)| flags.iter().any(|given| given == flag)).map(|(flag, component)| {
        format!(
            "Flag --{flag} has been deprecated, use 'ClusterConfiguration.{component}.extraArgs' instead. \
             This flag will be removed in a future version"
        )
    })
}

/// The command with its phases; they are built when the command is asked for.
pub fn command() -> Command {
    let about = "Run this command in order to set up the Kubernetes control plane";
    Command::new("init").about(about).defer(|command| {
        let tree = workflows::init().tree();
        // kubeadm has these on its phases only.
        let own = |arg: clap::Arg| match arg.get_id().as_str() {
            "kubeconfig" | "kubeconfig_dir" | "print_manifest" => arg.hide(true),
            _ => arg,
        };
        let about = command.get_about().cloned().unwrap_or_default();
        let command = InitArgs::augment_args(command)
            .mut_args(own)
            .about(about)
            .long_about(phases::describe(
                "init",
                "Run this command in order to set up the Kubernetes control plane",
                &tree,
            ))
            .subcommand(phases::command(&tree, InitArgs::augment_args));
        super::like_pflag(command)
    })
}
