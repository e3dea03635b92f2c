//! A whole run that failed, and the same command again: what finished is looked at and not believed, and what has changed
//! since is named. The real binary, with the phases of `init` that only write files.

use std::fs;

use camino::Utf8PathBuf;

use super::program::{Home, Said};

/// What a whole `init` leaves out where there is no node to start.
pub const FILES_ONLY: &str = "--skip-phases=preflight,kubelet-start,control-plane,etcd,wait-control-plane,upload-config,\
                              upload-certs,mark-control-plane,bootstrap-token,kubelet-finalize,addon,show-join-command";

/// One user's `init`.
pub struct Init {
    pub home: Home,
    arguments: Vec<String>,
}

impl Init {
    pub fn new() -> Self {
        let home = Home::new();
        let (pki, conf) = (home.path().join("pki"), home.path().join("conf"));
        let arguments = [
            "init",
            &format!("--cert-dir={pki}"),
            &format!("--kubeconfig-dir={conf}"),
            "--apiserver-advertise-address=192.0.2.10",
            "--node-name=node1",
            "--jobs=1",
            FILES_ONLY,
        ];
        let arguments = arguments.map(str::to_owned).into();
        Self { home, arguments }
    }

    /// The same with keys that are quickly made, for those who run it often.
    pub fn quick() -> Self {
        let home = Home::new();
        let (pki, conf) = (home.path().join("pki"), home.path().join("conf"));
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificatesDir: {pki}\n\
             encryptionAlgorithm: ECDSA-P256\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
             localAPIEndpoint:\n  advertiseAddress: 192.0.2.10\n"
        );
        let config = format!("--config={}", home.write("config.yaml", &text));
        let arguments = ["init", &config, &format!("--kubeconfig-dir={conf}"), "--jobs=1", FILES_ONLY];
        let arguments = arguments.map(str::to_owned).into();
        Self { home, arguments }
    }

    pub fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        self.arguments.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }

    pub fn run(&self, more: &[&str], environment: &[(&str, &str)]) -> Said {
        self.home.run_with(&self.arguments(more), environment)
    }

    /// The same, with other phases left out as well.
    fn run_skipping(&self, phase: &str) -> Said {
        let mut arguments = self.arguments(&[]);
        let skip = format!("{FILES_ONLY},{phase}");
        *arguments.last_mut().unwrap() = &skip;
        self.home.run(&arguments)
    }

    pub fn path(&self, name: &str) -> Utf8PathBuf {
        self.home.path().join(name)
    }
}

