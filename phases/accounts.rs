//! Users and groups of a control plane that runs without root: what `/etc/passwd` and `/etc/group` must hold. Pure: texts
//! in, texts out. kubeadm: `app/util/users/users_linux.go`, KEP-2568.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Runs etcd.
pub const ETCD: &str = "kubeadm-etcd";
/// Runs kube-apiserver.
pub const KUBE_APISERVER: &str = "kubeadm-kas";
/// Runs kube-controller-manager.
pub const KUBE_CONTROLLER_MANAGER: &str = "kubeadm-kcm";
/// Runs kube-scheduler.
pub const KUBE_SCHEDULER: &str = "kubeadm-ks";
/// Whoever may read `sa.key`.
pub const SA_KEY_READERS: &str = "kubeadm-sa-key-readers";

/// The ids of our users and groups, and the files in which they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// What `/etc/passwd` must hold.
    pub passwd: String,
    /// What `/etc/group` must hold.
    pub group: String,
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

/// Why the users and groups cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AccountError {
    /// `/etc/login.defs` holds no number where one must be.
    #[error("/etc/login.defs line {line}: {name} is no number: `{value}`")]
    Limit {
        /// Counted from 1.
        line: usize,
        /// Such as `SYS_UID_MIN`.
        name: &'static str,
        /// What stands there.
        value: String,
    },
    /// A user or group of ours is not one of the system's.
    #[error("{what} `{name}` has the id {id}, which is outside of the system's {}-{}", range.start(), range.end())]
    Outside {
        /// `the user` or `the group`.
        what: &'static str,
        /// Its name.
        name: String,
        /// Its id.
        id: u32,
        /// The system's ids.
        range: RangeInclusive<u32>,
    },
    /// Somebody could log in.
    #[error("the user `{name}` has the shell `{shell}` instead of `{NO_SHELL}`")]
    Shell {
        /// Its name.
        name: String,
        /// Its shell.
        shell: String,
    },
    /// A user of ours is not in its own group.
    #[error("the user `{name}` has the group {gid}, which is not that of the group `{name}`")]
    Group {
        /// Its name.
        name: String,
        /// Its group.
        gid: u32,
    },
    /// A group of ours has others in it.
    #[error("the group `{name}` has the members `{found}` instead of `{expected}`")]
    Members {
        /// Its name.
        name: String,
        /// Who is in it.
        found: String,
        /// Who should be.
        expected: String,
    },
    /// The system has no room for more.
    #[error("{what} `{name}` finds no free id in {}-{}", range.start(), range.end())]
    NoRoom {
        /// `the user` or `the group`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The system's ids.
        range: RangeInclusive<u32>,
    },
}

impl Accounts {
    /// Adds what is missing, and refuses what is there in another form.
    ///
    /// # Errors
    /// Any [`AccountError`].
    pub fn plan(login_defs: &str, passwd: &str, group: &str) -> Result<Self, AccountError> {
        let uids = range(login_defs, "SYS_UID_MIN", "SYS_UID_MAX")?;
        let gids = range(login_defs, "SYS_GID_MIN", "SYS_GID_MAX")?;
        let known_groups: Vec<Group> = group.lines().filter_map(Group::parse).collect();
        let known_users: Vec<User> = passwd.lines().filter_map(User::parse).collect();

        let mut groups = BTreeMap::new();
        let mut new_groups = Vec::new();
        let mut free = gids.clone().filter(|id| !known_groups.iter().any(|known| known.gid == *id));
        for (name, members) in GROUPS {
            let gid = match known_groups.iter().find(|known| known.name == name) {
                Some(known) => known.check(members, &gids)?,
                None => {
                    let gid = free.next().ok_or_else(|| no_room("the group", name, &gids))?;
                    new_groups.push(format!("{name}:x:{gid}:{members}"));
                    gid
                }
            };
            groups.insert(name.to_owned(), gid);
        }

        let mut users = BTreeMap::new();
        let mut new_users = Vec::new();
        let mut free = uids.clone().filter(|id| !known_users.iter().any(|known| known.uid == *id));
        for name in USERS {
            let gid = groups[name];
            let uid = match known_users.iter().find(|known| known.name == name) {
                Some(known) => known.check(gid, &uids)?,
                None => {
                    let uid = free.next().ok_or_else(|| no_room("the user", name, &uids))?;
                    new_users.push(format!("{name}:x:{uid}:{gid}:::{NO_SHELL}"));
                    uid
                }
            };
            users.insert(name.to_owned(), uid);
        }
        Ok(Self { passwd: append(passwd, &new_users), group: append(group, &new_groups), users, groups })
    }

