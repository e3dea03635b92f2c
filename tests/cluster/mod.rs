//! Whole commands on real nodes, with the real Kubernetes and the real kubeadm beside it. They need root and the lab:
//! `cargo lab test cluster::`, or one of them, `cargo lab test cluster::resume`.

mod api_proxy;
mod atomic;
mod command;
mod dry_run;
mod init;
mod join;
mod late_kubelet;
mod march;
mod members;
mod mixed;
mod other_versions;
mod outage;
mod phases;
mod post_conditions;
mod preflight;
mod refusals;
mod renew;
mod reset;
mod restore;
mod resume;
mod secrets;
mod stage;
mod sweep;
mod token;
mod tree;
mod upgrade;
mod upgrade_failing;
mod upgrade_plan;
mod upgrade_policy;
mod upgrade_three;
mod upload_certs;
mod watching;
