//! Phases by hand that need no root: certificates and kubeconfigs in directories of one's own, and printed addons.

use std::fs;

use kubewright_config::yaml;
use kubewright_pki::{Certificate, KeyAlgorithm, Kubeconfig, PrivateKey, Source};

use super::program::{Home, Said};

fn succeeded(said: &Said) -> &str {
    assert_eq!(said.code, Some(0), "{said:?}");
    &said.out
}

fn config(cluster: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
         nodeRegistration:\n  name: cp1\n  criSocket: unix:///run/containerd/containerd.sock\n\
         localAPIEndpoint:\n  advertiseAddress: 192.0.2.10\n\
         ---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n{cluster}"
    )
}

/// kinder's workflow `external-ca`, as far as `init` goes: everything is made, the key is taken away, and what was made
/// is found and kept.
#[test]
fn everything_is_made_and_kept_without_the_authoritys_key() {
    let home = Home::new();
    let (pki, configs) = (home.path().join("pki"), home.path().join("configs"));
    let file = home.write(
        "cluster.yaml",
        &config(&format!(
            "encryptionAlgorithm: ECDSA-P256\ncertificatesDir: {pki}\ncontrolPlaneEndpoint: lb.example.com:6443\n\
             apiServer:\n  certSANs: [localhost]\n"
        )),
    );
    let certificates = ["init", "phase", "certs", "all", "--config", file.as_str()];
    succeeded(&home.run(&certificates));
    let kubeconfigs =
        ["init", "phase", "kubeconfig", "all", "--config", file.as_str(), "--kubeconfig-dir", configs.as_str()];
    succeeded(&home.run(&kubeconfigs));
    fs::remove_file(pki.join("ca.key")).unwrap();
    let before = home.tree();

    let again = home.run(&kubeconfigs);
    let names = ["admin", "super-admin", "kubelet", "controller-manager", "scheduler"];
    let kept = names.map(|name| format!("[kubeconfig] External CA mode: Using user provided {name}.conf\n"));
    let folder = format!("[kubeconfig] Using kubeconfig folder \"{configs}\"\n");
    assert_eq!(succeeded(&again), format!("{folder}{}", kept.concat()));
    assert_eq!(home.tree(), before);

    fs::remove_file(configs.join("scheduler.conf")).unwrap();
    fs::remove_file(pki.join("apiserver.key")).unwrap();
    let before = home.tree();
    let refused = home.run(&kubeconfigs);
    assert_eq!(refused.code, Some(1));
    let told = [
        "error: invalid or incomplete external CA:\n".to_owned(),
        format!("`{pki}/apiserver.crt` is there, but its key `{pki}/apiserver.key` is not\n"),
        format!("`{configs}/scheduler.conf` is not there\n"),
        "hint: ".to_owned(),
    ];
    assert!(told.iter().all(|told| refused.err.contains(told)), "{}", refused.err);
    assert_eq!(home.tree(), before, "nothing was made before it was refused");
}

#[test]
fn keys_are_of_the_kind_that_is_asked_for_everywhere() {
    for (named, algorithm) in [
        ("encryptionAlgorithm: ECDSA-P256", KeyAlgorithm::EcdsaP256),
        ("encryptionAlgorithm: ECDSA-P384", KeyAlgorithm::EcdsaP384),
        ("encryptionAlgorithm: RSA-2048", KeyAlgorithm::Rsa2048),
        // An older gate wins over the field.
        ("encryptionAlgorithm: RSA-4096\nfeatureGates: {PublicKeysECDSA: true}", KeyAlgorithm::EcdsaP256),
    ] {
        let home = Home::new();
        let (pki, configs) = (home.path().join("pki"), home.path().join("configs"));
        let file = home.write("cluster.yaml", &config(&format!("certificatesDir: {pki}\n{named}\n")));
        succeeded(&home.run(&["init", "phase", "certs", "all", "--config", file.as_str()]));
        let kubeconfigs =
            ["init", "phase", "kubeconfig", "all", "--config", file.as_str(), "--kubeconfig-dir", configs.as_str()];
        succeeded(&home.run(&kubeconfigs));
        let found: Vec<String> = home.tree().into_keys().collect();
        let keys = found.iter().filter(|path| path.ends_with(".key"));
        let mut kinds: Vec<(String, Option<KeyAlgorithm>)> = keys
            .map(|path| {
                let pem = fs::read(home.path().join(path.trim_start_matches('/'))).unwrap();
                (path.clone(), PrivateKey::from_pem(&pem).unwrap().algorithm())
            })
            .collect();
        for path in found.iter().filter(|path| path.ends_with(".conf")) {
            let text = fs::read(home.path().join(path.trim_start_matches('/'))).unwrap();
            let document: Kubeconfig = serde_json::from_value(yaml::document(&text).unwrap().value().clone()).unwrap();
            let Some(Source::Inline(pem)) = document.client_key().unwrap() else { panic!("{path} holds no key") };
            kinds.push((path.clone(), PrivateKey::from_pem(&pem).unwrap().algorithm()));
        }
        assert_eq!(kinds.len(), 11 + 5, "{kinds:?}");
        assert!(kinds.iter().all(|(_, kind)| *kind == Some(algorithm)), "{named}: {kinds:?}");
    }
}

