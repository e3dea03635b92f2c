//! The static pods of every version, read back as the kubelet reads them.

#![allow(clippy::unwrap_used)]

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubewright_config::model::{Arg, EnvVar, ExtraVolume};
use kubewright_config::{Init, yaml};
use proptest::prelude::*;

use crate::fixture::{defaults, versions, with_cluster};
use crate::{
    ControlPlaneNode, EtcdMember, EtcdStart, StaticPod, etcd, kube_apiserver, kube_controller_manager, kube_scheduler,
};

/// Reads a manifest as the kubelet does.
fn typed(pod: &StaticPod) -> Pod {
    let value = yaml::document(pod.yaml.as_bytes()).unwrap().value().clone();
    let parsed: Pod = serde_json::from_value(value.clone()).unwrap();
    // A field that the type does not know would be lost on the way back.
    let back = serde_json::to_value(&parsed).unwrap();
    assert!(covers(&back, &value), "{} has unknown fields:\n{}", pod.name, pod.yaml);
    parsed
}

/// Whether `back` has everything that `written` has; nulls and empty maps may be gone.
fn covers(back: &serde_json::Value, written: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (back, written) {
        (_, Value::Null) => true,
        (Value::Object(back), Value::Object(written)) => written.iter().all(|(key, value)| match back.get(key) {
            Some(found) => covers(found, value),
            None => value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty),
        }),
        (Value::Array(back), Value::Array(written)) => {
            back.len() == written.len() && back.iter().zip(written).all(|(back, written)| covers(back, written))
        }
        (back, written) => back == written,
    }
}

fn node(init: &Init) -> ControlPlaneNode<'_> {
    ControlPlaneNode::of_init(&init.init, &init.cluster, &init.facts)
}

fn all(init: &Init) -> Vec<StaticPod> {
    let node = node(init);
    vec![
        kube_apiserver(&node).unwrap(),
        kube_controller_manager(&node).unwrap(),
        kube_scheduler(&node).unwrap(),
        etcd(&node, EtcdStart::NewCluster).unwrap(),
    ]
}

fn command(pod: &Pod) -> Vec<String> {
    pod.spec.as_ref().unwrap().containers[0].command.clone().unwrap()
}

#[test]
fn every_version_gives_pods_that_the_kubelet_reads() {
    for version in versions() {
        let init = defaults(&version);
        for pod in all(&init) {
            let typed = typed(&pod);
            let spec = typed.spec.unwrap();
            let container = &spec.containers[0];
            assert_eq!(typed.metadata.name.as_deref(), Some(pod.name));
            assert_eq!(container.name, pod.name);
            assert_eq!(container.command.as_ref().unwrap()[0], pod.name);
            assert!(container.liveness_probe.is_some() && container.startup_probe.is_some(), "{version}");
            let volumes: Vec<&str> = spec.volumes.as_ref().unwrap().iter().map(|volume| volume.name.as_str()).collect();
            for mount in container.volume_mounts.as_ref().unwrap() {
                assert!(volumes.contains(&mount.name.as_str()), "{version} {}: {}", pod.name, mount.name);
            }
        }
    }
}

#[test]
fn writing_a_pod_again_gives_the_same_bytes() {
    for version in ["v1.20.2", "v1.36.2"] {
        for pod in all(&defaults(version)) {
            assert_eq!(yaml::to_string(yaml::document(pod.yaml.as_bytes()).unwrap().value()), pod.yaml);
        }
    }
}

#[test]
fn only_old_versions_close_the_insecure_ports() {
    let flags = |version| all(&defaults(version)).iter().flat_map(|pod| command(&typed(pod))).collect::<Vec<_>>();
    let old = flags("v1.20.2");
    assert_eq!(old.iter().filter(|flag| *flag == "--port=0").count(), 2);
    assert!(old.contains(&"--insecure-port=0".to_owned()));
    let new = flags("v1.36.2");
    assert!(!new.iter().any(|flag| flag == "--port=0" || flag == "--insecure-port=0"));
}

#[test]
fn probes_of_named_ports_find_their_port() {
    for (version, named) in [("v1.33.0", false), ("v1.34.0", true)] {
        for pod in all(&defaults(version)) {
            let spec = typed(&pod).spec.unwrap();
            assert_eq!(spec.containers[0].ports.is_some(), named, "{version} {}", pod.name);
            let port = spec.containers[0].liveness_probe.clone().unwrap().http_get.unwrap().port;
            assert_eq!(port == IntOrString::String("probe-port".into()), named, "{version} {}", pod.name);
        }
    }
}

#[test]
fn a_pinned_older_etcd_gets_only_flags_that_it_knows() {
    let flags = |tag: &str| {
        let init = with_cluster("v1.36.2", &format!("etcd: {{local: {{imageTag: {tag}}}}}\n"));
        command(&typed(&etcd(&node(&init), EtcdStart::NewCluster).unwrap()))
    };
    let new = flags("3.6.8-0");
    assert!(new.contains(&"--feature-gates=InitialCorruptCheck=true".to_owned()));
    assert!(new.contains(&"--watch-progress-notify-interval=5s".to_owned()));
    let old = flags("3.5.24-0");
    assert!(!old.iter().any(|flag| flag.starts_with("--feature-gates") || flag.starts_with("--watch-progress")));
}

