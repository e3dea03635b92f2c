//! Called as kubeadm, the program speaks as kubeadm: its words for wrong command lines, its forms, and no other name.
//! What is expected here is what kubeadm 1.36.2 prints.

use super::program::Home;

#[test]
fn a_wrong_command_line_is_told_in_kubeadms_words() {
    for (arguments, message) in [
        ("foo", "unknown command \"foo\" for \"kubeadm\""),
        ("init foo", "unknown command \"foo\" for \"kubeadm init\""),
        ("version foo", "unknown command \"foo\" for \"kubeadm version\""),
        ("init phase certs foo", "unknown command \"foo\" for \"kubeadm init phase certs\""),
        ("init phase etcd all", "unknown command \"all\" for \"kubeadm init phase etcd\""),
        ("-v 3 init --cri-socket x foo", "unknown command \"foo\" for \"kubeadm init\""),
        ("--foo", "unknown flag: --foo"),
        ("--version", "unknown flag: --version"),
        ("init --foo=bar", "unknown flag: --foo"),
        ("version -x", "unknown shorthand flag: 'x' in -x"),
        ("version -o foo", "invalid output format: foo"),
        ("init --config", "flag needs an argument: --config"),
        ("kubeconfig user", "required flag(s) \"client-name\" not set"),
        (
            "init --config /nowhere --token-ttl=1h --patches x",
            "can not mix '--config' with arguments [patches token-ttl]",
        ),
        ("init phase certs ca --config /nowhere --cert-dir x", "can not mix '--config' with arguments [cert-dir]"),
        ("completion", "shell not specified"),
        ("completion bash zsh", "too many arguments. expected only the shell type"),
    ] {
        let said = Home::new().run_as_kubeadm(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{arguments}: {said:?}");
        let lines: Vec<&str> = said.err.lines().filter(|line| !line.starts_with("hint: ")).collect();
        let hint = "To see the stack trace of this error execute with --v=5 or higher";
        assert_eq!(lines, [&*format!("error: {message}"), hint], "{arguments}");
    }
    for (arguments, beginning) in [
        ("init --upload-certs=maybe", "invalid argument \"maybe\" for \"--upload-certs\" flag: "),
        ("init --apiserver-bind-port=abc", "invalid argument \"abc\" for \"--apiserver-bind-port\" flag: "),
        ("version -v=x", "invalid argument \"x\" for \"-v, --v\" flag: "),
        ("version --vmodule=x", "invalid argument \"x\" for \"--vmodule\" flag: syntax error: "),
        ("version --rootfs=/nowhere", "unable to chroot to /nowhere: "),
        ("completion tcsh", "unsupported shell type \"tcsh\", the supported shell types are [bash zsh "),
        ("init --skip-phases=nope --dry-run --apiserver-advertise-address 10.0.0.1", "invalid phase name: nope"),
    ] {
        let said = Home::new().run_as_kubeadm(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(said.code, Some(1), "{arguments}: {said:?}");
        let error = said.err.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(error.starts_with(&format!("error: {beginning}")), "{arguments}: {said:?}");
    }
}

#[test]
fn half_a_command_gets_its_help_and_an_error() {
    let home = Home::new();
    for (arguments, about) in [
        (&["init", "phase"][..], "Use this command to invoke single phase of the \"init\" workflow\n"),
        (&["init", "phase", "certs"], "Certificate generation\n"),
        (&["init", "phase", "certs", "-v", "1"], "Certificate generation\n"),
        (&["kubeconfig"], "Kubeconfig file utilities\n"),
    ] {
        let said = home.run_as_kubeadm(arguments);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.starts_with(about) && said.out.contains("Usage: kubeadm "), "{said:?}");
        assert!(said.err.starts_with("error: subcommand is required\n"), "{said:?}");
    }
    let said = home.run_as_kubeadm(&[]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "the name alone asks for help");
    assert!(said.out.contains("Usage: kubeadm "), "{said:?}");
}

#[test]
fn help_and_completion_name_no_other_program() {
    let home = Home::new();
    let helps = [
        &["--help"][..],
        &["init", "-h"],
        &["init", "phase", "certs", "ca", "--help"],
        &["help", "version"],
        &["kubeconfig", "user", "--help"],
        &["completion", "--help"],
        &["completion", "bash"],
        &["completion", "zsh"],
        &["completion", "fish"],
        &["completion", "powershell"],
    ];
    for arguments in helps {
        let said = home.run_as_kubeadm(arguments);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{arguments:?}: {said:?}");
        assert!(said.out.contains("kubeadm") && !said.out.contains("kubewright"), "{arguments:?}: {}", said.out);
        let ours = home.run(arguments);
        assert!(ours.out.contains("kubewright"), "{arguments:?}: {}", ours.out);
    }
}

#[test]
fn completion_knows_every_command_and_flag() {
    let home = Home::new();
    for (shell, begins) in [
        ("bash", "_kubeadm() {"),
        ("zsh", "#compdef kubeadm\n"),
        ("fish", "# Print"),
        ("powershell", "\nusing namespace"),
    ] {
        let script = home.run_as_kubeadm(&["completion", shell]).out;
        assert!(script.starts_with(begins), "{shell}: {}", &script[..60]);
        // The generator for fish goes down to `init phase GROUP` only.
        let phase = if shell == "fish" { "upload-config" } else { "front-proxy-client" };
        for word in [phase, "skip-phases", "powershell", "client-name", "vmodule"] {
            assert!(script.contains(word), "`{word}` is not in the completion for {shell}");
        }
    }
}

#[test]
fn the_version_has_kubeadms_forms() {
    let home = Home::new();
    let said = |arguments: &[&str]| home.run_as_kubeadm(arguments).out;
    let version = kubewright_config::default_version();
    let (major, minor) = (version.major(), version.minor());
    assert_eq!(said(&["version", "-o", "short"]), format!("{version}\n"));
    let line = said(&["version"]);
    let begins = format!("kubeadm version: &version.Info{{Major:\"{major}\", Minor:\"{minor}\", EmulationMajor:\"\", ");
    assert!(line.starts_with(&begins) && line.contains(&format!("GitVersion:\"{version}\", GitCommit:")), "{line}");
    assert!(line.ends_with("\"}\n") && line.contains(", Platform:\"linux/"), "{line}");
    let yaml = said(&["version", "-o", "yaml"]);
    let keys: Vec<&str> =
        yaml.lines().filter_map(|line| line.trim_start().split_once(':')).map(|(key, _)| key).collect();
    let sorted =
        ["buildDate", "compiler", "gitCommit", "gitTreeState", "gitVersion", "goVersion", "major", "minor", "platform"];
    assert_eq!(keys, [&["clientVersion"][..], &sorted].concat());
    assert!(yaml.ends_with("\n\n") && yaml.contains(&format!("\n  minor: \"{minor}\"\n")), "{yaml}");
    let json = said(&["version", "-o", "json"]);
    let keys: Vec<&str> =
        json.lines().filter_map(|line| line.strip_prefix("    \"")?.split_once('"')).map(|(key, _)| key).collect();
    let declared =
        ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
    assert_eq!(keys, declared);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["clientVersion"]["gitVersion"],
        version.to_string()
    );
}

