//! Tells the administrator what to do next, and how other nodes join.

use kubewright_manifests::messages::{InitDone, JoinCommand, Role, Told, init_done};
use kubewright_pki::{Certificate, DiscoveryHash};

use crate::artifacts::{BootstrapTokens, UploadedCerts};
use crate::credentials;
use crate::prelude::*;

/// The phase `show-join-command`.
pub struct ShowJoinCommand;

impl Phase<Node> for ShowJoinCommand {
    const ABOUT: &'static str = "Show the join command for control-plane and worker node";
    const RANK: u16 = 1400;
    // It says that the control plane has been initialized, which must be true.
    const AFTER: &'static [&'static str] = &["upload-config", "mark-control-plane", "kubelet-finalize", "addon"];

    type Input = (
        Read<ClusterConfiguration>,
        Read<VersionFacts>,
        Read<InitOptions>,
        Read<BootstrapTokens>,
        Read<UploadedCerts>,
        Use<Files>,
    );
    type Output = ();

    async fn run(
        &self,
        (cluster, facts, options, tokens, uploaded, files): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let path = &options.kubeconfig;
        let contents = files
            .read(path)?
            .ok_or_else(|| Failure::new(format!("the kubeconfig `{path}` is not there")))
            .hint("run `init phase kubeconfig admin` first, or name another with --kubeconfig")?;
        let document = credentials::parse(path, &contents)?;
        let authorities = match credentials::authorities(path, &document, |file| files.read(file))? {
            Some(pem) => Certificate::bundle_from_pem(&pem)?,
            None => Vec::new(),
        };
        let hashes: Vec<_> = authorities.iter().map(|authority| DiscoveryHash::of(authority).to_string()).collect();
        for token in &tokens.0 {
            let token = if options.skip_token_print { Told::Withheld } else { Told::Shown(token) };
            let key = uploaded.key.as_ref();
            let certificate_key =
                key.map(|key| if options.skip_certificate_key_print { Told::Withheld } else { Told::Shown(key) });
            let text = init_done(&InitDone {
                kubeconfig: path.as_str(),
                cluster: &cluster,
                upload_certs: options.upload_certs,
                join: JoinCommand {
                    program: &options.program,
                    server: document.server().unwrap_or_default(),
                    token,
                    ca_cert_hashes: &hashes,
                    role: Role::Worker,
                    facts: &facts,
                },
                certificate_key,
            })?;
            report.output(text.as_str());
        }
        Ok(())
    }
}
