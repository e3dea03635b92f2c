//! What one worker's `join` asks of the API server, by its audit log: by the peer and by kubewright, on the same cluster.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Maker, Shape},
    error::{LabError, Result},
    lab::{Lab, Setup},
    layout, say,
};

/// Where the API server writes its audit log, and finds what to write; private to the node.
const DIRECTORY: &str = "/etc/kubernetes/audit";
/// Every request with who asked for what, once it is answered.
const POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n";

/// The requests of both, in the order of the log.
pub(crate) struct Requests {
    pub(crate) peer: Vec<String>,
    pub(crate) ours: Vec<String>,
}

impl Requests {
    /// Makes a control plane on the first node, joins the second by the one and then by the other, and reads the log.
    pub(crate) fn count(lab: &Lab, setup: &Setup, kubewright: &Path) -> Result<Self> {
        let (first, second) = (lab.node("node1")?, lab.node("node2")?);
        first.reset(setup)?;
        second.ensure(setup)?;
        let ours = Maker::Kubewright(kubewright.to_owned());
        for node in [&first, &second] {
            node.install(kubewright)?;
        }
        let shape = Shape { control_planes: 1, workers: 1 };
        let cluster = |joiner: Maker| Cluster::new(lab, setup, ours.clone(), shape)?.joined_by(joiner);
        let file = cluster(ours.clone())?.write_init(&first)?;
        audited(&file)?;
        layout::write(&first.path(&format!("{DIRECTORY}/policy.yaml")), POLICY)?;
        say::step("kubewright init, with an audit log");
        first.run(["kubewright", "init", "--config", &file.to_string_lossy()])?;
        let joined = |maker: Maker| {
            let program = if matches!(maker, Maker::Kubeadm) { "kubeadm" } else { "kubewright" };
            let cluster = cluster(maker)?;
            second.reset(setup)?;
            let file = cluster.write_join(&second, &cluster.ticket(&first, false)?, false)?;
            let log = first.path(&format!("{DIRECTORY}/log"));
            let before = layout::read(&log)?.unwrap_or_default().len();
            say::step(&format!("{program} join"));
            let mut words = vec![program.to_owned(), "join".to_owned(), "--config".to_owned()];
            words.push(file.to_string_lossy().into_owned());
            if program == "kubeadm" {
                // Its preflight wants crictl. What it asks the API server, it asks in other phases too.
                words.push("--skip-phases=preflight".to_owned());
            }
            second.run(words)?;
            let text = layout::read(&log)?.unwrap_or_default();
            let found = requests(text.get(before..).unwrap_or_default(), program, &second.address());
            first.run(["kubectl", "delete", "node", &second.name()])?;
            match found.is_empty() {
                true => Err(LabError::missing(format!("no request of {program} is in the audit log"), "look at it")),
                false => Ok(found),
            }
        };
        Ok(Self { peer: joined(Maker::Kubeadm)?, ours: joined(ours.clone())? })
    }
}

/// Lets the API server of that configuration file, which the lab wrote as JSON documents, keep an audit log.
fn audited(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).map_err(LabError::file("read", file))?;
    let documents = text.split("---\n").filter(|text| !text.trim().is_empty()).map(|text| {
        let mut document: Value = serde_json::from_str(text).unwrap_or_default();
        if document["kind"] == "ClusterConfiguration" {
            document["apiServer"] = json!({
                "extraArgs": [
                    {"name": "audit-policy-file", "value": format!("{DIRECTORY}/policy.yaml")},
                    {"name": "audit-log-path", "value": format!("{DIRECTORY}/log")},
                ],
                "extraVolumes": [{
                    "name": "audit", "hostPath": DIRECTORY, "mountPath": DIRECTORY, "pathType": "DirectoryOrCreate",
                }],
            });
        }
        format!("---\n{document:#}\n")
    });
    layout::write(file, documents.collect::<String>())
}

/// The requests that a program on that address made.
fn requests(log: &str, program: &str, address: &str) -> Vec<String> {
    let of_program = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        let agent = event["userAgent"].as_str()?.starts_with(&format!("{program}/"));
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let here = event["sourceIPs"].as_array()?.iter().any(|source| *source == address);
        (agent && here).then(|| format!("{} {}", text("verb"), text("requestURI")))
    };
    log.lines().filter_map(of_program).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_of_the_program_on_the_node_count() {
        let event = |agent: &str, source: &str| {
            json!({"verb": "get", "requestURI": "/a", "userAgent": agent, "sourceIPs": [source]}).to_string()
        };
        let ours = event("kubewright/0.1", "10.0.0.2");
        let log =
            [ours, event("kubelet/v1", "10.0.0.2"), event("kubewright/0.1", "10.0.0.3"), "torn".into()].join("\n");
        assert_eq!(requests(&log, "kubewright", "10.0.0.2"), ["get /a"]);
    }
}