/// A run that failed after all certificates and the administrator's kubeconfig.
fn stopped() -> Init {
    let init = Init::new();
    let said = init.run(&[], &[("KUBEWRIGHT_FAULT", "fail-before=kubeconfig/scheduler")]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(init.path("conf/admin.conf").exists() && !init.path("conf/scheduler.conf").exists());
    init
}

#[test]
fn a_file_that_somebody_changed_is_theirs_and_they_are_asked() {
    let init = stopped();
    let admin = init.path("conf/admin.conf");
    let edited = fs::read_to_string(&admin).unwrap() + "# mine\n";
    fs::write(&admin, &edited).unwrap();
    let before = init.home.tree();
    let said = init.run(&[], &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let expected = [
        format!("had finished: `{admin}` of kubeconfig/admin\n"),
        "--skip-phases=kubeconfig/admin`".to_owned(),
        "--fresh`".to_owned(),
        "put back what stood there".to_owned(),
    ];
    expected.iter().for_each(|part| assert!(said.err.contains(part.as_str()), "no {part:?} in {said:?}"));
    assert_eq!(init.home.tree(), before, "a run that is refused changes nothing");

    let said = init.run_skipping("kubeconfig/admin");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(fs::read_to_string(&admin).unwrap(), edited, "it was to be kept");
    assert!(init.path("conf/scheduler.conf").exists());
}

#[test]
fn a_file_that_is_gone_is_said_and_made_again_and_nothing_else_is() {
    let init = stopped();
    let admin = init.path("conf/admin.conf");
    let certificate = fs::read(init.path("pki/apiserver.crt")).unwrap();
    fs::remove_file(&admin).unwrap();
    let said = init.run(&[], &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out.contains(&format!("[resume] `{admin}` of kubeconfig/admin is gone: the phase runs again")),
        "{said:?}"
    );
    assert!(admin.exists());
    assert_eq!(fs::read(init.path("pki/apiserver.crt")).unwrap(), certificate);
    assert!(!said.out.contains("[certs]"), "{said:?}");
}

#[test]
fn what_was_made_with_a_file_that_is_gone_is_looked_at_again() {
    let init = stopped();
    for name in ["ca.crt", "ca.key"] {
        fs::remove_file(init.path("pki").join(name)).unwrap();
    }
    let before = fs::read(init.path("pki/apiserver.crt")).unwrap();
    let said = init.run(&[], &[]);
    // A new authority is no reason to throw away what the old one signed: the next phase finds that they do not fit.
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("is gone: the phase runs again") && said.out.contains("is looked at again: certs/apiserver")
    );
    assert!(said.err.contains("certs/apiserver") && said.err.contains("hint:"), "{said:?}");
    assert_eq!(fs::read(init.path("pki/apiserver.crt")).unwrap(), before);
}

#[test]
fn an_edit_is_told_also_when_the_run_was_gone_on_with_before() {
    let init = stopped();
    let said = init.run(&[], &[("KUBEWRIGHT_FAULT", "fail-after=kubeconfig/scheduler")]);
    assert!(said.code == Some(1) && said.out.contains("[resume] Going on"), "{said:?}");
    fs::write(init.path("pki/sa.pub"), "mine").unwrap();
    let said = init.run(&[], &[]);
    assert!(said.code == Some(1) && said.err.contains("sa.pub` of certs/sa"), "{said:?}");
}

/// What a single phase made of a file since is no stranger's edit.
#[test]
fn a_file_that_a_later_command_of_ours_changed_is_believed() {
    let init = stopped();
    let admin = init.path("conf/admin.conf");
    fs::remove_file(&admin).unwrap();
    let cert_dir = format!("--cert-dir={}", init.path("pki"));
    let conf = format!("--kubeconfig-dir={}", init.path("conf"));
    let address = "--apiserver-advertise-address=192.0.2.99";
    let said = init.home.run(&["init", "phase", "kubeconfig", "admin", &cert_dir, &conf, address]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let made = fs::read(&admin).unwrap();
    let said = init.run(&[], &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(fs::read(&admin).unwrap(), made);
}

#[test]
fn what_has_changed_since_is_named_and_fresh_goes_over_it() {
    let init = stopped();
    let before = init.home.tree();
    let changed: [(&[&str], &str); 3] = [
        (&["--service-cidr=10.97.0.0/16"], "--service-cidr was not given and is `10.97.0.0/16`"),
        (&["--kubernetes-version=v1.35.0"], "the Kubernetes version was `v1.36.2` and is `v1.35.0`"),
        (&["--node-name=other"], "--node-name was `node1` and is `other`; the node's name was `node1` and is `other`"),
    ];
    for (more, named) in changed {
        let said = init.run(more, &[]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(
            said.err.contains("finished 15 phases with another configuration: ") && said.err.contains(named),
            "{said:?}"
        );
        assert!(said.err.contains("hint: to go on with it, run it as then: `kubewright init --cert-dir="), "{said:?}");
        assert!(said.err.contains(" --fresh`"), "{said:?}");
    }
    assert_eq!(init.home.tree(), before, "a run that is refused changes nothing");
    let said = init.run(&["--kubernetes-version=v1.35.0", "--fresh"], &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("[certs] Using existing ca certificate authority"), "{said:?}");
}

#[test]
fn a_changed_file_of_the_configuration_is_named_and_another_name_of_it_is_no_change() {
    let home = Home::new();
    let (pki, conf) = (home.path().join("pki"), home.path().join("conf"));
    let text = |domain: &str| {
        format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificatesDir: {pki}\n\
             networking:\n  dnsDomain: {domain}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
             localAPIEndpoint:\n  advertiseAddress: 192.0.2.10\n"
        )
    };
    let run = |name: &str, fault: &[(&str, &str)]| {
        let (config, conf) = (format!("--config={name}"), format!("--kubeconfig-dir={conf}"));
        home.run_with(&["init", &config, &conf, "--jobs=1", FILES_ONLY], fault)
    };
    home.write("one.yaml", &text("cluster.local"));
    home.write("two.yaml", &text("other.local"));
    let said = run("one.yaml", &[("KUBEWRIGHT_FAULT", "fail-before=certs/sa")]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let said = run("two.yaml", &[]);
    assert!(said.code == Some(1) && said.err.contains("the file of --config has changed"), "{said:?}");
    home.write("moved.yaml", &text("cluster.local"));
    let said = run("moved.yaml", &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
}
