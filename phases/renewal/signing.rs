//! A new certificate in the place of an old one, which says all that the old one said.

use kubewright_node::Files;
use kubewright_pki::{Certificate, KeyAlgorithm, LeafSpec, PrivateKey};

use super::outcome::is_due;
use super::{Held, Managed, NothingLost, Outcome, RenewOptions, is_external};
use crate::credentials::render;
use crate::issuing::{Issuing, KnownAuthority, blocking, pair_paths, read_authority};
use crate::prelude::*;

/// What every phase that renews takes.
pub type RenewNeeds =
    (Read<NothingLost>, Read<ClusterConfiguration>, Read<VersionFacts>, Read<RenewOptions>, Use<Files>, Use<Clock>);

/// Renews one certificate if it is due. What hinders it is told and is no failure yet: the others have their turn, and
/// the run fails in the end.
///
/// # Errors
/// The new files cannot be written.
pub async fn renew(
    managed: Managed,
    (_, cluster, facts, options, files, clock): RenewNeeds,
    report: &Report,
) -> Result<Outcome, Failure> {
    let issuing = Issuing::new(&cluster, &facts, &clock);
    let long_name = managed.long_name();
    match prepare(managed, &issuing, &options, &files).await {
        Ok(Prepared::New(new)) => {
            new.write(&issuing, &files)?;
            if options.restart && managed.component().is_some() {
                // A process may go on with the old one for as long as that holds.
                let text = format!("{}\n", new.old().not_after().unix_timestamp());
                files.write(&managed.mark(), &Contents::public(text), paths::SECRET_FILE)?;
            }
            report.note("", format!("{long_name} renewed"));
            Ok(Outcome::Renewed)
        }
        Ok(Prepared::Nothing(outcome)) => {
            match &outcome {
                // The kubelet's is none of kubeadm's, and a machine without it is told of nothing.
                Outcome::Missing if managed != Managed::KUBELET => {
                    report.note("", format!("MISSING! {long_name}"));
                }
                Outcome::External => {
                    let base = managed.authority().profile().base_name;
                    report.note("", format!("Detected external {base}, {long_name} can't be renewed"));
                }
                Outcome::Holds if managed != Managed::KUBELET => {
                    report.note("", format!("{long_name} holds for longer, and is kept"));
                }
                _ => {}
            }
            Ok(outcome)
        }
        Err(failure) => {
            let why = failure.to_string();
            report.warn(format!("{long_name} was not renewed: {why}"));
            Ok(Outcome::Failed { why })
        }
    }
}

/// What the renewal of a certificate that is due would lose.
///
/// # Errors
/// It cannot be read or renewed, which the phase that renews it tells.
pub async fn losses(
    managed: Managed,
    issuing: &Issuing<'_>,
    options: &RenewOptions,
    files: &Files,
) -> Result<Vec<String>, Failure> {
    let read = |path: &Utf8Path| files.read(path);
    let Due::Yes(due) = look(managed, issuing, options, &read)? else { return Ok(Vec::new()) };
    let (held, authority) = *due;
    // A key that is made in no time, and is gone with the trial.
    let (trial, _) = sign(managed, &held, &authority, issuing, KeyAlgorithm::EcdsaP256).await?;
    Ok(held.certificate.losses_in(&trial)?)
}

enum Due {
    Yes(Box<(Held, KnownAuthority)>),
    No(Outcome),
}

