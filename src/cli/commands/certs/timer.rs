//! `certs timer`: what renews the certificates at night. A systemd service and its timer, printed or installed, and a line
//! for cron where there is no systemd.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::format_duration;
use kubewright_engine::{Failure, FailureContext};

use super::verdict;
use crate::backends::{Machine, on_machine};
use crate::exit::Exit;
use crate::given::write_whole;
use crate::render::{data, say};

/// Ours; kubeadm has no such command.
#[derive(Debug, Args)]
struct TimerArgs {
    /// Write the units to /etc/systemd/system and start the timer, instead of printing them
    #[arg(long)]
    install: bool,
    /// Renew what expires within this time
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = verdict::span)]
    if_expires_within: Duration,
    /// The path of the program in the units [default: where it is installed]
    #[arg(long, value_name = "FILE", default_value = "/usr/local/bin/kubewright")]
    program: Utf8PathBuf,
}

/// Where an administrator's units belong.
const UNITS: &str = "/etc/systemd/system";
const SERVICE: &str = "kubewright-certs.service";
const TIMER: &str = "kubewright-certs.timer";

/// The command.
pub fn command() -> Command {
    TimerArgs::augment_args(Command::new("timer"))
        .about("Print or install a systemd timer, and print a crontab line, that renew certificates in time")
}

/// Prints or installs it.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let args = TimerArgs::from_arg_matches(matches).map_err(Exit::of)?;
    let within = words(args.if_expires_within);
    let (service, timer) = (service(&args.program, &within)?, TIMER_UNIT);
    if !args.install {
        data(&format!(
            "# {UNITS}/{SERVICE}\n{service}\n# {UNITS}/{TIMER}\n{timer}\n\
             # Without systemd: a line of /etc/cron.d/kubewright-certs. Each node has a minute of its own.\n{}",
            crontab(&args.program, &within)
        ));
        return Ok(());
    }
    on_machine(async |machine| Ok(install(&machine, &service, timer).await?))
}

async fn install(machine: &Machine, service: &str, timer: &str) -> Result<(), Failure> {
    if machine.backends.services.init_system() != Some("systemd") {
        return Err(Failure::new("there is no systemd on this machine")
            .hint("take the crontab line that `kubewright certs timer` prints"));
    }
    for (name, text) in [(SERVICE, service), (TIMER, timer)] {
        let path = Utf8Path::new(UNITS).join(name);
        write_whole(&path, text.as_bytes(), 0o644)
            .context(format!("cannot write `{path}`"))
            .hint("run the same command with sudo")?;
    }
    machine.backends.services.enable(TIMER).await?;
    machine.backends.services.restart(TIMER).await?;
    say(&format!("`{UNITS}/{TIMER}` runs; `systemctl list-timers {TIMER}` tells when it looks next"));
    Ok(())
}

/// A span as people write it.
fn words(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds > 0 && seconds % (24 * 60 * 60) == 0 => format!("{}d", seconds / (24 * 60 * 60)),
        _ => format_duration(span),
    }
}

fn crontab(program: &Utf8Path, within: &str) -> String {
    // A minute and an hour of the night that are the node's own: they come from its machine-id, as far as it has one.
    format!(
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
         17 3 * * * root sleep $(( $(cksum </etc/machine-id | cut -d' ' -f1) \\% 10800 )) && {program} certs renew all \
         --if-expires-within {within}\n"
    )
}

fn service(program: &Utf8Path, within: &str) -> Result<String, Failure> {
    // systemd takes `%` and blanks for its own.
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if !program.is_absolute() || !program.as_str().chars().all(plain) {
        return Err(Failure::new(format!(
            "--program={program}: systemd wants an absolute path without special characters"
        )));
    }
    Ok(SERVICE_UNIT.replace("PROGRAM", program.as_str()).replace("WITHIN", within))
}

/// It may write where certificates are, and nowhere else; it may speak to the API server, to the container runtime and to
/// systemd, which restart what it renewed for.
const SERVICE_UNIT: &str = "\
[Unit]
Description=Renew the certificates of this Kubernetes node
Documentation=man:systemd.timer(5)
After=network.target kubelet.service containerd.service
ConditionPathExists=/etc/kubernetes/manifests

[Service]
Type=oneshot
ExecStart=PROGRAM certs renew all --if-expires-within WITHIN --progress plain
TimeoutStartSec=30min
Nice=10
UMask=0077
StateDirectory=kubewright
StateDirectoryMode=0700
ProtectSystem=strict
ReadWritePaths=/etc/kubernetes -/var/lib/kubelet/pki
ProtectHome=read-only
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
NoNewPrivileges=true
LockPersonality=true
MemoryDenyWriteExecute=true
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER
SystemCallArchitectures=native
SystemCallFilter=@system-service
";

/// It makes up for what it slept through, and nodes do not all look at the same moment.
const TIMER_UNIT: &str = "\
[Unit]
Description=Look every night whether certificates of this Kubernetes node must be renewed

[Timer]
OnCalendar=*-*-* 03:00:00
RandomizedDelaySec=3h
FixedRandomDelay=true
AccuracySec=1min
Persistent=true

[Install]
WantedBy=timers.target
";

#[cfg(test)]
mod tests;
