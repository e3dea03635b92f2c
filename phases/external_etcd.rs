//! Questions to the members of an external etcd, before there is a cluster.

use futures_util::future::join_all;
use kubewright_config::model::ExternalEtcd;
use kubewright_node::{Question, ServerAnswer};
use zeroize::Zeroizing;

use crate::checks::{EtcdAnswers, LOOK_LIMIT, Subject};

/// Asks every member for its version, the first time that it is called.
pub async fn answers<'a>(etcd: &ExternalEtcd, subject: &'a Subject<'_>) -> &'a EtcdAnswers {
    let ask = || async {
        let credentials = credentials(etcd, subject)?;
        let one = async |endpoint: &String| (endpoint.clone(), ask(endpoint, &credentials, subject).await);
        Ok(join_all(endpoints(etcd).iter().map(one)).await)
    };
    subject.asked.external_etcd.get_or_init(ask).await
}

/// What the configuration names for TLS.
struct Credentials {
    authorities: Option<Vec<u8>>,
    identity: Option<Zeroizing<Vec<u8>>>,
}

/// Reads the files that the configuration names, or says which one is not there.
fn credentials(etcd: &ExternalEtcd, subject: &Subject<'_>) -> Result<Credentials, String> {
    let read = |path: &camino::Utf8PathBuf| match subject.files.read(path) {
        Ok(Some(contents)) => Ok(Zeroizing::new(contents.as_bytes().to_vec())),
        Ok(None) => Err(format!("couldn't load the external etcd's file {path}: it is not there")),
        Err(failure) => Err(format!("couldn't load the external etcd's file {path}: {failure}")),
    };
    let authorities = etcd.ca_file.as_ref().map(read).transpose()?.map(|pem| pem.to_vec());
    // As kubeadm: half a pair is no identity.
    let identity = match (&etcd.cert_file, &etcd.key_file) {
        (Some(certificate), Some(key)) => {
            let mut pem = read(certificate)?;
            pem.push(b'\n');
            pem.extend_from_slice(&read(key)?);
            Some(pem)
        }
        _ => None,
    };
    Ok(Credentials { authorities, identity })
}

/// Where etcd answers HTTP, which may be elsewhere than where it answers gRPC.
fn endpoints(etcd: &ExternalEtcd) -> &[String] {
    if etcd.http_endpoints.is_empty() { &etcd.endpoints } else { &etcd.http_endpoints }
}

async fn ask(endpoint: &str, credentials: &Credentials, subject: &Subject<'_>) -> Result<ServerAnswer, String> {
    let question = Question {
        url: format!("{}/version", endpoint.trim_end_matches('/')),
        authorities: credentials.authorities.clone(),
        identity: credentials.identity.clone(),
        limit: LOOK_LIMIT,
    };
    subject.probe.ask(question).await
}
