//! Lets the kubelet use the client certificate that it rotates, instead of the one that `kubeconfig/kubelet` embedded.

use crate::credentials;
use crate::prelude::*;

/// The phase `kubelet-finalize/enable-client-cert-rotation`.
pub struct EnableClientCertRotation;

impl Phase<Node> for EnableClientCertRotation {
    const ABOUT: &'static str = "Enable kubelet client certificate rotation";
    const RANK: u16 = 1200;
    // The kubelet has written its rotating certificate by the time that it has registered the node.
    const AFTER: &'static [&'static str] = &["kubelet-start", "mark-control-plane"];

    type Input = (Read<InitConfiguration>, Read<InitOptions>, Use<Files>, Use<Services>);
    type Output = ();

    async fn run(&self, (init, options, files, services): Self::Input, report: &Report) -> Result<(), Failure> {
        let given = init.node_registration.kubelet_extra_args.iter().rev().find(|arg| arg.name == "cert-dir");
        let directory = given.map_or_else(|| paths::kubelet("pki"), |arg| Utf8PathBuf::from(&arg.value));
        let pem = directory.join(paths::KUBELET_CLIENT_PEM);
        if files.read(&pem)?.is_none() {
            return Ok(());
        }
        let path = credentials::path_in(&options, kubewright_pki::KubeconfigKind::Kubelet);
        let Some(contents) = files.read(&path)? else {
            return Err(Failure::new(format!("the kubelet's kubeconfig `{path}` is not there"))
                .hint("run `init phase kubeconfig kubelet` first"));
        };
        let mut document = credentials::parse(&path, &contents)?;
        if !document.set_client_cert_file(pem.as_str()) {
            return Ok(());
        }
        report.note(
            "kubelet-finalize",
            format!("Updating \"{path}\" to point to a rotatable kubelet client certificate and key"),
        );
        files.write(&path, &Contents::secret(credentials::render(&document)?), paths::SECRET_FILE)?;
        // Nobody waits for it here, as in kubeadm: the rest of `init` needs no kubelet, and old ones take seconds to start.
        if services.init_system().is_some() {
            services.restart("kubelet").await?;
        }
        Ok(())
    }
}
