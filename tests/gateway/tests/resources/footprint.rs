//! Footprint of this process, as reported by the kernel and the runtime.

use std::fs;
use std::time::Duration;

/// Clock ticks a second, the kernel's unit of processor time: 100 on every Linux.
const TICKS: u64 = 100;

/// Resources of the process at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    /// Open sockets.
    pub(crate) sockets: usize,
    /// Tasks of the runtime that have not ended.
    pub(crate) tasks: usize,
    /// Resident memory in bytes.
    pub(crate) resident: u64,
}

impl Footprint {
    /// Returns the current footprint.
    pub(crate) fn now() -> Self {
        let links = fs::read_dir("/proc/self/fd").unwrap();
        let targets = links.filter_map(|link| fs::read_link(link.unwrap().path()).ok());
        let sockets = targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { sockets, tasks, resident: kibibytes << 10 }
    }
}

/// Returns the processor time of all threads so far, in user code and in the kernel.
pub(crate) fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name is in parentheses, and may hold anything.
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}