#[test]
fn a_joining_member_names_the_whole_cluster() {
    let init = defaults("v1.36.2");
    let members = ["a", "cp1"].map(|name| EtcdMember { name: name.into(), peer_url: format!("https://{name}:2380") });
    let flags = command(&typed(&etcd(&node(&init), EtcdStart::Joining(&members)).unwrap()));
    assert!(flags.contains(&"--initial-cluster=a=https://a:2380,cp1=https://cp1:2380".to_owned()));
    assert!(flags.contains(&"--initial-cluster-state=existing".to_owned()));
    let alone = command(&typed(&etcd(&node(&init), EtcdStart::NewCluster).unwrap()));
    assert!(alone.contains(&"--initial-cluster=cp1=https://192.0.2.2:2380".to_owned()));
}

#[test]
fn without_the_authoritys_key_nothing_signs() {
    let init = defaults("v1.36.2");
    let mut node = node(&init);
    node.external_ca = true;
    let flags = command(&typed(&kube_controller_manager(&node).unwrap()));
    assert!(flags.contains(&"--cluster-signing-cert-file=".to_owned()));
    assert!(flags.contains(&"--cluster-signing-key-file=".to_owned()));
}

#[test]
fn authorization_config_takes_the_place_of_the_modes() {
    let lines = "apiServer: {extraArgs: [{name: authorization-config, value: /srv/authz.yaml}]}\n";
    let flags = |version| command(&typed(&kube_apiserver(&node(&with_cluster(version, lines))).unwrap()));
    assert!(!flags("v1.36.2").iter().any(|flag| flag.starts_with("--authorization-mode")));
    assert!(flags("v1.28.0").contains(&"--authorization-mode=Node,RBAC".to_owned()));
}

#[test]
fn dual_stack_switches_its_gate_on_where_it_is_off() {
    let lines = "networking: {serviceSubnet: '10.96.0.0/16,fd01::/112'}\n";
    let gated = |version| {
        let init = with_cluster(version, lines);
        all(&init)
            .iter()
            .filter(|pod| command(&typed(pod)).contains(&"--feature-gates=IPv6DualStack=true".into()))
            .count()
    };
    assert_eq!((gated("v1.20.2"), gated("v1.36.2")), (3, 0));
}

#[test]
fn an_unspecified_bind_address_is_not_asked() {
    let lines = "scheduler: {extraArgs: [{name: bind-address, value: '::'}]}\n";
    let pod = typed(&kube_scheduler(&node(&with_cluster("v1.36.2", lines))).unwrap());
    let probe = pod.spec.unwrap().containers[0].liveness_probe.clone().unwrap();
    assert_eq!(probe.http_get.unwrap().host, None);
}

#[test]
fn slow_starts_are_given_their_time() {
    let mut init = defaults("v1.36.2");
    let failures = |init: &Init| {
        let pod = typed(&kube_scheduler(&node(init)).unwrap());
        pod.spec.unwrap().containers[0].startup_probe.clone().unwrap().failure_threshold
    };
    assert_eq!(failures(&init), Some(24));
    init.init.timeouts.control_plane_component_health_check = std::time::Duration::from_millis(240_001);
    assert_eq!(failures(&init), Some(25));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the user writes arrives as it was written, and changes nothing else.
    #[test]
    fn any_string_survives(
        flag in any::<String>(), name in any::<String>(), variable in any::<String>(), path in any::<String>(),
        subject in any::<String>(),
    ) {
        let mut init = defaults("v1.36.2");
        init.init.node_registration.name = name.clone();
        let component = &mut init.cluster.api_server.component;
        component.extra_args = vec![Arg::new("x", flag.clone())];
        component.extra_envs = vec![
            EnvVar { name: "LITERAL".into(), value: variable.clone(), value_from: None },
            EnvVar {
                name: "REFERENCE".into(),
                value: String::new(),
                value_from: Some(serde_json::json!({"configMapKeyRef": {"name": subject, "key": "k"}})),
            },
        ];
        component.extra_volumes = vec![ExtraVolume {
            name: "zz".into(),
            host_path: path.clone(),
            mount_path: path.clone(),
            read_only: true,
            path_type: String::new(),
        }];
        let pod = typed(&kube_apiserver(&node(&init)).unwrap());
        let spec = pod.spec.unwrap();
        let container = &spec.containers[0];
        prop_assert_eq!(container.command.as_ref().unwrap().last().unwrap(), &format!("--x={flag}"));
        let env = container.env.as_ref().unwrap();
        prop_assert_eq!(env[0].value.as_deref().unwrap_or_default(), &variable);
        let reference = env[1].value_from.as_ref().unwrap().config_map_key_ref.as_ref().unwrap();
        prop_assert_eq!(&reference.name, &subject);
        let mounts = container.volume_mounts.as_ref().unwrap();
        prop_assert_eq!(&mounts.last().unwrap().mount_path, &path);
        prop_assert_eq!(mounts.len(), 3);
        let volume = spec.volumes.as_ref().unwrap().last().unwrap().clone();
        prop_assert_eq!(&volume.host_path.unwrap().path, &path);
        let member = typed(&etcd(&node(&init), EtcdStart::NewCluster).unwrap());
        let named = format!("--name={name}");
        prop_assert!(command(&member).contains(&named));
    }
}
