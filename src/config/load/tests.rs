#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

pub(crate) fn machine() -> HostFacts {
    HostFacts::with_address("Node1", "192.0.2.2".parse().unwrap())
}

fn fill(bytes: &mut [u8]) {
    bytes.fill(1);
}

pub(crate) fn defaults(version: &str, change: impl FnOnce(&mut HostFacts)) -> (Init, Vec<Warning>) {
    let flags = InitFlags { kubernetes_version: Some(version.to_owned()), ..InitFlags::default() };
    let mut host = machine();
    change(&mut host);
    load_init(None, &flags, &host, &mut fill).unwrap()
}

pub(crate) fn from_file(text: &str) -> Result<(Init, Vec<Warning>), ConfigErrors> {
    load_init(Some(("kubeadm.yaml", text.as_bytes())), &InitFlags::default(), &machine(), &mut fill)
}

fn from_flags(flags: InitFlags) -> Result<Init, String> {
    load_init(None, &flags, &machine(), &mut fill).map(|(init, _)| init).map_err(|errors| errors.to_string())
}

const CLUSTER: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
const INIT: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n";

#[test]
fn nothing_given_is_a_whole_configuration() {
    let (init, warnings) = load_init(None, &InitFlags::default(), &machine(), &mut fill).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(init.cluster.kubernetes_version, versions::default_version());
    let node = &init.init.node_registration;
    assert_eq!((node.name.as_str(), &node.hostname_override), ("node1", &None));
    assert_eq!(node.taints[0].to_string(), "node-role.kubernetes.io/control-plane:NoSchedule");
    assert_eq!(init.init.local_api_endpoint.url(), "https://192.0.2.2:6443");
    let token = &init.init.bootstrap_tokens[0];
    assert_eq!(token.ttl, Some(std::time::Duration::from_secs(86400)));
    assert_eq!(token.groups, ["system:bootstrappers:kubeadm:default-node-token"]);
    assert_eq!(init.cluster.dns_ip().to_string(), "10.96.0.10");
    assert_eq!(
        crate::images::pull_list(&init.cluster, &init.facts),
        [
            "registry.k8s.io/kube-apiserver:v1.36.2",
            "registry.k8s.io/kube-controller-manager:v1.36.2",
            "registry.k8s.io/kube-scheduler:v1.36.2",
            "registry.k8s.io/kube-proxy:v1.36.2",
            "registry.k8s.io/coredns/coredns:v1.14.2",
            "registry.k8s.io/pause:3.10.2",
            "registry.k8s.io/etcd:3.6.8-0",
        ]
    );
}

#[test]
fn versions_of_old_have_their_own_images_and_taints() {
    let (init, _) = defaults("1.20.2", |_| {});
    assert_eq!(init.init.node_registration.taints[0].key, "node-role.kubernetes.io/master");
    assert_eq!(init.init.node_registration.cri_socket, "/var/run/dockershim.sock");
    let images = crate::images::pull_list(&init.cluster, &init.facts);
    assert_eq!(images[0], "k8s.gcr.io/kube-apiserver:v1.20.2");
    assert_eq!(images[4..], ["k8s.gcr.io/pause:3.2", "k8s.gcr.io/etcd:3.4.13-0", "k8s.gcr.io/coredns:1.7.0"]);
    let flags = InitFlags { image_repository: Some("example.com/k8s".into()), ..InitFlags::default() };
    let custom = from_flags(flags).unwrap();
    assert_eq!(crate::images::pull_list(&custom.cluster, &custom.facts)[4], "example.com/k8s/coredns:v1.14.2");
}

#[test]
fn serving_names_are_kubeadms() {
    let text = format!(
        "{CLUSTER}controlPlaneEndpoint: lb.example.com\napiServer:\n  certSANs: ['*.example.com', Zeta.example.com, 10.0.0.1]\n---\n{INIT}nodeRegistration: {{name: cp1}}\nlocalAPIEndpoint: {{advertiseAddress: 192.168.0.10}}\n"
    );
    let (init, _) = from_file(&text).unwrap();
    let names = crate::ServingNames::api_server(&init.init, &init.cluster);
    let expected = "*.example.com cp1 kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local lb.example.com zeta.example.com";
    assert_eq!(names.dns.join(" "), expected);
    let ips: Vec<String> = names.ips.iter().map(ToString::to_string).collect();
    assert_eq!(ips, ["10.96.0.1", "192.168.0.10", "10.0.0.1"]);
    assert_eq!(init.cluster.endpoint(&init.init.local_api_endpoint).url(), "https://lb.example.com:6443");
    assert_eq!(init.init.node_registration.hostname_override.as_deref(), Some("cp1"));
}

