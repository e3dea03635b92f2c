//! What is kept of a command line.

use super::*;

fn typed(line: &str) -> Typed {
    let words = line.split(' ').map(std::ffi::OsString::from);
    let matches = crate::command_line::parse(words).ok().flatten().expect("it can be parsed");
    let (name, matches) = matches.subcommand().expect("it has a command");
    Typed::of(name, None, matches)
}

#[test]
fn secrets_are_in_neither_form() {
    let typed = typed(
        "kubewright join 10.0.0.1:6443 --token abcdef.0123456789abcdef --certificate-key=4f4f --control-plane \
         --discovery-token-ca-cert-hash sha256:1 --node-name=a -v 5",
    );
    let kept = format!("{:?} {}", typed.inputs(), typed.again());
    assert!(!kept.contains("abcdef.0123456789abcdef") && !kept.contains("4f4f"), "{kept}");
    assert_eq!(
        typed.again(),
        "kubewright join 10.0.0.1:6443 --token=<token> --certificate-key=<certificate-key> --control-plane \
         --discovery-token-ca-cert-hash=sha256:1 --node-name=a"
    );
}

#[test]
fn only_what_decides_what_is_made_counts() {
    let first = typed("kubewright init --config a.yaml --upload-certs --jobs 2 --skip-phases=addon");
    let same = typed("kubewright init --upload-certs=true --config b.yaml --ignore-preflight-errors=all");
    assert_eq!(first.inputs().differences(&same.inputs()), [""; 0]);
    let other = typed("kubewright init --pod-network-cidr 10.0.0.0/16 --apiserver-extra-args secret=1");
    assert_eq!(
        first.inputs().differences(&other.inputs()),
        [
            "--apiserver-extra-args was not given and is now",
            "--pod-network-cidr was not given and is `10.0.0.0/16`",
            "--upload-certs was `true` and is not given",
        ]
    );
    assert!(!format!("{:?}", other.inputs()).contains("secret"));
}

#[test]
fn the_version_of_an_upgrade_is_an_argument() {
    let matches = crate::command_line::parse(
        "kubewright upgrade apply v1.36.3 --through v1.36.2 -y".split(' ').map(std::ffi::OsString::from),
    );
    let matches = matches.ok().flatten().expect("it can be parsed");
    let (_, matches) = matches.subcommand().and_then(|(_, matches)| matches.subcommand()).expect("it has a command");
    let typed = Typed::of("upgrade apply", None, matches);
    assert_eq!(typed.again(), "kubewright upgrade apply v1.36.3 --through=v1.36.2 --yes");
    assert_eq!(typed.inputs().shown(THE_VERSION), Some("v1.36.3"));
}

#[test]
fn a_word_that_a_shell_would_split_is_quoted() {
    assert_eq!(quoted("/etc/a.yaml"), "/etc/a.yaml");
    assert_eq!(quoted("my file's"), r"'my file'\''s'");
}
