//! etcd's own tool, in the image that the member itself runs from: what it makes fits the etcd that reads it. It is run over
//! CRI, in a pod that only the runtime knows of, while the kubelet does not run.

use std::time::Duration;

use kubewright_node::{BoundPath, OneShot, PutBack, RuntimeError};

use super::Restoring;
use crate::etcd_pod::EtcdPod;
use crate::prelude::*;

/// The tools that can do it, the newer one first: etcd 3.6 took it away from etcdctl, and images had no etcdutl before.
const TOOLS: [&str; 2] = ["etcdutl", "etcdctl"];
/// By how much the revision is raised, as etcd's documentation advises: by more than was ever written after the copy was
/// taken. Whoever watches then learns that what it knows is over.
const RAISE: &str = "--bump-revision=1000000000";
/// How long the tool may take: data of 8 GiB, which is the most that etcd recommends, on a slow disk.
const LIMIT: Duration = Duration::from_secs(1800);
/// How much of the tool's output is told when it fails, in lines.
const TOLD: usize = 5;

/// Makes new data beside the old. Says whether the revision was raised, which tools before 3.4.27 and 3.5.10 cannot do.
///
/// # Errors
/// The image has no such tool, or the tool refuses the copy.
pub async fn make(pod: &EtcdPod, snapshot: &Utf8Path, back: &PutBack, hands: &Restoring<'_>) -> Result<bool, Failure> {
    if !hands.runtime.has_image(hands.socket, &pod.image).await? {
        hands.runtime.pull(hands.socket, &pod.image).await?;
    }
    let cgroup_parent = cgroup_parent(hands).await?;
    let mut absent = Vec::new();
    for tool in TOOLS {
        for raise in [true, false] {
            hands.snapshots.prepare(back).await?;
            let program = program(tool, raise, pod, snapshot, back, &cgroup_parent);
            match hands.runtime.run_once(hands.socket, &program).await {
                Ok(0) => return Ok(raise),
                Ok(code) => {
                    let said = said(&program.log, hands.files);
                    if raise && said.iter().any(|line| line.contains("unknown flag")) {
                        continue;
                    }
                    let last =
                        said.iter().skip(said.len().saturating_sub(TOLD)).cloned().collect::<Vec<_>>().join("; ");
                    return Err(Failure::new(format!("it ended with code {code}: {last}"))
                        .context(format!("{tool} could not restore `{snapshot}`")));
                }
                Err(failure) if is_absent(&failure) => {
                    absent.push(failure.to_string());
                    break;
                }
                Err(failure) => return Err(failure.context(format!("{tool} could not restore `{snapshot}`"))),
            }
        }
    }
    Err(Failure::new(absent.join("; "))
        .context(format!("neither {} could be started in the image {}", TOOLS.join(" nor "), pod.image))
        .hint(format!(
            "name an image in {} that has etcd's tools, of the same minor, and run the same command again",
            paths::static_pod("etcd")
        )))
}

/// Whether the runtime could not start the program: CRI-O says so when the container is made, containerd when it starts.
fn is_absent(failure: &Failure) -> bool {
    let call = match failure.cause::<RuntimeError>() {
        Some(RuntimeError::Failed { call, .. }) => *call,
        _ => return false,
    };
    ["CreateContainer", "StartContainer"].contains(&call)
}

fn program(
    tool: &str,
    raise: bool,
    pod: &EtcdPod,
    snapshot: &Utf8Path,
    back: &PutBack,
    cgroup_parent: &str,
) -> OneShot {
    let (from, file) = (snapshot.parent().unwrap_or("/".into()), snapshot.file_name().unwrap_or_default());
    let making = Utf8Path::new(DATA).join(back.folder()).join(back.making().file_name().unwrap_or_default());
    let mut command = vec![tool.to_owned(), "snapshot".into(), "restore".into(), format!("{SNAPSHOT}/{file}")];
    command.extend([
        format!("--data-dir={making}"),
        format!("--name={}", pod.name),
        format!("--initial-cluster={}={}", pod.name, pod.peer_url),
        format!("--initial-advertise-peer-urls={}", pod.peer_url),
    ]);
    if raise {
        command.extend([RAISE.to_owned(), "--mark-compacted".to_owned()]);
    }
    OneShot {
        name: "etcd-restore".into(),
        image: pod.image.clone(),
        command,
        mounts: vec![
            BoundPath { machine: from.to_owned(), container: SNAPSHOT.into(), read_only: true },
            BoundPath { machine: back.data_dir.clone(), container: DATA.into(), read_only: false },
        ],
        log: back.directory().join("tool.log"),
        cgroup_parent: cgroup_parent.to_owned(),
        limit: LIMIT,
    }
}

/// Where the tool sees the copy's directory.
const SNAPSHOT: &str = "/snapshot";
/// Where it sees the data directory.
const DATA: &str = "/data";

/// What the tool printed: lines as the runtime keeps them, each with a moment, a stream and a mark before its words.
fn said(log: &Utf8Path, files: &Files) -> Vec<String> {
    let contents = files.read(log).ok().flatten();
    let text = contents.map(|contents| String::from_utf8_lossy(contents.as_bytes()).into_owned()).unwrap_or_default();
    text.lines().filter_map(|line| Some(line.splitn(4, ' ').nth(3)?.to_owned())).collect()
}

/// Where the pod's control group is to be. With systemd's driver runtimes take nothing but a slice.
async fn cgroup_parent(hands: &Restoring<'_>) -> Result<String, Failure> {
    let systemd = match hands.runtime.cgroup_driver(hands.socket).await {
        Ok(driver) => driver == "systemd",
        // Before containerd 2 the runtime does not say; the kubelet's file does.
        Err(_) => {
            let config = hands.files.read(&paths::kubelet("config.yaml"))?;
            config.is_some_and(|config| {
                let text = String::from_utf8_lossy(config.as_bytes()).into_owned();
                text.lines().any(|line| line.trim_end() == "cgroupDriver: systemd")
            })
        }
    };
    Ok(if systemd { "system.slice".into() } else { String::new() })
}

#[cfg(test)]
mod tests;