#[test]
fn flags_have_the_habits_of_kubeadms() {
    let home = Home::new();
    let pki = home.path().join("pki");
    let ran = |arguments: &str| {
        let arguments = arguments.replace("PKI", pki.as_str());
        home.run_as_kubeadm(&arguments.split(' ').collect::<Vec<_>>())
    };
    for arguments in [
        // At every position, twice, with a value, with underscores.
        "-v=0 init --vmodule a=1 phase certs ca --dry-run --cert-dir PKI",
        "init phase certs ca --dry-run=true --cert-dir /nowhere --cert-dir PKI",
        "init phase certs ca --dry_run=T --cert_dir=PKI --v 0",
        "init --cert-dir PKI phase certs --dry-run ca",
        "init phase uploadconfig kubeadm --dry-run --node-name x --help",
        "init phase bootstraptoken --skip-token-print=false --help",
        "init phase kubelet-finalize experimental-cert-rotation --help",
    ] {
        let said = ran(arguments);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{arguments}: {said:?}");
    }
    assert!(!pki.exists(), "a dry run writes nothing");
    let said = ran("init phase certs ca --dry-run=false --cert-dir PKI");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(pki.join("ca.crt").exists());
}

#[test]
fn deprecated_flags_are_taken_with_a_notice_and_not_shown() {
    let home = Home::new();
    let phase = ["init", "phase", "control-plane", "scheduler"];
    let said = home.run_as_kubeadm(&[&phase[..], &["--scheduler-extra-args=v=4", "--dry-run"]].concat());
    let notice = "Flag --scheduler-extra-args has been deprecated, use 'ClusterConfiguration.scheduler.extraArgs' instead. \
                  This flag will be removed in a future version\n";
    assert_eq!((said.code, said.err.as_str()), (Some(0), notice), "{said:?}");
    assert!(said.out.contains("- --v=4\n"), "{said:?}");
    let help = home.run_as_kubeadm(&[&phase[..], &["--help"]].concat()).out;
    assert!(!help.contains("extra-args"), "{help}");
}

