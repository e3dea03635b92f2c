//! kubeadm's rules and defaults, function by function of its source, and where each is tested here.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::load::tests::{from_file, machine};
use crate::validate::file::tests::{Peer, cases};
use crate::{HostFacts, InitFlags, load_init};

/// kubeadm's functions (`apis/kubeadm/validation`, `util/config`, `util`), the rule, and cases in
/// `tests/fixtures/invalid` that break it.
const RULES: &[(&str, &str, &[&str])] = &[
    ("SplitConfigDocuments", "text beside a separator", &["syntax/text-beside-a-separator"]),
    (
        "SplitConfigDocuments",
        "kind and apiVersion",
        &["documents/no-api-version", "documents/no-kind", "documents/no-group"],
    ),
    (
        "SplitConfigDocuments",
        "comment-only document",
        &["syntax/only-a-comment", "syntax/comment-before-the-separator"],
    ),
    ("SplitConfigDocuments", "a kind twice", &["documents/kind-twice", "documents/kind-twice-in-two-versions"]),
    ("validateSupportedVersion", "old versions", &["documents/v1beta1", "documents/v1alpha3"]),
    ("validateKnownGVKs", "unknown versions", &["documents/no-such-version", "documents/other-group"]),
    (
        "validateKnownGVKs",
        "unknown kinds",
        &["documents/unknown-kind", "documents/another-object-beside-it", "v1beta3/reset"],
    ),
    (
        "VerifyUnmarshalStrict",
        "unknown fields",
        &["documents/unknown-field", "v1beta3/field-of-v1beta4", "kubelet/unknown-field"],
    ),
    ("VerifyUnmarshalStrict", "case of fields", &["documents/unknown-field-in-another-case"]),
    ("VerifyUnmarshalStrict", "repeated fields", &["documents/field-twice", "kubelet/field-twice"]),
    (
        "DecodeInto",
        "types",
        &["types/list-for-a-map", "types/port-is-text", "types/gate-is-text", "kubelet/number-in-quotes"],
    ),
    (
        "DecodeInto",
        "durations",
        &["types/duration-in-years", "types/duration-is-a-number", "kubelet/duration-without-a-unit"],
    ),
    ("DecodeInto", "arguments of v1beta3", &["types/extra-args-as-a-map", "v1beta3/extra-args-as-a-list"]),
    (
        "configBase.Unmarshal",
        "version",
        &["documents/kubelet-of-an-unknown-version", "documents/kube-proxy-of-an-unknown-version"],
    ),
    ("documentMapToInitConfiguration", "none found", &["documents/kind-in-lower-case"]),
    ("SetAPIEndpointDynamicDefaults", "no address", &["init/address-is-a-name", "join/control-plane-address"]),
    ("SetAPIEndpointDynamicDefaults", "loopback", &["init/address-is-loopback"]),
    ("NormalizeKubernetesVersion", "form", &["cluster/version-is-a-word", "cluster/version-of-two-numbers"]),
    ("NormalizeKubernetesVersion", "oldest", &["cluster/version-too-old"]),
    ("ParseHostPort", "port", &["networking/endpoint-port-is-a-word", "networking/endpoint-port-too-high"]),
    ("ParseHostPort", "host", &["networking/endpoint-with-a-scheme", "networking/endpoint-without-a-host"]),
    ("ValidateIgnorePreflightErrors", "all and others", &["init/all-checks-and-one"]),
    (
        "ValidateNodeRegistrationOptions",
        "name",
        &["init/node-name-with-an-underscore", "init/node-name-too-long", "join/node-name"],
    ),
    ("ValidateExtraArgs", "of the API server", &["cluster/argument-without-a-name"]),
    ("ValidateExtraArgs", "of etcd", &["etcd/local-argument-without-a-name"]),
    ("ValidateExtraArgs", "of the kubelet", &["init/kubelet-argument-without-a-name"]),
    ("ValidateImagePullPolicy", "nodeRegistration", &["init/pull-policy", "join/pull-policy"]),
    ("ValidateSocketPath", "scheme", &["init/socket-of-tcp"]),
    ("ValidateToken", "bootstrapTokens", &["init/token-of-another-form", "init/token-in-upper-case", "v1beta3/token"]),
    ("ValidateTokenUsages", "known", &["init/token-usage"]),
    ("ValidateTokenGroups", "name", &["init/token-group"]),
    ("ValidateTokenGroups", "authentication", &["init/token-groups-without-authentication"]),
    ("ValidateBootstrapTokens", "ttl and expires", &["init/token-with-two-ends"]),
    ("ValidateAPIEndpoint", "bindPort", &["init/port-too-high", "init/port-negative"]),
    (
        "ValidateCertificateKey",
        "form and size",
        &["init/certificate-key-not-hexadecimal", "init/certificate-key-too-short"],
    ),
    ("ValidateCertificateKey", "controlPlane", &["join/control-plane-certificate-key"]),
    ("ValidateDNS", "imageRepository", &["cluster/dns-repository"]),
    ("ValidateNetworking", "dnsDomain", &["networking/dns-domain-in-upper-case"]),
    (
        "ValidateIPNetFromString",
        "form",
        &["networking/pod-subnet-without-a-mask", "networking/service-subnet-is-a-range"],
    ),
    ("ValidateIPNetFromString", "number", &["networking/three-subnets"]),
    ("ValidateIPNetFromString", "families", &["networking/two-subnets-of-one-family"]),
    (
        "ValidateIPNetFromString",
        "least size",
        &["networking/service-subnet-too-small", "networking/pod-subnet-too-small"],
    ),
    (
        "ValidateServiceSubnetSize",
        "most",
        &["networking/service-subnet-too-large", "networking/service-subnet-too-large-ipv6"],
    ),
    ("ValidatePodSubnetNodeMask", "smaller", &["networking/pod-subnet-smaller-than-a-node"]),
    (
        "ValidatePodSubnetNodeMask",
        "difference",
        &["networking/pod-subnet-much-larger-than-a-node", "networking/node-mask-out-of-reach"],
    ),
    ("getClusterNodeMask", "number", &["networking/node-mask-is-no-number"]),
    (
        "ValidateCertSANs",
        "apiServer",
        &["cluster/san-with-an-underscore", "cluster/san-is-a-subnet", "cluster/san-with-two-wildcards"],
    ),
    ("ValidateCertSANs", "etcd", &["etcd/server-san", "etcd/peer-san"]),
    ("ValidateAbsolutePath", "certificatesDir", &["cluster/certificates-directory-relative"]),
    ("ValidateAbsolutePath", "etcd", &["etcd/data-directory-relative", "etcd/external-authority-relative"]),
    ("ValidateFeatureGates", "names", &["cluster/gate-misspelt", "cluster/gate-removed-long-ago"]),
    (
        "ValidateImageRepository",
        "imageRepository",
        &["cluster/repository-with-a-scheme", "cluster/repository-in-upper-case"],
    ),
    ("ValidateImageRepository", "etcd", &["etcd/local-repository"]),
    ("ValidateEtcd", "local and external", &["etcd/local-and-external"]),
    (
        "ValidateEtcd",
        "certFile and keyFile",
        &["etcd/external-certificate-without-key", "etcd/external-key-without-certificate"],
    ),
    ("ValidateEtcd", "caFile", &["etcd/external-pair-without-authority"]),
    ("ValidateEtcd", "endpoints", &["etcd/external-without-endpoints"]),
    ("ValidateURLs", "https", &["etcd/external-plain-with-certificates"]),
    ("ValidateURLs", "scheme", &["etcd/external-without-a-scheme", "etcd/external-http-endpoint-without-a-scheme"]),
    ("ValidateEncryptionAlgorithm", "known", &["cluster/algorithm-without-a-size", "cluster/algorithm-unknown"]),
    ("ValidateDiscovery", "one of two", &["join/no-discovery", "join/both-discoveries"]),
    ("ValidateDiscovery", "tlsBootstrapToken", &["join/tls-token"]),
    ("ValidateDiscoveryBootstrapToken", "token", &["join/token-missing"]),
    (
        "ValidateDiscoveryBootstrapToken",
        "apiServerEndpoint",
        &["join/endpoint-missing", "join/endpoint-without-a-port"],
    ),
    ("ValidateDiscoveryBootstrapToken", "caCertHashes", &["join/no-hash"]),
    ("ValidateDiscoveryKubeConfigPath", "scheme", &["join/kubeconfig-by-http", "join/kubeconfig-without-a-path"]),
    ("ValidateJoinConfiguration", "caCertPath", &["join/authority-relative", "join/authority-of-another-name"]),
    ("ValidateResetConfiguration", "criSocket", &["reset/socket-of-tcp"]),
    ("ValidateResetConfiguration", "certificatesDir", &["reset/certificates-directory-relative"]),
    ("ValidateUnmountFlags", "known", &["reset/unmount-flag", "reset/unmount-flag-in-lower-case"]),
    ("ValidateUpgradeConfiguration", "patches", &["upgrade/patches-relative", "upgrade/patches-without-a-directory"]),
    ("ValidateUpgradeConfiguration", "imagePullPolicy", &["upgrade/pull-policy", "upgrade/pull-policy-of-nodes"]),
];

