//! Where the certificates lie and how new ones are made: from `--config`, from the cluster, or from what is on the node when
//! nobody answers. kubeadm: `getInternalCfg` in `app/cmd/certs.go`.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use kubewright_config::model::{Etcd, ExternalEtcd};
use kubewright_config::{
    ClusterConfiguration, HostFacts, Init, InitFlags, KubernetesVersion, VersionFacts, load_init, stored_cluster, yaml,
};
use kubewright_discovery::tokens::client_kubeconfig;
use kubewright_engine::{Failure, FailureContext};
use kubewright_node::{KubeAccess, ObjectRef};
use kubewright_phases::{paths, random};
use serde_json::Value as Json;

use crate::backends::Machine;
use crate::exit::Exit;
use crate::given::{GivenConfig, read_kubeconfig};
use crate::render::{data, note, warn, warn_of};

/// How long the cluster may take to tell its configuration: renewal is for clusters that do not answer, too.
const LIMIT: Duration = Duration::from_secs(10);

/// Flags of all that looks at certificates.
#[derive(Debug, Clone, Args)]
pub struct LookupArgs {
    /// The path where to save the certificates [default: the cluster's, or /etc/kubernetes/pki]
    #[arg(long, value_name = "DIR")]
    pub cert_dir: Option<String>,
    /// The kubeconfig file to use when talking to the cluster
    #[arg(long, value_name = "FILE", default_value = paths::ADMIN_CONF)]
    pub kubeconfig: Utf8PathBuf,
}

/// The configuration, as far as certificates need it.
pub struct Configuration {
    /// Where they lie, how long they hold, what kind of keys they have.
    pub cluster: ClusterConfiguration,
    /// What depends on the version.
    pub facts: VersionFacts,
    /// Whether somebody told it, and it is not only what the node's files suggest.
    pub told: bool,
}

impl Configuration {
    /// Finds it. `prefix` is the word in brackets, `aloud` whether people read what is done meanwhile.
    pub async fn find(
        machine: &Machine,
        config: Option<&str>,
        strict: bool,
        lookup: &LookupArgs,
        prefix: &'static str,
        aloud: bool,
    ) -> Result<Self, Exit> {
        let mut found = Self::look(machine, config, strict, lookup, prefix, aloud).await?;
        if let Some(directory) = &lookup.cert_dir {
            found.cluster.certificates_dir = directory.into();
        }
        Ok(found)
    }

    async fn look(
        machine: &Machine,
        config: Option<&str>,
        strict: bool,
        lookup: &LookupArgs,
        prefix: &'static str,
        aloud: bool,
    ) -> Result<Self, Exit> {
        if config.is_some_and(|path| !path.is_empty()) {
            let file = GivenConfig::read(config)?;
            let flags = InitFlags { skip_cri_detection: true, strict, ..InitFlags::default() };
            let (loaded, warnings) = load_init(file.document(), &flags, &somewhere(), &mut random::fill)?;
            warn_of(&warnings);
            return Ok(Self::of(loaded, true));
        }
        // Without a kubeconfig that can be used nobody is asked, and nothing is said, as in kubeadm.
        if let Some(access) = access(&lookup.kubeconfig) {
            if aloud {
                note(
                    prefix,
                    "Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...",
                );
                note(
                    prefix,
                    "Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.",
                );
            }
            match stored(machine, &access).await {
                Ok((cluster, facts)) => {
                    if aloud {
                        data("\n");
                    }
                    return Ok(Self { cluster, facts, told: true });
                }
                Err(failure) => {
                    if aloud {
                        note(
                            prefix,
                            "Error reading configuration from the Cluster. Falling back to default configuration\n",
                        );
                    }
                    warn(&format!("the cluster does not tell its configuration: {failure}"));
                }
            }
        }
        on_the_node(machine)
    }

    fn of(init: Init, told: bool) -> Self {
        Self { cluster: init.cluster, facts: init.facts, told }
    }
}

/// A host with a name and an address: nothing of what hangs on them is looked at here, and certificates are renewed on
/// machines without a network too.
fn somewhere() -> HostFacts {
    HostFacts::with_address("localhost", std::net::Ipv4Addr::new(192, 0, 2, 1).into())
}

fn access(path: &Utf8Path) -> Option<KubeAccess> {
    let bytes = read_kubeconfig(path).ok()?;
    let kubeconfig = client_kubeconfig(path, &bytes).ok()?;
    Some(KubeAccess { kubeconfig, server: None, call_limit: LIMIT })
}

async fn stored(machine: &Machine, access: &KubeAccess) -> Result<(ClusterConfiguration, VersionFacts), Failure> {
    let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "kubeadm-config");
    let asked = tokio::time::timeout(LIMIT, machine.backends.kube.get(access, &name)).await;
    let object = asked.map_err(|_| Failure::new(format!("no answer within {} s", LIMIT.as_secs())))??;
    let object = object.ok_or_else(|| Failure::new(format!("the cluster has no {name}")))?;
    let text = object.pointer("/data/ClusterConfiguration").and_then(Json::as_str);
    let text = text.ok_or_else(|| Failure::new(format!("{name} has no key `ClusterConfiguration`")))?;
    stored_cluster(text.as_bytes()).context(format!("cannot use {name}"))
}

/// What the static pod of kube-apiserver gives away: the version, where the certificates lie, and whose etcd it asks.
fn on_the_node(machine: &Machine) -> Result<Configuration, Exit> {
    let manifest = machine.backends.files.read(&paths::static_pod("kube-apiserver")).map_err(Exit::of)?;
    let document = manifest.and_then(|manifest| Some(yaml::document(manifest.as_bytes()).ok()?.value().clone()));
    let container = document.as_ref().and_then(|document| document.pointer("/spec/containers/0"));
    let argument = |name: &str| {
        let words = container?.get("command")?.as_array()?.iter().filter_map(Json::as_str);
        let prefix = format!("--{name}=");
        words.filter_map(|word| word.strip_prefix(&prefix)).next_back().map(str::to_owned)
    };
    let tag = container.and_then(|it| it.get("image")?.as_str()?.rsplit_once(':').map(|(_, tag)| tag.to_owned()));
    let version = tag.filter(|tag| tag.parse::<KubernetesVersion>().is_ok());
    let flags = InitFlags { skip_cri_detection: true, kubernetes_version: version, ..InitFlags::default() };
    let load = |flags: &InitFlags| load_init(None, flags, &somewhere(), &mut random::fill);
    // A version that is not known is as good as none.
    let (loaded, _) = load(&flags).or_else(|_| load(&InitFlags { kubernetes_version: None, ..flags.clone() }))?;
    let mut found = Configuration::of(loaded, false);
    if let Some(directory) = argument("tls-cert-file").as_deref().and_then(|file| Utf8Path::new(file).parent()) {
        found.cluster.certificates_dir = directory.to_owned();
    }
    let has_etcd = machine.backends.files.read(&paths::static_pod("etcd")).map_err(Exit::of)?.is_some();
    if let Some(endpoints) = argument("etcd-servers").filter(|_| !has_etcd) {
        let endpoints: Vec<String> = endpoints.split(',').map(str::to_owned).collect();
        let external = ExternalEtcd { http_endpoints: endpoints.clone(), endpoints, ..ExternalEtcd::default() };
        found.cluster.etcd = Etcd::External(external);
    }
    Ok(found)
}
