//! The deliberate bugs: what is written instead of what, and which test must notice.

/// One deliberate bug.
pub(super) struct Mutation {
    /// Its name, which says what is wrong.
    pub(super) name: &'static str,
    /// The file, from the root of the clone.
    pub(super) file: &'static str,
    /// What stands there, once in the whole file: a whole statement, or a whole expression.
    pub(super) old: &'static str,
    /// What stands there instead; or, with the word `SWITCH` in it, what stands there for both.
    pub(super) new: &'static str,
    /// The crate whose tests must notice, without `kubewright-`.
    pub(super) tests: &'static str,
    /// The test that must notice.
    pub(super) caught_by: &'static str,
}

const SESSION: &str = "src/host/session.rs";
const RECOVER: &str = "src/host/recover.rs";
const REPLAY: &str = "src/engine/replay.rs";
const RECORD: &str = "src/engine/record.rs";
const JOURNAL: &str = "src/engine/journal.rs";
const ATTEMPT: &str = "src/engine/attempt.rs";
const OUTWARD: &str = "src/node/outward.rs";

/// All of them.
pub(super) const TABLE: &[Mutation] = &[
    // The transaction.
    Mutation {
        name: "publish-without-seal",
        file: SESSION,
        old: "self.seal(&state.staged)?;",
        new: "",
        tests: "host",
        caught_by: "files::tests::everything_is_durable_before_the_seal_and_nothing_moves_before_it",
    },
    Mutation {
        name: "no-flush-of-the-file",
        file: SESSION,
        old: "self.shared.disk.sync_file(&new.scratch, &new.file).map_err(failed(\"flush\", target))?;",
        new: "let _ = (target, new);",
        tests: "host",
        caught_by: "files::tests::everything_is_durable_before_the_seal_and_nothing_moves_before_it",
    },
    Mutation {
        name: "no-flush-of-the-directory-before-the-seal",
        file: SESSION,
        old: "self.shared.directories.sync(&self.shared.disk, &parents(staged), Some(self.id))?;",
        new: "",
        tests: "host",
        caught_by: "files::tests::everything_is_durable_before_the_seal_and_nothing_moves_before_it",
    },
    Mutation {
        name: "no-flush-of-the-directory-after-the-rename",
        file: SESSION,
        old: "self.shared.directories.sync(&self.shared.disk, &directories, None)?;",
        new: "let _ = &directories;",
        tests: "host",
        caught_by: "files::tests::everything_is_durable_before_the_seal_and_nothing_moves_before_it",
    },
    Mutation {
        name: "write-in-place",
        file: SESSION,
        old: "disk.rename(&new.scratch, &staged.target).map(|()| \"write\").map_err(failed(\"replace\", &staged.target))",
        new: "std::fs::write(disk.root.place(&staged.target), new.contents.as_bytes()).map(|()| \"write\")\
              .map_err(failed(\"replace\", &staged.target))",
        tests: "host",
        caught_by: "files::tests::everything_is_durable_before_the_seal_and_nothing_moves_before_it",
    },
    Mutation {
        name: "temporary-file-not-recorded",
        file: SESSION,
        old: "self.log.scratch(&scratch).map_err(claimed)?;",
        new: "",
        tests: "host",
        caught_by: "files::tests::each_temporary_name_is_recorded_before_it_is_made",
    },
    Mutation {
        name: "strangers-edit-overwritten",
        file: SESSION,
        old: "Err(FileError::ChangedMeanwhile { path: change.path.clone() })",
        new: "Ok(false)",
        tests: "host",
        caught_by: "files::tests::refuses_a_target_that_somebody_changed_and_publishes_nothing_else",
    },
    Mutation {
        name: "mode-left-to-the-umask",
        file: SESSION,
        old: "disk.set_mode(&scratch, &file, mode)?;",
        new: "",
        tests: "host",
        caught_by: "files::tests::modes_are_exact_whatever_the_umask",
    },
    Mutation {
        name: "staged-files-kept-by-a-roll-back",
        file: SESSION,
        old: "outcome = outcome.and(self.drop_scratch(&staged));",
        new: "let _ = staged;",
        tests: "host",
        caught_by: "files::tests::roll_back_leaves_no_trace",
    },
    Mutation {
        name: "closed-session-still-writes",
        file: SESSION,
        old: "Err(FileError::Closed { path: path.to_owned() })",
        new: "Ok(state)",
        tests: "host",
        caught_by: "files::tests::late_calls_of_a_closed_session_change_nothing",
    },
    Mutation {
        name: "half-published-files-dropped",
        file: SESSION,
        old: "self.lock().halfway",
        new: "false",
        tests: "host",
        caught_by: "recover::tests::a_rename_that_fails_between_two_others_is_gone_on_from",
    },
    // Recovery.
    Mutation {
        name: "sealed-files-dropped",
        file: RECOVER,
        old: "finish(shared, change)?",
        new: "drop_staged(shared, change)?",
        tests: "host",
        caught_by: "recover::tests::a_run_that_stops_at_any_call_is_finished_or_undone",
    },
    Mutation {
        name: "files-of-a-failed-phase-finished",
        file: REPLAY,
        old: "let back = status(&phase) == Status::Failed",
        new: "let back = status(&phase) == Status::Failed && !SWITCH",
        tests: "engine",
        caught_by: "replay::tests::a_phase_that_was_being_taken_back_goes_on_that_way",
    },
    Mutation {
        name: "strangers-temporary-files-swept",
        file: RECOVER,
        old: "!scratch::belongs_to(path, run_id)",
        new: "false",
        tests: "host",
        caught_by: "recover::tests::sweeps_only_names_of_that_run",
    },
    Mutation {
        name: "bytes-published-that-were-not-sealed",
        file: RECOVER,
        old: "waiting != change.new",
        new: "false",
        tests: "host",
        caught_by: "recover::tests::never_publishes_bytes_that_were_not_sealed",
    },
    Mutation {
        name: "recovered-names-not-flushed",
        file: RECOVER,
        old: "shared.directories.sync(&shared.disk, &directories, None)?;",
        new: "let _ = &directories;",
        tests: "host",
        caught_by: "recover::tests::what_it_finished_is_durable",
    },
    // The journal.
    Mutation {
        name: "promises-not-flushed",
        file: RECORD,
        old: "matches!(record, Record::Head(_) | Record::Sealed { .. } | Record::Intended { .. })",
        new: "matches!(record, Record::Head(_))",
        tests: "engine",
        caught_by: "record::tests::promises_and_intentions_outlive_a_power_cut",
    },
    Mutation {
        name: "sealed-taken-for-finished",
        file: REPLAY,
        old: "**status == Status::Finished",
        new: "matches!(**status, Status::Finished | Status::Sealed)",
        tests: "engine",
        caught_by: "runner::tests::kill::a_run_killed_at_any_checkpoint_is_gone_on_with",
    },
    Mutation {
        name: "finished-before-the-commit",
        file: ATTEMPT,
        old: "guarded(async move { own.commit().await }, None).await?;",
        new: "self.journal.append(&Record::Finished { phase: path.into(), outcome: Outcome::Changed })?;\n\
              self.faults.checkpoint(&format!(\"{path}:finished\"));\n\
              guarded(async move { own.commit().await }, None).await?;\n\
              return Ok(made);",
        tests: "engine",
        caught_by: "runner::tests::kill::a_run_killed_at_any_checkpoint_is_gone_on_with",
    },
    Mutation {
        name: "failure-not-recorded-before-it-is-taken-back",
        file: ATTEMPT,
        old: "self.journal.append(&Record::Failed { phase: path.into(), error: failure.chain(), halfway })",
        new: "Ok::<(), crate::journal::JournalError>(())",
        tests: "engine",
        caught_by: "runner::tests::kill::a_run_killed_while_a_phase_is_taken_back_takes_it_back_first",
    },
    Mutation {
        name: "failed-phase-not-taken-back",
        file: ATTEMPT,
        old: "guarded(async move { session.roll_back().await }, None).await",
        new: "{ let _ = &session; Ok::<(), Failure>(()) }",
        tests: "engine",
        caught_by: "runner::tests::injected_faults_leave_the_world_as_before_the_phase",
    },
    Mutation {
        name: "torn-line-believed",
        file: REPLAY,
        old: "text[..end].split(|byte|",
        new: "(if SWITCH { text } else { &text[..end] }).split(|byte|",
        tests: "engine",
        caught_by: "replay::tests::a_journal_cut_anywhere_is_read_as_far_as_it_is_whole",
    },
    Mutation {
        name: "lines-follow-a-failed-write",
        file: JOURNAL,
        old: "inner.sink = Sink::Broken { path: path.clone() };",
        new: "",
        tests: "engine",
        caught_by: "journal::tests::nothing_follows_a_failed_write",
    },
    Mutation {
        name: "two-phases-at-one-file",
        file: JOURNAL,
        old: "inner.claim(record)?;",
        new: "",
        tests: "engine",
        caught_by: "journal::tests::a_file_belongs_to_one_phase_until_that_is_through",
    },
    Mutation {
        name: "resumed-with-another-configuration",
        file: REPLAY,
        old: "!differences.is_empty()",
        new: "false",
        tests: "engine",
        caught_by: "replay::tests::a_run_goes_on_only_with_its_own_configuration",
    },
    Mutation {
        name: "finished-phases-of-the-run-before-forgotten",
        file: RECORD,
        old: "self.phases = head.done.iter().map(|phase| (phase.clone(), Status::Finished)).collect();",
        new: "",
        tests: "engine",
        caught_by: "runner::tests::kill::a_killed_resumption_is_gone_on_with_too",
    },
    Mutation {
        name: "finished-phase-run-again",
        file: "src/engine/plan.rs",
        old: "done.has(node.path).then_some(Why::AlreadyFinished)",
        new: "None",
        tests: "engine",
        caught_by: "runner::tests::model::the_engine_does_what_the_model_says",
    },
    Mutation {
        name: "promise-of-a-later-command-forgotten",
        file: REPLAY,
        old: "promise.digest.clone_from(newest);",
        new: "let _ = newest;",
        tests: "engine",
        caught_by: "replay::tests::the_newest_promise_of_a_file_counts_whoever_made_it",
    },
    // Outward effects.
    Mutation {
        name: "effect-before-its-files",
        file: OUTWARD,
        old: "self.files.publish()?;",
        new: "",
        tests: "testkit",
        caught_by: "whole_run::files_are_published_before_the_service_restarts",
    },
    Mutation {
        name: "effect-before-its-intention",
        file: OUTWARD,
        old: "let intent = self.log.intend(&effect)?;\n        let result = work.await;",
        new: "let (intent, result) = if SWITCH {\n            let result = work.await;\n            \
              (self.log.intend(&effect)?, result)\n        } else {\n            \
              (self.log.intend(&effect)?, work.await)\n        };",
        tests: "testkit",
        caught_by: "whole_run::an_effect_is_written_down_before_it_happens_and_settled_as_it_ended",
    },
    Mutation {
        name: "failed-effect-settled-as-done",
        file: OUTWARD,
        old: "self.log.settle(intent, result.is_ok())?;",
        new: "self.log.settle(intent, true)?;",
        tests: "testkit",
        caught_by: "whole_run::an_effect_is_written_down_before_it_happens_and_settled_as_it_ended",
    },
    // Resuming, and the lock.
    Mutation {
        name: "files-believed-without-a-look",
        file: "src/host/verify.rs",
        old: "(now, promise) if *now == *promise => continue,",
        new: "(now, _) if SWITCH && now.is_some() => continue,\n                \
              (now, promise) if *now == *promise => continue,",
        tests: "host",
        caught_by: "verify::tests::each_file_that_is_not_as_promised_is_told",
    },
    Mutation {
        name: "lock-shared-by-all",
        file: "src/host/lock.rs",
        old: "FlockOperation::NonBlockingLockExclusive",
        new: "FlockOperation::NonBlockingLockShared",
        tests: "host",
        caught_by: "lock::tests::the_second_is_told_who_has_it",
    },
];