#[test]
fn every_rule_of_kubeadm_has_a_case() {
    let known: BTreeSet<String> = cases().iter().map(|(group, case)| format!("{group}/{}", case.name)).collect();
    for (function, rule, cases) in RULES {
        assert!(!cases.is_empty(), "{function}: {rule}");
        for case in *cases {
            assert!(known.contains(*case), "{function}, {rule}: there is no case {case}");
        }
    }
}

#[test]
fn every_case_that_kubeadm_takes_too_breaks_a_rule_of_ours() {
    let named: BTreeSet<&str> = RULES.iter().flat_map(|(_, _, cases)| cases.iter().copied()).collect();
    // Rules that kubeadm has when a command runs and not in `config validate`, or whose value it mends first.
    let later = ["init/all-checks-and-one", "init/socket-of-tcp", "reset/socket-of-tcp"];
    for (group, case) in cases().iter().filter(|(_, case)| case.kubeadm == Peer::Takes) {
        let name = format!("{group}/{}", case.name);
        assert!(later.contains(&name.as_str()) || !named.contains(name.as_str()), "{name} is no rule of kubeadm's");
    }
}

#[test]
fn a_node_needs_a_name() {
    let host = HostFacts { hostname: " \n".to_owned(), ..machine() };
    let error = load_init(None, &InitFlags::default(), &host, &mut |bytes| bytes.fill(1)).unwrap_err().to_string();
    assert!(error.starts_with("nodeRegistration.name: the machine's host name could not be read"), "{error}");
}

