//! Ours: certificates and tokens hold for a time, and so does the trust in them.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_node::ServerAnswer;
use kubewright_pki::CertificateKind;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Duration, OffsetDateTime};

use crate::checks::{Check, Finding, Name, Subject, warnings};
use crate::external_etcd;
use crate::issuing::read_authority;

/// The check `ClockSkew`.
///
/// It asks nobody for the time, since there need not be an internet, and does not tell a clock that is not disciplined:
/// most of those are right. It finds what cannot be true if the clock is.
pub struct ClockSkew;

#[async_trait]
impl Check for ClockSkew {
    fn about(&self) -> &'static str {
        "Have a clock that is not far off"
    }

    fn why(&self) -> &'static str {
        "Certificates made with a clock that is ahead are not valid yet for other nodes, with one that is behind they \
         expire early, and tokens with them. Compared with files that were changed in the future, with authorities that are \
         not valid yet, and with the time that an external etcd tells."
    }

    fn fix(&self) -> &'static str {
        "set the clock, and have it kept: `timedatectl set-ntp true`, or chrony"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["ClockSkew"])
    }

    fn ours(&self) -> bool {
        true
    }

    fn rank(&self) -> u16 {
        370
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let now = subject.clock.now();
        let mut evidence: Vec<String> = changed_in_the_future(subject, now).into_iter().collect();
        evidence.extend(not_valid_yet(subject, now));
        evidence.extend(other_time_at_etcd(subject).await);
        let clock = now.format(&Rfc3339).unwrap_or_default();
        let finding = |what| Finding::warning("ClockSkew", format!("the clock says {clock}, but {what}"), self.fix());
        evidence.into_iter().map(finding).collect()
    }
}

/// Files that somebody wrote when the machine was installed or started; one is enough.
fn changed_in_the_future(subject: &Subject<'_>, now: OffsetDateTime) -> Option<String> {
    let kubelet = subject.probe.find_in_path("kubelet");
    let known = ["/etc/machine-id", "/etc/os-release", "/etc/passwd", "/etc/hostname", "/var/log"];
    let files = known.into_iter().map(camino::Utf8PathBuf::from).chain(kubelet);
    let changed = files.filter_map(|path| subject.probe.modified(&path).map(|at| (path, at)));
    let (path, at) = changed.max_by_key(|(_, at)| *at).filter(|(_, at)| *at > now + TOLERANCE)?;
    Some(format!("{path} was changed at {}, {} later", at.format(&Rfc3339).unwrap_or_default(), words(at - now)))
}

fn not_valid_yet(subject: &Subject<'_>, now: OffsetDateTime) -> Vec<String> {
    let authorities = CertificateKind::ALL.into_iter().filter(|kind| kind.profile().parent.is_none());
    let early = authorities.filter_map(|kind| {
        // What else is wrong with an authority is what the check of existing certificates says.
        let known = read_authority(subject.cluster, kind, |path| subject.files.read(path)).ok()??;
        let from = known.certificate.not_before();
        let name = kind.profile().base_name;
        let after = from > now + TOLERANCE;
        after
            .then(|| format!("the authority {name}.crt is valid from {} on", from.format(&Rfc3339).unwrap_or_default()))
    });
    early.collect()
}

async fn other_time_at_etcd(subject: &Subject<'_>) -> Vec<String> {
    let Some(etcd) = subject.cluster.etcd.external() else { return Vec::new() };
    // An etcd that cannot be asked is what the check of its version says.
    let Ok(answers) = external_etcd::answers(etcd, subject).await else { return Vec::new() };
    let now = subject.clock.now();
    let off = |(endpoint, answer): &(String, Result<ServerAnswer, String>)| {
        let told = OffsetDateTime::parse(answer.as_ref().ok()?.date.as_ref()?, &Rfc2822).ok()?;
        let difference = told - now;
        let direction = if difference.is_negative() { "earlier" } else { "later" };
        (difference.abs() > TOLERANCE).then(|| {
            let told = told.format(&Rfc3339).unwrap_or_default();
            format!("the external etcd `{endpoint}` says {told}, {} {direction}", words(difference.abs()))
        })
    };
    answers.iter().filter_map(off).collect()
}

fn words(difference: Duration) -> String {
    match difference {
        long if long.whole_days() > 1 => format!("{} days", long.whole_days()),
        long if long.whole_minutes() > 120 => format!("{} hours", long.whole_hours()),
        short => format!("{} minutes", short.whole_minutes()),
    }
}

/// Certificates begin five minutes in the past (kubeadm: `CertificateBackdate`), for clocks that differ by less.
const TOLERANCE: Duration = Duration::minutes(5);
