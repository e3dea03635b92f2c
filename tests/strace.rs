//! Reads what strace saw (`strace -f -y -s 0`), and tells where a file did not appear whole or not at all: written beside
//! its final name, flushed, renamed, and the directory flushed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The calls that [`faults`] needs to see.
pub const CALLS: &str = "openat,open,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,truncate,ftruncate,\
    fsync,fdatasync,write,pwrite64,writev,mkdir,mkdirat,unlink,unlinkat,chmod,fchmod,fchmodat";

/// What a trace says about the files below some directories.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The files that appeared or were replaced, by their final names.
    pub published: BTreeSet<String>,
    /// What was done wrong, in words.
    pub faults: Vec<String>,
}

/// One call that succeeded. Where another thread's calls came between, it stands where it began and knows where it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    thread: String,
    name: String,
    arguments: String,
    began: usize,
    ended: usize,
}

/// Follows every file below `roots` from its first byte to its final name.
pub fn judge(trace: &str, roots: &[&str]) -> Verdict {
    let calls = calls(trace);
    let below = |path: &str| roots.iter().any(|root| path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')));
    let mut verdict = Verdict::default();
    let mut renamed = BTreeMap::new();
    for call in calls.iter().filter(|call| call.name.starts_with("rename")) {
        if let [from, to] = paths(&call.arguments).as_slice() {
            renamed.insert(from.clone(), (to.clone(), call));
        }
    }
    let directories: BTreeSet<String> =
        calls.iter().filter(|call| call.name.starts_with("mkdir")).flat_map(|call| paths(&call.arguments)).collect();
    let removed: BTreeSet<String> =
        calls.iter().filter(|call| call.name.starts_with("unlink")).flat_map(|call| paths(&call.arguments)).collect();

    for call in &calls {
        for path in paths(&call.arguments).iter().filter(|path| below(path)) {
            if let Some(fault) = wrong(call, path) {
                verdict.faults.push(fault);
            } else if opens_for_writing(call) && !renamed.contains_key(path) && !removed.contains(path) {
                verdict.faults.push(format!("{path} was opened for writing and never renamed"));
            }
        }
    }
    for (from, (to, rename)) in renamed.iter().filter(|(_, (to, _))| below(to)) {
        let flushed = |what: &str, name: &str| {
            let on = |call: &&Call| call.name == name && descriptor(&call.arguments).is_some_and(|path| path == what);
            calls.iter().filter(on).collect::<Vec<_>>()
        };
        if !directories.contains(from) {
            verdict.published.insert(to.clone());
            let writes = ["write", "pwrite64", "writev", "ftruncate"].iter().flat_map(|name| flushed(from, name));
            let last_write = writes.map(|call| call.ended).max().unwrap_or_default();
            let before = |call: &&&Call| call.began > last_write && call.ended < rename.began;
            if flushed(from, "fsync").iter().find(before).is_none() {
                verdict.faults.push(format!("{to}: {from} was not flushed between its last byte and its rename"));
            }
        }
        let parent = to.rsplit_once('/').map_or("/", |(parent, _)| parent);
        // By who renamed it and before anything else is written, or the journal might already call it done.
        let next_write = calls.iter().find(|call| {
            let written = descriptor(&call.arguments).is_some_and(|path| path.starts_with('/'));
            call.thread == rename.thread && call.began > rename.ended && call.name == "write" && written
        });
        let in_time = |call: &&Call| {
            let before = next_write.is_none_or(|write| call.ended < write.began);
            // A directory holds nothing yet that anybody was promised: its name may wait, for whoever flushes it.
            call.began > rename.ended && (directories.contains(from) || call.thread == rename.thread && before)
        };
        if !flushed(parent, "fsync").into_iter().any(|call| in_time(&call)) {
            verdict.faults.push(format!("{to}: {parent} was not flushed after the rename"));
        }
        if from.rsplit_once('/').map(|(parent, _)| parent) != Some(parent) {
            verdict.faults.push(format!("{to}: {from} is in another directory"));
        }
    }
    for fault in &mut verdict.faults {
        // A name that is final must be told as such: that is what users would have seen half written.
        let final_names: Vec<&String> =
            verdict.published.iter().filter(|name| fault.starts_with(name.as_str())).collect();
        if !final_names.is_empty() && fault.contains("opened for writing") {
            fault.push_str(", and it is a final name");
        }
    }
    verdict
}

/// What no call may do to a file below the roots, whatever comes after.
fn wrong(call: &Call, path: &str) -> Option<String> {
    match call.name.as_str() {
        "open" | "openat" if opens_for_writing(call) && !call.arguments.contains("O_EXCL") => {
            Some(format!("{path} was opened for writing without O_EXCL"))
        }
        "creat" | "truncate" => Some(format!("{path} was written by {}", call.name)),
        "link" | "linkat" | "symlink" | "symlinkat" => Some(format!("{path} was made by {}", call.name)),
        _ => None,
    }
}

fn opens_for_writing(call: &Call) -> bool {
    let flags = |flag: &str| call.arguments.contains(flag);
    match call.name.as_str() {
        "creat" => true,
        "open" | "openat" => flags("O_WRONLY") || flags("O_RDWR"),
        _ => false,
    }
}

/// The calls that succeeded, with those that were interrupted by other threads put together again.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut open: HashMap<&str, (usize, &str)> = HashMap::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.trim_start().split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            open.insert(thread, (at, begun));
        } else if let Some(end) = rest.strip_prefix("<... ") {
            let (Some((began, begun)), Some((_, end))) = (open.remove(thread), end.split_once(" resumed>")) else {
                continue;
            };
            calls.extend(call(thread, &format!("{}{end}", begun.trim_end()), began, at));
        } else {
            calls.extend(call(thread, rest, at, at));
        }
    }
    calls.sort_by_key(|call| call.began);
    calls
}

