//! The arithmetic of the majority: what a change of the members leaves.

use std::fmt;

/// How many members have a vote, and how many of those are up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voters {
    /// Members with a vote.
    pub total: usize,
    /// Those that are up and know a leader.
    pub up: usize,
}

impl Voters {
    /// How many must be up so that anything can be decided.
    pub fn quorum(self) -> usize {
        self.total / 2 + 1
    }

    /// Whether anything can be decided.
    pub fn has_quorum(self) -> bool {
        self.up >= self.quorum()
    }
}

impl fmt::Display for Voters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} voters up, {} needed", self.up, self.total, self.quorum())
    }
}

/// A change of the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A learner gets a vote.
    Promote {
        /// It is up.
        up: bool,
    },
    /// A member is taken out.
    Remove {
        /// It has a vote.
        voter: bool,
        /// It is up.
        up: bool,
    },
}

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuorumLoss {
    /// There is no quorum even now, which any change needs.
    #[error("etcd has no quorum now ({0}), so its members cannot be changed")]
    Already(Voters),
    /// The change would leave fewer than the quorum up.
    #[error("etcd would lose its quorum: now {now}; afterwards {after}")]
    Afterwards {
        /// Before the change.
        now: Voters,
        /// After it.
        after: Voters,
    },
    /// Nobody with a vote would be left.
    #[error("it is the last voter, and its data would be lost")]
    Last,
}

/// The voters after a change, or why it must not be made.
pub fn quorum_after(now: Voters, change: Change) -> Result<Voters, QuorumLoss> {
    let after = match change {
        Change::Promote { up } => Voters { total: now.total + 1, up: now.up + usize::from(up) },
        Change::Remove { voter: false, .. } => now,
        Change::Remove { voter: true, .. } if now.total <= 1 => return Err(QuorumLoss::Last),
        Change::Remove { voter: true, up } => {
            Voters { total: now.total - 1, up: now.up.saturating_sub(usize::from(up)) }
        }
    };
    if now.total == 0 {
        // Only in a dry run, which knows no cluster: there is nothing to lose.
        return Ok(after);
    }
    match (now.has_quorum(), after.has_quorum()) {
        (false, _) => Err(QuorumLoss::Already(now)),
        (true, false) => Err(QuorumLoss::Afterwards { now, after }),
        (true, true) => Ok(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(total: usize, up: usize) -> Voters {
        Voters { total, up }
    }

    #[test]
    fn removing_one_that_is_down_never_costs_the_quorum() {
        for total in 2..=9 {
            for up in voters(total, 0).quorum()..total {
                let after = quorum_after(voters(total, up), Change::Remove { voter: true, up: false });
                assert_eq!(after, Ok(voters(total - 1, up)));
            }
        }
    }

    #[test]
    fn removing_one_that_is_up_is_refused_when_the_others_are_too_few() {
        let remove = Change::Remove { voter: true, up: true };
        assert_eq!(quorum_after(voters(3, 3), remove), Ok(voters(2, 2)));
        assert_eq!(quorum_after(voters(2, 2), remove), Ok(voters(1, 1)));
        let refused = quorum_after(voters(3, 2), remove).unwrap_err();
        assert_eq!(refused, QuorumLoss::Afterwards { now: voters(3, 2), after: voters(2, 1) });
        let words = "etcd would lose its quorum: now 2 of 3 voters up, 2 needed; afterwards 1 of 2 voters up, 2 needed";
        assert_eq!(refused.to_string(), words);
        assert_eq!(
            quorum_after(voters(5, 3), remove),
            Err(QuorumLoss::Afterwards { now: voters(5, 3), after: voters(4, 2) })
        );
    }

    #[test]
    fn the_last_voter_stays() {
        assert_eq!(quorum_after(voters(1, 1), Change::Remove { voter: true, up: true }), Err(QuorumLoss::Last));
        assert_eq!(quorum_after(voters(1, 1), Change::Remove { voter: false, up: true }), Ok(voters(1, 1)));
    }

    #[test]
    fn nothing_changes_without_a_quorum() {
        for change in [Change::Promote { up: true }, Change::Remove { voter: true, up: false }] {
            assert_eq!(quorum_after(voters(3, 1), change), Err(QuorumLoss::Already(voters(3, 1))));
        }
    }

    #[test]
    fn promoting_one_that_is_up_never_costs_the_quorum() {
        for total in 1..=9 {
            for up in voters(total, 0).quorum()..=total {
                assert_eq!(
                    quorum_after(voters(total, up), Change::Promote { up: true }),
                    Ok(voters(total + 1, up + 1))
                );
            }
        }
        assert!(quorum_after(voters(1, 1), Change::Promote { up: false }).is_err());
    }
}
