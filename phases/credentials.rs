//! How a kubeconfig file is kept or made, by the rules that all of `init phase kubeconfig …` share. kubeadm:
//! `app/phases/kubeconfig/kubeconfig.go`.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{ClusterConfiguration, InitConfiguration, VersionFacts, yaml};
use kubewright_engine::{Failure, FailureContext, Report};
use kubewright_node::{Clock, Contents, Files};
use kubewright_pki::{Certificate, Kubeconfig, KubeconfigKind, PrivateKey, Source};
use zeroize::Zeroizing;

use crate::artifacts::ClusterCa;
use crate::issuing::{Issuing, blocking, conventions};
use crate::options::InitOptions;
use crate::paths;

/// Everything that decides how kubeconfig files look.
pub struct Credentials<'a> {
    /// The node's name and endpoint.
    pub init: &'a InitConfiguration,
    /// The cluster's name and endpoint.
    pub cluster: &'a ClusterConfiguration,
    /// What depends on the version.
    pub facts: &'a VersionFacts,
    /// Where the files go.
    pub options: &'a InitOptions,
}

impl Credentials<'_> {
    /// Keeps the file that is there if it trusts the same authority, or makes one.
    pub async fn ensure(
        &self,
        kind: KubeconfigKind,
        authority: &ClusterCa,
        files: &Files,
        clock: &Clock,
        report: &Report,
    ) -> Result<(), Failure> {
        let name = kind.file_name();
        let path = self.options.kubeconfig_dir.join(name);
        let server = self.server(kind);
        if let Some(existing) = files.read(&path)? {
            let read = |path: &Utf8Path| files.read(path);
            if let Some(warning) = check_existing(&path, &existing, &authority.0.certificate, &server, read)? {
                report.warn(warning);
            }
            report.note(
                "kubeconfig",
                match authority.0.key {
                    Some(_) => format!("Using existing kubeconfig file: \"{path}\""),
                    None => format!("External CA mode: Using user provided {name}"),
                },
            );
            return Ok(());
        }
        let signer = authority.0.signer("ca")?;
        report.note("kubeconfig", format!("Writing \"{name}\" kubeconfig file"));
        let issuing = Issuing::new(self.cluster, self.facts, clock);
        let node_name = &self.init.node_registration.name;
        let spec = kind.leaf_spec(&conventions(self.facts), node_name);
        let validity = signer.client_validity(issuing.now, self.cluster.certificate_validity_period);
        let algorithm = issuing.algorithm();
        let (certificate, key) = blocking(move || {
            let key = PrivateKey::generate(algorithm)?;
            signer.sign(&spec, &key, validity).map(|certificate| (certificate, key))
        })
        .await?;
        let cluster_name = &self.cluster.cluster_name;
        let (ca, user) = (&authority.0.certificate, kind.user(node_name));
        let document = Kubeconfig::with_client_cert(cluster_name, &server, ca, &user, &certificate, &key)?;
        let document =
            if self.facts.credentials.kubeconfig_preferences { document.with_preferences() } else { document };
        files.write(&path, &Contents::secret(render(&document)?), paths::SECRET_FILE)
    }

    /// The kubeconfigs that this version has.
    pub fn kinds(&self) -> impl Iterator<Item = KubeconfigKind> {
        let super_admin = self.facts.credentials.super_admin;
        KubeconfigKind::ALL.into_iter().filter(move |kind| super_admin || *kind != KubeconfigKind::SuperAdmin)
    }

    /// The server that the file names: the cluster's endpoint, or this node's own for components that live on it.
    pub fn server(&self, kind: KubeconfigKind) -> String {
        let local = match kind {
            KubeconfigKind::Kubelet => self.facts.credentials.kubelet_local_endpoint,
            _ => kind.uses_local_endpoint(),
        };
        if local {
            self.init.local_api_endpoint.url()
        } else {
            self.cluster.endpoint(&self.init.local_api_endpoint).url()
        }
    }
}

/// Whether an existing kubeconfig can stay: it trusts the same authority. Gives a warning if it names another server.
///
/// # Errors
/// It is no kubeconfig, or trusts another authority, or none.
pub fn check_existing(
    path: &Utf8Path,
    existing: &Contents,
    authority: &Certificate,
    server: &str,
    read: impl FnOnce(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<Option<String>, Failure> {
    let document = parse(path, existing)?;
    let trusted = authorities(path, &document, read)?;
    let trusted = trusted.map(|pem| Certificate::from_pem(&pem)).transpose().context(format!("cannot use `{path}`"))?;
    if trusted.is_none_or(|trusted| trusted.der() != authority.der()) {
        return Err(Failure::new(format!("the existing kubeconfig `{path}` trusts another certificate authority"))
            .hint(format!("move {path} away to have a new one made, or put the authority that it trusts at ca.crt")));
    }
    Ok((document.server() != Some(server)).then(|| {
        format!(
            "the existing kubeconfig \"{path}\" is kept, although its server is {} and not {server}",
            document.server().unwrap_or("missing")
        )
    }))
}

/// The authorities that a kubeconfig trusts, as PEM: its own, or those of the file that it names.
///
/// # Errors
/// What it holds is malformed, or the file is not there.
pub fn authorities(
    path: &Utf8Path,
    document: &Kubeconfig,
    read: impl FnOnce(&Utf8Path) -> Result<Option<Contents>, Failure>,
) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let doing = || format!("cannot use `{path}`");
    match document.certificate_authority().context(doing())? {
        Some(Source::Inline(pem)) => Ok(Some(pem)),
        Some(Source::File(name)) => {
            let file = path.parent().unwrap_or(path).join(name);
            let pem = read(&file).context(doing())?;
            let pem = pem.ok_or_else(|| Failure::new(format!("`{file}` is not there")).context(doing()))?;
            Ok(Some(Zeroizing::new(pem.as_bytes().to_vec())))
        }
        None => Ok(None),
    }
}

/// Reads a kubeconfig document.
pub fn parse(path: &Utf8Path, contents: &Contents) -> Result<Kubeconfig, Failure> {
    let doing = || format!("cannot read the kubeconfig `{path}`");
    let document = yaml::document(contents.as_bytes()).context(doing())?;
    serde_json::from_value(document.value().clone()).context(doing())
}

/// Writes a kubeconfig document in YAML, as kubeadm writes it.
pub fn render(document: &Kubeconfig) -> Result<String, Failure> {
    Ok(yaml::to_string(&serde_json::to_value(document)?))
}

/// The path of a kubeconfig file beside the others.
pub fn path_in(options: &InitOptions, kind: KubeconfigKind) -> Utf8PathBuf {
    options.kubeconfig_dir.join(kind.file_name())
}
