//! What takes longer than typing: the search for packets that break expectations, the size of the rule files.
//! Input: compilations. Output: what was found, unless the text has changed meanwhile: then it is given up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::diagnostic::Report;
use crate::expect::{self, Checked};
use crate::helm;
use crate::host::Compiled;

/// A compilation to look at.
pub struct Job {
    /// The policy's path.
    pub root: PathBuf,
    /// The policy; it is gone when its text has changed.
    pub compiled: Weak<Compiled>,
    /// Its number: no other compilation has it.
    pub number: u64,
}

/// What was found.
pub struct Found {
    /// The policy's path.
    pub root: PathBuf,
    /// The number of its compilation.
    pub number: u64,
    /// What became of each expectation.
    pub checked: Vec<Checked>,
    /// What is to be said.
    pub reports: Vec<Report>,
}

/// A thread for what takes longer.
pub struct Worker {
    jobs: Sender<Job>,
    /// What it has found.
    pub results: Receiver<Found>,
}

impl Worker {
    /// Starts it. It ends when nobody can give it work any more.
    pub fn start() -> Worker {
        let (jobs, todo) = unbounded::<Job>();
        let (done, results) = unbounded();
        thread::spawn(move || {
            for job in todo {
                // A panic in the search of one policy is not the end of all others' searches.
                if let Ok(Some(found)) = catch_unwind(AssertUnwindSafe(|| look(&job)))
                    && done.send(found).is_err()
                {
                    return;
                }
            }
        });
        Worker { jobs, results }
    }

    /// Gives it work.
    pub fn give(&self, job: Job) {
        // The thread ends only with the worker.
        let _ = self.jobs.send(job);
    }
}

fn look(job: &Job) -> Option<Found> {
    let compiled = job.compiled.upgrade()?;
    let is_old = || Arc::strong_count(&compiled) == 1;
    let compilation = &compiled.compilation;
    if compilation.diagnostics.has_errors() {
        return None;
    }
    let mut checked = Vec::new();
    let mut reports: Vec<Report> =
        helm::report(compilation).and_then(|report| compilation.diagnostics.leveled(report)).into_iter().collect();
    for one in expect::check(compilation) {
        if is_old() {
            return None;
        }
        reports.extend(one.report.clone());
        checked.push(one);
    }
    Some(Found { root: job.root.clone(), number: job.number, checked, reports })
}
