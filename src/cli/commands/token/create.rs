//! `token create`.

use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::model::{BootstrapTokenEntry, Timeouts};
use kubewright_config::{
    BootstrapToken, CertificateKey, DurationError, InitFlags, SecretText, default_version, facts_for, parse_duration,
};
use kubewright_discovery::tokens::{JoinTarget, NewToken, secret_of};
use kubewright_engine::{Failure, FailureContext, FailureKind};
use kubewright_manifests::messages::{JoinCommand, Role, Told, join_command};
use kubewright_manifests::{SecretObject, uploads};
use kubewright_node::{KubeAccess, KubeBackend, KubeError, KubeErrorKind, holds};
use kubewright_phases::random;
use zeroize::Zeroizing;

use super::GroupArgs;
use crate::administrator::Administrator;
use crate::args::{Secrets, refuse_mixed, secret_text};
use crate::backends::Machine;
use crate::commands::{load_init, on_machine};
use crate::exit::Exit;
use crate::program;
use crate::render::dry_run::would_apply;
use crate::render::{data, say};

/// kubeadm's flags of `token create`, and ours.
#[derive(Debug, Args)]
struct CreateArgs {
    /// The token to create: [a-z0-9]{6}.[a-z0-9]{16}. If none is given, one is drawn at random
    #[arg(value_name = "token", value_parser = secret_text)]
    token: Option<SecretText>,
    /// With --print-join-command, print the command that joins a control-plane node; the key is the one that `init phase upload-certs --upload-certs` told
    #[arg(long, value_name = "KEY", value_parser = secret_text)]
    certificate_key: Option<SecretText>,
    /// Read the certificate key from this file, or from standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    certificate_key_file: Option<String>,
    /// Path to a configuration file, whose `bootstrapTokens` are created; the first of them is printed
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// A human friendly description of how this token is used
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// Extra groups that this token will authenticate as when used for authentication, each `system:bootstrappers:…` [default: system:bootstrappers:kubeadm:default-node-token]
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    groups: Vec<String>,
    /// Print the whole command that joins a node with the token, instead of the token alone
    #[arg(long)]
    print_join_command: bool,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    strict: bool,
    /// Read the token from this file, or from standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// The duration before the token is automatically deleted (e.g. 1s, 2m, 3h). If set to '0', the token will never expire [default: 24h0m0s]
    #[arg(long, value_name = "DURATION", value_parser = lifetime, allow_hyphen_values = true)]
    ttl: Option<String>,
    /// The ways in which this token can be used: signing, authentication, or both [default: signing,authentication]
    #[arg(long, value_name = "USAGES", value_delimiter = ',')]
    usages: Vec<String>,
}

/// The command.
pub fn command() -> Command {
    CreateArgs::augment_args(Command::new("create")).about("Create bootstrap tokens on the server")
}

/// Creates the token, or all those of a file, and prints the first. One whose id is taken is an error, and then nothing
/// is created.
pub fn run(group: &GroupArgs, matches: &ArgMatches) -> Result<(), Exit> {
    refuse_mixed(matches)?;
    let mut args = CreateArgs::from_arg_matches(matches).map_err(Exit::of)?;
    let key = args.read_secrets()?;
    if key.is_some() && !args.print_join_command {
        return Err(Exit::failed("cannot use --certificate-key without --print-join-command"));
    }
    on_machine(async |machine| {
        let (entries, limit) = args.wanted(&machine)?;
        let admin = Administrator::find(group.kubeconfig.as_deref())?;
        let access = admin.access(limit)?;
        // Before anything is created: a token that nobody was told of helps nobody.
        let target = args.print_join_command.then(|| admin.join_target(&*machine.backends.files)).transpose()?;
        let now = machine.backends.clock.now();
        let secrets = entries.iter().map(|entry| uploads::bootstrap_token(entry, now));
        let secrets: Vec<SecretObject> = secrets.collect::<Result<_, _>>().map_err(Exit::of)?;
        if group.dry_run {
            secrets.iter().try_for_each(|secret| would_apply(secret.object()))?;
        } else {
            create(&*machine.backends.kube, &access, &entries, &secrets).await?;
        }
        // Configurations have at least one.
        let Some(first) = entries.first() else { return Ok(()) };
        data(&match target {
            None => Zeroizing::new(format!("{}\n", *first.token.reveal())),
            Some(target) => one_line(&target, &first.token, key.as_ref())?,
        });
        Ok(())
    })
}

impl CreateArgs {
    /// Puts the token of a file in the place of the one on the command line, and gives the certificate key.
    fn read_secrets(&mut self) -> Result<Option<CertificateKey>, Failure> {
        let secrets = Secrets {
            token: self.token.take(),
            token_file: self.token_file.as_deref(),
            certificate_key: self.certificate_key.take(),
            certificate_key_file: self.certificate_key_file.as_deref(),
        };
        let key;
        (self.token, key) = secrets.read()?;
        // kubeadm prints whatever it is given, and no node could join with that.
        let key = key.filter(|key| !key.reveal().is_empty()).map(|key| key.reveal().parse()).transpose();
        key.context("invalid value of --certificate-key")
            .hint("`init phase upload-certs --upload-certs` uploads the certificates and tells their key")
    }