/// kubeadm's levels: 1 what is decided, 5 causes one by one, 6 requests. Nothing at 0.
#[test]
fn verbosity_shows_more_and_no_secret() {
    let home = Home::new();
    let run = |level: &str| {
        home.run_as_kubeadm(&["init", "phase", "bootstrap-token", "--dry-run", "--kubeconfig", "/nowhere", "-v", level])
    };
    let quiet = run("0");
    assert!(!quiet.err.contains("] ["), "{quiet:?}");
    let told = run("1");
    let traces: Vec<&str> = told.err.lines().filter(|line| line.starts_with('I')).collect();
    assert!(traces.iter().any(|line| line.ends_with("[init] plan: run bootstrap-token")), "{told:?}");
    assert!(traces.iter().all(|line| line.contains(".rs:") && line.contains("] ")), "{told:?}");
    assert!(told.err.contains("To see the stack trace"), "{told:?}");
    let stack = run("5");
    assert!(stack.err.contains("\n because ") && !stack.err.contains("To see the stack trace"), "{stack:?}");
    let error = stack.err.lines().find_map(|line| line.strip_prefix("error: ")).unwrap();
    assert!(!stack.err.lines().any(|line| error.starts_with(line)), "the error is its own cause: {stack:?}");
    let secret = ["--v=10", "init", "phase", "certs", "ca", "--dry-run", "--cert-dir", home.path().as_str()];
    let said = home.run_as_kubeadm(&secret);
    assert!(said.err.contains("write ") && !said.err.contains("PRIVATE"), "{said:?}");
    let one_file = home.run_as_kubeadm(&[&secret[1..], &["--vmodule=back*=1"]].concat());
    assert!(one_file.err.lines().all(|line| line.contains(" backends.rs:")), "{one_file:?}");
    assert!(!one_file.err.is_empty());
}

/// The second run shows what differs; what is as it should be does not show, and no key ever.
#[test]
fn a_dry_run_can_be_a_difference() {
    let home = Home::new();
    let (pki, etc) = (home.path().join("pki"), home.path().join("etc"));
    let certs = ["init", "phase", "certs", "ca", "--cert-dir", pki.as_str()];
    let said = home.run(&[&certs[..], &["--dry-run=diff"]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains(&format!("--- /dev/null\n+++ {pki}/ca.crt\n")), "{said:?}");
    assert!(said.out.contains(&format!("+++ {pki}/ca.key\n@@ -0,0 +1 @@\n+<withheld>\n")), "{said:?}");
    assert!(!said.out.contains("PRIVATE KEY") && !pki.exists());
    assert_eq!(home.run(&certs).code, Some(0));
    let said = home.run(&[&certs[..], &["--dry-run=diff"]].concat());
    assert!(!said.out.contains("+++"), "{said:?}");
    let kubeconfig =
        ["init", "phase", "kubeconfig", "admin", "--cert-dir", pki.as_str(), "--kubeconfig-dir", etc.as_str()];
    let said = home.run(&[&kubeconfig[..], &["--dry-run=diff", "--apiserver-advertise-address", "10.0.0.1"]].concat());
    assert!(said.out.contains("+    client-key-data: <withheld>\n"), "{said:?}");
    assert!(said.out.contains("+    server: https://10.0.0.1:6443\n"), "{said:?}");
    assert_eq!(home.run(&[&kubeconfig[..], &["--apiserver-advertise-address=10.0.0.1"]].concat()).code, Some(0));
    let admin = etc.join("admin.conf");
    let said = home.run(&["init", "phase", "addon", "coredns", "--dry-run=diff", "--kubeconfig", admin.as_str()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let object = said.out.lines().skip_while(|line| !line.starts_with("+++ ConfigMap kube-system/coredns"));
    let added: Vec<&str> = object.skip(2).take(4).collect();
    assert!(added.len() == 4 && added.iter().all(|line| line.starts_with('+')), "{said:?}");
}

/// Everything happens inside: files, the journal, the configuration's path.
#[test]
fn another_root_is_the_whole_machine() {
    let home = Home::new();
    home.write("c.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\ncertificatesDir: /pki\n");
    let certs = ["init", "phase", "certs", "ca", "--config", "/c.yaml"];
    if let Some(said) = home.run_inside(&certs) {
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(home.path().join("pki/ca.key").exists() && home.path().join("var/lib/kubewright/runs").exists());
    }
    let refused = home.run(&[&["--rootfs", home.path().as_str()], &certs[..]].concat());
    let error = format!("error: unable to chroot to {}: Operation not permitted", home.path());
    assert!(refused.code == Some(1) && refused.err.starts_with(&error), "{refused:?}");
    assert!(refused.err.contains("hint: run the same command with sudo"), "{refused:?}");
}
