//! Fetches the certificates that all control planes share from the Secret `kubeadm-certs`, and decrypts them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubewright_config::CertificateKey;
use kubewright_manifests::{certificate_key, uploads};
use kubewright_node::ObjectRef;
use kubewright_pki::PrivateKey;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::joining::FoundCluster;
use crate::{prelude::*, rootless};

/// The phase `control-plane-prepare/download-certs`.
pub struct DownloadCerts;

impl Phase<Node> for DownloadCerts {
    const ABOUT: &'static str = "Download certificates shared among control-plane nodes from the kubeadm-certs Secret";
    const RANK: u16 = 200;

    type Input = (Read<JoinConfiguration>, Read<FoundCluster>, Use<Files>, Use<Kube>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        let plane = seeds.get::<JoinConfiguration>().and_then(|join| join.control_plane.as_ref());
        match plane.is_some_and(|plane| plane.certificate_key.is_some()) {
            true => Applies::Yes,
            false => Applies::No { why: "no certificate key is given, so the certificates are expected here".into() },
        }
    }

    async fn run(&self, (join, found, files, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        let key = join.control_plane.as_ref().and_then(|plane| plane.certificate_key.as_ref());
        let Some(key) = key else { return Ok(()) };
        report.note(
            "download-certs",
            "Downloading the certificates in Secret \"kubeadm-certs\" in the \"kube-system\" Namespace",
        );
        let name = ObjectRef::namespaced("v1", "Secret", "kube-system", "kubeadm-certs");
        let access = found.bootstrap.access(join.timeouts.kubernetes_api_call);
        let secret = kube.get(&access, &name, report).await.context("error downloading the secret")?;
        let secret = secret.ok_or_else(|| {
            Failure::new(format!("{name} was not found in the cluster: it may have expired"))
                .hint("upload the certificates again on a control plane: `init phase upload-certs --upload-certs`")
        })?;
        // All or nothing: a wrong key must not leave half of the files.
        let mut opened = Vec::new();
        for (data_key, path) in uploads::certificate_files(&found.cluster) {
            let Some(path) = path else { continue };
            let text =
                secret.get("data").and_then(|data| data.get(&data_key)).and_then(Json::as_str).ok_or_else(|| {
                    Failure::new(format!("{name} has no `{data_key}`, which belongs at `{path}`")).hint(
                        "upload the certificates again on a control plane: `init phase upload-certs --upload-certs`",
                    )
                })?;
            let sealed = STANDARD.decode(text).context(format!("cannot read `{data_key}` of {name}"))?;
            // Uploaded where it was not there: an authority whose key is kept elsewhere.
            if !sealed.is_empty() {
                opened.push((path, open(key, &sealed, &data_key)?));
            }
        }
        for (path, plain) in opened {
            // Since an earlier run a component may own it, which must be able to read it all the time.
            if rootless::gives(&found.cluster, &found.facts, &path)
                && files.read(&path)?.is_some_and(|here| here.as_bytes() == plain.as_slice())
            {
                continue;
            }
            if let Some(parent) = path.parent() {
                files.ensure_dir(parent, paths::PUBLIC_DIR)?;
            }
            match PrivateKey::from_pem(&plain) {
                Ok(_) => files.write(&path, &Contents::secret(plain.as_slice()), paths::SECRET_FILE)?,
                Err(_) => files.write(&path, &Contents::public(plain.as_slice()), paths::PUBLIC_FILE)?,
            }
        }
        let directory = &found.cluster.certificates_dir;
        report.note("download-certs", format!("Saving the certificates to the folder: \"{directory}\""));
        Ok(())
    }
}

fn open(key: &CertificateKey, sealed: &[u8], what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    certificate_key::decrypt(key, sealed)
        .context(format!("error decoding secret data with provided key: `{what}`"))
        .hint("give the --certificate-key that the newest upload told; each upload has its own")
}
