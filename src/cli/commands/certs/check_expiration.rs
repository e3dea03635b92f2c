//! `certs check-expiration`: kubeadm's table and objects, and what else is to know of each certificate. Reads no key.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_discovery::tokens::short_duration;
use kubewright_engine::Failure;
use kubewright_phases::paths;
use kubewright_phases::renewal::{Component, Expiry, Managed, check, running};
use kubewright_pki::{Certificate, CertificateKind, Fingerprint};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset, macros::format_description};

use super::configuration::{Configuration, LookupArgs};
use super::{table, verdict};
use crate::backends::{Machine, on_machine};
use crate::exit::Exit;
use crate::output::{Object, OutputArgs};
use crate::program;
use crate::render::data;

/// kubeadm's flags, and ours.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Where to look.
    #[command(flatten)]
    lookup: LookupArgs,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    strict: bool,
    /// Exit with 11 when a certificate expires within this time, and with 10 when one has expired
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = verdict::span)]
    expires_within: std::time::Duration,
    /// Print more columns: since when each certificate holds, its number, its fingerprint, the one that is served, its names
    #[arg(long)]
    wide: bool,
    /// How to print.
    #[command(flatten)]
    output: OutputArgs,
}

/// The command.
pub fn command() -> Command {
    CheckArgs::augment_args(Command::new("check-expiration"))
        .about("Check certificates expiration for a Kubernetes cluster")
        .long_about(
            "Check when the certificates of this node expire. It reads certificates only, never a key.\n\n\
             Exit codes: 0 all hold, 1 it could not be told, 10 a certificate has expired, 11 one expires soon. Called as \
             kubeadm there are only 0 and 1",
        )
}

/// Prints it.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let args = CheckArgs::from_arg_matches(matches).map_err(Exit::of)?;
    let mut printer = args.output.printer()?;
    let within = verdict::in_days(args.expires_within)?;
    on_machine(async |machine| {
        let aloud = printer.is_text();
        let (config, strict) = (args.config.as_deref(), args.strict);
        let configuration =
            Configuration::find(&machine, config, strict, &args.lookup, "check-expiration", aloud).await?;
        let expiry = look(&machine, &configuration)?;
        let now = machine.backends.clock.now();
        // Who looks for more than kubeadm tells; its own readers get what they know.
        let details = args.wide || (!aloud && !program::is_kubeadm());
        let served = if details { served(&machine).await? } else { Served::new() };
        let info = Info::of(&expiry, now, details.then_some(&served));
        let text = || if args.wide { wide(&expiry, now, &served) } else { text(&expiry, now, &configuration) };
        data(&printer.print(&Object::new("CertificateExpirationInfo", &info), text)?);
        verdict::of(&expiry, now, within)
    })
}

/// Looks at all certificates.
pub fn look(machine: &Machine, configuration: &Configuration) -> Result<Expiry, Failure> {
    let read = |path: &Utf8Path| Ok(machine.backends.files.read(path)?);
    check(&configuration.cluster, &configuration.facts, &read)
}

/// What each server of this node shows, by the certificate that it should be.
pub type Served = BTreeMap<&'static str, Vec<Shown>>;

/// What one server shows.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    component: &'static str,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Where the server reads it from.
    file: Utf8PathBuf,
}

impl Shown {
    /// Whether the server shows the certificate with this fingerprint; `None` when it does not answer.
    pub fn shows(&self, fingerprint: &str) -> Option<bool> {
        self.fingerprint.as_ref().map(|shown| shown == fingerprint)
    }

    /// The component, and where it listens.
    pub fn place(&self) -> (&'static str, &str) {
        (self.component, &self.address)
    }
}

/// Greets every server of this node's control plane.
pub async fn served(machine: &Machine) -> Result<Served, Failure> {
    let mut served = Served::new();
    for component in Component::STATIC_PODS {
        let Ok(Some(manifest)) = machine.backends.files.read(&paths::static_pod(component.name())) else { continue };
        for serving in running(component, manifest.as_bytes())?.serving {
            let shown = machine.backends.health.certificate(&serving.address).await;
            let (fingerprint, error) = match shown {
                Ok(der) => (Some(Fingerprint::of_der(&der).to_string()), None),
                Err(error) => (None, Some(error)),
            };
            let shown =
                Shown { component: component.name(), address: serving.address, fingerprint, error, file: serving.file };
            served.entry(serving.managed.name()).or_default().push(shown);
        }
    }
    Ok(served)
}

