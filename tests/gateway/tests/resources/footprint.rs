//! What this process holds, as the kernel and the runtime tell it.

use std::fs;
use std::time::Duration;

/// Clock ticks a second, in which the kernel tells processor time: 100 on every Linux.
const TICKS: u64 = 100;

/// What the process holds at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    /// Sockets that are open.
    pub(crate) sockets: usize,
    /// Tasks of the runtime that have not ended.
    pub(crate) tasks: usize,
    /// Bytes of memory that are resident.
    pub(crate) resident: u64,
}

impl Footprint {
    /// What it holds now.
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

/// The processor time of all threads so far, in user code and in the kernel.
pub(crate) fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name stands in parentheses, and may hold anything.
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}
