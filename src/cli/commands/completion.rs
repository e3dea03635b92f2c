//! `completion`.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::{Generator, Shell};

use crate::exit::Exit;
use crate::program;
use crate::render::data;

/// kubeadm knows the first two.
const SHELLS: &[(&str, Shell)] =
    &[("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish), ("powershell", Shell::PowerShell)];

/// The command.
pub fn command() -> Command {
    let shell = Arg::new("shell").value_name("SHELL").action(ArgAction::Append).help("bash, zsh, fish or powershell");
    let name = program::name();
    Command::new("completion")
        .about("Output shell completion code for the specified shell (bash, zsh, fish or powershell)")
        .long_about(format!(
            "Output shell completion code for the specified shell. The shell must read it to complete our commands:\n\n\
             bash:        source <({name} completion bash)    # in ~/.bashrc; needs bash-completion\n\
             zsh:         source <({name} completion zsh)     # in ~/.zshrc, after compinit\n\
             fish:        {name} completion fish | source     # in ~/.config/fish/config.fish\n\
             powershell:  {name} completion powershell | Out-String | Invoke-Expression    # in $PROFILE"
        ))
        .arg(shell)
}

/// Prints the completion of the whole command line for one shell.
pub fn run(matches: &ArgMatches, whole: Command) -> Result<(), Exit> {
    let given: Vec<&String> = matches.get_many("shell").into_iter().flatten().collect();
    let shell = match *given {
        [] => return Err(Exit::failed("shell not specified")),
        [shell] => shell,
        _ => return Err(Exit::failed("too many arguments. expected only the shell type")),
    };
    let Some((_, shell)) = SHELLS.iter().find(|(name, _)| name == shell) else {
        let names: Vec<&str> = SHELLS.iter().map(|(name, _)| *name).collect();
        let names = names.join(" ");
        return Err(Exit::failed(format!("unsupported shell type {shell:?}, the supported shell types are [{names}]")));
    };
    // While parsing, a wrong shell is told in kubeadm's words, so only the script knows the right ones.
    let names = SHELLS.iter().map(|(name, _)| *name);
    let shells = |arg: Arg| arg.value_parser(PossibleValuesParser::new(names));
    let mut command = whole.mut_subcommand("completion", |command| command.mut_arg("shell", shells));
    command.set_bin_name(program::name());
    command.build();
    let mut script = Vec::new();
    shell.generate(&command, &mut script);
    data(&String::from_utf8_lossy(&script));
    Ok(())
}
