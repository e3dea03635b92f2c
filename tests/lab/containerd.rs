//! The container runtime of a node: its settings, and how to make it forget.

use crate::{
    error::Result,
    kubernetes::Kubernetes,
    program::{output, program},
};

/// Where containerd keeps images and containers.
pub(crate) const STORE: &str = "/var/lib/containerd";

/// The socket that a configuration names.
pub const SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// A shell script that ends and removes all containers, so that a restarted containerd does not remember them.
pub(crate) const REMOVE_CONTAINERS: &str = "\
    for task in $(ctr -n k8s.io tasks ls -q); do ctr -n k8s.io tasks rm -f \"$task\" >/dev/null 2>&1; done; \
    for left in $(ctr -n k8s.io containers ls -q); do ctr -n k8s.io containers rm \"$left\" >/dev/null; done";

/// The settings file for the containerd that a node of this Kubernetes runs.
///
/// `restrict_oom_score_adj`: without CAP_SYS_RESOURCE runc cannot lower a score, and every sandbox would die of it.
pub(crate) fn settings(kubernetes: &Kubernetes) -> Result<String> {
    let said = output(&mut program(kubernetes.find("containerd")?, ["--version"]))?;
    Ok(settings_for(major(&said), &kubernetes.pause_image()))
}

fn settings_for(major: u32, pause: &str) -> String {
    if major < 2 {
        return format!(
            "version = 2\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\n\
             sandbox_image = \"{pause}\"\n\
             restrict_oom_score_adj = true\n\
             [plugins.\"io.containerd.grpc.v1.cri\".cni]\n\
             bin_dir = \"/usr/lib/cni\"\n\
             conf_dir = \"/etc/cni/net.d\"\n"
        );
    }
    format!(
        "version = 3\n\
         [plugins.\"io.containerd.cri.v1.images\".pinned_images]\n\
         sandbox = \"{pause}\"\n\
         [plugins.\"io.containerd.cri.v1.runtime\"]\n\
         restrict_oom_score_adj = true\n\
         [plugins.\"io.containerd.cri.v1.runtime\".cni]\n\
         bin_dir = \"/usr/lib/cni\"\n\
         conf_dir = \"/etc/cni/net.d\"\n"
    )
}

/// Of `containerd github.com/containerd/containerd v2.1.9 …` the 2; an unknown one counts as 1.
fn major(said: &str) -> u32 {
    let version = said.split_whitespace().nth(2).unwrap_or_default().trim_start_matches('v');
    version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_in_the_format_of_the_containerd_at_hand() {
        assert_eq!(major("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1"), 1);
        assert_eq!(major("containerd containerd.io v2.1.9 abc"), 2);
        assert!(settings_for(2, "p").starts_with("version = 3\n"));
        assert!(settings_for(1, "p").contains("sandbox_image = \"p\""));
    }
}
