//! Whatever a run writes or starts, the token and the certificate key that it was given are not in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;

use super::program::{Home, Said};

const TOKEN: &str = "abcdef.sv0123456789cret";
const KEY: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2";

/// Stands for every program that might be started: writes its arguments and its environment down.
const CHILD: &str = "#!/bin/sh\n{ echo \"$0 $*\"; env; } >>\"$LOG\"\necho 'Kubernetes v1.36.2'\n";

/// Programs that the binary might look for.
const CHILDREN: [&str; 8] =
    ["systemctl", "kubelet", "crictl", "rc-service", "service", "conntrack", "mount", "containerd"];

type Judge = fn(&Said) -> bool;

/// `HOME` stands for a directory; the files in it hold the secrets.
const RUNS: &[(&str, Judge)] = &[
    ("init --upload-certs --dry-run --token-file HOME/token --certificate-key-file HOME/key", succeeds),
    ("init --upload-certs --dry-run=diff --token TOKEN --certificate-key KEY", succeeds),
    ("init --upload-certs --dry-run --progress json --token TOKEN --certificate-key KEY", succeeds),
    ("init --upload-certs --token TOKEN --certificate-key KEY", fails),
    ("init --config HOME/init.yaml", fails),
    ("init phase certs all --cert-dir HOME/pki --config HOME/init.yaml --fresh", fails),
    (
        "join 127.0.0.1:1 --control-plane --dry-run --token-file HOME/token --certificate-key-file HOME/key \
      --discovery-token-unsafe-skip-ca-verification",
        any,
    ),
    (
        "join 127.0.0.1:1 --control-plane --token TOKEN --certificate-key KEY \
      --discovery-token-unsafe-skip-ca-verification",
        fails,
    ),
    (
        "join 127.0.0.1:1 --discovery-token TOKEN --tls-bootstrap-token TOKEN \
      --discovery-token-unsafe-skip-ca-verification",
        fails,
    ),
    ("join --config HOME/join.yaml", fails),
    // Mistakes: most of a secret is as good as all of it.
    ("init --dry-run --token TOKENx", fails),
    ("init --dry-run --upload-certs --certificate-key KEYx", fails),
    ("join 127.0.0.1:1 --token TOKENx --discovery-token-unsafe-skip-ca-verification", fails),
    (
        "join 127.0.0.1:1 --token TOKEN --control-plane --certificate-key KEYx \
      --discovery-token-unsafe-skip-ca-verification",
        fails,
    ),
    ("init --token-file HOME/key", fails),
    ("init --certificate-key-file HOME/token", fails),
    ("init --token TOKEN --token-file HOME/token", fails),
    ("token create TOKENx", fails),
    ("token create TOKEN --kubeconfig HOME/nowhere", fails),
    ("token create --print-join-command --certificate-key KEYx", fails),
    ("token delete TOKENx", fails),
    ("token delete TOKEN --dry-run --kubeconfig HOME/admin.conf", succeeds),
    ("token list --kubeconfig HOME/token", fails),
    ("config validate --config HOME/wrong.yaml", fails),
];

#[test]
fn secrets_reach_nothing_that_a_run_writes_or_starts() {
    let home = Home::new();
    for (name, text) in [("token", TOKEN), ("key", KEY)] {
        home.write(name, &format!("{text}\n"));
    }
    home.write("admin.conf", "clusters: [{name: '', cluster: {server: 'https://127.0.0.1:1'}}]\n");
    let documents = [("init.yaml", INIT), ("join.yaml", JOIN), ("wrong.yaml", WRONG)];
    for (name, text) in documents {
        home.write(name, &filled(text));
    }
    let bin = home.closed("bin");
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).unwrap();
    for name in CHILDREN {
        let path = home.write(&format!("bin/{name}"), CHILD);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let log = home.write("children", "");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).unwrap();
    let path = format!("{bin}:/usr/bin:/bin");

    for (number, (arguments, judge)) in RUNS.iter().enumerate() {
        let given = filled(arguments).replace("HOME", home.path().as_str());
        let events = format!("{}/state/events-{number}", home.path());
        fs::create_dir_all(home.path().join("state")).unwrap();
        fs::set_permissions(home.path().join("state"), fs::Permissions::from_mode(0o777)).unwrap();
        let mut words: Vec<&str> = given.split_whitespace().collect();
        words.extend(["-v=9", "--events", &events]);
        if arguments.starts_with("init") && !arguments.contains("phase") {
            words.extend(["--skip-token-print", "--skip-certificate-key-print"]);
        }
        if arguments.contains("--dry-run") && !arguments.starts_with("token") {
            words.push("--ignore-preflight-errors=all");
        }
        let said = home.run_with(&words, &[("PATH", &path), ("LOG", log.as_str())]);
        assert!(judge(&said), "`{arguments}` ends with {:?}:\n{}{}", said.code, said.out, said.err);
        must_lack(&said.out, &format!("standard output of `{arguments}`"));
        must_lack(&said.err, &format!("standard error of `{arguments}`"));
    }

    let started = fs::read_to_string(&log).unwrap();
    assert!(started.contains("/bin/kubelet --version"), "no child was seen:\n{started}");
    let ours = ["token", "key", "init.yaml", "join.yaml", "wrong.yaml"].map(|name| home.path().join(name));
    let written = files(home.path());
    assert!(written.iter().any(|path| path.ends_with("journal.jsonl")), "no journal was seen: {written:?}");
    for path in written.iter().filter(|path| !ours.iter().any(|ours| ours == *path)) {
        must_lack(&String::from_utf8_lossy(&fs::read(path).unwrap()), path);
    }
}

fn filled(text: &str) -> String {
    text.replace("TOKEN", TOKEN).replace("KEY", KEY)
}

fn must_lack(text: &str, what: &str) {
    let secret = TOKEN.split_once('.').unwrap().1;
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&KEY[2 * at..2 * at + 2], 16).unwrap()).collect();
    let forms = [
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD.encode(TOKEN),
        KEY.to_owned(),
        STANDARD.encode(KEY),
        STANDARD.encode(&bytes),
        format!("{bytes:?}"),
    ];
    for form in forms {
        assert!(!text.contains(&form), "{what} has `{form}`:\n{text}");
    }
}

fn files(directory: &Utf8Path) -> Vec<String> {
    let entries = directory.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.into_string()] }).collect()
}

fn succeeds(said: &Said) -> bool {
    said.code == Some(0)
}

fn fails(said: &Said) -> bool {
    said.code == Some(1) && said.err.contains("error")
}

fn any(_: &Said) -> bool {
    true
}

const INIT: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens: [{token: TOKEN}]\n\
                    certificateKey: KEY\nlocalAPIEndpoint: {advertiseAddress: 192.0.2.10}\n";
const JOIN: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {bootstrapToken: \
                    {token: TOKEN, apiServerEndpoint: '127.0.0.1:1', unsafeSkipCAVerification: true}}\n\
                    controlPlane: {certificateKey: KEY, localAPIEndpoint: {advertiseAddress: 192.0.2.10}}\n";
const WRONG: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
                     bootstrapTokens: [{token: TOKENx}, {token: [TOKEN]}]\ncertificateKey: KEYx\ntoken: TOKEN\n";
