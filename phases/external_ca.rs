//! External authorities: what the user must provide when an authority's key is kept elsewhere. Looked at before the first
//! phase of every `init` command, since nothing of it can be made here. kubeadm: `UsingExternalCA`,
//! `UsingExternalFrontProxyCA` in `app/phases/certs/certs.go`, `ValidateKubeconfigsForExternalCA`.

use camino::Utf8Path;
use kubewright_config::ClusterConfiguration;
use kubewright_engine::{Failure, FailureKind};
use kubewright_node::Contents;
use kubewright_pki::{Certificate, CertificateKind, KubeconfigKind};
use time::OffsetDateTime;

use crate::credentials::{Credentials, check_existing, parse};
use crate::issuing::{check_leaf, pair_paths, read_leaf};

/// Which authorities are external, and what the user should know of what they provided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalAuthorities {
    /// `ca.crt` is there without `ca.key`.
    pub cluster: bool,
    /// `front-proxy-ca.crt` is there without `front-proxy-ca.key`.
    pub front_proxy: bool,
    /// What is odd and stops nothing.
    pub warnings: Vec<String>,
}

/// Looks which authorities are external, and whether all that they had to sign is there and holds.
///
/// # Errors
/// Everything that is missing or does not hold, at once; or `--upload-certs`, which has no key to upload.
pub fn look(
    credentials: &Credentials<'_>,
    now: OffsetDateTime,
    read: impl Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<ExternalAuthorities, Failure> {
    let mut external = ExternalAuthorities::default();
    if let Some(authority) = keyless(credentials.cluster, CertificateKind::Ca, &read) {
        external.cluster = true;
        let mut wrong = missing_leaves(credentials.cluster, CertificateKind::Ca, &authority, now, &read);
        for kind in credentials.kinds() {
            match look_at_kubeconfig(credentials, kind, &authority, &read) {
                Ok(warnings) => external.warnings.extend(warnings),
                Err(failure) => wrong.push(failure),
            }
        }
        refuse("CA", wrong)?;
    }
    if let Some(authority) = keyless(credentials.cluster, CertificateKind::FrontProxyCa, &read) {
        external.front_proxy = true;
        refuse(
            "front-proxy CA",
            missing_leaves(credentials.cluster, CertificateKind::FrontProxyCa, &authority, now, &read),
        )?;
    }
    if credentials.options.upload_certs && (external.cluster || external.front_proxy) {
        return Err(Failure::new("can't use upload-certs with an external CA or an external front-proxy CA")
            .hint("leave --upload-certs out, and copy the certificates to other control-plane nodes yourself")
            .kind(FailureKind::Validation));
    }
    Ok(external)
}

/// The authority's certificate, if it is one and its key is not there.
fn keyless(
    cluster: &ClusterConfiguration,
    kind: CertificateKind,
    read: impl Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Option<Certificate> {
    let (crt, key) = pair_paths(cluster, kind.profile().base_name);
    // What cannot be read is there: only its absence says that somebody else keeps it.
    let certificate = read(&crt).ok().flatten().filter(|_| matches!(read(&key), Ok(None)))?;
    Certificate::from_pem(certificate.as_bytes()).ok().filter(Certificate::is_ca)
}

/// Why certificates that the authority had to sign cannot be used.
fn missing_leaves(
    cluster: &ClusterConfiguration,
    authority: CertificateKind,
    certificate: &Certificate,
    now: OffsetDateTime,
    read: impl Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Vec<Failure> {
    let leaves = CertificateKind::ALL.into_iter().filter(|kind| kind.profile().parent == Some(authority));
    leaves
        .filter_map(|kind| {
            let leaf = match read_leaf(cluster, kind, |path| read(path)) {
                Ok(leaf) => leaf,
                Err(failure) => return Some(failure),
            };
            match leaf {
                Some(leaf) => check_leaf(cluster, kind, &leaf, certificate, now).err(),
                None => {
                    let (crt, key) = pair_paths(cluster, kind.profile().base_name);
                    Some(Failure::new(format!("`{crt}` and `{key}` are not there")))
                }
            }
        })
        .collect()
}

fn look_at_kubeconfig(
    credentials: &Credentials<'_>,
    kind: KubeconfigKind,
    authority: &Certificate,
    read: impl Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<Option<String>, Failure> {
    let path = credentials.options.kubeconfig_dir.join(kind.file_name());
    let existing = read(&path)?.ok_or_else(|| Failure::new(format!("`{path}` is not there")))?;
    let warning = check_existing(&path, &existing, authority, &credentials.server(kind), read)?;
    // kubeadm expects the cluster's endpoint in a kubelet.conf that it did not write, and writes the node's own.
    let accepted = parse(&path, &existing)?.server().map(str::to_owned)
        == Some(credentials.cluster.endpoint(&credentials.init.local_api_endpoint).url());
    Ok(warning.filter(|_| !(accepted && kind == KubeconfigKind::Kubelet)))
}

fn refuse(name: &str, wrong: Vec<Failure>) -> Result<(), Failure> {
    if wrong.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = wrong.iter().map(|failure| format!("\n\t{failure}")).collect();
    Err(Failure::new(format!("invalid or incomplete external {name}:{}", lines.concat()))
        .hint(format!("the key of the {name} is not here, so nothing can be signed: provide these files, or the key"))
        .kind(FailureKind::Validation))
}
