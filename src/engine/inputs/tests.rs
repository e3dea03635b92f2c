//! What is said of inputs that changed.

use super::*;

fn shown(value: &str) -> InputValue {
    InputValue::Shown(value.into())
}

#[test]
fn each_input_that_changed_is_named_and_no_other() {
    let hidden = |text: &str| InputValue::Hidden(Digest(text.into()));
    let was = Inputs::default()
        .with("the Kubernetes version", shown("v1.35.0"))
        .with("the file of --config", hidden("1"))
        .with("--pod-network-cidr", shown("10.0.0.0/16"))
        .with("--node-name", shown("a"));
    let now = Inputs::default()
        .with("the Kubernetes version", shown("v1.36.2"))
        .with("the file of --config", hidden("2"))
        .with("--service-cidr", shown("10.1.0.0/16"))
        .with("--node-name", shown("a"));
    assert_eq!(
        was.differences(&now),
        [
            "--pod-network-cidr was `10.0.0.0/16` and is not given",
            "--service-cidr was not given and is `10.1.0.0/16`",
            "the Kubernetes version was `v1.35.0` and is `v1.36.2`",
            "the file of --config has changed",
        ]
    );
    assert!(was.differences(&was).is_empty());
}