#[test]
fn an_external_etcd_has_no_certificates_here_and_the_user_reads_so() {
    let home = Home::new();
    let pki = home.path().join("pki");
    let etcd = "etcd:\n  external:\n    endpoints: [http://192.0.2.20:2379]\n";
    let cluster = format!("encryptionAlgorithm: ECDSA-P256\ncertificatesDir: {pki}\n{etcd}");
    let file = home.write("cluster.yaml", &config(&cluster));
    let said = home.run(&["init", "phase", "certs", "all", "--config", file.as_str()]);
    let skipped: Vec<&str> = succeeded(&said).lines().filter(|line| line.contains("External etcd mode")).collect();
    assert_eq!(
        skipped,
        [
            "[certs] External etcd mode: Skipping etcd/ca certificate authority generation",
            "[certs] External etcd mode: Skipping etcd/server certificate generation",
            "[certs] External etcd mode: Skipping etcd/peer certificate generation",
            "[certs] External etcd mode: Skipping etcd/healthcheck-client certificate generation",
            "[certs] External etcd mode: Skipping apiserver-etcd-client certificate generation",
        ]
    );
    assert!(!pki.join("etcd").exists() && pki.join("sa.key").exists());
}

#[test]
fn addons_are_printed_without_a_cluster_and_without_a_trace() {
    let home = Home::new();
    let kinds = |text: &str| -> Vec<String> {
        let documents = yaml::documents(text.as_bytes()).unwrap();
        documents.iter().map(|document| document.value()["kind"].as_str().unwrap().to_owned()).collect()
    };
    for version in ["v1.36.2", "v1.20.2"] {
        let print = |addon: &str| {
            let said =
                home.run(&["init", "phase", "addon", addon, "--print-manifest", "--kubernetes-version", version]);
            assert!(succeeded(&said).starts_with("---\n"), "{said:?}");
            said.out
        };
        let dns = ["Deployment", "ConfigMap", "Service", "ClusterRole", "ClusterRoleBinding", "ServiceAccount"];
        assert_eq!(kinds(&print("coredns")), dns);
        let proxy = ["ServiceAccount", "ClusterRoleBinding", "Role", "RoleBinding", "ConfigMap", "DaemonSet"];
        assert_eq!(kinds(&print("kube-proxy")), proxy);
    }
    assert!(!home.path().join("state").exists(), "it takes no lock and writes no journal");

    let patches = home.path().join("patches");
    fs::create_dir(&patches).unwrap();
    let daemon_set = "spec: {template: {spec: {nodeSelector: {a: b}}}}";
    fs::write(patches.join("kubeproxydaemonset.yaml"), daemon_set).unwrap();
    fs::write(
        patches.join("corednsdeployment+json.json"),
        r#"[{"op": "replace", "path": "/spec/replicas", "value": 7}]"#,
    )
    .unwrap();
    let text = config("").replace("localAPIEndpoint:", &format!("patches:\n  directory: {patches}\nlocalAPIEndpoint:"));
    let file = home.write("cluster.yaml", &text);
    let said = home.run(&["init", "phase", "addon", "coredns", "--print-manifest", "--config", file.as_str()]);
    let deployment = yaml::documents(succeeded(&said).as_bytes()).unwrap()[0].value().clone();
    assert_eq!(deployment["spec"]["replicas"], 7);

    // A target that the version does not know is no error, as in the phases.
    for (version, selects) in [("v1.36.2", false), ("v1.37.0", true)] {
        let file = home.write("cluster.yaml", &text.replace("v1.36.2", version));
        let said = home.run(&["init", "phase", "addon", "kube-proxy", "--print-manifest", "--config", file.as_str()]);
        let documents = yaml::documents(succeeded(&said).as_bytes()).unwrap();
        let selector = &documents.last().unwrap().value()["spec"]["template"]["spec"]["nodeSelector"];
        assert_eq!(selector["a"] == "b", selects, "{version}: {selector}");
    }
}

/// What real kubeadm 1.36.2 was seen to do with these names.
#[test]
fn names_and_servers_are_those_that_kubeadm_was_seen_to_make() {
    let home = Home::new();
    let (pki, configs) = (home.path().join("pki"), home.path().join("configs"));
    let text = config(&format!(
        "encryptionAlgorithm: ECDSA-P256\ncertificatesDir: {pki}\ncontrolPlaneEndpoint: lb.example.com\n\
         apiServer:\n  certSANs: ['*.example.com', Zeta.example.com, 10.0.0.1]\n"
    ));
    let file = home.write("cluster.yaml", &text.replace("192.0.2.10", "192.168.0.10"));
    succeeded(&home.run(&["init", "phase", "certs", "all", "--config", file.as_str()]));
    let certificate = Certificate::from_pem(&fs::read(pki.join("apiserver.crt")).unwrap()).unwrap();
    let names = "*.example.com cp1 kubernetes kubernetes.default kubernetes.default.svc \
                 kubernetes.default.svc.cluster.local lb.example.com zeta.example.com";
    assert_eq!(certificate.names().dns().join(" "), names);
    let addresses: Vec<String> = certificate.names().ips().iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.96.0.1", "192.168.0.10", "10.0.0.1"]);

    // The name of the flag stands as it was typed, although the configuration's own would be put in lower case.
    let kubeconfigs =
        ["init", "phase", "kubeconfig", "all", "--config", file.as_str(), "--kubeconfig-dir", configs.as_str()];
    succeeded(&home.run(&[&kubeconfigs[..], &["--node-name", "FooBar"]].concat()));
    let read = |name: &str| -> Kubeconfig {
        let text = fs::read(configs.join(name)).unwrap();
        serde_json::from_value(yaml::document(&text).unwrap().value().clone()).unwrap()
    };
    let (admin, kubelet) = (read("admin.conf"), read("kubelet.conf"));
    assert_eq!(admin.server(), Some("https://lb.example.com:6443"));
    assert_eq!(kubelet.server(), Some("https://192.168.0.10:6443"));
    assert_eq!(kubelet.user_name(), Some("system:node:FooBar"));
}