    /// The tokens to create, and how long requests may be tried again.
    fn wanted(&self, machine: &Machine) -> Result<(Vec<BootstrapTokenEntry>, Duration), Exit> {
        if self.config.is_some() {
            let flags = InitFlags { skip_cri_detection: true, strict: self.strict, ..InitFlags::default() };
            let init = load_init(machine, self.config.as_deref(), flags)?.init;
            return Ok((init.bootstrap_tokens, init.timeouts.kubernetes_api_call));
        }
        let token = self.token.as_ref().filter(|token| !token.reveal().is_empty());
        let token = token.map(|token| token.reveal().parse::<BootstrapToken>()).transpose();
        let wishes = NewToken {
            token: token.context("the bootstrap token cannot be used")?,
            description: self.description.clone(),
            ttl: self.ttl.clone(),
            usages: self.usages.clone(),
            groups: self.groups.clone(),
        };
        let entry =
            wishes.entry(&mut random::fill).map_err(|fault| Failure::from(fault).kind(FailureKind::Validation))?;
        Ok((vec![entry], Timeouts::default().kubernetes_api_call))
    }
}

/// A lifetime as Go writes durations; one below zero is as good as 0, for ever.
fn lifetime(text: &str) -> Result<String, DurationError> {
    match parse_duration(text) {
        Ok(_) | Err(DurationError::Negative) => Ok(text.to_owned()),
        Err(error) => Err(error),
    }
}

/// The join command on one line, with kubeadm's blanks: scripts run it unquoted.
fn one_line(
    target: &JoinTarget,
    token: &BootstrapToken,
    key: Option<&CertificateKey>,
) -> Result<Zeroizing<String>, Failure> {
    let facts = facts_for(&default_version())?;
    let hashes: Vec<String> = target.pins.iter().map(ToString::to_string).collect();
    let role = match key {
        Some(key) => Role::ControlPlane(Some(Told::Shown(key))),
        None => Role::Worker,
    };
    let command = join_command(&JoinCommand {
        program: program::name(),
        server: &target.server,
        token: Told::Shown(token),
        ca_cert_hashes: &hashes,
        role,
        facts: &facts,
    })?;
    let joined = Zeroizing::new(command.replace("\\\n", "").replace(facts.messages.join_indent.as_str(), ""));
    Ok(Zeroizing::new(format!("{}\n", *joined)))
}

/// Creates all of them, or none if one's id is taken.
async fn create(
    kube: &dyn KubeBackend,
    access: &KubeAccess,
    entries: &[BootstrapTokenEntry],
    secrets: &[SecretObject],
) -> Result<(), Failure> {
    for entry in entries {
        let name = secret_of(entry.token.id());
        if stubbornly(access.call_limit, async || kube.get(access, &name).await).await?.is_some() {
            return Err(taken(entry));
        }
    }
    for (entry, secret) in entries.iter().zip(secrets) {
        let (name, object) = (secret_of(entry.token.id()), secret.object());
        stubbornly(access.call_limit, async || match kube.create(access, object).await {
            // It may be our own, and only the answer was lost.
            Err(error) if error.kind == KubeErrorKind::AlreadyExists => {
                let live = kube.get(access, &name).await?;
                if live.is_some_and(|live| holds(&live, object)) { Ok(()) } else { Err(error) }
            }
            other => other.map(|_| ()),
        })
        .await
        .map_err(|error| match error.kind {
            KubeErrorKind::AlreadyExists => taken(entry),
            _ => Failure::from(error),
        })?;
    }
    Ok(())
}

fn taken(entry: &BootstrapTokenEntry) -> Failure {
    let id = entry.token.id();
    Failure::new(format!("a token with id {id:?} already exists"))
        .hint(format!("name another one, or delete it: `kubewright token delete {id}`"))
}

/// Asks again until the limit is over, where waiting can help. kubeadm tries every error again.
async fn stubbornly<T, F: Future<Output = Result<T, KubeError>>>(
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> Result<T, KubeError> {
    let began = tokio::time::Instant::now();
    let mut told = false;
    loop {
        match ask().await {
            Err(error) if may_heal(&error) && began.elapsed() + PAUSE < limit => {
                if !std::mem::replace(&mut told, true) {
                    say(&format!("{error}; trying again for up to {}", kubewright_config::format_duration(limit)));
                }
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn may_heal(error: &KubeError) -> bool {
    matches!(error.kind, KubeErrorKind::Unreachable | KubeErrorKind::Busy | KubeErrorKind::Conflict)
}

/// Between two tries; kubeadm's.
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
