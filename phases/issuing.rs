//! How a certificate is kept or made, by the rules that all of `init phase certs …` share. kubeadm:
//! `app/phases/certs/certs.go`.

use std::time::Duration;

use camino::Utf8PathBuf;
use kubewright_config::model::EncryptionAlgorithm;
use kubewright_config::{ClusterConfiguration, VersionFacts};
use kubewright_engine::{Failure, FailureContext, Report};
use kubewright_node::{Clock, Contents, Files};
use kubewright_pki::{
    Authority, Certificate, CertificateKind, Conventions, KeyAlgorithm, PrivateKey, SanSet, Validity,
};
use time::OffsetDateTime;

use crate::paths;

/// A certificate authority as it stands on the node. Without a key it can be trusted but cannot sign.
#[derive(Debug, Clone)]
pub struct KnownAuthority {
    /// The authority's certificate.
    pub certificate: Certificate,
    /// Its key, unless an external authority keeps it.
    pub key: Option<PrivateKey>,
}

impl KnownAuthority {
    /// The authority as a signer; `base` names its file in the error, such as `ca`.
    pub fn signer(&self, base: &str) -> Result<Authority, Failure> {
        let key = self.key.clone().ok_or_else(|| {
            Failure::new(format!("`{base}.key` is missing, so nothing can be signed"))
                .hint(format!("put {base}.key beside {base}.crt, or provide the certificate that it would sign"))
        })?;
        Authority::from_parts(self.certificate.clone(), key)
            .context(format!("cannot use `{base}.crt` and `{base}.key`"))
    }
}

/// Everything that decides how certificates look.
pub struct Issuing<'a> {
    /// Where they lie, how long they hold, what kind of keys they have.
    pub cluster: &'a ClusterConfiguration,
    /// What depends on the version.
    pub facts: &'a VersionFacts,
    /// The time.
    pub now: OffsetDateTime,
}

impl<'a> Issuing<'a> {
    /// Gathers what decides how certificates look.
    pub fn new(cluster: &'a ClusterConfiguration, facts: &'a VersionFacts, clock: &Clock) -> Self {
        Self { cluster, facts, now: clock.now() }
    }

    /// The version's habits in the crate's terms.
    pub fn conventions(&self) -> Conventions {
        conventions(self.facts)
    }

    /// Keeps the authority that is there, with or without its key, or makes one.
    pub async fn ensure_authority(
        &self,
        kind: CertificateKind,
        files: &Files,
        report: &Report,
    ) -> Result<KnownAuthority, Failure> {
        let base = kind.profile().base_name;
        if let Some(known) = read_authority(self.cluster, kind, |path| files.read(path))? {
            let manner = if known.key.is_some() { "" } else { "keyless " };
            report.note("certs", format!("Using existing {base} {manner}certificate authority"));
            self.warn_of_period(base, &known.certificate, report);
            return Ok(known);
        }
        report.note("certs", format!("Generating \"{base}\" certificate and key"));
        let conventions = self.conventions();
        let spec = kind.profile().ca_spec(&conventions).expect("the callers name authorities only");
        let validity = Validity::lasting(self.now, self.cluster.ca_certificate_validity_period, conventions.backdate);
        let algorithm = self.algorithm();
        let authority =
            blocking(move || Authority::self_signed(&spec, PrivateKey::generate(algorithm)?, validity)).await?;
        self.write_pair(base, authority.certificate(), authority.key(), files)?;
        Ok(KnownAuthority { certificate: authority.certificate().clone(), key: Some(authority.key().clone()) })
    }

