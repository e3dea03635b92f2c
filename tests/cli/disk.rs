//! Disks that are full, out of inodes or read-only, and processes that may open no more files: the real binary on a small
//! file system of its own, in a mount namespace of its own. The error names the file, what stands there is whole, and the
//! same command finishes the job when there is room.

use std::fs;
use std::process::Command;

use super::program::{BINARY, Home, is_root};
use super::resume::FILES_ONLY;

/// One disk, and what is wrong with it.
struct Disk {
    /// Options of the file system at first.
    options: String,
    /// What else is done before the first run.
    before: &'static str,
    /// How many files the first run may open.
    files: usize,
    /// What the error says.
    says: &'static str,
}

/// What came of the two runs on it.
struct Ended {
    codes: Vec<String>,
    err: String,
    /// Every file after the first run: its size, and its last line.
    tree: String,
    end: String,
}

fn run(disk: &Disk) -> Ended {
    let home = Home::new();
    let config = home.write(
        "config.yaml",
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nencryptionAlgorithm: ECDSA-P256\n\
         certificatesDir: /mnt/pki\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
         localAPIEndpoint:\n  advertiseAddress: 192.0.2.10\n",
    );
    let (binary, out, options, before, files) = (BINARY.display(), home.path(), &disk.options, disk.before, disk.files);
    let program = format!(
        "setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH=/usr/bin:/bin HOME=/mnt XDG_STATE_HOME=/mnt/state \
         {binary} init --config {config} --kubeconfig-dir /mnt/conf --jobs 1 {FILES_ONLY}"
    );
    let script = format!(
        "set -e\nmount -t tmpfs -o mode=1777,{options} tmpfs /mnt\n{before}\n\
         set +e\n(ulimit -n {files}; exec {program}) >{out}/out 2>{out}/err\necho $? >{out}/codes\n\
         find /mnt -type f -not -path '*/state/*' -exec sh -c 'echo $0 $(stat -c %s $0) $(tail -n 1 $0)' {{}} \\; >{out}/tree\n\
         mount -o remount,rw,size=8m,nr_inodes=4096 /mnt; umount -q /mnt/pki; \n\
         {program} >>{out}/out 2>>{out}/err2\necho $? >>{out}/codes\nfind /mnt -type f -not -path '*/state/*' >{out}/end\n"
    );
    let status = Command::new("unshare").args(["--mount", "sh", "-c", &script]).status().unwrap();
    assert!(status.success() || home.path().join("end").exists(), "{status}");
    let text = |name: &str| fs::read_to_string(home.path().join(name)).unwrap_or_default();
    let codes = text("codes").lines().map(str::to_owned).collect();
    Ended { codes, err: text("err"), tree: text("tree"), end: text("end") + &text("err2") }
}

/// Judges what came of it; `false` when there was room enough and the first run succeeded.
fn judge(disk: &Disk) -> bool {
    let ended = run(disk);
    let what = format!("{}, {}, {} files", disk.options, disk.before, disk.files);
    for line in ended.tree.lines().filter(|line| !line.contains("/.")) {
        let whole = line.contains("-----END ") || line.contains(".conf ");
        assert!(whole && !line.contains(" 0 "), "{what}: {line} is torn");
    }
    assert_eq!(ended.codes.last().map(String::as_str), Some("0"), "{what}: the second run: {}", ended.end);
    let count = |end: &str| ended.end.lines().filter(|line| line.ends_with(end)).count();
    assert_eq!((count(".key"), count(".crt"), count(".conf"), count(".new")), (11, 10, 5, 0), "{what}: {}", ended.end);
    if ended.codes[0] == "0" {
        return false;
    }
    assert_eq!(ended.codes[0], "1", "{what}: {}", ended.err);
    assert!(ended.err.contains(disk.says), "{what}: {}", ended.err);
    let names_it = ended.err.lines().any(|line| line.starts_with("error: ") && line.contains("`/mnt/"));
    // Before the first file there may be none to name.
    assert!(names_it || ended.tree.is_empty() && disk.says.contains("open files"), "{what}: {}", ended.err);
    true
}

#[test]
fn a_full_disk_is_told_with_the_file_and_the_same_command_finishes_when_there_is_room() {
    if !is_root() {
        return; // only root can mount
    }
    let disk =
        |kib: usize| Disk { options: format!("size={kib}k"), before: "", files: 1024, says: "No space left on device" };
    let tried = (8..400).step_by(20).take_while(|kib| judge(&disk(*kib))).count();
    println!("{tried} sizes of a full disk");
    assert!(tried > 4, "{tried}");
}

#[test]
fn a_disk_without_inodes_is_told_with_the_file_and_the_same_command_finishes() {
    if !is_root() {
        return; // only root can mount
    }
    let disk = |inodes: usize| Disk {
        options: format!("size=8m,nr_inodes={inodes}"),
        before: "",
        files: 1024,
        says: "No space left on device",
    };
    let tried = (4..100).step_by(5).take_while(|inodes| judge(&disk(*inodes))).count();
    println!("{tried} numbers of inodes");
    assert!(tried > 4, "{tried}");
}

#[test]
fn a_read_only_directory_and_too_few_open_files_are_told_and_the_same_command_finishes() {
    if !is_root() {
        return; // only root can mount
    }
    let read_only = Disk {
        options: "size=8m".into(),
        before: "mkdir -m 777 /mnt/pki; mount -t tmpfs -o ro,mode=1777 tmpfs /mnt/pki",
        files: 1024,
        says: "Read-only file system",
    };
    assert!(judge(&read_only));
    let few = |files: usize| Disk { options: "size=8m".into(), before: "", files, says: "Too many open files" };
    let tried = (5..30).take_while(|files| judge(&few(*files))).count();
    println!("{tried} limits of open files");
    assert!(tried > 2, "{tried}");
}
