//! UpgradeConfiguration: how a cluster moves to another version. The cluster's own settings are never part of it.

use camino::Utf8PathBuf;
use kubewright_value::Value;

use super::{ImagePullPolicy, Timeouts};

/// The settings of the commands `upgrade …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeConfiguration {
    /// Settings of `upgrade apply`.
    pub apply: UpgradeApply,
    /// Settings of `upgrade diff`.
    pub diff: UpgradeDiff,
    /// Settings of `upgrade node`.
    pub node: UpgradeNode,
    /// Settings of `upgrade plan`.
    pub plan: UpgradePlan,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl Value for UpgradeConfiguration {
    const NAME: &'static str = "UpgradeConfiguration";
}

/// What `upgrade apply` and `upgrade node` have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeNode {
    /// Whether certificates are renewed.
    pub certificate_renewal: bool,
    /// Whether nothing may change.
    pub dry_run: bool,
    /// Whether a local etcd is upgraded.
    pub etcd_upgrade: bool,
    /// Names of checks whose errors are warnings, lower-case and sorted; may be just `all`.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases to leave out, as the file names them.
    pub skip_phases: Vec<String>,
    /// Directory of patches, absolute.
    pub patches_directory: Option<Utf8PathBuf>,
    /// When images are pulled.
    pub image_pull_policy: ImagePullPolicy,
    /// Whether images are pulled one after the other.
    pub image_pull_serial: bool,
}

/// Settings of `upgrade apply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeApply {
    /// What it has in common with `upgrade node`.
    pub node: UpgradeNode,
    /// The version to upgrade to: exact, or a label. The command's argument wins over it.
    pub kubernetes_version: Option<String>,
    /// Whether versions of any kind are allowed, also alpha and beta.
    pub allow_experimental_upgrades: bool,
    /// Whether release candidates are allowed.
    pub allow_rc_upgrades: bool,
    /// Whether nobody is asked first, and versions that the policy forbids are taken.
    pub force_upgrade: bool,
    /// Whether the configuration is printed first.
    pub print_config: bool,
}

/// Settings of `upgrade diff`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpgradeDiff {
    /// The version to compare with: exact, or a label. The command's argument wins over it.
    pub kubernetes_version: Option<String>,
    /// Lines of context around each difference; `None` leaves it to the command.
    pub context_lines: Option<u32>,
}

/// Settings of `upgrade plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradePlan {
    /// The version to plan for: exact, or a label. The command's argument wins over it.
    pub kubernetes_version: Option<String>,
    /// Whether versions of any kind are offered, also alpha and beta.
    pub allow_experimental_upgrades: bool,
    /// Whether release candidates are offered.
    pub allow_rc_upgrades: bool,
    /// Has no effect, as planning changes nothing.
    pub dry_run: bool,
    /// Whether an upgrade of a local etcd is planned.
    pub etcd_upgrade: bool,
    /// Names of checks whose errors are warnings, lower-case and sorted; may be just `all`.
    pub ignore_preflight_errors: Vec<String>,
    /// Whether the configuration is printed first.
    pub print_config: bool,
}
