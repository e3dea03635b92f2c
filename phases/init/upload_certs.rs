//! Stores the certificates that further control-plane nodes need in the cluster, encrypted, for two hours.

use kubewright_config::{BootstrapToken, CertificateKey};
use kubewright_manifests::uploads::{self, TokenOwner};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::artifacts::{ClusterAdmin, UploadedCerts};
use crate::prelude::*;
use crate::random::fill;

/// The phase `upload-certs`.
pub struct UploadCerts;

impl Phase<Node> for UploadCerts {
    const ABOUT: &'static str = "Upload certificates to kubeadm-certs";
    const RANK: u16 = 900;

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<InitOptions>,
        Read<ClusterAdmin>,
        Use<Files>,
        Use<Kube>,
        Use<Clock>,
    );
    type Output = UploadedCerts;

    fn applies(&self, seeds: &Seeds) -> Applies {
        if seeds.get::<InitOptions>().is_some_and(|options| options.upload_certs) {
            return Applies::Yes;
        }
        Applies::Told { tag: "upload-certs", text: "Skipping phase. Please see --upload-certs".into() }
    }

    async fn run(
        &self,
        (init, cluster, options, admin, files, kube, clock): Self::Input,
        report: &Report,
    ) -> Result<UploadedCerts, Failure> {
        report.note(
            "upload-certs",
            "Storing the certificates in Secret \"kubeadm-certs\" in the \"kube-system\" Namespace",
        );
        let key = init.certificate_key.clone().unwrap_or_else(|| CertificateKey::generate(&mut fill));

        // The certificates vanish with a token of their own, which lives for two hours.
        let token =
            uploads::bootstrap_token(&uploads::certificates_token(BootstrapToken::generate(&mut fill)), clock.now())?;
        let live = kube.apply(&admin.0, token.object(), report).await?;
        let text = |pointer| live.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let owner = TokenOwner { name: text("/metadata/name"), uid: text("/metadata/uid") };

        let mut contents = Vec::new();
        for (data_key, path) in uploads::certificate_files(&cluster) {
            let file = path.map(|path| files.read(&path)).transpose()?.flatten();
            contents.push((data_key, file.map(|file| Zeroizing::new(file.as_bytes().to_vec()))));
        }
        let upload = uploads::kubeadm_certs(&key, &contents, &owner, &mut fill)?;
        kube.apply(&admin.0, upload.secret.object(), report).await?;
        for object in &upload.access {
            kube.apply(&admin.0, object, report).await?;
        }
        if !options.skip_certificate_key_print {
            report.note("upload-certs", "Using certificate key:");
            report.output(format!("{}\n", *key.reveal()));
        }
        Ok(UploadedCerts { key: Some(key) })
    }
}
