#![allow(clippy::unwrap_used)]

use serde::Deserialize;

use super::*;
use crate::flags::InitFlags;
use crate::load::tests::machine;
use crate::load::{load_init, load_join, load_reset, load_upgrade};
use crate::{versions, yaml};

/// One invalid configuration of `tests/fixtures/invalid`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub name: String,
    pub kubeadm: Peer,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    file: String,
    hex: Option<String>,
    repeat: Option<Repeat>,
    message: String,
}

/// What real kubeadm does with it.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Peer {
    Refuses,
    Takes,
}

#[derive(Deserialize)]
struct Repeat {
    text: String,
    times: usize,
}

impl Case {
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes =
            self.hex.as_ref().map_or_else(|| self.file.clone().into_bytes(), |hex| hex::decode(hex).unwrap());
        if let Some(repeat) = &self.repeat {
            bytes.extend(repeat.text.repeat(repeat.times).into_bytes());
        }
        bytes
    }
}

pub(crate) fn cases() -> Vec<(&'static str, Case)> {
    macro_rules! group {
        ($($name:literal),* $(,)?) => {
            [$(($name, include_str!(concat!("../../../../tests/fixtures/invalid/", $name, ".yaml")))),*]
        };
    }
    let groups = group![
        "syntax",
        "documents",
        "types",
        "networking",
        "cluster",
        "etcd",
        "init",
        "join",
        "reset",
        "upgrade",
        "v1beta3",
        "kubelet",
        "kube-proxy",
    ];
    let read = |(group, text)| -> Vec<(&str, Case)> {
        let cases: Vec<Case> = serde_json::from_value(yaml::embedded(text)).unwrap();
        cases.into_iter().map(|case| (group, case)).collect()
    };
    groups.into_iter().flat_map(read).collect()
}

const FILE: &str = "kubeadm.yaml";
const STRICT: Reading = Reading { strict: true, allow_deprecated: false };

#[test]
fn every_invalid_configuration_is_refused_with_its_one_message() {
    let mut wrong = Vec::new();
    for (group, case) in cases() {
        let bytes = case.bytes();
        let told = match check_file((FILE, &bytes), STRICT, &machine()) {
            Ok(_) => "accepted".to_owned(),
            Err(errors) => errors.to_string(),
        };
        if told != case.message {
            wrong.push(format!("{group}/{} => {}", case.name, told.replace('\n', "⏎")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_machine_without_a_network_can_check_a_file() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
    assert_eq!(check_file((FILE, text.as_bytes()), STRICT, &HostFacts::default()).unwrap(), []);
}

#[test]
fn messages_name_file_and_fix_in_one_line() {
    let cases = cases();
    assert!(cases.len() >= 200, "{}", cases.len());
    for (group, case) in &cases {
        let message = &case.message;
        assert!(message.starts_with(FILE) && message.ends_with(')'), "{group}/{}: {message}", case.name);
        assert!(!message.contains('\n'), "{group}/{}: {message}", case.name);
    }
    let refused = cases.iter().filter(|(_, case)| case.kubeadm == Peer::Refuses).count();
    assert!(refused >= 150, "{refused}");
}

/// Reads a file as the command does that it is for.
fn as_its_command(bytes: &[u8], reading: Reading) -> Result<Vec<Warning>, ConfigErrors> {
    let host = machine();
    let text = String::from_utf8_lossy(bytes).into_owned();
    let is_for = |kind: &str| text.contains(&format!("kind: {kind}Configuration"));
    let file = (FILE, bytes);
    if is_for("Join") {
        let facts = versions::facts_for(&versions::default_version()).unwrap();
        load_join(
            Some(file),
            &crate::JoinFlags { strict: reading.strict, ..crate::JoinFlags::default() },
            &host,
            &facts,
        )
        .map(|(_, warnings)| warnings)
    } else if is_for("Reset") {
        let flags = crate::ResetFlags { strict: reading.strict, ..crate::ResetFlags::default() };
        load_reset(Some(file), &flags, &host).map(|(_, warnings)| warnings)
    } else if is_for("Upgrade") {
        let flags = crate::UpgradeFlags { strict: reading.strict, ..crate::UpgradeFlags::default() };
        load_upgrade(Some(file), &flags).map(|(_, warnings)| warnings)
    } else {
        let flags = InitFlags { strict: reading.strict, ..InitFlags::default() };
        load_init(Some(file), &flags, &host, &mut |bytes| bytes.fill(1)).map(|(_, warnings)| warnings)
    }
}

#[test]
fn commands_refuse_in_the_same_words() {
    for (group, case) in cases() {
        let reading = Reading { strict: case.strict, ..Reading::default() };
        let told = match as_its_command(&case.bytes(), reading) {
            Ok(_) => "accepted".to_owned(),
            Err(errors) => errors.to_string(),
        };
        assert_eq!(told, case.message, "{group}/{}", case.name);
    }
}

#[test]
fn commands_take_what_only_strict_reading_refuses() {
    for (group, case) in cases().iter().filter(|(_, case)| case.strict) {
        let warnings = as_its_command(&case.bytes(), Reading::default());
        let warnings = warnings.unwrap_or_else(|errors| panic!("{group}/{}: {errors}", case.name));
        assert!(warnings.iter().any(|warning| warning.refusal.is_some()), "{group}/{}", case.name);
    }
}