#[test]
fn dual_stack_takes_the_first_family() {
    let text = format!(
        "{CLUSTER}networking: {{serviceSubnet: 'fd01::/112,10.96.0.0/16', podSubnet: 'fd02::/48,10.244.0.0/16'}}\n---\n{INIT}localAPIEndpoint: {{advertiseAddress: 'fd00::a'}}\n"
    );
    let (init, _) = from_file(&text).unwrap();
    let names = crate::ServingNames::api_server(&init.init, &init.cluster);
    let ips: Vec<String> = names.ips.iter().map(ToString::to_string).collect();
    assert_eq!(ips, ["fd01::1", "fd00::a"]);
    assert_eq!(init.kubelet.document["clusterDNS"][0], "fd01::a");
    assert_eq!(init.kube_proxy.document["bindAddress"], "::");
    assert_eq!(init.kube_proxy.document["clusterCIDR"], "fd02::/48,10.244.0.0/16");
    assert_eq!(init.init.local_api_endpoint.url(), "https://[fd00::a]:6443");
}

#[test]
fn flags_become_the_configuration() {
    let init = from_flags(InitFlags {
        apiserver_advertise_address: Some("198.51.100.1".into()),
        apiserver_bind_port: Some(8443),
        control_plane_endpoint: Some("cp:9443".into()),
        feature_gates: Some("RootlessControlPlane=T".into()),
        token: Some("abcdef.0123456789abcdef".to_owned().into()),
        token_ttl: Some("0".into()),
        apiserver_extra_args: vec!["v=4,audit-log-path=-".into(), "v=5".into()],
        ignore_preflight_errors: Some(vec!["Swap".into(), "swap".into(), "CRI".into()]),
        ..InitFlags::default()
    })
    .unwrap();
    assert_eq!(init.init.local_api_endpoint.url(), "https://198.51.100.1:8443");
    assert_eq!(init.cluster.endpoint(&init.init.local_api_endpoint).to_string(), "cp:9443");
    assert!(init.facts.gate(&init.cluster, "RootlessControlPlane"));
    assert_eq!(init.init.bootstrap_tokens[0].token.id(), "abcdef");
    assert_eq!(init.init.bootstrap_tokens[0].ttl, Some(std::time::Duration::ZERO));
    assert_eq!(init.cluster.api_server.component.extra_arg("v"), Some("5"));
    assert_eq!(init.init.node_registration.ignore_preflight_errors, ["cri", "swap"]);
}

#[test]
fn a_file_excludes_most_flags() {
    let flags = InitFlags {
        token: Some("secret".to_owned().into()),
        patches: Some("/p".into()),
        other_excluded: vec!["vmodule".into()],
        ..InitFlags::default()
    };
    let error = load_init(Some(("c.yaml", CLUSTER.as_bytes())), &flags, &machine(), &mut fill).unwrap_err().to_string();
    assert_eq!(error, "c.yaml: --config excludes --patches, --token, --vmodule (set it in the file instead)");
    let allowed = InitFlags {
        node_name: Some("FooBar".into()),
        dry_run: Some(true),
        ignore_preflight_errors: Some(vec!["Swap".into()]),
        ..InitFlags::default()
    };
    let (init, _) = load_init(Some(("c.yaml", CLUSTER.as_bytes())), &allowed, &machine(), &mut fill).unwrap();
    assert_eq!(init.init.node_registration.name, "FooBar");
    assert!(init.init.dry_run);
}

#[test]
fn unknown_and_duplicate_fields_are_told_with_their_line() {
    let text = format!("{CLUSTER}networking:\n  podsubnet: 10.0.0.0/8\nclusterName: a\nclusterName: b\nfoo: 1\n");
    let (init, warnings) = from_file(&text).unwrap();
    assert_eq!(init.cluster.cluster_name, "b");
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 6: clusterName: the field stands twice, first at line 5; the last value counts",
            "line 7: foo: unknown field, ignored",
            "line 4: networking.podsubnet: unknown field, ignored; did you mean `podSubnet`?",
        ]
    );
}

