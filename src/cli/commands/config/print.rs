//! `config print init-defaults|join-defaults|reset-defaults|upgrade-defaults`.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::{ComponentKind, Defaults, default_version, facts_for, print_defaults};
use kubewright_host::{HostProbe, Root};
use kubewright_node::ProbeBackend;

use crate::exit::Exit;
use crate::program;
use crate::render::data;

const KINDS: [(&str, Defaults); 4] = [
    ("init-defaults", Defaults::Init),
    ("join-defaults", Defaults::Join),
    ("reset-defaults", Defaults::Reset),
    ("upgrade-defaults", Defaults::Upgrade),
];

/// Flags of `init-defaults`; the others have none in kubeadm.
#[derive(Debug, Args)]
struct ComponentArgs {
    /// A comma-separated list for component config API objects to print the default values for. Available values: [KubeProxyConfiguration KubeletConfiguration]. If this flag is not set, no component configs will be printed
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    component_configs: Vec<String>,
}

/// The command with one for each kind of configuration.
pub fn command() -> Command {
    let command = Command::new("print").about("Print configuration").subcommand_required(true);
    KINDS.iter().fold(command, |command, (name, _)| {
        let action = name.strip_suffix("-defaults").unwrap_or(name);
        let program = program::name();
        let about = format!("Print default {action} configuration, that can be used for '{program} {action}'");
        let below = Command::new(*name);
        let below = if action == "init" { ComponentArgs::augment_args(below) } else { below };
        command.subcommand(below.about(about))
    })
}

/// Prints one kind.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let Some((name, matches)) = matches.subcommand() else { return Err(Exit::failed("subcommand is required")) };
    let kind = KINDS.into_iter().find(|(kind, _)| *kind == name).map_or(Defaults::Init, |(_, kind)| kind);
    let components = match kind {
        Defaults::Init => ComponentArgs::from_arg_matches(matches).map_err(Exit::of)?.component_configs,
        _ => Vec::new(),
    };
    let components: Result<Vec<ComponentKind>, _> = components.iter().map(|kind| kind.parse()).collect();
    let components = components.map_err(|_: <ComponentKind as std::str::FromStr>::Err| {
        let known: Vec<String> = ComponentKind::ALL.iter().map(ToString::to_string).collect();
        Exit::failed(format!("--component-configs needs to contain some of [{}]", known.join(" ")))
    })?;
    let facts = facts_for(&default_version()).map_err(Exit::of)?;
    let hostname = HostProbe::new(Root::system()).hostname();
    data(&print_defaults(kind, &components, &hostname, &facts));
    Ok(())
}