    /// Keeps the leaf that is there if the authority signed it and it is valid now, or makes one.
    pub async fn ensure_leaf(
        &self,
        kind: CertificateKind,
        authority: &KnownAuthority,
        node_name: &str,
        names: SanSet,
        files: &Files,
        report: &Report,
    ) -> Result<(), Failure> {
        let profile = kind.profile();
        let base = profile.base_name;
        if let Some(existing) = read_leaf(self.cluster, kind, |path| files.read(path))? {
            check_leaf(self.cluster, kind, &existing, &authority.certificate, self.now)?;
            report.note("certs", format!("Using existing {base} certificate and key on disk"));
            self.warn_of_period(base, &existing, report);
            if let Err(missing) = existing.covers(&names) {
                report.warn(format!("the existing certificate {base} is kept, although {missing}"));
            }
            return Ok(());
        }
        let parent = profile.parent.map_or("ca", |parent| parent.profile().base_name);
        let signer = authority.signer(parent)?;
        report.note("certs", format!("Generating \"{base}\" certificate and key"));
        if !names.is_empty() {
            let (dns, ips) = (names.dns().join(" "), names.ips().iter().map(ToString::to_string).collect::<Vec<_>>());
            let ips = ips.join(" ");
            report.note("certs", format!("{base} serving cert is signed for DNS names [{dns}] and IPs [{ips}]"));
        }
        let conventions = self.conventions();
        let spec = profile.leaf_spec(&conventions, node_name, names).expect("the callers name leaves only");
        let validity = signer.leaf_validity(self.now, self.cluster.certificate_validity_period, &conventions);
        let algorithm = self.algorithm();
        let (certificate, key) = blocking(move || {
            let key = PrivateKey::generate(algorithm)?;
            signer.sign(&spec, &key, validity).map(|certificate| (certificate, key))
        })
        .await?;
        self.write_pair(base, &certificate, &key, files)
    }

    /// Keeps the service account key that is there, or makes one; the public half is written if it is missing.
    pub async fn ensure_service_account_key(&self, files: &Files, report: &Report) -> Result<(), Failure> {
        let (private, public) = (self.cluster.certificate_path("sa.key"), self.cluster.certificate_path("sa.pub"));
        if let Some(pem) = files.read(&private)? {
            let key = PrivateKey::from_pem(pem.as_bytes())
                .context(format!("cannot use the existing service account key `{private}`"))
                .hint("restore it from a backup; removing it makes every service account token invalid")?;
            let external = read_authority(self.cluster, CertificateKind::Ca, |path| files.read(path))
                .is_ok_and(|known| known.is_some_and(|known| known.key.is_none()));
            report.note("certs", if external { "Using existing sa keys" } else { "Using the existing \"sa\" key" });
            if files.read(&public)?.is_none() {
                files.write(&public, &Contents::public(key.public_pem()), paths::SECRET_FILE)?;
            }
            return Ok(());
        }
        report.note("certs", "Generating \"sa\" key and public key");
        let algorithm = self.algorithm();
        let key = blocking(move || PrivateKey::generate(algorithm)).await?;
        files.write(&private, &Contents::secret(key.to_pem()?.as_bytes()), paths::SECRET_FILE)?;
        // kubeadm writes the public half with its writer for keys, hence 0600.
        files.write(&public, &Contents::public(key.public_pem()), paths::SECRET_FILE)
    }

    /// The kind of key that the configuration asks for. The older gate, where somebody sets it, wins over the field, as
    /// in kubeadm.
    pub fn algorithm(&self) -> KeyAlgorithm {
        match self.cluster.feature_gates.get("PublicKeysECDSA") {
            Some(true) => return KeyAlgorithm::EcdsaP256,
            Some(false) => return KeyAlgorithm::Rsa2048,
            None => {}
        }
        match self.cluster.encryption_algorithm {
            EncryptionAlgorithm::Rsa2048 => KeyAlgorithm::Rsa2048,
            EncryptionAlgorithm::Rsa3072 => KeyAlgorithm::Rsa3072,
            EncryptionAlgorithm::Rsa4096 => KeyAlgorithm::Rsa4096,
            EncryptionAlgorithm::EcdsaP256 => KeyAlgorithm::EcdsaP256,
            EncryptionAlgorithm::EcdsaP384 => KeyAlgorithm::EcdsaP384,
        }
    }

    /// Writes a certificate with its key.
    fn write_pair(
        &self,
        base: &str,
        certificate: &Certificate,
        key: &PrivateKey,
        files: &Files,
    ) -> Result<(), Failure> {
        let (crt, pem) = pair_paths(self.cluster, base);
        files.write(&pem, &Contents::secret(key.to_pem()?.as_bytes()), paths::SECRET_FILE)?;
        files.write(&crt, &Contents::public(certificate.to_pem()), paths::PUBLIC_FILE)
    }

    fn warn_of_period(&self, base: &str, certificate: &Certificate, report: &Report) {
        if let Err(error) = certificate.check_validity(self.now) {
            report.warn(format!("the certificate {base} is outside its validity period: {error}"));
        }
    }
}

