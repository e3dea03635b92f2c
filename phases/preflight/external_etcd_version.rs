//! An etcd that is too old lacks what kube-apiserver asks of it.

use async_trait::async_trait;
use kubewright_config::{KubernetesVersion, VersionFacts};

use crate::checks::{Check, Finding, Name, Subject, errors};
use crate::external_etcd;

/// The check `ExternalEtcdVersion`.
pub struct ExternalEtcdVersion;

#[async_trait]
impl Check for ExternalEtcdVersion {
    fn about(&self) -> &'static str {
        "Reach an external etcd that is new enough"
    }

    fn why(&self) -> &'static str {
        "kube-apiserver does not start without etcd, and an old one lacks calls that it makes. Each endpoint is asked once \
         for `/version`, with the certificates that the configuration names."
    }

    fn fix(&self) -> &'static str {
        "see that every endpoint answers at `/version`, and upgrade members that are too old"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        errors(["ExternalEtcdVersion"])
    }

    fn rank(&self) -> u16 {
        280
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let Some(etcd) = subject.cluster.etcd.external() else { return Vec::new() };
        let minimum = &subject.facts.etcd.minimum_external;
        let finding = |(message, fix)| Finding::error("ExternalEtcdVersion", message, fix);
        let answers = match external_etcd::answers(etcd, subject).await {
            Err(wrong) => {
                return vec![finding((
                    wrong.clone(),
                    "put the files there that the configuration names, as PEM".into(),
                ))];
            }
            Ok(answers) => answers,
        };
        let wrong = answers.iter().filter_map(|(endpoint, answer)| match answer {
            Err(error) => {
                let message = format!("cannot get the version of the external etcd `{endpoint}`: {error}");
                Some((message, format!("see that it answers: `curl {endpoint}/version`")))
            }
            Ok(answer) => too_old(endpoint, answer.status, &answer.body, minimum),
        });
        wrong.map(finding).collect()
    }
}

fn too_old(endpoint: &str, status: u16, body: &str, minimum: &str) -> Option<(String, String)> {
    let said: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let version = said.as_ref().and_then(|said| said.get("etcdserver")).and_then(|version| version.as_str());
    let Some(version) = version else {
        let message = format!("the external etcd `{endpoint}` answers /version with status {status} and no version");
        return Some((message, "see that the endpoint is a member of etcd, and no proxy before it".into()));
    };
    let number = |text: &str| text.parse::<KubernetesVersion>().ok();
    match (number(version), number(minimum)) {
        (None, _) => {
            let message = format!("couldn't parse external etcd version \"{version}\" of `{endpoint}`");
            Some((message, "run a released etcd".into()))
        }
        (Some(found), Some(wanted)) if found.semver() < wanted.semver() => {
            let message = format!(
                "this version of kubeadm only supports external etcd version >= {minimum}. Current version: {version}, of \
                 `{endpoint}`"
            );
            Some((message, format!("upgrade etcd to {minimum} or newer")))
        }
        _ => None,
    }
}
