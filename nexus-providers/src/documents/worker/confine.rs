//! Confinement of a worker before its first document: [`confine`].
//!
//! A parser needs memory, threads, time and its open streams. All other rights are removed, so that a document that
//! takes over a parser gains nothing: no file, no network, no other process.

use serde::{Deserialize, Serialize};

/// Maximum number of open descriptors of a worker: its streams, its unnamed files and a few to spare.
#[cfg(unix)]
const DESCRIPTORS: u64 = 32;

/// Confinement of a worker to the document at hand.
///
/// A kernel that lacks a mechanism leaves it out; the worker reads documents all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confinement {
    /// Whether the limits of descriptors, memory, processor time and file size are set.
    pub limits: bool,
    /// Whether `no_new_privs` is set, so that no executed program can gain privileges.
    pub no_new_privileges: bool,
    /// Landlock, as far as the kernel supports it: the worker opens no file, connects to nothing and signals no
    /// process outside.
    pub landlock: Enforcement,
    /// Seccomp: only the system calls needed for reading are allowed, so that no file, socket or program is opened
    /// and no process created.
    pub seccomp: Enforcement,
}

/// Degree to which a mechanism is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Unsupported by the kernel.
    #[default]
    Absent,
    /// Supported in part by an older kernel.
    Partial,
    /// Fully enforced.
    Full,
}

impl Confinement {
    /// Returns whether the worker can open files of its user, such as the environment of its parent in `/proc`.
    pub fn opens_files(&self) -> bool {
        self.landlock == Enforcement::Absent && self.seccomp == Enforcement::Absent
    }
}

/// Removes every right that reading a document does not need from this thread and from all that it starts. The
/// removal is permanent. Open descriptors stay open.
#[cfg(target_os = "linux")]
pub(super) fn confine() -> Confinement {
    let limits = limit_descriptors();
    // Before seccomp, which forbids adding further rules of any kind.
    let (landlock, given_up) = landlock::deny_all().unwrap_or_default();
    // The crate sets `no_new_privs` as well, since the kernel accepts no filter otherwise.
    let seccomp = seccomp::allow_reading().map_or(Enforcement::Absent, |()| Enforcement::Full);
    let no_new_privileges = given_up || seccomp == Enforcement::Full;
    Confinement { limits, no_new_privileges, landlock, seccomp }
}

/// Removes rights as far as the system has the mechanisms.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine() -> Confinement {
    Confinement { limits: limit_descriptors(), ..Confinement::default() }
}

#[cfg(unix)]
fn limit_descriptors() -> bool {
    use rlimit::Resource;
    let limit = |(_, hard): (u64, u64)| {
        let most = DESCRIPTORS.min(hard);
        Resource::NOFILE.set(most, most)
    };
    Resource::NOFILE.get().and_then(limit).is_ok()
}

#[cfg(not(unix))]
fn limit_descriptors() -> bool {
    false
}

/// Restriction of the file system, TCP, and everything beyond the worker's own domain.
#[cfg(target_os = "linux")]
mod landlock {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetError, RulesetStatus, Scope,
    };

    use super::Enforcement;

    /// Newest interface, from which all restrictions are requested; the crate requests fewer of an older kernel.
    const NEWEST: ABI = ABI::V6;

    /// Denies everything that Landlock handles. Sets `no_new_privs`, with or without Landlock, and returns whether it
    /// is set.
    pub(super) fn deny_all() -> Result<(Enforcement, bool), RulesetError> {
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        let status = rules.restrict_self()?;
        let enforced = match status.ruleset {
            RulesetStatus::FullyEnforced => Enforcement::Full,
            RulesetStatus::PartiallyEnforced => Enforcement::Partial,
            RulesetStatus::NotEnforced => Enforcement::Absent,
        };
        Ok((enforced, status.no_new_privs))
    }
}

/// Allow list of system calls; every other call fails with `EPERM`.
#[cfg(target_os = "linux")]
mod seccomp {
    use std::collections::BTreeMap;
    use std::env::consts::ARCH;

    use seccompiler::{
        BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter,
    };

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// Calls that are allowed with any arguments.
    const ANY: &[i64] = &[
        // The streams and the unnamed files, which are open already.
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_pwrite64,
        libc::SYS_lseek,
        libc::SYS_ftruncate,
        libc::SYS_fstat,
        libc::SYS_close,
        libc::SYS_ppoll,
        // Memory.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_getrandom,
        // Threads. glibc finds no `clone3` and falls back to `clone`.
        libc::SYS_clone3,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_membarrier,
        // Signals to itself: an abort, an overflowing stack.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        // Time and exit.
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    #[cfg(target_arch = "x86_64")]
    const OF_MACHINE: &[i64] = &[libc::SYS_poll, libc::SYS_time, libc::SYS_gettimeofday];
    #[cfg(not(target_arch = "x86_64"))]
    const OF_MACHINE: &[i64] = &[];

    /// # Errors
    /// Fails where the kernel has no filters, or none exist for this processor.
    pub(super) fn allow_reading() -> Result<(), Error> {
        // `clone3` passes its arguments in memory, which no filter reads, so the kind of the new task is unknown;
        // `clone` tells it. This filter comes first, since the other one permits no filter after it; of two verdicts
        // the stricter one counts.
        let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
        apply(clone3, SeccompAction::Errno(libc::ENOSYS.cast_unsigned()), SeccompAction::Allow)?;
        apply(rules()?, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.cast_unsigned()))
    }

    fn apply(rules: Rules, matched: SeccompAction, other: SeccompAction) -> Result<(), Error> {
        let filter = SeccompFilter::new(rules, other, matched, ARCH.try_into()?)?;
        let program: BpfProgram = filter.try_into()?;
        apply_filter(&program)
    }

    fn rules() -> Result<Rules, Error> {
        let any = ANY.iter().chain(OF_MACHINE).map(|call| (*call, Vec::new()));
        let mut rules: Rules = any.collect();
        let flag = |bits: libc::c_int| u64::from(bits.cast_unsigned());
        let (thread, exec) = (flag(libc::CLONE_THREAD), flag(libc::PROT_EXEC));
        let empty_path = flag(libc::AT_EMPTY_PATH);
        let (whole, myself) = (u64::from(u32::MAX), u64::from(std::process::id()));
        let name = flag(libc::PR_SET_NAME);
        for (call, argument, mask, value) in [
            // A thread of this process, never a process.
            (libc::SYS_clone, 0, thread, thread),
            // Memory that is not executable.
            (libc::SYS_mmap, 2, exec, 0),
            (libc::SYS_mprotect, 2, exec, 0),
            // Open files, by their descriptor.
            (libc::SYS_newfstatat, 3, empty_path, empty_path),
            (libc::SYS_statx, 2, empty_path, empty_path),
            (libc::SYS_tgkill, 0, whole, myself),
            (libc::SYS_prctl, 0, whole, name),
            // Only its own limits (0). It cannot raise them, since the hard limit is as low.
            (libc::SYS_prlimit64, 0, whole, 0),
        ] {
            let is = SeccompCmpOp::MaskedEq(mask);
            let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?;
            rules.insert(call, vec![SeccompRule::new(vec![condition])?]);
        }
        Ok(rules)
    }
}
