//! What a run leaves, without what is random: keys by what they belong to, certificates by what they say and who signed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;
use kubewright_node::etcd::Member;
use kubewright_node::{ClockBackend, Contents, ObjectRef, ServiceBackend};
use kubewright_phases::credentials;
use kubewright_pki::{Certificate, PrivateKey, Source};
use kubewright_testkit::TestNode;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;

use super::snapshot::{Entry, files};

/// Everything that a later command, or a person, would find.
#[derive(Debug, PartialEq, Eq)]
pub struct EndState {
    pub files: BTreeMap<String, String>,
    pub objects: BTreeMap<String, Json>,
    pub kubelet_runs: bool,
    /// Name, addresses, and whether it may vote; numbers differ from run to run.
    pub etcd: Vec<String>,
    pub images: BTreeSet<String>,
}

impl EndState {
    /// Looks at a machine.
    pub fn of(node: &TestNode) -> Self {
        let found = files(node);
        let look = Look::new(&found, node.clock.now());
        let kubelet = futures_util::FutureExt::now_or_never(node.services.state("kubelet")).unwrap().unwrap();
        Self {
            files: found.iter().map(|(path, entry)| (path.clone(), look.describe(path, entry))).collect(),
            objects: node.kube.objects().into_iter().map(|object| look.object(object)).collect(),
            kubelet_runs: kubelet.active,
            etcd: node.etcd.members().iter().map(described).collect(),
            images: node.runtime.images().into_iter().collect(),
        }
    }

    /// Stops the test with what differs, and only that.
    #[track_caller]
    pub fn must_equal(&self, other: &Self, when: &str) {
        let mut lines = differences(&self.files, &other.files);
        lines.extend(differences(&self.objects, &other.objects));
        if self.kubelet_runs != other.kubelet_runs {
            lines.push(format!("the kubelet runs: {} / {}", self.kubelet_runs, other.kubelet_runs));
        }
        if self.etcd != other.etcd {
            lines.push(format!("etcd: {:?} / {:?}", self.etcd, other.etcd));
        }
        if self.images != other.images {
            lines.push(format!("images: {:?} / {:?}", self.images, other.images));
        }
        assert!(lines.is_empty(), "{when}: the end is another one (here / expected):\n{}", lines.join("\n"));
    }
}

/// The same of files that come from a real run: the clock went on, so that only how long a certificate holds can be told.
pub fn files_in_words(files: &BTreeMap<String, Entry>) -> BTreeMap<String, String> {
    let look = Look { clock_stands: false, ..Look::new(files, OffsetDateTime::now_utc()) };
    files.iter().map(|(path, entry)| (path.clone(), look.describe(path, entry))).collect()
}

/// What differs, a line each.
pub fn differences<T: PartialEq + std::fmt::Debug>(
    ours: &BTreeMap<String, T>,
    theirs: &BTreeMap<String, T>,
) -> Vec<String> {
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differs = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key));
    differs.map(|key| format!("  {key}: {:?} / {:?}", ours.get(key), theirs.get(key))).collect()
}

fn described(member: &Member) -> String {
    let Member { name, peer_urls, client_urls, learner, .. } = member;
    format!("{name:?} {peer_urls:?} {client_urls:?} learner {learner}")
}

/// What the description of one thing needs to know of the others.
struct Look<'a> {
    files: &'a BTreeMap<String, Entry>,
    authorities: Vec<(String, Certificate)>,
    now: OffsetDateTime,
    clock_stands: bool,
}

impl<'a> Look<'a> {
    fn new(files: &'a BTreeMap<String, Entry>, now: OffsetDateTime) -> Self {
        let certificates = files.iter().filter(|(path, _)| path.ends_with(".crt"));
        let parsed = certificates.filter_map(|(path, entry)| {
            Some((path.clone(), Certificate::from_pem(entry.bytes()?).ok()?)).filter(|(_, found)| found.is_ca())
        });
        let authorities = parsed.collect();
        Self { files, authorities, now, clock_stands: true }
    }

    fn describe(&self, path: &str, entry: &Entry) -> String {
        let (mode, owner, bytes) = match entry {
            Entry::Directory { mode, owner } => return format!("{mode:04o} directory of {owner:?}"),
            Entry::File { mode, owner, bytes } => (mode, owner, bytes),
        };
        let says = match path.rsplit_once('.') {
            Some((_, "crt")) => self.certificate_pem(bytes),
            Some((base, "key")) => self.key(base, bytes),
            Some((base, "pub")) => {
                let key = self.files.get(&format!("{base}.key")).and_then(Entry::bytes);
                let key = key.map(|key| PrivateKey::from_pem(key).unwrap().public_pem());
                format!("the public half of {base}.key: {}", key.is_some_and(|key| key.as_bytes() == &**bytes))
            }
            Some((_, "conf")) => self.kubeconfig(path, bytes),
            Some((_, "pem")) if Certificate::from_pem(bytes).is_ok() => {
                let belongs =
                    |certificate: Certificate| PrivateKey::from_pem(bytes).is_ok_and(|key| key.matches(&certificate));
                let belongs = Certificate::from_pem(bytes).is_ok_and(belongs);
                format!("{} with its key: {belongs}", self.certificate_pem(bytes))
            }
            _ => String::from_utf8_lossy(bytes).into_owned(),
        };
        format!("{mode:04o} of {owner:?} {says}")
    }