/// `name(arguments) = result`, unless it failed or is no call at all.
fn call(thread: &str, text: &str, began: usize, ended: usize) -> Option<Call> {
    let (before, result) = text.rsplit_once(" = ")?;
    let (name, arguments) = before.trim_end().strip_suffix(')')?.split_once('(')?;
    let worked = result.starts_with(|first: char| first.is_ascii_digit());
    let [thread, name, arguments] = [thread, name, arguments].map(str::to_owned);
    worked.then_some(Call { thread, name, arguments, began, ended })
}

/// The paths among the arguments, made absolute by the directory's descriptor that stands before them.
fn paths(arguments: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut directory = "";
    // Between quotation marks at odd places; what we look for has none in its names.
    for (index, part) in arguments.split('"').enumerate() {
        if index % 2 == 0 {
            directory = part.rsplit_once('<').and_then(|(_, path)| path.split_once('>')).map_or("", |(path, _)| path);
        } else if part.starts_with('/') {
            paths.push(part.to_owned());
        } else if !part.is_empty() {
            paths.push(format!("{directory}/{part}"));
        }
    }
    paths
}

/// The path behind the descriptor that is the first argument.
fn descriptor(arguments: &str) -> Option<&str> {
    let (number, rest) = arguments.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    number.chars().all(|c| c.is_ascii_digit()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"7 openat(AT_FDCWD</root>, "/etc/k/.a.1.new", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 9</etc/k/.a.1.new>
7 write(9</etc/k/.a.1.new>, ""..., 12) = 12
8 openat(AT_FDCWD</root>, "/etc/k/other", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
7 fsync(9</etc/k/.a.1.new> <unfinished ...>
8 write(1<pipe:[5]>, ""..., 3) = 3
7 <... fsync resumed>)                    = 0
7 renameat(AT_FDCWD</root>, "/etc/k/.a.1.new", AT_FDCWD</root>, "/etc/k/a") = 0
7 openat(AT_FDCWD</root>, "/etc/k", O_RDONLY|O_DIRECTORY) = 10</etc/k>
7 fsync(10</etc/k>)                       = 0
7 +++ exited with 0 +++
"#;

    fn faults(trace: &str) -> Vec<String> {
        judge(trace, &["/etc/k"]).faults
    }

    #[test]
    fn a_file_that_appears_whole_is_published() {
        let verdict = judge(GOOD, &["/etc/k"]);
        assert_eq!(verdict, Verdict { published: BTreeSet::from(["/etc/k/a".to_owned()]), faults: Vec::new() });
        assert_eq!(judge(GOOD, &["/etc/kk"]), Verdict::default(), "another directory's name only begins the same");
    }

    #[test]
    fn a_path_that_is_relative_to_a_descriptor_is_found() {
        let relative = GOOD.replace("AT_FDCWD</root>, \"/etc/k/", "4</etc/k>, \"");
        assert_eq!(judge(&relative, &["/etc/k"]), judge(GOOD, &["/etc/k"]));
    }

    #[test]
    fn every_step_that_is_missing_is_told() {
        let without = |text: &str| {
            let lines = GOOD.lines().filter(|line| !line.contains(text));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        assert_eq!(faults(&without("fsync(10")), ["/etc/k/a: /etc/k was not flushed after the rename"]);
        let unflushed = ["/etc/k/a: /etc/k/.a.1.new was not flushed between its last byte and its rename"];
        assert_eq!(faults(&without("fsync(9")), unflushed);
        assert_eq!(faults(&without("renameat")), ["/etc/k/.a.1.new was opened for writing and never renamed"]);
        let exclusive = GOOD.replace("|O_EXCL", "");
        assert_eq!(faults(&exclusive), ["/etc/k/.a.1.new was opened for writing without O_EXCL"]);
    }

    #[test]
    fn the_order_of_the_steps_counts() {
        let lines: Vec<&str> = GOOD.lines().collect();
        let mut late: Vec<&str> = lines.clone();
        let write = late.remove(1);
        late.insert(5, write);
        let unflushed = ["/etc/k/a: /etc/k/.a.1.new was not flushed between its last byte and its rename"];
        assert_eq!(faults(&late.join("\n")), unflushed, "a byte after the flush");

        let mut early = lines.clone();
        let flush = early.remove(8);
        early.insert(2, flush);
        let too_early = ["/etc/k/a: /etc/k was not flushed after the rename"];
        assert_eq!(faults(&early.join("\n")), too_early);
        let mut recorded = lines.clone();
        recorded.insert(7, "7 write(5</var/journal>, \"\"..., 9) = 9");
        assert_eq!(faults(&recorded.join("\n")), too_early, "the journal said that it was done");

        let mut overlapping = lines.clone();
        overlapping.swap(5, 6);
        assert_eq!(faults(&overlapping.join("\n")), unflushed, "a flush that has not ended yet");
    }

    #[test]
    fn final_names_are_never_written_or_linked() {
        let direct =
            format!("{GOOD}7 openat(AT_FDCWD</>, \"/etc/k/a\", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 9</etc/k/a>\n");
        let told = ["/etc/k/a was opened for writing without O_EXCL, and it is a final name"];
        assert_eq!(faults(&direct), told);
        let linked = format!("{GOOD}7 linkat(AT_FDCWD</>, \"/tmp/x\", AT_FDCWD</>, \"/etc/k/b\", 0) = 0\n");
        assert_eq!(faults(&linked), ["/etc/k/b was made by linkat"]);
        let moved = GOOD.replace("/etc/k/.a.1.new", "/tmp/a");
        assert!(faults(&moved).contains(&"/etc/k/a: /tmp/a is in another directory".to_owned()));
    }

    #[test]
    fn a_file_that_is_given_up_and_a_directory_are_no_faults() {
        let dropped = "7 openat(AT_FDCWD</>, \"/etc/k/.b.1.new\", O_RDWR|O_CREAT|O_EXCL, 0600) = 9</etc/k/.b.1.new>\n\
            7 unlink(\"/etc/k/.b.1.new\") = 0\n7 mkdir(\"/etc/k/.d.new\", 0700) = 0\n\
            7 rename(\"/etc/k/.d.new\", \"/etc/k/d\") = 0\n7 fsync(3</etc/k>) = 0\n";
        assert_eq!(judge(dropped, &["/etc/k"]), Verdict::default());
    }
}
