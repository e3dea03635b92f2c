//! Certificates that are renewed when a component is replaced: the same subject, usages and names, a new key, a new span.
//! kubeadm: `app/phases/certs/renewal`.

use kubewright_pki::{Authority, Certificate, CertificateKind, KubeconfigKind, LeafSpec, PrivateKey, Source};

use super::component::kubeconfig_path;
use super::{Component, Hands, UpgradedCluster};
use crate::credentials;
use crate::issuing::{Issuing, blocking, pair_paths, read_authority, read_leaf};
use crate::prelude::*;

/// Renews all certificates of a component; they appear with what else the phase has written.
///
/// # Errors
/// One is not there or cannot be read, or its authority cannot sign it.
pub async fn renew(component: Component, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<(), Failure> {
    for kind in component.certificates(&found.cluster) {
        renew_pair(kind, found, hands).await?;
    }
    match component.kubeconfig() {
        Some(kind) => renew_kubeconfig(kind, found, hands).await,
        None => Ok(()),
    }
}

async fn renew_pair(kind: CertificateKind, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<(), Failure> {
    let Hands { files, clock, .. } = hands;
    let profile = kind.profile();
    let (crt, pem) = pair_paths(&found.cluster, profile.base_name);
    let name = profile.base_name.replace('/', "-");
    let old = read_leaf(&found.cluster, kind, |path| files.read(path))?
        .ok_or_else(|| Failure::new(format!("the certificate `{crt}` is not there, so it cannot be renewed")))?;
    let parent = profile.parent.unwrap_or(CertificateKind::Ca);
    let Some(signer) = signer(parent, &name, found, hands)? else { return Ok(()) };
    let issuing = Issuing::new(&found.cluster, &found.facts, clock);
    let conventions = issuing.conventions();
    let validity = signer.leaf_validity(issuing.now, found.cluster.certificate_validity_period, &conventions);
    let (certificate, key) = signed(signer, LeafSpec::renewing(&old, &conventions), validity, &issuing).await?;
    files.write(&pem, &Contents::secret(key.to_pem()?.as_bytes()), paths::SECRET_FILE)?;
    files.write(&crt, &Contents::public(certificate.to_pem()), paths::PUBLIC_FILE)
}

/// Renews the certificate inside a kubeconfig; all else in it stays.
///
/// # Errors
/// It is not there, has no certificate inside, or the authority cannot sign it.
pub async fn renew_kubeconfig(kind: KubeconfigKind, found: &UpgradedCluster, hands: &Hands<'_>) -> Result<(), Failure> {
    let Hands { files, clock, .. } = hands;
    let (path, name) = (kubeconfig_path(kind), kind.file_name());
    let contents = files
        .read(&path)?
        .ok_or_else(|| Failure::new(format!("the kubeconfig `{path}` is not there, so it cannot be renewed")))?;
    let mut document = credentials::parse(&path, &contents)?;
    let Some(Source::Inline(pem)) = document.client_certificate()? else {
        return Err(Failure::new(format!(
            "the kubeconfig `{path}` has no certificate inside, so it cannot be renewed"
        )));
    };
    let old = Certificate::from_pem(&pem).context(format!("cannot read the certificate of `{path}`"))?;
    let Some(signer) = signer(CertificateKind::Ca, name, found, hands)? else { return Ok(()) };
    let issuing = Issuing::new(&found.cluster, &found.facts, clock);
    let validity = signer.client_validity(issuing.now, found.cluster.certificate_validity_period);
    let authority = signer.certificate().clone();
    let spec = LeafSpec::renewing(&old, &issuing.conventions());
    let (certificate, key) = signed(signer, spec, validity, &issuing).await?;
    document.set_client_cert(&certificate, &key)?;
    document.set_certificate_authority(&authority);
    files.write(&path, &Contents::secret(credentials::render(&document)?), paths::SECRET_FILE)
}

/// The authority as a signer; `None` when its key is kept elsewhere, which is told.
fn signer(
    parent: CertificateKind,
    name: &str,
    found: &UpgradedCluster,
    hands: &Hands<'_>,
) -> Result<Option<Authority>, Failure> {
    let base = parent.profile().base_name;
    let known = read_authority(&found.cluster, parent, |path| hands.files.read(path))?
        .ok_or_else(|| Failure::new(format!("the authority `{base}.crt`, which signs {name}, is not there")))?;
    if known.key.is_none() {
        hands.report.note("upgrade/staticpods", format!("External CA detected, {name} certificate can't be renewed"));
        return Ok(None);
    }
    hands.report.note("upgrade/staticpods", format!("Renewing {name} certificate"));
    known.signer(base).map(Some)
}

async fn signed(
    signer: Authority,
    spec: LeafSpec,
    validity: kubewright_pki::Validity,
    issuing: &Issuing<'_>,
) -> Result<(Certificate, PrivateKey), Failure> {
    let algorithm = issuing.algorithm();
    blocking(move || {
        let key = PrivateKey::generate(algorithm)?;
        signer.sign(&spec, &key, validity).map(|certificate| (certificate, key))
    })
    .await
}
