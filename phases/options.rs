//! What the command line says and no configuration file can.

use camino::Utf8PathBuf;
use kubewright_value::Value;

use crate::paths;

/// Flags of `init` and its phases that are not part of the configuration API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitOptions {
    /// What the program is called in the commands that it tells others to run.
    pub program: String,
    /// `--kubeconfig`: whose credentials the API phases use.
    pub kubeconfig: Utf8PathBuf,
    /// `--kubeconfig-dir`: where kubeconfig files are written.
    pub kubeconfig_dir: Utf8PathBuf,
    /// `--upload-certs`.
    pub upload_certs: bool,
    /// `--skip-token-print`.
    pub skip_token_print: bool,
    /// `--skip-certificate-key-print`.
    pub skip_certificate_key_print: bool,
    /// Proxy variables of our environment, which static pods and kube-proxy inherit.
    pub proxy_environment: Vec<(String, String)>,
}

impl Default for InitOptions {
    fn default() -> Self {
        Self {
            program: "kubeadm".into(),
            kubeconfig: paths::ADMIN_CONF.into(),
            kubeconfig_dir: paths::KUBERNETES_DIR.into(),
            upload_certs: false,
            skip_token_print: false,
            skip_certificate_key_print: false,
            proxy_environment: Vec::new(),
        }
    }
}

impl Value for InitOptions {
    const NAME: &'static str = "flags";
}

/// Flags of `join` and facts of the machine that are not part of the configuration API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinOptions {
    /// `--control-plane`. As in kubeadm, only the flag lets an `admin.conf` stand for discovery.
    pub control_plane: bool,
    /// systemd-resolved runs.
    pub resolved_active: bool,
    /// Proxy variables of our environment, which static pods inherit.
    pub proxy_environment: Vec<(String, String)>,
}

impl JoinOptions {
    /// The same in terms of `init`, for what both share.
    pub fn as_init(&self) -> InitOptions {
        InitOptions { proxy_environment: self.proxy_environment.clone(), ..InitOptions::default() }
    }
}

impl Value for JoinOptions {
    const NAME: &'static str = "join-flags";
}

/// Flags of `reset` that are not part of the configuration API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetOptions {
    /// `--kubeconfig`: with whose credentials the cluster is asked where etcd's members are.
    pub kubeconfig: Utf8PathBuf,
    /// `--network`, ours: whether what is left of the pods' network goes, too.
    pub network: bool,
}

impl Default for ResetOptions {
    fn default() -> Self {
        Self { kubeconfig: paths::ADMIN_CONF.into(), network: false }
    }
}

impl Value for ResetOptions {
    const NAME: &'static str = "reset-flags";
}