#[test]
fn several_runtimes_need_a_choice() {
    let sockets = ["/var/run/crio/crio.sock", "/var/run/containerd/containerd.sock"].map(str::to_owned).into();
    let host = HostFacts { cri_sockets: sockets, ..machine() };
    let load = |flags: InitFlags| load_init(None, &flags, &host, &mut |bytes| bytes.fill(1));
    let error = load(InitFlags::default()).unwrap_err().to_string();
    assert!(error.contains("several container runtimes answer: unix:///var/run/containerd/containerd.sock, unix:///var/run/crio/crio.sock"), "{error}");
    let socket = "unix:///var/run/crio/crio.sock";
    let (init, _) = load(InitFlags { cri_socket: Some(socket.to_owned()), ..InitFlags::default() }).unwrap();
    assert_eq!(init.init.node_registration.cri_socket, socket);
}

/// What `SetDefaults_…`, the dynamic defaults and the conversions fill in where nobody says anything.
#[test]
fn every_default_is_kubeadms() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
    let (loaded, warnings) = from_file(text).unwrap();
    assert_eq!(warnings, []);
    let (init, cluster) = (&loaded.init, &loaded.cluster);
    let node = &init.node_registration;
    let token = &init.bootstrap_tokens[0];
    let etcd = cluster.etcd.local().unwrap();
    let strings: &[(&str, &str, &str)] = &[
        ("clusterName", &cluster.cluster_name, "kubernetes"),
        ("kubernetesVersion", &cluster.kubernetes_version.to_string(), "v1.36.2"),
        ("certificatesDir", cluster.certificates_dir.as_str(), "/etc/kubernetes/pki"),
        ("imageRepository", &cluster.image_repository, "registry.k8s.io"),
        ("encryptionAlgorithm", cluster.encryption_algorithm.as_str(), "RSA-2048"),
        ("networking.serviceSubnet", cluster.networking.service_subnet.as_str(), "10.96.0.0/12"),
        ("networking.dnsDomain", &cluster.networking.dns_domain, "cluster.local"),
        ("etcd.local.dataDir", etcd.data_dir.as_str(), "/var/lib/etcd"),
        ("nodeRegistration.name", &node.name, "node1"),
        ("nodeRegistration.criSocket", &node.cri_socket, "unix:///var/run/containerd/containerd.sock"),
        ("nodeRegistration.imagePullPolicy", node.image_pull_policy.as_str(), "IfNotPresent"),
        ("nodeRegistration.taints", &node.taints[0].to_string(), "node-role.kubernetes.io/control-plane:NoSchedule"),
        ("localAPIEndpoint.advertiseAddress", &init.local_api_endpoint.advertise_address.to_string(), "192.0.2.2"),
        ("localAPIEndpoint.bindPort", &init.local_api_endpoint.bind_port.to_string(), "6443"),
        ("bootstrapTokens[0].usages", &token.usages.join(","), "signing,authentication"),
        ("bootstrapTokens[0].groups", &token.groups.join(","), "system:bootstrappers:kubeadm:default-node-token"),
    ];
    for (field, found, expected) in strings {
        assert_eq!(found, expected, "{field}");
    }
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let timeouts = &init.timeouts;
    for (field, found, expected) in [
        ("certificateValidityPeriod", cluster.certificate_validity_period, minutes(60 * 24 * 365)),
        ("caCertificateValidityPeriod", cluster.ca_certificate_validity_period, minutes(60 * 24 * 3650)),
        ("bootstrapTokens[0].ttl", token.ttl.unwrap(), minutes(60 * 24)),
        ("timeouts.controlPlaneComponentHealthCheck", timeouts.control_plane_component_health_check, minutes(4)),
        ("timeouts.kubeletHealthCheck", timeouts.kubelet_health_check, minutes(4)),
        ("timeouts.kubernetesAPICall", timeouts.kubernetes_api_call, minutes(1)),
        ("timeouts.etcdAPICall", timeouts.etcd_api_call, minutes(2)),
        ("timeouts.tlsBootstrap", timeouts.tls_bootstrap, minutes(5)),
        ("timeouts.discovery", timeouts.discovery, minutes(5)),
        ("timeouts.upgradeManifests", timeouts.upgrade_manifests, minutes(5)),
    ] {
        assert_eq!(found, expected, "{field}");
    }
    assert!(node.image_pull_serial && !init.dry_run && !cluster.dns.disabled && !cluster.proxy.disabled);
    assert_eq!((&cluster.networking.pod_subnet, &cluster.control_plane_endpoint), (&None, &None));
    assert_eq!((init.certificate_key.is_none(), init.patches_directory.is_none()), (true, true));
    let kubelet = &loaded.kubelet.document;
    assert_eq!(kubelet["cgroupDriver"], "systemd");
    assert_eq!(kubelet["clusterDNS"], serde_json::json!(["10.96.0.10"]));
    assert_eq!(kubelet["clusterDomain"], "cluster.local");
    assert_eq!(kubelet["rotateCertificates"], true);
}

