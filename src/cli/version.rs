//! `version`.

use clap::ArgMatches;
use kubewright_config::default_version;
use serde_json::json;

use crate::exit::Exit;
use crate::render::data;

/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints the version. Called as kubeadm, scripts compare what we print with Kubernetes versions, so it is the one that
/// we install by default.
pub fn run(name: &str, matches: &ArgMatches) -> Result<(), Exit> {
    let kubernetes = default_version();
    let version = if name == "kubeadm" { kubernetes.to_string() } else { format!("v{VERSION}") };
    let info = json!({"clientVersion": {
        "major": kubernetes.major().to_string(),
        "minor": kubernetes.minor().to_string(),
        "gitVersion": version,
        "platform": format!("{}/{}", std::env::consts::OS, go_architecture()),
    }});
    match matches.get_one::<String>("output").map(String::as_str) {
        Some("short") => data(&format!("{version}\n")),
        Some("json") => data(&format!("{}\n", serde_json::to_string_pretty(&info).map_err(Exit::of)?)),
        Some("yaml") => data(&kubewright_config::yaml::to_string(&info)),
        _ => data(&format!("{name} version: {version}, default Kubernetes version: {kubernetes}\n")),
    }
    Ok(())
}

fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
