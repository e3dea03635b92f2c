use super::super::shown::{ConfigVersion, PathStep};
use super::*;
use kubewright_config::skew::Skew;

fn component(name: &str, current: &str, new: &str, node: &str) -> ShownComponent {
    ShownComponent {
        name: name.into(),
        current_version: current.into(),
        new_version: new.into(),
        node_name: node.into(),
    }
}

fn shown() -> ShownPlan {
    let config = |group, current: &str| ConfigVersion {
        group,
        current_version: current.into(),
        preferred_version: "v1beta1",
        manual_upgrade_required: current.is_empty(),
    };
    ShownPlan {
        available_upgrades: vec![ShownUpgrade {
            description: "version in the v1.35 series".into(),
            components: vec![
                component("kubelet", "v1.35.1", "v1.35.6", "node1"),
                component("kubelet", "v1.35.1", "v1.35.6", "node2"),
                component("kube-apiserver", "v1.35.1", "v1.35.6", "node1"),
                component("kube-proxy", "1.35.1", "v1.35.6", ""),
                component("CoreDNS", "v1.13.1", "v1.13.1", ""),
                component("kubeadm", "v1.36.2", "v1.36.2", ""),
                component("etcd", "3.6.6-0", "3.6.6-0", "node1"),
            ],
        }],
        config_versions: vec![config("kubeproxy.config.k8s.io", "v1beta1"), config("kubelet.config.k8s.io", "")],
        upgrade_path: Vec::new(),
    }
}

fn version(text: &str) -> KubernetesVersion {
    text.parse().expect("a version")
}

/// Byte for byte what kubeadm's printer makes of this plan (`cmd/upgrade/plan.go`), but for the program's name.
#[test]
fn is_kubeadms_text() {
    let expected = "\
Components that must be upgraded manually after you have upgraded the control plane with 'kubewright upgrade apply':
COMPONENT   NODE      CURRENT   TARGET
kubelet     node1     v1.35.1   v1.35.6
kubelet     node2     v1.35.1   v1.35.6

Upgrade to the latest version in the v1.35 series:

COMPONENT        NODE      CURRENT   TARGET
kube-apiserver   node1     v1.35.1   v1.35.6
kube-proxy                 1.35.1    v1.35.6
CoreDNS                    v1.13.1   v1.13.1
etcd             node1     3.6.6-0   3.6.6-0

You can now apply the upgrade by executing the following command:

	kubewright upgrade apply v1.35.6

_____________________________________________________________________


The table below shows the current state of component configs as understood by this version of kubewright.
Configs that have a \"yes\" mark in the \"MANUAL UPGRADE REQUIRED\" column require manual config upgrade or
resetting to kubewright defaults before a successful upgrade can be performed. The version to manually
upgrade to is denoted in the \"PREFERRED VERSION\" column.

API GROUP                 CURRENT VERSION   PREFERRED VERSION   MANUAL UPGRADE REQUIRED
kubeproxy.config.k8s.io   v1beta1           v1beta1             no
kubelet.config.k8s.io     -                 v1beta1             yes
_____________________________________________________________________

";
    assert_eq!(plan(&shown(), &[version("v1.35.6")], &version("v1.35.1"), &[]), expected);
}

#[test]
fn pre_releases_need_a_flag_and_a_newer_program_is_named() {
    let mut shown = shown();
    let text = |shown: &ShownPlan, of| plan(shown, &[version(of)], &version("v1.35.1"), &[]);
    assert!(text(&shown, "v1.36.0-rc.1").contains("apply v1.36.0-rc.1 --allow-release-candidate-upgrades\n"));
    assert!(text(&shown, "v1.36.0-beta.1").contains("apply v1.36.0-beta.1 --allow-experimental-upgrades\n"));
    assert!(!text(&shown, "v1.36.0").contains("Note:"));
    for component in &mut shown.available_upgrades[0].components {
        if component.name == "kubeadm" {
            component.new_version = "v1.40.0".into();
        }
    }
    let note = "\n\nNote: Before you can perform this upgrade, you have to update kubewright to v1.40.0.\n\n____";
    assert!(text(&shown, "v1.40.0").contains(note));
}

#[test]
fn the_way_says_how_far_one_command_gets() {
    let mut shown = shown();
    let mut way = Vec::new();
    for (text, oldest_kubelet) in [("v1.21.14", 20), ("v1.22.17", 21)] {
        shown.upgrade_path.push(PathStep {
            version: text.into(),
            etcd: "3.4.13-0".into(),
            core_dns: "v1.8.0".into(),
            oldest_kubelet: format!("v1.{oldest_kubelet}"),
        });
        let skippable = if oldest_kubelet == 21 { vec!["kubelets are too old".into()] } else { Vec::new() };
        way.push(Step { target: version(text), skew: Skew { skippable, ..Skew::default() }, oldest_kubelet });
    }
    let text = plan(&shown, &[version("v1.21.14")], &version("v1.20.2"), &way);
    let (_, path) = text.split_once("The way from ").expect("it has the way");
    assert_eq!(
        path,
        "v1.20.2 to v1.22.17 goes over each minor version. Before a step, all control planes have done the\n\
         one before it, and no kubelet is older than the last column says:\n\n\
         STEP      VERSION    ETCD       COREDNS   OLDEST KUBELET\n\
         1         v1.21.14   3.4.13-0   v1.8.0    v1.20\n\
         2         v1.22.17   3.4.13-0   v1.8.0    v1.21\n\n\
         As the cluster is now, one command gets this far:\n\n\
         \tkubewright upgrade apply --through v1.21.14\n\n\
         Before step 2 of them, see to this:\n\n\t- kubelets are too old\n\n\
         _____________________________________________________________________\n\n"
    );
}
