//! Waiting until the control plane serves with the data that was put back. The API server's word is not asked for: what it
//! says of the pods is as old as the copy.

use std::time::Duration;

use kubewright_config::yaml;
use kubewright_node::wait_for;

use super::{Restoring, TAG};
use crate::component::Component;
use crate::prelude::*;
use crate::static_pod_health::{Ends, Steady, probe_url, unwell};

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
    let (ends, steady) = (Ends::default(), Steady::for_at_least(steady));
    wait_for(hands.report, format!("{component} to serve"), LIMIT, || async {
        if let Ok(containers) = hands.runtime.containers(hands.socket).await
            && let Some(failure) = ends.judge_newest(component, &containers)
        {
            return Err(failure);
        }
        Ok(match unwell(probe, url).await {
            Some(why) => steady.broken(why),
            None => steady.well(),
        })
    })
    .await
}
