//! Tokens as objects, against what kubeadm 1.36.2 printed for the same Secrets.

use time::macros::datetime;

use super::*;

fn tokens() -> Vec<KnownToken> {
    let default_group = "system:bootstrappers:kubeadm:default-node-token";
    let token = |id: &str, description: &str, expires, usages: &[&str], groups: &[&str]| KnownToken {
        token: format!("{id}.0123456789abcdef").parse().unwrap(),
        description: description.into(),
        expires,
        usages: usages.iter().map(ToString::to_string).collect(),
        groups: groups.iter().map(ToString::to_string).collect(),
    };
    let both = &["authentication", "signing"];
    vec![
        token("aaaaaa", "forever and <a>&b", None, both, &[default_group]),
        token("bbbbbb", "", Some(datetime!(2026-11-24 00:52:21 UTC)), &both[..1], &[default_group]),
        token(
            "cccccc",
            "",
            Some(datetime!(2026-11-22 00:53:51 UTC)),
            both,
            &["system:bootstrappers:a", "system:bootstrappers:b"],
        ),
        token("ffffff", "", None, &[], &[]),
    ]
}

fn printed(output: &str) -> String {
    let args = OutputArgs { output: output.into(), allow_missing_template_keys: true, show_managed_fields: false };
    let mut printer = args.printer().unwrap();
    tokens().iter().map(|token| shown(&mut printer, token).unwrap()).collect()
}

#[test]
fn objects_are_kubeadms() {
    assert_eq!(printed("json"), include_str!("list.json"));
    assert_eq!(printed("yaml"), include_str!("list.yaml"));
    assert_eq!(
        printed("go-template={{.token}} "),
        "aaaaaa.0123456789abcdef bbbbbb.0123456789abcdef \
                                                    cccccc.0123456789abcdef ffffff.0123456789abcdef "
    );
    assert_eq!(
        printed("jsonpath={.usages[0]},{.expires};"),
        "authentication,;authentication,2026-11-24T00:52:21Z;\
                                                             authentication,2026-11-22T00:53:51Z;,;"
    );
    assert!(printed("jsonpath-as-json={.description}").contains("\"forever and \\u003ca\\u003e\\u0026b\""));
    assert!(printed("kyaml").contains("token: \"ffffff.0123456789abcdef\""));
}
