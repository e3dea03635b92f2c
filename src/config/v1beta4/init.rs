//! InitConfiguration of v1beta4, and what it shares with other kinds.

use std::time::Duration;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::cluster::Arg;
use crate::error::ConfigError;
use crate::schema::Definitions;
use crate::token::SecretText;
use crate::wire::{Reader, Wire, wire};

wire! {
    /// Settings of one `init` on one node.
    InitConfiguration {
        /// Tokens to create, with which nodes join. Without any, one is generated.
        "bootstrapTokens" bootstrap_tokens: Vec<BootstrapToken>,
        /// Tells what would be done, and changes nothing.
        "dryRun" dry_run: bool,
        /// How this node registers.
        "nodeRegistration" node_registration: NodeRegistrationOptions,
        /// Where this node's API server listens.
        "localAPIEndpoint" local_api_endpoint: ApiEndpoint,
        /// Key that encrypts the uploaded certificates: 32 bytes, in hexadecimal.
        "certificateKey" certificate_key: SecretText [certificate_key],
        /// Phases to leave out. The flag --skip-phases wins over it.
        "skipPhases" skip_phases: Vec<String>,
        /// Patches of static pods and of the kubelet's configuration.
        "patches" patches: Option<Patches>,
        /// How long to wait for what.
        "timeouts" timeouts: Option<Timeouts>,
    }

    /// A token to create, with what it may be used for.
    BootstrapToken [bootstrap_token] {
        /// The token, `id.secret`: 6 and 16 lower-case letters and digits. Generated if empty.
        "token" token: SecretText = keep [token],
        /// What the token is for.
        "description" description: String,
        /// Lifetime, such as 24h (the default). 0 never expires. Excludes expires.
        "ttl" ttl: Option<Duration>,
        /// Moment of expiry, such as 2030-01-02T03:04:05Z. Excludes ttl.
        "expires" expires: Option<String> [date_time],
        /// What the token is used for; both by default.
        "usages" usages: Vec<String> [token_usage],
        /// Groups that the token authenticates as.
        "groups" groups: Vec<String> [token_group],
    }

    /// How a node registers with the cluster.
    NodeRegistrationOptions {
        /// Name of the Node; the host name by default.
        "name" name: String [node_name],
        /// The container runtime's socket, such as unix:///var/run/containerd/containerd.sock. Detected if empty.
        "criSocket" cri_socket: String [socket],
        /// Taints of the Node. Without the field a control-plane node gets its usual one; an empty list means none.
        "taints" taints: Option<Vec<Taint>> = keep,
        /// Flags of the kubelet on this node.
        "kubeletExtraArgs" kubelet_extra_args: Vec<Arg>,
        /// Names of checks whose errors become warnings, or just `all`.
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
        /// When images are pulled; IfNotPresent by default.
        "imagePullPolicy" image_pull_policy: String [pull_policy],
        /// Whether images are pulled one after the other; true by default.
        "imagePullSerial" image_pull_serial: Option<bool>,
    }

    /// A taint of a Node.
    Taint [taint] {
        /// Key, possibly with a prefix and a slash.
        "key" key: String = keep,
        /// Value, often empty.
        "value" value: String,
        /// What it does to pods that do not tolerate it.
        "effect" effect: String = keep [taint_effect],
        /// When it was added.
        "timeAdded" time_added: Option<Moment>,
    }

    /// Where an API server listens.
    ApiEndpoint {
        /// IP address that others reach it at. Taken from the interface with the default route if empty.
        "advertiseAddress" advertise_address: String [address],
        /// Port; 6443 by default.
        "bindPort" bind_port: i32 [port],
    }

    /// Where patches are.
    Patches {
        /// Directory with files named TARGET[SUFFIX][+PATCHTYPE].EXTENSION, such as kube-apiserver0+merge.yaml.
        "directory" directory: String,
    }

    /// How long to wait for what.
    Timeouts {
        /// For each control-plane component to be healthy; 4m by default.
        "controlPlaneComponentHealthCheck" control_plane_component_health_check: Option<Duration>,
        /// For the kubelet to be healthy; 4m by default.
        "kubeletHealthCheck" kubelet_health_check: Option<Duration>,
        /// For a request to the API server with its retries; 1m by default.
        "kubernetesAPICall" kubernetes_api_call: Option<Duration>,
        /// For a request to etcd with its retries; 2m by default.
        "etcdAPICall" etcd_api_call: Option<Duration>,
        /// For the kubelet's first certificate when a node joins; 5m by default.
        "tlsBootstrap" tls_bootstrap: Option<Duration>,
        /// For finding and trusting the cluster when a node joins; 5m by default.
        "discovery" discovery: Option<Duration>,
        /// For static pods to be restarted by an upgrade; 5m by default.
        "upgradeManifests" upgrade_manifests: Option<Duration>,
    }
}

/// Reads a moment in RFC 3339, and writes it in UTC.
pub(crate) fn moment_in_utc(text: &str) -> Option<String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    moment.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()
}

/// A moment in RFC 3339, in UTC.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Moment(String);

impl Wire for Moment {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        let text = value.as_str().unwrap_or_default();
        let utc = moment_in_utc(text);
        if utc.is_none() {
            let error = |path: &str| ConfigError::invalid(path, text, "not a moment in RFC 3339");
            reader.refuse(|path| error(path).hint("for example 2030-01-02T03:04:05Z"));
        }
        Self(utc.unwrap_or_default())
    }

    fn write(&self) -> Value {
        self.0.clone().into()
    }

    fn omit(&self) -> bool {
        false
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({"type": ["string", "null"], "format": "date-time"})
    }
}