    fn certificate_pem(&self, pem: &[u8]) -> String {
        match Certificate::from_pem(pem) {
            Ok(certificate) => self.certificate(&certificate),
            Err(error) => format!("no certificate: {error}"),
        }
    }

    fn certificate(&self, certificate: &Certificate) -> String {
        let signers = self.authorities.iter().filter(|(_, ca)| certificate.verify_signed_by(ca, self.now).is_ok());
        let signers: Vec<_> = signers.map(|(path, _)| path.as_str()).collect();
        let (from, until) = (certificate.not_before(), certificate.not_after());
        let holds = match self.clock_stands {
            true => format!("from {from} until {until}"),
            false => format!("for {} days", (until - from + time::Duration::HOUR).whole_days()),
        };
        format!(
            "CN={:?} O={:?} names {:?} usages {:?} {:?} authority {} {holds} signed by {signers:?}",
            certificate.common_name(),
            certificate.organizations(),
            certificate.names(),
            certificate.key_usages(),
            certificate.extended_key_usages(),
            certificate.is_ca(),
        )
    }

    fn key(&self, base: &str, pem: &[u8]) -> String {
        let key = match PrivateKey::from_pem(pem) {
            Ok(key) => key,
            Err(error) => return format!("no key: {error}"),
        };
        let partner = self.files.get(&format!("{base}.crt")).and_then(Entry::bytes);
        let belongs = partner.map(|pem| Certificate::from_pem(pem).is_ok_and(|certificate| key.matches(&certificate)));
        format!("{:?} key, belongs to the certificate beside it: {belongs:?}", key.algorithm())
    }

    fn kubeconfig(&self, path: &str, bytes: &[u8]) -> String {
        let contents = Contents::public(bytes.to_vec());
        let document = match credentials::parse(Utf8Path::new(path), &contents) {
            Ok(document) => document,
            Err(error) => return format!("no kubeconfig: {error}"),
        };
        let source = |source: Option<Source>, inline: &dyn Fn(&[u8]) -> String| match source {
            None => "nothing".into(),
            Some(Source::Inline(pem)) => inline(&pem),
            Some(other) => format!("{other:?}"),
        };
        let authority = source(document.certificate_authority().unwrap(), &|pem| self.authority(pem));
        let client = source(document.client_certificate().unwrap(), &|pem| self.certificate_pem(pem));
        let certificate = match document.client_certificate().unwrap() {
            Some(Source::Inline(pem)) => Certificate::from_pem(&pem).ok(),
            _ => None,
        };
        let key = source(document.client_key().unwrap(), &|pem| {
            let key = PrivateKey::from_pem(pem).unwrap();
            format!("the client's key: {}", certificate.as_ref().is_some_and(|certificate| key.matches(certificate)))
        });
        let (server, user) = (document.server(), document.user_name());
        format!("server {server:?} user {user:?} trusts {authority} as {client} with {key}")
    }

    /// The path of the authority with this certificate.
    fn authority(&self, pem: &[u8]) -> String {
        let found = Certificate::from_pem(pem).ok();
        let known = self.authorities.iter().find(|(_, ca)| found.as_ref().is_some_and(|found| found.der() == ca.der()));
        known.map_or_else(|| "an unknown authority".into(), |(path, _)| path.clone())
    }

    /// An object's name and what it says, without what the server adds.
    fn object(&self, mut object: Json) -> (String, Json) {
        let mut name = ObjectRef::of(&object).unwrap().to_string();
        for field in ["uid", "resourceVersion", "creationTimestamp"] {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        if name == "Secret kube-system/kubeadm-certs" {
            object["data"].as_object_mut().unwrap().values_mut().for_each(|value| *value = json!("sealed"));
            object["metadata"]["ownerReferences"] = json!("its token");
        }
        if name.starts_with("Secret kube-system/bootstrap-token-") && !name.ends_with("-abcdef") {
            // Every upload makes one; those of killed runs expire.
            name = "Secret kube-system/bootstrap-token-<random>".into();
            object["metadata"]["name"] = json!("<random>");
            for field in ["token-id", "token-secret"] {
                object["data"][field] = json!("<random>");
            }
        }
        let mut text = object.to_string();
        for (path, _) in &self.authorities {
            let pem = self.files[path].bytes().unwrap();
            text = text.replace(&STANDARD.encode(pem), &format!("<{path}>"));
            let escaped = json!(String::from_utf8_lossy(pem)).to_string();
            text = text.replace(escaped.trim_matches('"'), &format!("<{path}>"));
        }
        (name, serde_json::from_str(&text).unwrap())
    }
}