    /// The id of one of our users.
    pub fn user(&self, name: &str) -> u32 {
        self.users[name]
    }

    /// The id of one of our groups.
    pub fn group_id(&self, name: &str) -> u32 {
        self.groups[name]
    }
}

/// The lines of `/etc/passwd` or `/etc/group` without our users and groups.
pub fn without_ours(file: &str) -> String {
    let ours = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        USERS.contains(&name) || GROUPS.iter().any(|(group, _)| *group == name)
    };
    file.split_inclusive('\n').filter(|line| !ours(line)).collect()
}

/// Whether an id is that of one of our users.
pub fn is_ours(passwd: &str, id: u64) -> bool {
    let users = passwd.lines().filter_map(User::parse);
    users.filter(|user| USERS.contains(&user.name)).any(|user| u64::from(user.uid) == id)
}

struct User<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    shell: &'a str,
}

impl<'a> User<'a> {
    /// A line of `/etc/passwd`. What is none, such as a line for NIS, is nobody's.
    fn parse(line: &'a str) -> Option<Self> {
        let [name, _, uid, gid, _, _, shell] = line.trim().split(':').collect::<Vec<_>>().try_into().ok()?;
        Some(Self { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, shell })
    }

    fn check(&self, own_group: u32, range: &RangeInclusive<u32>) -> Result<u32, AccountError> {
        let name = || self.name.to_owned();
        if !range.contains(&self.uid) {
            return Err(AccountError::Outside { what: "the user", name: name(), id: self.uid, range: range.clone() });
        }
        if self.shell != NO_SHELL {
            return Err(AccountError::Shell { name: name(), shell: self.shell.to_owned() });
        }
        if self.gid != own_group {
            return Err(AccountError::Group { name: name(), gid: self.gid });
        }
        Ok(self.uid)
    }
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

impl<'a> Group<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let [name, _, gid, members] = line.trim().split(':').collect::<Vec<_>>().try_into().ok()?;
        Some(Self { name, gid: gid.parse().ok()?, members })
    }

    fn check(&self, expected: &str, range: &RangeInclusive<u32>) -> Result<u32, AccountError> {
        let name = || self.name.to_owned();
        if !range.contains(&self.gid) {
            return Err(AccountError::Outside { what: "the group", name: name(), id: self.gid, range: range.clone() });
        }
        if self.members != expected {
            let (found, expected) = (self.members.to_owned(), expected.to_owned());
            return Err(AccountError::Members { name: name(), found, expected });
        }
        Ok(self.gid)
    }
}

fn no_room(what: &'static str, name: &str, range: &RangeInclusive<u32>) -> AccountError {
    AccountError::NoRoom { what, name: name.to_owned(), range: range.clone() }
}

/// The system's ids, as `login.defs` says or as most systems have it.
fn range(login_defs: &str, min: &'static str, max: &'static str) -> Result<RangeInclusive<u32>, AccountError> {
    let find = |name: &'static str, default: u32| -> Result<u32, AccountError> {
        let mut found = default;
        for (index, text) in login_defs.lines().enumerate() {
            let Some(value) = text.strip_prefix(name).map(str::trim) else { continue };
            found =
                value.parse().map_err(|_| AccountError::Limit { line: index + 1, name, value: value.to_owned() })?;
        }
        Ok(found)
    };
    Ok(find(min, 100)?..=find(max, 999)?)
}

fn append(file: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return file.to_owned();
    }
    let gap = if file.is_empty() || file.ends_with('\n') { "" } else { "\n" };
    format!("{file}{gap}{}\n", lines.join("\n"))
}

const NO_SHELL: &str = "/bin/false";
const USERS: [&str; 4] = [ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER];
/// Each with its members.
const GROUPS: [(&str, &str); 5] = [
    (ETCD, ETCD),
    (KUBE_APISERVER, KUBE_APISERVER),
    (KUBE_CONTROLLER_MANAGER, KUBE_CONTROLLER_MANAGER),
    (KUBE_SCHEDULER, KUBE_SCHEDULER),
    (SA_KEY_READERS, "kubeadm-kas,kubeadm-kcm"),
];

#[cfg(test)]
mod tests;