/// What deserves a look and stops nothing, with the field that it is told of.
#[test]
fn every_warning_of_kubeadm_is_told() {
    let cluster = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n";
    let init = "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n";
    let kubelet = "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let proxy = "---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
    for (text, field, part) in [
        (format!("{cluster}certificateValidityPeriod: 9000h\n"), "certificateValidityPeriod", "365 days"),
        (format!("{cluster}caCertificateValidityPeriod: 90000h\n"), "caCertificateValidityPeriod", "3650 days"),
        (
            format!("{cluster}certificateValidityPeriod: 100h\ncaCertificateValidityPeriod: 10h\n"),
            "certificateValidityPeriod",
            "outlive",
        ),
        (format!("{cluster}controlPlaneEndpoint: lb:443\n"), "controlPlaneEndpoint", "differs"),
        (format!("{cluster}networking: {{serviceSubnet: 'fec0::/112'}}\n"), "networking.serviceSubnet", "site-local"),
        (format!("{cluster}featureGates: {{PublicKeysECDSA: true}}\n"), "featureGates.PublicKeysECDSA", "deprecated"),
        (format!("{cluster}{init}nodeRegistration: {{criSocket: /x.sock}}\n"), "nodeRegistration.criSocket", "unix://"),
        (cluster.replace("v1beta4", "v1beta3"), "apiVersion", "deprecated"),
        (format!("{cluster}{kubelet}staticPodPath: /x\n"), "staticPodPath", "/etc/kubernetes/manifests"),
        (format!("{cluster}{kubelet}clusterDNS: [10.0.0.1]\n"), "clusterDNS", "10.96.0.10"),
        (format!("{cluster}{kubelet}clusterDNS: []\n"), "clusterDNS", "10.96.0.10"),
        (format!("{cluster}{kubelet}clusterDomain: a.b\n"), "clusterDomain", "cluster.local"),
        (
            format!("{cluster}{kubelet}authentication: {{x509: {{clientCAFile: /x}}}}\n"),
            "authentication.x509.clientCAFile",
            "ca.crt",
        ),
        (
            format!("{cluster}{kubelet}authentication: {{anonymous: {{enabled: true}}}}\n"),
            "authentication.anonymous.enabled",
            "false",
        ),
        (
            format!("{cluster}{kubelet}authentication: {{webhook: {{enabled: false}}}}\n"),
            "authentication.webhook.enabled",
            "true",
        ),
        (format!("{cluster}{kubelet}authorization: {{mode: AlwaysAllow}}\n"), "authorization.mode", "Webhook"),
        (format!("{cluster}{kubelet}healthzBindAddress: 0.0.0.0\n"), "healthzBindAddress", "127.0.0.1"),
        (format!("{cluster}{kubelet}healthzPort: 1\n"), "healthzPort", "10248"),
        (format!("{cluster}{kubelet}readOnlyPort: 10255\n"), "readOnlyPort", "0"),
        (format!("{cluster}{proxy}bindAddress: 192.0.2.2\n"), "bindAddress", "0.0.0.0"),
        (
            format!("{cluster}networking: {{podSubnet: 10.244.0.0/16}}\n{proxy}clusterCIDR: 10.1.0.0/16\n"),
            "clusterCIDR",
            "10.244.0.0/16",
        ),
        (
            format!("{cluster}{proxy}clientConnection: {{kubeconfig: /x}}\n"),
            "clientConnection.kubeconfig",
            "kubeconfig.conf",
        ),
    ] {
        let (_, warnings) = from_file(&text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 1, "{text}\n{told:?}");
        assert_eq!(warnings[0].field, field, "{text}");
        assert!(warnings[0].line.is_some() && told[0].contains(part), "{text}\n{told:?}");
    }
}
