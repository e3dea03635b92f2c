//! A load balancer in front of several control planes: haproxy, on the bridge's own address.

use std::process::Stdio;

use crate::{
    SWITCH_ADDRESS,
    error::{LabError, Result},
    lab::Lab,
    layout, network,
    node::{JOIN_GROUPS, Node},
    program::{line, program},
    say,
};

/// Starts it unless it runs with these control planes behind it. It asks them whether they are ready, or only whether somebody
/// listens.
pub(crate) fn ensure(lab: &Lab, control_planes: &[Node], asks: bool) -> Result<()> {
    let (unit, dir) = (lab.unit("switch"), lab.state());
    let _lock = lab.lock()?;
    let (settings, wanted) = (dir.join("haproxy.cfg"), configuration(control_planes, asks));
    if !lab.hierarchy().processes(&unit).is_empty() {
        if layout::read(&settings)?.as_ref() == Some(&wanted) {
            return Ok(());
        }
        lab.hierarchy().remove(&unit)?;
    }
    say::step(&format!("starting the load balancer on {SWITCH_ADDRESS}:6443"));
    layout::write(&settings, wanted)?;
    lab.hierarchy().make(&unit)?;
    let log_path = dir.join("haproxy.log");
    let log = layout::create(&log_path)?;
    let errors = log.try_clone().map_err(LabError::file("open", &log_path))?;
    let mut command = program("sh", ["-c", JOIN_GROUPS, "join"]);
    command.args(lab.hierarchy().entrances(&unit)).args(["--", "setsid", "nsenter"]);
    command.arg(format!("--net={}", network::path(&unit).display())).args(["haproxy", "-db", "-f"]).arg(settings);
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    let text = line(&command);
    // It outlives this process: `down` finds it in its control group.
    command.spawn().map(drop).map_err(|source| LabError::Start { line: text, source })
}

/// Stops it; absent is fine.
pub(crate) fn stop(lab: &Lab) -> Result<()> {
    let _lock = lab.lock()?;
    lab.hierarchy().remove(&lab.unit("switch"))
}

fn configuration(control_planes: &[Node], asks: bool) -> String {
    let servers = |kind: &str, more: &str| -> String {
        let line = |node: &Node| format!("  server {}{kind} {}:6443 {more}\n", node.name(), node.address());
        control_planes.iter().map(line).collect()
    };
    let checks = if asks {
        // Who is not ready may be asked if nobody is: that is so while etcd elects a leader.
        format!(
            "  option httpchk GET /readyz\n  http-check expect status 200\n  option allbackups\n{}{}",
            servers("", "check check-ssl verify none inter 200ms fall 1 rise 1"),
            servers("-unasked", "backup")
        )
    } else {
        // A node that is taken back does not say that its connections are over.
        format!(
            "  option tcp-check\n  default-server on-marked-down shutdown-sessions\n{}",
            servers("", "check inter 500ms fall 4 rise 1")
        )
    };
    format!(
        "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 10m\n  timeout server 10m\n  timeout check 5s\n  \
         option redispatch\n\
         listen api\n  bind {SWITCH_ADDRESS}:6443\n{checks}"
    )
}