#[test]
fn v1beta3_is_read_with_a_warning() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer:\n  timeoutForControlPlane: 8m\n  extraArgs: {w: '1', a: '2'}\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration:\n  taints: []\n  kubeletExtraArgs: {v: '1'}\n";
    let (init, warnings) = from_file(text).unwrap();
    assert_eq!(init.init.timeouts.control_plane_component_health_check.as_secs(), 480);
    assert_eq!(init.cluster.api_server.component.extra_args[0].name, "a");
    assert_eq!(init.init.node_registration.taints, []);
    assert_eq!(init.init.node_registration.kubelet_extra_args[0].value, "1");
    assert_eq!(warnings.len(), 2);
}

#[test]
fn bad_files_are_refused_with_field_and_line() {
    let cases: &[(&str, &str)] = &[
        ("", "f.yaml: no InitConfiguration or ClusterConfiguration"),
        ("a: [\n", "f.yaml:1: not valid YAML: unclosed bracket"),
        ("a: 1\n--- b\n", "f.yaml:2: text beside the document separator"),
        ("kind: ClusterConfiguration\n", "f.yaml:1: apiVersion: every document needs an apiVersion"),
        ("# only a comment\n", "f.yaml:1: apiVersion: every document needs"),
        ("apiVersion: kubeadm.k8s.io/v1beta4\n", "kind: every document needs a kind"),
        ("apiVersion: v1beta4\nkind: ClusterConfiguration\n", "not of the form group/version"),
        (
            "apiVersion: kubeadm.k8s.io/v1beta1\nkind: ClusterConfiguration\n",
            "no longer read (`kubeadm config migrate` of kubeadm 1.15",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v9\nkind: ClusterConfiguration\n",
            "there is no such version (write kubeadm.k8s.io/v1beta4)",
        ),
        ("apiVersion: apps/v1\nkind: ClusterConfiguration\n", "ClusterConfiguration is of kubeadm.k8s.io"),
        (
            "apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n",
            "convert it to kubelet.config.k8s.io/v1beta1",
        ),
        ("C---\nC", "two documents of this kind, the first at line 1"),
        ("- 1\n", "apiVersion: every document needs"),
        ("Cnetworking: []\n", "f.yaml:3: networking: expected a map, found a list"),
        (
            "Cnetworking: {podSubnet: 10.0.0.0/33}\n",
            "f.yaml:3: networking.podSubnet: Invalid value: \"10.0.0.0/33\": `10.0.0.0/33` is not a subnet",
        ),
        (
            "Cnetworking:\n  serviceSubnet: 10.0.0.0/8\n",
            "f.yaml:4: networking.serviceSubnet: Invalid value: \"10.0.0.0/8\": the subnet is too large",
        ),
        ("Cnetworking:\n  dnsDomain: Cluster\n", "f.yaml:4: networking.dnsDomain"),
        ("CapiServer:\n  extraArgs:\n    v: '4'\n", "f.yaml:4: apiServer.extraArgs: expected a list, found a map"),
        (
            "CapiServer:\n  extraArgs:\n  - name: v\n    value: 4\n",
            "f.yaml:6: apiServer.extraArgs[0].value: Invalid value: 4: expected a string, found a number (put it in quotes)",
        ),
        ("CapiServer:\n  extraArgs:\n  - value: x\n", "f.yaml:5: apiServer.extraArgs[0]: the argument has no name"),
        ("CapiServer:\n  extraArgs:\n  - name: --v\n    value: x\n", "no leading dashes (write `v`)"),
        ("CapiServer:\n  certSANs:\n  - ok\n  - not_ok\n", "f.yaml:6: apiServer.certSANs[1]"),
        ("CcontrolPlaneEndpoint: host:port\n", "controlPlaneEndpoint: Invalid value"),
        ("CcertificatesDir: pki\n", "certificatesDir: Invalid value: \"pki\": the path is not absolute"),
        ("CimageRepository: https://x\n", "imageRepository: Invalid value"),
        ("CfeatureGates: {RootlesControlPlane: true}\n", "did you mean RootlessControlPlane?"),
        (
            "CfeatureGates: {RootlessControlPlane: \"true\"}\n",
            "expected true or false, found a string (remove the quotes)",
        ),
        ("CencryptionAlgorithm: RSA\n", "must be one of ECDSA-P256, ECDSA-P384, RSA-2048, RSA-3072, RSA-4096"),
        ("CkubernetesVersion: v1.19.0\n", "not among the supported versions 1.20 to 1.37"),
        ("CkubernetesVersion: newest\n", "neither a version nor a label"),
        ("CcertificateValidityPeriod: 1y\n", "not a duration"),
        ("CcertificateValidityPeriod: 10\n", "expected a duration"),
        ("Cetcd: {local: {dataDir: x}}\n", "etcd.local.dataDir"),
        ("Cetcd: {local: {}, external: {}}\n", "local and external exclude each other"),
        ("Cetcd: {external: {endpoints: []}}\n", "at least one endpoint is needed"),
        ("Cetcd: {external: {endpoints: ['e:2379']}}\n", "a URL with a scheme is expected"),
        ("Cetcd: {external: {endpoints: ['http://e'], caFile: /ca, certFile: /c, keyFile: /k}}\n", "must use https"),
        (
            "Cetcd: {external: {endpoints: ['https://e'], certFile: /c}}\n",
            "etcd.external.keyFile: certFile and keyFile need each other",
        ),
        ("Cetcd: {external: {endpoints: ['https://e'], certFile: /c, keyFile: /k}}\n", "need a caFile"),
        ("Cetcd: {external: {endpoints: ['https://e'], caFile: ca}}\n", "etcd.external.caFile: Invalid value"),
        ("IlocalAPIEndpoint: {bindPort: 70000}\n", "not a port between 1 and 65535"),
        ("IlocalAPIEndpoint: {bindPort: '1'}\n", "expected a whole number"),
        ("IlocalAPIEndpoint: {advertiseAddress: here}\n", "not an IP address"),
        ("IlocalAPIEndpoint: {advertiseAddress: 127.0.0.1}\n", "cannot reach a loopback address"),
        ("InodeRegistration: {name: a_b}\n", "nodeRegistration.name: Invalid value: \"a_b\""),
        ("InodeRegistration: {criSocket: 'tcp://x'}\n", "nodeRegistration.criSocket"),
        ("InodeRegistration: {imagePullPolicy: Sometimes}\n", "must be one of Always, IfNotPresent, Never"),
        ("InodeRegistration: {ignorePreflightErrors: [all, Swap]}\n", "`all` includes every other check"),
        ("InodeRegistration: {taints: {}}\n", "nodeRegistration.taints: expected a list"),
        ("IcertificateKey: ab\n", "certificateKey: not 64 hexadecimal characters"),
        ("IbootstrapTokens: [{token: ABC}]\n", "bootstrapTokens[0].token: not of the form"),
        ("IbootstrapTokens: [{usages: [authentication, fun]}]\n", "must be signing or authentication"),
        ("IbootstrapTokens: [{groups: ['system:masters']}]\n", "must be system:bootstrappers:"),
        ("IbootstrapTokens: [{usages: [signing]}]\n", "a token has groups by its usage `authentication`"),
        ("IbootstrapTokens: [{ttl: 1h, expires: '2030-01-01T00:00:00Z'}]\n", "ttl and expires exclude each other"),
        ("IbootstrapTokens: [{ttl: -1h}]\n", "must not be negative"),
        ("IbootstrapTokens: [{expires: tomorrow}]\n", "not a moment in RFC 3339"),
        ("Itimeouts: {discovery: soon}\n", "timeouts.discovery: Invalid value: \"soon\""),
    ];
    for (text, expected) in cases {
        let text = match text.split_at_checked(1) {
            Some(("C", "---\nC")) => format!("{CLUSTER}---\n{CLUSTER}"),
            Some(("C", rest)) => format!("{CLUSTER}{rest}"),
            Some(("I", rest)) => format!("{INIT}{rest}"),
            _ => (*text).to_owned(),
        };
        let result = load_init(Some(("f.yaml", text.as_bytes())), &InitFlags::default(), &machine(), &mut fill);
        let error = result.map(|_| String::from("accepted")).unwrap_or_else(|errors| errors.to_string());
        assert!(error.starts_with("f.yaml") && error.contains(expected), "{text}\n=> {error}\nexpected {expected}");
        assert!(!error.contains('\n'), "{text}\n=> {error}");
    }
}