/// The version's habits in the terms of the certificates' crate.
pub fn conventions(facts: &VersionFacts) -> Conventions {
    let credentials = &facts.credentials;
    Conventions {
        leaf_basic_constraints: credentials.leaf_basic_constraints,
        ca_dns_san: credentials.authority_dns_name,
        ca_serial_zero: credentials.authority_serial_zero,
        leaf_starts_with_ca: credentials.leaf_starts_with_authority,
        backdate: Duration::from_secs(credentials.backdate_seconds),
        kubelet_client_organization: credentials.kubelet_client_organization.clone(),
        etcd_client_organization: credentials.etcd_client_organization.clone(),
        admin_organization: credentials.admin_organization.clone(),
    }
}

/// Reads an authority from where the configuration says it lies; `None` when neither half is there.
pub fn read_authority(
    cluster: &ClusterConfiguration,
    kind: CertificateKind,
    mut read: impl FnMut(&camino::Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<Option<KnownAuthority>, Failure> {
    let (crt, key) = pair_paths(cluster, kind.profile().base_name);
    let Some(pem) = read(&crt)? else {
        return match read(&key)? {
            None => Ok(None),
            Some(_) => Err(Failure::new(format!("`{key}` is there, but its certificate `{crt}` is not"))
                .hint(format!("put {crt} back beside its key, or move {key} away to have a new authority made"))),
        };
    };
    let certificate = Certificate::from_pem(pem.as_bytes()).context(format!("cannot read the certificate `{crt}`"))?;
    if !certificate.is_ca() {
        return Err(Failure::new(format!("`{crt}` is not a certificate authority"))
            .hint(format!("put an authority's certificate (CA:TRUE) at {crt}, or move it away to have one made")));
    }
    let key = match read(&key)? {
        None => None,
        Some(pem) => {
            let private =
                PrivateKey::from_pem(pem.as_bytes()).context(format!("cannot read the private key `{key}`"))?;
            if !private.matches(&certificate) {
                return Err(Failure::new(format!("`{key}` is not the key of `{crt}`"))
                    .hint("put the pair that belongs together there; nothing was changed"));
            }
            Some(private)
        }
    };
    Ok(Some(KnownAuthority { certificate, key }))
}

/// Reads a leaf's certificate; `None` when neither half is there, an error when one half is missing.
pub fn read_leaf(
    cluster: &ClusterConfiguration,
    kind: CertificateKind,
    mut read: impl FnMut(&camino::Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<Option<Certificate>, Failure> {
    let (crt, key) = pair_paths(cluster, kind.profile().base_name);
    match (read(&crt)?, read(&key)?) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Failure::new(format!("`{crt}` is there, but its key `{key}` is not"))
            .hint(format!("put {key} back, or move {crt} away to have a new pair made"))),
        (None, Some(_)) => Err(Failure::new(format!("`{key}` is there, but its certificate `{crt}` is not"))
            .hint(format!("put {crt} back, or move {key} away to have a new pair made"))),
        (Some(pem), Some(key_pem)) => {
            let certificate =
                Certificate::from_pem(pem.as_bytes()).context(format!("cannot read the certificate `{crt}`"))?;
            let private =
                PrivateKey::from_pem(key_pem.as_bytes()).context(format!("cannot read the private key `{key}`"))?;
            if !private.matches(&certificate) {
                return Err(Failure::new(format!("`{key}` is not the key of `{crt}`"))
                    .hint("put the pair that belongs together there, or move both away to have a new pair made"));
            }
            Ok(Some(certificate))
        }
    }
}

/// Whether the existing leaf was signed by the authority and is valid now.
pub fn check_leaf(
    cluster: &ClusterConfiguration,
    kind: CertificateKind,
    leaf: &Certificate,
    authority: &Certificate,
    now: OffsetDateTime,
) -> Result<(), Failure> {
    let profile = kind.profile();
    let (crt, _) = pair_paths(cluster, profile.base_name);
    let parent = profile.parent.map_or("ca", |parent| parent.profile().base_name);
    let authority_file = cluster.certificate_path(format!("{parent}.crt"));
    leaf.verify_signed_by(authority, now)
        .context(format!("the existing certificate `{crt}` does not hold with the authority `{authority_file}`"))
        .hint(format!("move {crt} and its key away to have a new pair made, or put the authority that signed it at {authority_file}"))
}

/// Runs CPU-bound work beside the other phases.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, kubewright_pki::PkiError> + Send + 'static,
) -> Result<T, Failure> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// The two files of a pair, such as `etcd/ca`.
pub fn pair_paths(cluster: &ClusterConfiguration, base: &str) -> (Utf8PathBuf, Utf8PathBuf) {
    (cluster.certificate_path(format!("{base}.crt")), cluster.certificate_path(format!("{base}.key")))
}
