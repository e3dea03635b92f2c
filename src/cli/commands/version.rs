//! `version`.

use clap::{Arg, ArgMatches, Command};
use kubewright_config::{default_version, yaml};
use serde_json::{Value as Json, json};

use crate::exit::Exit;
use crate::program::{self, VERSION};
use crate::render::data;

/// The command.
pub fn command() -> Command {
    let output = Arg::new("output").short('o').long("output").value_name("FORMAT").default_value("");
    let output =
        output.help("Output format; available options are 'yaml', 'json' and 'short'").hide_default_value(true);
    Command::new("version").about(format!("Print the version of {}", program::name())).arg(output)
}

/// Prints the version. Called as kubeadm, scripts compare what we print with Kubernetes versions, so it is the one that
/// we install by default.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    tracing::info!("[version] retrieving version info");
    let kubernetes = default_version();
    let version = if program::is_kubeadm() { kubernetes.to_string() } else { format!("v{VERSION}") };
    let (major, minor) = (kubernetes.major().to_string(), kubernetes.minor().to_string());
    let platform = format!("{}/{}", std::env::consts::OS, go_architecture());
    match matches.get_one::<String>("output").map(String::as_str).unwrap_or_default() {
        "" if program::is_kubeadm() => data(&format!(
            "kubeadm version: &version.Info{{Major:\"{major}\", Minor:\"{minor}\", EmulationMajor:\"\", \
             EmulationMinor:\"\", MinCompatibilityMajor:\"\", MinCompatibilityMinor:\"\", GitVersion:\"{version}\", \
             GitCommit:\"{COMMIT}\", GitTreeState:\"{TREE_STATE}\", BuildDate:\"{BUILD_DATE}\", GoVersion:\"{GO}\", \
             Compiler:\"{COMPILER}\", Platform:\"{platform}\"}}\n"
        )),
        "" => data(&format!("{} version: {version}, default Kubernetes version: {kubernetes}\n", program::name())),
        "short" => data(&format!("{version}\n")),
        "yaml" => {
            let info = json!({"clientVersion": {
                "buildDate": BUILD_DATE, "compiler": COMPILER, "gitCommit": COMMIT, "gitTreeState": TREE_STATE,
                "gitVersion": version, "goVersion": GO, "major": major, "minor": minor, "platform": platform,
            }});
            // kubeadm ends it with an empty line.
            data(&format!("{}\n", yaml::to_string(&info)));
        }
        "json" => {
            let fields = [
                ("major", &*major),
                ("minor", &*minor),
                ("gitVersion", &*version),
                ("gitCommit", COMMIT),
                ("gitTreeState", TREE_STATE),
                ("buildDate", BUILD_DATE),
                ("goVersion", GO),
                ("compiler", COMPILER),
                ("platform", &*platform),
            ];
            let lines = fields.map(|(name, value)| format!("    \"{name}\": {}", Json::from(value)));
            data(&format!("{{\n  \"clientVersion\": {{\n{}\n  }}\n}}\n", lines.join(",\n")));
        }
        other => return Err(Exit::failed(format!("invalid output format: {other}"))),
    }
    Ok(())
}

/// What kubeadm says about its build and we do not know, or do not have. Empty, as Go's own are when nothing set them:
/// readers find the keys that they look for.
const COMMIT: &str = "";
const TREE_STATE: &str = "";
const GO: &str = "";
/// Go's word for a build whose date nobody set.
const BUILD_DATE: &str = "1970-01-01T00:00:00Z";
const COMPILER: &str = "rustc";

fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}
