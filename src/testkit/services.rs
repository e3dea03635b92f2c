//! An init system that starts nothing and remembers what it was told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use kubewright_node::{ServiceBackend, ServiceError, ServiceState};

use crate::faults::Calls;

/// An init system in name only. It knows `kubelet` and `containerd`, both enabled, the latter running.
pub struct FakeServices {
    states: Mutex<BTreeMap<String, ServiceState>>,
    calls: Calls<()>,
    absent: AtomicBool,
    on_restart: Mutex<Vec<Hook>>,
}

type Hook = Box<dyn Fn(&str) + Send + Sync>;

impl Default for FakeServices {
    fn default() -> Self {
        let known = |active| ServiceState { exists: true, enabled: true, active };
        let states = BTreeMap::from([("kubelet".into(), known(false)), ("containerd".into(), known(true))]);
        Self {
            states: Mutex::new(states),
            calls: Calls::default(),
            absent: AtomicBool::new(false),
            on_restart: Mutex::default(),
        }
    }
}

impl FakeServices {
    /// Makes a service be in a state.
    pub fn set(&self, service: &str, state: ServiceState) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(service.into(), state);
    }

    /// Takes the init system away.
    pub fn take_away(&self) {
        self.absent.store(true, Ordering::Relaxed);
    }

    /// What it was told, such as `restart kubelet`; looks are not listed.
    pub fn calls(&self) -> Vec<String> {
        self.calls.made()
    }

    /// Lets the nth call from now on that begins with these words fail, counting from 1.
    pub fn fail(&self, call: &str, nth: usize) {
        self.calls.fail(call, nth, ());
    }

    /// Does something whenever a service was restarted.
    pub fn on_restart(&self, hook: impl Fn(&str) + Send + Sync + 'static) {
        self.on_restart.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
    }

    fn act(&self, doing: &'static str, service: &str, active: bool) -> Result<(), ServiceError> {
        let refused = |output: &str| ServiceError::Refused { doing, service: service.into(), output: output.into() };
        if self.calls.make(format!("{doing} {service}")).is_some() {
            return Err(refused("the fake init system was told to fail"));
        }
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.get_mut(service).ok_or_else(|| refused("no such service"))?;
        state.active = active;
        Ok(())
    }
}

#[async_trait]
impl ServiceBackend for FakeServices {
    fn init_system(&self) -> Option<&'static str> {
        (!self.absent.load(Ordering::Relaxed)).then_some("systemd")
    }

    async fn state(&self, service: &str) -> Result<ServiceState, ServiceError> {
        Ok(self.states.lock().unwrap_or_else(PoisonError::into_inner).get(service).copied().unwrap_or_default())
    }

    async fn restart(&self, service: &str) -> Result<(), ServiceError> {
        self.act("restart", service, true)?;
        self.on_restart.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|hook| hook(service));
        Ok(())
    }

    async fn enable(&self, service: &str) -> Result<(), ServiceError> {
        let active = self.state(service).await?.active;
        self.act("enable", service, active)
    }

    async fn stop(&self, service: &str) -> Result<(), ServiceError> {
        self.act("stop", service, false)
    }
}