/// The object's fields, in kubeadm's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    certificates: Vec<Row>,
    certificate_authorities: Vec<Row>,
    /// Ours: the kubelet's client certificate, which kubeadm leaves to the kubelet.
    #[serde(skip_serializing_if = "Option::is_none")]
    kubelet: Option<Row>,
}

/// One certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    name: &'static str,
    expiration_date: Option<String>,
    residual_time: i64,
    externally_managed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_name: Option<&'static str>,
    missing: bool,
    #[serde(flatten)]
    details: Option<Details>,
}

/// What kubeadm does not tell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    not_before: String,
    subject: Subject,
    #[serde(rename = "issuerCommonName")]
    issuer: Option<String>,
    serial_number: String,
    dns_names: Vec<String>,
    ip_addresses: Vec<String>,
    #[serde(rename = "sha256Fingerprint")]
    fingerprint: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    served: Vec<ShownHere>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    common_name: Option<String>,
    organizations: Vec<String>,
}

/// What a server shows, beside what its file has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownHere {
    #[serde(flatten)]
    shown: Shown,
    current: Option<bool>,
}

impl Row {
    fn missing(name: &'static str) -> Self {
        let details = None;
        Self {
            name,
            expiration_date: None,
            residual_time: 0,
            externally_managed: false,
            ca_name: None,
            missing: true,
            details,
        }
    }

    /// The row of a certificate that is there.
    pub fn of(
        name: &'static str,
        certificate: &Certificate,
        external: bool,
        authority: Option<CertificateKind>,
        now: OffsetDateTime,
        served: Option<&Served>,
    ) -> Self {
        Self {
            name,
            expiration_date: Some(rfc3339(certificate.not_after())),
            residual_time: certificate.remaining(now).whole_seconds(),
            externally_managed: external,
            ca_name: authority.map(|authority| authority.profile().phase),
            missing: false,
            details: served.map(|served| Details::of(certificate, served.get(name))),
        }
    }
}

impl Details {
    fn of(certificate: &Certificate, served: Option<&Vec<Shown>>) -> Self {
        let fingerprint = certificate.fingerprint().to_string();
        let here = |shown: &Shown| ShownHere { current: shown.shows(&fingerprint), shown: shown.clone() };
        Self {
            not_before: rfc3339(certificate.not_before()),
            subject: Subject {
                common_name: certificate.common_name().map(str::to_owned),
                organizations: certificate.organizations().to_vec(),
            },
            issuer: certificate.issuer_common_name().map(str::to_owned),
            serial_number: serial(certificate),
            dns_names: certificate.names().dns().to_vec(),
            ip_addresses: certificate.names().ips().iter().map(ToString::to_string).collect(),
            served: served.into_iter().flatten().map(here).collect(),
            fingerprint,
        }
    }
}

impl Info {
    fn of(expiry: &Expiry, now: OffsetDateTime, served: Option<&Served>) -> Self {
        let certificates = expiry.certificates.iter().map(|checked| match &checked.certificate {
            Some(certificate) => {
                let (managed, external) = (checked.managed, checked.external);
                Row::of(managed.name(), certificate, external, Some(managed.authority()), now, served)
            }
            None => Row::missing(checked.managed.name()),
        });
        let authorities = expiry.authorities.iter().map(|checked| match &checked.certificate {
            Some(certificate) => {
                Row::of(checked.kind.profile().phase, certificate, checked.external, None, now, served)
            }
            None => Row::missing(checked.kind.profile().phase),
        });
        let kubelet = served.and(expiry.kubelet.as_ref()).map(|certificate| {
            Row::of(Managed::KUBELET.name(), certificate, false, Some(CertificateKind::Ca), now, served)
        });
        Self { certificates: certificates.collect(), certificate_authorities: authorities.collect(), kubelet }
    }
}

