//! Scripted vendor in a process of its own: this test binary, executed again.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use nexus_fake_provider::Scripted;

/// Variable that makes the binary the vendor.
const ROLE: &str = "NEXUS_TEST_VENDOR";
/// Prefix of its address.
const LISTENS: &str = "vendor listens at ";

/// Vendor process, killed on drop.
#[derive(Debug)]
pub(crate) struct Vendor {
    child: Child,
    url: String,
}

impl Vendor {
    /// Starts a vendor.
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "vendor::child_is_the_vendor_until_it_is_killed", "--nocapture"])
            .env(ROLE, "yes")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.map_while(Result::ok).find_map(|line| line.split_once(LISTENS)?.1.to_owned().into());
        Self { child, url: url.unwrap() }
    }

    /// Returns the base of its OpenAI wire.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own: serves until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_is_the_vendor_until_it_is_killed() {
    if std::env::var(ROLE).is_err() {
        return;
    }
    let scripted = Scripted::start().await.unwrap();
    println!("{LISTENS}{}", scripted.openai_url());
    std::future::pending::<()>().await;
}
