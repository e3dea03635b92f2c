//! The lab's network: a bridge in a namespace of its own, and a namespace per node. Nothing of it is in the machine's own
//! namespace, so labs beside each other may use the same addresses.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    error::Result,
    program::{capture, output, program},
};

/// The bridge's address, also where the load balancer listens.
pub const SWITCH_ADDRESS: &str = "10.200.0.1";

/// The address of a node.
pub(crate) fn address(number: u8) -> String {
    format!("10.200.0.{}", 10 + number)
}

/// The addresses of a node's pods.
fn pods(number: u8) -> String {
    format!("10.244.{number}.0/24")
}

/// A CNI configuration for that node, made of the plug-ins that Debian carries.
pub(crate) fn cni(number: u8) -> String {
    let plugins = serde_json::json!([
        {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
         "ipam": {"type": "host-local", "ranges": [[{"subnet": pods(number)}]], "routes": [{"dst": "0.0.0.0/0"}]}},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]);
    serde_json::json!({"cniVersion": "0.4.0", "name": "lab", "plugins": plugins}).to_string()
}

/// Where the kernel keeps a named network namespace.
pub(crate) fn path(namespace: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(namespace)
}

/// Whether any lab of this machine has a network, whatever its cache.
pub(crate) fn any() -> bool {
    let names = fs::read_dir("/run/netns").into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with("kwlab-"))
}

/// A command to be run in that network namespace.
///
/// Not by `ip netns exec`: it mounts a fresh /sys and so hides the control groups.
pub(crate) fn inside(namespace: &str) -> Command {
    program("nsenter", [format!("--net={}", path(namespace).display())])
}

/// Makes the bridge unless it is there.
pub(crate) fn ensure_switch(namespace: &str) -> Result<()> {
    if path(namespace).exists() {
        return Ok(());
    }
    // It leads nowhere else, and says so at once to whoever asks for more.
    let script = format!(
        "ip link set lo up; ip link add br0 type bridge; ip link set br0 up; ip addr add {SWITCH_ADDRESS}/24 dev br0; \
         ip route add unreachable default; echo 1 >/proc/sys/net/ipv4/ip_forward"
    );
    make(namespace, &script)
}

/// Makes a node's namespace, on the bridge, unless it is there.
pub(crate) fn ensure_node(namespace: &str, switch: &str, number: u8) -> Result<()> {
    if path(namespace).exists() {
        return Ok(());
    }
    let address = address(number);
    // Pods of other nodes are reached through their nodes, as a cluster network would have it.
    let routes: String = (1..=9)
        .filter(|other| *other != number)
        .map(|other| format!("; ip route add {} via {}", pods(other), self::address(other)))
        .collect();
    // 169.254: an old kubelet looks for a cloud's metadata for twelve seconds, unless it hears at once that there is none.
    let script = format!(
        "ip link set lo up; ip link add eth0 type veth peer name port{number} netns {switch}; \
         ip addr add {address}/24 dev eth0; ip link set eth0 up; ip route add default via {SWITCH_ADDRESS}; \
         ip route add unreachable 169.254.0.0/16; \
         echo 1 >/proc/sys/net/ipv4/ip_forward{routes}"
    );
    // The kernel takes a namespace apart some time after its removal, and until then this end of its cable is there.
    let port = format!("if ip link show port{number} >/dev/null 2>&1; then ip link del port{number} || true; fi");
    output(inside(switch).args(["sh", "-ec", &port]))?;
    make(namespace, &script)?;
    let script = format!("ip link set port{number} master br0 up");
    output(inside(switch).args(["sh", "-ec", &script]))?;
    Ok(())
}

/// Removes a namespace; absent is fine.
pub(crate) fn remove(namespace: &str) -> Result<()> {
    if path(namespace).exists() {
        output(&mut program("ip", ["netns", "del", namespace]))?;
    }
    Ok(())
}

/// Makes a namespace and fills it by the script, or leaves none.
fn make(namespace: &str, script: &str) -> Result<()> {
    output(&mut program("ip", ["netns", "add", namespace]))?;
    let filled = output(inside(namespace).args(["sh", "-ec", script]));
    if filled.is_err() {
        capture(&mut program("ip", ["netns", "del", namespace]))?;
    }
    filled.map(drop)
}
