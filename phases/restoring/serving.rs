//! Waiting until the control plane serves with the data that was put back. The API server's word is not asked for: what it
//! says of the pods is as old as the copy.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kubewright_config::yaml;
use kubewright_node::{Attempt, wait_for};

use super::{Restoring, TAG};
use crate::prelude::*;
use crate::upgrading::Component;
use crate::upgrading::replacing::{Ends, probe_url};

/// How long each may take; kubeadm's limit for a replaced static pod.
pub const LIMIT: Duration = Duration::from_secs(300);

/// Waits for each component that has a manifest here, in the order in which they need each other: until it is well for
/// `steady` without a break.
///
/// # Errors
/// One does not serve in time, or ends again and again.
pub async fn wait(probe: &Probe, steady: Duration, hands: &Restoring<'_>) -> Result<(), Failure> {
    for component in Component::ALL {
        let path = component.manifest();
        let Some(manifest) = hands.files.read(&path)? else { continue };
        let manifest = yaml::document(manifest.as_bytes()).context(format!("cannot read `{path}`"))?;
        let Some(url) = probe_url(manifest.value()) else { continue };
        wait_for_one(component, &url, (probe, steady), hands).await?;
        hands.report.note(TAG, format!("{component} serves"));
    }
    Ok(())
}

async fn wait_for_one(
    component: Component,
    url: &str,
    (probe, steady): (&Probe, Duration),
    hands: &Restoring<'_>,
) -> Result<(), Failure> {
    let (ends, well_since, began) = (Ends::default(), AtomicU64::new(0), Instant::now());
    wait_for(hands.report, format!("{component} to serve"), LIMIT, || async {
        if let Ok(containers) = hands.runtime.containers(hands.socket).await
            && let Some(failure) = ends.judge(component, &containers)
        {
            return Err(failure);
        }
        let why = match probe.health(url).await {
            Ok(answer) if answer.status == 200 => None,
            Ok(answer) => Some(format!("{url} answers {} {}", answer.status, answer.body.trim())),
            Err(why) => Some(format!("{url}: {why}")),
        };
        if let Some(why) = why {
            well_since.store(0, Ordering::Relaxed);
            return Ok(Attempt::NotYet(why));
        }
        // One more, so that 0 means never.
        let now = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let since = well_since
            .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed)
            .map_or_else(|since| since, |_| now);
        Ok(match u128::from(now - since) >= steady.as_millis() {
            true => Attempt::Done(()),
            false => Attempt::NotYet("it is well, and must stay so for a moment".into()),
        })
    })
    .await
}
