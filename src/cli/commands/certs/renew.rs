//! `certs renew`: from flags to a workflow, and from its end to an exit code.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_engine::{Event, EventKind, Failure, Inputs, Outcome, Renderer, Seeds, Selection};
use kubewright_node::dry_run::DryCluster;
use kubewright_phases::renewal::{Component, DEFAULT_PATIENCE, Managed, RenewOptions};
use serde::Serialize;

use super::check_expiration::{Row, Served, look, served};
use super::configuration::{Configuration, LookupArgs};
use super::verdict;
use crate::args::{DryRun, Global, RunArgs, skipped};
use crate::backends::{Machine, on_machine};
use crate::exit::Exit;
use crate::output::{Object, OutputArgs, Printer};
use crate::program;
use crate::render::{self, data};
use crate::run::{Identity, Run, execute, execute_shown};
use crate::workflows;

/// kubeadm's flags, and ours.
#[derive(Debug, Args)]
struct RenewArgs {
    /// Where to look.
    #[command(flatten)]
    lookup: LookupArgs,
    /// Renew only what expires within this time, such as 30d; without it everything is renewed, however long it holds
    #[arg(long, value_name = "TIME", value_parser = verdict::span)]
    if_expires_within: Option<Duration>,
    /// Restart nothing: the components go on with the old certificates until they are restarted. Always so when called as kubeadm
    #[arg(long)]
    no_restart: bool,
    /// How to print what was done.
    #[command(flatten)]
    output: OutputArgs,
    /// What all workflows take.
    #[command(flatten)]
    run: RunArgs,
}

/// The command with one for each certificate.
pub fn command() -> Command {
    let about = "Renew certificates for a Kubernetes cluster";
    Command::new("renew").about(about).subcommand_required(true).defer(move |command| {
        let details = format!(
            "Names, groups and usages are those of the old certificate; nothing is renewed if a new one would say less. Then \
             what does not read the new certificate by itself is restarted, one component at a time, and what is served is \
             compared with the files.\n\n\
             Exit codes: 0 done, or nothing to do; {} what cannot be renewed here has expired, {} or expires soon; {} a \
             certificate was not renewed or is not in use; 1 all else. Called as kubeadm nothing is restarted, and there are \
             only 0 and 1",
            verdict::EXPIRED,
            verdict::EXPIRING,
            verdict::NOT_RENEWED,
        );
        let flags = |command: Command, about: String| {
            let command = RenewArgs::augment_args(command).mut_args(|flag| {
                let idle = ["ignore_preflight_errors", "fresh"].contains(&flag.get_id().as_str());
                if idle { flag.hide(true) } else { flag }
            });
            command.long_about(format!("{about}. {details}")).about(about)
        };
        let one = |managed: &Managed| {
            flags(Command::new(managed.name()), format!("Renew the {}", managed.long_name()))
        };
        let command = Managed::ALL.iter().fold(command, |command, managed| command.subcommand(one(managed)));
        crate::args::like_pflag(command.subcommand(flags(Command::new("all"), "Renew all available certificates".into())))
    })
}

/// Renews what was named.
pub fn run(global: &Global, matches: &ArgMatches) -> Result<(), Exit> {
    let Some((name, matches)) = matches.subcommand() else { return Err(Exit::failed("subcommand is required")) };
    let mut args = RenewArgs::from_arg_matches(matches).map_err(Exit::of)?;
    // Each certificate tells by itself whether it is due, also when the last run was stopped months ago. A run that goes on
    // with that one, or is refused because something has changed since, would let certificates expire.
    args.run.fresh = true;
    let mut printer = args.output.printer()?;
    let all = name == "all";
    on_machine(async |machine| {
        let aloud = printer.is_text();
        let (config, strict) = (args.run.config.as_deref(), args.run.strict);
        let configuration = Configuration::find(&machine, config, strict, &args.lookup, "renew", aloud).await?;
        let restart = !args.no_restart && !program::is_kubeadm();
        let chosen = match Managed::named(name) {
            Some(managed) => vec![managed],
            // The kubelet's is the kubelet's business for kubeadm.
            None => Managed::ALL
                .into_iter()
                .filter(|managed| *managed != Managed::KUBELET || !program::is_kubeadm())
                .collect(),
        };
        let options = RenewOptions {
            chosen,
            expires_within: args.if_expires_within,
            restart,
            configured: configuration.told,
            patience: DEFAULT_PATIENCE,
        };
        let after =
            Machine { backends: machine.backends.clone(), root: machine.root.clone(), files: machine.files.clone() };
        let dry_run = DryRun::of(args.run.dry_run, false);
        let run = prepare(&configuration, &options, &args, dry_run);
        let seen = Seen::default();
        let ended = match aloud {
            true => execute(machine, run, global, &args.run).await,
            false => {
                let mut renderers: Vec<Box<dyn Renderer>> = vec![Box::new(seen.clone())];
                renderers.extend(render::also(global)?);
                execute_shown(machine, run, global, &args.run, renderers).await
            }
        };
        let ended = ended.map_err(verdict::not_renewed);
        if dry_run != DryRun::No {
            return ended;
        }
        if !aloud {
            tell(&mut printer, &after, &configuration, &options, &seen).await?;
        }
        ended?;
        if aloud && all {
            data(done(restart));
        }
        if program::is_kubeadm() {
            return Ok(());
        }
        let soon = args.if_expires_within.map(verdict::in_days).transpose()?.unwrap_or(verdict::SOON);
        match look(&after, &configuration) {
            Ok(expiry) => verdict::of(&expiry.only(&options.chosen), after.backends.clock.now(), soon),
            // What was asked for is done.
            Err(failure) => {
                render::warn(&format!("another certificate of this node cannot be looked at: {failure}"));
                Ok(())
            }
        }
    })
}

