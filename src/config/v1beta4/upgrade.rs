//! UpgradeConfiguration of v1beta4.

use super::init::{Patches, Timeouts};
use crate::wire::wire;

wire! {
    /// Settings of the commands `upgrade …`.
    UpgradeConfiguration {
        /// Settings of `upgrade apply`.
        "apply" apply: UpgradeApplyConfiguration,
        /// Settings of `upgrade diff`.
        "diff" diff: UpgradeDiffConfiguration,
        /// Settings of `upgrade node`.
        "node" node: UpgradeNodeConfiguration,
        /// Settings of `upgrade plan`.
        "plan" plan: UpgradePlanConfiguration,
        /// How long to wait for what.
        "timeouts" timeouts: Option<Timeouts>,
    }

    /// Settings of `upgrade apply`.
    UpgradeApplyConfiguration {
        /// Version to upgrade to. The command's argument wins over it.
        "kubernetesVersion" kubernetes_version: String [version],
        /// Allows versions of any kind, also alpha and beta.
        "allowExperimentalUpgrades" allow_experimental_upgrades: Option<bool>,
        /// Allows release candidates.
        "allowRCUpgrades" allow_rc_upgrades: Option<bool>,
        /// Whether certificates are renewed; true by default.
        "certificateRenewal" certificate_renewal: Option<bool>,
        /// Tells what would be done, and changes nothing.
        "dryRun" dry_run: Option<bool>,
        /// Whether a local etcd is upgraded; true by default.
        "etcdUpgrade" etcd_upgrade: Option<bool>,
        /// Does not ask before it begins, and takes versions that the policy forbids.
        "forceUpgrade" force_upgrade: Option<bool>,
        /// Names of checks whose errors become warnings, or just `all`.
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
        /// Patches of static pods and of the kubelet's configuration.
        "patches" patches: Option<Patches> [absolute_patches],
        /// Whether the configuration is printed first.
        "printConfig" print_config: Option<bool>,
        /// Phases to leave out. The flag --skip-phases wins over it.
        "skipPhases" skip_phases: Vec<String>,
        /// When images are pulled; IfNotPresent by default.
        "imagePullPolicy" image_pull_policy: String [pull_policy],
        /// Whether images are pulled one after the other; true by default.
        "imagePullSerial" image_pull_serial: Option<bool>,
    }

    /// Settings of `upgrade diff`.
    UpgradeDiffConfiguration {
        /// Version to compare with. The command's argument wins over it.
        "kubernetesVersion" kubernetes_version: String [version],
        /// Lines of context around each difference.
        "contextLines" context_lines: i32 [count],
    }

    /// Settings of `upgrade node`.
    UpgradeNodeConfiguration {
        /// Whether certificates are renewed; true by default.
        "certificateRenewal" certificate_renewal: Option<bool>,
        /// Tells what would be done, and changes nothing.
        "dryRun" dry_run: Option<bool>,
        /// Whether a local etcd is upgraded; true by default.
        "etcdUpgrade" etcd_upgrade: Option<bool>,
        /// Names of checks whose errors become warnings, or just `all`.
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
        /// Phases to leave out. The flag --skip-phases wins over it.
        "skipPhases" skip_phases: Vec<String>,
        /// Patches of static pods and of the kubelet's configuration.
        "patches" patches: Option<Patches> [absolute_patches],
        /// When images are pulled; IfNotPresent by default.
        "imagePullPolicy" image_pull_policy: String [pull_policy],
        /// Whether images are pulled one after the other; true by default.
        "imagePullSerial" image_pull_serial: Option<bool>,
    }

    /// Settings of `upgrade plan`.
    UpgradePlanConfiguration {
        /// Version to plan for. The command's argument wins over it.
        "kubernetesVersion" kubernetes_version: String [version],
        /// Offers versions of any kind, also alpha and beta.
        "allowExperimentalUpgrades" allow_experimental_upgrades: Option<bool>,
        /// Offers release candidates.
        "allowRCUpgrades" allow_rc_upgrades: Option<bool>,
        /// Has no effect, as planning changes nothing.
        "dryRun" dry_run: Option<bool>,
        /// Whether an upgrade of a local etcd is planned; true by default.
        "etcdUpgrade" etcd_upgrade: Option<bool>,
        /// Names of checks whose errors become warnings, or just `all`.
        "ignorePreflightErrors" ignore_preflight_errors: Vec<String>,
        /// Whether the configuration is printed first.
        "printConfig" print_config: Option<bool>,
    }
}
