//! The init system of this machine, systemd or OpenRC, driven through its own client.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use kubewright_node::{ServiceBackend, ServiceError, ServiceState};

use crate::command::{self, Ended};

/// Drives whatever init system the machine has.
pub struct HostServices {
    init: Option<Init>,
    limit: Duration,
}

enum Init {
    Systemd { systemctl: Utf8PathBuf },
    OpenRc { service: Utf8PathBuf, update: Option<Utf8PathBuf> },
}

impl HostServices {
    /// Finds the init system by its client in PATH. A machine with neither is no error until something is asked.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::found_in(&std::env::var_os("PATH").unwrap_or_default(), LIMIT))
    }

    fn found_in(path: &OsString, limit: Duration) -> Self {
        let systemd = command::find("systemctl", path).map(|systemctl| Init::Systemd { systemctl });
        let init = systemd.or_else(|| {
            let service = command::find("rc-service", path)?;
            Some(Init::OpenRc { service, update: command::find("rc-update", path) })
        });
        Self { init, limit }
    }

    fn init(&self, doing: &'static str, service: &str) -> Result<&Init, ServiceError> {
        self.init.as_ref().ok_or_else(|| ServiceError::NoInitSystem { doing, service: service.into() })
    }

    async fn run(
        &self,
        program: &Utf8PathBuf,
        arguments: &[&str],
        doing: &'static str,
        service: &str,
    ) -> Result<Ended, ServiceError> {
        let ended = command::run(program, arguments, self.limit).await;
        ended.map_err(|source| ServiceError::Command { doing, service: service.into(), source })
    }

    async fn must(
        &self,
        program: &Utf8PathBuf,
        arguments: &[&str],
        doing: &'static str,
        service: &str,
    ) -> Result<(), ServiceError> {
        let ended = self.run(program, arguments, doing, service).await?;
        match ended.ok() {
            true => Ok(()),
            false => Err(ServiceError::Refused { doing, service: service.into(), output: ended.words() }),
        }
    }
}

#[async_trait]
impl ServiceBackend for HostServices {
    fn init_system(&self) -> Option<&'static str> {
        self.init.as_ref().map(|init| match init {
            Init::Systemd { .. } => "systemd",
            Init::OpenRc { .. } => "OpenRC",
        })
    }

    async fn state(&self, service: &str) -> Result<ServiceState, ServiceError> {
        let doing = "look at";
        match self.init(doing, service)? {
            Init::Systemd { systemctl } => {
                let status =
                    self.run(systemctl, &["status", "--no-pager", "--lines=0", service], doing, service).await?;
                // A unit that is masked or only named by others is "loaded", and exists as little as kubeadm says.
                let exists = status.status != Some(NO_SUCH_UNIT) && !status.stdout.contains("Loaded: not-found");
                if !exists {
                    return Ok(ServiceState::default());
                }
                let (is_enabled, is_active) = (["is-enabled", service], ["is-active", service]);
                let (enabled, active) = tokio::try_join!(
                    self.run(systemctl, &is_enabled, doing, service),
                    self.run(systemctl, &is_active, doing, service),
                )?;
                let active = matches!(active.stdout.trim(), "active" | "activating");
                Ok(ServiceState { exists, enabled: enabled.ok(), active })
            }
            Init::OpenRc { service: rc_service, update } => {
                let status = self.run(rc_service, &[service, "status"], doing, service).await?;
                let says = |words: &str| status.stdout.contains(words) || status.stderr.contains(words);
                let exists = !says("does not exist");
                let enabled = match update {
                    Some(update) if exists => {
                        let shown = self.run(update, &["show", "default"], doing, service).await?;
                        shown
                            .stdout
                            .lines()
                            .any(|line| line.split('|').next().is_some_and(|name| name.trim() == service))
                    }
                    _ => false,
                };
                Ok(ServiceState { exists, enabled, active: exists && !says("stopped") })
            }
        }
    }

    async fn restart(&self, service: &str) -> Result<(), ServiceError> {
        let doing = "restart";
        match self.init(doing, service)? {
            Init::Systemd { systemctl } => {
                // A drop-in that this run wrote counts only after this.
                self.must(systemctl, &["daemon-reload"], "read the unit file of", service).await?;
                self.must(systemctl, &["restart", service], doing, service).await
            }
            Init::OpenRc { service: rc_service, .. } => {
                self.must(rc_service, &[service, "restart"], doing, service).await
            }
        }
    }

    async fn enable(&self, service: &str) -> Result<(), ServiceError> {
        let doing = "enable";
        match self.init(doing, service)? {
            Init::Systemd { systemctl } => {
                self.must(systemctl, &["daemon-reload"], "read the unit file of", service).await?;
                self.must(systemctl, &["enable", service], doing, service).await
            }
            Init::OpenRc { update: Some(update), .. } => {
                self.must(update, &["add", service, "default"], doing, service).await
            }
            Init::OpenRc { update: None, .. } => Err(ServiceError::NoInitSystem { doing, service: service.into() }),
        }
    }

    async fn stop(&self, service: &str) -> Result<(), ServiceError> {
        let doing = "stop";
        match self.init(doing, service)? {
            Init::Systemd { systemctl } => self.must(systemctl, &["stop", service], doing, service).await,
            Init::OpenRc { service: rc_service, .. } => self.must(rc_service, &[service, "stop"], doing, service).await,
        }
    }
}

/// As long as systemd itself gives a service to start or stop.
const LIMIT: Duration = Duration::from_secs(90);
/// systemctl's status for a unit that it does not know (LSB: "program or service status is unknown").
const NO_SUCH_UNIT: i32 = 4;

#[cfg(test)]
mod tests;