#[test]
fn bad_flags_are_refused_with_their_name() {
    let cases = [
        (InitFlags { pod_network_cidr: Some("x".into()), ..InitFlags::default() }, "set by --pod-network-cidr"),
        (
            InitFlags { feature_gates: Some("A".into()), ..InitFlags::default() },
            "--feature-gates: Invalid value: \"A\"",
        ),
        (InitFlags { feature_gates: Some("A=true".into()), ..InitFlags::default() }, "no such feature gate"),
        (InitFlags { token_ttl: Some("1".into()), ..InitFlags::default() }, "--token-ttl: Invalid value: \"1\""),
        (InitFlags { scheduler_extra_args: vec!["v".into()], ..InitFlags::default() }, "--scheduler-extra-args"),
        (
            InitFlags { apiserver_bind_port: Some(0), ..InitFlags::default() },
            "--apiserver-bind-port: Invalid value: 0: not a port between 1 and 65535",
        ),
        (
            InitFlags { apiserver_bind_port: Some(70000), ..InitFlags::default() },
            "localAPIEndpoint.bindPort: Invalid value: 70000: not a port between 1 and 65535 (set by --apiserver-bind-port",
        ),
        (
            InitFlags { token: Some("oops".to_owned().into()), ..InitFlags::default() },
            "bootstrapTokens[0].token: not of the form",
        ),
    ];
    for (flags, expected) in cases {
        let error = from_flags(flags).unwrap_err();
        assert!(error.contains(expected), "{error}\nexpected {expected}");
        assert!(!error.contains("oops"));
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let text = format!(
        "{CLUSTER}certificatesDir: a\nnetworking: {{dnsDomain: B}}\n---\n{INIT}certificateKey: c\nnodeRegistration: {{name: d_}}\n"
    );
    let errors = from_file(&text).unwrap_err();
    let fields: Vec<(&str, Option<usize>)> = errors.errors.iter().map(|it| (it.field.as_str(), it.line)).collect();
    assert_eq!(
        fields,
        [
            ("networking.dnsDomain", Some(4)),
            ("certificatesDir", Some(3)),
            ("nodeRegistration.name", Some(9)),
            ("certificateKey", Some(8)),
        ]
    );
}

#[test]
fn secrets_do_not_show() {
    let text =
        format!("{INIT}certificateKey: {}\nbootstrapTokens: [{{token: abcdef.0123456789abcdef}}]\n", "ab".repeat(32));
    let (init, _) = from_file(&text).unwrap();
    let shown = format!("{init:?}");
    assert!(!shown.contains("0123456789abcdef") && !shown.contains(&"ab".repeat(32)));
}

#[test]
fn join_configurations_are_read() {
    let facts = versions::facts_for(&versions::default_version()).unwrap();
    let load = |text: &str| {
        let text = format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n{text}");
        load_join(Some(("j.yaml", text.as_bytes())), &JoinFlags::default(), &machine(), &facts)
            .map(|(join, _)| join)
            .map_err(|it| it.to_string())
    };
    let hash = format!("sha256:{}", "0a".repeat(32));
    let join = load(&format!(
        "discovery:\n  bootstrapToken:\n    token: abcdef.0123456789abcdef\n    apiServerEndpoint: cp:6443\n    caCertHashes: ['{hash}']\ncontrolPlane: {{}}\n"
    ))
    .unwrap();
    assert_eq!(join.tls_bootstrap_token.unwrap().id(), "abcdef");
    assert_eq!(join.control_plane.unwrap().local_api_endpoint.url(), "https://192.0.2.2:6443");
    let worker = load("discovery: {file: {kubeConfigPath: /x.conf}}\n").unwrap();
    assert_eq!(worker.node_registration.taints, []);
    for (text, expected) in [
        ("discovery: {}\n", "either bootstrapToken or file is required"),
        (
            "discovery: {bootstrapToken: {token: abcdef.0123456789abcdef, apiServerEndpoint: 'a:1'}}\n",
            "anyone could pose",
        ),
        ("discovery: {file: {kubeConfigPath: 'http://x'}}\n", "neither a file nor an https URL"),
        ("discovery: {file: {kubeConfigPath: /x}}\ncaCertPath: /x.pem\n", "must end in .crt"),
    ] {
        let error = load(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn bad_flags_of_join_are_refused_with_their_name() {
    let facts = versions::facts_for(&versions::default_version()).unwrap();
    let refused = |flags: &JoinFlags, host: &HostFacts| load_join(None, flags, host, &facts).unwrap_err().to_string();
    let flags = JoinFlags { control_plane: true, apiserver_bind_port: Some(0), ..JoinFlags::default() };
    let expected = "--apiserver-bind-port: Invalid value: 0: not a port between 1 and 65535 (6443 is the default)";
    assert_eq!(refused(&flags, &machine()), expected);
    let sockets = ["/run/containerd/containerd.sock", "/run/crio/crio.sock"].map(str::to_owned);
    let error = refused(&JoinFlags::default(), &HostFacts { cri_sockets: sockets.into(), ..machine() });
    assert!(error.contains("(name one in nodeRegistration.criSocket, or with --cri-socket)"), "{error}");
}

#[test]
fn the_named_node_keeps_its_letters() {
    let init = from_flags(InitFlags { node_name: Some("FooBar".into()), ..InitFlags::default() }).unwrap();
    assert_eq!(init.init.node_registration.name, "FooBar");
    assert_eq!(init.init.node_registration.hostname_override.as_deref(), Some("FooBar"));
    let error = from_flags(InitFlags { node_name: Some("a_b".into()), ..InitFlags::default() }).unwrap_err();
    assert!(error.contains("set by --node-name"), "{error}");
}

#[test]
fn labels_resolve_without_a_network() {
    let resolve = |label: &str| {
        let flags = InitFlags { kubernetes_version: Some(label.to_owned()), ..InitFlags::default() };
        load_init(None, &flags, &machine(), &mut fill)
            .map(|(init, warnings)| (init.facts.version.to_string(), warnings.len()))
    };
    assert_eq!(resolve("stable-1").unwrap(), ("v1.36.2".to_owned(), 0));
    assert_eq!(resolve("stable-1.20").unwrap(), ("v1.20.15".to_owned(), 1));
    assert_eq!(resolve("latest").unwrap(), ("v1.36.2".to_owned(), 1));
    assert!(resolve("stable-1.99").is_err());
}

#[test]
fn builds_of_ci_have_their_own_images() {
    let build = "v1.36.3-alpha.1.10+0123456789abcd";
    let (init, _) = from_file(&format!("{CLUSTER}kubernetesVersion: ci/{build}\n")).unwrap();
    let images = crate::images::pull_list(&init.cluster, &init.facts);
    assert_eq!(images[0], "gcr.io/k8s-staging-ci-images/kube-apiserver:v1.36.3-alpha.1.10_0123456789abcd");
    assert!(images.iter().any(|image| image.starts_with("registry.k8s.io/etcd:")));
    let stored = crate::store::cluster_configuration_yaml(
        &init.cluster,
        &init.facts,
        init.init.timeouts.control_plane_component_health_check,
    );
    assert!(stored.contains(&format!("kubernetesVersion: ci/{build}\n")), "{stored}");
    let (read, _) = stored_cluster(stored.as_bytes()).unwrap();
    assert_eq!(read, init.cluster);
    let text = format!("{CLUSTER}kubernetesVersion: ci/{build}\nimageRepository: example.com\n");
    let (init, _) = from_file(&text).unwrap();
    assert!(crate::images::pull_list(&init.cluster, &init.facts)[0].starts_with("example.com/kube-apiserver:"));
}

#[test]
fn skipped_addons_are_stored_as_disabled() {
    let (mut init, _) = defaults("v1.36.2", |_| {});
    let disabled = |init: &Init| (init.cluster.dns.disabled, init.cluster.proxy.disabled);
    assert_eq!(disabled(&init), (false, false));
    init.skip_addons(["addon/kube-proxy", "certs"]);
    assert_eq!(disabled(&init), (false, true));
    init.skip_addons(["addon"]);
    assert_eq!(disabled(&init), (true, true));
}

proptest! {
    #[test]
    fn any_bytes_load_or_are_refused(bytes in any::<Vec<u8>>()) {
        let _ = load_init(Some(("f", &bytes)), &InitFlags::default(), &machine(), &mut fill);
        let _ = stored_cluster(&bytes);
    }

    #[test]
    fn any_values_load_or_are_refused(field in prop::sample::select(vec![
        "kubernetesVersion", "controlPlaneEndpoint", "certificatesDir", "imageRepository", "clusterName", "networking",
        "apiServer", "etcd", "featureGates", "encryptionAlgorithm", "certificateValidityPeriod",
    ]), value in "[ -~]{0,40}") {
        let text = format!("{CLUSTER}{field}: {value}\n");
        let _ = from_file(&text);
    }

    #[test]
    fn any_subnet_loads_or_is_refused(services in "[0-9a-f.:/,]{1,30}", pods in "[0-9]{1,3}\\.0\\.0\\.0/[0-9]{1,2}") {
        let flags = InitFlags { service_cidr: Some(services), pod_network_cidr: Some(pods), ..InitFlags::default() };
        let _ = from_flags(flags);
    }
}