/// kubeadm's two tables.
fn text(expiry: &Expiry, now: OffsetDateTime, configuration: &Configuration) -> String {
    let credentials = &configuration.facts.credentials;
    let residual = |certificate: &Certificate| match credentials.short_residual_time {
        true => short_duration(certificate.remaining(now)),
        false => human_duration(certificate.remaining(now)),
    };
    let mut rows =
        vec![header(&["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"])];
    for checked in &expiry.certificates {
        let name = checked.managed.name();
        rows.push(match &checked.certificate {
            Some(certificate) => {
                let told = matches!(checked.managed, Managed::Pki(_)) || credentials.kubeconfig_authority_told;
                let authority = if told { checked.managed.authority().profile().phase } else { "" };
                vec![
                    name.to_owned(),
                    date(certificate.not_after()),
                    residual(certificate),
                    authority.to_owned(),
                    yes_no(checked.external),
                ]
            }
            None => missing(name, 5),
        });
    }
    let certificates = table::block(&rows);
    let mut rows = vec![header(&["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"])];
    for checked in &expiry.authorities {
        let name = checked.kind.profile().phase;
        rows.push(match &checked.certificate {
            Some(certificate) => {
                let (until, left) = (date(certificate.not_after()), residual(certificate));
                vec![name.to_owned(), until, left, yes_no(checked.external)]
            }
            None => missing(name, 4),
        });
    }
    format!("{certificates}\n{}", table::block(&rows))
}

/// Everything, for people with wide screens.
fn wide(expiry: &Expiry, now: OffsetDateTime, served: &Served) -> String {
    let mut rows =
        vec![header(&["NAME", "NOT BEFORE", "EXPIRES", "RESIDUAL TIME", "SERIAL", "SHA-256", "SERVED", "NAMES"])];
    for (name, certificate) in expiry.all() {
        let fingerprint = certificate.fingerprint().to_string();
        let shown = |shown: &Shown| match (&shown.fingerprint, &shown.error) {
            (Some(shown), _) if *shown == fingerprint => "this one".to_owned(),
            (Some(other), _) => format!("ANOTHER: {other}"),
            (None, error) => error.clone().unwrap_or_default(),
        };
        let shown: Vec<String> = served.get(name).into_iter().flatten().map(shown).collect();
        let names = certificate.names();
        let all: Vec<String> = names.dns().iter().cloned().chain(names.ips().iter().map(ToString::to_string)).collect();
        rows.push(vec![
            name.to_owned(),
            date(certificate.not_before()),
            date(certificate.not_after()),
            human_duration(certificate.remaining(now)),
            serial(certificate),
            fingerprint.clone(),
            if shown.is_empty() { "-".to_owned() } else { shown.join(", ") },
            all.join(","),
        ]);
    }
    table::block(&rows)
}

fn header(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn missing(name: &str, cells: usize) -> Vec<String> {
    std::iter::once(format!("!MISSING! {name}")).chain(std::iter::repeat_n(String::new(), cells - 1)).collect()
}

fn yes_no(yes: bool) -> String {
    format!("{:<8}", if yes { "yes" } else { "no" })
}

fn serial(certificate: &Certificate) -> String {
    certificate.serial().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rfc3339(moment: OffsetDateTime) -> String {
    // Certificates end in years that it can write.
    moment.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
}

fn date(moment: OffsetDateTime) -> String {
    let format = format_description!("[month repr:short] [day], [year] [hour]:[minute] UTC");
    moment.to_offset(UtcOffset::UTC).format(format).unwrap_or_default()
}

/// A duration in one unit or two: `47h`, `2d3h`, `364d`, `9y`; `<invalid>` for what is over. Kubernetes: `HumanDuration`.
fn human_duration(duration: time::Duration) -> String {
    let seconds = duration.whole_seconds();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    let two = |large: i64, unit: &str, small: i64, rest: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{rest}"),
    };
    match () {
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, "d", hours % 24, "h"),
        () if days < 365 * 2 => format!("{days}d"),
        () if days < 365 * 8 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests;