fn prepare(configuration: &Configuration, options: &RenewOptions, args: &RenewArgs, dry_run: DryRun) -> Run {
    let workflow = workflows::renew();
    let mut selection = Selection { only: Vec::new(), skip: skipped(&workflow.tree(), &args.run.skip_phases) };
    if let [managed] = options.chosen[..] {
        selection.only = vec!["inspect".into(), managed.phase(), "verdict".into()];
        selection.only.extend(managed.component().map(phase_of));
    } else {
        let left = Managed::ALL.into_iter().filter(|managed| !options.chosen.contains(managed));
        selection.skip.extend(left.map(Managed::phase));
    }
    if !options.restart {
        selection.skip.push("restart".into());
    }
    let identity = Identity { inputs: Inputs::default(), typed: String::new() };
    let seeds =
        Seeds::new().with(configuration.cluster.clone()).with(configuration.facts.clone()).with(options.clone());
    let command = format!("{} certs renew", program::name());
    Run {
        command,
        workflow,
        seeds,
        selection,
        identity,
        dry_run,
        dry_cluster: DryCluster::New,
        undoes: false,
        intro: Vec::new(),
    }
}

/// The address of the phase that restarts a component.
fn phase_of(component: Component) -> String {
    format!("restart/{}", component.name())
}

fn done(restarted: bool) -> &'static str {
    match restarted {
        true => "\nDone renewing certificates. Every component of this node uses them.\n",
        // kubeadm's words.
        false => {
            "\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and \
             etcd, so that they can use the new certificates.\n"
        }
    }
}

/// Keeps what happened, for those who want it as an object.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<EventKind>>>);

impl Renderer for Seen {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let EventKind::PhaseFailed { phase, error, .. } = &event.kind {
            render::say(&format!("error: {phase}: {}", error.join(": ")));
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.kind.clone());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seen {
    /// Whether the phase changed something, what it said, and why it failed.
    fn of(&self, phase: &str) -> (bool, Vec<String>, Option<String>) {
        let (mut changed, mut said, mut failed) = (false, Vec::new(), None);
        for kind in
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|kind| kind.phase() == Some(phase))
        {
            match kind {
                EventKind::Note { text, .. } | EventKind::Warning { text, .. } => said.push(text.clone()),
                EventKind::PhaseFinished { outcome: Outcome::Changed, .. } => changed = true,
                EventKind::PhaseFailed { error, .. } => failed = Some(error.join(": ")),
                _ => {}
            }
        }
        (changed, said, failed)
    }
}

/// What was done, with what stands there now.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    certificates: Vec<DoneCertificate>,
    components: Vec<DoneComponent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoneCertificate {
    renewed: bool,
    messages: Vec<String>,
    #[serde(flatten)]
    now: Option<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoneComponent {
    name: &'static str,
    restarted: bool,
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

async fn tell(
    printer: &mut Printer,
    machine: &Machine,
    configuration: &Configuration,
    options: &RenewOptions,
    seen: &Seen,
) -> Result<(), Failure> {
    let now = machine.backends.clock.now();
    let served = if options.restart { served(machine).await? } else { Served::new() };
    let read = |path: &camino::Utf8Path| Ok(kubewright_node::FileBackend::read(&*machine.files, path)?);
    let certificate = |managed: &Managed| {
        let (renewed, messages, _) = seen.of(&managed.phase());
        let held = managed.read(&configuration.cluster, &read).ok().flatten();
        let row = held.map(|held| {
            Row::of(managed.name(), &held.certificate, false, Some(managed.authority()), now, Some(&served))
        });
        DoneCertificate { renewed, messages, now: row }
    };
    let component = |component: Component| {
        let (_, messages, error) = seen.of(&phase_of(component));
        let restarted = messages.iter().any(|message| message.starts_with("Restarting "));
        DoneComponent { name: component.name(), restarted, messages, error }
    };
    let wanted = options.chosen.iter().filter(|managed| managed.is_of(&configuration.cluster, &configuration.facts));
    let components = [Component::Kubelet].into_iter().chain(Component::STATIC_PODS).filter(|_| options.restart);
    let done = Done {
        certificates: wanted.map(certificate).collect(),
        components: components.map(component).collect(),
        error: ["inspect", "verdict"].iter().find_map(|phase| seen.of(phase).2),
    };
    data(&printer.print(&Object::new("CertificateRenewal", done), String::new)?);
    Ok(())
}