fn look(
    managed: Managed,
    issuing: &Issuing<'_>,
    options: &RenewOptions,
    read: &dyn Fn(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<Due, Failure> {
    let Some(held) = managed.read(issuing.cluster, read)? else { return Ok(Due::No(Outcome::Missing)) };
    if !is_due(managed, &held.certificate, options, issuing.cluster, issuing.now) {
        return Ok(Due::No(Outcome::Holds));
    }
    let kind = managed.authority();
    if is_external(kind, issuing.cluster, read)? {
        return Ok(Due::No(Outcome::External));
    }
    let authority = read_authority(issuing.cluster, kind, |path| read(path))?;
    let base = kind.profile().base_name;
    let authority = authority.ok_or_else(|| Failure::new(format!("the certificate authority {base} is not there")))?;
    Ok(Due::Yes(Box::new((held, authority))))
}

enum Prepared {
    New(Box<Renewed>),
    Nothing(Outcome),
}

/// Reads, signs and compares; writes nothing.
async fn prepare(
    managed: Managed,
    issuing: &Issuing<'_>,
    options: &RenewOptions,
    files: &Files,
) -> Result<Prepared, Failure> {
    let read = |path: &Utf8Path| files.read(path);
    let (held, authority) = match look(managed, issuing, options, &read)? {
        Due::Yes(due) => *due,
        Due::No(outcome) => return Ok(Prepared::Nothing(outcome)),
    };
    let algorithm = match options.configured {
        true => issuing.algorithm(),
        // Nobody says which kind is wanted; the old key's will do.
        false => {
            let key = managed.key(&held, issuing.cluster, &read).ok();
            key.and_then(|key| key.algorithm()).unwrap_or(KeyAlgorithm::Rsa2048)
        }
    };
    Ok(Prepared::New(Box::new(Renewed::sign(managed, held, authority, issuing, algorithm).await?)))
}

/// A new certificate with a new key that may take the place of an old one.
pub struct Renewed {
    managed: Managed,
    held: Held,
    authority: Certificate,
    certificate: Certificate,
    key: PrivateKey,
}

impl Renewed {
    /// Signs one that says all that the old one says, for as long as the configuration wants.
    ///
    /// # Errors
    /// The authority cannot sign, nobody would believe it, or something of the old one would be lost.
    pub async fn sign(
        managed: Managed,
        held: Held,
        authority: KnownAuthority,
        issuing: &Issuing<'_>,
        algorithm: KeyAlgorithm,
    ) -> Result<Self, Failure> {
        let (certificate, key) = sign(managed, &held, &authority, issuing, algorithm).await?;
        let lost = held.certificate.losses_in(&certificate)?;
        if !lost.is_empty() {
            return Err(Failure::new(format!("the new certificate would lack {}", lost.join(", "))));
        }
        Ok(Self { managed, held, authority: authority.certificate, certificate, key })
    }

    /// The one in whose place it is to be.
    pub fn old(&self) -> &Certificate {
        &self.held.certificate
    }

    /// Puts it there. Files keep their modes, as in kubeadm: somebody may have given a key to a group.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, issuing: &Issuing<'_>, files: &Files) -> Result<(), Failure> {
        let Self { managed, held, authority, certificate, key } = self;
        match (managed, &held.document) {
            (Managed::Pki(kind), _) => {
                let (crt, pem) = pair_paths(issuing.cluster, kind.profile().base_name);
                files.rewrite(&pem, &Contents::secret(key.to_pem()?.as_bytes()), paths::SECRET_FILE)?;
                files.rewrite(&crt, &Contents::public(certificate.to_pem()), paths::PUBLIC_FILE)
            }
            (Managed::Kubeconfig(_), Some(document)) => {
                let mut document = document.clone();
                document.set_certificate_authority(authority);
                document.set_client_cert(certificate, key)?;
                files.rewrite(&held.path, &Contents::secret(render(&document)?), paths::SECRET_FILE)
            }
            (Managed::Kubeconfig(_), None) => {
                // As the kubelet writes it: the certificate, then its key.
                let mut pem = zeroize::Zeroizing::new(certificate.to_pem());
                pem.push_str(&key.to_pem()?);
                files.rewrite(&held.path, &Contents::secret(pem.as_bytes()), paths::SECRET_FILE)
            }
        }
    }
}

async fn sign(
    managed: Managed,
    held: &Held,
    authority: &KnownAuthority,
    issuing: &Issuing<'_>,
    algorithm: KeyAlgorithm,
) -> Result<(Certificate, PrivateKey), Failure> {
    let signer = authority.signer(managed.authority().profile().base_name)?;
    let conventions = issuing.conventions();
    let spec = LeafSpec::renewing(&held.certificate, &conventions);
    // Unlike at `init`, a kubeconfig's certificate begins as those in files do.
    let validity = signer.leaf_validity(issuing.now, issuing.cluster.certificate_validity_period, &conventions);
    let now = issuing.now;
    blocking(move || {
        let key = PrivateKey::generate(algorithm)?;
        let certificate = signer.sign(&spec, &key, validity)?;
        // An authority that has expired signs what nobody believes.
        certificate.verify_signed_by(signer.certificate(), now)?;
        Ok((certificate, key))
    })
    .await
}
