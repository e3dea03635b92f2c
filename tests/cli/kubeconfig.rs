//! `kubeconfig user`, against the form that kubeadm 1.36.2 prints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::program::Home;

const CONFIG: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
clusterName: mine
controlPlaneEndpoint: lb.example.com
certificatesDir: PKI
";

/// A home with an authority, and a configuration that names it.
fn home() -> (Home, String) {
    let home = Home::new();
    let pki = home.path().join("pki");
    let said = home.run(&["init", "phase", "certs", "ca", "--cert-dir", pki.as_str()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let config = home.write("cluster.yaml", &CONFIG.replace("PKI", pki.as_str())).to_string();
    (home, config)
}

#[test]
fn a_user_gets_a_certificate() {
    let (home, config) = home();
    let before = home.tree();
    let base = ["kubeconfig", "user", "--config", &config, "--client-name", "foo"];
    let said = home.run_as_kubeadm(&[&base[..], &["--org", "a,b", "--org", "c", "--validity-period", "24h"]].concat());
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    // The data differ each time; the rest is kubeadm's to the byte.
    let masked: String = said.out.lines().map(mask).collect();
    assert_eq!(
        masked,
        "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: DATA
    server: https://lb.example.com:6443
  name: mine
contexts:
- context:
    cluster: mine
    user: foo
  name: foo@mine
current-context: foo@mine
kind: Config
users:
- name: foo
  user:
    client-certificate-data: DATA
    client-key-data: DATA

"
    );
    let data = said.out.lines().find_map(|line| line.trim().strip_prefix("client-certificate-data: ")).unwrap();
    let certificate = kubewright_pki::Certificate::from_pem(&STANDARD.decode(data).unwrap()).unwrap();
    assert_eq!(
        (certificate.common_name(), certificate.organizations()),
        (Some("foo"), &["a", "b", "c"].map(str::to_owned)[..])
    );
    let left = certificate.not_after() - time::OffsetDateTime::now_utc();
    assert!(left > time::Duration::hours(23) && left <= time::Duration::hours(24), "{left}");
    assert_eq!(home.tree(), before, "nothing is written");
}

fn mask(line: &str) -> String {
    match line.split_once("-data: ") {
        Some((name, _)) => format!("{name}-data: DATA\n"),
        None => format!("{line}\n"),
    }
}

#[test]
fn a_token_needs_no_certificate_and_is_not_told_elsewhere() {
    let (home, config) = home();
    let secret = "s3cr3t";
    let said =
        home.run(&["kubeconfig", "user", "--config", &config, "--client-name", "foo", "--token", secret, "-v=10"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("users:\n- name: foo\n  user:\n    token: s3cr3t\n"), "{said:?}");
    assert!(!said.err.contains(secret), "{said:?}");
}

#[test]
fn what_is_odd_or_wrong_is_told() {
    let (home, config) = home();
    let base = ["kubeconfig", "user", "--config", &config, "--client-name", "foo"];
    let long = home.run(&[&base[..], &["--validity-period", "8761h"]].concat());
    assert_eq!(long.code, Some(0), "{long:?}");
    let warning = "the specified certificate validity period 8761h0m0s is longer than the default duration 8760h0m0s, this may increase security risks";
    assert!(long.err.contains(warning), "{long:?}");
    for (period, complaint) in [
        ("0", "longer than 0s"),
        ("soon", "invalid argument \"soon\" for \"--validity-period\" flag"),
        ("-1h", "--validity-period"),
    ] {
        let said = home.run(&[&base[..], &[&format!("--validity-period={period}")]].concat());
        assert!(said.code == Some(1) && said.err.contains(complaint), "{said:?}");
    }
    std::fs::remove_file(home.path().join("pki/ca.key")).unwrap();
    let keyless = home.run(&base);
    assert!(keyless.code == Some(1) && keyless.err.contains("ca.key"), "{keyless:?}");
    std::fs::remove_file(home.path().join("pki/ca.crt")).unwrap();
    let none = home.run(&base);
    assert!(none.err.contains("couldn't create a kubeconfig; the CA files couldn't be loaded"), "{none:?}");
}
